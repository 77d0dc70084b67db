"""Moves: when a price went further within an hour than its own noise allows.

Every figure at an instant uses rows at or before it only; the state of a move is decided once,
at the instant its persistence can be read, and stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from signals.prices import (
    EPSILON,
    HOUR_MS,
    MINUTE_MS,
    Coverage,
    Floats,
    Instants,
    PriceSeries,
    variation,
)

State = Literal["pending", "persisted", "reverted"]

TRAILING_MS = HOUR_MS
QUIET_MS = HOUR_MS
READ_GAP_MS = 30 * MINUTE_MS
ESTIMATION_MS = (72 * HOUR_MS, 2 * HOUR_MS)
PERSISTENCE_MS = 10 * MINUTE_MS
TOGETHER_MS = 15 * MINUTE_MS
FURTHER_READS = 2
MIN_MOVE = 0.03
MIN_FURTHER = 0.01
NOISE_FACTOR = 4.0


@dataclass(frozen=True, slots=True)
class Move:
    """A price that went from `price_from` to `price_to`, instants in ms.

    `start_at` is the last update before the first crossing and `crossed_at` that crossing; both
    never change later. `price_to` is the furthest point, reached at `end_at`. `z` is the move in
    units of the hour's noise, None while the noise is unknown. `ended`: an hour passed without
    the price going further, so nothing can be merged into it any more.
    """

    start_at: int
    end_at: int
    crossed_at: int
    price_from: float
    price_to: float
    delta: float
    z: float | None
    state: State
    ended: bool


def detect_moves(
    series: PriceSeries,
    coverage: Coverage,
    *,
    after: int,
    now: int,
    resolved_at: int | None = None,
) -> list[Move]:
    """Return the moves that first crossed after `after`, as known at `now`, oldest first.

    A row crosses when |change against the earliest price of the trailing 60 min| reaches
    max(3 pp, 4 s, 1.5 spread, 2 ticks): the earliest price is the one in force an hour before,
    or the first one read since a gap of more than 30 min in the reads; s is the 60-min noise
    over [t-72h, t-2h), left out when less than an hour of it was watched; the spread is the
    wider of the two rows. A move begins at a crossing row that itself went that way, goes on
    while it gains another 1 pp within an hour, and is decided by the second further read
    or the first one after 10 min: `persisted` with at least half the move left, else `reverted`.
    A return within the hour belongs to the move unless it crosses beyond its origin.

    Hand over at least 75 h before `after`. Rows from `resolved_at` on are a settlement, not a
    move, and left out. Empty series give an empty list.
    """
    cut = now if resolved_at is None else min(now, resolved_at - 1)
    seen = series.until(cut)
    known = coverage.until(cut)
    reads = known.reads(seen.at)
    trace = _trace(seen, known.joined(READ_GAP_MS, seen.at))
    moves: list[Move] = []
    row = _next_begin(trace, 0)
    while row is not None:
        move, stop = _follow(trace, row, _decision(seen, reads, trace, row), now)
        if move.crossed_at > after:
            moves.append(move)
        row = _next_begin(trace, stop)
    return moves


def together(crossed_at: Sequence[int]) -> list[list[int]]:
    """Return the positions of crossings (ms) that are one move of a series, in order of time.

    Legs belong together when they crossed within 15 min of the first of them; legs are polled
    in one batch, and a venue that tells each on its own does so within minutes.
    """
    groups: list[list[int]] = []
    for place in sorted(range(len(crossed_at)), key=lambda n: (crossed_at[n], n)):
        if groups and crossed_at[place] - crossed_at[groups[-1][0]] <= TOGETHER_MS:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


@dataclass(frozen=True, slots=True, eq=False)
class _Trace:
    """Arrays over the priced rows: what each row knew about itself when it was read."""

    at: Instants
    price: Floats
    origin: Floats
    origin_at: Instants
    delta: Floats
    threshold: Floats
    noise: Floats
    crosses: npt.NDArray[np.bool_]
    begins: npt.NDArray[np.bool_]


def _trace(series: PriceSeries, watched: Coverage) -> _Trace:
    rows = series.priced()
    origin = _origins(series, rows, watched)
    delta = rows.price - rows.price[origin]
    spread = np.maximum(rows.spreads(), rows.spreads()[origin])
    per_ms, _ = variation(rows, watched).over(
        rows.at - ESTIMATION_MS[0], rows.at - ESTIMATION_MS[1]
    )
    s = np.sqrt(per_ms * HOUR_MS)
    floor = np.maximum(1.5 * spread, max(MIN_MOVE, 2 * rows.tick))
    threshold = np.maximum(floor, NOISE_FACTOR * np.nan_to_num(s, nan=0.0))
    crosses = np.abs(delta) >= threshold - EPSILON
    step = np.diff(rows.price, prepend=rows.price[:1])
    return _Trace(
        at=rows.at,
        price=rows.price,
        origin=rows.price[origin],
        origin_at=np.maximum(rows.at[origin], rows.at - TRAILING_MS),
        delta=delta,
        threshold=threshold,
        noise=np.maximum(s, np.maximum(spread / 2, rows.tick)),
        crosses=crosses,
        begins=crosses & (step * delta > 0),
    )


def _origins(series: PriceSeries, rows: PriceSeries, watched: Coverage) -> npt.NDArray[np.intp]:
    """Return, for each priced row, the row with the earliest price of its trailing hour."""
    start = rows.at - TRAILING_MS
    since_gap = watched.from_at[watched.span_of(rows.at)] if len(rows.at) else rows.at
    inside = np.searchsorted(rows.at, np.maximum(start, since_gap), side="left")
    if not len(rows.at):
        return inside
    in_force = np.searchsorted(series.at, start, side="right") - 1
    held = np.maximum(in_force, 0)
    usable = (in_force >= 0) & ~np.isnan(series.price[held]) & (series.at[held] >= since_gap)
    earlier = np.searchsorted(rows.at, series.at[held], side="right") - 1
    return np.where(usable, earlier, inside)


def _next_begin(trace: _Trace, row: int) -> int | None:
    ahead = np.flatnonzero(trace.begins[row:])
    return row + int(ahead[0]) if len(ahead) else None


@dataclass(frozen=True, slots=True)
class _Decision:
    """When a move's persistence was read, and how; `at` is None while it was not."""

    at: int | None
    state: State


