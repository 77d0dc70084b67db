from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from sqlmodel import Session

from storage import Store, quotes
from storage.market_repo import OutcomeKey, outcome_ids
from storage.quotes import Row
from storage.records import OutcomeRecord, PriceBasis, QuoteRecord
from tests.builders import NOON, TOKEN, a_market, a_quote, at, keep

KEY = ("polymarket", "516960", TOKEN)


@pytest.fixture
def ids(store: Store) -> dict[OutcomeKey, int]:
    return keep(store, [a_market()])


def poll(store: Store, ids: dict[OutcomeKey, int], *records: QuoteRecord) -> list[int]:
    with store.begin() as session:
        return quotes.write_polled(session, records, ids)


def minutes(store: Store, outcome_id: int) -> list[float]:
    with store.read() as session:
        found = quotes.read(session, outcome_id)
    start = int(NOON.timestamp() * 1000)
    return [float((instant - start) / 60_000) for instant in found.at]


def test_an_unchanged_price_is_written_once_every_fifteen_minutes(
    store: Store, ids: dict[OutcomeKey, int]
) -> None:
    changed = [poll(store, ids, a_quote(at(minute))) for minute in range(0, 47)]
    assert minutes(store, ids[KEY]) == [0, 15, 30, 45]
    assert changed == [[ids[KEY]]] + [[]] * 46


def test_a_changed_price_is_written_at_once_and_named(
    store: Store, ids: dict[OutcomeKey, int]
) -> None:
    poll(store, ids, a_quote(at(0), bid="0.40"))
    assert poll(store, ids, a_quote(at(1), bid="0.41")) == [ids[KEY]]
    assert poll(store, ids, a_quote(at(2), bid=None)) == [ids[KEY]]
    assert poll(store, ids, a_quote(at(3), bid=None)) == []
    assert minutes(store, ids[KEY]) == [0, 1, 2]


def test_only_volume_moving_is_no_change_of_price(store: Store, ids: dict[OutcomeKey, int]) -> None:
    poll(store, ids, a_quote(at(0), volume_24h=Decimal(100)))
    assert poll(store, ids, a_quote(at(1), volume_24h=Decimal(200))) == []


def test_a_price_that_returns_inside_one_batch_is_not_lost(
    store: Store, ids: dict[OutcomeKey, int]
) -> None:
    poll(store, ids, a_quote(at(0), bid="0.40"))
    poll(store, ids, a_quote(at(1), bid="0.45", ask="0.46"), a_quote(at(2), bid="0.40"))
    with store.read() as session:
        assert quotes.read(session, ids[KEY]).bid.tolist() == [0.40, 0.45, 0.40]


def test_a_quote_of_an_unknown_outcome_is_a_mistake_of_the_program(store: Store) -> None:
    with pytest.raises(KeyError), store.begin() as session:
        quotes.write_polled(session, [a_quote()], {})


def test_rows_that_are_there_are_ignored_and_counted_out(
    store: Store, ids: dict[OutcomeKey, int]
) -> None:
    rows: list[Row] = [quotes.as_row(a_quote(at(minute)), ids) for minute in range(3)]
    with store.begin() as session:
        assert quotes.insert_rows(session, rows[:2]) == 2
        assert quotes.insert_rows(session, rows) == 1
        assert quotes.insert_rows(session, []) == 0


def test_a_missing_side_stays_missing_and_never_becomes_zero(
    store: Store, ids: dict[OutcomeKey, int]
) -> None:
    poll(
        store,
        ids,
        a_quote(at(0), bid=None, ask="0.42"),
        a_quote(at(1), bid="0", ask=None, last=Decimal("0.1")),
        a_quote(at(2), bid=None, ask=None),
    )
    with store.read() as session:
        found = quotes.read(session, ids[KEY])
    np.testing.assert_array_equal(found.bid, [np.nan, 0.0, np.nan])
    np.testing.assert_array_equal(found.ask, [0.42, np.nan, np.nan])
    np.testing.assert_array_equal(found.last, [np.nan, 0.1, np.nan])
    for derived in (found.mid, found.spread, found.value, found.volume_24h):
        assert np.isnan(derived).all()


def test_every_number_of_a_quote_is_read_as_it_was_written(
    store: Store, ids: dict[OutcomeKey, int]
) -> None:
    given = a_quote(
        at(0),
        bid="0.000001",
        ask="1",
        last=Decimal("0.999999"),
        volume_24h=Decimal("12345678901.25"),
        observed_at=at(-0.1),
        venue_at=at(-2),
    )
    poll(store, ids, given)
    with store.read() as session:
        found = quotes.read(session, ids[KEY])
    assert (found.bid[0], found.ask[0], found.last[0]) == (0.000001, 1.0, 0.999999)
    assert found.volume_24h[0] == 12345678901.25
    assert found.observed_lag[0] == -6_000
    assert found.mid[0] == pytest.approx(0.5000005)
    assert found.spread[0] == pytest.approx(0.999999)


