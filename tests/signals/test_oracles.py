"""The numeric oracles of the event study reference, with its tolerances.

O1 and O3 recompute published studies from the recordings; beside them stand the few figures that
the tests of our own functions need, so that they also run where there are none.
"""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import statsmodels.api as sm
from scipy import stats

from signals.distributions import student_p
from signals.evaluation import wilson
from signals.hayashi_yoshida import correlation, covariance, increments
from signals.leaders import binomial_p
from signals.multiple import q_values
from signals.power import power
from signals.prices import PriceSeries
from signals.shape import Interval, reached
from signals.study_tests import (
    bmp,
    corrado,
    cross_section,
    kolari_pynnonen,
    patell,
    sign_flip,
    standardised,
)

Floats = npt.NDArray[np.float64]

# O1: returns of the share and of the market index, two trading days before to two after the event.
SHARE = (-0.00713, -0.024762, -0.024206, 0.026402, -0.01271)
INDEX = (-0.001975, 0.003298, 0.005325, 0.008959, 0.001361)
ALPHA, BETA = -0.00224453, 1.35883017
ABNORMAL = (-0.002202, -0.026999, -0.029198, 0.016473, -0.012315)
# O3: change of each market-event against the day before it, points.
WAR_DAY_0 = (0.2, -0.5, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
WAR_DAY_3 = (0.3, 11.5, 0.5, 0.0, 1.0, 1.0, 0.0, 0.5, 0.0, 0.0)
# O5: minute prices from 17:45 UTC on; three of them may be interpolated (see the reference).
BIDEN = (
    0.415, 0.415, 0.415, 0.435, 0.585, 0.68, 0.72, 0.84, 0.96, 0.97, 0.978, 0.98, 0.985, 0.988,
    0.99, 0.992, 0.993, 0.994, 0.994, 0.995,
)  # fmt: skip
ESTIMATION = np.array([
    (3, 8, 3, -13, 9, 4, -5, 6, 4, 3),
    (1, 11, -15, -3, -10, 12, 1, -6, -16, -5),
    (0, -8, 39, 30, -81, -57, -5, -13, 6, 7),
]) / 1000  # fmt: skip
EVENT = (0.03, 0.05, 0.02)


def test_o1_abnormal_returns_and_their_cumulated_t() -> None:
    abnormal = np.array(SHARE) - ALPHA - BETA * np.array(INDEX)
    t = np.cumsum(abnormal) / (0.016037 * np.sqrt(np.arange(1, 6)))

    assert abnormal == pytest.approx(ABNORMAL, abs=2e-6)
    assert abnormal.sum() == pytest.approx(-0.054242, abs=5e-6)
    assert t == pytest.approx((-0.1373, -1.2875, -2.1024, -1.3072, -1.5126), abs=2e-4)
    assert student_p(float(t[2]), 119) == pytest.approx(0.03763, abs=5e-5)


@pytest.mark.recordings
def test_o1_market_model_and_constant_mean_from_the_recorded_returns(recordings: Path) -> None:
    rows = _rows(recordings / "history/eventstudy-oracle/returns_GAFAM_2006_2020.csv")
    event = next(i for i, row in enumerate(rows) if row["date"] == "2013-03-04")
    share, index = (np.array([float(row[name]) for row in rows[event - 152 : event + 3]])
                    for name in ("AAPL", "SPY"))  # fmt: skip
    fitted = sm.OLS(share[:120], sm.add_constant(index[:120])).fit()
    abnormal = share[-5:] - fitted.predict(sm.add_constant(index[-5:]))

    assert (rows[event - 152]["date"], rows[event - 33]["date"]) == ("2012-07-23", "2013-01-14")
    assert fitted.params == pytest.approx((ALPHA, BETA), abs=5e-9)
    assert abnormal == pytest.approx(ABNORMAL, abs=5e-7)
    assert np.sqrt(fitted.ssr / 120) == pytest.approx(0.016037, abs=5e-7)
    assert np.sqrt(fitted.ssr / 118) == pytest.approx(0.016172, abs=5e-7)
    mean = share[:120].mean()
    assert mean == pytest.approx(-0.00136383, abs=5e-9)
    assert share[-5:] - mean == pytest.approx(
        (-0.005767, -0.023398, -0.022842, 0.027765, -0.011347), abs=6e-7
    )
    assert np.std(share[:120], ddof=1) == pytest.approx(0.0193, abs=5e-5)


@pytest.mark.recordings
def test_o1_three_factor_model_from_the_recorded_returns(recordings: Path) -> None:
    folder = recordings / "history/eventstudy-oracle"
    factors = {row["date"]: row for row in _rows(folder / "famafrench_daily_2006_2020.csv")}
    rows = _rows(folder / "returns_GAFAM_2006_2020.csv")
    event = next(i for i, row in enumerate(rows) if row["date"] == "2013-03-04")
    chosen = rows[event - 2 - 30 - 300 : event + 11]
    days = [factors[row["date"].replace("-", "")] for row in chosen]
    risk_free = np.array([float(day["RF"]) for day in days]) / 100
    x = sm.add_constant(
        np.array([[float(day[name]) for name in ("Mkt-RF", "SMB", "HML")] for day in days]) / 100
    )
    y = np.array([float(row["AAPL"]) for row in chosen]) - risk_free
    fitted = sm.OLS(y[:300], x[:300]).fit()
    abnormal = (y - fitted.predict(x))[-13:]

    assert abnormal[2] == pytest.approx(-0.031006, abs=5e-6)
    assert abnormal.sum() == pytest.approx(0.004161, abs=5e-6)
    assert np.sqrt(fitted.ssr / 300) == pytest.approx(0.014024, abs=5e-6)


def test_o2_thetas_and_power_of_the_earnings_study() -> None:
    for mean, error, theta in (
        (0.965, 0.104, 9.28),
        (-0.679, 0.098, -6.93),
        (-0.091, 0.098, -0.93),
    ):
        assert mean / error == pytest.approx(theta, abs=0.005)
    for n, expected in ((1, 0.08), (5, 0.20), (10, 0.35), (20, 0.61), (50, 0.94)):
        assert power(0.01, 0.02, n) == pytest.approx(expected, abs=0.005)


def test_o3_moves_against_the_day_before_are_small_and_uncertain() -> None:
    for moves, mean, error in ((WAR_DAY_0, -0.33, 0.30), (WAR_DAY_3, 1.48, 1.12)):
        found = cross_section(moves)
        assert found is not None
        assert found.df == 9
        assert np.mean(moves) == pytest.approx(mean, abs=0.005)
        assert np.mean(moves) / found.t == pytest.approx(error, abs=0.005)
        assert found.p == pytest.approx(stats.ttest_1samp(moves, 0).pvalue)


@pytest.mark.recordings
def test_o3_published_coefficients_are_the_spread_of_levels(recordings: Path) -> None:
    folder = recordings / "history/betting-on-war-replication"
    windows = _war_windows(folder / "data")
    days = np.array([day for window in windows for day in window])
    prices = np.array([price for window in windows for price in window.values()])
    clipped = np.clip(prices, 0.001, 0.999)
    named = [day for day in range(-5, 11) if day != -1]
    dummies = np.column_stack([np.ones(len(days)), *(days == day for day in named)]).astype(float)
    fitted = sm.OLS(np.log(clipped / (1 - clipped)), dummies).fit(cov_type="HC1")

    assert len(windows) == 10
    published = {
        int(row["tau"]): row for row in _rows(folder / "results/event_study_coefficients.csv")
    }
    for number, day in enumerate(named, start=1):
        assert fitted.params[number] == pytest.approx(float(published[day]["coef"]), abs=1e-12)
        assert fitted.bse[number] == pytest.approx(float(published[day]["se"]), abs=1e-12)
    assert fitted.params[1 + named.index(0)] == pytest.approx(-0.073900, abs=5e-7)
    assert fitted.bse[1 + named.index(8)] == pytest.approx(1.059494, abs=5e-7)
    # What the excerpts above hold; and the mean falls from day 7 to 8 because four markets left.
    for day, excerpt in ((0, WAR_DAY_0), (3, WAR_DAY_3)):
        assert [100 * (w[day] - w[-1]) for w in windows] == pytest.approx(excerpt, abs=1e-9)
    assert [sum(day in window for window in windows) for day in (7, 8)] == [10, 6]


def test_o4_fifteen_p_values() -> None:
    given = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
        0.5719, 0.6528, 0.7590, 1.0,
    ]  # fmt: skip
    found = q_values(given)

    assert found[:5] == pytest.approx((0.0015, 0.0030, 0.0095, 0.035625, 0.0603))
    assert found == pytest.approx(stats.false_discovery_control(given))
    assert np.count_nonzero(found <= 0.05) == 4
    assert sum(p <= 0.05 / 15 for p in given) == 3


