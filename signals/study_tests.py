"""Tests over n independent events. None where a test has nothing to stand on, never a zero.

`z` are the events' moves (any unit). Tests that standardise also take the estimation rows: what
each outcome did in L like intervals before its event.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signals.distributions import NORMAL, student_p, student_quantile

Numbers = Sequence[float] | npt.NDArray[np.float64]
Rows = Sequence[Sequence[float]] | npt.NDArray[np.float64]

MAX_EXACT = 40
DRAWS = 10_000
LEVEL = 0.95
SEED = 20_240_721
_BLOCK = 500
_RELATIVE = 1e-9


@dataclass(frozen=True, slots=True)
class TTest:
    """A t statistic of `n` events with its degrees of freedom and two-sided p."""

    t: float
    df: int
    p: float


@dataclass(frozen=True, slots=True)
class SignFlip:
    """The share of sign patterns whose mean is at least as far from 0 as the observed one.

    `smallest`: the least p that n events can have, 2 / 2^n. `exact`: every pattern was counted;
    else p is (1 + hits) / (1 + draws) of seeded patterns.
    """

    p: float
    smallest: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the mean lies at `level`; `method` is `bca` or `t`."""

    low: float
    high: float
    method: str
    level: float = LEVEL


def cross_section(z: Numbers) -> TTest | None:
    """Return t = mean / (sd / sqrt n); None for n < 2 or events without any spread."""
    values = np.asarray(z, dtype=np.float64)
    n = len(values)
    if n < 2:
        return None
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    if error <= _RELATIVE * float(np.max(np.abs(values))):
        return None
    t = float(np.mean(values)) / error
    return TTest(t, n - 1, student_p(t, n - 1))


def standardised(move: float, estimation: Numbers) -> float | None:
    """Return (move - mean) / (s sqrt(1 + 1/L)) of L estimation values; None without spread."""
    rows = np.asarray(estimation, dtype=np.float64)
    spread = float(np.std(rows, ddof=1)) if len(rows) > 1 else 0.0
    if not spread:
        return None
    return (move - float(np.mean(rows))) / (spread * math.sqrt(1 + 1 / len(rows)))


def patell(standardised_moves: Numbers, lengths: Sequence[int]) -> float | None:
    """Return sum(SAM) / sqrt(sum((L - 1) / (L - 3))); None without events or with an L <= 3.

    Source: Patell (1976), constant-mean benchmark.
    """
    if not len(standardised_moves) or min(lengths) <= 3:
        return None
    variance = sum((length - 1) / (length - 3) for length in lengths)
    return float(np.sum(standardised_moves)) / math.sqrt(variance)


def bmp(standardised_moves: Numbers) -> TTest | None:
    """Return the t test of standardised moves, which event-induced variance does not mislead.

    Source: Boehmer, Musumeci and Poulsen (1991).
    """
    return cross_section(standardised_moves)


def kolari_pynnonen(t: float, correlation: float, n: int) -> float | None:
    """Return a BMP t, corrected for events whose moves correlate on average by `correlation`.

    None when that correlation cannot be one of n events. Source: Kolari and Pynnönen (2010).
    """
    inflation = 1 + (n - 1) * correlation
    if inflation <= 0 or not -1 <= correlation <= 1:
        return None
    return t * math.sqrt((1 - correlation) / inflation)


def mean_correlation(estimation: Rows) -> float | None:
    """Return the mean pairwise correlation of the events' estimation rows; None for one event."""
    rows = np.asarray(estimation, dtype=np.float64)
    if len(rows) < 2 or rows.shape[1] < 2 or np.any(np.std(rows, axis=1) == 0):
        return None
    table = np.asarray(np.corrcoef(rows))
    return float(np.mean(table[np.triu_indices(len(rows), k=1)]))


def corrado(estimation: Rows, moves: Numbers) -> float | None:
    """Return Corrado's rank statistic of one event day; about normal. None without any spread.

    K = rank / (T + 1) - 0.5 within each event's T = L + 1 values, ties share their mean rank.
    Source: Corrado (1989).
    """
    rows = np.column_stack(
        (np.asarray(estimation, dtype=np.float64), np.asarray(moves, dtype=np.float64))
    )
    ranks = np.array([_ranks(row) for row in rows]) / (rows.shape[1] + 1) - 0.5
    by_day = ranks.mean(axis=0)
    spread = math.sqrt(float(np.mean(by_day**2)))
    return float(by_day[-1]) / spread if spread else None


