"""Writing and reading quotes as tuples and arrays; no object is made for a row.

A polled quote is written when a price changed, and at least every HEARTBEAT as a sign of life.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from sqlmodel import Session

from storage.columns import to_micro, to_ms
from storage.market_repo import OutcomeKey
from storage.records import PriceBasis, QuoteRecord

HEARTBEAT = timedelta(minutes=15)
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
    "SELECT q.outcome_id, q.at, q.bid, q.ask, q.last, q.value, q.basis FROM quote q "
    "WHERE q.outcome_id = ? ORDER BY q.at DESC LIMIT 1"
)
_DTYPE = np.dtype(
    [(name, "f8") for name in ("bid", "ask", "last", "value")]
    + [("at", "i8"), ("basis", "i8"), ("observed_lag", "i8")]
)
_READ = (
    "SELECT bid, ask, last, value, at, basis, observed_lag FROM quote "
    "WHERE outcome_id = ? AND at >= ? AND at < ? ORDER BY at"
)


@dataclass(frozen=True, slots=True)
class QuoteArrays:
    """One outcome's quotes, ascending: `at` int64 ms, prices 0..1 float64 with NaN for missing.

    `basis` holds PriceBasis numbers, `observed_lag` ms between the instant and our having it.
    """

    at: npt.NDArray[np.int64]
    bid: npt.NDArray[np.float64]
    ask: npt.NDArray[np.float64]
    last: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]
    basis: npt.NDArray[np.int64]
    observed_lag: npt.NDArray[np.int64]


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
    for record in records:
        row = as_row(record, ids)
        latest = raw_connection(session).execute(_LATEST, (row[0],)).fetchone()
        is_change = latest is None or latest[2:7] != row[2:7]
        if is_change:
            changed.append(row[0])
        if is_change or row[1] - latest[1] >= HEARTBEAT // timedelta(milliseconds=1):
            rows.append(row)
    insert_rows(session, rows)
    return changed


def as_row(record: QuoteRecord, ids: Mapping[OutcomeKey, int]) -> Row:
    """Return the tuple that `insert_rows` writes for `record`."""
    at = to_ms(record.at)
    is_book = record.basis is PriceBasis.BOOK
    return (
        ids[(record.venue, record.venue_id, record.venue_outcome_id)],
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
    low = to_ms(since) if since else -(1 << 62)
    high = to_ms(until) if until else 1 << 62
    cursor = raw_connection(session).execute(_READ, (outcome_id, low, high))
    found = np.fromiter(_numbers(cursor), dtype=_DTYPE)
    prices = {name: found[name] / 1e6 for name in ("bid", "ask", "last", "value")}
    return QuoteArrays(
        at=np.ascontiguousarray(found["at"]),
        basis=np.ascontiguousarray(found["basis"]),
        observed_lag=np.ascontiguousarray(found["observed_lag"]),
        **prices,
    )


def latest(session: Session, outcome_id: int, *, at: datetime | None = None) -> QuoteArrays:
    """Return the newest quote of one outcome at or before `at`, as arrays of length 0 or 1."""
    cursor = raw_connection(session).execute(
        _READ.replace("ORDER BY at", "ORDER BY at DESC LIMIT 1"),
        (outcome_id, -(1 << 62), (to_ms(at) + 1) if at else 1 << 62),
    )
    found = np.fromiter(_numbers(cursor), dtype=_DTYPE)
    prices = {name: found[name] / 1e6 for name in ("bid", "ask", "last", "value")}
    return QuoteArrays(
        at=found["at"], basis=found["basis"], observed_lag=found["observed_lag"], **prices
    )


def raw_connection(session: Session) -> sqlite3.Connection:
    """Return the driver's connection of this session's transaction, for tuples in bulk."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection


def _numbers(cursor: sqlite3.Cursor) -> Iterator[tuple[object, ...]]:
    nan = float("nan")
    for bid, ask, last, value, at, basis, lag in cursor:
        yield (
            nan if bid is None else bid,
            nan if ask is None else ask,
            nan if last is None else last,
            nan if value is None else value,
            at,
            basis,
            lag,
        )
