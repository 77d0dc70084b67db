"""The shape of a response: how much of the room it used, when it came, whether it was taken back.

When something happened between two updates is told as an interval, never as a point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signals.moves import decided_at
from signals.prices import EPSILON, Coverage, PriceSeries
from signals.windows import Window

ODDS_RANGE = (0.05, 0.95)
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Interval:
    """It came after `after_ms` and by `by_ms`, both since t0.

    `after_ms` is negative when the last update before it was older than the signal.
    """

    after_ms: int
    by_ms: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What a response looked like; None where it cannot be said.

    `log_odds` is its size in log-odds, `room` its share of the way to 1, or to 0 (then negative).
    `first` is when it first reached the size that counts and stayed, `half` when it had gone half
    of its way; both only of a response that counts and lasted.
    """

    log_odds: float | None = None
    room: float | None = None
    first: Interval | None = None
    half: Interval | None = None


NO_SHAPE = Shape()


def shape_of(window: Window, *, lasted: bool) -> Shape:
    """Return the shape of a window's response; empty while it has none."""
    before, after = window.before.value, window.after.value
    if window.post is None or before is None or after is None:
        return NO_SHAPE
    odds, room = log_odds_move(before, after), room_share(before, after)
    if not lasted:
        return Shape(odds, room)
    size = math.copysign(window.threshold(window.window_ms), window.post)
    return Shape(
        odds,
        room,
        first_response(window.series, window.reads, window.t0, size, window.end),
        reached(window.series, window.t0, HALF * window.post, window.end),
    )


def log_odds_move(before: float, after: float) -> float | None:
    """Return the move in log-odds; None unless both prices lie in 0.05..0.95.

    Beyond, one tick is a large number made of nothing.
    Source: event study reference, section 1.3.
    """
    low, high = ODDS_RANGE
    if not (low <= before <= high and low <= after <= high):
        return None
    return log_odds(after) - log_odds(before)


def log_odds(price: float) -> float:
    """Return ln(p / (1 - p)) of a price strictly between 0 and 1."""
    return math.log(price / (1 - price))


def room_share(before: float, after: float) -> float | None:
    """Return the share of the room that a move used: of 1 - before up, of before down, signed.

    None where there was no room. Source: event study reference, section 1.5.
    """
    room = 1 - before if after > before else before
    if abs(after - before) <= EPSILON:
        return 0.0
    return (after - before) / room


def reached(series: PriceSeries, t0: int, level: float, until: int) -> Interval | None:
    """Return when the price had moved by `level` (signed) since just before `t0`.

    None when it did not by `until`, or there was no price before `t0`.
    """
    rows = _crossings(series, t0, level, until)
    return _interval(series.priced(), int(rows[0]), t0) if len(rows) else None


def first_response(
    series: PriceSeries, reads: Coverage, t0: int, level: float, until: int
) -> Interval | None:
    """Return when the price first moved by `level` (signed) and stayed.

    It stays when half of the move is left at the second further update or the first read after
    10 min. Source: event study reference, sections 3 and 5.
    """
    start = series.as_of(t0 - 1).value
    rows, priced = _crossings(series, t0, level, until), series.priced()
    for row in rows:
        at = decided_at(series, reads, int(priced.at[row]))
        price = None if at is None else series.as_of(at).value
        if price is None or start is None:
            continue
        gone, left = float(priced.price[row]) - start, price - start
        if left * np.sign(gone) >= abs(gone) / 2 - EPSILON:
            return _interval(priced, int(row), t0)
    return None


def reversal_ratio(first: float, last: float) -> float | None:
    """Return 1 - last / first of two moves since t0: above 0.5 taken back, below 0 gone on.

    None without a first move. Source: event study reference, section 5.
    """
    return None if abs(first) <= EPSILON else 1 - last / first


def _crossings(series: PriceSeries, t0: int, level: float, until: int) -> npt.NDArray[np.intp]:
    """Return the priced rows in [t0, until] at which the price came to be beyond `level`."""
    start, rows = series.as_of(t0 - 1).value, series.priced()
    if start is None:
        return np.empty(0, dtype=np.intp)
    beyond = (rows.price - start) * np.sign(level) >= abs(level) - EPSILON
    came = beyond & ~np.concatenate(([False], beyond[:-1]))
    inside = (rows.at >= t0) & (rows.at <= until)
    # A row before t0 may lie beyond the level, too: only what happened since counts.
    first = np.searchsorted(rows.at, t0, side="left")
    if first < len(rows.at):
        came[first] = beyond[first]
    return np.flatnonzero(came & inside)


def _interval(rows: PriceSeries, row: int, t0: int) -> Interval:
    at = int(rows.at[row])
    return Interval(int(rows.at[row - 1]) - t0 if row else at - t0, at - t0)
