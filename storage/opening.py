"""Opening a store for writing: the folder, the pragmas, the migrations."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine

from storage.engine import Store, on_connect, sqlite_path, translated
from storage.errors import StorageError
from storage.migrations import runner


def open_store(url: str) -> Store:
    """Return the store at `url`, created or migrated as needed.

    Raises StorageError when the folder cannot be written, the file is no database, or it was
    written by a newer version.
    """
    path = sqlite_path(url)
    if path is not None:
        _make_folder(path)
    engine = create_engine(url)
    on_connect(engine, "journal_mode=WAL", "synchronous=FULL")
    with translated(path):
        runner.upgrade(engine, path=path)
    return Store(engine, path=path, writable=True)


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path.parent}: cannot make the folder for the database: {error.strerror}; "
            "set storage.url to a folder you may write"
        ) from error
