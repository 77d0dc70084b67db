"""Opening the store: pragmas, migrations after a copy of the file, units of work.

SQLite settings: WAL with `synchronous=FULL` (an acknowledged row survives a power cut), foreign
keys, and BEGIN IMMEDIATE, because a deferred transaction that reads and then writes fails at
once with "database is locked" whatever the busy timeout says.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlmodel import Session

from storage.errors import MissingDatabaseError, StorageError
from storage.migrations import runner

BUSY_TIMEOUT_MS = 5_000


class Store:
    """An opened database. One thread at a time writes through `begin`; any may `read`."""

    def __init__(self, engine: Engine, *, path: Path | None, writable: bool) -> None:
        self._engine = engine
        self.path = path
        self._writable = writable

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Yield a session inside one write transaction: commit at the end, or nothing at all.

        Raises StorageError when the database is locked, full or broken.
        """
        if not self._writable:
            raise StorageError("this store was opened for reading only")
        with (
            _translated(self.path),
            Session(self._engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session that sees one snapshot and changes nothing."""
        with _translated(self.path), Session(self._engine, expire_on_commit=False) as session:
            try:
                yield session
            finally:
                session.rollback()

    def close(self) -> None:
        """Release every connection; the last one folds the write-ahead log into the file."""
        self._engine.dispose()


def open_store(url: str) -> Store:
    """Return the store at `url`, created or migrated as needed.

    Raises StorageError when the folder cannot be written, the file is no database, or it was
    written by a newer version.
    """
    path = sqlite_path(url)
    if path is not None:
        _make_folder(path)
    engine = create_engine(url)
    _on_connect(engine, "journal_mode=WAL", "synchronous=FULL", begin="BEGIN IMMEDIATE")
    with _translated(path):
        runner.upgrade(engine, path=path)
    return Store(engine, path=path, writable=True)


def open_readonly(url: str) -> Store:
    """Return the store at `url` for reading beside a running daemon; never creates or migrates.

    Raises MissingDatabaseError when there is none, StorageError when its schema is not ours.
    """
    path = sqlite_path(url)
    if path is None:
        engine = create_engine(url)
    else:
        if not path.is_file():
            raise MissingDatabaseError(
                f"{path}: no database yet; `signal-monitor run` or `poll` makes it"
            )
        engine = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
    _on_connect(engine, "query_only=ON", begin="BEGIN")
    with _translated(path):
        runner.check_current(engine, path=path)
    return Store(engine, path=path, writable=False)


def sqlite_path(url: str) -> Path | None:
    """Return the database file of a SQLite URL; None for a server.

    Raises StorageError for a URL that SQLAlchemy cannot read.
    """
    try:
        parsed = make_url(url)
    except Exception as error:
        raise StorageError(f"storage.url {url!r} is not a database URL: {error}") from error
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:":
        raise StorageError("storage.url must name a file, such as sqlite:///data/signal-monitor.db")
    return Path(parsed.database)


def _on_connect(engine: Engine, *pragmas: str, begin: str) -> None:
    if engine.dialect.name != "sqlite":
        return

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction handling would BEGIN late and deferred.
        connection.isolation_level = None
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON", *pragmas):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path.parent}: cannot make the folder for the database: {error.strerror}; "
            "set storage.url to a folder you may write"
        ) from error


@contextmanager
def _translated(path: Path | None) -> Iterator[None]:
    where = f"{path}: " if path else ""
    try:
        yield
    except OperationalError as error:
        cause = str(error.orig)
        if "locked" in cause or "busy" in cause:
            raise StorageError(
                f"{where}the database is locked by another program; try again when it is done"
            ) from error
        if "unable to open" in cause or "readonly" in cause:
            raise StorageError(
                f"{where}the database cannot be opened for writing ({cause}); "
                "check the folder's permissions"
            ) from error
        raise StorageError(f"{where}{cause}") from error
    except DatabaseError as error:
        if "not a database" in str(error.orig) or "malformed" in str(error.orig):
            raise StorageError(f"{where}is not a sound SQLite database: {error.orig}") from error
        raise
