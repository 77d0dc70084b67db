from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.hayashi_yoshida import (
    DAY_MS,
    LAGS_MS,
    Increments,
    correlation,
    covariance,
    increments,
    lead,
)
from signals.prices import HOUR_MS, MINUTE_MS, coverage


def walk(seed: int, n: int, *, days: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    at = np.sort(rng.choice(days * 24 * 60, n, replace=False)).astype(np.int64) * MINUTE_MS
    return at, 0.5 + np.cumsum(rng.normal(0, 0.002, n))


def by_definition(x: Increments, y: Increments, lag: int) -> float:
    """The sum over all pairs whose intervals overlap, written out."""
    return sum(
        float(x.step[i] * y.step[j])
        for i in range(len(x))
        for j in range(len(y))
        if x.start[i] < y.end[j] - lag and y.start[j] - lag < x.end[i]
    )


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), n=st.integers(3, 12), lag=st.integers(-30, 30))
def test_prefix_sums_give_the_sum_over_overlapping_pairs(seed: int, n: int, lag: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = (
        increments(np.sort(rng.choice(40, n, replace=False)), rng.normal(size=n)) for _ in range(2)
    )
    assert covariance(x, y, lag) == pytest.approx(by_definition(x, y, lag))


def test_unchanged_prices_and_missing_ones_are_no_increments() -> None:
    found = increments([0, 10, 20, 30, 40], [0.5, 0.5, np.nan, 0.6, 0.6])

    assert found.start.tolist() == [10]
    assert found.end.tolist() == [30]
    assert found.step.tolist() == pytest.approx([0.1])


def test_of_one_instant_the_last_row_speaks() -> None:
    found = increments([0, 10, 10, 20], [0.5, 0.9, 0.6, 0.6])

    assert found.end.tolist() == [10]
    assert found.step.tolist() == pytest.approx([0.1])


def test_polls_between_two_rows_shorten_the_interval_of_a_change() -> None:
    live = coverage([0, 7 * HOUR_MS], [5 * HOUR_MS, 9 * HOUR_MS])
    at = np.array([0, 4, 8, 9]) * HOUR_MS

    found = increments(at, [0.5, 0.6, 0.7, 0.8], live=live, pause_ms=MINUTE_MS)

    # Each was seen by a poll a minute after one that had not shown it.
    assert (found.end - found.start).tolist() == [MINUTE_MS] * 3


def test_a_change_found_after_a_pause_may_be_as_old_as_the_pause() -> None:
    live = coverage([0, 8 * HOUR_MS], [5 * HOUR_MS, 9 * HOUR_MS])

    found = increments([0, 8 * HOUR_MS], [0.5, 0.6], live=live, pause_ms=MINUTE_MS)

    assert found.start.tolist() == [5 * HOUR_MS]


@pytest.mark.parametrize("minutes", [-30, -5, 0, 5, 60])
def test_the_copy_of_a_price_trails_by_its_delay(minutes: int) -> None:
    at, price = walk(1, 600)
    later, live = at + minutes * MINUTE_MS, coverage([-DAY_MS], [21 * DAY_MS])
    first, second = (increments(t, price, live=live, pause_ms=MINUTE_MS) for t in (at, later))

    found = lead(first, second)

    assert found is not None
    assert found.lag_ms == minutes * MINUTE_MS
    assert found.rho == pytest.approx(1.0)
    assert found.p == 0.005  # 1 / (1 + 199): no shift does as well
    if minutes:
        assert found.ratio is not None
        assert (found.ratio > 1) == (minutes > 0)


def test_without_reads_between_the_rows_a_delay_shorter_than_they_are_apart_is_not_found() -> None:
    at, price = walk(1, 600)  # a row every 48 min

    found = lead(increments(at, price), increments(at + 5 * MINUTE_MS, price))

    assert found is not None
    assert abs(found.lag_ms) < 48 * MINUTE_MS
    assert found.rho_at_0 > 0.9


def test_unrelated_prices_are_within_chance() -> None:
    found = lead(increments(*walk(1, 400)), increments(*walk(2, 400)))

    assert found is not None
    assert found.p is not None
    assert found.p > 0.05


def test_p_of_unrelated_prices_is_not_small_too_often() -> None:
    ps = [
        found.p
        for seed in range(40)
        if (found := lead(
            increments(*walk(seed, 80)), increments(*walk(1000 + seed, 80)), shifts=39
        ))
    ]  # fmt: skip
    # 2 of 40 are expected at 5 %; more than 7 happen less than once in 500 studies.
    assert sum(p is not None and p <= 0.05 for p in ps) <= 7


def test_less_than_two_days_in_common_have_no_null() -> None:
    at, price = walk(1, 200, days=1)

    found = lead(increments(at, price), increments(at, price))

    assert found is not None
    assert (found.p, found.shifts) == (None, 0)


def test_without_changes_there_is_no_lead() -> None:
    flat = increments([0, DAY_MS], [0.5, 0.5])
    moving = increments([0, DAY_MS], [0.5, 0.6])

    assert lead(flat, moving) is None
    assert correlation(flat, moving) is None


def test_lags_are_the_same_on_both_sides() -> None:
    assert sorted({-lag for lag in LAGS_MS} | {0}) == list(LAGS_MS)


def test_intervals_must_not_overlap() -> None:
    with pytest.raises(ValueError, match="not overlap"):
        Increments(np.array([0, 5]), np.array([6, 9]), np.array([0.1, 0.1]))
    with pytest.raises(ValueError, match="differ in length"):
        Increments(np.array([0]), np.array([6, 9]), np.array([0.1]))