def _decision(series: PriceSeries, reads: Coverage, trace: _Trace, row: int) -> _Decision:
    at = decided_at(series, reads, int(trace.at[row]))
    if at is None:
        return _Decision(None, "pending")
    price = series.as_of(at).value
    assert price is not None
    left = (price - trace.origin[row]) * np.sign(trace.delta[row])
    held = left >= abs(trace.delta[row]) / 2 - EPSILON
    return _Decision(at, "persisted" if held else "reverted")


def decided_at(series: PriceSeries, reads: Coverage, since: int) -> int | None:
    """Return when a change at `since` can be called lasting or not; None when not yet.

    The second further priced row (rows of one second are one read, so that a sweep through the
    book is not its own confirmation) or the first read with a price from 10 min on,
    whichever comes first.
    """
    rows = series.priced().at
    further = rows[rows // 1000 > since // 1000]
    _, firsts = np.unique(further // 1000, return_index=True)
    options = [int(further[firsts[FURTHER_READS - 1]])] if len(firsts) >= FURTHER_READS else []
    options += [int(at) for at in rows[rows >= since + PERSISTENCE_MS][:1]]
    read = reads.first_read_from(since + PERSISTENCE_MS)
    if read is not None and series.as_of(read).value is not None:
        options.append(read)
    return min(options, default=None)


def _follow(trace: _Trace, row: int, decision: _Decision, now: int) -> tuple[Move, int]:
    """Return the move that begins at `row` and the first row that can begin another."""
    way = float(np.sign(trace.delta[row]))
    origin, end, active_at = float(trace.origin[row]), row, int(trace.at[row])
    above, stop = True, row + 1
    while stop < len(trace.at) and trace.at[stop] - active_at < QUIET_MS:
        if _is_another(trace, stop, way, origin, decision):
            break
        gain = way * (trace.price[stop] - trace.price[end])
        if trace.crosses[stop] and way * trace.delta[stop] > 0 and gain >= MIN_FURTHER - EPSILON:
            end, active_at = stop, int(trace.at[stop])
        left = way * (trace.price[stop] - origin)
        fell = above and left < way * (trace.price[end] - origin) / 2
        above = bool(left >= way * (trace.price[end] - origin) / 2)
        if fell:
            active_at = int(trace.at[stop])
        stop += 1
    return _move(trace, row, end, decision.state, now - active_at >= QUIET_MS), stop


def _is_another(trace: _Trace, row: int, way: float, origin: float, decision: _Decision) -> bool:
    if not trace.begins[row]:
        return False
    if way * trace.delta[row] > 0:
        return decision.state == "reverted" and trace.at[row] > (decision.at or 0)
    return bool(way * (trace.price[row] - origin) <= -trace.threshold[row] + EPSILON)


def _move(trace: _Trace, row: int, end: int, state: State, ended: bool) -> Move:
    delta = float(trace.price[end] - trace.origin[row])
    noise = float(trace.noise[row])
    return Move(
        start_at=int(max(trace.at[row - 1], trace.origin_at[row])),
        end_at=int(trace.at[end]),
        crossed_at=int(trace.at[row]),
        price_from=float(trace.origin[row]),
        price_to=float(trace.price[end]),
        delta=delta,
        z=None if np.isnan(noise) else delta / noise,
        state=state,
        ended=ended,
    )
