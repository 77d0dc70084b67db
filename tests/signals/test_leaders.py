from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from signals.leaders import (
    Passage,
    binomial_p,
    chance,
    passage,
    record,
    response,
    unread_ms,
)
from signals.moves import Move, State
from signals.prices import HOUR_MS, MINUTE_MS, coverage, price_series

T0 = 100 * HOUR_MS


def moved(minutes: float, delta: float = 0.05, state: State = "persisted") -> Move:
    """A move that first crossed `minutes` after T0."""
    at = T0 + int(minutes * MINUTE_MS)
    return Move(at - MINUTE_MS, at, at, 0.40, 0.40 + delta, delta, None, state, True)


def responded(*moves: Move) -> Move | None:
    return response(moves, t0=T0, run_up_ms=2 * HOUR_MS, window_ms=HOUR_MS)


@pytest.mark.parametrize(("minutes", "error", "order"), [
    (12, 6, "price_followed"),
    (-12, 6, "price_led"),
    (6, 6, "simultaneous_or_unknown"),
    (-6, 6, "simultaneous_or_unknown"),
    (0, 0, "simultaneous_or_unknown"),
    (300, None, "simultaneous_or_unknown"),
])  # fmt: skip
def test_order_is_told_only_beyond_the_clock_error(
    minutes: float, error: float | None, order: str
) -> None:
    assert Passage(minutes, error).order == order


def test_clock_errors_of_item_and_price_add_up() -> None:
    found = passage(
        T0, error_ms=5 * MINUTE_MS, move=moved(9), unread=5 * MINUTE_MS
    )  # fmt: skip

    assert (found.minutes, found.clock_error_min) == (9, 10)
    assert found.order == "simultaneous_or_unknown"


def test_a_move_seen_before_the_item_led_it_however_long_nobody_had_read_the_price() -> None:
    found = passage(T0, error_ms=2 * MINUTE_MS, move=moved(-6), unread=30 * MINUTE_MS)

    assert (found.minutes, found.clock_error_min) == (-6, 2)
    assert found.order == "price_led"


def test_a_date_without_a_time_is_never_before_or_after() -> None:
    assert passage(T0, error_ms=None, move=moved(55), unread=0).order == "simultaneous_or_unknown"


def test_record_by_hand() -> None:
    found = record([Passage(10, 2), Passage(20, 2), Passage(-30, 2), Passage(1, 2), None, None])

    assert (found.episodes, found.responses) == (6, 4)
    assert (found.followed, found.led, found.unknown) == (2, 1, 1)
    assert found.median_min == 5.5  # of -30, 1, 10, 20
    assert found.hit_rate == pytest.approx(2 / 6)
    low, high = found.interval or (0, 0)
    expected = stats.binomtest(2, 6).proportion_ci(method="wilson")
    assert (low, high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_items_with_a_date_count_as_unknown_and_leave_the_median_alone() -> None:
    found = record([Passage(10, 2), Passage(-700, None)])

    assert (found.followed, found.unknown, found.median_min) == (1, 1, 10)


def test_no_episodes_have_no_rate_and_no_response_no_median() -> None:
    nothing, silent = record([]), record([None])

    assert (nothing.hit_rate, nothing.interval, nothing.median_min) == (None, None, None)
    assert (silent.hit_rate, silent.median_min) == (0.0, None)
    assert silent.interval is not None
    assert silent.interval[1] > 0.5  # one miss says little


def test_the_largest_lasting_move_near_the_signal_is_the_response() -> None:
    small, large = moved(-90, 0.03), moved(20, -0.08)

    assert responded(small, large) == large
    assert responded(moved(-90, 0.05), moved(20, 0.05)) == moved(-90, 0.05)


@pytest.mark.parametrize("move", [
    moved(-121), moved(61), moved(10, state="reverted"), moved(10, state="pending"),
])  # fmt: skip
def test_moves_out_of_reach_or_that_did_not_last_are_no_response(move: Move) -> None:
    assert responded(move) is None


def test_unread_time_counts_from_the_last_row_or_poll_before_the_crossing() -> None:
    at = np.array([T0 - HOUR_MS, T0 + 10 * MINUTE_MS])
    series = price_series(at, [0.40, 0.45], [0.41, 0.46], [np.nan] * 2, "book")
    move = moved(10)

    assert unread_ms(series, coverage([], []), 0, move) == 70 * MINUTE_MS
    polled = coverage([T0 - HOUR_MS], [T0 + HOUR_MS])
    assert unread_ms(series, polled, 2 * MINUTE_MS, move) == 2 * MINUTE_MS
    paused = coverage([T0 - HOUR_MS, T0 + 10 * MINUTE_MS], [T0 + 3 * MINUTE_MS, T0 + HOUR_MS])
    assert unread_ms(series, paused, 2 * MINUTE_MS, move) == 7 * MINUTE_MS


def test_chance_is_the_share_of_instants_followed_by_a_move_within_the_window() -> None:
    reads = coverage([T0], [T0 + 10 * HOUR_MS])

    # Moves at +2 h and +2.5 h are preceded by 1.5 of 10 hours.
    found = chance([moved(120), moved(150), moved(300, state="reverted")], reads, HOUR_MS)
    assert found == pytest.approx(0.15)
    assert chance([], reads, HOUR_MS) == 0.0
    assert chance([], coverage([], []), HOUR_MS) is None


@settings(max_examples=50)
@given(n=st.integers(2, 40), rate=st.floats(0.01, 0.99), data=st.data())
def test_binomial_p_is_scipys(n: int, rate: float, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    expected = stats.binomtest(hits, n, rate, alternative="greater").pvalue

    assert binomial_p(hits, n, rate) == pytest.approx(expected)


def test_one_episode_has_no_p() -> None:
    assert binomial_p(1, 1, 0.1) is None
