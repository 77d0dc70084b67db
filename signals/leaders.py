"""Who was first, a source or the price, and how often a source was followed by a move at all.

"Led" says what came first, never what caused what.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np

from signals.evaluation import Interval, wilson
from signals.hayashi_yoshida import last_read
from signals.moves import Move
from signals.prices import MINUTE_MS, Coverage, PriceSeries

Order = Literal["price_followed", "price_led", "simultaneous_or_unknown"]


@dataclass(frozen=True, slots=True)
class Passage:
    """One item and the price's response to its story.

    `minutes` from the item to the response, negative when the price went first;
    `clock_error_min` is how wrong that may be, None when the item has no time of day.
    """

    minutes: float
    clock_error_min: float | None

    @property
    def order(self) -> Order:
        """Return who was first, when the clocks can tell."""
        if self.clock_error_min is None or abs(self.minutes) <= self.clock_error_min:
            return "simultaneous_or_unknown"
        return "price_followed" if self.minutes > 0 else "price_led"


@dataclass(frozen=True, slots=True)
class Record:
    """What a source's items were worth over `episodes` that could be read.

    `responses`: episodes in which the price moved and stayed; each is one of `followed` (the item
    was first), `led` (the price was first), `unknown` (the clocks cannot tell, or the item has no
    time). `median_min` over the responses to items with a time. `hit_rate` = followed / episodes
    with its 95 % Wilson interval. All None without episodes.
    """

    episodes: int
    responses: int
    followed: int
    led: int
    unknown: int
    median_min: float | None
    hit_rate: float | None
    interval: Interval | None


def response(moves: Sequence[Move], *, t0: int, run_up_ms: int, window_ms: int) -> Move | None:
    """Return the largest lasting move that crossed in [t0 - run_up, t0 + window]; None when none.

    A move is dated by its first crossing; ties go to the earlier one.
    """
    near = [
        move
        for move in moves
        if move.state == "persisted" and t0 - run_up_ms <= move.crossed_at <= t0 + window_ms
    ]
    return min(near, key=lambda move: (-abs(move.delta), move.crossed_at), default=None)


def unread_ms(series: PriceSeries, live: Coverage, pause_ms: int, move: Move) -> int:
    """Return how long nobody had read the price when the move was first seen.

    It was read at its rows, and every `pause_ms` within `live`.
    """
    row = int(np.searchsorted(series.at, move.crossed_at, side="left")) - 1
    last = int(series.at[row]) if row >= 0 else move.start_at
    if len(live.from_at):
        crossed = np.array([move.crossed_at], dtype=np.int64)
        last = max(last, int(last_read(live, crossed, pause_ms)[0]))
    return move.crossed_at - last


def passage(item_at: int, *, error_ms: int | None, move: Move, unread: int) -> Passage:
    """Return the order of an item (ms) and a move, with the errors of both clocks added up.

    The price may have moved earlier than it was seen to, never later, so what nobody read makes
    a move uncertain that was seen after the item, not one that was seen before it.
    """
    minutes = (move.crossed_at - item_at) / MINUTE_MS
    if error_ms is None:
        return Passage(minutes, None)
    return Passage(minutes, (error_ms + (unread if minutes > 0 else 0)) / MINUTE_MS)


def record(passages: Sequence[Passage | None]) -> Record:
    """Return the record over episodes; None stands for one without a price response."""
    seen = [each for each in passages if each is not None]
    orders = [each.order for each in seen]
    timed = [each.minutes for each in seen if each.clock_error_min is not None]
    followed = orders.count("price_followed")
    return Record(
        episodes=len(passages),
        responses=len(seen),
        followed=followed,
        led=orders.count("price_led"),
        unknown=orders.count("simultaneous_or_unknown"),
        median_min=median(timed) if timed else None,
        hit_rate=followed / len(passages) if passages else None,
        interval=wilson(followed, len(passages)),
    )


def binomial_p(hits: int, total: int, rate: float) -> float | None:
    """Return the one-sided p of at least `hits` of `total` when chance alone gives `rate`.

    None for fewer than two, where there is no test.
    """
    if total < 2:
        return None
    tail = sum(
        math.comb(total, k) * rate**k * (1 - rate) ** (total - k) for k in range(hits, total + 1)
    )
    return min(tail, 1.0)


def chance(moves: Sequence[Move], reads: Coverage, window_ms: int) -> float | None:
    """Return how often a random watched instant is followed by a lasting move within a window.

    The rate a source has to beat; None when nothing was watched.
    """
    watched = float(np.sum(reads.to_at - reads.from_at))
    if watched <= 0:
        return None
    starts = np.array(
        sorted(m.crossed_at - window_ms for m in moves if m.state == "persisted"), dtype=np.int64
    )
    # Windows of near moves overlap: each ends where the next one begins.
    ends = np.minimum(starts + window_ms, np.append(starts[1:], np.iinfo(np.int64).max))
    return min(float(np.sum(reads.covered_ms(starts, ends))) / watched, 1.0)
