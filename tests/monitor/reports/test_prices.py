from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from monitor.reports.prices import market_prices
from storage import Store, coverage
from storage.records import MarketStatus, OutcomeRecord, PriceBasis
from tests.builders import NOON, a_market, a_quote, at
from tests.monitor.reports.conftest import follow

DAY = 24 * 60
NEXT_NOON = at(DAY)


def rows(store: Store, now: datetime = NEXT_NOON) -> list[dict[str, Any]]:
    with store.read() as session:
        return market_prices(session, "glasses", now=now)


def watched(store: Store, outcome_id: int, start: float, end: float) -> None:
    with store.begin() as session:
        subject = coverage.outcome_subject(outcome_id)
        coverage.add_span(session, subject, from_at=at(start), to_at=at(end), reason=None)


def test_the_change_is_against_the_price_that_stood_a_day_ago(store: Store) -> None:
    outcome = follow(
        store, a_market(), a_quote(at(-300), "0.40", "0.42"), a_quote(at(DAY - 5), "0.46", "0.48")
    )
    watched(store, outcome, -300, DAY - 5)
    (row,) = rows(store)
    assert (row["price"], row["change_24h_pp"], row["age_s"]) == (0.47, 6.0, 300.0)


@pytest.mark.parametrize(("old", "new", "spans"), [
    ((-300, "0.40", "0.42"), (DAY - 5, "0.46", "0.48"), [(DAY - 60, DAY - 5)]),
    ((-300, "0.40", "0.42"), (-200, "0.46", "0.48"), [(-300, -200)]),
    ((-30, "0.10", "0.90"), (DAY - 5, "0.46", "0.48"), [(-30, DAY - 5)]),
    ((DAY - 9, "0.40", "0.42"), (DAY - 5, "0.46", "0.48"), [(DAY - 9, DAY - 5)]),
])  # fmt: skip
def test_a_change_is_unknown_when_nobody_saw_one_of_its_ends(
    store: Store,
    old: tuple[float, str, str],
    new: tuple[float, str, str],
    spans: list[tuple[float, float]],
) -> None:
    quotes = [a_quote(at(minute), bid, ask) for minute, bid, ask in (old, new)]
    outcome = follow(store, a_market(), *quotes)
    for start, end in spans:
        watched(store, outcome, start, end)
    (row,) = rows(store)
    assert row["price"] == 0.47
    assert row["change_24h_pp"] is None


def test_a_quote_of_the_last_hour_before_then_needs_no_span(store: Store) -> None:
    follow(
        store, a_market(), a_quote(at(-30), "0.40", "0.42"), a_quote(at(DAY - 5), "0.40", "0.42")
    )
    assert rows(store)[0]["change_24h_pp"] == 0.0


def test_a_wide_book_is_no_price_and_a_venues_own_value_is_one(store: Store) -> None:
    follow(store, a_market(), a_quote(at(0), "0.10", "0.90"))
    other = a_market("2", outcomes=(OutcomeRecord("8", "Yes", 0),), series="other")
    value = a_quote(
        at(0), None, None, basis=PriceBasis.VENUE_HISTORY, value=Decimal("0.33"),
        venue_id="2", venue_outcome_id="8",
    )  # fmt: skip
    follow(store, other, value)
    assert [row["price"] for row in rows(store, NOON)] == [None, 0.33]


def test_a_market_that_was_never_read_has_no_price_and_no_age(store: Store) -> None:
    follow(store, a_market())
    (row,) = rows(store)
    assert (row["price"], row["change_24h_pp"], row["age_s"]) == (None, None, None)


def test_legs_stand_under_their_series_the_dearest_first_and_resolved_ones_are_left_out(
    store: Store,
) -> None:
    for number, (label, bid, ask) in enumerate(
        [("Low", "0.10", "0.12"), ("High", "0.60", "0.62"), ("Gone", "0.98", "0.99")]
    ):
        token = f"9{number}"
        market = a_market(
            str(number), label=label, series="race", outcomes=(OutcomeRecord(token, "Yes", 0),),
            status=MarketStatus.RESOLVED if label == "Gone" else MarketStatus.OPEN,
        )  # fmt: skip
        quote = a_quote(at(0), bid, ask, venue_id=str(number), venue_outcome_id=token)
        follow(store, market, quote)
    found = rows(store, NOON + timedelta(minutes=1))
    assert [(row["label"], row["price"]) for row in found] == [("High", 0.61), ("Low", 0.11)]
