"""The CLOB's read answers: order books from a bid and an ask, markets, price histories.

Both sides of a book run worst to best; prices and sizes are strings, timestamps milliseconds in a
string. The hash is new only when the book is. A history is asked for by `market`; `token_id` is
ignored and gives an empty one; its instants drift from the grid and the last is "now".
Source: docs.polymarket.com, CLOB "book" and "prices-history".
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.fake_upstream.past import LONGEST_S, points, seconds, value
from monitor.fake_upstream.scenario import Event, Leg, Price, Scenario
from monitor.fake_upstream.world import World

MAX_BATCH = 500
_DEPTH = 4
_HOUR_S = 3600
_INTERVALS = {
    "max": 10**9,
    "all": 10**9,
    "1m": 30 * 24 * _HOUR_S,  # a month
    "1w": 7 * 24 * _HOUR_S,
    "1d": 24 * _HOUR_S,
    "6h": 6 * _HOUR_S,
    "1h": _HOUR_S,
}
_NO_BOOK = "No orderbook exists for the requested token id"


def clob_routes(world: World) -> list[Route]:
    """Return the routes below `/clob`."""

    async def book(request: Request) -> Response:
        token = request.query_params.get("token_id", "")
        if not token.isdecimal():
            return _error(400, "Invalid token id")
        found = book_json(world.scenario, token, world.now())
        return _error(404, _NO_BOOK) if found is None else JSONResponse(found)

    async def books(request: Request) -> Response:
        tokens = _batch(await _json(request))
        if tokens is None:
            return _error(400, "Invalid payload")
        if len(tokens) > MAX_BATCH:
            return _error(400, "Payload exceeds the limit")
        now = world.now()
        found = (book_json(world.scenario, token, now) for token in tokens)
        return JSONResponse([entry for entry in found if entry is not None])

    async def history(request: Request) -> Response:
        return _history(world.scenario, world.now(), request.query_params)

    async def market(request: Request) -> Response:
        wanted = request.path_params["condition"]
        for event in world.scenario.listed(world.now()):
            for leg in event.legs:
                if leg.condition_id == wanted:
                    return JSONResponse(market_json(world.scenario, event, leg, world.now()))
        return _error(404, "market not found")

    return [
        Route("/clob/book", book),
        Route("/clob/books", books, methods=["POST"]),
        Route("/clob/prices-history", history),
        Route("/clob/markets/{condition}", market),
    ]


def book_json(scenario: Scenario, token: str, now: datetime) -> dict[str, object] | None:
    """Return the book of `token` at `now`; None when the venue has none for it."""
    found = scenario.leg(token)
    if found is None:
        return None
    event, leg, index = found
    price, since = scenario.price(leg, now), scenario.book_since(leg, now)
    unlisted = event.created_at > now or leg.closed(now) or leg.placeholder
    if unlisted or price is None or since is None or not price.has_book:
        return None
    return _book(event, leg, index, price, since)


def market_json(scenario: Scenario, event: Event, leg: Leg, now: datetime) -> dict[str, object]:
    """Return the CLOB's own market object; a winner is marked once the result is final."""
    resolved = leg.resolved(now)
    return {
        "condition_id": leg.condition_id,
        "question": leg.question,
        "description": leg.rules,
        "market_slug": leg.slug,
        "end_date_iso": f"{leg.ends:%Y-%m-%dT%H:%M:%SZ}",
        "active": not leg.placeholder,
        "closed": leg.closed(now),
        "archived": False,
        "accepting_orders": not leg.closed(now),
        "enable_order_book": not leg.closed(now),
        "minimum_tick_size": float(leg.tick),
        "neg_risk": event.neg_risk,
        "is_50_50_outcome": False,
        "tokens": [
            {
                "token_id": token,
                "outcome": leg.outcomes[index],
                "price": float(value(scenario.price(leg, now), index) or 0),
                "winner": resolved and leg.winner == index,
            }
            for index, token in enumerate(leg.token_ids)
        ],
        "tags": list(event.tags),
    }


def liquidity(leg: Leg, price: Price) -> Decimal:
    """Return the USD that stand in the first outcome's book."""
    levels = _bids(leg.token_ids[0], price.bid, leg.tick)
    levels += _asks(leg.token_ids[0], price.ask, leg.tick)
    return sum((level * size for level, size in levels), Decimal(0))


