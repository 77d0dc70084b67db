"""The measuring itself: fair simulated prices, and a table from few of them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import calibrate
from benchmarks.martingales import a_market, a_steady_market


def test_simulated_prices_are_fair_recorded_ones() -> None:
    rng = np.random.default_rng(3)
    markets = [a_market(rng, days=10) for _ in range(300)]
    series = [market.series for market in markets]

    week = [each.price[7 * 144] - each.price[144] for each in series]
    last_hour = [each.price[-1] - each.price[-7] for each in series]

    for changes in (week, last_hour):
        assert abs(np.mean(changes)) <= 3 * np.std(changes) / np.sqrt(len(changes)) + 0.001
    ends = np.array([each.price[-1] for each in series])
    assert np.mean((ends < 0.05) | (ends > 0.95)) > 0.8  # they resolve
    assert all(np.allclose(each.price * 1000, np.round(each.price * 1000)) for each in series)


def test_steady_prices_have_the_hourly_noise_they_were_asked_for() -> None:
    market = a_steady_market(np.random.default_rng(4), hourly=0.004)

    hourly = np.diff(market.series.price[::6])

    assert np.std(hourly) == pytest.approx(0.004, rel=0.1)
    assert market.series.price[-1] == pytest.approx(0.4)


def test_a_small_calibration_gives_every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "FAMILIES", 3)
    monkeypatch.setattr(calibrate, "PATHS", 5)

    null = calibrate.null(np.random.default_rng(5))
    power = calibrate.power(np.random.default_rng(6))

    assert [line.goal for line in null if "any q" in line.name] == ["<= 0.4464"]
    assert sum(line.name.startswith("null: all") for line in null) == 4
    assert len(power) == 9
    assert power[-1].ours == "1.000"  # moved_before
