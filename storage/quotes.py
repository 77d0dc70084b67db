"""Writing and reading quotes as tuples and arrays; no object is made for a row.

A polled quote is written when a price changed, and at least every HEARTBEAT as a sign of life.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from sqlmodel import Session

from storage.columns import MICRO, to_micro
from storage.instants import EPOCH, to_ms
from storage.market_repo import OutcomeKey
from storage.records import PriceBasis, QuoteRecord

HEARTBEAT = timedelta(minutes=15)
_HEARTBEAT_MS = HEARTBEAT // timedelta(milliseconds=1)
COLUMNS = (
    "outcome_id",
    "at",
    "bid",
    "ask",
    "last",
    "value",
    "basis",
    "observed_lag",
    "venue_lag",
    "volume_24h",
)
Row: TypeAlias = tuple[
    int, int, int | None, int | None, int | None, int | None, int, int, int | None, int | None
]
_INSERT = (
    f"INSERT INTO quote ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608
    "ON CONFLICT DO NOTHING"
)
_LATEST = (
    f"SELECT {', '.join(COLUMNS)} FROM quote WHERE outcome_id = ? "  # noqa: S608
    "ORDER BY at DESC LIMIT 1"
)
_VOLUME = (
    "SELECT volume_24h FROM quote WHERE outcome_id = ? AND at >= ? AND at <= ? "
    "AND volume_24h IS NOT NULL AND at + observed_lag <= ? ORDER BY at DESC LIMIT 1"
)
_FIRST = "SELECT at FROM quote WHERE outcome_id = ? ORDER BY at LIMIT 1"
# A missing number travels as MISSING or NO_PRICE, because a NULL would cost a Python branch, and
# two prices as one integer: a cell costs more than taking it apart. Sources and imports let only
# prices of 0..1 in, so each fits in 31 bits.
MISSING = -(1 << 62)
_NO_PRICE = -(1 << 30)
_HALF = 1 << 32
_READ_COLUMNS = 5
_READ = (
    f"SELECT at, ifnull(bid, {_NO_PRICE}) * {_HALF} + ifnull(ask, {_NO_PRICE}), "  # noqa: S608
    f"ifnull(last, {_NO_PRICE}) * {_HALF} + ifnull(value, {_NO_PRICE}), "
    f"observed_lag * {len(PriceBasis)} + basis, ifnull(volume_24h, {MISSING}) FROM quote "
    "WHERE outcome_id = ? AND at >= ? AND at < ? ORDER BY at"
)


@dataclass(frozen=True, slots=True)
class QuoteArrays:
    """One outcome's quotes, ascending: `at` int64 ms, prices 0..1 float64 with NaN for missing.

    `basis` holds PriceBasis numbers, `observed_lag` ms between the instant and our having it,
    `volume_24h` the venue's money.
    """

    at: npt.NDArray[np.int64]
    bid: npt.NDArray[np.float64]
    ask: npt.NDArray[np.float64]
    last: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]
    basis: npt.NDArray[np.int64]
    observed_lag: npt.NDArray[np.int64]
    volume_24h: npt.NDArray[np.float64]

    @property
    def mid(self) -> npt.NDArray[np.float64]:
        """Return the middle of a two-sided book, or the venue's own value for other bases."""
        return np.where(self.basis == PriceBasis.BOOK, (self.bid + self.ask) / 2, self.value)

    @property
    def spread(self) -> npt.NDArray[np.float64]:
        """Return ask - bid; NaN when a side is missing or there is no book."""
        return np.where(self.basis == PriceBasis.BOOK, self.ask - self.bid, np.nan)


def insert_rows(session: Session, rows: Sequence[Row]) -> int:
    """Return how many of `rows` (in the order of COLUMNS) were new; the rest were there."""
    if not rows:
        return 0
    cursor = raw_connection(session).executemany(_INSERT, rows)
    return max(cursor.rowcount, 0)


def write_polled(
    session: Session, records: Iterable[QuoteRecord], ids: Mapping[OutcomeKey, int]
) -> list[int]:
    """Return the outcome ids whose price changed; unchanged ones get a heartbeat at most.

    Records of unknown outcomes are a programming error: KeyError.
    """
    changed: list[int] = []
    rows: list[Row] = []
    newest: dict[int, Row] = {}
    for record in records:
        row = as_row(record, ids)
        before = newest.get(row[0]) or _newest_row(session, row[0])
        is_change = before is None or before[2:7] != row[2:7]
        if is_change:
            changed.append(row[0])
        if before is None or is_change or row[1] - before[1] >= _HEARTBEAT_MS:
            rows.append(row)
            newest[row[0]] = row
    insert_rows(session, rows)
    return changed


