from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.prices import (
    HOUR_MS,
    MINUTE_MS,
    PriceSeries,
    coverage,
    price_series,
    variation,
)

NAN = float("nan")


def a_book(*rows: tuple[int, float, float]) -> PriceSeries:
    at, bid, ask = zip(*rows, strict=True)
    return price_series(at, bid, ask, [NAN] * len(at), "book")


def test_two_sided_book_is_priced_at_its_mid() -> None:
    price = a_book((1000, 0.23, 0.25)).as_of(1000)

    assert price.value == pytest.approx(0.24)
    assert price.spread == pytest.approx(0.02)
    assert price.missing is None


@pytest.mark.parametrize(("bid", "ask"), [(0.35, 0.45), (0.25, 0.35), (0.50, 0.60)])
def test_book_of_exactly_ten_points_still_has_a_price(bid: float, ask: float) -> None:
    assert a_book((0, bid, ask)).as_of(0).missing is None


@pytest.mark.parametrize(
    ("bid", "ask", "missing"),
    [
        (0.20, 0.31, "wide_book"),
        (NAN, 0.31, "no_price"),
        (0.20, NAN, "no_price"),
        (0.40, 0.30, "no_price"),
    ],
)
def test_book_that_says_nothing_is_missing_with_its_reason(
    bid: float, ask: float, missing: str
) -> None:
    price = a_book((0, 0.20, 0.21), (1000, bid, ask)).as_of(5000)

    assert price.value is None
    assert price.missing == missing


def test_nothing_before_the_first_row_is_no_price_not_zero() -> None:
    price = a_book((1000, 0.2, 0.21)).as_of(999)

    assert (price.value, price.at, price.missing) == (None, None, "no_price")


def test_venue_value_has_the_floor_of_one_point_as_spread() -> None:
    series = price_series([0], [NAN], [NAN], [0.4], "trade")

    assert series.as_of(0).value == 0.4
    assert series.as_of(0).spread == 0.01


def test_newest_basis_before_the_instant_speaks_for_the_window() -> None:
    at, none = [0, 1000, 2000, 3000], [NAN] * 4
    basis = ["venue_history", "book", "book", "trade"]
    series = price_series(at, [NAN, 0.2, 0.3, NAN], [NAN, 0.22, 0.32, NAN], none, basis, as_of=2500)

    assert series.basis == "book"
    assert series.at.tolist() == [1000, 2000]


def test_rows_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="ascend"):
        a_book((2000, 0.2, 0.21), (1000, 0.2, 0.21))


def test_prices_in_cents_are_refused() -> None:
    with pytest.raises(ValueError, match="probabilities"):
        price_series([0], [NAN], [NAN], [24.0], "trade")


def test_unknown_basis_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'poll' is none of book, amm"):
        price_series([0], [NAN], [NAN], [0.2], "poll")


def test_last_change_is_not_the_last_row() -> None:
    series = price_series([0, 10, 20, 30], [NAN] * 4, [NAN] * 4, [0.2, 0.3, 0.3, 0.3], "trade")

    assert series.last_change(30) == 10
    assert series.last_change(5) == 0
    assert series.last_change(-1) is None


def test_last_read_is_the_end_of_the_last_span_or_the_instant_itself() -> None:
    watched = coverage([0, 100], [50, 200])

    assert watched.last_read_before(30) == 30
    assert watched.last_read_before(80) == 50
    assert watched.last_read_before(-1) is None
    assert watched.first_read_from(80) == 100
    assert watched.first_read_from(201) is None


def test_a_past_that_was_told_is_read_at_its_rows_only() -> None:
    rows = np.array([10, 40], dtype=np.int64)
    polled = coverage([0], [50])
    told = replace(coverage([0], [50]), read=coverage([20], [30]))

    assert polled.reads(rows).last_read_before(39) == 39
    assert [told.reads(rows).last_read_before(t) for t in (15, 25, 39, 45)] == [10, 25, 30, 40]
    assert told.until(22).reads(rows[:1]).last_read_before(29) == 22
    assert told.covered_ms(0, 50) == 50


def test_covered_time_counts_only_watched_stretches() -> None:
    watched = coverage([0, 100], [50, 200])

    assert watched.covered_ms(10, 150) == 40 + 50
    assert watched.covered_ms(60, 90) == 0
    assert watched.covered_ms(-100, 1000) == 150


def test_longest_gap_counts_both_ends_of_the_span() -> None:
    watched = coverage([0, 100], [50, 200])

    assert watched.longest_gap_ms(0, 200) == 50
    assert watched.longest_gap_ms(-70, 200) == 70
    assert watched.longest_gap_ms(0, 290) == 90
    assert watched.longest_gap_ms(300, 400) == 100
    assert watched.longest_gap_ms(400, 300) == 0


def test_spans_in_any_order_are_merged_when_they_touch() -> None:
    watched = coverage([100, 0, 40], [200, 50, 100])

    assert (watched.from_at.tolist(), watched.to_at.tolist()) == ([0], [200])


def test_variation_counts_changes_over_the_covered_time() -> None:
    # 0.20 -> 0.21 -> 0.20 -> 0.21 every 30 min over two hours
    at = np.arange(5, dtype=np.int64) * 30 * MINUTE_MS
    series = price_series(at, [NAN] * 5, [NAN] * 5, [0.20, 0.21, 0.20, 0.21, 0.21], "trade")
    per_ms, changes = variation(series, coverage([0], [2 * HOUR_MS])).over(
        np.array([0]), np.array([2 * HOUR_MS])
    )

    assert per_ms[0] * HOUR_MS == pytest.approx(3 * 0.0001 / 2)
    assert changes[0] == 3


def test_change_over_an_unwatched_gap_is_nobodys_noise() -> None:
    at = [0, HOUR_MS, 9 * HOUR_MS, 10 * HOUR_MS]
    series = price_series(at, [NAN] * 4, [NAN] * 4, [0.2, 0.2, 0.6, 0.6], "trade")
    watched = coverage([0, 9 * HOUR_MS], [HOUR_MS, 10 * HOUR_MS])
    per_ms, changes = variation(series, watched).over(np.array([0]), np.array([10 * HOUR_MS]))

    assert (per_ms[0], changes[0]) == (0.0, 0)


def test_noise_is_unknown_when_less_than_an_hour_was_watched() -> None:
    series = price_series([0, 1000], [NAN] * 2, [NAN] * 2, [0.2, 0.3], "trade")
    per_ms, _ = variation(series, coverage([0], [HOUR_MS - 1])).over(
        np.array([0]), np.array([HOUR_MS])
    )

    assert np.isnan(per_ms[0])


spans = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40)), max_size=8)


@settings(max_examples=60)
@given(spans, st.integers(0, 300), st.integers(0, 300))
def test_covered_time_equals_counting_every_millisecond(
    pairs: list[tuple[int, int]], a: int, b: int
) -> None:
    watched = coverage([start for start, _ in pairs], [start + n for start, n in pairs])
    inside = sum(any(start <= t < start + n for start, n in pairs) for t in range(a, b))

    assert watched.covered_ms(a, b) == inside
