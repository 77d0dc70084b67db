"""Many windows of one outcome at once: the figures of `windows.measure`, in running sums.

Every figure at an instant uses rows at or before the window's end only, so a track made of more
rows gives the same figures for the same windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signals.moves import ESTIMATION_MS, READ_GAP_MS
from signals.prices import (
    EPSILON,
    POLLED_BASES,
    UNKNOWN_SPREAD,
    Coverage,
    Floats,
    Instants,
    PriceSeries,
    Variation,
    variation,
)
from signals.windows import age_limit_ms

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One outcome's prices and reads, prepared once for any number of windows.

    `price` and `spread` begin with a row before all time that has no price, so that a look-up
    needs no branch; `changed_at` are the instants at which the price became another one.
    """

    series: PriceSeries
    reads: Coverage
    price: Floats
    spread: Floats
    changed_at: Instants
    variation: Variation

    def price_at(self, t: Instants) -> Floats:
        """Return the price in force at each instant, NaN where there is none."""
        return self.price[np.searchsorted(self.series.at, t, side="right")]

    def age_ms(self, t: Instants) -> Floats:
        """Return how old the price was just before each instant; NaN when there was none.

        The last read counts for books and pools, the last change for histories and trades.
        """
        if self.series.basis in POLLED_BASES:
            return _since_last_read(self.reads, t)
        row = np.searchsorted(self.changed_at, t, side="left") - 1
        held = np.maximum(row, 0)
        if not len(self.changed_at):
            return np.full(t.shape, np.nan)
        return np.where(row < 0, np.nan, t - self.changed_at[held])


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows [t0, t0 + window_ms] of one outcome, one cell each; NaN where a price is missing.

    `post` is the response, `spread` the wider one of its two quotes, `per_ms` the variance of a
    millisecond over [t0-72h, t0-2h) (NaN: less than an hour was watched), `n_updates` the price
    changes in it.
    """

    t0: Instants
    window_ms: int
    before: Floats
    post: Floats
    spread: Floats
    per_ms: Floats
    n_updates: npt.NDArray[np.int64]
    tick: float

    @property
    def noise(self) -> Floats:
        """Return s_W of each window."""
        return noise(self.per_ms, self.window_ms, self.spread, self.tick)

    @property
    def z(self) -> Floats:
        """Return each response in units of its own noise."""
        return self.post / self.noise


def track(series: PriceSeries, coverage: Coverage) -> Track:
    """Return what any number of windows over `series` need."""
    reads = coverage.reads(series.at)
    rows = series.priced()
    changed = np.abs(np.diff(rows.price, prepend=np.inf)) > EPSILON
    return Track(
        series=series,
        reads=reads,
        price=np.concatenate(([np.nan], series.price)),
        spread=np.concatenate(([UNKNOWN_SPREAD], series.spreads())),
        changed_at=rows.at[changed],
        variation=variation(series, coverage.joined(READ_GAP_MS, series.at)),
    )


def windows(path: Track, t0: Instants, window_ms: int) -> Windows:
    """Return the windows that begin at `t0` (int64 ms, best ascending), gates not yet asked."""
    (found,) = windows_of(path, t0, (window_ms,))
    return found


def windows_of(path: Track, t0: Instants, windows_ms: Sequence[int]) -> list[Windows]:
    """Return the windows of each length that begin at `t0`; what they share is looked up once."""
    first = np.searchsorted(path.series.at, t0, side="left")
    per_ms, n_updates = path.variation.over(t0 - ESTIMATION_MS[0], t0 - ESTIMATION_MS[1])
    before, spread = path.price[first], path.spread[first]
    found = []
    for window_ms in windows_ms:
        last = np.searchsorted(path.series.at, t0 + window_ms, side="right")
        post, widest = path.price[last] - before, np.maximum(spread, path.spread[last])
        tick = path.series.tick
        found.append(Windows(t0, window_ms, before, post, widest, per_ms, n_updates, tick))
    return found


def passes(path: Track, found: Windows) -> Flags:
    """Return which windows pass the gates of a link: two prices, not stale, watched throughout."""
    limit = age_limit_ms(found.window_ms)
    is_priced = ~np.isnan(found.post)
    is_fresh = path.age_ms(found.t0) <= limit  # NaN is no age, so not fresh
    return is_priced & is_fresh & _is_watched(path.reads, found, limit)


def noise(per_ms: Floats, window_ms: int, spread: Floats, tick: float) -> Floats:
    """Return s_W: the normal size of a change, never below half the spread or a tick."""
    floor = np.maximum(spread / 2, tick)
    return np.asarray(np.fmax(np.sqrt(window_ms * per_ms), floor))  # fmax passes over NaN


def _since_last_read(reads: Coverage, t: Instants) -> Floats:
    if not len(reads.from_at):
        return np.full(t.shape, np.nan)
    row = reads.span_of(t - 1)
    last = reads.to_at[np.maximum(row, 0)]
    return np.where(row < 0, np.nan, np.where(last >= t - 1, 0, t - last))


def _is_watched(reads: Coverage, found: Windows, limit: int) -> Flags:
    """Return where no stretch of [t0 - limit, end] went without a read for more than `limit`."""
    spans = reads.joined(limit, reads.from_at[:0])
    if not len(spans.from_at):
        return np.zeros(found.t0.shape, dtype=np.bool_)
    start, end = found.t0 - limit, found.t0 + found.window_ms
    first = np.minimum(np.searchsorted(spans.to_at, start, side="left"), len(spans.to_at) - 1)
    last = np.maximum(spans.span_of(end), 0)
    begins = np.maximum(spans.from_at[first], start)
    ends = np.minimum(spans.to_at[last], end)
    # What lies between two of these spans is longer than the limit.
    watched: Flags = (first == last) & (begins - start <= limit) & (end - ends <= limit)
    return watched
