"""Placebo windows: how often a price moved as far in hours like this one when nothing was said.

The windows lie on the outcome's own past, end before t0-2h and never look at a later row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from signals.moves import ESTIMATION_MS
from signals.placebo_pools import ENOUGH, Level, Rows, Tally, blocks, is_like_day, steps_of
from signals.prices import EPSILON, HOUR_MS, Floats, Instants
from signals.window_arrays import Flags, Track, Windows, noise, passes, windows
from signals.windows import RUN_UP_MS

FEWEST = 20
LIKE = 2.0
# Of hours within 3 h on like days 90 days hold at most 462. With 24 as large, whatever the rest
# shows, p stays above 0.05: (1 + 24) / (1 + 462).
STOP_AT = 24
NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Placebo:
    """The placebo test of one response.

    `p` is (1 + hits) / (1 + n), None with fewer than 20 windows; `n` the windows compared with,
    `days` the distinct UTC days they begin on: 40 days cannot support p = 0.001.
    """

    p: float | None
    n: int
    days: int


def placebo(
    path: Track,
    *,
    t0: int,
    window_ms: int,
    focal_t0s: Iterable[int] = (),
    closes_at: int | None = None,
    seed: int = 0,
) -> Placebo:
    """Return how a response at `t0` compares with the same outcome's own comparable hours.

    The windows: whole steps of `window_ms` before t0, at most 90 days back, past the gates of a
    link, with p(1-p) between half and twice that at t0, clear of [s-2h, s+1h] of each of
    `focal_t0s`. Those within 3 h of the same hour on the same weekday class (UTC) are preferred;
    below 60 of them any hour counts, then any day. Of more than 999 a sample drawn by `seed`
    counts. Without a response at t0 there is no p. Compared is `sizes`.

    Source: design 6; event study reference, section 4 (placebo).
    """
    (found,) = placebos(
        path,
        np.array([t0], dtype=np.int64),
        window_ms=window_ms,
        focal_t0s=focal_t0s,
        closes_at=closes_at,
        seeds=(seed,),
    )
    return found


def placebos(
    path: Track,
    t0: Instants,
    *,
    window_ms: int,
    focal_t0s: Iterable[int] = (),
    closes_at: int | None = None,
    seeds: Iterable[int] | None = None,
    stop_at: int | None = None,
) -> list[Placebo]:
    """Return the placebo test of each of many responses of one outcome.

    With `stop_at` preferred windows are looked at from the newest to the oldest until so many
    were as large: p stays valid (it is then of the windows looked at), and with STOP_AT it is on
    the same side of 0.05 as that of all. Wider pools are always looked at in full.

    Source: Besag and Clifford 1991 (sequential Monte Carlo p-values).
    """
    own = windows(path, t0, window_ms)
    # One that trades past its announced end has no known one.
    is_ending = t0 + window_ms < (closes_at or 0)
    closes = np.where(is_ending, closes_at or 0, NEVER)
    focal = np.sort(np.fromiter(focal_t0s, dtype=np.int64))
    ask = _Question(path, own, sizes(path, own, closes), focal, closes)
    tally = Tally.empty(list(seeds or [0] * len(t0)))
    left = np.flatnonzero(~np.isnan(own.post))
    for level in Level:
        tally.forget(left)
        left = _look(ask, tally, left, level, stop_at)
    return [
        Placebo((1 + hits) / (1 + n) if n >= FEWEST else None, n, days)
        for hits, n, days in zip(
            tally.hits.tolist(), tally.n.tolist(), tally.days.tolist(), strict=True
        )
    ]


def sizes(path: Track, found: Windows, closes: Instants) -> Floats:
    """Return what placebo windows are compared by: |post| in units of the noise expected of each.

    Each window stands against the noise of its own 72 h, so that a volatile week and a quiet one
    fit in one pool. That noise lags where news comes ever faster: a fair price that ends at 0 or 1
    when its market `closes` (ms, NEVER when unknown) has a variance that grows as 1 / time left.
    With a known end the noise of the 72 h is carried forward on that clock; where prices do not
    hurry so, p is too large, never too small.

    Source: event study reference, section 1.2 (variance of a price that resolves).
    """
    per_ms = found.per_ms
    if np.any(closes != NEVER) and len(path.series.at):
        begins = np.maximum(found.t0 - ESTIMATION_MS[0], path.series.at[0])
        then = _hurry(closes, begins, found.t0 - ESTIMATION_MS[1])
        now = _hurry(closes, found.t0, found.t0 + found.window_ms)
        per_ms = np.where(closes == NEVER, per_ms, per_ms * now / then)
    return np.abs(found.post) / noise(per_ms, found.window_ms, found.spread, found.tick)


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """The responses to compare and what their windows have to be clear of."""

    path: Track
    own: Windows
    size: Floats
    focal: Instants
    closes: Instants


def _look(ask: _Question, tally: Tally, left: Rows, level: Level, stop_at: int | None) -> Rows:
    """Count windows of one level for the pairs `left`; return those that found too few."""
    stops = stop_at if level is Level.LIKE_HOURS else None
    steps = steps_of(level, ask.own.window_ms, _furthest(ask, left))
    going = left
    for part in blocks(steps, ask.own.window_ms) if stops else [steps]:
        if not len(going):
            break
        who, starts, by_pair = _cells(ask, going, part, level)
        found = windows(ask.path, starts, ask.own.window_ms)
        hit = sizes(ask.path, found, ask.closes[who]) >= ask.size[who] - EPSILON
        by_pair = by_pair[_is_usable(ask, who, found)[by_pair]]
        tally.add(who[by_pair], starts[by_pair], hit[by_pair], stops)
        going = going[~tally.stopped[going]]
    return left[(tally.n[left] < ENOUGH) & ~tally.stopped[left]]


def _furthest(ask: _Question, left: Rows) -> int:
    """Return how far back the first row lies from the latest of the responses, ms."""
    if not len(left):
        return 0
    return int(ask.own.t0[left].max() - ask.path.series.at[0])


def _cells(
    ask: _Question, going: Rows, steps: Instants, level: Level
) -> tuple[Rows, Instants, Rows]:
    """Return the pair and the start of each window to look at, and their order by pair.

    They stand step by step, where starts ascend and look-ups are quick; by pair, newest first.
    """
    t0 = ask.own.t0[going]
    starts = t0 - steps[:, None] * ask.own.window_ms
    wanted = starts > ask.path.series.at[0]
    if level is not Level.ANY:
        wanted &= is_like_day(starts, t0)
    places = np.cumsum(wanted).reshape(wanted.shape) - 1
    return going[np.nonzero(wanted)[1]], starts[wanted], places.T[wanted.T]


def _is_usable(ask: _Question, who: Rows, found: Windows) -> Flags:
    own = ask.own
    room, wanted = found.before * (1 - found.before), own.before * (1 - own.before)
    usable: Flags = (room >= wanted[who] / LIKE - EPSILON) & (room <= wanted[who] * LIKE + EPSILON)
    usable &= ~np.isnan(found.per_ms) | np.isnan(own.per_ms)[who]
    if len(ask.focal):
        first = np.searchsorted(ask.focal, found.t0 - HOUR_MS, side="left")
        last = np.searchsorted(ask.focal, found.t0 + found.window_ms + RUN_UP_MS, side="right")
        usable &= first == last
    return usable & passes(ask.path, found)


def _hurry(closes: Instants, a: Instants, b: Instants) -> Floats:
    """Return the mean of 1 / time left over [a, b], per ms."""
    left = (closes - b).astype(np.float64)
    mean: Floats = np.log1p((b - a) / left) / np.maximum(b - a, 1)
    return mean
