"""Prices of one outcome as arrays: the one gate, look-ups as of an instant, the watched time.

Instants are int64 milliseconds since the epoch, UTC. Prices are probabilities 0..1; NaN means
there was no price to trust at that instant, which is an observation and never skipped over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Instants = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Missing = Literal["no_price", "wide_book"]

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
BASES = ("book", "amm", "venue_history", "trade")
POLLED_BASES = ("book", "amm")  # an unchanged poll is news; an unchanged history is silence
MAX_SPREAD = 0.10
UNKNOWN_SPREAD = 0.01
EPSILON = 1e-9  # stored prices are integers of 1e-6; 0.58 - 0.55 must still count as 3 pp


@dataclass(frozen=True, slots=True)
class Price:
    """The price in force at an instant, or why there is none.

    `spread` is 1 pp where the venue does not say. `at` is the row's instant, None before the
    first row.
    """

    value: float | None
    spread: float
    at: int | None
    missing: Missing | None


@dataclass(frozen=True, slots=True, eq=False)
class PriceSeries:
    """Gated prices of one outcome on one basis, ascending in time.

    `spread` is NaN where unknown. A NaN price with a known spread is a book too wide to use; one
    without is a book that is not two-sided. Raises ValueError when the arrays do not fit.
    """

    at: Instants
    price: Floats
    spread: Floats
    basis: str
    tick: float = 0.001

    def __post_init__(self) -> None:
        if not len(self.at) == len(self.price) == len(self.spread):
            raise ValueError(
                f"at, price and spread differ in length: "
                f"{len(self.at)}, {len(self.price)}, {len(self.spread)}"
            )
        if self.at.dtype != np.int64:
            raise ValueError(f"at must be int64 milliseconds, got {self.at.dtype}")
        if np.any(np.diff(self.at) < 0):
            raise ValueError("at must ascend; sort the rows by time first")
        if np.any((self.price < 0) | (self.price > 1)):
            raise ValueError("prices are probabilities 0..1; divide cents by 100 first")
        if self.basis not in BASES:
            raise ValueError(f"basis {self.basis!r} is none of {', '.join(BASES)}")
        if not self.tick > 0:
            raise ValueError(f"tick must be above 0, got {self.tick}")

    def as_of(self, t: int) -> Price:
        """Return the price in force at `t`: the last row at or before it, never a later one."""
        row = int(np.searchsorted(self.at, t, side="right")) - 1
        if row < 0:
            return Price(None, UNKNOWN_SPREAD, None, "no_price")
        at, spread = int(self.at[row]), float(self.spread[row])
        if np.isnan(self.price[row]):
            wide = not np.isnan(spread)
            known = spread if wide else UNKNOWN_SPREAD
            return Price(None, known, at, "wide_book" if wide else "no_price")
        return Price(float(self.price[row]), float(self.spreads()[row]), at, None)

    def spreads(self) -> Floats:
        """Return the spread of each row, 1 pp where it is unknown."""
        return np.where(np.isnan(self.spread), UNKNOWN_SPREAD, self.spread)

    def until(self, t: int) -> PriceSeries:
        """Return the rows at or before `t`: what was known then."""
        n = int(np.searchsorted(self.at, t, side="right"))
        return PriceSeries(self.at[:n], self.price[:n], self.spread[:n], self.basis, self.tick)

    def priced(self) -> PriceSeries:
        """Return only the rows that hold a price."""
        has = ~np.isnan(self.price)
        return PriceSeries(self.at[has], self.price[has], self.spread[has], self.basis, self.tick)

    def last_change(self, t: int) -> int | None:
        """Return when the price last became another one at or before `t`; its first row counts."""
        rows = self.until(t).priced()
        if not len(rows.at):
            return None
        changed = np.flatnonzero(np.abs(np.diff(rows.price)) > EPSILON)
        return int(rows.at[changed[-1] + 1] if len(changed) else rows.at[0])


def price_series(
    at: Sequence[int] | Instants,
    bid: Sequence[float] | Floats,
    ask: Sequence[float] | Floats,
    value: Sequence[float] | Floats,
    basis: str | Sequence[str] | npt.NDArray[np.str_],
    *,
    tick: float = 0.001,
    as_of: int | None = None,
) -> PriceSeries:
    """Return the gated series of stored quotes; the only place that turns a book into a price.

    Book: the mid when both sides are there, uncrossed, at most 10 pp apart. Other bases: the
    venue's value, spread unknown. With one basis a row, the newest basis at or before `as_of`
    (default: of all rows) speaks for the whole series and rows of another are left out, so that
    no move is measured between two kinds of price. NaN marks what a quote lacks.

    Raises ValueError for lengths that differ, rows that do not ascend, an unknown basis.
    """
    instants = np.asarray(at, dtype=np.int64)
    columns = [np.asarray(column, dtype=np.float64) for column in (bid, ask, value)]
    if any(len(column) != len(instants) for column in columns):
        raise ValueError("at, bid, ask and value differ in length")
    if np.any(np.diff(instants) < 0):
        raise ValueError("at must ascend; sort the rows by time first")
    word, keep = _one_basis(instants, basis, as_of)
    bids, asks, values = (column[keep] for column in columns)
    if word != "book":
        return PriceSeries(instants[keep], values, np.full(len(values), np.nan), word, tick)
    spread = asks - bids
    spread[spread < -EPSILON] = np.nan  # a crossed book is a torn read, not a price
    mid = np.where(spread <= MAX_SPREAD + EPSILON, (bids + asks) / 2, np.nan)
    return PriceSeries(instants[keep], mid, np.maximum(spread, 0.0), word, tick)


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Spans [from_at, to_at] over which a price was followed; ascending, apart from each other.

    `read` is the part in which every moment was looked at; of the rest, the past that a file or
    a venue told, only the rows themselves are known. None: all of it was looked at. Build it with
    `coverage` when spans may touch or overlap.
    """

    from_at: Instants
    to_at: Instants
    read: Coverage | None = None

    def __post_init__(self) -> None:
        if len(self.from_at) != len(self.to_at):
            raise ValueError("from_at and to_at differ in length")
        if np.any(self.to_at < self.from_at) or np.any(self.from_at[1:] <= self.to_at[:-1]):
            raise ValueError("spans must ascend and stay apart; build them with coverage()")

    def until(self, t: int) -> Coverage:
        """Return the coverage as it stood at `t`."""
        n = int(np.searchsorted(self.from_at, t, side="right"))
        read = None if self.read is None else self.read.until(t)
        return Coverage(self.from_at[:n], np.minimum(self.to_at[:n], t), read)

    def reads(self, rows: Instants) -> Coverage:
        """Return when the price was really known: at its `rows`, and while it was looked at."""
        return (self if self.read is None else self.read).joined(0, rows)

    def last_read_before(self, t: int) -> int | None:
        """Return the latest instant at or before `t` known to be read, None before the first."""
        row = int(np.searchsorted(self.from_at, t, side="right")) - 1
        return None if row < 0 else min(t, int(self.to_at[row]))

    def first_read_from(self, t: int) -> int | None:
        """Return the earliest instant at or after `t` known to be read, None after the last."""
        row = int(np.searchsorted(self.to_at, t, side="left"))
        return None if row == len(self.to_at) else max(t, int(self.from_at[row]))

    def covered_ms(self, a: Instants | int, b: Instants | int) -> Floats:
        """Return how many milliseconds of [a, b) were watched; elementwise for arrays."""
        return np.maximum(self._watched_until(b) - self._watched_until(a), 0.0)

    def longest_gap_ms(self, a: int, b: int) -> int:
        """Return the longest stretch of [a, b] without a read; 0 when b is not after a."""
        if b <= a:
            return 0
        inside = (self.to_at >= a) & (self.from_at <= b)
        ends = np.concatenate(([a], np.clip(self.to_at[inside], a, b)))
        starts = np.concatenate((np.clip(self.from_at[inside], a, b), [b]))
        return int(np.max(starts - ends))

    def joined(self, gap_ms: int, reads: Instants) -> Coverage:
        """Return the coverage with single `reads` added and gaps up to `gap_ms` bridged."""
        return coverage(
            np.concatenate((self.from_at, reads)), np.concatenate((self.to_at, reads)), gap_ms
        )

    def span_of(self, at: Instants) -> npt.NDArray[np.intp]:
        """Return, for each instant, the index of the last span that began at or before it."""
        return np.searchsorted(self.from_at, at, side="right") - 1

    def _watched_until(self, t: Instants | int) -> Floats:
        instants = np.asarray(t, dtype=np.int64)
        if not len(self.from_at):
            return np.zeros(instants.shape)
        if len(self.from_at) == 1:
            within = np.clip(instants, self.from_at[0], self.to_at[0]) - self.from_at[0]
            return np.asarray(within, dtype=np.float64)
        before = np.concatenate(([0], np.cumsum(self.to_at - self.from_at)))
        row = self.span_of(instants)
        span = np.maximum(row, 0)
        into = np.minimum(instants, self.to_at[span]) - self.from_at[span]
        return np.where(row < 0, 0.0, (before[span] + into).astype(np.float64))


