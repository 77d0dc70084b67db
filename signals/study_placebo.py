"""Comparable hours of an outcome, as values and as paths, for studies over many episodes.

Which hours are comparable is decided as for a link (`signals.placebo`); here all of them are
kept, because a mean over episodes is compared with means over hours drawn for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from signals.placebo import FEWEST, LIKE, NEVER, sizes
from signals.placebo_pools import DAY_MS, ENOUGH, Level, drawn, is_like_day, steps_of
from signals.prices import EPSILON, HOUR_MS, MINUTE_MS, Floats, Instants
from signals.window_arrays import Flags, Track, Windows, passes, windows
from signals.windows import RUN_UP_MS, age_limit_ms

__all__ = ["DAY_MS", "DRAWS", "FEWEST", "GRID_MS", "Hours", "comparable", "paths", "pooled_p"]

DRAWS = 999
GRID_MS: Instants = np.arange(-120, 361, 5, dtype=np.int64) * MINUTE_MS
PATH_AGE_MS = age_limit_ms(HOUR_MS)


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """The comparable hours of one episode: their starts (ms) and signed sizes.

    `size` is a move in units of the noise expected of its hour, `own` that of the episode itself.
    """

    t0: Instants
    size: Floats
    own: float

    @property
    def n(self) -> int:
        """Return how many there are."""
        return len(self.t0)

    @property
    def days(self) -> int:
        """Return on how many distinct UTC days they begin."""
        return len(np.unique(self.t0 // DAY_MS))

    @property
    def smaller(self) -> int:
        """Return how many moved less than the episode, up or down."""
        return int(np.count_nonzero(np.abs(self.size) < abs(self.own) - EPSILON))


def comparable(
    path: Track,
    *,
    t0: int,
    window_ms: int,
    focal_t0s: Iterable[int] = (),
    closes_at: int | None = None,
    seed: int = 0,
) -> Hours:
    """Return the hours that an episode at `t0` may be compared with, at most 999."""
    own = windows(path, np.array([t0], dtype=np.int64), window_ms)
    starts = np.empty(0, dtype=np.int64)
    for level in Level:
        starts = _usable(path, own, _starts(path, t0, window_ms, level), focal_t0s)
        if len(starts) >= ENOUGH:
            break
    starts = starts[drawn(np.arange(len(starts)), seed)]
    closes = NEVER if closes_at is None or closes_at <= t0 + window_ms else closes_at
    return Hours(
        t0=starts,
        size=_signed_sizes(path, windows(path, starts, window_ms), closes),
        own=float(_signed_sizes(path, own, closes)[0]),
    )


def paths(path: Track, starts: Instants, *, until: int, focal_t0s: Iterable[int] = ()) -> Floats:
    """Return, for each start, the move since just before it at every offset of GRID_MS.

    Shape (starts, offsets). At offsets up to 0 the price is the one just before that instant, so
    that the path is 0 at its start. NaN where there is no price, where nobody had read it for
    30 min, after `until`, and where one of `focal_t0s` has a part in it: from the next of them on,
    and up to the end of the hour after the last one before the start.
    """
    offsets = np.where(GRID_MS <= 0, GRID_MS - 1, GRID_MS)
    instants = starts[:, np.newaxis] + offsets
    base = path.price_at(starts - 1)[:, np.newaxis]
    moves = path.price_at(instants) - base
    first, end = _undisturbed(starts, focal_t0s)
    is_clear = (instants >= first[:, np.newaxis]) & (instants < end[:, np.newaxis])
    return np.where(_is_read(path, instants) & (instants <= until) & is_clear, moves, np.nan)


def pooled_p(moves: Sequence[float], pools: Sequence[Floats], *, seed: int) -> float:
    """Return (1 + hits) / (1 + 999): how often drawn hours have a mean as far from 0.

    One hour is drawn from each episode's own pool. Source: event study reference, section 4.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros(DRAWS)
    for pool in pools:
        total += pool[rng.integers(0, len(pool), DRAWS)]
    observed = abs(float(np.sum(moves))) / len(moves)
    hits = np.count_nonzero(np.abs(total) / len(moves) >= observed - EPSILON)
    return (1 + int(hits)) / (1 + DRAWS)


def _undisturbed(starts: Instants, focal_t0s: Iterable[int]) -> tuple[Instants, Instants]:
    """Return from when and until before when no other signal speaks in the path of each start."""
    focal = np.sort(np.fromiter(focal_t0s, dtype=np.int64))
    before = np.concatenate(([-NEVER], focal + HOUR_MS))
    after = np.append(focal, NEVER)
    nearest = np.searchsorted(focal, starts, side="right")
    return before[nearest], after[nearest]


def _is_read(path: Track, instants: Instants) -> Flags:
    reads = path.reads
    if not len(reads.from_at):
        return np.zeros(instants.shape, dtype=np.bool_)
    row = reads.span_of(instants)
    last = np.minimum(instants, reads.to_at[np.maximum(row, 0)])
    return (row >= 0) & (instants - last <= PATH_AGE_MS)


def _starts(path: Track, t0: int, window_ms: int, level: Level) -> Instants:
    if not len(path.series.at):
        return np.empty(0, dtype=np.int64)
    first = int(path.series.at[0])
    starts = t0 - window_ms * steps_of(level, window_ms, max(t0 - first, 0))
    starts = starts[starts > first]
    return starts if level is Level.ANY else starts[is_like_day(starts, np.array([t0]))]


def _usable(path: Track, own: Windows, starts: Instants, focal_t0s: Iterable[int]) -> Instants:
    """Return the starts of windows that pass a link's gates at a like price, clear of signals."""
    found = windows(path, starts, own.window_ms)
    room, wanted = found.before * (1 - found.before), own.before * (1 - own.before)
    usable = (room >= wanted / LIKE - EPSILON) & (room <= wanted * LIKE + EPSILON)
    usable &= ~np.isnan(found.per_ms) | np.isnan(own.per_ms)
    focal = np.sort(np.fromiter(focal_t0s, dtype=np.int64))
    first = np.searchsorted(focal, found.t0 - HOUR_MS, side="left")
    last = np.searchsorted(focal, found.t0 + found.window_ms + RUN_UP_MS, side="right")
    kept: Instants = starts[usable & (first == last) & passes(path, found)]
    return kept


def _signed_sizes(path: Track, found: Windows, closes: int) -> Floats:
    signed: Floats = np.sign(found.post) * sizes(path, found, np.full(len(found.t0), closes))
    return signed
