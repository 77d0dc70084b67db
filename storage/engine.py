"""The opened store: pragmas, units of work, reading beside a daemon.

SQLite settings: WAL with `synchronous=FULL` (an acknowledged row survives a power cut), foreign
keys, and BEGIN IMMEDIATE, because a deferred transaction that reads and then writes fails at
once with "database is locked" whatever the busy timeout says.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session

from storage.errors import MissingDatabaseError, StorageError
from storage.migrations import head

BUSY_TIMEOUT_MS = 5_000
_READS = "signal_monitor_reads"


class Store:
    """An opened database. One thread at a time writes through `begin`; any may `read`."""

    def __init__(self, engine: Engine, *, path: Path | None, writable: bool) -> None:
        self._engine = engine
        self._reading = engine.execution_options(**{_READS: True})
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
            translated(self.path),
            Session(self._engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session that sees one snapshot and changes nothing."""
        with translated(self.path), Session(self._reading, expire_on_commit=False) as session:
            try:
                yield session
            finally:
                # Rows stay readable after the snapshot is gone; a rollback would expire them.
                session.expunge_all()
                session.rollback()

    def close(self) -> None:
        """Release every connection; the last one folds the write-ahead log into the file."""
        self._engine.dispose()


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
        file = f"file:{quote(str(path))}"
        engine = create_engine(
            URL.create("sqlite", database=file, query={"mode": "ro", "uri": "true"})
        )
    on_connect(engine, "query_only=ON")
    engine = engine.execution_options(**{_READS: True})
    with translated(path):
        head.check_current(engine, path=path)
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


def on_connect(engine: Engine, *pragmas: str) -> None:
    """Give every connection of a SQLite engine these pragmas and our way to begin."""
    if engine.dialect.name != "sqlite":
        return

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction handling would BEGIN late and deferred.
        connection.isolation_level = None
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON", *pragmas):
            connection.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get(_READS)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)


@contextmanager
def translated(path: Path | None) -> Iterator[None]:
    """Raise the driver's errors as StorageError in words for the operator."""
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        # Quotes speak to the driver itself, so its own errors come here bare.
        driver_error = error.orig if isinstance(error, DatabaseError) else error
        plain = _plain(path, driver_error)
        if plain is None:
            raise
        raise plain from error


def _plain(path: Path | None, error: BaseException | None) -> StorageError | None:
    """Return the error in words for the operator; None for a mistake of the program."""
    where = f"{path}: " if path else ""
    cause = str(error)
    if "not a database" in cause or "malformed" in cause:
        return StorageError(f"{where}is not a sound SQLite database: {cause}")
    if not isinstance(error, sqlite3.OperationalError):
        return None
    if "locked" in cause or "busy" in cause:
        return StorageError(
            f"{where}the database is locked by another program; try again when it is done"
        )
    if "unable to open" in cause or "readonly" in cause:
        return StorageError(
            f"{where}the database cannot be opened for writing ({cause}); "
            "check the folder's permissions"
        )
    return StorageError(f"{where}{cause}")
