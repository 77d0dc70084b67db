"""Grading alerts: did the price go where an alert pointed, more often than at any other time.

Hindsight, kept apart from deciding: an alert is graded on prices after it only, and only once its
horizon has passed. Instants are int64 ms UTC, prices and moves probabilities, not points.
Source: event study reference, section 7.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from signals.moves import READ_GAP_MS
from signals.prices import EPSILON, HOUR_MS, MINUTE_MS, POLLED_BASES, Coverage, Price, PriceSeries
from signals.windows import age_limit_ms

Direction = Literal[1, -1]
# The last two are said by who asks: nothing was told, or no market is there to grade it on.
Ungraded = Literal["pending", "stale", "no_price", "resolved", "not_told", "no_market"]

HORIZON_MS = 6 * HOUR_MS
LAG_MS = MINUTE_MS
MIN_HIT = 0.03
SPREADS = 1.5
DRAWS = 500


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """What is known of one outcome's price: gated rows, when it was read, when it was settled."""

    series: PriceSeries
    coverage: Coverage
    resolved_at: int | None = None

    def settled_by(self, t: int) -> bool:
        """Return whether the market was resolved at or before `t`."""
        return self.resolved_at is not None and self.resolved_at <= t


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one alert. `hit` is None where nothing can be said, for `ungraded`'s reason.

    `entry` is the first tradable price after the alert, `exit` the one at the horizon, `change`
    their difference; `spread` the wider of both quotes'; a hit is a change of at least
    `threshold` in the stated direction, in either one when none is stated.
    """

    hit: bool | None
    ungraded: Ungraded | None = None
    entry_at: int | None = None
    entry: float | None = None
    exit: float | None = None
    change: float | None = None
    spread: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Base:
    """How often the same question is answered yes at random times: `hits` of `n` draws.

    The draws overlap; `windows` says how many horizons apart from each other were watched.
    """

    hits: int = 0
    n: int = 0
    windows: int = 0

    @property
    def rate(self) -> float | None:
        """Return the share of hits; None without a draw that could be graded."""
        return self.hits / self.n if self.n else None


def outcome(
    path: Path,
    *,
    at: int,
    direction: Direction | None,
    now: int,
    horizon_ms: int = HORIZON_MS,
) -> Outcome:
    """Return what came of an alert at `at`, as known at `now`.

    Entered at the first tradable quote after it: the first row, or the price that stands when it
    is read a minute later. `resolved`: the market was settled within the horizon; `pending`: it
    has not passed; `no_price`, `stale`: no tradable quote, or none read, within half the horizon
    after the alert or before its end.
    """
    end = at + horizon_ms
    if path.settled_by(min(end, now)):
        return Outcome(None, "resolved")
    if now < end:
        return Outcome(None, "pending")
    series, reads = _between(path.series, at, end), path.coverage.until(end)
    patience = age_limit_ms(horizon_ms)
    entry_at = _entry_at(series, reads, at)
    last = series.as_of(end)
    if entry_at is None or entry_at > at + patience:
        is_read = _read_within(series, reads, at, at + patience)
        return Outcome(None, "no_price" if is_read else "stale")
    if last.value is None:
        return Outcome(None, "no_price")
    if not _read_within(series, reads, end - patience - 1, end):
        return Outcome(None, "stale")
    return _compared(series.as_of(entry_at), entry_at, last, direction)


def base_rate(
    path: Path,
    *,
    direction: Direction | None,
    since: int,
    until: int,
    seed: int,
    draws: int = DRAWS,
    horizon_ms: int = HORIZON_MS,
) -> Base:
    """Return how the same question fares at random times in [since, until - horizon].

    The times are drawn by `seed`, evenly over what was watched; those that cannot be graded are
    left out of n.
    """
    watched = path.coverage.joined(READ_GAP_MS, path.series.at)
    starts = np.clip(watched.from_at, since, until - horizon_ms)
    lengths = np.clip(watched.to_at, since, until - horizon_ms) - starts
    total = int(lengths.sum())
    if until - horizon_ms <= since or total <= 0:
        return Base()
    passed = np.cumsum(lengths) - lengths
    drawn = np.sort(np.random.default_rng(seed).integers(0, total, draws))
    spans = np.searchsorted(passed, drawn, side="right") - 1
    found = [
        outcome(path, at=int(at), direction=direction, now=until, horizon_ms=horizon_ms).hit
        for at in starts[spans] + drawn - passed[spans]
    ]
    graded = [hit for hit in found if hit is not None]
    return Base(sum(graded), len(graded), 1 + total // horizon_ms)


def lead_ms(
    path: Path,
    found: Outcome,
    *,
    at: int,
    moves: Iterable[tuple[int, int]] = (),
    horizon_ms: int = HORIZON_MS,
) -> int | None:
    """Return how long before its move a hit was told, negative when after it; None for no hit.

    The move is the earliest of `moves` (crossing, sign) of this outcome that went the same way
    and crossed within one horizon of the alert: what had moved already was no news. Without one
    it is the first price that had gone far enough.
    """
    if not found.hit or found.change is None or found.entry is None or found.entry_at is None:
        return None
    sign = 1 if found.change > 0 else -1
    near = [crossed for crossed, way in moves if way == sign and abs(crossed - at) <= horizon_ms]
    if near:
        return min(near) - at
    rows = path.series.until(at + horizon_ms).priced()
    gone = (rows.price - found.entry) * sign >= (found.threshold or 0.0) - EPSILON
    reached = rows.at[gone & (rows.at > found.entry_at)]
    return int(reached[0]) - at


def _between(series: PriceSeries, at: int, end: int) -> PriceSeries:
    """Return the row in force at `at` and those after it up to `end`."""
    first = max(int(np.searchsorted(series.at, at, side="right")) - 1, 0)
    part = slice(first, int(np.searchsorted(series.at, end, side="right")))
    return replace(series, at=series.at[part], price=series.price[part], spread=series.spread[part])


def _entry_at(series: PriceSeries, reads: Coverage, at: int) -> int | None:
    """Return when a tradable quote was first there after `at`."""
    rows = series.priced().at
    options = [int(row) for row in rows[rows > at][:1]]
    read = reads.first_read_from(at + LAG_MS) if series.basis in POLLED_BASES else None
    if read is not None and series.as_of(read).value is not None:
        options.append(read)
    return min(options, default=None)


def _read_within(series: PriceSeries, reads: Coverage, after: int, until: int) -> bool:
    """Return whether anything was read in (after, until]; of a history only a row says so."""
    rows = (series.at > after) & (series.at <= until)
    last = reads.last_read_before(until) if series.basis in POLLED_BASES else None
    return bool(rows.any()) or (last is not None and last > after)


def _compared(entry: Price, entry_at: int, last: Price, direction: Direction | None) -> Outcome:
    assert entry.value is not None
    assert last.value is not None
    change = last.value - entry.value
    spread = max(entry.spread, last.spread)
    threshold = max(MIN_HIT, SPREADS * spread)
    gain = abs(change) if direction is None else change * direction
    return Outcome(
        hit=gain >= threshold - EPSILON,
        entry_at=entry_at,
        entry=entry.value,
        exit=last.value,
        change=change,
        spread=spread,
        threshold=threshold,
    )
