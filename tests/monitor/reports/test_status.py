from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.config import Config
from monitor.reports.status import status
from storage import Store, source_repo
from storage.lock import instance_lock
from tests.builders import NOON, a_market, at
from tests.monitor.reports.conftest import follow


def report(store: Store, config: Config, database: Path, now: datetime = NOON) -> dict[str, Any]:
    with store.read() as session:
        return status(session, config, database, now=now)


def succeed(store: Store, source: str, minute: float) -> None:
    with store.begin() as session:
        source_repo.record_success(
            session, source, at=at(minute), next_due=at(minute + 5), validators={}, cursor={},
            rejects=[],
        )  # fmt: skip


def test_everything_that_is_wrong_is_a_problem_in_words(
    store: Store, config: Config, tmp_path: Path
) -> None:
    succeed(store, "wire", -30)
    with store.begin() as session:
        source_repo.record_failure(session, "slow", at=NOON, next_due=at(5), error="404 not found")
    assert report(store, config, tmp_path / "sm.db")["problems"] == [
        "the daemon is not running",
        "source wire is stale: last read 2026-03-02 11:30Z",
        "source slow is down: 404 not found; 1 failure, never read, next try 2026-03-02 12:05Z",
        "theme glasses has no open market",
    ]


def test_nothing_is_wrong_while_all_is_read_in_time(
    store: Store, config: Config, tmp_path: Path
) -> None:
    follow(store, a_market())
    succeed(store, "wire", -14)
    succeed(store, "slow", -5 * 60)
    with instance_lock(tmp_path / "sm.db", now=at(-90)):
        found = report(store, config, tmp_path / "sm.db")
    assert found["problems"] == []
    assert found["daemon"]["running"] is True
    assert found["daemon"]["uptime_s"] == 5400.0


def test_a_source_that_is_off_is_never_stale(store: Store, config: Config, tmp_path: Path) -> None:
    (quiet,) = [
        source
        for source in report(store, config, tmp_path / "sm.db")["sources"]
        if source["source"] == "quiet"
    ]
    assert (quiet["enabled"], quiet["stale"]) == (False, False)


def test_a_database_beyond_max_size_is_a_problem(
    store: Store, config: Config, tmp_path: Path
) -> None:
    large = tmp_path / "large.db"
    large.write_bytes(b"\0" * (2**20 + 1))
    found = report(store, config, large)
    assert found["database"]["bytes"] == 2**20 + 1
    assert "the database has 1048577 bytes, more than storage.max_size" in found["problems"]


def test_the_placeholder_contact_is_a_problem(store: Store, config: Config, tmp_path: Path) -> None:
    http = config.http.model_copy(update={"contact": "you@example.org"})
    found = report(store, config.model_copy(update={"http": http}), tmp_path / "sm.db")
    assert found["problems"][-1].startswith("http.contact is still the placeholder")
