"""Kalshi's events and markets as our records, whatever generation of the schema they are in.

Traps of the wire (reference: trade-api v2, spec 3.30, and recordings of 2026): prices were whole
cents until early 2026 and are dollar strings under `X_dollars` since, historical answers put
dollar strings under the old names, so only the type tells; an empty side reads bid 0 and ask 1
(or 0), a market that never traded last 0; `result` is set before it is final.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import cast

from monitor.errors import ParseError
from monitor.sources.instants import instant_or_none
from monitor.sources.numbers import probability, quantity
from storage.records import (
    MarketRecord,
    MarketStatus,
    OutcomeRecord,
    PriceBasis,
    QuoteRecord,
)

VENUE = "kalshi"
SITE = "https://kalshi.com"
Json = Mapping[str, object]
_WAITING = frozenset({"initialized", "inactive"})
_ORACLE = frozenset({"determined", "disputed", "amended", "finalized", "settled"})
_FINAL = frozenset({"finalized", "settled"})
_MAX_RULES = 20_000
_CENTS = 100


def rows_of(payload: object, key: str, *, what: str) -> list[object]:
    """Return the rows under `key` of an envelope, or of a bare array; empty for null.

    Raises ParseError for an error body, with status 200 too, and for any other envelope.
    """
    if isinstance(payload, list):
        return payload
    envelope = envelope_of(payload, what=what)
    if key not in envelope:
        raise ParseError(f"{what}: no {key} in the answer, only {', '.join(sorted(envelope))[:80]}")
    rows = envelope[key]
    if rows is not None and not isinstance(rows, list):
        raise ParseError(f"{what}: {key} is no list but {type(rows).__name__}")
    return rows or []


def envelope_of(payload: object, *, what: str) -> Json:
    """Return `payload` as an object; raises ParseError when it is none or says an error."""
    if not isinstance(payload, dict):
        raise ParseError(f"{what}: expected an object, got {type(payload).__name__}")
    error = payload.get("error", payload if {"code", "message"} <= payload.keys() else None)
    if error is not None:
        said = error.get("message") if isinstance(error, dict) else error
        raise ParseError(f"{what}: the answer is an error: {str(said)[:120]!r}")
    return payload


def event_of(payload: object, *, what: str) -> Json:
    """Return one event with its `markets` inside, wherever the answer puts them."""
    envelope = envelope_of(payload, what=what)
    event = envelope.get("event", envelope)
    if not isinstance(event, dict) or not isinstance(event.get("event_ticker"), str):
        raise ParseError(f"{what}: no event in the answer")
    if not event.get("markets") and envelope.get("markets"):
        return {**event, "markets": envelope["markets"]}
    return cast("Json", event)


def markets_of(payload: object, *, what: str) -> list[object]:
    """Return the markets of a listing, a bare array or the answer for one; unchecked."""
    if isinstance(payload, dict) and isinstance(payload.get("market"), dict):
        return [payload["market"]]
    return rows_of(payload, "markets", what=what)


def legs(event: Json) -> list[object]:
    """Return the market objects of an event, unchecked; empty when it has none."""
    markets = event.get("markets")
    return list(markets) if isinstance(markets, list) else []


def is_settled(markets: list[object]) -> bool:
    """Return whether nothing more will come of `markets`: there are some and all are final."""
    return bool(markets) and all(
        isinstance(market, dict) and text(market, "status") in _FINAL for market in markets
    )


def ticker_of(market: Json) -> str:
    """Return the market's ticker; raises ValueError when there is none."""
    ticker = text(market, "ticker")
    if ticker is None:
        raise ValueError("a market without a ticker")
    return ticker


def outcome_id(ticker: str, side: str = "yes") -> str:
    """Return our id of a side of a market: the venue names only the market."""
    return f"{ticker}:{side}"


def series_of(event_ticker: str) -> str:
    """Return the series ticker, which begins every event ticker and holds no dash."""
    return event_ticker.partition("-")[0]


def market_record(market: Json, event: Json | None) -> MarketRecord:
    """Return one market; raises ValueError when it lacks a ticker, a text or a known status."""
    ticker = ticker_of(market)
    label = text(market, "yes_sub_title") or text(market, "subtitle")
    title = text(event, "title") if event else None
    named = ": ".join(part for part in (title, label) if part)
    question = text(market, "title") or named
    if not question:
        raise ValueError(f"market {ticker} has no title")
    series = text(market, "event_ticker") or (text(event, "event_ticker") if event else None)
    status, resolution = _life(market, ticker)
    word = text(market, "status")
    return MarketRecord(
        venue=VENUE,
        venue_id=ticker,
        question=question,
        outcomes=(
            OutcomeRecord(outcome_id(ticker), "Yes", 0),
            OutcomeRecord(outcome_id(ticker, "no"), "No", 1),
        ),
        series=series,
        series_title=title,
        label=label,
        slug=ticker.lower(),
        url=f"{SITE}/events/{series}" if series else None,
        status=status,
        closes_at=_instant(market, "close_time"),
        resolved_at=_instant(market, "settlement_ts") if resolution else None,
        resolution=resolution,
        rules=_rules(market),
        oracle=word if word in _ORACLE else None,
    )