@pytest.mark.parametrize("basis", [PriceBasis.AMM, PriceBasis.VENUE_HISTORY, PriceBasis.TRADE])
def test_a_price_without_a_book_is_its_own_mid_and_has_no_spread(
    store: Store, ids: dict[OutcomeKey, int], basis: PriceBasis
) -> None:
    poll(store, ids, a_quote(bid=None, ask=None, basis=basis, value=Decimal("0.37")))
    with store.read() as session:
        found = quotes.read(session, ids[KEY])
    assert found.basis.tolist() == [int(basis)]
    assert found.mid.tolist() == [0.37]
    assert np.isnan(found.spread[0])


def test_a_range_holds_its_start_and_not_its_end(store: Store, ids: dict[OutcomeKey, int]) -> None:
    with store.begin() as session:
        quotes.insert_rows(session, [quotes.as_row(a_quote(at(m)), ids) for m in range(5)])
    with store.read() as session:
        found = quotes.read(session, ids[KEY], since=at(1), until=at(3))
        nothing = quotes.read(session, ids[KEY], since=at(9))
    assert len(found.at) == 2
    assert len(nothing.at) == len(nothing.mid) == len(nothing.spread) == 0


def test_latest_is_the_newest_at_or_before_an_instant(
    store: Store, ids: dict[OutcomeKey, int]
) -> None:
    rows = [quotes.as_row(a_quote(at(m), bid=f"0.1{m}"), ids) for m in range(3)]
    with store.begin() as session:
        quotes.insert_rows(session, rows)
    with store.read() as session:
        assert quotes.latest(session, ids[KEY]).bid.tolist() == [0.12]
        assert quotes.latest(session, ids[KEY], at=at(1)).bid.tolist() == [0.11]
        assert quotes.latest(session, ids[KEY], at=at(1.9)).bid.tolist() == [0.11]
        assert quotes.latest(session, ids[KEY], at=at(-1)).bid.tolist() == []


def test_ids_of_77_digits_that_differ_in_the_last_one_stay_two(store: Store) -> None:
    tokens = ["9" * 76 + "1", "9" * 76 + "2"]
    outcomes = tuple(OutcomeRecord(token, "Yes", n) for n, token in enumerate(tokens))
    found = keep(
        store,
        [a_market(outcomes=outcomes)],
        [a_quote(venue_outcome_id=tokens[0], bid="0.1"), a_quote(venue_outcome_id=tokens[1])],
    )
    keys = [("polymarket", "516960", token) for token in tokens]
    assert len(set(found.values())) == 2
    with store.read() as session:
        assert outcome_ids(session, keys) == found
        assert first_bid(session, found[keys[0]]) == 0.1
        assert first_bid(session, found[keys[1]]) == 0.4


def first_bid(session: Session, outcome_id: int) -> float:
    return float(quotes.read(session, outcome_id).bid[0])


def test_the_latest_price_may_be_asked_as_known_then_and_of_one_kind(
    store: Store, ids: dict[OutcomeKey, int]
) -> None:
    late = a_quote(at(5), bid="0.60", ask="0.62", observed_at=at(90))
    history = a_quote(at(8), None, None, basis=PriceBasis.VENUE_HISTORY, value=Decimal("0.7"))
    poll(store, ids, a_quote(at(0)), late, history)

    def bid(**asked: Any) -> float:
        with store.read() as session:
            return float(quotes.latest(session, ids[KEY], at=at(9), **asked).bid[0])

    assert np.isnan(bid())
    assert bid(basis=PriceBasis.BOOK) == 0.6
    assert bid(basis=PriceBasis.BOOK, known_by=at(89)) == 0.4
    assert bid(basis=PriceBasis.BOOK, known_by=at(90)) == 0.6


def test_a_volume_is_the_last_one_said_and_known(store: Store, ids: dict[OutcomeKey, int]) -> None:
    poll(
        store,
        ids,
        a_quote(at(0), volume_24h=Decimal("12.34")),
        a_quote(at(1), bid="0.41"),
        a_quote(at(2), bid="0.40", volume_24h=Decimal(99), observed_at=at(60)),
    )

    def volume(since: float, until: float) -> float | None:
        with store.read() as session:
            return quotes.volume_24h(session, ids[KEY], since=at(since), at=at(until))

    assert [volume(0, 5), volume(0, 60), volume(1, 5)] == [12.34, 99.0, None]
