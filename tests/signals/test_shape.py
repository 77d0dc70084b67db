from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.prices import MINUTE_MS, PriceSeries, coverage
from signals.shape import (
    Interval,
    first_response,
    log_odds,
    log_odds_move,
    reached,
    reversal_ratio,
    room_share,
)

HOUR = 60
# Minute by minute from 17:45 UTC on 2024-07-21, our own excerpt of the figures of oracle O5.
BIDEN = (
    0.415, 0.415, 0.415, 0.435, 0.585, 0.680, 0.720, 0.840, 0.960, 0.970, 0.978, 0.980, 0.985,
    0.988, 0.990, 0.992, 0.993, 0.994, 0.994, 0.995,
)  # fmt: skip
BIDEN_FROM = datetime(2024, 7, 21, 17, 45, tzinfo=UTC)
BIDEN_T0 = datetime(2024, 7, 21, 17, 46, tzinfo=UTC)
MOVE = 0.580


def ms(at: datetime) -> int:
    return int(at.timestamp()) * 1000


def minutes(prices: dict[int, float]) -> PriceSeries:
    """Return prices at whole minutes."""
    at = np.array(sorted(prices), dtype=np.int64) * MINUTE_MS
    values = np.array([prices[minute] for minute in sorted(prices)])
    return PriceSeries(at, values, np.full(len(at), np.nan), "trade")


def between(after: float, by: float) -> Interval:
    return Interval(int(after * MINUTE_MS), int(by * MINUTE_MS))


def biden(recordings: Path | None = None) -> PriceSeries:
    if recordings is None:
        at = ms(BIDEN_FROM) + np.arange(len(BIDEN), dtype=np.int64) * MINUTE_MS
        return PriceSeries(at, np.array(BIDEN), np.full(len(at), np.nan), "venue_history")
    path = recordings / "history/biden-withdrawal-2024-07-21/prices_1min.csv"
    with path.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["p_yes"]]
    at = np.array([int(row["t_unix"]) * 1000 for row in rows], dtype=np.int64)
    price = np.array([float(row["p_yes"]) for row in rows])
    return PriceSeries(at, price, np.full(len(at), np.nan), "venue_history")


def check_biden(series: PriceSeries) -> None:
    t0, end = ms(BIDEN_T0), int(series.at[-1])
    assert series.as_of(t0 - 1).value == 0.415
    assert series.as_of(end).value == pytest.approx(0.415 + MOVE)
    reads = coverage([int(series.at[0])], [end])
    tick = 0.001
    assert first_response(series, reads, t0, tick, end) == between(1, 2)
    assert reached(series, t0, 0.5 * MOVE, end) == between(4, 5)
    assert reached(series, t0, 0.9 * MOVE, end) == between(6, 7)
    at_t90 = series.as_of(t0 + 7 * MINUTE_MS).value
    assert at_t90 == 0.960
    assert log_odds(0.960) - log_odds(0.415) == pytest.approx(3.5214, abs=5e-5)
    # 0.96 is beyond the range where log-odds are told
    assert log_odds_move(0.415, 0.960) is None


def test_the_minutes_of_2024_07_21_give_their_times_as_intervals() -> None:
    check_biden(biden())


@pytest.mark.recordings
def test_the_recorded_minutes_give_the_same(recordings: Path) -> None:
    check_biden(biden(recordings))


def test_sparse_updates_give_a_wide_interval() -> None:
    series = minutes({-5: 0.4, 25: 0.5, 40: 0.5})

    assert reached(series, 0, 0.05, HOUR * MINUTE_MS) == between(-5, 25)


def test_a_print_that_goes_back_is_not_the_first_response() -> None:
    series = minutes({-5: 0.40, 3: 0.50, 4: 0.40, 5: 0.40, 20: 0.50, 21: 0.50, 22: 0.51})
    reads = coverage([-5 * MINUTE_MS], [22 * MINUTE_MS])

    found = first_response(series, reads, 0, 0.05, HOUR * MINUTE_MS)

    assert found == between(5, 20)


def test_a_fall_is_not_a_rise() -> None:
    series = minutes({-5: 0.40, 3: 0.30, 4: 0.30, 5: 0.30})

    assert reached(series, 0, 0.05, HOUR * MINUTE_MS) is None
    assert reached(series, 0, -0.05, HOUR * MINUTE_MS) == between(-5, 3)


def test_what_is_reached_after_the_window_or_from_no_price_is_not_told() -> None:
    series = minutes({-5: 0.40, 70: 0.50})

    assert reached(series, 0, 0.05, HOUR * MINUTE_MS) is None
    assert reached(series, -10 * MINUTE_MS, 0.05, 2 * HOUR * MINUTE_MS) is None


def test_a_response_whose_lasting_nobody_read_is_not_told() -> None:
    series = minutes({-5: 0.40, 3: 0.50})

    assert first_response(series, coverage([], []), 0, 0.05, HOUR * MINUTE_MS) is None


def test_a_price_that_was_beyond_before_still_counts_from_the_signal_on() -> None:
    series = minutes({-9: 0.60, -5: 0.40, 3: 0.47, 4: 0.47})

    assert reached(series, 0, 0.05, HOUR * MINUTE_MS) == between(-5, 3)


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [(0.24, 0.43, 0.25), (0.40, 0.30, -0.25), (0.5, 0.5, 0.0), (1.0, 1.0, 0.0), (0.0, 0.0, 0.0)],
)
def test_share_of_room_is_of_the_side_it_went_to(before: float, after: float, share: float) -> None:
    assert room_share(before, after) == pytest.approx(share)


@pytest.mark.parametrize(("before", "after"), [(0.049, 0.5), (0.5, 0.951), (0.002, 0.003)])
def test_log_odds_are_told_inside_the_middle_only(before: float, after: float) -> None:
    assert log_odds_move(before, after) is None


def test_log_odds_include_their_edges() -> None:
    assert log_odds_move(0.05, 0.95) == pytest.approx(2 * np.log(19))


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_no_mirrors_yes(before: float, after: float) -> None:
    odds, mirrored = log_odds_move(before, after), log_odds_move(1 - before, 1 - after)
    if odds is not None and mirrored is not None:
        assert mirrored == pytest.approx(-odds, abs=1e-9)
    mirror = room_share(1 - before, 1 - after)
    assert mirror == pytest.approx(-(room_share(before, after) or 0.0), abs=1e-6)


def test_reversal_is_half_when_half_is_left() -> None:
    assert reversal_ratio(0.10, 0.05) == pytest.approx(0.5)
    assert reversal_ratio(0.10, 0.12) == pytest.approx(-0.2)  # it drifted on
    assert reversal_ratio(0.10, -0.02) == pytest.approx(1.2)
    assert reversal_ratio(0.0, 0.05) is None


def test_mirrored_prices_have_the_same_intervals() -> None:
    series = minutes({-5: 0.40, 3: 0.43, 7: 0.47, 8: 0.48, 20: 0.48})
    mirrored = replace(series, price=1 - series.price)

    assert reached(series, 0, 0.04, HOUR * MINUTE_MS) == between(3, 7)
    assert reached(mirrored, 0, -0.04, HOUR * MINUTE_MS) == between(3, 7)
