from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals import prices
from storage import Store, coverage, market_repo, panel, signal_repo
from storage.instants import to_ms
from storage.records import OutcomeRecord, PriceBasis, QuoteRecord
from storage.tables import PANEL_COLUMNS, Selection
from tests.builders import TOKEN, a_market, a_quote, a_signal, at, keep

FIVE = timedelta(minutes=5)
Rows = dict[datetime, dict[str, Any]]


def fill(
    store: Store,
    quotes: list[QuoteRecord],
    *signals: dict[str, Any],
    reads: tuple[float, ...] = (),
    max_gap: timedelta = FIVE,
) -> None:
    """Keep one followed market, its quotes, signals, and minutes of reads without a change."""
    ids = keep(store, [a_market()], quotes)
    with store.begin() as session:
        market = market_repo.known(session, "polymarket", "516960")
        assert market is not None
        assert market.id is not None
        entry = ("glasses", "516960", "own", "id")
        market_repo.follow(session, [entry], {"516960": market.id})
        for values in signals:
            signal_repo.put_signal(session, values, known_from=values["observed_at"])
        subject = coverage.outcome_subject(next(iter(ids.values())))
        for minute in reads:
            coverage.extend(session, [subject], at=at(minute), max_gap=max_gap)


def told(store: Store, reason: str, start: float, end: float) -> None:
    """Note a stretch of the past that a file or a venue told."""
    with store.begin() as session:
        key = ("polymarket", "516960", TOKEN)
        subject = coverage.outcome_subject(market_repo.outcome_ids(session, [key])[key])
        coverage.add_span(session, subject, from_at=at(start), to_at=at(end), reason=reason)


def rows(store: Store, *, freq: timedelta = FIVE, **narrow: Any) -> Rows:
    with store.read() as session:
        found = panel.rows(session, Selection(**narrow), freq=freq)
        return {row[0]: dict(zip(PANEL_COLUMNS, row, strict=True)) for row in found}


def mids(found: Rows) -> dict[datetime, float | None]:
    return {instant: row["mid"] for instant, row in found.items()}


def test_a_bucket_holds_its_end_and_not_its_start(store: Store) -> None:
    fill(store, [a_quote(at(5), "0.40", "0.42"), a_quote(at(5.001), "0.50", "0.52")])
    found = rows(store)
    assert found[at(5)]["mid"] == pytest.approx(0.41)
    assert found[at(10)]["mid"] == pytest.approx(0.51)
    assert min(found) == at(5)


def test_a_signal_counts_when_we_saw_it_and_in_no_earlier_bucket(store: Store) -> None:
    signal = a_signal(instant=at(1), observed_at=at(10.001), kind="preorder", score=0.7)
    fill(store, [a_quote(at(0))], signal)
    found = rows(store)
    assert {instant: row["signals"] for instant, row in found.items() if row["signals"]} == {
        at(15): 1
    }
    assert found[at(15)]["signals_preorder"] == 1
    assert found[at(15)]["signals_launch"] == 0
    assert found[at(15)]["signal_score"] == 0.7
    assert found[at(10)]["signal_score"] is None
    public = {instant for instant, row in found.items() if row["signals_public"]}
    assert public == {at(5)}


def test_a_signal_seen_at_the_buckets_end_is_inside(store: Store) -> None:
    fill(store, [a_quote(at(0))], a_signal(instant=at(10), observed_at=at(10)))
    assert [t for t, row in rows(store).items() if row["signals"]] == [at(10)]


def test_a_price_not_confirmed_for_twenty_minutes_is_empty_and_not_filled(store: Store) -> None:
    fill(store, [a_quote(at(0)), a_quote(at(60), "0.50", "0.52")])
    found = mids(rows(store))
    first = {at(m): pytest.approx(0.41) for m in (0, 5, 10, 15, 20)}
    second = {at(m): pytest.approx(0.51) for m in (60, 65, 70, 75, 80)}
    assert found == {**first, **second}


