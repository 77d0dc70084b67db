from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.prices import HOUR_MS, MINUTE_MS, Coverage, PriceSeries, coverage, price_series
from signals.study import Case, study
from signals.study_placebo import DAY_MS, GRID_MS, paths
from signals.study_result import Study
from signals.window_arrays import track

STEP = 10 * MINUTE_MS
DAYS = 12
NOON = 12 * HOUR_MS
END = (DAYS + 1) * DAY_MS
T0 = DAYS * DAY_MS + NOON


def mids(*levels: tuple[int, float], until: int = END, seed: int | None = None) -> PriceSeries:
    """A book every 10 min, 0.05 pp above or below 0.24 (or a walk), and from (t, level) on."""
    at = np.arange(0, until + 1, STEP, dtype=np.int64)
    wobble = np.random.default_rng(1).choice([-0.0005, 0.0005], len(at))
    if seed is not None:
        wobble = np.cumsum(np.random.default_rng(seed).normal(0, 0.002, len(at)))
    mid = 0.24 + wobble
    for start, level in levels:
        mid[at >= start] += level - 0.24
    mid = np.clip(mid, 0.06, 0.94)
    return price_series(at, mid - 0.005, mid + 0.005, np.full(len(at), np.nan), "book")


def watched(until: int = END) -> Coverage:
    return coverage([0], [until])


def a_case(key: str = "a", t0: int = T0, *, to: float = 0.30, **given: object) -> Case:
    """A price that jumps from 0.24 `to` a level 10 min after t0 and stays."""
    case = Case(key, t0, mids((t0 + STEP, to)), watched())
    return replace(case, **given)  # type: ignore[arg-type]


def jumps(*to: float) -> list[Case]:
    """A case a day, each on its own outcome."""
    return [
        a_case(f"case-{n:02}", T0 - (len(to) - n) * HOUR_MS * 3, to=level)
        for n, level in enumerate(to)
    ]


def studied(*cases: Case, **given: int) -> Study:
    return study(cases, **{"now": END, **given})


def test_mean_spread_and_tests_of_five_jumps() -> None:
    # The moves of O5, so that sign-flip and t are the reference's.
    found = studied(*jumps(0.28, 0.30, 0.26, 0.33, 0.23))

    assert [round(each.move, 3) for each in found.observations] == pytest.approx(
        (0.04, 0.06, 0.02, 0.09, -0.01), abs=0.0011
    )
    assert found.mean == pytest.approx(0.04, abs=0.001)
    assert found.flip is not None
    assert (found.flip.p, found.flip.smallest) == (0.125, 0.0625)
    assert found.t is not None
    assert found.t.t == pytest.approx(2.35, abs=0.1)
    assert found.detectable_sd == pytest.approx(1.66, abs=0.005)
    assert found.sd is not None
    assert found.detectable == pytest.approx(1.6625 * found.sd, abs=1e-5)
    assert found.interval is not None
    assert found.interval.method == "t"


def test_from_fifteen_episodes_on_the_interval_is_a_bootstrap() -> None:
    fewer, enough = studied(*jumps(*[0.3] * 14)), studied(*jumps(*[0.29, 0.31] * 8))

    assert fewer.interval is not None
    assert fewer.interval.method == "t"
    assert enough.interval is not None
    assert enough.interval.method == "bca"
    assert enough.interval.low < 0.06 < enough.interval.high


def test_one_event_has_a_rank_and_no_test() -> None:
    found = studied(a_case())

    (one,) = found.observations
    # Twelve days of 24 h less the hours before the first row's noise are all flat.
    assert one.n_placebo >= 60
    assert one.larger_than == one.n_placebo
    assert (found.flip, found.t, found.bmp, found.placebo, found.interval) == (None,) * 5
    assert found.detectable is None


def test_a_flat_hour_is_as_far_as_any_other() -> None:
    (one,) = studied(a_case(to=0.24)).observations

    assert abs(one.move) <= 0.0011
    assert one.larger_than < one.n_placebo


def test_placebo_hours_are_no_more_certain_than_their_days() -> None:
    found = studied(*jumps(0.28, 0.30, 0.26, 0.33, 0.23)).placebo

    assert found is not None
    assert found.episodes == 5
    assert found.days <= DAYS
    assert found.p == pytest.approx(1 / (1 + found.days))