def plain(value: Decimal) -> str:
    """Return `value` as the venue writes it: no exponent, no trailing zeros."""
    return f"{value.normalize():f}"


def _book(event: Event, leg: Leg, index: int, price: Price, since: datetime) -> dict[str, object]:
    bid, ask, last = price.bid, price.ask, price.last
    if index == 1:  # the other outcome's book is the mirror image
        bid, ask, last = _complement(ask), _complement(bid), _complement(last)
    token = leg.token_ids[index]
    bids = [_level(*level) for level in _bids(token, bid, leg.tick)]
    asks = [_level(*level) for level in _asks(token, ask, leg.tick)]
    return {
        "market": leg.condition_id,
        "asset_id": token,
        "timestamp": str(int(since.timestamp() * 1000)),
        "hash": hashlib.sha1(repr((token, bids, asks)).encode(), usedforsecurity=False).hexdigest(),
        "bids": bids,
        "asks": asks,
        "min_order_size": "5",
        "tick_size": plain(leg.tick),
        "neg_risk": event.neg_risk,
        "last_trade_price": "" if last is None else plain(last),
    }


def _history(scenario: Scenario, now: datetime, query: QueryParams) -> Response:
    window = [query.get(name) for name in ("startTs", "endTs")]
    if (query.get("interval") is not None) is any(part is not None for part in window):
        return _error(400, "exactly one of interval and startTs with endTs is required")
    span = _span(query, now)
    if span is None:
        return _error(400, "invalid filters: the window spans at most 15 days")
    found = scenario.leg(query.get("market", ""))
    if found is None:
        return JSONResponse({"history": []})
    _, leg, index = found
    since, until = span
    fidelity = int(query.get("fidelity", "1"))
    step, now_s = fidelity * 60, seconds(now)
    shown = points(scenario, leg, index, since=since, until=min(until, now_s) + 1, bucket_s=step)
    rows = [{"t": at - at // step % 18, "p": float(price)} for at, price in shown]
    last = value(scenario.price(leg, now), index)
    if rows and until >= now_s and last is not None:
        rows.append({"t": now_s, "p": float(last)})
    return JSONResponse({"history": rows})


def _span(query: QueryParams, now: datetime) -> tuple[int, int] | None:
    """Return the asked window; None for one that is too long or no window."""
    if query.get("interval") is not None:
        named = _INTERVALS.get(query["interval"])
        return None if named is None else (max(seconds(now) - named, 1), seconds(now))
    texts = query.get("startTs", "1"), query.get("endTs", str(seconds(now)))
    if not all(text.isdecimal() for text in texts):
        return None
    since, until = (int(text) for text in texts)
    return (since, until) if 0 <= until - since <= LONGEST_S else None


def _complement(value: Decimal | None) -> Decimal | None:
    return None if value is None else 1 - value


def _bids(token: str, best: Decimal | None, tick: Decimal) -> list[tuple[Decimal, Decimal]]:
    """Return levels of (price, size), ascending: the best is last."""
    if best is None:
        return []
    ladder = [best - tick * step for step in range(_DEPTH)] + [tick]
    return [(level, _size(token, level)) for level in sorted({p for p in ladder if p > 0})]


def _asks(token: str, best: Decimal | None, tick: Decimal) -> list[tuple[Decimal, Decimal]]:
    """Return levels of (price, size), descending: the best is last."""
    if best is None:
        return []
    ladder = [best + tick * step for step in range(_DEPTH)] + [1 - tick]
    levels = sorted({p for p in ladder if p < 1}, reverse=True)
    return [(level, _size(token, level)) for level in levels]


def _size(token: str, level: Decimal) -> Decimal:
    digest = hashlib.sha256(f"{token} {level.normalize():f}".encode()).digest()
    return Decimal(int.from_bytes(digest[:3]) % 900_000 + 500) / 100


def _level(price: Decimal, size: Decimal) -> dict[str, str]:
    return {"price": plain(price), "size": plain(size)}


async def _json(request: Request) -> object:
    try:
        return await request.json()
    except ValueError:
        return None


def _batch(payload: object) -> list[str] | None:
    if not isinstance(payload, list):
        return None
    tokens = [entry.get("token_id") if isinstance(entry, dict) else None for entry in payload]
    return [t for t in tokens if isinstance(t, str)] if all(map(_is_text, tokens)) else None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=status)
