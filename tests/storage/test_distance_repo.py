from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import select

from storage import Store, distance_repo, market_repo, panel
from storage.models import Distance
from storage.tables import PANEL_COLUMNS, TABLES, Selection
from tests.builders import a_market, a_quote, at, keep

FIVE = timedelta(minutes=5)


def a_distance(minute: float = 0, gap: float | None = -20.0, **given: Any) -> dict[str, Any]:
    return {
        "board": "text", "category": "overall", "style_control": "off", "at": at(minute),
        "source": "arena-text", "publish_date": date(2026, 3, 1), "place": 1, "threshold": None,
        "universe": "all", "gap": gap, "intervals_overlap": None, "days_left": 3.0,
        "model": "qwen9-max", "rank": 2, "rival": "zeta-1", "reason": None, **given,
    }  # fmt: skip


@pytest.fixture
def outcome_id(store: Store) -> int:
    ids = keep(store, [a_market()], [a_quote(at(minute)) for minute in (0, 12, 24)])
    with store.begin() as session:
        market = market_repo.known(session, "polymarket", "516960")
        assert market is not None
        entry = ("glasses", "516960", "own", "id")
        market_repo.follow(session, [entry], {"516960": market.id or 0})
    return next(iter(ids.values()))


def put(store: Store, outcome_id: int, *rows: dict[str, Any], minute: float = 0) -> int:
    with store.begin() as session:
        return distance_repo.put(session, outcome_id, rows, known_from=at(minute))


def test_equal_values_write_nothing_and_others_a_version(store: Store, outcome_id: int) -> None:
    assert put(store, outcome_id, a_distance(), minute=1) == 1
    assert put(store, outcome_id, a_distance(), minute=2) == 0
    assert put(store, outcome_id, a_distance(gap=-10.0), minute=3) == 1

    with store.read() as session:
        then, now = (distance_repo.series(session, as_of=t)[outcome_id] for t in (at(2), None))
        assert len(session.exec(select(Distance)).all()) == 2
    assert ([row.gap for row in then], [row.gap for row in now]) == ([-20.0], [-10.0])


def test_rows_without_a_list_are_one_row(store: Store, outcome_id: int) -> None:
    unnamed = a_distance(board=None, category=None, style_control=None, gap=None)

    assert [put(store, outcome_id, unnamed, minute=minute) for minute in (1, 2)] == [1, 0]


def test_the_panel_has_the_last_distance_known_at_the_buckets_end(
    store: Store, outcome_id: int
) -> None:
    put(store, outcome_id, a_distance(5.001), a_distance(20, -5.0), minute=30)

    with store.read() as session:
        rows = panel.rows(session, Selection(), freq=FIVE)
        column = PANEL_COLUMNS.index("distance")
        found = {row[0]: row[column] for row in rows}
        unknown = list(panel.rows(session, Selection(as_of=at(29)), freq=FIVE))

    assert (found[at(5)], found[at(10)], found[at(15)], found[at(20)]) == (None, -20, -20, -5)
    assert {row[column] for row in unknown} == {None}


def test_the_export_is_sorted_and_narrowed_like_the_others(store: Store, outcome_id: int) -> None:
    put(store, outcome_id, a_distance(20), a_distance(5), minute=30)

    with store.read() as session:
        every = list(TABLES["distance"].rows(session, Selection()))
        late = list(TABLES["distance"].rows(session, Selection(since=at(10))))

    assert [row[0] for row in every] == [at(5), at(20)]
    assert [row[0] for row in late] == [at(20)]
    assert dict(zip(TABLES["distance"].columns, every[0], strict=True)) == {
        "at": at(5), "venue": "polymarket", "market_id": "516960",
        "outcome_id": "7" * 76 + "1", "outcome": "Yes",
        "question": "Will Zetacorp lead the board in March?", "board": "text",
        "category": "overall", "style_control": "off", "publish_date": date(2026, 3, 1),
        "place": 1, "universe": "all", "gap": -20.0, "interval_overlap": None, "days_left": 3.0,
        "best_model": "qwen9-max", "against_model": "zeta-1", "reason": None,
    }  # fmt: skip
