"""Polymarket's CLOB books as our records.

Traps of the wire: books run from worst to best, so the best is the maximum bid and the minimum
ask; a side may be empty, missing or null; timestamps are milliseconds as strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from monitor.errors import ParseError
from monitor.sources.base import parse_each
from monitor.sources.instants import instant_from_ms
from monitor.sources.numbers import probability, quantity
from monitor.sources.polymarket.fields import VENUE, Json, an_object, first_of_each, said
from monitor.sources.polymarket.wire import real_ask, real_bid
from storage.records import Batch, PriceBasis, QuoteRecord


def books_batch(
    payload: object, context: Mapping[str, object], *, at: datetime, what: str
) -> Batch:
    """Return the quotes of one book or an array of books, read at `at`.

    `context["tokens"]` maps each asked token to `[market id, 24 h volume or None]`; a book of
    any other token is refused. A one-sided or empty book counts as read.
    """
    rows = [payload] if isinstance(payload, dict) and "asset_id" in payload else payload
    if not isinstance(rows, list):
        raise ParseError(f"{what}: expected books, got {said(payload)}")
    asked = context.get("tokens")
    tokens = asked if isinstance(asked, dict) else {}
    quotes, rejects = parse_each(rows, lambda row: book_quote(row, tokens, at))
    quotes, repeated = first_of_each(quotes, lambda quote: quote.venue_outcome_id, "book")
    return Batch(
        quotes=tuple(quote for quote in quotes if _says_something(quote)),
        read_outcomes=tuple((VENUE, quote.venue_id, quote.venue_outcome_id) for quote in quotes),
        rejects=(*rejects, *repeated),
    )


def book_quote(row: object, tokens: Mapping[str, object], at: datetime) -> QuoteRecord:
    """Return the best of one whole book; raises ValueError for one that is bad or not asked for."""
    book = an_object(row, "book")
    best = (max(_prices(book, "bids"), default=None), min(_prices(book, "asks"), default=None))
    quote = top_quote(book.get("asset_id"), best, tokens, at)
    return replace(
        quote,
        last=probability(book.get("last_trade_price")) or None,
        venue_at=instant_from_ms(book.get("timestamp")),
    )


def top_quote(
    token: object,
    best: tuple[Decimal | None, Decimal | None],
    tokens: Mapping[str, object],
    at: datetime,
) -> QuoteRecord:
    """Return a quote of the best bid and ask; a side at 0 or 1 is an empty one.

    Raises ValueError for a token that `tokens` does not name and for a crossed book.
    """
    known = tokens.get(token) if isinstance(token, str) else None
    if not isinstance(token, str) or not isinstance(known, list | tuple) or len(known) != 2:
        raise ValueError(f"a book of a token nobody asked for: {token!r:.90}")
    bid, ask = real_bid(best[0]), real_ask(best[1])
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
        volume_24h=quantity(known[1]),
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
        entry = an_object(level, "level")
        price, size = probability(entry.get("price")), quantity(entry.get("size"))
        if price is None:
            raise ValueError(f"a level of {side} without a price")
        if size is None or size > 0:
            prices.append(price)
    return prices


def _says_something(quote: QuoteRecord) -> bool:
    return any(price is not None for price in (quote.bid, quote.ask, quote.last))