def sign_flip(z: Numbers, *, seed: int = SEED) -> SignFlip | None:
    """Return the sign-flip test of n events; None for n < 2, where it can say nothing.

    Every pattern is counted up to 40 events, above it 10,000 drawn ones.
    """
    values = np.asarray(z, dtype=np.float64)
    n = len(values)
    if n < 2:
        return None
    bound = abs(float(np.sum(values))) - _RELATIVE * float(np.sum(np.abs(values)))
    if n > MAX_EXACT:
        signs = np.random.default_rng(seed).integers(0, 2, (DRAWS, n)) * 2.0 - 1.0
        hits = int(np.sum(np.abs(signs @ values) >= bound))
        return SignFlip((1 + hits) / (1 + DRAWS), 2.0 ** (1 - n), exact=False)
    # Each half's sums once; a pattern of all is a pair of them.
    first, second = _signed_sums(values[: n // 2]), np.sort(_signed_sums(values[n // 2 :]))
    above = len(second) - np.searchsorted(second, bound - first, side="left")
    below = np.searchsorted(second, -bound - first, side="right")
    hits = int(np.sum(np.minimum(above + below, len(second))))
    return SignFlip(hits / 2.0**n, 2.0 ** (1 - n), exact=True)


def t_interval(z: Numbers, *, level: float = LEVEL) -> Interval | None:
    """Return mean ± t sd / sqrt n; None for n < 2."""
    values = np.asarray(z, dtype=np.float64)
    n = len(values)
    if n < 2:
        return None
    reach = student_quantile((1 + level) / 2, n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    middle = float(np.mean(values))
    return Interval(middle - reach, middle + reach, "t", level)


def bootstrap_interval(
    z: Numbers, *, level: float = LEVEL, draws: int = DRAWS, seed: int = SEED
) -> Interval | None:
    """Return the bias-corrected and accelerated bootstrap interval of the mean; None for n < 2.

    Events without any spread give an interval of no width.
    Source: Efron (1987), with the jackknife's acceleration.
    """
    values = np.asarray(z, dtype=np.float64)
    n = len(values)
    if n < 2:
        return None
    middle = float(np.mean(values))
    away = values - middle
    if float(np.max(np.abs(away))) <= _RELATIVE * max(abs(middle), _RELATIVE):
        return Interval(middle, middle, "bca", level)
    means = _resampled_means(values, draws, np.random.default_rng(seed))
    below = (np.sum(means < middle) + np.sum(means <= middle)) / (2 * draws)
    bias = NORMAL.inv_cdf(min(max(float(below), 1 / (2 * draws)), 1 - 1 / (2 * draws)))
    # The jackknife's means are linear in the values, so their third moment is the values' own.
    acceleration = float(np.sum(away**3)) / (6 * float(np.sum(away**2)) ** 1.5)
    tail = (1 - level) / 2
    low, high = (
        float(np.quantile(means, _corrected(share, bias, acceleration)))
        for share in (tail, 1 - tail)
    )
    return Interval(low, high, "bca", level)


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    ordered = np.sort(values)
    before = np.searchsorted(ordered, values, side="left")
    until = np.searchsorted(ordered, values, side="right")
    return (before + until + 1) / 2


def _signed_sums(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate((sums + value, sums - value))
    return sums


def _resampled_means(
    values: npt.NDArray[np.float64], draws: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    blocks = [min(_BLOCK, draws - start) for start in range(0, draws, _BLOCK)]
    n = len(values)
    return np.concatenate([values[rng.integers(0, n, (m, n))].mean(axis=1) for m in blocks])


def _corrected(share: float, bias: float, acceleration: float) -> float:
    shifted = bias + NORMAL.inv_cdf(share)
    return NORMAL.cdf(bias + shifted / (1 - acceleration * shifted))
