from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.links import Leg, LinkResult, describe, evaluate, focal_leg, reversal
from signals.placebo import Placebo, placebo
from signals.prices import HOUR_MS, MINUTE_MS, Coverage, PriceSeries, coverage, price_series
from signals.shape import Interval
from signals.window_arrays import track

T0 = 74 * HOUR_MS
STEP = 10 * MINUTE_MS
NOW = T0 + 3 * HOUR_MS


def mids(
    *levels: tuple[int, float], until: int = NOW, spread: float = 0.01, basis: str = "book"
) -> PriceSeries:
    """A quote every 10 min alternating 0.1 pp around 0.24, then around each (from, level)."""
    at = np.arange(0, until + 1, STEP, dtype=np.int64)
    extra = [start for start, _ in levels if start % STEP]
    at = np.sort(np.concatenate((at, np.array(extra, dtype=np.int64))))
    level = np.full(len(at), 0.24)
    for start, value in levels:
        level[at >= start] = value
    mid = level + np.where(np.arange(len(at)) % 2, 0.0005, -0.0005)
    none = np.full(len(at), np.nan)
    if basis != "book":
        return price_series(at, none, none, mid, basis)
    return price_series(at, mid - spread / 2, mid + spread / 2, none, "book")


def watched(until: int = NOW) -> Coverage:
    return coverage([0], [until])


def judged(series: PriceSeries, **changes: object) -> LinkResult:
    arguments = {"t0": T0, "now": NOW, "precise": True, **changes}
    reads = arguments.pop("coverage", watched())
    return evaluate(series, reads, **arguments)  # type: ignore[arg-type]


def test_jump_that_stays_is_moved_up_by_nine_points() -> None:
    result = judged(mids((T0 + 5 * MINUTE_MS, 0.33)))

    assert result.verdict == "moved_up"
    assert result.move == pytest.approx(0.09, abs=0.0011)
    assert result.abnormal_move == result.move
    # spread / 2 = 0.5 pp is above the 10-minute noise of 0.1 pp: sqrt(6) * 0.1 = 0.24 pp an hour
    assert result.z == pytest.approx(18, abs=0.3)
    assert result.quote_age_s == 0
    assert result.n_updates == 70 * 6 - 1
    assert not result.thin
    assert result.final


def test_fall_that_stays_is_moved_down() -> None:
    result = judged(mids((T0 + 5 * MINUTE_MS, 0.15)))

    assert result.verdict == "moved_down"
    assert result.move == pytest.approx(-0.09, abs=0.0011)


def test_flat_hour_is_no_detectable_move() -> None:
    result = judged(mids())

    assert result.verdict == "no_detectable_move"
    assert result.final


def test_item_half_an_hour_after_the_jump_is_moved_before() -> None:
    result = judged(mids((T0 - 30 * MINUTE_MS, 0.33)))

    assert result.verdict == "moved_before"
    assert result.pre_move == pytest.approx(0.09, abs=0.0011)


def test_larger_run_up_outweighs_a_response_of_the_same_kind() -> None:
    result = judged(mids((T0 - 30 * MINUTE_MS, 0.33), (T0 + 5 * MINUTE_MS, 0.37)))

    assert result.verdict == "moved_before"


def test_response_larger_than_the_run_up_is_still_a_response() -> None:
    result = judged(mids((T0 - 30 * MINUTE_MS, 0.27), (T0 + 5 * MINUTE_MS, 0.37)))

    assert result.verdict == "moved_up"


def test_nine_silent_hours_before_the_signal_are_stale() -> None:
    result = judged(mids(until=T0 - 9 * HOUR_MS), coverage=watched(T0 - 9 * HOUR_MS))

    assert result.verdict == "not_evaluated:stale"
    assert result.quote_age_s == 9 * 3600
    assert "the price had last been read 540 min before" in result.reason


