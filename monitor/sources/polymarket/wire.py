"""Polymarket's Gamma objects as our records.

Traps of the wire (reference: docs.polymarket.com, read 2026-11-22): lists arrive as strings that
hold JSON or as true arrays; any field may be missing or null; `closed` alone is no resolution;
`outcomePrices` of a wide book is a made-up middle and is never used as a price.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import cast

from monitor.sources.numbers import probability, quantity
from monitor.sources.polymarket.fields import (
    VENUE,
    Json,
    instant,
    rows_of,
    text,
    text_id,
    text_list,
)
from monitor.sources.polymarket.oracle import Verdict, life, oracle_word
from storage.records import (
    MarketRecord,
    MarketStatus,
    OutcomeRecord,
    PriceBasis,
    QuoteRecord,
)

SITE = "https://polymarket.com"
_MAX_RULES = 20_000


def events_of(payload: object, *, what: str) -> list[Json]:
    """Return the events of any listing: an array, an `events` envelope or one event.

    Raises ParseError when it is none of these.
    """
    return rows_of(payload, "events", what=what)


def markets_of(payload: object, *, what: str) -> list[Json]:
    """Return the markets of any listing: an array, a `markets` envelope or one market."""
    return rows_of(payload, "markets", what=what)


def legs(event: Json) -> list[object]:
    """Return the market objects of an event, unchecked; empty when it has none."""
    markets = event.get("markets")
    return list(markets) if isinstance(markets, list) else []


def is_settled(event: Json, verdicts: Mapping[str, Verdict]) -> bool:
    """Return whether nothing more will come: closed, and every leg resolved or never opened.

    `verdicts` holds, by market id, what others than Gamma said.
    """
    markets = [leg for leg in legs(event) if isinstance(leg, dict)]
    if event.get("closed") is not True or not markets:
        return False
    try:
        return all(
            leg.get("active") is False
            or life(leg, verdicts.get(text_id(leg)))[0] is MarketStatus.RESOLVED
            for leg in markets
        )
    except ValueError:
        return False


def parent_of(market: Json) -> Json | None:
    """Return the event that a lone market says it belongs to; None when it says none."""
    events = market.get("events")
    if isinstance(events, list) and events and isinstance(events[0], dict):
        return cast("Json", events[0])
    return None


def market_record(market: Json, event: Json | None, verdict: Verdict | None = None) -> MarketRecord:
    """Return one market; `verdict` is what others than Gamma said of its result.

    Raises ValueError when it lacks an id, a question or pairable outcomes.
    """
    venue_id = text_id(market)
    question = text(market, "question")
    if question is None:
        raise ValueError(f"market {venue_id} has no question")
    series = text(event, "slug") if event else None
    slug = text(market, "slug")
    status, paid = life(market, verdict)
    return MarketRecord(
        venue=VENUE,
        venue_id=venue_id,
        question=question,
        outcomes=outcomes(market),
        series=series,
        series_title=text(event, "title") if event else None,
        label=text(market, "groupItemTitle"),
        slug=slug,
        url=_address(series, slug),
        status=status,
        closes_at=instant(market, "endDate") or (instant(event, "endDate") if event else None),
        resolved_at=paid.at if paid else None,
        resolution=paid.resolution if paid else None,
        rules=(text(market, "description") or "")[:_MAX_RULES] or None,
        oracle=oracle_word(market),
    )


def outcomes(market: Json) -> tuple[OutcomeRecord, ...]:
    """Return the outcomes paired with their CLOB tokens by index; empty before tokens exist.

    Raises ValueError when names and tokens do not pair.
    """
    names = text_list(market.get("outcomes"), what="outcomes")
    tokens = _tokens(market)
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
    tokens = _tokens(market)
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


def questions(event: Json) -> Iterator[str]:
    """Yield the event's title and the questions of its markets."""
    for holder in (event, *legs(event)):
        if isinstance(holder, dict):
            for key in ("title", "question"):
                if isinstance(holder.get(key), str):
                    yield holder[key]


def _tokens(market: Json) -> tuple[str, ...]:
    """Return the asset ids, which `version: v2` markets that trade by position call otherwise."""
    tokens = text_list(market.get("clobTokenIds"), what="clobTokenIds")
    return tokens or text_list(market.get("positionIds"), what="positionIds")


def _is_priced(market: Json) -> bool:
    if text_list(market.get("outcomePrices"), what="outcomePrices"):
        return True
    last = probability(market.get("lastTradePrice"))
    bid = real_bid(probability(market.get("bestBid")))
    return bool(last) or bid is not None or real_ask(probability(market.get("bestAsk"))) is not None


def _address(series: str | None, slug: str | None) -> str | None:
    if series:
        return f"{SITE}/event/{series}"
    return f"{SITE}/market/{slug}" if slug else None
