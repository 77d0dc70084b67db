"""Simulated fair prices as they would be recorded: stale, bouncing, on ticks, with jumps.

A market pays 1 when a sum of normal steps of known variances ends above 0, so its price is a
martingale by construction: nothing that is public moves it in a direction that could be known.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from signals.prices import HOUR_MS, MINUTE_MS, Coverage, PriceSeries, coverage

Floats = npt.NDArray[np.float64]

STEP_MS = 10 * MINUTE_MS
A_DAY = 144
# Abramowitz and Stegun 26.2.17; its error of 1e-7 is far below a tick.
_CDF = (0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429)


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """Recorded prices, when they were read, and when the market resolves, ms."""

    series: PriceSeries
    reads: Coverage
    resolves_at: int


def a_market(rng: np.random.Generator, days: int = 75) -> Market:
    """Return a market over its whole life, a quote every 10 min, all its hardships drawn by `rng`.

    Volatility has busy hours, days that drift apart, jumps about every other day and many more in
    the last two days. A share of the quotes is not refreshed, the mid bounces within the spread
    and lies on ticks of 0.001.
    """
    count = days * A_DAY
    variance = _busy_hours(count) * np.repeat(np.exp(np.cumsum(rng.normal(0, 0.25, days))), A_DAY)
    variance += (rng.random(count) < 0.5 / A_DAY) * rng.exponential(60, count)
    last = slice(count - 2 * A_DAY, count)
    variance[last] += (rng.random(2 * A_DAY) < 0.05) * rng.exponential(200, 2 * A_DAY)
    variance /= variance.sum()
    start = NormalDist().inv_cdf(rng.uniform(0.15, 0.85))
    known = start + np.cumsum(rng.normal(0, np.sqrt(variance)))
    left = np.maximum(1 - np.cumsum(variance), 1e-12)
    return _recorded(rng, _cdf(known / np.sqrt(left)))


def a_steady_market(rng: np.random.Generator, *, hourly: float, days: int = 75) -> Market:
    """Return a market whose price walks by normal steps of sd `hourly` an hour, without an end."""
    count = days * A_DAY
    steps = rng.normal(0, hourly / np.sqrt(6), count)
    price = 0.4 + np.cumsum(steps) - np.sum(steps)
    at = np.arange(count, dtype=np.int64) * STEP_MS
    series = PriceSeries(at, np.clip(price, 0.02, 0.98), np.full(count, 0.002), "book")
    return Market(series, coverage([0], [int(at[-1])]), int(at[-1]) + 365 * 24 * HOUR_MS)


def _recorded(rng: np.random.Generator, price: Floats) -> Market:
    count, half = len(price), rng.choice([0.0025, 0.005, 0.01])
    fresh = rng.random(count) < rng.choice([0.3, 0.6, 1.0])
    fresh[0] = True
    held = price[np.maximum.accumulate(np.where(fresh, np.arange(count), 0))]
    bounced = held + rng.choice([-0.6, 0.6], count) * half
    at = np.arange(count, dtype=np.int64) * STEP_MS
    mid = np.clip(np.round(bounced, 3), 0.001, 0.999)
    series = PriceSeries(at, mid, np.full(count, 2 * half), "book")
    return Market(series, coverage([0], [int(at[-1])]), int(at[-1]) + STEP_MS)


def _busy_hours(count: int) -> Floats:
    hour = np.arange(count) * STEP_MS // HOUR_MS % 24
    return np.where((hour >= 13) & (hour < 21), 2.5, 1.0)


def _cdf(x: Floats) -> Floats:
    t = 1 / (1 + 0.2316419 * np.abs(x))
    series = sum(c * t ** (n + 1) for n, c in enumerate(_CDF))
    tail = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * series
    return np.asarray(np.where(x >= 0, 1 - tail, tail))