def test_unchanged_book_that_was_read_is_not_stale() -> None:
    result = judged(mids(until=T0 - 9 * HOUR_MS), coverage=watched())

    assert result.verdict == "no_detectable_move"


def test_between_the_rows_of_a_file_nobody_read_the_price() -> None:
    every_50 = mids()
    thin = replace(
        every_50, at=every_50.at[::5], price=every_50.price[::5], spread=every_50.spread[::5]
    )
    told = replace(watched(), read=coverage([], []))

    result, polled = judged(thin, coverage=told), judged(thin)

    # rows every 50 min from 0 on: the last one before 74 h lies 40 min back, half the window is 30
    assert (result.verdict, result.quote_age_s) == ("not_evaluated:stale", 40 * 60)
    assert (polled.verdict, polled.quote_age_s) == ("no_detectable_move", 0)
    # three hours can be described, and the hours between the rows count as watched for the noise
    three_hours = describe(thin, told, T0, 10_800, NOW)
    assert (three_hours.verdict, three_hours.n_updates) == ("described", 83)


def test_the_age_of_a_history_is_that_of_its_last_change_however_much_of_it_is_given() -> None:
    at = np.arange(0, T0 + 3 * HOUR_MS, STEP, dtype=np.int64)
    jumped = np.where(at < T0 - 20 * HOUR_MS, 0.30, 0.24)
    none = np.full(len(at), np.nan)
    given_rows = [
        price_series(at[first:], none[first:], none[first:], price[first:], "trade")
        for price in (jumped, np.full(len(at), 0.24))
        for first in (0, 7)
    ]

    found = [judged(rows, coverage=watched(T0 + 3 * HOUR_MS)) for rows in given_rows]

    assert [one.quote_age_s for one in found] == [20 * 3600] * 2 + [None] * 2
    assert {one.verdict for one in found} == {"not_evaluated:stale"}
    assert "the price had not changed for 1200 min" in found[0].reason
    assert "the price had not changed for more than 72 h" in found[2].reason


def test_unchanged_trade_price_is_stale_even_when_polled() -> None:
    result = judged(mids(until=T0 - 9 * HOUR_MS, basis="trade"), coverage=watched())

    assert result.verdict == "not_evaluated:stale"


def test_nobody_watching_inside_the_window_is_coverage() -> None:
    series = mids(until=T0)
    seen = coverage([0, T0 + 50 * MINUTE_MS], [T0, NOW])

    assert judged(series, coverage=seen).verdict == "not_evaluated:coverage"


def test_gap_of_half_the_window_is_tolerated() -> None:
    series = mids(until=T0)
    seen = coverage([0, T0 + 30 * MINUTE_MS], [T0, NOW])

    assert judged(series, coverage=seen).verdict == "no_detectable_move"


def test_wide_book_at_the_signal_is_not_a_price() -> None:
    assert judged(mids(spread=0.11)).verdict == "not_evaluated:wide_book"


def test_one_sided_book_at_the_end_is_no_price() -> None:
    series = mids()
    price, spread = series.price.copy(), series.spread.copy()
    price[series.at > T0 + 50 * MINUTE_MS] = np.nan
    spread[series.at > T0 + 50 * MINUTE_MS] = np.nan

    result = judged(replace(series, price=price, spread=spread))

    assert result.verdict == "not_evaluated:no_price"
    assert result.price_before is not None
    assert result.price_after is None


def test_signal_before_the_market_has_no_price() -> None:
    assert judged(mids(), t0=-HOUR_MS).verdict == "not_evaluated:no_price"


def test_window_still_running_is_open_and_not_final() -> None:
    result = judged(mids(until=T0 + 20 * MINUTE_MS), now=T0 + 20 * MINUTE_MS)

    assert result.verdict == "not_evaluated:open_window"
    assert not result.final


