"""Candles and trades as tuples: a row that is there already is kept, so a second reading adds none.

A candle is the exception: one that was still open when it was read is replaced by a later reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from sqlmodel import Session

from storage.columns import MICRO, to_micro
from storage.instants import to_ms
from storage.market_repo import OutcomeKey
from storage.quotes import raw_connection
from storage.records import CandleRecord, TradeRecord

_CANDLE = (
    "INSERT INTO candle (outcome_id, at, step_s, open, high, low, close, volume, backfilled) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (outcome_id, at, step_s) DO UPDATE SET "
    "open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, "
    "volume = excluded.volume WHERE open IS NOT excluded.open OR high IS NOT excluded.high "
    "OR low IS NOT excluded.low OR close IS NOT excluded.close OR volume IS NOT excluded.volume"
)
_TRADE = (
    "INSERT INTO trade (outcome_id, at, trade_id, price, size, side, backfilled) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


def write_candles(
    session: Session,
    records: Iterable[CandleRecord],
    ids: Mapping[OutcomeKey, int],
    *,
    backfilled: bool,
) -> int:
    """Return how many candles were new or changed. KeyError for an unknown outcome."""
    rows = [
        (
            ids[record.key],
            to_ms(record.at),
            record.step_s,
            *(to_micro(p) for p in (record.open, record.high, record.low, record.close)),
            _millionths(record.volume),
            backfilled,
        )
        for record in records
    ]
    return max(raw_connection(session).executemany(_CANDLE, rows).rowcount, 0) if rows else 0


def write_trades(
    session: Session,
    records: Iterable[TradeRecord],
    ids: Mapping[OutcomeKey, int],
    *,
    backfilled: bool,
) -> int:
    """Return how many trades were new. KeyError for an unknown outcome."""
    rows = [
        (
            ids[record.key],
            to_ms(record.at),
            record.trade_id,
            to_micro(record.price),
            _millionths(record.size),
            record.side,
            backfilled,
        )
        for record in records
    ]
    return max(raw_connection(session).executemany(_TRADE, rows).rowcount, 0) if rows else 0


def _millionths(size: Decimal | None) -> int | None:
    return None if size is None else round(size * MICRO)
