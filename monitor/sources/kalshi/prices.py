"""Kalshi's order books, candles and trades as our records, live and historical.

Traps of the wire: a book holds bids only, the yes ask is 1 minus the best no bid; candles carry
the END of their period, and no price when nothing traded in it; trades come newest first with
two names for the taker's side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from monitor.errors import ParseError
from monitor.sources.base import MAX_EXCERPT, parse_each
from monitor.sources.instants import instant_from_s, instant_or_none
from monitor.sources.kalshi.wire import (
    VENUE,
    Json,
    dollars,
    envelope_of,
    number,
    outcome_id,
    price,
    real,
    rows_of,
    text,
    top_quote,
)
from monitor.sources.numbers import probability, quantity
from storage.records import Batch, CandleRecord, PriceBasis, QuoteRecord, Reject, TradeRecord

_Row = TypeVar("_Row")
STEPS_S = (60, 3_600, 86_400)
HEARTBEAT = timedelta(minutes=15)
_SIDES = {"yes": "buy", "no": "sell"}


@dataclass(frozen=True, slots=True)
class _Candle:
    """A candle and the top of book at its end, when both sides stood."""

    record: CandleRecord
    quote: QuoteRecord | None


def books_batch(
    payload: object, context: Mapping[str, object], *, at: datetime, what: str
) -> Batch:
    """Return the quotes of one book or of `orderbooks`, read at `at`.

    `context["tickers"]` maps each asked ticker to `[24 h volume, last price]`, texts or None;
    a lone book that names no ticker is the one asked for. An empty book counts as read.
    """
    asked = context.get("tickers")
    tickers = asked if isinstance(asked, dict) else {}
    books, rejects = parse_each(_books(payload, tickers, what), lambda row: _book(row, tickers, at))
    books, repeated = _first_of_each(books, lambda book: book[0], "order book")
    return Batch(
        quotes=tuple(quote for _, quote in books if quote is not None),
        read_outcomes=tuple((VENUE, ticker, outcome_id(ticker)) for ticker, _ in books),
        rejects=(*rejects, *repeated),
    )


def candles_batch(
    payload: object, context: Mapping[str, object], *, at: datetime, what: str
) -> Batch:
    """Return candles of the trades and, where bid and ask stood at the end, quotes, seen at `at`.

    `context` names `step_s` (60, 3600 or 86400: the answer does not) and, where the answer does
    not, `ticker`. A candle in which nothing traded has no open, high, low and close. A book that
    did not move is quoted every 15 minutes, as in a live poll.
    """
    step_s = context.get("step_s")
    if step_s not in STEPS_S or not isinstance(step_s, int):
        raise ParseError(f"{what}: candles need to know their step, got {step_s!r:.40}")
    rows = [(ticker, row) for ticker, rows in _candle_lists(payload, context, what) for row in rows]
    candles, rejects = parse_each(rows, lambda row: _candle(*row, step_s, at))
    candles, repeated = _first_of_each(
        candles, lambda c: (c.record.venue_id, c.record.at), "candle"
    )
    return Batch(
        candles=tuple(candle.record for candle in candles),
        quotes=tuple(_changes(candle.quote for candle in candles if candle.quote is not None)),
        rejects=(*rejects, *repeated),
    )


def trades_batch(payload: object, context: Mapping[str, object], *, what: str) -> Batch:
    """Return fills as trades of the yes side: `buy` where the taker took yes, else `sell`.

    `context["ticker"]`, when given, is the only market that may be named.
    """
    rows = rows_of(payload, "trades", what=what)
    trades, rejects = parse_each(rows, lambda row: _trade(row, context.get("ticker")))
    trades, repeated = _first_of_each(trades, lambda trade: trade.trade_id, "trade")
    return Batch(trades=tuple(trades), rejects=(*rejects, *repeated))


def answered(payload: object, *, what: str) -> set[str]:
    """Return the tickers whose books an answer of `orderbooks` holds."""
    rows = rows_of(payload, "orderbooks", what=what)
    return {str(row.get("ticker")) for row in rows if isinstance(row, dict)}


def _books(payload: object, tickers: Mapping[str, object], what: str) -> list[object]:
    envelope = envelope_of(payload, what=what)
    if "orderbook_fp" not in envelope and "orderbook" not in envelope:
        return rows_of(envelope, "orderbooks", what=what)
    alone = next(iter(tickers)) if len(tickers) == 1 else None
    return [{"ticker": alone, **envelope}]


def _book(
    row: object, tickers: Mapping[str, object], at: datetime
) -> tuple[str, QuoteRecord | None]:
    entry = _object(row, "order book")
    ticker = text(entry, "ticker")
    known = tickers.get(ticker) if ticker else None
    if ticker is None or not isinstance(known, list | tuple) or len(known) != 2:
        raise ValueError(f"an order book nobody asked for: {ticker!r:.80}")
    sides = entry.get("orderbook_fp") or entry.get("orderbook") or {}
    book = _object(sides, "order book")
    against = max(_bids(book, "no"), default=None)
    quote = top_quote(
        ticker,
        bid=max(_bids(book, "yes"), default=None),
        ask=None if against is None else 1 - against,
        last=probability(known[1]),
        volume_24h=quantity(known[0]),
        at=at,
    )
    return ticker, quote


def _bids(book: Json, side: str) -> Iterator[Decimal]:
    """Yield the prices of one side that still hold contracts; the order is not to be trusted."""
    levels = book.get(f"{side}_dollars")
    if levels is None:
        levels = book.get(side)
    if levels is None:
        return
    if not isinstance(levels, list):
        raise ValueError(f"the {side} side is not a list")  # noqa: TRY004 - bad data
    for level in levels:
        if not isinstance(level, list) or len(level) != 2:
            raise ValueError(f"a level of the {side} side is no pair of price and size")
        bid, size = real(dollars(level[0], what=f"a {side} bid")), quantity(level[1])
        if bid is not None and (size is None or size > 0):
            yield bid


def _candle_lists(
    payload: object, context: Mapping[str, object], what: str
) -> Iterator[tuple[str, list[object]]]:
    """Yield ticker and candles of each market in the answer for one, for several, for an event."""
    envelope = envelope_of(payload, what=what)
    if "market_candlesticks" in envelope:
        tickers = rows_of(envelope, "market_tickers", what=what)
        lists = rows_of(envelope, "market_candlesticks", what=what)
        if len(tickers) != len(lists):
            raise ParseError(f"{what}: {len(tickers)} tickers for {len(lists)} lists of candles")
        for ticker, rows in zip(tickers, lists, strict=True):
            yield str(ticker), rows_of({"candlesticks": rows}, "candlesticks", what=what)
        return
    if "candlesticks" not in envelope:
        for market in rows_of(envelope, "markets", what=what):
            named = envelope_of(market, what=what)
            yield str(named.get("market_ticker")), rows_of(named, "candlesticks", what=what)
        return
    ticker = context.get("ticker") or envelope.get("ticker")
    if not isinstance(ticker, str) or not ticker:
        raise ParseError(f"{what}: candles need to know their market")
    yield ticker, rows_of(envelope, "candlesticks", what=what)


def _candle(ticker: str, row: object, step_s: int, at: datetime) -> _Candle:
    candle = _object(row, "candle")
    end = instant_from_s(candle.get("end_period_ts"))
    if end is None:
        raise ValueError("a candle without the end of its period")
    traded, bids, asks = (_object(candle.get(k) or {}, k) for k in ("price", "yes_bid", "yes_ask"))
    opened, high, low, close = (price(traded, name) for name in ("open", "high", "low", "close"))
    bid, ask = price(bids, "close"), price(asks, "close")
    if bid is None and ask is None and close is None:
        # `include_latest_before_start` makes one up that carries only the price before it.
        raise ValueError("a candle without any price of its own period")
    if high is not None and low is not None and high < low:
        raise ValueError(f"a candle whose high {high} is below its low {low}")
    record = CandleRecord(
        venue=VENUE,
        venue_id=ticker,
        venue_outcome_id=outcome_id(ticker),
        at=end - timedelta(seconds=step_s),
        step_s=step_s,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=number(candle, "volume"),
    )
    return _Candle(record, _closing_quote(record, end, real(bid), real(ask), at))


def _closing_quote(
    candle: CandleRecord, end: datetime, bid: Decimal | None, ask: Decimal | None, at: datetime
) -> QuoteRecord | None:
    """Return the top of book at the end of a candle; None unless both sides stood uncrossed."""
    if bid is None or ask is None or bid > ask:
        return None
    return QuoteRecord(
        venue=VENUE,
        venue_id=candle.venue_id,
        venue_outcome_id=candle.venue_outcome_id,
        at=end,
        observed_at=at,
        basis=PriceBasis.BOOK,
        bid=bid,
        ask=ask,
        last=real(candle.close),
        venue_at=end,
    )


def _changes(quotes: Iterable[QuoteRecord]) -> Iterator[QuoteRecord]:
    """Yield `quotes` by time, without those that repeat the one before within the heartbeat."""
    kept: dict[str, QuoteRecord] = {}
    for quote in sorted(quotes, key=lambda quote: quote.at):
        before = kept.get(quote.venue_id)
        if (
            before is None
            or quote.last is not None
            or (quote.bid, quote.ask) != (before.bid, before.ask)
            or quote.at - before.at >= HEARTBEAT
        ):
            kept[quote.venue_id] = quote
            yield quote


def _trade(row: object, only: object) -> TradeRecord:
    fill = _object(row, "trade")
    ticker, trade_id = text(fill, "ticker"), text(fill, "trade_id")
    if ticker is None or trade_id is None:
        raise ValueError("a trade without a ticker or an id")
    if only is not None and ticker != only:
        raise ValueError(f"a trade of a market nobody asked for: {ticker!r:.80}")
    paid, at = price(fill, "yes_price"), instant_or_none(fill.get("created_time"))
    if paid is None and (against := price(fill, "no_price")) is not None:
        paid = 1 - against
    size = number(fill, "count")
    if paid is None or at is None or not size:
        raise ValueError("a trade without a price, a time or a size")
    taker = text(fill, "taker_outcome_side") or text(fill, "taker_side")
    return TradeRecord(
        venue=VENUE,
        venue_id=ticker,
        venue_outcome_id=outcome_id(ticker),
        at=at,
        trade_id=trade_id,
        price=paid,
        size=size,
        side=_SIDES.get(taker or ""),
    )


def _first_of_each(
    rows: Iterable[_Row], key: Callable[[_Row], object], noun: str
) -> tuple[list[_Row], list[Reject]]:
    """Return the first row of each key and a Reject for every repetition."""
    first: dict[object, _Row] = {}
    rejects = []
    for row in rows:
        if first.setdefault(key(row), row) is not row:
            rejects.append(Reject(f"repeated {noun}", str(key(row))[:MAX_EXCERPT]))
    return list(first.values()), rejects


def _object(row: object, noun: str) -> Json:
    if not isinstance(row, dict):
        raise ValueError(f"a {noun} that is not an object")  # noqa: TRY004 - bad data
    return row