def test_a_successful_read_confirms_an_unchanged_price(store: Store) -> None:
    fill(store, [a_quote(at(0))], reads=(0, 4, 8, 12))
    found = rows(store)
    assert sorted(found) == [at(m) for m in (0, 5, 10, 15, 20, 25, 30)]
    assert [found[at(m)]["quote_age_s"] for m in (0, 5, 10, 15, 30)] == [0, 0, 0, 180, 1080]


def test_rows_of_a_file_confirm_nothing_between_them(store: Store) -> None:
    fill(store, [a_quote(at(0)), a_quote(at(50), "0.42", "0.44")])
    told(store, "end of the imported file", 0, 50)
    found = rows(store)
    first = {at(m): pytest.approx(0.41) for m in (0, 5, 10, 15, 20)}
    second = {at(m): pytest.approx(0.43) for m in (50, 55, 60, 65, 70)}
    assert mids(found) == {**first, **second}
    assert [found[at(m)]["quote_age_s"] for m in (0, 5, 20, 50)] == [0, 300, 1200, 0]


def test_polls_half_an_hour_apart_confirm_only_what_each_of_them_read(store: Store) -> None:
    fill(store, [a_quote(at(0))], reads=(0, 30, 60), max_gap=coverage.MAX_PRICE_AGE)
    kept = (*range(0, 21, 5), *range(30, 51, 5), *range(60, 81, 5))
    assert sorted(rows(store)) == [at(minute) for minute in kept]


def test_where_a_venue_told_every_change_a_price_without_one_stands(store: Store) -> None:
    fill(store, [a_quote(at(0))])
    told(store, coverage.WHOLE_PAST, 0, 40)
    found = rows(store)
    assert sorted(found) == [at(m) for m in range(0, 61, 5)]
    assert [found[at(m)]["quote_age_s"] for m in (35, 40, 60)] == [0, 0, 1200]


def test_a_bucket_with_a_signal_and_no_price_is_kept(store: Store) -> None:
    fill(store, [a_quote(at(0))], a_signal(instant=at(200), observed_at=at(201)))
    row = rows(store)[at(205)]
    assert (row["mid"], row["move_pp"], row["spread"]) == (None, None, None)
    assert (row["signals"], row["covered"]) == (1, False)
    assert row["quote_age_s"] == 205 * 60


def test_a_market_with_signals_alone_has_rows(store: Store) -> None:
    fill(store, [], a_signal(instant=at(2), observed_at=at(3)))
    row = rows(store)[at(5)]
    assert (row["mid"], row["quote_age_s"], row["covered"]) == (None, None, False)


def test_a_move_is_measured_from_the_bucket_before_and_never_over_a_gap(store: Store) -> None:
    quotes = [
        a_quote(at(0), "0.40", "0.42"),
        a_quote(at(3), "0.43", "0.45"),
        a_quote(at(300), "0.60", "0.62"),
    ]
    fill(store, quotes)
    found = rows(store)
    assert found[at(0)]["move_pp"] is None
    assert found[at(5)]["move_pp"] == pytest.approx(3.0)
    assert found[at(10)]["move_pp"] == pytest.approx(0.0)
    assert found[at(300)]["move_pp"] is None


def test_a_wide_or_one_sided_book_ends_the_price_before_it(store: Store) -> None:
    fill(
        store,
        [
            a_quote(at(0), "0.40", "0.42"),
            a_quote(at(5), "0.30", "0.41"),
            a_quote(at(10), None, "0.42"),
            a_quote(at(15), "0.45", "0.55"),
        ],
        a_signal(instant=at(4), observed_at=at(5)),
    )
    found = mids(rows(store))
    assert found[at(0)] == pytest.approx(0.41)
    assert found[at(5)] is None
    assert at(10) not in found
    assert found[at(15)] == pytest.approx(0.50), "10 pp is not too wide"