@pytest.mark.parametrize(("change", "reason"), [
    ({"coverage": coverage([0, T0 + 20 * MINUTE_MS], [T0 - 9 * HOUR_MS, END]),
      "series": mids(until=T0 - 9 * HOUR_MS)}, "stale"),
    ({"coverage": watched(T0), "series": mids(until=T0)}, "coverage"),
    ({"resolved_at": T0 + 5 * MINUTE_MS}, "resolved"),
    ({"resolved_at": T0 - HOUR_MS}, "resolved"),
    ({"precise": False}, "imprecise_time"),
    ({"series": mids(until=-1), "coverage": coverage([], [])}, "no_price"),
    ({"other_t0s": (T0 + 59 * MINUTE_MS,)}, "confounded"),
    ({"other_t0s": (T0 - 2 * HOUR_MS,)}, "confounded"),
])  # fmt: skip
def test_what_cannot_be_read_is_left_out_with_its_reason(
    change: dict[str, object], reason: str
) -> None:
    found = studied(a_case(**change))

    assert found.n == 0
    assert [each.reason for each in found.excluded] == [reason]
    assert (found.mean, found.interval, found.flip) == (None, None, None)
    assert {each.n for each in found.curve} == {0}


def test_a_window_that_is_not_over_is_open() -> None:
    assert [e.reason for e in studied(a_case(), now=T0 + HOUR_MS - 1).excluded] == ["open_window"]
    assert studied(a_case(), now=T0 + HOUR_MS).n == 1


def test_a_near_signal_confounds_whatever_the_price_did() -> None:
    near = (T0 + 30 * MINUTE_MS,)

    for level in (0.24, 0.33):
        assert studied(a_case(to=level, other_t0s=near)).excluded[0].reason == "confounded"
    assert studied(a_case(other_t0s=(T0 + HOUR_MS,))).n == 1


def test_other_windows_are_described_and_not_tested() -> None:
    found = studied(*jumps(*[0.3, 0.28] * 4), window_ms=6 * HOUR_MS)

    assert found.n == 8
    assert found.mean == pytest.approx(0.05, abs=0.001)
    assert (found.flip, found.t, found.bmp, found.placebo) == (None,) * 4


def test_episodes_of_one_day_are_also_tested_by_day() -> None:
    by_day = studied(*jumps(0.28, 0.30, 0.26)).day_flip
    apart = [a_case(f"c{n}", T0 - n * DAY_MS) for n in range(3)]

    assert by_day is None or by_day.smallest > 0.25
    assert studied(*apart).day_flip is None


