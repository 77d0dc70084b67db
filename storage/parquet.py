"""Parquet through pyarrow, which the `parquet` extra installs."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import IO, Any

import pandas as pd
from sqlmodel import Session

from storage import frames
from storage.errors import StorageError
from storage.export import Exported
from storage.tables import Selection


class _Hashing:
    """A stream that counts what goes through it into a hash."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.digest, self.closed = stream, hashlib.sha256(), False

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self._stream.write(data)

    def flush(self) -> None:
        self._stream.flush()


def write_parquet(
    session: Session, what: str, selection: Selection, stream: IO[bytes], *, freq: timedelta
) -> Exported:
    """Write the frame of `what`: instants as UTC timestamps, ids and lists as text.

    Raises StorageError when pyarrow is not installed.
    """
    try:
        from pyarrow import Table, parquet
    except ImportError as error:
        raise StorageError(
            "parquet needs pyarrow: pip install 'signal-monitor[parquet]'"
        ) from error
    frame = frames.of(session, what, selection, freq=pd.Timedelta(freq))
    target = _Hashing(stream)
    parquet.write_table(Table.from_pandas(frame, preserve_index=False), target)
    return Exported(len(frame), target.digest.hexdigest())
