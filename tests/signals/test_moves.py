from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.moves import Move, detect_moves, together
from signals.prices import HOUR_MS, MINUTE_MS, PriceSeries, coverage

START = 74 * HOUR_MS


def quotes(*rows: tuple[float, float], spread: float = 0.01, basis: str = "book") -> PriceSeries:
    """0.24 flat for 74 h with a row each 15 min, then (minute, price) rows."""
    at = [*range(0, START, 15 * MINUTE_MS), *(START + int(m * MINUTE_MS) for m, _ in rows)]
    price = [0.24] * (len(at) - len(rows)) + [p for _, p in rows]
    return PriceSeries(
        np.array(at, dtype=np.int64), np.array(price), np.full(len(at), spread), basis
    )


def moves(series: PriceSeries, now_min: float, **more: int) -> list[Move]:
    now = START + int(now_min * MINUTE_MS)
    return detect_moves(series, coverage([0], [now]), after=0, now=now, **more)


def minute(at: int) -> float:
    return (at - START) / MINUTE_MS


def test_jump_that_stays_is_one_persisted_move() -> None:
    (move,) = moves(quotes((0, 0.24), (5, 0.33), (20, 0.33), (35, 0.33)), 40)

    assert (move.price_from, move.price_to) == (0.24, 0.33)
    assert move.delta == pytest.approx(0.09)
    assert (minute(move.start_at), minute(move.crossed_at), minute(move.end_at)) == (0, 5, 5)
    assert move.state == "persisted"
    assert not move.ended
    assert move.z == pytest.approx(18)  # 9 pp over half the spread, 0.5 pp


def test_move_ends_after_a_quiet_hour() -> None:
    series = quotes((5, 0.33), (20, 0.33))

    assert not moves(series, 64)[0].ended
    assert moves(series, 65)[0].ended


def test_jump_is_pending_until_two_further_reads() -> None:
    series = quotes((0, 0.24), (5, 0.33), (6, 0.33), (7, 0.33))

    assert moves(series, 6)[0].state == "pending"
    assert moves(series, 7)[0].state == "persisted"


def test_jump_on_a_quiet_book_persists_after_ten_watched_minutes() -> None:
    series = quotes((0, 0.24), (5, 0.33))

    assert moves(series, 14.9)[0].state == "pending"
    assert moves(series, 15)[0].state == "persisted"


def test_a_jump_in_a_file_persists_by_its_rows_and_not_by_the_minutes_between_them() -> None:
    series = quotes((0, 0.24), (5, 0.33), (45, 0.24))
    now = START + 50 * MINUTE_MS
    told = replace(coverage([0], [now]), read=coverage([], []))

    (read,) = moves(series, 50)
    (found,) = detect_moves(series, told, after=0, now=now)

    # polls would have seen it stand at +15 min; the file's next row says it went back
    assert (read.state, found.state) == ("persisted", "reverted")


def test_nobody_watching_afterwards_leaves_it_pending() -> None:
    series = quotes((0, 0.24), (5, 0.33))
    now = START + 300 * MINUTE_MS
    (move,) = detect_moves(series, coverage([0], [START + 6 * MINUTE_MS]), after=0, now=now)

    assert (move.state, move.ended) == ("pending", True)


def test_rows_of_one_second_are_one_read() -> None:
    sweep = quotes((0, 0.24), (5, 0.30), (5.001, 0.33), (5.002, 0.33))

    assert moves(sweep, 6)[0].state == "pending"


def test_bounce_is_reverted() -> None:
    (move,) = moves(quotes((0, 0.24), (5, 0.33), (6, 0.24), (7, 0.24)), 120)

    assert move.state == "reverted"


def test_return_within_the_hour_is_no_second_move() -> None:
    # an hour on, the trailing hour begins inside the bounce: 0.33 -> 0.239 would look like a fall
    (move,) = moves(quotes((0, 0.24), (5, 0.33), (30, 0.33), (35, 0.24), (70, 0.239)), 120)

    assert move.state == "persisted"