def test_the_curve_is_zero_at_t0_and_shows_run_up_and_response() -> None:
    before = a_case("led", series=mids((T0 - 30 * MINUTE_MS, 0.33)))
    curve = {point.offset_ms // MINUTE_MS: point for point in studied(a_case(), before).curve}

    assert curve[0].mean == 0.0
    assert curve[5].mean == pytest.approx(0.0, abs=0.0011)
    assert curve[60].mean == pytest.approx(0.03, abs=0.0011)  # the mean of 6 pp and nothing
    assert curve[-60].mean == pytest.approx(-0.045, abs=0.0011)  # of nothing and -9 pp
    assert (min(curve), max(curve)) == (-120, 360)
    assert {point.n for point in curve.values()} == {2}


def test_markets_that_end_on_the_way_leave_the_mean_and_n_says_so() -> None:
    ends = a_case("ends", resolved_at=T0 + 3 * HOUR_MS)
    curve = {point.offset_ms // HOUR_MS: point.n for point in studied(a_case(), ends).curve}

    assert (curve[2], curve[4], curve[6]) == (2, 1, 1)


def test_the_band_of_flat_hours_holds_no_jump() -> None:
    points = {p.offset_ms // MINUTE_MS: p for p in studied(*jumps(0.3, 0.3)).curve}

    hour = points[60]
    assert hour.mean is not None
    assert hour.low is not None
    assert hour.high is not None
    assert -0.0011 <= hour.low <= 0 <= hour.high <= 0.0011 < hour.mean


def test_too_little_past_means_no_band_and_no_placebo() -> None:
    t0 = 12 * HOUR_MS
    found = studied(a_case("a", t0), a_case("b", t0 + 3 * HOUR_MS))

    assert found.n == 2
    assert found.placebo is None
    assert {point.low for point in found.curve} == {None}


def test_a_path_ends_where_reads_end_and_at_its_limit() -> None:
    series = mids(until=T0)
    path = track(series, watched(T0))
    (row,) = paths(path, np.array([T0 - HOUR_MS]), until=END)
    (cut,) = paths(path, np.array([T0 - HOUR_MS]), until=T0 - 30 * MINUTE_MS)

    # Reads end an hour after the start; a price is good for 30 min after them.
    assert np.flatnonzero(~np.isnan(row))[-1] == np.searchsorted(GRID_MS, 90 * MINUTE_MS)
    assert np.flatnonzero(~np.isnan(cut))[-1] == np.searchsorted(GRID_MS, 30 * MINUTE_MS)


def test_the_band_ends_where_another_signal_moved_the_price() -> None:
    # A signal a day moves the price by 20 points at once, back and forth; hours before it lead
    # straight into it.
    t0s = [T0 - n * DAY_MS for n in range(DAYS - 1)]
    levels = [(t0 + STEP, 0.44 if n % 2 else 0.04) for n, t0 in enumerate(reversed(t0s))]
    series = mids(*levels)
    cases = [
        Case(f"c{t0}", t0, series, watched(), other_t0s=tuple(t for t in t0s if t != t0))
        for t0 in t0s[:2]
    ]
    points = {p.offset_ms // MINUTE_MS: p for p in studied(*cases).curve}

    for minutes in (-120, -60, 60, 120, 240, 300):
        low, high = points[minutes].low, points[minutes].high
        assert low is not None
        assert high is not None
        assert -0.0011 <= low <= high <= 0.0011
    assert points[60].mean is not None


def test_the_own_path_too_ends_at_the_next_signal_and_n_says_so() -> None:
    next_one = T0 + 3 * HOUR_MS
    case = a_case(series=mids((T0 + STEP, 0.30), (next_one + STEP, 0.50)), other_t0s=(next_one,))
    curve = {point.offset_ms // MINUTE_MS: point for point in studied(case).curve}

    assert (curve[175].n, curve[180].n, curve[360].n) == (1, 0, 0)
    assert curve[175].mean == pytest.approx(0.06, abs=0.0011)


def test_a_path_begins_an_hour_after_the_signal_before_its_start() -> None:
    path, start = track(mids(), watched()), T0
    earlier = start - 90 * MINUTE_MS
    (row,) = paths(path, np.array([start]), until=END, focal_t0s=(earlier, start + 2 * HOUR_MS))

    shown = GRID_MS[~np.isnan(row)] // MINUTE_MS
    # The price of -30 min is the one just before it, when that hour was not over.
    assert (shown[0], shown[-1]) == (-25, 115)


@settings(max_examples=8)
@given(order=st.permutations(range(5)))
def test_the_order_of_the_cases_does_not_matter(order: list[int]) -> None:
    cases = jumps(0.28, 0.30, 0.26, 0.33, 0.23)

    assert studied(*(cases[i] for i in order)) == studied(*cases)


@settings(max_examples=8)
@given(jump=st.floats(0.1, 0.9), after=st.integers(1, 300))
def test_what_comes_after_now_changes_nothing(jump: float, after: int) -> None:
    now = T0 + 2 * HOUR_MS
    later = mids((T0 + STEP, 0.30), (now + after * MINUTE_MS, jump))

    assert _all(studied(a_case(series=later), now=now)) == _all(studied(a_case(), now=now))


def test_placebo_p_of_nothing_is_not_small_too_often() -> None:
    ps = []
    for seed in range(30):
        cases = [
            Case(f"c{n}", T0 - n * DAY_MS, mids(seed=100 * seed + n), watched()) for n in range(4)
        ]
        found = studied(*cases).placebo
        ps.append(1.0 if found is None else found.p)
    # 7.5 of 30 are expected at 0.25; more than 15 are 3 standard errors away.
    assert sum(p <= 0.25 for p in ps) <= 15


def _all(found: Study) -> Iterable[object]:
    return [found.observations, found.excluded, found.curve, found.mean]