@pytest.mark.parametrize("minutes", [-60, 0, 30, 60])
def test_market_resolved_by_the_end_of_the_window_is_resolved(minutes: int) -> None:
    resolved_at = T0 + minutes * MINUTE_MS
    series = mids((resolved_at, 0.999), until=resolved_at)

    result = judged(series, resolved_at=resolved_at, coverage=watched(resolved_at))

    assert result.verdict == "not_evaluated:resolved"
    assert result.final


def test_resolution_after_now_is_not_known_yet() -> None:
    result = judged(mids(), resolved_at=NOW + 1)

    assert result == judged(mids())


def test_date_without_a_time_supports_no_verdict() -> None:
    result = judged(mids((T0 + 5 * MINUTE_MS, 0.33)), precise=False)

    assert result.verdict == "not_evaluated:imprecise_time"


def test_bounce_that_reverts_is_no_detectable_move() -> None:
    result = judged(mids((T0 + 55 * MINUTE_MS, 0.33), (T0 + 65 * MINUTE_MS, 0.24)))

    assert result.move == pytest.approx(0.09, abs=0.0011)
    assert result.verdict == "no_detectable_move"
    assert "did not last" in result.reason


def test_move_waits_for_its_persistence_before_it_is_called() -> None:
    series = mids((T0 + 55 * MINUTE_MS, 0.33))
    end = T0 + HOUR_MS
    early = judged(series.until(end + MINUTE_MS), now=end + MINUTE_MS)
    later = judged(series.until(end + STEP), now=end + STEP)

    assert (early.verdict, early.final) == ("not_evaluated:open_window", False)
    assert (later.verdict, later.final) == ("moved_up", True)


def test_persistence_nobody_read_is_coverage_in_the_end() -> None:
    end = T0 + HOUR_MS
    series = mids((T0 + 55 * MINUTE_MS, 0.33), until=end)
    result = judged(series, coverage=watched(end), now=end + HOUR_MS)

    assert (result.verdict, result.final) == ("not_evaluated:coverage", True)


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        (-2 * HOUR_MS, "confounded"),
        (-2 * HOUR_MS - 1, "moved_up"),
        (HOUR_MS - 1, "confounded"),
        (HOUR_MS, "moved_up"),
    ],
)
def test_other_episode_confounds_from_two_hours_before_to_the_end(other: int, verdict: str) -> None:
    series = mids((T0 + 5 * MINUTE_MS, 0.33))

    assert judged(series, focal_t0s_of_other_episodes=(T0 + other,)).verdict == verdict


def test_flat_hour_stays_undetected_beside_another_episode() -> None:
    assert judged(mids(), focal_t0s_of_other_episodes=(T0,)).verdict == "no_detectable_move"


@pytest.mark.parametrize(
    ("p_value", "verdict"), [(0.05, "moved_up"), (0.051, "no_detectable_move")]
)
def test_placebo_p_decides_where_there_is_one(p_value: float, verdict: str) -> None:
    assert (
        judged(mids((T0 + 5 * MINUTE_MS, 0.33)), test=lambda: Placebo(p_value, 99, 9)).verdict
        == verdict
    )


def test_without_p_four_units_of_noise_are_needed() -> None:
    # noise 0.5 pp (half the spread); +1.8 pp is above 1.5 pp but only z 3.6
    result = judged(mids((T0 + 5 * MINUTE_MS, 0.258)))

    assert result.verdict == "no_detectable_move"
    assert "below 4" in result.reason
    assert (
        judged(mids((T0 + 5 * MINUTE_MS, 0.258)), test=lambda: Placebo(0.01, 99, 9)).verdict
        == "moved_up"
    )


def test_pulled_ask_is_not_a_move() -> None:
    # 0.235/0.245 -> 0.235/0.325: the mid rises 4 pp, the bid not at all
    series = mids()
    after = series.at >= T0 + 5 * MINUTE_MS
    price = np.where(after, 0.28, series.price)
    spread = np.where(after, 0.09, series.spread)

    assert judged(replace(series, price=price, spread=spread)).verdict == "no_detectable_move"


