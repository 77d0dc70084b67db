from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.placebo import STOP_AT, Placebo, placebo, placebos
from signals.placebo_pools import DAY_MS, LOOKBACK_MS, MOST, Level, drawn, is_like_day, steps_of
from signals.prices import HOUR_MS, MINUTE_MS, Coverage, PriceSeries, coverage
from signals.window_arrays import track

STEP = 10 * MINUTE_MS
# A Monday, 14:00: day 4 of the epoch was a Monday.
T0 = (4 + 70) * DAY_MS + 14 * HOUR_MS


def walk(
    hours: int = 24 * 30, *, seed: int = 1, size: float = 0.001, after: float = 0.0
) -> PriceSeries:
    """A book every 10 min up to T0 + 2 h that walks around 0.4 and jumps by `after` past T0."""
    rng = np.random.default_rng(seed)
    at = np.arange(T0 - hours * HOUR_MS, T0 + 2 * HOUR_MS + 1, STEP, dtype=np.int64)
    mid = 0.4 + np.cumsum(rng.normal(0, size, len(at)))
    mid = np.clip(mid + np.where(at >= T0 + 5 * MINUTE_MS, after, 0.0), 0.05, 0.95)
    return PriceSeries(at, mid.round(4), np.full(len(at), 0.002), "book")


def watched(series: PriceSeries) -> Coverage:
    return coverage([int(series.at[0])], [int(series.at[-1])])


def compared(series: PriceSeries, **given: object) -> Placebo:
    reads = given.pop("reads", watched(series))
    arguments = {"t0": T0, "window_ms": HOUR_MS, **given}
    return placebo(track(series, reads), **arguments)  # type: ignore[arg-type]


def test_a_jump_beyond_every_comparable_hour_has_the_smallest_p_there_is() -> None:
    found = compared(walk(after=0.2))

    # the 30 days before a Monday hold 20 weekdays, each with the hours 11 to 17
    assert (found.n, found.days) == (20 * 7, 20)
    assert found.p == pytest.approx(1 / 141)


def test_three_of_199_beyond_is_two_percent() -> None:
    # One change an hour, a minute into it, up and down by turns. The spread is wider than any of
    # them, so that every hour has the same noise.
    hours = 301
    at = T0 + np.arange(-hours, 2, dtype=np.int64) * HOUR_MS + MINUTE_MS
    sizes = np.full(len(at), 0.0005)
    sizes[hours] = 0.001
    sizes[[hours - 70, hours - 100, hours - 240]] = 0.002
    price = 0.4 + np.cumsum(sizes * np.where(np.arange(len(at)) % 2, 1, -1))
    series = PriceSeries(at, price, np.full(len(at), 0.05), "book")

    found = compared(series, reads=coverage([int(at[0]) - HOUR_MS], [int(at[-1])]))

    # 11 hours of Monday, 5 whole weekdays, 68 hours of the week before: 56 of them like hours
    assert (found.n, found.p) == (11 + 5 * 24 + 68, 0.02)


def test_no_response_is_matched_by_every_hour() -> None:
    series = walk()
    flat = replace(series, price=np.full(len(series.at), 0.4))

    assert compared(flat).p == 1.0


def test_fewer_than_twenty_windows_give_no_p_and_say_how_many_there_were() -> None:
    series = walk(hours=24, after=0.2)

    found = compared(series, reads=watched(series))

    # the hours that begin 4 to 21 h before; earlier ones lack an hour to know the noise by
    assert (found.p, found.n) == (None, 18)


def starts_of(level: Level, t0: int, hours: int) -> np.ndarray:
    starts = t0 - steps_of(level, HOUR_MS, hours * HOUR_MS) * HOUR_MS
    return starts if level is Level.ANY else starts[is_like_day(starts, np.array([t0]))]


