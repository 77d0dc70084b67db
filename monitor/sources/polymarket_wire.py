"""Polymarket's Gamma objects as our records.

Traps of the wire (reference: docs.polymarket.com, read 2026-11-22): lists arrive as strings that
hold JSON or as true arrays; any field may be missing or null; `closed` alone is no resolution;
`outcomePrices` of a wide book is a made-up middle and is never used as a price.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import cast

from monitor.errors import ParseError
from monitor.sources.instants import instant_or_none
from monitor.sources.numbers import decimal_or_none, probability, quantity
from storage.records import (
    MarketRecord,
    MarketStatus,
    OutcomeRecord,
    PriceBasis,
    QuoteRecord,
)

VENUE = "polymarket"
SITE = "https://polymarket.com"
Json = Mapping[str, object]
_SETTLED = frozenset({"resolved", "settled"})
_MAX_RULES = 20_000


def events_of(payload: object, *, what: str) -> list[Json]:
    """Return the events of any listing: an array, an `events` envelope or one event.

    Raises ParseError when it is none of these.
    """
    return _rows_of(payload, "events", what=what)


def markets_of(payload: object, *, what: str) -> list[Json]:
    """Return the markets of any listing: an array, a `markets` envelope or one market."""
    return _rows_of(payload, "markets", what=what)


def legs(event: Json) -> list[object]:
    """Return the market objects of an event, unchecked; empty when it has none."""
    markets = event.get("markets")
    return list(markets) if isinstance(markets, list) else []


def is_settled(event: Json) -> bool:
    """Return whether nothing more will come: closed, and every leg resolved or never opened."""
    markets = [leg for leg in legs(event) if isinstance(leg, dict)]
    if event.get("closed") is not True or not markets:
        return False
    try:
        return all(
            leg.get("active") is False or _life(leg)[0] is MarketStatus.RESOLVED for leg in markets
        )
    except ValueError:
        return False


def parent_of(market: Json) -> Json | None:
    """Return the event that a lone market says it belongs to; None when it says none."""
    events = market.get("events")
    if isinstance(events, list) and events and isinstance(events[0], dict):
        return cast("Json", events[0])
    return None


def market_record(market: Json, event: Json | None) -> MarketRecord:
    """Return one market; raises ValueError when it lacks an id, a question or pairable outcomes."""
    venue_id = text_id(market)
    question = _text(market, "question")
    if question is None:
        raise ValueError(f"market {venue_id} has no question")
    series = _text(event, "slug") if event else None
    slug = _text(market, "slug")
    status, resolution = _life(market)
    return MarketRecord(
        venue=VENUE,
        venue_id=venue_id,
        question=question,
        outcomes=outcomes(market),
        series=series,
        series_title=_text(event, "title") if event else None,
        label=_text(market, "groupItemTitle"),
        slug=slug,
        url=_address(series, slug),
        status=status,
        closes_at=_instant(market, "endDate") or (_instant(event, "endDate") if event else None),
        resolved_at=_resolved_at(market) if status is MarketStatus.RESOLVED else None,
        resolution=resolution,
        rules=(_text(market, "description") or "")[:_MAX_RULES] or None,
    )


def outcomes(market: Json) -> tuple[OutcomeRecord, ...]:
    """Return the outcomes paired with their CLOB tokens by index; empty before tokens exist.

    Raises ValueError when names and tokens do not pair.
    """
    names = text_list(market.get("outcomes"), what="outcomes")
    tokens = text_list(market.get("clobTokenIds"), what="clobTokenIds")
    if not tokens:
        return ()
    if len(names) != len(tokens):
        raise ValueError(f"{len(names)} outcomes do not pair with {len(tokens)} tokens")
    if len(set(tokens)) != len(tokens):
        raise ValueError("two outcomes share a token")
    pairs = enumerate(zip(tokens, names, strict=True))
    return tuple(OutcomeRecord(token, name, index) for index, (token, name) in pairs)


def trading_token(market: Json) -> str | None:
    """Return the first outcome's token when the market trades; None for closed and placeholders.

    A placeholder ("Company G") is inactive or carries no price of any kind: its bid 0 and ask 1
    are no book. Raises ValueError when its lists or prices are garbled.
    """
    if market.get("closed") is True or market.get("archived") is True:
        return None
    if market.get("active") is not True or market.get("enableOrderBook") is False:
        return None
    tokens = text_list(market.get("clobTokenIds"), what="clobTokenIds")
    return tokens[0] if tokens and _is_priced(market) else None


def gamma_quote(market: Json, *, token: str, at: datetime) -> QuoteRecord | None:
    """Return what Gamma itself says of the price, for when the CLOB has no book; None if nothing.

    A real bid and ask make a book; otherwise the last trade is the value.
    """
    bid = real_bid(probability(market.get("bestBid")))
    ask = real_ask(probability(market.get("bestAsk")))
    last = probability(market.get("lastTradePrice")) or None
    volume = quantity(market.get("volume24hr"))
    quote = QuoteRecord(
        venue=VENUE,
        venue_id=text_id(market),
        venue_outcome_id=token,
        at=at,
        observed_at=at,
        basis=PriceBasis.TRADE,
        last=last,
        value=last,
        volume_24h=volume,
    )
    if bid is not None and ask is not None and bid <= ask:
        return replace(quote, basis=PriceBasis.BOOK, bid=bid, ask=ask, value=None)
    return quote if last is not None else None


def real_bid(bid: Decimal | None) -> Decimal | None:
    """Return `bid`, or None for 0: no order stands at 0, the venue writes it for an empty side."""
    return bid if bid is not None and bid > 0 else None


def real_ask(ask: Decimal | None) -> Decimal | None:
    """Return `ask`, or None for 1: no order stands at 1, the venue writes it for an empty side."""
    return ask if ask is not None and 0 < ask < 1 else None


def text_id(market: Json) -> str:
    """Return the Gamma id as text; raises ValueError when there is none."""
    raw = market.get("id")
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    if isinstance(raw, str) and raw.strip():
        return raw.strip()
    raise ValueError("a market without an id")


def text_list(raw: object, *, what: str) -> tuple[str, ...]:
    """Return a list that is an array or a string holding one; empty for null, "" and [].

    Whole numbers become text (a token id may arrive as a number); raises ValueError otherwise.
    """
    if raw is None or raw == "":
        return ()
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{what} is not a list: {error}") from error
    if not isinstance(raw, list):
        raise ValueError(f"{what} is not a list")  # noqa: TRY004 - bad data, not a bad call
    return tuple(_id_text(value, what) for value in raw)


def questions(event: Json) -> Iterator[str]:
    """Yield the event's title and the questions of its markets."""
    for holder in (event, *legs(event)):
        if isinstance(holder, dict):
            for key in ("title", "question"):
                if isinstance(holder.get(key), str):
                    yield holder[key]


