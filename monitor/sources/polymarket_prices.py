"""Polymarket's CLOB books, price histories and trades as our records.

Traps of the wire: books run from worst to best, so the best is the maximum bid and the minimum
ask; a side may be empty, missing or null; timestamps are seconds in REST history and trades,
milliseconds as strings in books; a trade has no id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar, cast

from monitor.errors import ParseError
from monitor.sources.base import parse_each
from monitor.sources.instants import instant_from_ms, instant_from_s
from monitor.sources.numbers import decimal, probability, quantity
from monitor.sources.polymarket_wire import VENUE, Json, real_ask, real_bid
from storage.records import Batch, PriceBasis, QuoteRecord, Reject, TradeRecord

_Row = TypeVar("_Row")


def books_batch(
    payload: object, context: Mapping[str, object], *, at: datetime, what: str
) -> Batch:
    """Return the quotes of one book or an array of books, read at `at`.

    `context["tokens"]` maps each asked token to `[market id, 24 h volume or None]`; a book of
    any other token is refused. A one-sided or empty book counts as read.
    """
    rows = [payload] if isinstance(payload, dict) and "asset_id" in payload else payload
    if not isinstance(rows, list):
        raise ParseError(f"{what}: expected books, got {_said(payload)}")
    asked = context.get("tokens")
    tokens = asked if isinstance(asked, dict) else {}
    quotes, rejects = parse_each(rows, lambda row: _book_quote(row, tokens, at))
    quotes, repeated = _first_of_each(quotes, lambda quote: quote.venue_outcome_id, "book")
    return Batch(
        quotes=tuple(quote for quote in quotes if _says_something(quote)),
        read_outcomes=tuple((VENUE, quote.venue_id, quote.venue_outcome_id) for quote in quotes),
        rejects=(*rejects, *repeated),
    )


def history_batch(
    payload: object, context: Mapping[str, object], *, at: datetime, what: str
) -> Batch:
    """Return past prices as quotes of basis venue_history, seen at `at`.

    Reads the CLOB's `history` of t and p, and the data API's `data` of timestamp and price.
    `context` names `venue_id` and, where the answer does not, `token_id`.
    """
    if not isinstance(payload, dict):
        raise ParseError(f"{what}: expected a price history, got {_said(payload)}")
    points = payload.get("history", payload.get("data"))
    if not isinstance(points, list):
        raise ParseError(f"{what}: no history in the answer: {_said(payload)}")
    venue_id, token = context.get("venue_id"), context.get("token_id") or payload.get("token_id")
    if not isinstance(venue_id, str) or not isinstance(token, str):
        raise ParseError(f"{what}: a price history needs to know its market and token")
    quotes, rejects = parse_each(points, lambda point: _past_quote(point, venue_id, token, at))
    quotes, repeated = _first_of_each(quotes, lambda quote: quote.at, "point")
    return Batch(quotes=tuple(quotes), rejects=(*rejects, *repeated))


def trades_batch(payload: object, context: Mapping[str, object], *, what: str) -> Batch:
    """Return the fills of the data API, v1 (an array) or v2 (a `data` envelope).

    `context["markets"]` maps condition ids to market ids, or `context["venue_id"]` names the one.
    """
    rows = payload.get("data") if isinstance(payload, dict) else payload
    if not isinstance(rows, list):
        raise ParseError(f"{what}: expected trades, got {_said(payload)}")
    trades, rejects = parse_each(rows, lambda row: _trade(row, context))
    trades, repeated = _first_of_each(trades, lambda trade: trade.trade_id, "trade")
    return Batch(trades=tuple(trades), rejects=(*rejects, *repeated))


def _book_quote(row: object, tokens: Mapping[str, object], at: datetime) -> QuoteRecord:
    book = _object(row, "book")
    token = book.get("asset_id")
    known = tokens.get(token) if isinstance(token, str) else None
    if not isinstance(token, str) or not isinstance(known, list | tuple) or len(known) != 2:
        raise ValueError(f"a book of a token nobody asked for: {token!r:.90}")
    bid = real_bid(max(_prices(book, "bids"), default=None))
    ask = real_ask(min(_prices(book, "asks"), default=None))
    if bid is not None and ask is not None and bid > ask:
        raise ValueError(f"crossed book: bid {bid} above ask {ask}")
    return QuoteRecord(
        venue=VENUE,
        venue_id=str(known[0]),
        venue_outcome_id=token,
        at=at,
        observed_at=at,
        basis=PriceBasis.BOOK,
        bid=bid,
        ask=ask,
        last=probability(book.get("last_trade_price")) or None,
        volume_24h=quantity(known[1]),
        venue_at=instant_from_ms(book.get("timestamp")),
    )


def _prices(book: Json, side: str) -> list[Decimal]:
    """Return the prices of one side that still hold size."""
    levels = book.get(side)
    if levels is None:
        return []
    if not isinstance(levels, list):
        raise ValueError(f"{side} is not a list")  # noqa: TRY004 - bad data, not a bad call
    prices = []
    for level in levels:
        entry = _object(level, "level")
        price, size = probability(entry.get("price")), quantity(entry.get("size"))
        if price is None:
            raise ValueError(f"a level of {side} without a price")
        if size is None or size > 0:
            prices.append(price)
    return prices


def _says_something(quote: QuoteRecord) -> bool:
    return any(price is not None for price in (quote.bid, quote.ask, quote.last))


def _past_quote(point: object, venue_id: str, token: str, at: datetime) -> QuoteRecord:
    row = _object(point, "point")
    instant = instant_from_s(row.get("t", row.get("timestamp")))
    value = probability(row.get("p", row.get("price")))
    if instant is None or value is None:
        raise ValueError("a point without a time or a price")
    return QuoteRecord(
        venue=VENUE,
        venue_id=venue_id,
        venue_outcome_id=token,
        at=instant,
        observed_at=at,
        basis=PriceBasis.VENUE_HISTORY,
        value=value,
        venue_at=instant,
    )


def _trade(row: object, context: Mapping[str, object]) -> TradeRecord:
    fill = _object(row, "trade")
    token = fill.get("token_id", fill.get("asset"))
    condition = fill.get("condition_id", fill.get("conditionId"))
    transaction = fill.get("transaction_hash", fill.get("transactionHash"))
    markets = context.get("markets")
    known = markets.get(condition) if isinstance(markets, dict) else context.get("venue_id")
    if not isinstance(known, str):
        raise ValueError(f"a trade of a market nobody asked for: {condition!r:.80}")  # noqa: TRY004
    if not isinstance(token, str) or not token:
        raise ValueError("a trade without a token")
    price, at = probability(fill.get("price")), instant_from_s(fill.get("timestamp"))
    size = decimal(fill.get("size"), what="size")
    if price is None or at is None or size <= 0:
        raise ValueError("a trade without a price, a time or a size")
    side = fill.get("side")
    return TradeRecord(
        venue=VENUE,
        venue_id=known,
        venue_outcome_id=token,
        at=at,
        trade_id=_trade_id(transaction, token, side, size, price),
        price=price,
        size=size,
        side=side.lower() if isinstance(side, str) and side else None,
    )


def _trade_id(*parts: object) -> str:
    """Return a stable id: the venue gives none, and these five together are its own key."""
    text = "|".join(
        format(part.normalize(), "f") if isinstance(part, Decimal) else str(part) for part in parts
    )
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _first_of_each(
    rows: Iterable[_Row], key: Callable[[_Row], object], noun: str
) -> tuple[list[_Row], list[Reject]]:
    """Return the first row of each key and a Reject for every repetition."""
    first: dict[object, _Row] = {}
    rejects = []
    for row in rows:
        if first.setdefault(key(row), row) is not row:
            rejects.append(Reject(f"repeated {noun}", str(key(row))[:200]))
    return list(first.values()), rejects


def _object(row: object, noun: str) -> Json:
    if not isinstance(row, dict):
        raise ValueError(f"a {noun} that is not an object")  # noqa: TRY004 - bad data
    return cast("Json", row)


def _said(payload: object) -> str:
    if isinstance(payload, dict) and "error" in payload:
        return f"the error {str(payload['error'])[:120]!r}"
    return f"{type(payload).__name__} {payload!r:.60}"
