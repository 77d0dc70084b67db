"""Labelled texts in files: read to measure the tagger, and the user's own marks appended."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.documents import (
    DEFAULT_TIER,
    identifier,
    optional_text,
    read_document,
    read_object,
)
from monitor.errors import MonitorError
from signals.evaluation import Labelled

FILE_NAME = "labels.jsonl"
MAX_LINE = 16 << 20


@dataclass(frozen=True, slots=True)
class Labels:
    """The rows of a file, the last one of each id; `refused` says of each bad line why."""

    rows: tuple[Labelled, ...]
    refused: tuple[str, ...]


def own_file(database: Path) -> Path:
    """Return where the user's own marks are kept: in the database's folder."""
    return database.with_name(FILE_NAME)


def read_labels(path: Path) -> Labels:
    """Return the labelled texts of a file of JSON lines.

    Raises MonitorError when the file cannot be read.
    """
    rows: dict[str, Labelled] = {}
    refused = []
    try:
        with path.open("rb") as stream:
            for number, line in _lines(stream):
                try:
                    row = _labelled(read_object(line), number)
                except (TypeError, ValueError) as error:
                    refused.append(f"{path}:{number}: {error}")
                else:
                    # A changed mark counts where its text stands last.
                    rows.pop(row.id, None)
                    rows[row.id] = row
    except OSError as error:
        raise MonitorError(f"{path}: cannot be read: {error.strerror}") from error
    return Labels(tuple(rows.values()), tuple(refused))


def append_label(path: Path, row: Mapping[str, Any]) -> bool:
    """Return whether `row` was appended: not when the last row of its id says the same.

    The row is there whole or not at all, also beside another process that marks.
    Raises MonitorError when the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            return _append(handle, row)
        finally:
            os.close(handle)
    except OSError as error:
        raise MonitorError(f"{path}: cannot be written: {error.strerror}") from error


def _append(handle: int, row: Mapping[str, Any]) -> bool:
    size = os.fstat(handle).st_size
    known = os.pread(handle, size, 0)
    if _content(_last(known, row["id"])) == _content(row):
        return False
    # A line that a crash cut short must not swallow the next one.
    gap = b"" if known.endswith(b"\n") or not known else b"\n"
    data = gap + json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    try:
        written = os.pwrite(handle, data, size)
        if written < len(data):
            os.pwrite(handle, data[written:], size + written)
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, size)
        raise
    return True


def _last(known: bytes, wanted: object) -> Mapping[str, Any] | None:
    for line in reversed(known.split(b"\n")):
        try:
            row = read_object(line)
        except (TypeError, ValueError):
            continue
        if row.get("id") == wanted:
            return row
    return None


def _content(row: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return what a row says, without when it was said."""
    return row and {key: value for key, value in row.items() if key != "marked_at"}


def _lines(stream: Any) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(MAX_LINE):
        number += 1
        if line.strip():
            yield number, line


def _labelled(item: dict[str, Any], number: int) -> Labelled:
    name = identifier(item)
    judged = item.get("judged")
    return Labelled(
        id=str(name) if name is not None else f"line {number}",
        document=read_document(item, tier=_tier(item)),
        themes=frozenset(_texts(item.get("themes"), "themes")),
        kind=optional_text(item, "kind"),
        sure=_sure(item),
        judged=None if judged is None else frozenset(_texts(judged, "judged")),
        wrong_kind=optional_text(item, "wrong_kind"),
    )


def _texts(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError(f"{name} must be a list of texts")
    return value


def _sure(item: Mapping[str, Any]) -> bool:
    value = item.get("sure", 1)
    if value not in (0, 1):
        raise ValueError("sure must be 0 or 1")
    return bool(value)


def _tier(item: Mapping[str, Any]) -> int:
    value = item.get("tier", DEFAULT_TIER)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("tier must be 1, 2 or 3")
    return value