def test_market_listed_an_hour_ago_is_evaluated_thin_and_without_run_up() -> None:
    series = mids((T0 + 5 * MINUTE_MS, 0.33))
    young = series.at >= T0 - HOUR_MS
    series = replace(
        series, at=series.at[young], price=series.price[young], spread=series.spread[young]
    )

    result = judged(series, coverage=coverage([T0 - HOUR_MS], [NOW]))

    assert result.verdict == "moved_up"
    assert result.thin
    assert result.n_updates == 0
    assert result.pre_move is None


def test_run_up_from_a_stale_price_is_unknown_not_a_move() -> None:
    series = mids((T0 - 70 * MINUTE_MS, 0.33))
    blind = (series.at > T0 - 6 * HOUR_MS) & (series.at < T0 - 70 * MINUTE_MS)
    series = replace(
        series, at=series.at[~blind], price=series.price[~blind], spread=series.spread[~blind]
    )
    seen = coverage([0, T0 - 70 * MINUTE_MS], [T0 - 6 * HOUR_MS, NOW])

    result = judged(series, coverage=seen)

    assert result.pre_move is None
    assert result.verdict == "no_detectable_move"


def test_other_windows_are_described_and_not_tested() -> None:
    series = mids((T0 + 5 * MINUTE_MS, 0.33))
    result = describe(series, watched(), t0=T0, window_s=900, now=NOW)

    assert result.verdict == "described"
    assert result.move == pytest.approx(0.09, abs=0.0011)
    open_day = describe(series, watched(), t0=T0, window_s=86_400, now=NOW)
    assert open_day.verdict == "not_evaluated:open_window"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=12),
    st.sampled_from([0.24, 0.33, 0.2, 0.26]),
)
def test_later_quotes_never_change_a_final_result(later: list[float], level: float) -> None:
    now = T0 + 75 * MINUTE_MS
    series = mids((T0 + 5 * MINUTE_MS, level), until=now)
    before = judged(series, now=now, coverage=watched(now))
    at = now + STEP * np.arange(1, len(later) + 1, dtype=np.int64)
    longer = replace(
        series,
        at=np.concatenate((series.at, at)),
        price=np.concatenate((series.price, later)),
        spread=np.concatenate((series.spread, np.full(len(later), 0.01))),
    )

    after = judged(longer, now=int(at[-1]), coverage=watched(int(at[-1])))

    assert before.final
    assert after == before


def test_the_placebo_test_is_asked_only_of_a_response_that_can_be_judged() -> None:
    def unwanted() -> Placebo:
        raise AssertionError("nothing to compare")

    judged(mids(until=T0 - 9 * HOUR_MS), coverage=watched(T0 - 9 * HOUR_MS), test=unwanted)
    judged(mids(until=T0), now=T0 + 20 * MINUTE_MS, test=unwanted)
    judged(mids(), precise=False, test=unwanted)


def test_an_evaluated_link_says_with_how_many_hours_it_was_compared() -> None:
    jump = mids((T0 + 5 * MINUTE_MS, 0.33))

    tested = judged(jump, test=lambda: Placebo(0.2, 99, 9))
    untested = judged(jump, test=lambda: Placebo(None, 7, 1))

    assert (tested.p_value, tested.n_placebo, tested.placebo_days) == (0.2, 99, 9)
    assert tested.verdict == "no_detectable_move"
    assert "19 of 99 comparable hours" in tested.reason
    assert (untested.p_value, untested.n_placebo, untested.placebo_days) == (None, 7, 1)
    assert untested.verdict == "moved_up"  # |z| decides


