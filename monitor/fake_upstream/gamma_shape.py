"""Gamma's event and market objects with the venue's quirks.

JSON inside strings (`outcomes`, `outcomePrices`, `clobTokenIds`), `volume` a string on markets and
a number on events, three date shapes, and any field that has no value left out: unknown is never
written as zero. Source: Gamma event objects as served in 2025 and 2026.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal

from monitor.fake_upstream.clob import liquidity, plain
from monitor.fake_upstream.scenario import Event, Leg, Price, Scenario

_CHANGES = {
    "oneHourPriceChange": timedelta(hours=1),
    "oneDayPriceChange": timedelta(days=1),
    "oneWeekPriceChange": timedelta(weeks=1),
}


def event_json(
    scenario: Scenario, event: Event, now: datetime, *, with_markets: bool = True
) -> dict[str, object]:
    """Return the event object at `now`; without its markets as it hangs below a market."""
    prices = [price for leg in event.legs if (price := scenario.price(leg, now)) is not None]
    body: dict[str, object] = {
        "id": event.id,
        "ticker": event.slug,
        "slug": event.slug,
        "title": event.title,
        "description": event.legs[0].rules,
        "resolutionSource": "",
        "startDate": _micros(event.created_at),
        "creationDate": _micros(event.created_at),
        "createdAt": _micros(event.created_at),
        "updatedAt": _micros(max([event.created_at, *(price.at for price in prices)])),
        "endDate": _seconds(event.ends),
        "active": True,
        "closed": event.closed(now),
        "archived": False,
        "new": False,
        "featured": False,
        "restricted": True,
        **_event_volumes(prices),
        "enableOrderBook": True,
        "negRisk": event.neg_risk,
        "enableNegRisk": event.neg_risk,
        "negRiskAugmented": event.neg_risk and any(leg.placeholder for leg in event.legs),
        "tags": [_tag(label) for label in event.tags],
        "series": [],
        "version": "v1",
    }
    if with_markets:
        body["markets"] = [market_json(scenario, event, leg, now) for leg in event.legs]
    return body


def market_json(scenario: Scenario, event: Event, leg: Leg, now: datetime) -> dict[str, object]:
    """Return the market object of `leg` at `now`."""
    price = scenario.price(leg, now)
    return {
        **_identity(event, leg),
        "updatedAt": _micros(event.created_at if price is None else price.at),
        **_status(leg, now),
        **_prices(leg, price, now),
        **_volumes(leg, price),
        **_price_changes(scenario, leg, now),
    }


def _identity(event: Event, leg: Leg) -> dict[str, object]:
    return {
        "id": leg.id,
        "question": leg.question,
        "conditionId": leg.condition_id,
        "slug": leg.slug,
        "resolutionSource": "",
        "description": leg.rules,
        "outcomes": json.dumps(leg.outcomes),
        "clobTokenIds": json.dumps(leg.token_ids),
        "groupItemTitle": leg.label,
        "groupItemThreshold": str(event.legs.index(leg)),
        "questionID": "",
        "marketMakerAddress": "",
        "startDate": _micros(event.created_at),
        "createdAt": _micros(event.created_at),
        "endDate": _seconds(leg.ends),
        "endDateIso": f"{leg.ends:%Y-%m-%d}",
        "orderPriceMinTickSize": float(leg.tick),
        "orderMinSize": 5,
        "enableOrderBook": True,
        "negRisk": event.neg_risk,
        "negRiskOther": False,
        "feesEnabled": False,
        "version": "v1",
    }


def _status(leg: Leg, now: datetime) -> dict[str, object]:
    closed, resolved = leg.closed(now), leg.resolved(now)
    status: dict[str, object] = {
        "active": not leg.placeholder,
        "closed": closed,
        "archived": False,
        "restricted": True,
        "acceptingOrders": not closed,
        "umaResolutionStatuses": json.dumps(_said(leg, now)),
    }
    if closed and leg.closed_at is not None:
        status["closedTime"] = f"{leg.closed_at:%Y-%m-%d %H:%M:%S}+00"
    words = [*leg.oracle_words(now), *(["resolved"] if resolved else [])]
    if words and not leg.gamma_silent:
        status["umaResolutionStatus"] = words[-1]
    return status


def _said(leg: Leg, now: datetime) -> list[str]:
    """Return the words on the way to a result; the result itself is seldom among them."""
    if leg.gamma_silent:
        return []
    return leg.oracle_words(now) or (["proposed"] if leg.resolved(now) else [])


def _prices(leg: Leg, price: Price | None, now: datetime) -> dict[str, object]:
    if leg.placeholder:  # as served: the bounds of nothing, not a price of one half
        return {"bestBid": 0, "bestAsk": 1, "spread": 1, "lastTradePrice": 0}
    prices: dict[str, object] = {}
    if price is not None and price.last is not None:
        prices["lastTradePrice"] = float(price.last)
    if leg.resolved(now) and leg.winner is not None:
        paid = ["1", "0"] if leg.winner == 0 else ["0", "1"]
        return {**prices, "outcomePrices": json.dumps(paid)}
    if price is None or leg.closed(now) or not price.has_book:
        return prices
    low = Decimal(0) if price.bid is None else price.bid
    high = Decimal(1) if price.ask is None else price.ask
    middle = (low + high) / 2
    prices["outcomePrices"] = json.dumps([plain(middle), plain(1 - middle)])
    prices["spread"] = float(high - low)
    if price.bid is not None:
        prices["bestBid"] = float(price.bid)
    if price.ask is not None:
        prices["bestAsk"] = float(price.ask)
    return prices


def _volumes(leg: Leg, price: Price | None) -> dict[str, object]:
    volumes: dict[str, object] = {}
    if price is None:
        return volumes
    if price.volume is not None:
        volumes |= {"volume": str(price.volume), "volumeNum": float(price.volume)}
    if price.volume_24h is not None:
        volumes["volume24hr"] = float(price.volume_24h)
    if price.has_book:
        depth = liquidity(leg, price)
        volumes |= {"liquidity": str(depth), "liquidityNum": float(depth)}
    return volumes


def _price_changes(scenario: Scenario, leg: Leg, now: datetime) -> dict[str, object]:
    price = scenario.price(leg, now)
    changes: dict[str, object] = {}
    for name, span in _CHANGES.items():
        earlier = scenario.price(leg, now - span)
        if price and earlier and price.mid is not None and earlier.mid is not None:
            changes[name] = float(price.mid - earlier.mid)
    return changes


def _event_volumes(prices: list[Price]) -> dict[str, object]:
    totals = [price.volume for price in prices if price.volume is not None]
    daily = [price.volume_24h for price in prices if price.volume_24h is not None]
    volumes: dict[str, object] = {"volume24hr": float(sum(daily)) if daily else None}
    if totals:
        volumes["volume"] = float(sum(totals))
    return volumes


def _tag(label: str) -> dict[str, object]:
    slug = label.lower().replace(" ", "-")
    return {"id": str(sum(slug.encode())), "label": label, "slug": slug, "forceShow": False}


def _micros(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S.%f}Z"


def _seconds(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
