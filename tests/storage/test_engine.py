from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from storage import MissingDatabaseError, StorageError, Store, engine, open_readonly, open_store
from storage.models import Market, Meta
from storage.quotes import raw_connection
from tests.builders import a_market, a_quote, keep


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def names(store: Store) -> list[str]:
    with store.read() as session:
        return [row.name for row in session.exec(select(Meta).order_by("name"))]


def test_an_acknowledged_row_survives_a_power_cut_by_its_pragmas(store: Store) -> None:
    with store.begin() as session:
        connection = raw_connection(session)
        found = {
            pragma: connection.execute(f"PRAGMA {pragma}").fetchone()[0]
            for pragma in ("journal_mode", "synchronous", "foreign_keys")
        }
    full = 2
    assert found == {"journal_mode": "wal", "synchronous": full, "foreign_keys": 1}


def test_a_unit_that_fails_leaves_nothing(store: Store) -> None:
    def fail_half_way() -> None:
        with store.begin() as session:
            session.add(Meta(name="a", value="1"))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert names(store) == []


def test_a_mistake_of_the_program_is_not_dressed_as_a_fault_of_the_file(store: Store) -> None:
    with store.begin() as session:
        session.add(Meta(name="a", value="1"))
    with pytest.raises(IntegrityError), store.begin() as session:
        session.execute(text("INSERT INTO meta VALUES ('a', '2'), ('b', '3')"))
    assert names(store) == ["a"]


def test_a_unit_of_work_takes_the_write_lock_with_its_first_read(
    store: Store, database: Path
) -> None:
    with store.begin() as session, closing(sqlite3.connect(database, timeout=0)) as other:
        assert session.exec(select(Meta)).all() == []
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")


def test_a_second_writer_waits_and_then_gets_a_clear_error(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 50)
    store = open_store(url(database))
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with (
            pytest.raises(StorageError, match="locked by another program; try again"),
            store.begin() as session,
        ):
            session.add(Meta(name="now", value="1"))
        other.execute("ROLLBACK")
    with store.begin() as session:
        session.add(Meta(name="later", value="1"))
    assert names(store) == ["later"]
    store.close()


def test_a_second_writer_that_waits_long_enough_gets_its_turn(store: Store) -> None:
    started = threading.Event()

    def write() -> None:
        started.set()
        with store.begin() as session:
            session.add(Meta(name="second", value="1"))

    second = threading.Thread(target=write)
    with store.begin() as session:
        session.add(Meta(name="first", value="1"))
        second.start()
        assert started.wait(5)
    second.join(5)
    assert names(store) == ["first", "second"]


def test_reading_never_waits_for_the_writer_nor_makes_it_wait(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 50)
    store = open_store(url(database))
    with store.begin() as session:
        session.add(Meta(name="open", value="1"))
        session.flush()
        assert names(store) == []
    with store.read() as reading:
        assert [row.name for row in reading.exec(select(Meta))] == ["open"]
        with store.begin() as session:
            session.add(Meta(name="beside", value="1"))
        assert len(reading.exec(select(Meta)).all()) == 1, "a reader keeps its snapshot"
    assert names(store) == ["beside", "open"]
    store.close()


def test_an_error_of_the_bare_driver_is_translated_too(store: Store) -> None:
    with pytest.raises(StorageError, match="no such table: nowhere"), store.begin() as session:
        raw_connection(session).execute("SELECT * FROM nowhere")


def test_a_full_disk_is_said_and_nothing_is_kept(store: Store) -> None:
    def limit_pages(count: int) -> int:
        with store.begin() as session:
            connection = raw_connection(session)
            return int(connection.execute(f"PRAGMA max_page_count={count}").fetchone()[0])

    pages = limit_pages(1)  # never below what the file has
    limit_pages(pages + 2)
    with pytest.raises(StorageError, match="full"), store.begin() as session:
        session.add_all([Meta(name="small", value="x"), Meta(name="big", value="x" * 1_000_000)])
    limit_pages(1_000_000)
    assert names(store) == []


def test_a_store_for_reading_refuses_to_write(store: Store, database: Path) -> None:
    reader = open_readonly(url(database))
    with pytest.raises(StorageError, match="opened for reading only"), reader.begin():
        pass
    with pytest.raises(StorageError), reader.read() as session:
        raw_connection(session).execute("INSERT INTO meta VALUES ('a', '1')")
    reader.close()


def test_a_reader_beside_the_daemon_sees_what_was_committed(store: Store, database: Path) -> None:
    reader = open_readonly(url(database))
    keep(store, [a_market()], [a_quote()])
    with reader.read() as session:
        assert [market.venue_id for market in session.exec(select(Market))] == ["516960"]
    reader.close()


def test_reading_never_makes_a_database(tmp_path: Path) -> None:
    with pytest.raises(MissingDatabaseError, match="no database yet; `signal-monitor run`"):
        open_readonly(url(tmp_path / "none" / "signal-monitor.db"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["with space", "50% done", "hash#tag", "a&b=c;d"])
def test_a_folder_may_have_any_name(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "signal-monitor.db"
    open_store(url(path)).close()
    reader = open_readonly(url(path))
    assert names(reader) == []
    reader.close()
    assert path.is_file()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match=r"data: cannot make the folder .* set storage.url"):
        open_store(url(tmp_path / "data" / "signal-monitor.db"))


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "signal-monitor.db").mkdir()
    with pytest.raises(StorageError, match=r"signal-monitor.db: the database cannot be opened"):
        open_store(url(tmp_path / "signal-monitor.db"))


@pytest.mark.parametrize("opener", [open_store, open_readonly])
def test_a_text_file_is_refused_as_a_database(database: Path, opener: object) -> None:
    database.write_text("at,venue,market_id\n" * 100)
    with pytest.raises(StorageError, match=r"signal-monitor.db: is not a sound SQLite database"):
        opener(url(database))  # type: ignore[operator]
    assert database.read_text() == "at,venue,market_id\n" * 100


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_in_memory_is_refused(address: str) -> None:
    with pytest.raises(StorageError, match="must name a file"):
        open_store(address)


def test_what_is_no_url_is_refused() -> None:
    with pytest.raises(StorageError, match=r"'data/here.db' is not a database URL"):
        open_store("data/here.db")


def test_closing_folds_the_log_into_the_file(database: Path) -> None:
    store = open_store(url(database))
    keep(store, [a_market()])
    store.close()
    assert [path.name for path in database.parent.iterdir()] == [database.name]
