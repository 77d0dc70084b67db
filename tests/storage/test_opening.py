from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from storage import MissingDatabaseError, StorageError, Store, open_beside, silence_repo
from storage.lock import instance_lock

NOW = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)


def test_a_few_writes_go_in_beside_the_instance_that_holds_the_lock(
    store: Store, database: Path
) -> None:
    with instance_lock(database, now=NOW):
        beside = open_beside(f"sqlite:///{database}")
        with beside.begin() as session:
            add_silence(session)
        beside.close()
    with store.read() as session:
        assert len(silence_repo.active(session, NOW)) == 1


def test_a_write_beside_waits_for_the_transaction_that_is_open(
    store: Store, database: Path
) -> None:
    beside = open_beside(f"sqlite:///{database}")
    began = threading.Event()

    def write() -> None:
        began.set()
        with beside.begin() as session:
            add_silence(session)

    writer = threading.Thread(target=write)
    with store.begin() as session:
        writer.start()
        assert began.wait(10)
        add_silence(session)
    writer.join(20)
    beside.close()
    with store.read() as session:
        assert len(silence_repo.active(session, NOW)) == 2


def test_no_database_is_made_or_migrated_beside(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    with pytest.raises(MissingDatabaseError, match="no database yet"):
        open_beside(f"sqlite:///{path}")
    assert not path.exists()
    path.touch()
    with pytest.raises(StorageError, match="the schema is older"):
        open_beside(f"sqlite:///{path}")


def add_silence(session: Session) -> None:
    silence_repo.add(
        session,
        matchers=["rule=jump"],
        comment="lunch",
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=1),
        now=NOW,
    )