def is_trading(market: Json) -> bool:
    """Return whether orders may stand in the market's book."""
    return market.get("status") == "active"


def market_quote(market: Json, *, at: datetime) -> QuoteRecord | None:
    """Return the price a market object carries, read at `at`; None when it has none."""
    return top_quote(
        ticker_of(market),
        bid=price(market, "yes_bid"),
        ask=price(market, "yes_ask"),
        last=price(market, "last_price"),
        volume_24h=number(market, "volume_24h"),
        at=at,
    )


def top_quote(
    ticker: str,
    *,
    bid: Decimal | None,
    ask: Decimal | None,
    last: Decimal | None,
    volume_24h: Decimal | None,
    at: datetime,
) -> QuoteRecord | None:
    """Return the top of the yes book, else the last trade as the value; None when neither.

    `volume_24h` counts contracts, each of which pays one dollar. Raises ValueError for a bid
    above the ask.
    """
    bid, ask, last = real(bid), real(ask), real(last)
    if bid is not None and ask is not None and bid > ask:
        raise ValueError(f"crossed book: bid {bid} above ask {ask}")
    has_book = bid is not None or ask is not None
    if not has_book and last is None:
        return None
    return QuoteRecord(
        venue=VENUE,
        venue_id=ticker,
        venue_outcome_id=outcome_id(ticker),
        at=at,
        observed_at=at,
        basis=PriceBasis.BOOK if has_book else PriceBasis.TRADE,
        bid=bid,
        ask=ask,
        last=last,
        value=None if has_book else last,
        volume_24h=volume_24h,
    )


def price(holder: Json, name: str) -> Decimal | None:
    """Return a price as a probability, None when there is none.

    `X_dollars` wins; else a text under `X` is dollars and a whole number is cents. Raises
    ValueError for anything else.
    """
    raw = holder.get(f"{name}_dollars")
    if raw is None or raw == "":
        return dollars(holder.get(name), what=name)
    return probability(raw)


def dollars(raw: object, *, what: str) -> Decimal | None:
    """Return a bare price told apart by its type: text is dollars, a whole number is cents."""
    if raw is None or isinstance(raw, str):
        return probability(raw)
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise ValueError(f"{what} {raw!r:.40} is neither whole cents nor a text of dollars")  # noqa: TRY004 - bad data
    if not 0 <= raw <= _CENTS:
        raise ValueError(f"{what} {raw!r:.40} is not between 0 and 100 cents")
    return Decimal(raw) / _CENTS


def number(holder: Json, name: str) -> Decimal | None:
    """Return a count of contracts: the fixed-point text `X_fp`, else `X`."""
    raw = holder.get(f"{name}_fp")
    return quantity(holder.get(name) if raw is None or raw == "" else raw)


def real(quoted: Decimal | None) -> Decimal | None:
    """Return `quoted`, or None for 0 and 1: nobody can bid, ask or trade there."""
    return quoted if quoted is not None and 0 < quoted < 1 else None


def text(holder: Json, key: str) -> str | None:
    """Return stripped text; None when it is missing, blank or no text."""
    value = holder.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _life(market: Json, ticker: str) -> tuple[MarketStatus, str | None]:
    """Return the status and, once nothing can change it any more, the result.

    A determined result may still be disputed and amended.
    """
    word = text(market, "status")
    if word == "active" or word in _WAITING:
        return MarketStatus.OPEN, None
    if word != "closed" and word not in _ORACLE:
        raise ValueError(f"market {ticker} has the unknown status {market.get('status')!r:.40}")
    paid_out = word in ("closed", "determined") and bool(text(market, "settlement_ts"))
    result = _result(market) if word in _FINAL or paid_out else None
    return (MarketStatus.RESOLVED, result) if result else (MarketStatus.CLOSED, None)


def _result(market: Json) -> str | None:
    word = text(market, "result")
    if word in ("yes", "no"):
        return word.capitalize()
    if word != "scalar":
        return None
    value = price(market, "settlement_value")
    return "scalar" if value is None else f"scalar {value.normalize():f}"


def _rules(market: Json) -> str | None:
    parts = [text(market, key) for key in ("rules_primary", "rules_secondary")]
    return "\n\n".join(part for part in parts if part)[:_MAX_RULES] or None


def _instant(holder: Json, key: str) -> datetime | None:
    """Return a date of the venue; a garbled one (year 1 occurs) is unknown and costs no price."""
    try:
        return instant_or_none(holder.get(key))
    except ValueError:
        return None
