"""Every number here can be checked on paper."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.grade_report import Graded, Recall, recall, repeats, report
from signals.grading import Base, Direction, Outcome, Path, base_rate, lead_ms, outcome
from signals.prices import HOUR_MS, MINUTE_MS, Coverage, PriceSeries, coverage

NOW = 1000 * HOUR_MS
HIT = Outcome(hit=True, change=0.05, spread=0.01)
MISS = Outcome(hit=False, change=-0.01, spread=0.01)


def ms(minutes: float) -> int:
    return int(minutes * MINUTE_MS)


def a_path(
    prices: Mapping[float, float | None],
    *,
    spread: float = 0.01,
    read: tuple[float, float] | None = (0, 60_000),
    resolved: float | None = None,
    basis: str = "book",
) -> Path:
    """Return a market whose price is as in `prices` (by minute), read without a pause in `read`."""
    at = np.array([ms(minute) for minute in sorted(prices)], dtype=np.int64)
    mids = [prices[minute] for minute in sorted(prices)]
    price = np.array([np.nan if mid is None else mid for mid in mids], dtype=np.float64)
    spreads = np.where(np.isnan(price), np.nan, spread)
    spans = ([], []) if read is None else ([ms(read[0])], [ms(read[1])])
    return Path(
        PriceSeries(at, price, spreads, basis),
        coverage(*spans),
        None if resolved is None else ms(resolved),
    )


def told(path: Path, minute: float, direction: Direction | None = 1, now: int = NOW) -> Outcome:
    return outcome(path, at=ms(minute), direction=direction, now=now)


def graded(found: Outcome, **given: object) -> Graded:
    values = {"key": "race", "at": 0, "direction": 1, "outcome": found, **given}
    return Graded(**values)  # type: ignore[arg-type]


def test_an_alert_is_entered_at_the_first_quote_after_it_and_left_six_hours_after_it() -> None:
    path = a_path({0: 0.40, 100.5: 0.42, 200: 0.45, 459: 0.47, 460: 0.46, 461: 0.90})

    found = told(path, 100)

    assert (found.entry_at, found.entry, found.exit) == (ms(100.5), 0.42, 0.46)
    assert found.change == pytest.approx(0.04)
    assert (found.hit, found.threshold) == (True, 0.03)


def test_a_price_that_stands_is_tradable_when_it_is_read_again() -> None:
    # No row within the minute: the price was read and had not changed.
    found = told(a_path({0: 0.40, 110: 0.44}), 100)

    assert (found.entry_at, found.entry, found.exit) == (ms(101), 0.40, 0.44)


def test_what_moved_before_the_first_quote_is_nobodys_gain() -> None:
    found = told(a_path({0: 0.40, 100.2: 0.50, 300: 0.51}), 100)

    assert found.change == pytest.approx(0.01)
    assert found.hit is False


@pytest.mark.parametrize(
    ("spread", "change", "hit"),
    [
        (0.01, 0.029, False),
        (0.01, 0.03, True),  # 3 pp is the floor
        (0.04, 0.05, False),  # more than the spread, less than 1.5 spreads
        (0.04, 0.06, True),
        (0.08, 0.07, False),  # smaller than the spread is no hit
    ],
)
def test_a_hit_takes_three_points_and_one_and_a_half_spreads(
    spread: float, change: float, hit: bool
) -> None:
    found = told(a_path({0: 0.40, 300: 0.40 + change}, spread=spread), 100)

    assert found.hit is hit
    assert found.threshold == pytest.approx(max(0.03, 1.5 * spread))


def test_an_unknown_spread_counts_as_one_point() -> None:
    path = a_path({0: 0.39, 90: 0.40, 101: 0.40, 300: 0.44}, spread=np.nan, basis="trade")
    found = told(path, 100)

    assert (found.hit, found.spread) == (True, 0.01)


@pytest.mark.parametrize(("direction", "hit"), [(1, False), (-1, True), (None, True)])
def test_the_stated_direction_counts_and_either_when_none_is_stated(
    direction: Direction | None, hit: bool
) -> None:
    assert told(a_path({0: 0.40, 300: 0.35}), 100, direction).hit is hit


def test_a_horizon_that_has_not_passed_is_pending() -> None:
    path = a_path({0: 0.40, 300: 0.50})

    assert told(path, 100, now=ms(459)).ungraded == "pending"
    assert told(path, 100, now=ms(460)).hit is True


def test_a_later_row_never_changes_a_grade() -> None:
    path = {0.0: 0.40, 300.0: 0.44}

    assert told(a_path(path), 100) == told(a_path({**path, 460.1: 0.10, 900: 0.99}), 100)


def test_a_market_settled_within_the_horizon_is_not_graded() -> None:
    path = {0.0: 0.40, 300.0: 1.0}

    assert told(a_path(path, resolved=300), 100).ungraded == "resolved"
    assert told(a_path(path, resolved=300), 100, now=ms(310)).ungraded == "resolved"
    assert told(a_path({0: 0.40, 300: 0.5}, resolved=461), 100).hit is True


@pytest.mark.parametrize(
    ("read", "why"),
    [
        ((0, 90), "stale"),  # nobody read for 3 h after the alert
        ((0, 279), "stale"),  # nor in the 3 h before the end
        ((0, 281), None),
        ((300, 900), "stale"),  # the first quote came too late to be an entry
    ],
)
def test_what_nobody_watched_is_stale(read: tuple[float, float], why: str | None) -> None:
    assert told(a_path({0: 0.40}, read=read), 100).ungraded == why


def test_a_book_without_two_sides_is_no_price() -> None:
    assert told(a_path({0: 0.40, 50: None}), 100).ungraded == "no_price"
    assert told(a_path({0: 0.40, 300: None}), 100).ungraded == "no_price"
    assert told(a_path({0: 0.40, 50: None, 150: 0.41}), 100).entry_at == ms(150)


def test_a_history_without_rows_is_stale_whatever_was_read() -> None:
    path = {0.0: 0.40, 110.0: 0.41}

    assert told(a_path(path, basis="trade"), 100).ungraded == "stale"
    assert told(a_path({**path, 300: 0.42}, basis="trade"), 100).hit is False


@pytest.mark.parametrize("basis", ["trade", "venue_history"])
def test_a_last_trade_told_again_and_again_is_no_price_to_grade_on(basis: str) -> None:
    dead = {30.0 * n: 0.875 for n in range(200)}

    found = told(a_path(dead, spread=np.nan, basis=basis), 1000, None)

    assert (found.hit, found.ungraded) == (None, "stale")
    # The same price read from a book stands: anybody could have bought at it.
    assert told(a_path(dead), 1000, None).hit is False


@pytest.mark.parametrize(("prices", "grade"), [
    # At most half the horizon, 180 min, may lie between the last change and the entry at 110 …
    ({0: 0.39, 0.5: 0.40, 110: 0.40, 280: 0.41}, "miss"),
    ({-80: 0.39, -71: 0.40, 110: 0.40, 281: 0.41}, "stale"),
    # … and between it and the end at 460.
    ({0: 0.39, 90: 0.40, 110: 0.40, 280: 0.44}, "hit"),
    ({0: 0.39, 90: 0.40, 110: 0.40, 279: 0.44, 400: 0.44}, "stale"),
    # A trade at a new price is an entry, whatever stood before.
    ({-900: 0.39, 200: 0.40, 300: 0.44}, "hit"),
    # How long the first price had stood before it was first seen, nobody knows.
    ({99: 0.40, 110: 0.40, 281: 0.44}, "stale"),
])  # fmt: skip
def test_a_trade_counts_while_its_price_changed_at_most_half_the_horizon_ago(
    prices: Mapping[float, float | None], grade: str
) -> None:
    assert told(a_path(prices, spread=np.nan, basis="trade"), 100).word == grade


def test_a_grade_on_trades_says_that_nobody_saw_a_quote() -> None:
    prices = {0.0: 0.39, 90.0: 0.40, 110.0: 0.40, 300.0: 0.44}
    trades = told(a_path(prices, spread=np.nan, basis="trade"), 100)
    book = told(a_path(prices), 100)

    assert (trades.basis, trades.without_book) == ("trade", True)
    assert (book.basis, book.without_book) == ("book", False)
    assert report([graded(trades), graded(book)]).without_book == 1


def test_random_times_pass_the_same_gates_as_alerts() -> None:
    # 0.1 pp every 10 min for a day, then the last trade for nine more.
    living = {10.0 * n: 0.10 + 0.001 * n for n in range(144)}
    dead = {60.0 * n: 0.243 for n in range(24, 240)}
    path = a_path({**living, **dead}, spread=np.nan, basis="trade", read=(0, 14_400))

    found = base_rate(path, direction=1, since=0, until=ms(14_400), seed=7)

    # Of 14 040 min of starts those that end up to 180 min after the last change: about 9 %, two
    # or three windows. The dead nine days are neither misses nor windows.
    assert 0.06 < found.n / 500 < 0.12
    assert found.windows in (3, 4, 5)
    assert found.rate is not None
    assert found.rate > 0.6


def test_the_span_of_an_import_is_no_read_of_a_book() -> None:
    prices = a_path({0: 0.40}).series
    told_of = coverage([0], [ms(2000)])
    imported = Path(prices, Coverage(told_of.from_at, told_of.to_at, read=coverage([], [])))

    assert outcome(imported, at=ms(100), direction=1, now=NOW).ungraded == "stale"


def test_random_times_of_a_flat_market_never_hit_and_of_a_steep_one_always() -> None:
    flat = a_path({0: 0.40}, read=(0, 6000))
    # 0.1 pp every 10 min: 3.6 pp in 6 h from any entry.
    steep = a_path({10 * n: 0.10 + 0.001 * n for n in range(601)}, read=(0, 6000))

    cases: list[tuple[Path, Direction | None, float]]
    cases = [(flat, None, 0.0), (steep, 1, 1.0), (steep, -1, 0.0)]
    for path, direction, rate in cases:
        found = base_rate(path, direction=direction, since=0, until=ms(6000), seed=7)

        assert (found.rate, found.n) == (rate, 500)
        # (6000 - 360) min of starts hold 15 whole horizons, and the last start one more.
        assert found.windows == 16


def test_random_times_hit_as_often_as_the_market_does() -> None:
    # One step of 10 pp at minute 3000: of 5640 min of starts, those of the 360 min before it hit.
    path = a_path({0: 0.40, 3000: 0.50}, read=(0, 6000))

    found = base_rate(path, direction=1, since=0, until=ms(6000), seed=7, draws=2000)

    assert found.rate == pytest.approx(360 / 5640, abs=0.015)


def test_random_times_are_the_same_ones_again_and_lie_where_prices_were_watched() -> None:
    at = np.array([0, ms(10_000)], dtype=np.int64)
    watched = coverage([0, ms(10_000)], [ms(1000), ms(11_000)])
    series = PriceSeries(at, np.array([0.4, 0.4]), np.array([0.01, 0.01]), "book")
    path = Path(series, watched)

    found = [base_rate(path, direction=1, since=0, until=ms(11_000), seed=seed) for seed in (1, 1)]

    assert found[0] == found[1]
    # 1000 and 640 min: 4 horizons and a bit; starts too near the gap cannot be graded.
    assert found[0].windows == 5
    assert 0 < found[0].n < 500


def test_nothing_watched_has_no_base_rate() -> None:
    empty = Path(
        PriceSeries(np.array([], dtype=np.int64), np.array([]), np.array([]), "book"),
        Coverage(np.array([], dtype=np.int64), np.array([], dtype=np.int64)),
    )
    short = a_path({0: 0.40}, read=(0, 359))

    for path, until in ((empty, 6000.0), (short, 359.0)):
        found = base_rate(path, direction=1, since=0, until=ms(until), seed=7)
        assert (found.rate, found.n) == (None, 0)


def test_lead_time_runs_to_the_move_and_is_negative_when_that_was_there_first() -> None:
    path = a_path({0: 0.40, 130: 0.42, 220: 0.44})
    found = told(path, 100)

    def lead(*moves: tuple[float, int]) -> int | None:
        return lead_ms(path, found, at=ms(100), moves=[(ms(at), sign) for at, sign in moves])

    assert lead((130, 1)) == ms(30)
    assert lead((70, 1), (130, 1)) == ms(-30)
    # One that went the other way, or is out of reach, is another matter: 3 pp at minute 220.
    assert lead((70, -1), (-300, 1)) == ms(120)
    assert lead() == ms(120)


def test_what_is_no_hit_has_no_lead() -> None:
    path = a_path({0: 0.40, 130: 0.41})

    assert lead_ms(path, told(path, 100), at=ms(100), moves=[(ms(130), 1)]) is None


def test_alerts_of_one_series_within_six_hours_are_one() -> None:
    alerts = [("race", 0), ("race", 300), ("other", 300), ("race", 361), ("race", 720)]

    found = repeats([(key, ms(at)) for key, at in alerts])

    # 361 is a new one, counted from 0; 720 lies 359 min after it.
    assert found == [False, True, False, False, True]


def test_recall_counts_episodes_with_an_alert_in_the_six_hours_before() -> None:
    moves = [("race", ms(400)), ("race", ms(1000)), ("other", ms(400))]

    found = recall(moves, [("race", ms(40)), ("race", ms(1000)), ("other", ms(39))])

    # 360 min before counts, at the same instant or 361 before does not.
    assert found == Recall(told=1, moves=3)
    assert found.share == pytest.approx(1 / 3)


def test_the_report_has_precision_with_its_interval_base_rate_and_lift() -> None:
    rows = [graded(HIT, base=Base(10, 100, 8)) for _ in range(7)]
    rows += [graded(MISS, base=Base(30, 100, 12)) for _ in range(3)]

    found = report(rows, recalled=Recall(2, 4))

    assert (found.n, found.hits, found.precision) == (10, 7, 0.7)
    # Wilson 7/10, oracle O5 of the reference.
    assert found.interval == pytest.approx((0.3968, 0.8922), abs=1e-4)
    # (7 x 0.1 + 3 x 0.3) / 10 = 0.16; 0.7 / 0.16 = 4.375
    assert found.base == pytest.approx(0.16)
    assert found.lift == pytest.approx(4.375)
    assert found.base_windows == 8
    assert found.recall.share == 0.5
    # Only 8 windows of one market stand behind the base rate.
    assert found.p is None


def test_p_is_the_exact_chance_of_as_many_hits_at_random_times() -> None:
    def p(hits: int, n: int, base: Base) -> float | None:
        rows = [graded(HIT if place < hits else MISS, base=base) for place in range(n)]
        return report(rows).p

    # One-sided binomial 7/10 against .3, oracle O5 of the reference.
    assert p(7, 10, Base(30, 100, 20)) == pytest.approx(0.01059, abs=5e-6)
    assert p(0, 10, Base(30, 100, 20)) == pytest.approx(1.0)
    assert p(4, 4, Base(30, 100, 20)) is None
    assert p(7, 10, Base(30, 100, 19)) is None


def test_what_is_left_out_is_counted_by_reason() -> None:
    rows = [
        graded(HIT),
        graded(HIT, repeat=True),
        graded(MISS, repeat=True),
        graded(Outcome(None, "pending")),
        graded(Outcome(None, "pending"), repeat=True),
        graded(Outcome(None, "stale")),
    ]

    found = report(rows)

    assert (found.n, found.hits) == (1, 1)
    assert found.excluded == {"pending": 2, "same_episode": 2, "stale": 1}


def test_lead_is_the_median_of_those_told_before_and_the_late_are_counted_apart() -> None:
    leads = [10, 20, 90, -5, -500]

    found = report([graded(HIT, lead_ms=ms(lead)) for lead in leads])

    assert (found.lead_ms, found.before, found.after) == (ms(20), 3, 2)


def test_money_is_the_change_in_the_stated_direction_less_spread_and_fee() -> None:
    rows = [
        graded(HIT),  # 5 - 1
        graded(HIT, direction=-1),  # -5 - 1
        graded(MISS, fee=0.02),  # -1 - 1 - 2
        graded(HIT, direction=None),  # nobody could have known which way
    ]

    found = report(rows).money

    assert found is not None
    assert found.n == 3
    assert found.mean == pytest.approx((0.04 - 0.06 - 0.04) / 3)
    assert [found.least, found.most] == pytest.approx([-0.06, 0.04])


def test_nothing_graded_is_unknown_and_not_zero() -> None:
    found = report([])

    assert (found.n, found.precision, found.interval, found.base) == (0, None, None, None)
    assert (found.lift, found.lead_ms, found.money, found.recall.share) == (None, None, None, None)
    assert report([graded(HIT, base=Base(0, 50, 3))]).lift is None


@given(
    steps=st.lists(st.sampled_from([-0.04, -0.01, 0.0, 0.01, 0.04]), min_size=2, max_size=12),
    start=st.integers(0, 700),
    shift=st.integers(0, 10**6),
)
def test_a_grade_does_not_depend_on_when_the_clock_began_and_sides_mirror(
    steps: list[float], start: int, shift: int
) -> None:
    prices = {60.0 * n: round(0.5 + sum(steps[:n]), 2) for n in range(len(steps))}
    path = a_path(prices, read=(0, 2000))
    moved = a_path({at + shift: price for at, price in prices.items()}, read=(shift, shift + 2000))
    mirrored = a_path({at: round(1 - price, 2) for at, price in prices.items()}, read=(0, 2000))
    now = ms(2000)

    found = told(path, start, 1, now=now)
    later = outcome(moved, at=ms(start + shift), direction=1, now=now + ms(shift))

    assert (later.hit, later.change) == (found.hit, found.change)
    assert told(mirrored, start, -1, now=now).hit == found.hit
