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
from signals.prices import (
    EPSILON,
    HOUR_MS,
    MINUTE_MS,
    POLLED_BASES,
    Coverage,
    Instants,
    Price,
    PriceSeries,
)
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
    `threshold` in the stated direction, in either one when none is stated. `basis` is what the
    prices are: of "trade" and "venue_history" nobody knows whether there was a quote to trade at.
    """

    hit: bool | None
    ungraded: Ungraded | None = None
    entry_at: int | None = None
    entry: float | None = None
    exit: float | None = None
    change: float | None = None
    spread: float | None = None
    threshold: float | None = None
    basis: str | None = None

    @property
    def word(self) -> str:
        """Return hit, miss, or why there is none."""
        if self.hit is None:
            return str(self.ungraded)
        return "hit" if self.hit else "miss"

    @property
    def without_book(self) -> bool:
        """Return whether it stands on last trades or a history, not on quotes."""
        return self.basis is not None and self.basis not in POLLED_BASES


@dataclass(frozen=True, slots=True)
class Base:
    """How often the same question is answered yes at random times: `hits` of `n` draws.

    The draws overlap; `windows` says how many horizons apart from each other could be
    graded.
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

    Entered at the first tradable quote after it: the first row, or the polled price that stands
    when it is read a minute later. Of trades and histories only a row counts, and only while its
    price is no older than half the horizon, at most 6 h, since it last changed.
    `resolved`: the market was settled within the horizon; `pending`: it has not passed; `no_price`:
    no two-sided book narrow enough; `stale`: nobody read, or the last change is too long ago;
    both within half the horizon after the alert, and at its end.
    """
    market = _market(path)
    return _outcome(market, at=at, direction=direction, now=now, horizon_ms=horizon_ms)


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
    left out of n, and their share of the time out of `windows`.
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
    market = _market(path)
    found = [
        _outcome(market, at=int(at), direction=direction, now=until, horizon_ms=horizon_ms).hit
        for at in starts[spans] + drawn - passed[spans]
    ]
    graded = [hit for hit in found if hit is not None]
    if not graded:
        return Base()
    return Base(sum(graded), len(graded), 1 + total * len(graded) // draws // horizon_ms)


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


@dataclass(frozen=True, slots=True, eq=False)
class _Market:
    """A path with what every question asks of it: when it was read, when its price changed."""

    path: Path
    reads: Coverage
    changes: Instants

    @property
    def is_polled(self) -> bool:
        """Return whether reading the same price again says that it still stands."""
        return self.path.series.basis in POLLED_BASES

    def known_at(self, t: int) -> int | None:
        """Return when the price in force at `t` was last known to be one: read, or changed to."""
        if self.is_polled:
            return self.reads.last_read_before(t)
        row = int(np.searchsorted(self.changes, t, side="right")) - 1
        return None if row < 0 else int(self.changes[row])

    def is_fresh(self, t: int, limit_ms: int) -> bool:
        """Return whether the price in force at `t` is at most `limit_ms` old."""
        known = self.known_at(t)
        return known is not None and t - known <= limit_ms

    def entry_at(self, at: int, limit_ms: int) -> int | None:
        """Return when a tradable price was first there after `at`, within `limit_ms`."""
        series = self.path.series
        ends = np.searchsorted(series.at, (at, at + limit_ms), side="right")
        part = slice(int(ends[0]), int(ends[1]))
        rows = series.at[part][~np.isnan(series.price[part])]
        options = [int(row) for row in rows if self.is_fresh(int(row), limit_ms)][:1]
        read = self.reads.first_read_from(at + LAG_MS) if self.is_polled else None
        if read is not None and read <= at + limit_ms and series.as_of(read).value is not None:
            options.append(read)
        return min(options, default=None)

    def no_entry(self, at: int, limit_ms: int) -> Ungraded:
        """Return why there was no tradable price: none at all, or none that is known to stand."""
        last = self.reads.last_read_before(at + limit_ms)
        was_read = last is not None and last > at
        stands = self.path.series.as_of(at + limit_ms).value is not None
        return "no_price" if was_read and not stands else "stale"


def _market(path: Path) -> _Market:
    rows = path.series.priced()
    # How long the first price had stood, nobody knows: it is no change.
    changed = np.abs(np.diff(rows.price, prepend=rows.price[:1])) > EPSILON
    return _Market(path, path.coverage.reads(path.series.at), rows.at[changed])


def _outcome(
    market: _Market, *, at: int, direction: Direction | None, now: int, horizon_ms: int
) -> Outcome:
    end, series = at + horizon_ms, market.path.series
    if market.path.settled_by(min(end, now)):
        return Outcome(None, "resolved")
    if now < end:
        return Outcome(None, "pending")
    limit = age_limit_ms(horizon_ms)
    entry_at, last = market.entry_at(at, limit), series.as_of(end)
    if entry_at is None:
        return Outcome(None, market.no_entry(at, limit))
    if last.value is None:
        return Outcome(None, "no_price")
    if not market.is_fresh(end, limit):
        return Outcome(None, "stale")
    found = _compared(series.as_of(entry_at), entry_at, last, direction)
    return replace(found, basis=series.basis)


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