def is_weekend(starts: np.ndarray) -> np.ndarray:
    return (starts // DAY_MS + 3) % 7 >= 5


def test_like_hours_of_like_days_end_before_two_hours_before_the_signal() -> None:
    starts = starts_of(Level.LIKE_HOURS, T0, 24 * 365)

    assert set(starts // HOUR_MS % 24) == {11, 12, 13, 14, 15, 16, 17}
    assert not is_weekend(starts).any()
    assert starts.max() + HOUR_MS < T0 - 2 * HOUR_MS
    assert starts.min() >= T0 - LOOKBACK_MS


def test_the_hour_wraps_around_midnight() -> None:
    late = T0 + 9 * HOUR_MS  # 23:00

    starts = starts_of(Level.LIKE_HOURS, late, 24 * 60)

    assert set(starts // HOUR_MS % 24) == {20, 21, 22, 23, 0, 1, 2}


def test_a_signal_of_a_weekend_is_compared_with_weekends() -> None:
    assert is_weekend(starts_of(Level.LIKE_DAYS, T0 - DAY_MS, 24 * 60)).all()


@pytest.mark.parametrize(
    ("hours", "level"),
    [
        (24 * 30, Level.LIKE_HOURS),  # 140 hours of 20 weekdays
        (24 * 10, Level.LIKE_DAYS),  # 35 like hours, fewer than 60
        (60, Level.ANY),  # 26 hours of weekdays
    ],
)
def test_the_pool_is_widened_until_it_holds_sixty(hours: int, level: Level) -> None:
    found = compared(walk(hours=hours), reads=coverage([T0 - 9999 * HOUR_MS], [T0 + 2 * HOUR_MS]))

    # the very first hour has no price before it
    assert found.n == np.count_nonzero(starts_of(level, T0, hours) > T0 - hours * HOUR_MS)


def test_windows_near_another_signal_are_not_compared_with() -> None:
    series, other = walk(hours=100), T0 - 30 * HOUR_MS

    alone, near = compared(series), compared(series, focal_t0s=[other])

    # [s-2h, s+1h] touches the hours that begin 33 to 29 h before t0
    assert alone.n - near.n == 5


def test_windows_at_another_level_of_price_are_not_compared_with() -> None:
    series = walk(hours=100)
    early = series.at < T0 - 50 * HOUR_MS
    low = replace(series, price=np.where(early, series.price - 0.35, series.price))

    # at 0.05 p(1-p) is 0.05, at 0.4 it is 0.24: less than half
    assert compared(low).n < compared(series).n - 40


def test_hours_that_nobody_watched_or_with_a_wide_book_are_not_compared_with() -> None:
    series = walk(hours=100)
    blind = (series.at > T0 - 60 * HOUR_MS) & (series.at < T0 - 40 * HOUR_MS)
    seen = PriceSeries(series.at[~blind], series.price[~blind], series.spread[~blind], series.basis)
    reads = coverage(
        [int(series.at[0]), T0 - 40 * HOUR_MS], [T0 - 60 * HOUR_MS, int(series.at[-1])]
    )
    wide = replace(series, price=np.where(blind, np.nan, series.price))

    # those that begin 60 to 40 h before; the last one begins with a price that is 20 h old
    assert compared(seen, reads=reads).n == compared(series).n - 21
    assert compared(wide).n == compared(series).n - 21


def test_of_more_than_999_windows_the_same_sample_is_drawn_again() -> None:
    pool = np.arange(1200)

    first, again, other = drawn(pool, 7), drawn(pool, 7), drawn(pool, 8)

    assert len(first) == MOST
    assert len(np.unique(first)) == MOST
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)
    assert len(drawn(pool[:999], 7)) == 999


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.lists(st.integers(30, 24 * 60), min_size=1, max_size=12))
def test_many_responses_at_once_are_each_what_it_is_alone(seed: int, hours: list[int]) -> None:
    series = walk(hours=24 * 60, seed=seed, size=0.002)
    path = track(series, watched(series))
    t0s = T0 - np.array(hours, dtype=np.int64) * HOUR_MS
    focal = t0s.tolist()[:3]

    many = placebos(path, t0s, window_ms=HOUR_MS, focal_t0s=focal)

    for t0, found in zip(t0s, many, strict=True):
        assert found == placebo(path, t0=int(t0), window_ms=HOUR_MS, focal_t0s=focal)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_stopping_early_never_changes_the_side_of_five_percent(seed: int) -> None:
    series = walk(hours=24 * 80, seed=seed, size=0.002)
    path = track(series, watched(series))
    t0s = T0 - np.arange(0, 24 * 40, 7, dtype=np.int64) * HOUR_MS

    full = placebos(path, t0s, window_ms=HOUR_MS)
    stopped = placebos(path, t0s, window_ms=HOUR_MS, stop_at=STOP_AT)

    for one, other in zip(full, stopped, strict=True):
        if one.p is None or other.p is None or one.p <= 0.05:
            assert other == one
        else:
            assert other.p > 0.05
    assert sum(other.n for other in stopped) < sum(one.n for one in full)


def test_the_preferred_hours_are_few_enough_for_stopping_to_be_safe() -> None:
    most = max(len(starts_of(Level.LIKE_HOURS, T0 + day * DAY_MS, 24 * 365)) for day in range(7))

    assert (1 + STOP_AT) / (1 + most) > 0.05


def test_a_near_end_makes_a_move_less_of_a_surprise() -> None:
    found = [
        compared(walk(after=0.012, seed=3), closes_at=closes_at)
        for closes_at in (None, T0 + 40 * DAY_MS, T0 + 5 * HOUR_MS)
    ]

    assert {one.n for one in found} == {140}
    far, near = found[1].p, found[2].p
    assert found[0].p is not None
    assert far == pytest.approx(found[0].p, abs=0.02)
    assert near is not None
    assert near > 2 * found[0].p


def test_a_market_that_trades_past_its_announced_end_has_no_known_one() -> None:
    series = walk(after=0.012)

    assert compared(series, closes_at=T0 - HOUR_MS) == compared(series)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.lists(st.floats(0.01, 0.99), min_size=1, max_size=11))
def test_nothing_from_two_hours_before_the_signal_on_is_compared_with(
    seed: int, other: list[float]
) -> None:
    series = walk(hours=120, seed=seed)
    run_up = (series.at >= T0 - 2 * HOUR_MS) & (series.at < T0 - STEP)
    changed = np.where(run_up, np.resize(other, len(series.at)), series.price)

    assert compared(replace(series, price=changed)) == compared(series)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(61, 119))
def test_what_comes_after_the_window_changes_nothing(seed: int, minutes: int) -> None:
    series = walk(hours=120, seed=seed)
    cut = T0 + minutes * MINUTE_MS

    early = compared(series.until(cut), reads=watched(series).until(cut))

    assert early == compared(series)


@settings(max_examples=20, deadline=None)
@given(st.permutations([T0 - 20 * HOUR_MS, T0 - 50 * HOUR_MS, T0 + HOUR_MS, T0 - 90 * HOUR_MS]))
def test_the_order_of_the_other_signals_is_of_no_account(others: list[int]) -> None:
    assert compared(walk(), focal_t0s=others) == compared(walk(), focal_t0s=sorted(others))
