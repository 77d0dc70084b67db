"""Linking: look-ups, windows and placebo tests against the plainest numpy, memory against rows."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.measure import Figure, paired, speed
from signals.placebo import STOP_AT, placebos
from signals.prices import HOUR_MS, MINUTE_MS, PriceSeries, coverage
from signals.window_arrays import Track, track, windows_of

MARKETS = 200
TICKS = 5_000
SIGNALS = 2_000
TESTED_MARKETS = 5
DRAWS = 999
DAYS = 90
DAY_MS = 24 * HOUR_MS
SPREAD = 0.01
HORIZONS_MS = (HOUR_MS // 4, HOUR_MS, 6 * HOUR_MS)
ESTIMATION_MS = (72 * HOUR_MS, 2 * HOUR_MS)
ROUNDS = 7
SIZES = (100_000, 1_000_000)

Instants = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def figures(folder: Path) -> list[Figure]:
    """Return the lines of all linking cases; `folder` is not used."""
    del folder
    rng = np.random.default_rng(7)
    markets = [a_market(rng, TICKS) for _ in range(MARKETS)]
    t0 = np.sort(rng.integers(60 * DAY_MS, DAYS * DAY_MS - 6 * HOUR_MS, SIGNALS))
    return [as_of(markets, t0), responses(markets, t0), placebo_tests(markets, t0), memory()]


def as_of(markets: list[Track], t0: Instants) -> Figure:
    """Measure the price in force at every signal in every market."""

    def ours() -> None:
        for path in markets:
            path.price_at(t0)

    def bare() -> None:
        for path in markets:
            series = path.series
            series.price[np.searchsorted(series.at, t0, side="right") - 1]

    pair = paired(ours, bare, rounds=ROUNDS)
    name = "as of 2,000 signals x 200 markets / searchsorted"
    return speed(name, pair, SIGNALS * MARKETS, at_least=0.8)


def responses(markets: list[Track], t0: Instants) -> Figure:
    """Measure moves over three windows in units of the noise of the 72 h before."""
    sums = [_prefix_sums(path.series) for path in markets]

    def ours() -> None:
        for path in markets:
            for found in windows_of(path, t0, HORIZONS_MS):
                _ = found.z

    def bare() -> None:
        for path, squares in zip(markets, sums, strict=True):
            _bare_windows(path.series, squares, t0)

    np.testing.assert_allclose(
        windows_of(markets[0], t0, HORIZONS_MS)[1].z,
        _bare_windows(markets[0].series, sums[0], t0)[1],
    )
    pair = paired(ours, bare, rounds=ROUNDS)
    return speed("3 windows + noise / prefix sums", pair, SIGNALS * MARKETS, at_least=0.5)


def placebo_tests(markets: list[Track], t0: Instants) -> Figure:
    """Measure 10,000 placebo tests, stopped early, against 999 fresh draws for each pair.

    The reference draws like hours of the past by a generator of its own for each pair and prices
    them by prefix sums; it knows no weekdays, gates, bands or other signals, which ours asks of
    each window.
    """
    tested = markets[:TESTED_MARKETS]
    sums = [_prefix_sums(path.series) for path in tested]

    def ours() -> None:
        for path in tested:
            placebos(path, t0, window_ms=HOUR_MS, stop_at=STOP_AT)

    def bare() -> None:
        for path, squares in zip(tested, sums, strict=True):
            for seed, at in enumerate(t0.tolist()):
                _bare_test(path.series, squares, at, seed)

    pair = paired(ours, bare, rounds=3)
    return speed(
        "placebo tests, 10,000 pairs / 999 fresh draws each",
        pair,
        SIGNALS * TESTED_MARKETS,
        at_least=10,
    )


def memory() -> Figure:
    """Measure the bytes a quote takes while it is linked, for a short and a long history."""
    small, large = (_peak(rows) / rows for rows in SIZES)
    return Figure(
        "linking, peak bytes a quote, 1M rows / 100k rows",
        f"{large:.0f} B",
        f"{small:.0f} B",
        f"{large / small:.2f}x",
        "<= 1.1x",
        large / small <= 1.1,
    )


def a_market(rng: np.random.Generator, ticks: int) -> Track:
    """Return a book of `ticks` changes over 90 days that was watched all the time."""
    at = np.sort(rng.choice(DAYS * DAY_MS // 1000, ticks, replace=False)).astype(np.int64) * 1000
    price = np.clip(0.4 + np.cumsum(rng.normal(0, 0.002, ticks)), 0.1, 0.9)
    series = PriceSeries(at, price, np.full(ticks, SPREAD), "book")
    return track(series, coverage([0], [DAYS * DAY_MS]))


def _prefix_sums(series: PriceSeries) -> Floats:
    return np.concatenate(([0.0], np.cumsum(np.diff(series.price) ** 2)))


def _bare_windows(series: PriceSeries, squares: Floats, t0: Instants) -> list[Floats]:
    before = series.price[np.searchsorted(series.at, t0, side="left") - 1]
    per_ms = _bare_variance(series.at, squares, t0)
    found = []
    for window_ms in HORIZONS_MS:
        last = np.searchsorted(series.at, t0 + window_ms, side="right") - 1
        noise = np.maximum(np.sqrt(window_ms * per_ms), SPREAD / 2)
        found.append((series.price[last] - before) / noise)
    return found


def _bare_variance(at: Instants, squares: Floats, t0: Instants) -> Floats:
    first = np.searchsorted(at, t0 - ESTIMATION_MS[0], side="left")
    last = np.maximum(np.searchsorted(at, t0 - ESTIMATION_MS[1], side="left") - 1, first)
    sums: Floats = squares[last] - squares[first]
    return sums / (ESTIMATION_MS[0] - ESTIMATION_MS[1])


def _bare_test(series: PriceSeries, squares: Floats, t0: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    days, hours = rng.integers(1, 58, DRAWS), rng.integers(-3, 4, DRAWS)
    starts = np.append(t0 - days * DAY_MS + hours * HOUR_MS, t0)
    first = np.searchsorted(series.at, starts, side="left") - 1
    last = np.searchsorted(series.at, starts + HOUR_MS, side="right") - 1
    noise = np.sqrt(HOUR_MS * _bare_variance(series.at, squares, starts))
    size = np.abs(series.price[last] - series.price[first]) / np.maximum(noise, SPREAD / 2)
    return (1 + np.count_nonzero(size[:-1] >= size[-1])) / (1 + DRAWS)


def _peak(rows: int) -> int:
    rng = np.random.default_rng(7)
    at = np.arange(rows, dtype=np.int64) * MINUTE_MS
    price = np.clip(0.4 + np.cumsum(rng.normal(0, 0.0005, rows)), 0.1, 0.9)
    spread = np.full(rows, SPREAD)
    t0 = at[-1] - np.arange(100, 0, -1, dtype=np.int64) * HOUR_MS
    tracemalloc.start()
    path = track(PriceSeries(at, price, spread, "book"), coverage([0], [int(at[-1])]))
    placebos(path, t0, window_ms=HOUR_MS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