def thinned(rows: Iterable[Row]) -> list[Row]:
    """Return the rows, ascending by outcome and instant, that change a price or show life."""
    kept: list[Row] = []
    for row in rows:
        last = kept[-1] if kept else None
        if (
            last is None
            or last[0] != row[0]
            or last[2:7] != row[2:7]
            or row[1] - last[1] >= _HEARTBEAT_MS
        ):
            kept.append(row)
    return kept


def as_row(record: QuoteRecord, ids: Mapping[OutcomeKey, int]) -> Row:
    """Return the tuple that `insert_rows` writes for `record`."""
    at = to_ms(record.at)
    is_book = record.basis is PriceBasis.BOOK
    return (
        ids[record.key],
        at,
        to_micro(record.bid),
        to_micro(record.ask),
        to_micro(record.last),
        None if is_book else to_micro(record.value),
        int(record.basis),
        to_ms(record.observed_at) - at,
        None if record.venue_at is None else at - to_ms(record.venue_at),
        None if record.volume_24h is None else round(record.volume_24h * 100),
    )


def read(
    session: Session,
    outcome_id: int,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuoteArrays:
    """Return the quotes of one outcome with since <= at < until; empty arrays when none."""
    low = to_ms(since) if since else MISSING
    high = to_ms(until) if until else 1 << 62
    return _arrays(raw_connection(session).execute(_READ, (outcome_id, low, high)))


def latest(
    session: Session,
    outcome_id: int,
    *,
    at: datetime | None = None,
    observed: bool = False,
    known_by: datetime | None = None,
    basis: int | None = None,
) -> QuoteArrays:
    """Return the newest quote of one outcome at or before `at`, as arrays of length 0 or 1.

    `observed`: of those only that we had by then; history that came in later was not known.
    `known_by` asks the same for another instant. `basis` looks at prices of one kind only.
    """
    asked = ""
    if known_by is not None or (observed and at is not None):
        asked += f"AND at + observed_lag <= {to_ms(known_by or at or EPOCH)} "
    if basis is not None:
        asked += f"AND basis = {int(basis)} "
    newest = _READ.replace("ORDER BY at", f"{asked}ORDER BY at DESC LIMIT 1")
    high = to_ms(at) + 1 if at else 1 << 62
    return _arrays(raw_connection(session).execute(newest, (outcome_id, MISSING, high)))


def volume_24h(session: Session, outcome_id: int, *, since: datetime, at: datetime) -> float | None:
    """Return the last volume of a day that we had been told by `at`, not before `since`.

    In the venue's money; None when nobody said one.
    """
    instant = to_ms(at)
    found = raw_connection(session).execute(_VOLUME, (outcome_id, to_ms(since), instant, instant))
    row = found.fetchone()
    return None if row is None else float(row[0]) / 100


def first_at(session: Session, outcome_id: int) -> int | None:
    """Return the instant of an outcome's oldest quote, ms; None when it has none."""
    row = raw_connection(session).execute(_FIRST, (outcome_id,)).fetchone()
    return None if row is None else int(row[0])


def raw_connection(session: Session) -> sqlite3.Connection:
    """Return the driver's connection of this session's transaction, for tuples in bulk."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection


def _newest_row(session: Session, outcome_id: int) -> Row | None:
    found: Row | None = raw_connection(session).execute(_LATEST, (outcome_id,)).fetchone()
    return found


def _arrays(cursor: sqlite3.Cursor) -> QuoteArrays:
    cells = np.fromiter(chain.from_iterable(cursor), dtype=np.int64)
    at, book, others, lag_and_basis, volume = cells.reshape(-1, _READ_COLUMNS).T.copy()
    observed_lag, basis = np.divmod(lag_and_basis, len(PriceBasis))
    bid, ask = _prices(book)
    last, value = _prices(others)
    return QuoteArrays(
        at=at,
        bid=bid,
        ask=ask,
        last=last,
        value=value,
        basis=basis,
        observed_lag=observed_lag,
        volume_24h=np.where(volume == MISSING, np.nan, volume / 100),
    )


def _prices(
    pairs: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    low = pairs.astype(np.int32)  # the lower half keeps its sign
    high = (pairs - low) // _HALF
    first, second = (np.where(half == _NO_PRICE, np.nan, half / MICRO) for half in (high, low))
    return first, second
