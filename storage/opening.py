"""Opening a store for writing: folder, pragmas, migrations; alone, or beside a daemon."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine

from storage.engine import Store, on_connect, sqlite_path, translated
from storage.errors import MissingDatabaseError, StorageError
from storage.migrations import head, runner

# The daemon's own transactions end long before that.
BESIDE_TIMEOUT_MS = 30_000


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


def open_beside(url: str) -> Store:
    """Return the store at `url` for a few short writes beside a running daemon.

    Each waits for the daemon's transaction to end; keep them short, because it waits too. Never
    creates or migrates. Raises MissingDatabaseError, StorageError when its schema is not ours.
    """
    path = sqlite_path(url)
    if path is not None and not path.is_file():
        raise MissingDatabaseError(
            f"{path}: no database yet; `signal-monitor run` or `poll` makes it"
        )
    engine = create_engine(url)
    on_connect(engine, "synchronous=FULL", f"busy_timeout={BESIDE_TIMEOUT_MS}")
    with translated(path):
        head.check_current(engine, path=path)
    return Store(engine, path=path, writable=True)


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path.parent}: cannot make the folder for the database: {error.strerror}; "
            "set storage.url to a folder you may write"
        ) from error
