"""A market is asked for as its venue had described it at an instant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from storage import Store, market_versions
from storage.records import MarketStatus
from tests.builders import a_market, at, keep


def closing(store: Store, minute: float, until: float) -> list[datetime | None]:
    with store.read() as session:
        found = market_versions.closing(session, at=at(minute), until=at(until))
    return [revision.closes_at for revision in found]


def say(store: Store, minute: float, venue_id: str = "1", **given: Any) -> None:
    keep(store, [a_market(venue_id, **given)], observed_at=at(minute))


def test_a_market_closes_within_the_span_as_last_said_by_then(store: Store) -> None:
    say(store, 0, closes_at=at(60))
    say(store, 10, closes_at=at(500))

    assert closing(store, 5, 60) == [at(60)]
    assert closing(store, 5, 59) == []
    assert closing(store, 10, 60) == []
    assert closing(store, 10, 500) == [at(500)]


def test_what_is_over_or_has_no_close_is_left_out_and_the_next_comes_first(store: Store) -> None:
    say(store, 0, "late", closes_at=at(90))
    say(store, 0, "soon", closes_at=at(30))
    say(store, 0, "over", closes_at=at(40), status=MarketStatus.RESOLVED, resolved_at=at(0))
    say(store, 0, "vague")

    assert closing(store, 0, 100) == [at(30), at(90)]
    assert closing(store, 30, 100) == [at(90)]