def _is_priced(market: Json) -> bool:
    if text_list(market.get("outcomePrices"), what="outcomePrices"):
        return True
    last = probability(market.get("lastTradePrice"))
    bid = real_bid(probability(market.get("bestBid")))
    return bool(last) or bid is not None or real_ask(probability(market.get("bestAsk"))) is not None


def _id_text(value: object, what: str) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"{what} holds {value!r:.40}, which is neither text nor a whole number")


def _rows_of(payload: object, key: str, *, what: str) -> list[Json]:
    rows: object = payload
    if isinstance(payload, dict):
        if "error" in payload:
            raise ParseError(f"{what}: the answer is an error: {str(payload['error'])[:120]!r}")
        rows = payload.get(key) if key in payload and "id" not in payload else [payload]
    if rows is None:
        return []
    if not isinstance(rows, list):
        raise ParseError(f"{what}: expected {key}, got {type(rows).__name__}")
    return cast("list[Json]", rows)


def _life(market: Json) -> tuple[MarketStatus, str | None]:
    """Return the status and, once the oracle has spoken, the winner's name (or a split)."""
    if market.get("closed") is not True:
        return MarketStatus.OPEN, None
    if market.get("umaResolutionStatus") not in _SETTLED:
        return MarketStatus.CLOSED, None
    payouts = [
        decimal_or_none(price)
        for price in text_list(market.get("outcomePrices"), what="outcomePrices")
    ]
    names = text_list(market.get("outcomes"), what="outcomes")
    if len(payouts) != len(names) or sum(payout or 0 for payout in payouts) != 1:
        return MarketStatus.CLOSED, None
    winners = [name for name, payout in zip(names, payouts, strict=True) if payout == 1]
    if winners:
        return MarketStatus.RESOLVED, winners[0]
    if len(set(payouts)) == 1:
        return MarketStatus.RESOLVED, "split"
    return MarketStatus.CLOSED, None


def _resolved_at(market: Json) -> datetime | None:
    return _instant(market, "closedTime") or _instant(market, "umaEndDate")


def _address(series: str | None, slug: str | None) -> str | None:
    if series:
        return f"{SITE}/event/{series}"
    return f"{SITE}/market/{slug}" if slug else None


def _instant(holder: Json, key: str) -> datetime | None:
    """Return a date of the venue; a garbled one is unknown and costs no price."""
    try:
        return instant_or_none(holder.get(key))
    except ValueError:
        return None


def _text(holder: Json, key: str) -> str | None:
    value = holder.get(key)
    return value.strip() or None if isinstance(value, str) else None