def test_jump_again_after_a_bounce_is_a_move_of_its_own() -> None:
    rows = quotes((0, 0.24), (5, 0.33), (6, 0.24), (7, 0.24), (20, 0.33), (21, 0.33), (22, 0.33))

    assert [(minute(m.crossed_at), m.state) for m in moves(rows, 60)] == [
        (5, "reverted"),
        (20, "persisted"),
    ]


def test_fall_beyond_the_origin_is_a_move_the_other_way() -> None:
    rows = quotes((0, 0.24), (5, 0.33), (20, 0.33), (40, 0.15), (41, 0.15), (42, 0.15))
    up, down = moves(rows, 60)

    assert (up.delta, down.delta) == (pytest.approx(0.09), pytest.approx(-0.09))
    assert (down.price_from, down.state) == (0.24, "persisted")


def test_legs_less_than_an_hour_apart_are_one_move() -> None:
    (move,) = moves(quotes((0, 0.24), (5, 0.30), (20, 0.30), (50, 0.36), (65, 0.36)), 70)

    assert (minute(move.start_at), minute(move.end_at)) == (0, 50)
    assert move.price_to == 0.36


def test_legs_more_than_an_hour_apart_are_two_moves() -> None:
    rows = quotes((5, 0.30), (20, 0.30), (35, 0.30), (50, 0.30), (66, 0.36), (81, 0.36))

    assert len(moves(rows, 90)) == 2


def test_slow_climb_is_measured_against_the_earliest_price_of_the_hour() -> None:
    # 1 pp every 10 min crosses 3 pp at the third step
    (move,) = moves(quotes((10, 0.25), (20, 0.26), (30, 0.27), (40, 0.28), (50, 0.29)), 55)

    assert (minute(move.start_at), minute(move.crossed_at)) == (20, 30)
    assert (move.price_from, move.price_to) == (0.24, 0.29)


def test_three_points_are_a_move_and_less_is_not() -> None:
    assert len(moves(quotes((5, 0.27), (20, 0.27)), 30)) == 1
    assert moves(quotes((5, 0.2699), (20, 0.2699)), 30) == []


def test_move_inside_one_and_a_half_spreads_is_none() -> None:
    assert moves(quotes((5, 0.33), (20, 0.33), spread=0.07), 30) == []


def test_move_inside_four_units_of_its_noise_is_none() -> None:
    # 2 pp up and down every 15 min: s = sqrt(4) * 2 = 4 pp an hour, 4 s = 16 pp
    series = quotes((5, 0.36), (20, 0.36))
    noisy = np.where(np.arange(len(series.at)) % 2, 0.02, 0.0) + series.price

    assert moves(replace(series, price=noisy), 30) == []


def test_change_over_an_outage_is_not_a_move() -> None:
    series = quotes((0, 0.24), (300, 0.33), (315, 0.33))
    watched = coverage([0, START + 300 * MINUTE_MS], [START, START + 320 * MINUTE_MS])

    assert detect_moves(series, watched, after=0, now=START + 320 * MINUTE_MS) == []


def test_settlement_is_not_a_move() -> None:
    series = quotes((0, 0.24), (5, 0.999), (20, 0.999))

    assert moves(series, 30, resolved_at=START + 5 * MINUTE_MS) == []


def test_only_moves_after_the_given_instant_are_returned() -> None:
    series = quotes((0, 0.24), (5, 0.33), (20, 0.33))
    now = START + 30 * MINUTE_MS
    crossed = START + 5 * MINUTE_MS

    assert detect_moves(series, coverage([0], [now]), after=crossed, now=now) == []
    assert len(detect_moves(series, coverage([0], [now]), after=crossed - 1, now=now)) == 1


def test_unpriced_rows_in_between_do_not_hide_a_jump() -> None:
    (move,) = moves(quotes((0, 0.24), (5, float("nan")), (10, 0.33), (25, 0.33)), 30)

    assert (minute(move.start_at), minute(move.crossed_at)) == (0, 10)