def test_a_read_at_the_very_signal_does_not_make_an_old_price_fresh() -> None:
    series = mids()
    silent = (series.at > T0 - 9 * HOUR_MS) & (series.at < T0)
    series = replace(
        series, at=series.at[~silent], price=series.price[~silent], spread=series.spread[~silent]
    )
    seen = coverage([0, T0], [T0 - 9 * HOUR_MS, NOW])

    result = judged(series, coverage=seen)

    assert result.verdict == "not_evaluated:stale"
    assert result.quote_age_s == 9 * 3600


def test_a_response_that_lasted_has_a_shape_and_others_only_a_size() -> None:
    moved = judged(mids((T0 + 5 * MINUTE_MS, 0.33)))
    flat = judged(mids())

    assert moved.shape.first == moved.shape.half == Interval(0, 5 * MINUTE_MS)
    assert moved.shape.room == pytest.approx(0.09 / 0.76, abs=0.002)
    assert moved.shape.log_odds == pytest.approx(0.4445, abs=0.01)
    assert (flat.shape.first, flat.shape.half) == (None, None)
    assert flat.shape.room is not None


def test_what_a_day_takes_back_is_told_of_a_response_that_lasted() -> None:
    later = T0 + 26 * HOUR_MS
    series = mids((T0 + 5 * MINUTE_MS, 0.33), (T0 + 10 * HOUR_MS, 0.27), until=later)
    arguments = {"t0": T0, "now": later, "coverage": watched(later)}
    hour = judged(series, **arguments)
    day = describe(series, watched(later), T0, 86_400, later)
    flat = judged(mids(until=later), **arguments)

    assert reversal(hour, day) == pytest.approx(2 / 3, abs=0.02)  # 9 pp became 3 pp
    assert reversal(flat, day) is None


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.03, -0.05, 0.2]), st.integers(-60, 60))
def test_no_mirrors_yes(seed: int, jump: float, minute: int) -> None:
    walk = np.cumsum(np.random.default_rng(seed).normal(0, 0.002, 478))
    series = mids((T0 + minute * MINUTE_MS, 0.24 + jump))
    yes = replace(series, price=np.clip(series.price + walk[: len(series.at)], 0.02, 0.98))
    no = replace(yes, price=1 - yes.price)

    def compared(series: PriceSeries) -> LinkResult:
        path = track(series, watched())
        return judged(series, test=lambda: placebo(path, t0=T0, window_ms=HOUR_MS))

    up, down = compared(yes), compared(no)

    assert down.p_value == up.p_value
    assert down.verdict == {"moved_up": "moved_down", "moved_down": "moved_up"}.get(
        up.verdict, up.verdict
    )
    assert down.move == pytest.approx(-(up.move or 0.0))


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 0.95), st.integers(0, 60))
def test_flat_price_never_moves(price: float, minutes: int) -> None:
    at = np.arange(0, NOW, 15 * MINUTE_MS, dtype=np.int64)
    flat = PriceSeries(at, np.full(len(at), price), np.full(len(at), 0.01), "book")

    assert judged(flat, t0=T0 + minutes * MINUTE_MS).verdict == "no_detectable_move"


LEGS = [Leg("a", "alibaba", 0.2), Leg("m", "moonshot", 0.1), Leg("o", "openai", 0.6)]


def test_leg_of_the_named_entity_is_focal() -> None:
    leg = focal_leg(LEGS, entities=["moonshot"], owners=["alibaba"])

    assert leg == LEGS[1]


def test_leg_of_the_owner_is_focal_when_only_the_model_is_named() -> None:
    assert focal_leg(LEGS, entities=["qwen"], owners=["alibaba"]) == LEGS[0]


def test_only_market_is_focal_whatever_it_names() -> None:
    assert focal_leg([Leg("x", None, None)], entities=["qwen"], owners=[]) == Leg("x", None, None)


def test_highest_price_is_focal_when_no_name_fits() -> None:
    assert focal_leg(LEGS, entities=["zetacorp"], owners=[]) == LEGS[2]
    assert focal_leg([], entities=["zetacorp"], owners=[]) is None