def test_o5_sign_flip_and_t() -> None:
    z = (0.04, 0.06, 0.02, 0.09, -0.01)
    flip, t = sign_flip(z), cross_section(z)

    assert np.mean(z) == pytest.approx(0.04)
    assert flip is not None
    assert flip.p == 0.125
    assert t is not None
    assert (t.t, t.p) == (pytest.approx(2.3489, abs=5e-5), pytest.approx(0.0786, abs=5e-5))


def test_o5_standardised_tests() -> None:
    found = [standardised(e, rows) for e, rows in zip(EVENT, ESTIMATION, strict=True)]
    moves = [value for value in found if value is not None]
    raw = cross_section(np.array(EVENT) - ESTIMATION.mean(axis=1))
    tested = bmp(moves)

    assert moves == pytest.approx((4.0495, 5.2685, 0.7394), abs=5e-5)
    assert patell(moves, [10, 10, 10]) == pytest.approx(5.1210, abs=5e-5)
    assert tested is not None
    assert tested.t == pytest.approx(2.4776, abs=5e-5)
    assert raw is not None
    assert raw.t == pytest.approx(4.3596, abs=5e-5)
    assert corrado(ESTIMATION, EVENT) == pytest.approx(2.7948, abs=5e-5)
    assert kolari_pynnonen(1.0, 0.1, 3) == pytest.approx(0.8660, abs=5e-5)
    assert kolari_pynnonen(1.0, 0.3, 3) == pytest.approx(0.6614, abs=5e-5)


