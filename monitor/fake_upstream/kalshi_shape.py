"""Kalshi's event, market, book, candle and trade objects with the venue's quirks.

Prices are texts of dollars and counts texts of fixed point; an empty side reads bid 0 and ask 1,
a market that never traded last 0; a book holds bids only; a candle says the END of its period and
no price when nothing traded in it. Source: trade-api v2, spec 3.30, and answers of 2026.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from monitor.fake_upstream.scenario import Event, Leg, Price, Scenario

VENUE = "kalshi"
_DEPTH = 4
_CENT = Decimal("0.01")


def event_json(
    scenario: Scenario, event: Event, now: datetime, *, with_markets: bool
) -> dict[str, object]:
    """Return the event object at `now`."""
    body: dict[str, object] = {
        "available_on_brokers": True,
        "category": event.tags[0] if event.tags else "",
        "collateral_return_type": "MECNET" if event.neg_risk else "",
        "event_ticker": event.id,
        "last_updated_ts": _iso(event.created_at),
        "mutually_exclusive": event.neg_risk,
        "series_ticker": series_of(event),
        "settlement_sources": [],
        "strike_period": "",
        "sub_title": "",
        "title": event.title,
    }
    if with_markets:
        body["markets"] = [market_json(scenario, event, leg, now) for leg in event.legs]
    return body


def market_json(scenario: Scenario, event: Event, leg: Leg, now: datetime) -> dict[str, object]:
    """Return the market object of `leg` at `now`."""
    price = open_price(scenario, leg, now)
    last = scenario.price(leg, now)
    bid, ask = (None, None) if price is None else (price.bid, price.ask)
    return {
        "can_close_early": True,
        "close_time": _iso(leg.ends),
        "created_time": _iso(event.created_at),
        "event_ticker": event.id,
        "expiration_value": "",
        "last_price_dollars": _dollars(last.last if last else None),
        "latest_expiration_time": _iso(leg.ends + timedelta(days=7)),
        "liquidity_dollars": "0.0000",
        "market_type": "binary",
        "no_ask_dollars": _dollars(None if bid is None else 1 - bid, empty=1),
        "no_bid_dollars": _dollars(None if ask is None else 1 - ask),
        "no_sub_title": leg.label,
        "notional_value_dollars": "1.0000",
        "open_interest_fp": _fp(None),
        "open_time": _iso(event.created_at),
        "rules_primary": leg.rules,
        "rules_secondary": "",
        "ticker": leg.id,
        "title": leg.question,
        "updated_time": _iso(last.at if last else event.created_at),
        "volume_24h_fp": _fp(last.volume_24h if last else None),
        "volume_fp": _fp(last.volume if last else None),
        "yes_ask_dollars": _dollars(ask, empty=1),
        "yes_bid_dollars": _dollars(bid),
        "yes_sub_title": leg.label,
        **_status(leg, now),
    }


def book_json(scenario: Scenario, leg: Leg, now: datetime) -> dict[str, object]:
    """Return the `orderbook_fp` of `leg`: bids for yes and bids for no, ascending."""
    price = open_price(scenario, leg, now)
    bid = price.bid if price else None
    against = None if price is None or price.ask is None else 1 - price.ask
    return {"yes_dollars": _bids(leg, "yes", bid), "no_dollars": _bids(leg, "no", against)}


def candles_json(
    scenario: Scenario, event: Event, leg: Leg, *, ends: range, historical: bool
) -> list[dict[str, object]]:
    """Return the candles that end at `ends` (epoch seconds), of the tier's generation of names."""
    suffix, fp = ("", "") if historical else ("_dollars", "_fp")
    step = timedelta(seconds=ends.step)
    opened = max(event.created_at, *(p.at for p in scenario.prices.get(leg.token_ids[0], ())[:1]))
    candles: list[dict[str, object]] = []
    for end_s in ends:
        end = datetime.fromtimestamp(end_s, UTC)
        if end < opened or (leg.closed_at is not None and end - step >= leg.closed_at):
            continue
        quoted = _within(scenario, leg, end - step, end)
        traded = [price.last for price in trades(scenario, leg, end - step, end) if price.last]
        size = sum((_size(leg, at) for at in range(len(traded))), Decimal(0))
        candles.append(
            {
                "end_period_ts": end_s,
                "price": _ohlc(traded, suffix, explicit=historical),
                "yes_bid": _ohlc([p.bid or Decimal(0) for p in quoted], suffix),
                "yes_ask": _ohlc([p.ask or Decimal(1) for p in quoted], suffix),
                f"volume{fp}": _fp(size),
                f"open_interest{fp}": _fp(None),
            }
        )
    return candles