def coverage(
    from_at: Sequence[int] | Instants, to_at: Sequence[int] | Instants, gap_ms: int = 0
) -> Coverage:
    """Return the coverage of spans in any order, merged where at most `gap_ms` lies between."""
    starts, ends = np.asarray(from_at, dtype=np.int64), np.asarray(to_at, dtype=np.int64)
    if not len(starts):
        return Coverage(starts, ends)
    order = np.argsort(starts, kind="stable")
    starts, reached = starts[order], np.maximum.accumulate(ends[order])
    opens = np.concatenate(([True], starts[1:] - reached[:-1] > gap_ms))
    closes = np.concatenate((opens[1:], [True]))
    return Coverage(starts[opens], reached[closes])


@dataclass(frozen=True, slots=True, eq=False)
class Variation:
    """Running sums of squared price changes, to be asked about any span without another pass.

    A change between two rows of different watched spans is left out, as the time between them
    is: it belongs to hours that nobody saw.
    """

    watched: Coverage
    at: Instants
    squares: Floats
    changes: npt.NDArray[np.int64]

    def over(self, a: Instants, b: Instants) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Return, for spans [a, b), the variance of one millisecond and the number of changes.

        The variance is NaN where less than an hour was watched: unknown, not zero.
        """
        if not len(self.at):
            return np.full(a.shape, np.nan), np.zeros(a.shape, dtype=np.int64)
        first = np.searchsorted(self.at, a, side="left")
        last = np.maximum(np.searchsorted(self.at, b, side="left") - 1, first)
        first, last = (np.minimum(row, len(self.at) - 1) for row in (first, last))
        watched = self.watched.covered_ms(a, b)
        known = watched >= HOUR_MS
        sums = self.squares[last] - self.squares[first]
        rate = np.where(known, sums / np.where(known, watched, 1.0), np.nan)
        return rate, self.changes[last] - self.changes[first]


def variation(series: PriceSeries, watched: Coverage) -> Variation:
    """Return the variation of the priced rows of `series` within the `watched` spans.

    Source: realised variance, reference event study, section 1; covered seconds, design 6.
    """
    rows = series.priced()
    step = np.diff(rows.price, prepend=rows.price[:1])
    spans = watched.span_of(rows.at)
    step[np.diff(spans, prepend=spans[:1]) != 0] = 0.0
    changed = (np.abs(step) > EPSILON).astype(np.int64)
    return Variation(watched, rows.at, np.cumsum(step**2), np.cumsum(changed))


def _one_basis(
    at: Instants, basis: str | Sequence[str] | npt.NDArray[np.str_], as_of: int | None
) -> tuple[str, npt.NDArray[np.bool_]]:
    """Return the basis that speaks and which rows are on it."""
    if isinstance(basis, str):
        return basis, np.ones(len(at), dtype=np.bool_)
    words = np.asarray(basis, dtype=np.str_)
    if len(words) != len(at):
        raise ValueError("at and basis differ in length")
    if not len(words):
        return "book", np.ones(0, dtype=np.bool_)
    row = len(at) if as_of is None else int(np.searchsorted(at, as_of, side="right"))
    word = str(words[max(row - 1, 0)])
    return word, words == word
