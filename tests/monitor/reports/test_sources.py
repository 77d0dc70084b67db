from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from monitor.config import parse_config
from monitor.reports.sources import source_rows
from storage import Store, item_repo, source_repo
from storage.item_repo import ItemKeys
from storage.records import Origin, Precision
from tests.builders import NOON, a_market, a_quote, an_item, at
from tests.monitor.reports.conftest import CONFIG, follow

MORE = """
  - {name: auto, kind: rss, url: "https://news.example/auto", every: auto}
  - {name: polymarket, kind: polymarket, every: auto}
  - {name: board, kind: arena, every: 30m}
"""
ALL = parse_config(CONFIG + MORE, name="config.yaml", folder=Path("/srv"))


def rows(store: Store, minute: float = 0) -> dict[str, dict[str, Any]]:
    with store.read() as session:
        return {row["source"]: row for row in source_rows(session, ALL, now=at(minute))}


def succeed(session: Session, source: str, minute: float, *, next_minute: float) -> None:
    source_repo.record_success(
        session, source, at=at(minute), next_due=at(next_minute), validators={}, cursor={},
        rejects=[],
    )  # fmt: skip


def test_a_source_is_new_then_ok_then_failing_then_open_then_disabled(store: Store) -> None:
    seen = [rows(store)["wire"]["state"]]
    with store.begin() as session:
        succeed(session, "wire", 0, next_minute=5)
    seen.append(rows(store)["wire"]["state"])
    for _ in range(5):
        with store.begin() as session:
            source_repo.record_failure(session, "wire", at=at(5), next_due=at(9), error="HTTP 503")
        seen.append(rows(store)["wire"]["state"])
    with store.begin() as session:
        addresses = ["https://news.example/feed"]
        source_repo.disable(session, "wire", reason="HTTP 410", addresses=addresses)
    seen.append(rows(store)["wire"]["state"])
    assert seen == ["new", "ok", *["failing"] * 4, "circuit open", "disabled"]
    assert rows(store)["wire"]["said"] == "HTTP 410"
    assert rows(store)["quiet"]["state"] == "off"


def test_auto_is_shown_with_what_it_came_to(store: Store) -> None:
    with store.begin() as session:
        succeed(session, "auto", 0, next_minute=40)
    found = rows(store)["auto"]
    assert (found["every"], found["every_s"], found["expected_lag_s"]) == ("auto", 2400, 1200)
    assert rows(store)["polymarket"]["every_s"] == 60


def test_an_auto_source_is_stale_by_its_own_pace(store: Store) -> None:
    with store.begin() as session:
        succeed(session, "auto", 0, next_minute=40)
        succeed(session, "wire", 0, next_minute=5)
    found = rows(store, 100)
    assert (found["auto"]["state"], found["wire"]["state"]) == ("ok", "stale")


def test_a_board_comes_when_it_is_published(store: Store) -> None:
    assert rows(store)["board"]["expected_lag_s"] is None


def test_the_measured_lag_is_the_median_of_live_items_of_known_minute(store: Store) -> None:
    items = [
        (1, Precision.SECOND, Origin.LIVE), (4, Precision.MINUTE, Origin.LIVE),
        (9, Precision.SECOND, Origin.LIVE), (600, Precision.DAY, Origin.LIVE),
        (700, Precision.SECOND, Origin.FIRST_POLL), (800, Precision.SECOND, Origin.BACKFILL),
    ]  # fmt: skip
    with store.begin() as session:
        for number, (minutes, precision, origin) in enumerate(items):
            item_repo.add(
                session, an_item(f"g{number}", precision=precision), ItemKeys(None, f"k{number}"),
                observed_at=at(minutes), stored_at=at(minutes), origin=origin,
            )  # fmt: skip
    assert rows(store)["wire"]["measured_lag_s"] == 240
    assert rows(store)["slow"]["measured_lag_s"] is None


@pytest.mark.parametrize(("stamped", "lag"), [(-2, 2.0), (3, 3.0), (None, None)])
def test_a_venues_lag_is_how_far_its_own_clock_is_from_ours(
    store: Store, stamped: float | None, lag: float | None
) -> None:
    venue_at = None if stamped is None else at(stamped / 60)
    follow(store, a_market(), a_quote(at(-5), "0.30"), a_quote(NOON, venue_at=venue_at))
    assert rows(store)["polymarket"]["measured_lag_s"] == lag


def test_a_source_that_moved_to_anothers_address_names_it(store: Store) -> None:
    with store.begin() as session:
        succeed(session, "wire", 0, next_minute=5)
        state = source_repo.load(session, "wire")
        state.moved = {"https://news.example/feed": "https://news.example/slow"}
        session.add(state)
    assert rows(store)["wire"]["same_as"] == "slow"
    assert rows(store)["slow"]["same_as"] is None