def trade_json(leg: Leg, price: Price) -> dict[str, object]:
    """Return the fill that `price` stands for; a scenario tells no sides, so yes took it."""
    paid = price.last or Decimal(0)
    return {
        "count_fp": _fp(_size(leg, 0)),
        "created_time": _iso(price.at),
        "is_block_trade": False,
        "no_price_dollars": _dollars(1 - paid),
        "taker_book_side": "bid",
        "taker_outcome_side": "yes",
        "ticker": leg.id,
        "trade_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{leg.id} {price.at.isoformat()}")),
        "yes_price_dollars": _dollars(paid),
    }


def trades(scenario: Scenario, leg: Leg, since: datetime, until: datetime) -> list[Price]:
    """Return the prices at which `leg` traded in (since, until]: where the last price changed."""
    rows = scenario.prices.get(leg.token_ids[0], ())
    lasts = [None, *(row.last for row in rows)]
    return [
        row
        for before, row in zip(lasts, rows, strict=False)
        if row.last is not None and row.last != before and since < row.at <= until
    ]


def series_of(event: Event) -> str:
    """Return the series ticker, the event ticker's part before its first dash."""
    return event.id.partition("-")[0]


def open_price(scenario: Scenario, leg: Leg, now: datetime) -> Price | None:
    """Return the price in force at `now`; None when the market does not trade."""
    return None if leg.closed(now) or leg.placeholder else scenario.price(leg, now)


def _status(leg: Leg, now: datetime) -> dict[str, object]:
    if leg.resolved(now) and leg.resolved_at is not None:
        paid = leg.winner == 0
        return {
            "status": "finalized",
            "result": "yes" if paid else "no",
            "settlement_ts": _iso(leg.resolved_at),
            "settlement_value_dollars": "1.0000" if paid else "0.0000",
        }
    if leg.closed(now):
        return {"status": "closed", "result": ""}
    return {"status": "initialized" if leg.placeholder else "active", "result": ""}


def _within(scenario: Scenario, leg: Leg, since: datetime, until: datetime) -> list[Price]:
    """Return the prices in force at some time of [since, until], oldest first."""
    rows = [row for row in scenario.prices.get(leg.token_ids[0], ()) if since < row.at <= until]
    before = scenario.price(leg, since)
    return [*([] if before is None else [before]), *rows]


def _ohlc(prices: list[Decimal], suffix: str, *, explicit: bool = False) -> dict[str, object]:
    """Return open, high, low and close; nothing, or `explicit` nulls, where there is none."""
    names = ("open", "high", "low", "close")
    if not prices:
        return {f"{name}{suffix}": None for name in names} if explicit else {}
    values = (prices[0], max(prices), min(prices), prices[-1])
    return {f"{name}{suffix}": _dollars(value) for name, value in zip(names, values, strict=True)}


def _bids(leg: Leg, side: str, best: Decimal | None) -> list[list[str]]:
    if best is None:
        return []
    ladder = {best - _CENT * step for step in range(_DEPTH)} | {_CENT}
    levels = sorted(level for level in ladder if 0 < level <= best)
    return [[_dollars(level), _fp(_size(leg, f"{side} {level}"))] for level in levels]


def _size(leg: Leg, what: object) -> Decimal:
    digest = hashlib.sha256(f"{leg.id} {what}".encode()).digest()
    return Decimal(int.from_bytes(digest[:3]) % 90_000 + 100) / 100


def _dollars(value: Decimal | None, *, empty: int = 0) -> str:
    return f"{Decimal(empty) if value is None else value:.4f}"


def _fp(value: Decimal | None) -> str:
    return f"{value or Decimal(0):.2f}"


def _iso(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
