"""Which of two prices moves first, read from their own update times without resampling.

Every change of a price belongs to the interval (last read before it, read that showed it].
Two changes speak to each other when their intervals overlap; shifting one series in time shows
at which lag they do most. "Leads" says what came first, never what caused what.
Source: Hayashi and Yoshida (2005); Hoffmann, Rosenbaum and Yoshida (2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signals.prices import EPSILON, HOUR_MS, MINUTE_MS, Coverage, Floats, Instants

DAY_MS = 24 * HOUR_MS
LAGS_MIN = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120)
LAGS_MS = (
    *(-lag * MINUTE_MS for lag in reversed(LAGS_MIN)),
    0,
    *(lag * MINUTE_MS for lag in LAGS_MIN),
)
MIN_CHANGES = 50
SHIFTS = 199
MAX_P = 0.05
SEED = 20_260_716


@dataclass(frozen=True, slots=True, eq=False)
class Increments:
    """Changes `step` of a price, each over (`start`, `end`] in ms; ascending, never overlapping.

    Raises ValueError when they are not.
    """

    start: Instants
    end: Instants
    step: Floats

    def __post_init__(self) -> None:
        if not len(self.start) == len(self.end) == len(self.step):
            raise ValueError("start, end and step differ in length")
        if np.any(self.end <= self.start) or np.any(self.start[1:] < self.end[:-1]):
            raise ValueError("intervals must ascend and not overlap")

    def __len__(self) -> int:
        return len(self.step)

    def between(self, start: int, end: int) -> Increments:
        """Return the increments that lie wholly in [start, end]."""
        inside = (self.start >= start) & (self.end <= end)
        return Increments(self.start[inside], self.end[inside], self.step[inside])


@dataclass(frozen=True, slots=True)
class Lead:
    """How two prices go together over lags; positive `lag_ms`: the first one comes first.

    `rho` at `lag_ms`, where |rho| is highest; `rho_at_0`; `ratio` (LLR): the squared correlations
    of positive lags over those of negative ones, None when there are none. `p`: share of circular
    shifts by a day or more whose highest |rho| is as high; None when the common span is too short
    for such shifts. `curve`: (lag in ms, rho).
    """

    lag_ms: int
    rho: float
    rho_at_0: float
    ratio: float | None
    p: float | None
    shifts: int
    curve: tuple[tuple[int, float], ...]


def increments(
    at: Sequence[int] | Instants,
    price: Sequence[float] | Floats,
    *,
    live: Coverage | None = None,
    pause_ms: int = 0,
) -> Increments:
    """Return the changes of a price with rows at `at` (ms, ascending); NaN prices are skipped.

    Within `live`, where the price was read every `pause_ms` also between its rows, a change is at
    most so old when it is seen; elsewhere it may have come at any time since the row before.
    """
    instants, prices = np.asarray(at, dtype=np.int64), np.asarray(price, dtype=np.float64)
    has = ~np.isnan(prices)
    instants, prices = instants[has], prices[has]
    last = np.append(np.diff(instants) > 0, [True])[: len(instants)]  # of one instant the last row
    instants, prices = instants[last], prices[last]
    step = np.diff(prices)
    changed = np.abs(step) > EPSILON
    start, end = instants[:-1][changed], instants[1:][changed]
    if live is not None and len(live.from_at):
        start = np.maximum(start, last_read(live, end, pause_ms))
    return Increments(start, end, step[changed])


def last_read(live: Coverage, end: Instants, pause_ms: int) -> Instants:
    """Return, for each instant, the earliest that the last read before it can have been.

    `live`: when reads came every `pause_ms`. Before all of it a past beyond every row.
    """
    row = live.span_of(end - 1)
    span = np.maximum(row, 0)
    inside = np.maximum(end - pause_ms, live.from_at[span])
    known = np.where(end - 1 <= live.to_at[span], inside, live.to_at[span])
    return np.where(row < 0, np.iinfo(np.int64).min, known)


def covariance(x: Increments, y: Increments, lag_ms: int = 0) -> float:
    """Return the sum of x_i y_j over the changes whose intervals overlap, y moved back by the lag.

    At the lag by which y repeats x it is highest.
    """
    start, end = x.start + lag_ms, x.end + lag_ms
    first = np.searchsorted(y.end, start, side="right")
    last = np.searchsorted(y.start, end, side="left")
    sums = np.concatenate(([0.0], np.cumsum(y.step)))
    return float(np.sum(x.step * (sums[np.maximum(last, first)] - sums[first])))


def correlation(x: Increments, y: Increments, lag_ms: int = 0) -> float | None:
    """Return the covariance at a lag over both realised variations; None without changes."""
    scale = float(np.sqrt(np.sum(x.step**2) * np.sum(y.step**2)))
    return covariance(x, y, lag_ms) / scale if scale else None


def lead(
    x: Increments,
    y: Increments,
    *,
    lags_ms: Sequence[int] = LAGS_MS,
    shifts: int = SHIFTS,
    seed: int = SEED,
) -> Lead | None:
    """Return which lag fits best and how often chance does as well; None without changes.

    Ties of |rho| go to the lag nearest to 0. The null keeps both series as they are and turns y
    round in time by a day or more, so that their clocks, not their own shapes, are broken.
    """
    if not len(x) or not len(y):
        return None
    rhos = _rhos(x, y, lags_ms)
    best = min(range(len(lags_ms)), key=lambda i: (-abs(round(rhos[i], 12)), abs(lags_ms[i])))
    p, used = _shift_p(x, y, lags_ms, abs(rhos[best]), shifts, seed)
    return Lead(
        lag_ms=lags_ms[best],
        rho=rhos[best],
        rho_at_0=correlation(x, y) or 0.0,
        ratio=_ratio(lags_ms, rhos),
        p=p,
        shifts=used,
        curve=tuple(zip(lags_ms, rhos, strict=True)),
    )


def _rhos(x: Increments, y: Increments, lags_ms: Sequence[int]) -> list[float]:
    return [correlation(x, y, lag) or 0.0 for lag in lags_ms]


def _ratio(lags_ms: Sequence[int], rhos: Sequence[float]) -> float | None:
    ahead = sum(rho**2 for lag, rho in zip(lags_ms, rhos, strict=True) if lag > 0)
    behind = sum(rho**2 for lag, rho in zip(lags_ms, rhos, strict=True) if lag < 0)
    return ahead / behind if behind else None


def _shift_p(
    x: Increments, y: Increments, lags_ms: Sequence[int], observed: float, shifts: int, seed: int
) -> tuple[float | None, int]:
    low = min(int(x.start[0]), int(y.start[0]))
    span = max(int(x.end[-1]), int(y.end[-1])) - low
    room = span - 2 * DAY_MS
    if room <= 0:
        return None, 0
    drawn = DAY_MS + np.random.default_rng(seed).integers(0, room, shifts)
    hits = 0
    for shift in drawn.tolist():
        turned = _turned(y, low, span, shift)
        hits += max(map(abs, _rhos(x, turned, lags_ms))) >= observed - EPSILON
    return (1 + hits) / (1 + shifts), shifts


def _turned(y: Increments, low: int, span: int, shift: int) -> Increments:
    """Return y shifted within [low, low + span], what leaves at the end coming in at the start.

    The one change that would straddle the seam is left out.
    """
    start = (y.start - low + shift) % span
    end = (y.end - low + shift - 1) % span + 1
    order = np.argsort(start, kind="stable")
    whole: npt.NDArray[np.bool_] = (end > start)[order]
    rows = order[whole]
    return Increments(start[rows] + low, end[rows] + low, y.step[rows])
