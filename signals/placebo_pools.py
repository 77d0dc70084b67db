"""Which hours a response is compared with, and the count of those that moved as much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from signals.prices import HOUR_MS, Instants
from signals.windows import RUN_UP_MS

Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

DAY_MS = 24 * HOUR_MS
LOOKBACK_MS = 90 * DAY_MS
NEAR_HOURS_MS = 3 * HOUR_MS
BLOCK_MS = 14 * DAY_MS
ENOUGH = 60
MOST = 999
_WEEK_MS = 7 * DAY_MS
_TO_MONDAY_MS = 3 * DAY_MS  # the first of January 1970 was a Thursday
_FIVE_DAYS_MS = 5 * DAY_MS


class Level(Enum):
    """How like the signal's hour a window is; a wider level is asked when one has too few."""

    LIKE_HOURS = "within 3 h of the same hour, same weekday class"
    LIKE_DAYS = "any hour, same weekday class"
    ANY = "any hour, any day"


def steps_of(level: Level, window_ms: int, furthest_ms: int) -> Instants:
    """Return how many windows before t0 those of a level begin, ascending.

    The nearest ends before t0-2h, the furthest begins at most 90 days back.
    """
    nearest = RUN_UP_MS // window_ms + 2  # its end lies before t0-2h, not at it
    last = min(furthest_ms, LOOKBACK_MS) // window_ms
    steps = np.arange(nearest, last + 1, dtype=np.int64)
    if level is not Level.LIKE_HOURS:
        return steps
    apart = steps * window_ms % DAY_MS
    return steps[np.minimum(apart, DAY_MS - apart) <= NEAR_HOURS_MS]


def blocks(steps: Instants, window_ms: int) -> Iterator[Instants]:
    """Yield steps two weeks at a time, the newest first."""
    for begin in range(0, LOOKBACK_MS, BLOCK_MS):
        first, last = np.searchsorted(steps * window_ms, [begin, begin + BLOCK_MS])
        if last > first:
            yield steps[first:last]


def is_like_day(starts: Instants, t0: Instants) -> Flags:
    """Return which windows begin on a weekday when t0 does, or on a weekend when it does (UTC)."""
    like: Flags = _is_weekend(starts) == _is_weekend(t0)
    return like


@dataclass(slots=True, eq=False)
class Tally:
    """What was counted for each pair so far: windows, those as large, the days they begin on."""

    seeds: Sequence[int]
    n: npt.NDArray[np.int64]
    hits: npt.NDArray[np.int64]
    days: npt.NDArray[np.int64]
    last_day: npt.NDArray[np.int64]
    stopped: Flags

    @classmethod
    def empty(cls, seeds: Sequence[int]) -> Tally:
        """Return a tally of as many pairs as there are seeds."""
        n, hits, days, last_day = np.zeros((4, len(seeds)), dtype=np.int64)
        return cls(seeds, n, hits, days, last_day, np.zeros(len(seeds), dtype=np.bool_))

    def forget(self, pairs: Rows) -> None:
        """Begin anew for `pairs`."""
        for counted in (self.n, self.hits, self.days):
            counted[pairs] = 0
        self.last_day[pairs] = -1

    def add(self, who: Rows, starts: Instants, hit: Flags, stop_at: int | None) -> None:
        """Count windows: the pair, start and outcome of each, by pair, the newest first.

        A pair stops at its window number `stop_at` that was as large; later ones do not count.
        Of more than 999 windows of a pair a sample drawn by its seed counts.
        """
        order = _places(who)
        if stop_at is None:
            counts = self._drawn(who)
        else:
            so_far = _running(who, order, hit) + self.hits[who]
            counts = (so_far < stop_at) | (hit & (so_far == stop_at))
        who, starts, hit = who[counts], starts[counts], hit[counts]
        day = starts // DAY_MS
        before = np.where(_places(who) == 0, self.last_day[who], np.roll(day, 1))
        size = len(self.n)
        self.n += np.bincount(who, minlength=size)
        self.hits += np.bincount(who[hit], minlength=size)
        self.days += np.bincount(who[day != before], minlength=size)
        self.last_day[who] = day  # of equal rows the last one stays
        if stop_at is not None:
            self.stopped |= self.hits >= stop_at

    def _drawn(self, who: Rows) -> Flags:
        counts = np.ones(len(who), dtype=np.bool_)
        for pair in np.flatnonzero(np.bincount(who, minlength=len(self.n)) > MOST):
            rows = np.flatnonzero(who == pair)
            counts[rows] = False
            counts[drawn(rows, self.seeds[int(pair)])] = True
        return counts


def drawn(rows: Rows, seed: int) -> Rows:
    """Return all rows, or 999 of them drawn by `seed` without replacement."""
    if len(rows) <= MOST:
        return rows
    return np.random.default_rng(seed).choice(rows, MOST, replace=False, shuffle=False)


def _places(who: Rows) -> npt.NDArray[np.int64]:
    """Return the place of each row among those of its pair; rows of a pair lie together."""
    if not len(who):
        return np.empty(0, dtype=np.int64)
    begins = np.flatnonzero(np.diff(who, prepend=-1))
    lengths = np.diff(np.append(begins, len(who)))
    return np.arange(len(who)) - np.repeat(begins, lengths)


def _running(who: Rows, places: npt.NDArray[np.int64], hit: Flags) -> npt.NDArray[np.int64]:
    """Return how many hits each pair has up to and with each row."""
    total = np.cumsum(hit)
    first = np.arange(len(who)) - places
    before = total[first] - hit[first] if len(who) else total
    running: npt.NDArray[np.int64] = total - before
    return running


def _is_weekend(t: Instants) -> Flags:
    weekend: Flags = (t + _TO_MONDAY_MS) % _WEEK_MS >= _FIVE_DAYS_MS
    return weekend