def test_both_arms_gate_a_book_at_the_same_width() -> None:
    assert panel.MAX_SPREAD == prices.MAX_SPREAD


@given(st.lists(st.tuples(*[st.none() | st.integers(0, 100)] * 2), min_size=1, max_size=12))
def test_the_panel_and_the_linker_see_the_same_price(
    books: list[tuple[int | None, int | None]],
) -> None:
    def side(cents: int | None) -> float:
        return np.nan if cents is None else cents * 10_000 / 1_000_000

    bid, ask = (np.array([side(book[n]) for book in books]) for n in (0, 1))
    instants = np.arange(len(books), dtype=np.int64)
    series = prices.price_series(instants, bid, ask, np.full(len(books), np.nan), "book")
    with np.errstate(invalid="ignore"):
        gated = panel.gated((bid + ask) / 2, ask - bid)
    np.testing.assert_array_equal(gated, series.price)


def test_a_venues_own_value_needs_no_book(store: Store) -> None:
    fill(store, [a_quote(at(0), None, None, basis=PriceBasis.AMM, value=Decimal("0.3"))])
    row = rows(store)[at(0)]
    assert (row["mid"], row["spread"]) == (0.3, None)


def test_rows_carry_what_the_quote_said(store: Store) -> None:
    fill(store, [a_quote(at(1), "0.40", "0.43", volume_24h=Decimal("12.5"))])
    row = rows(store)[at(5)]
    assert row["spread"] == pytest.approx(0.03)
    assert (row["volume_24h"], row["relation"], row["outcome_id"]) == (12.5, "own", TOKEN)
    assert (row["quote_age_s"], row["covered"], row["distance"]) == (240, True, None)


def test_the_range_narrows_buckets_by_their_end(store: Store) -> None:
    fill(store, [a_quote(at(0))])
    assert sorted(rows(store, since=at(5), until=at(15))) == [at(5), at(10)]


def test_only_the_first_outcome_is_shown_and_only_of_the_asked_theme(store: Store) -> None:
    pair = (OutcomeRecord(TOKEN, "Yes", 0), OutcomeRecord("2", "No", 1))
    keep(store, [a_market("9", outcomes=pair)], [
        a_quote(at(0), venue_id="9"), a_quote(at(0), venue_id="9", venue_outcome_id="2"),
    ])  # fmt: skip
    fill(store, [a_quote(at(0))])
    with store.read() as session:
        every = list(panel.rows(session, Selection(), freq=FIVE))
    assert {row[2] for row in every} == {"9", "516960"}
    assert {row[3] for row in every} == {TOKEN}
    assert {row["market_id"] for row in rows(store, theme="glasses").values()} == {"516960"}


def test_signals_of_another_theme_do_not_count(store: Store) -> None:
    fill(store, [a_quote(at(0))], a_signal(theme="boards", instant=at(0), observed_at=at(0)))
    assert rows(store)[at(0)]["signals"] == 0


def test_a_grid_of_another_width_ends_on_its_own_multiples(store: Store) -> None:
    fill(store, [a_quote(at(1))])
    assert sorted(rows(store, freq=timedelta(minutes=15))) == [at(15)]
    assert to_ms(at(15)) % (15 * 60_000) == 0


def test_a_grid_without_width_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="longer than a millisecond"):
        rows(store, freq=timedelta(0))


def test_what_comes_later_changes_no_earlier_bucket(store: Store) -> None:
    fill(store, [a_quote(at(0)), a_quote(at(8), "0.50", "0.52")], a_signal(observed_at=at(3)))
    before = rows(store, until=at(15))
    later = a_signal("later", instant=at(11), observed_at=at(12), score=0.9)
    fill(store, [a_quote(at(11), "0.90", "0.92")], later, reads=(11, 12))
    after = rows(store, until=at(15))
    assert len(before) == 3
    assert after == before