def test_new_market_without_known_noise_needs_three_points() -> None:
    series = quotes((5, 0.30), (20, 0.30))
    young = series.at >= START - HOUR_MS
    series = replace(
        series, at=series.at[young], price=series.price[young], spread=series.spread[young]
    )
    now = START + 30 * MINUTE_MS
    (move,) = detect_moves(series, coverage([START - HOUR_MS], [now]), after=0, now=now)

    assert move.z is None


def test_no_rows_no_moves() -> None:
    none = np.array([])
    empty = PriceSeries(np.array([], dtype=np.int64), none, none, "book")

    assert detect_moves(empty, coverage([], []), after=0, now=START) == []


walks = st.lists(st.tuples(st.floats(0.1, 25), st.floats(-0.12, 0.12)), min_size=1, max_size=40)


def a_walk(steps: list[tuple[float, float]]) -> tuple[PriceSeries, float]:
    rows, at, price = [], 0.0, 0.5
    for gap, change in steps:
        at, price = at + gap, min(max(price + change, 0.02), 0.98)
        rows.append((at, price))
    series = quotes(*rows)
    price_from = np.where(series.at < START, 0.5, series.price)
    return replace(series, price=price_from), at


@settings(max_examples=80, deadline=None)
@given(walks, st.floats(0, 1))
def test_later_quotes_never_rewrite_a_move(steps: list[tuple[float, float]], part: float) -> None:
    series, length = a_walk(steps)
    early, late = moves(series, part * length), moves(series, length + 200)

    fixed = [(move.start_at, move.crossed_at, move.price_from) for move in early]
    assert fixed == [(m.start_at, m.crossed_at, m.price_from) for m in late][: len(early)]
    for before, after in zip(early, late, strict=False):
        assert before.state in ("pending", after.state)
        if before.ended and before.state != "pending":
            assert after == before


@settings(max_examples=40, deadline=None)
@given(st.floats(0.02, 0.98), st.lists(st.floats(0.1, 90), max_size=20))
def test_flat_price_has_no_moves(price: float, gaps: list[float]) -> None:
    series = quotes(*((at, price) for at in np.cumsum(gaps)))
    flat = replace(series, price=np.full(len(series.at), price))

    assert moves(flat, sum(gaps) + 60) == []


@settings(max_examples=40, deadline=None)
@given(walks)
def test_no_mirrors_yes(steps: list[tuple[float, float]]) -> None:
    series, length = a_walk(steps)
    yes = moves(series, length + 90)
    no = moves(replace(series, price=1 - series.price), length + 90)

    assert [(m.start_at, m.crossed_at, m.end_at, m.state) for m in yes] == [
        (m.start_at, m.crossed_at, m.end_at, m.state) for m in no
    ]
    assert [m.delta for m in yes] == pytest.approx([-m.delta for m in no])


@settings(max_examples=40, deadline=None)
@given(walks, st.sampled_from((0.001, 0.999)))
def test_the_jump_to_a_resolution_is_no_move(
    steps: list[tuple[float, float]], settled: float
) -> None:
    series, length = a_walk(steps)
    at = START + int((length + 5) * MINUTE_MS)
    ended = replace(
        series,
        at=np.append(series.at, [at, at + MINUTE_MS]),
        price=np.append(series.price, [settled, settled]),
        spread=np.append(series.spread, [0.01, 0.01]),
    )

    with_end = moves(ended, length + 60, resolved_at=at)
    without = moves(series, length + 60)

    assert [(m.start_at, m.price_to) for m in with_end] == [
        (m.start_at, m.price_to) for m in without
    ]


def test_legs_that_cross_within_a_quarter_of_an_hour_of_the_first_are_together() -> None:
    crossed = [m * MINUTE_MS for m in (31, 0, 15, 16, 5)]

    assert together(crossed) == [[1, 4, 2], [3, 0]]
    assert together([]) == []


@given(st.lists(st.integers(0, 10_000_000), max_size=12), st.randoms())
def test_the_order_of_legs_does_not_change_what_is_together(
    crossed: list[int], rng: object
) -> None:
    shuffled = list(crossed)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]

    def groups(instants: list[int]) -> list[list[int]]:
        return [sorted(instants[place] for place in group) for group in together(instants)]

    assert groups(shuffled) == groups(crossed)