def test_o5_hayashi_yoshida() -> None:
    x = increments([0, 1, 3, 6], [0, 1, 0, 2])
    y = increments([0, 2, 4, 6], [0, 1, 1, 2])
    delayed = increments([2, 3, 5, 8], [0, 1, 0, 2])

    assert covariance(x, y) == 2
    assert correlation(x, y) == pytest.approx(0.57735, abs=5e-6)
    assert [covariance(x, delayed, lag) for lag in range(-2, 4)] == [0, 0, 1, 2, 6, 2]


def test_o5_wilson_and_binomial() -> None:
    assert wilson(7, 10) == pytest.approx((0.3968, 0.8922), abs=5e-5)
    assert binomial_p(7, 10, 0.3) == pytest.approx(0.01059, abs=5e-6)


def test_o5_withdrawal_by_the_minute() -> None:
    _check_withdrawal(np.arange(-1, 19) * 60_000, np.array(BIDEN), 0)


@pytest.mark.recordings
def test_o5_withdrawal_from_the_recorded_minutes(recordings: Path) -> None:
    rows = _rows(recordings / "history/biden-withdrawal-2024-07-21/prices_1min.csv")
    at = np.array([int(row["t_unix"]) * 1000 for row in rows])
    t0 = int(datetime(2024, 7, 21, 17, 46, tzinfo=UTC).timestamp()) * 1000

    _check_withdrawal(at, np.array([float(row["p_yes"]) for row in rows]), t0)


def _check_withdrawal(at: npt.NDArray[np.int64], price: Floats, t0: int) -> None:
    series = PriceSeries(at, price, np.full(len(at), np.nan), "venue_history")
    before = float(price[at < t0][-1])
    whole = float(price[-1]) - before

    def came(level: float) -> Interval | None:
        return reached(series, t0, level, int(at[-1]))

    def minutes(after: int, by: int) -> Interval:
        return Interval(after * 60_000, by * 60_000)

    assert before == 0.415
    assert whole == pytest.approx(0.580)
    assert came(0.001) == minutes(1, 2)
    assert came(whole / 2) == minutes(4, 5)
    assert came(0.9 * whole) == minutes(6, 7)
    late = float(price[at == t0 + 7 * 60_000][0])
    assert 100 * (late - before) == pytest.approx(54.5)
    odds = np.log(late / (1 - late)) - np.log(before / (1 - before))
    assert odds == pytest.approx(3.5214, abs=5e-5)
    movement = float(np.sum(np.diff(price) ** 2))
    removed = before * (1 - before) - price[-1] * (1 - price[-1])
    assert movement == pytest.approx(0.06254, abs=5e-6)
    assert removed == pytest.approx(0.23780, abs=5e-6)
    assert movement / removed == pytest.approx(0.263, abs=5e-4)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def _war_windows(folder: Path) -> list[dict[int, float]]:
    """Return the Yes prices of each market from 5 days before to 10 after each event, by day."""
    series: dict[str, dict[date, float]] = {}
    for row in _rows(folder / "polymarket_prices.csv"):
        if row["outcome"] == "Yes":
            day = datetime.fromisoformat(row["timestamp"]).date()
            series.setdefault(row["market_id"], {})[day] = float(row["price"])
    events = [date.fromisoformat(row["event_date"]) for row in _rows(folder / "event_timeline.csv")]
    found = []
    for event in events:
        for market in sorted(series):
            near = {(day - event).days: price for day, price in sorted(series[market].items())}
            window = {day: price for day, price in near.items() if -5 <= day <= 10}
            if len(window) >= 3:
                found.append(window)
    return found
