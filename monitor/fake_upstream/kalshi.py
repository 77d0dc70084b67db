"""Kalshi's routes of trade-api v2: events, markets, books, candles and trades, live and historical.

Kept quirks: lists end with an EMPTY cursor; the filter's words differ from the objects' (open is
active, settled is finalized); an unfiltered list of markets is flooded with combinations; a batch
that names one unknown market is a 404 as a whole; a bad candle window is an opaque 400; what was
settled 90 days ago answers only below /historical. Source: trade-api v2, spec 3.30.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.fake_upstream.kalshi_shape import (
    VENUE,
    book_json,
    candles_json,
    event_json,
    market_json,
    series_of,
    trade_json,
    trades,
)
from monitor.fake_upstream.scenario import Event, Leg, Scenario
from monitor.fake_upstream.world import World

LIVE = timedelta(days=90)
MAX_TICKERS = 100
MAX_CANDLES = 5_000
_COMBINATIONS = 25
_INTERVALS = frozenset({"1", "60", "1440"})
_WORDS = {"unopened": "initialized", "open": "active", "closed": "closed", "settled": "finalized"}
_Found = tuple[Event, Leg]
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request: what is known, when, with which parameters and parts of the path."""

    scenario: Scenario
    now: datetime
    query: QueryParams
    path: dict[str, str]

    @property
    def events(self) -> list[Event]:
        return self.scenario.listed(self.now, VENUE)

    @property
    def cutoff(self) -> datetime:
        return self.now - LIVE

    def legs(self, *, archived: bool = False) -> list[_Found]:
        """Return the markets of the live or of the historical tier."""
        found = [(event, leg) for event in self.events for leg in event.legs]
        return [(e, leg) for e, leg in found if leg.resolved(self.cutoff) == archived]

    def leg(self, ticker: str, *, archived: bool = False) -> _Found | None:
        """Return the market called `ticker` of one tier."""
        return next((pair for pair in self.legs(archived=archived) if pair[1].id == ticker), None)

    def seconds(self, name: str) -> int | None:
        """Return a parameter of epoch seconds."""
        text = self.query.get(name, "")
        return int(text) if text.isdecimal() else None


def kalshi_routes(world: World) -> list[Route]:
    """Return the routes below `/kalshi`, which is the `api_url` of the source."""

    def on(path: str, answer: Callable[[_Asked], Response]) -> Route:
        async def endpoint(request: Request) -> Response:
            parts = {name: str(part) for name, part in request.path_params.items()}
            return answer(_Asked(world.scenario, world.now(), request.query_params, parts))

        return Route(f"/kalshi{path}", endpoint)

    return [
        on("/exchange/status", _exchange),
        on("/events", _events),
        on("/events/{ticker}", _event),
        on("/markets", _markets),
        on("/markets/orderbooks", _orderbooks),
        on("/markets/trades", lambda asked: _trades(asked, archived=False)),
        on("/markets/{ticker}", lambda asked: _market(asked, archived=False)),
        on("/markets/{ticker}/orderbook", _orderbook),
        on("/series/{series}/markets/{ticker}/candlesticks", lambda a: _candles(a, archived=False)),
        on("/historical/cutoff", _cutoffs),
        on("/historical/trades", lambda asked: _trades(asked, archived=True)),
        on("/historical/markets/{ticker}", lambda asked: _market(asked, archived=True)),
        on("/historical/markets/{ticker}/candlesticks", lambda a: _candles(a, archived=True)),
    ]


def _exchange(asked: _Asked) -> Response:
    del asked
    return JSONResponse({"exchange_active": True, "trading_active": True})


def _events(asked: _Asked) -> Response:
    status, series = asked.query.get("status"), asked.query.get("series_ticker")
    listed = [
        event
        for event in asked.events
        if (series is None or series_of(event) == series) and _event_is(asked, event, status)
    ]
    nested = asked.query.get("with_nested_markets") == "true"
    page, cursor = _page(listed, asked.query, default=200, largest=200)
    events = [event_json(asked.scenario, e, asked.now, with_markets=nested) for e in page]
    return JSONResponse({"cursor": cursor, "events": events, "milestones": []})


def _event(asked: _Asked) -> Response:
    nested = asked.query.get("with_nested_markets") == "true"
    for event in asked.events:
        if event.id == asked.path["ticker"]:
            body = event_json(asked.scenario, event, asked.now, with_markets=True)
            markets = [] if nested else body.pop("markets")
            return JSONResponse({"event": body, "markets": markets})
    return _not_found()


def _markets(asked: _Asked) -> Response:
    query = asked.query
    tickers = [t for t in query.get("tickers", "").split(",") if t]
    word = _WORDS.get(query.get("status", ""))
    listed = [
        market_json(asked.scenario, event, leg, asked.now)
        for event, leg in asked.legs()
        if (not tickers or leg.id in tickers)
        and query.get("event_ticker") in (None, event.id)
        and query.get("series_ticker") in (None, series_of(event))
    ]
    found = [market for market in listed if word is None or market["status"] == word]
    if query.get("mve_filter") != "exclude" and not tickers and "event_ticker" not in query:
        found = [_combination(number) for number in range(_COMBINATIONS)] + found
    page, cursor = _page(found, query, default=100, largest=1000)
    return JSONResponse({"cursor": cursor, "markets": page})


def _market(asked: _Asked, *, archived: bool) -> Response:
    found = asked.leg(asked.path["ticker"], archived=archived)
    if found is None:
        return _not_found()
    return JSONResponse({"market": market_json(asked.scenario, *found, asked.now)})


def _orderbooks(asked: _Asked) -> Response:
    tickers = asked.query.getlist("tickers")
    if not 1 <= len(tickers) <= MAX_TICKERS:
        return _bad_request()
    found = [asked.leg(ticker) for ticker in tickers]
    books = [
        {"ticker": pair[1].id, "orderbook_fp": book_json(asked.scenario, pair[1], asked.now)}
        for pair in found
        if pair is not None
    ]
    return _not_found() if None in found else JSONResponse({"orderbooks": books})


def _orderbook(asked: _Asked) -> Response:
    found = asked.leg(asked.path["ticker"])
    if found is None:
        return _not_found()
    return JSONResponse({"orderbook_fp": book_json(asked.scenario, found[1], asked.now)})


def _candles(asked: _Asked, *, archived: bool) -> Response:
    found = asked.leg(asked.path["ticker"], archived=archived)
    if found is None or asked.path.get("series", series_of(found[0])) != series_of(found[0]):
        return _not_found()
    start, end = asked.seconds("start_ts"), asked.seconds("end_ts")
    interval = asked.query.get("period_interval", "")
    if start is None or end is None or end < start or interval not in _INTERVALS:
        return _bad_request()
    step = int(interval) * 60
    last = min(end, int(asked.now.timestamp()))
    ends = range(-(-start // step) * step, last + 1, step)
    if len(ends) > MAX_CANDLES:
        return _bad_request()
    candles = candles_json(asked.scenario, *found, ends=ends, historical=archived)
    return JSONResponse({"ticker": found[1].id, "candlesticks": candles})


def _trades(asked: _Asked, *, archived: bool) -> Response:
    """Answer with the trades of a tier, which are parted by their age, newest first."""
    cutoff, ticker = asked.cutoff, asked.query.get("ticker")
    first, last = asked.seconds("min_ts"), asked.seconds("max_ts")
    found = [
        (price.at, trade_json(leg, price))
        for event in asked.events
        for leg in event.legs
        if ticker in (None, leg.id)
        for price in trades(asked.scenario, leg, event.created_at - LIVE, asked.now)
        if (price.at < cutoff) == archived
        and (first is None or price.at.timestamp() >= first)
        and (last is None or price.at.timestamp() <= last)
    ]
    found.sort(key=lambda row: row[0], reverse=True)
    page, cursor = _page(found, asked.query, default=100, largest=1000)
    return JSONResponse({"cursor": cursor, "trades": [trade for _, trade in page]})


def _cutoffs(asked: _Asked) -> Response:
    cutoff = f"{asked.cutoff:%Y-%m-%dT%H:%M:%SZ}"
    names = ("market_settled_ts", "trades_created_ts", "orders_updated_ts")
    return JSONResponse(dict.fromkeys(names, cutoff))


def _event_is(asked: _Asked, event: Event, status: str | None) -> bool:
    """Return whether `event` passes the filter: open while any of its markets trades."""
    if status is None:
        return True
    words = {market_json(asked.scenario, event, leg, asked.now)["status"] for leg in event.legs}
    return _WORDS.get(status) in words if status in ("open", "unopened") else len(words) == 1


def _combination(number: int) -> dict[str, object]:
    """Return a multivariate market: no quote at all, its ask written as 0."""
    event = f"KXMVEMADEUP-S2026{number:04d}"
    return {
        "ticker": f"{event}-{number:04X}",
        "event_ticker": event,
        "mve_collection_ticker": "KXMVEMADEUP-R",
        "market_type": "binary",
        "title": f"yes this,yes that {number}",
        "status": "active",
        "result": "",
        "yes_bid_dollars": "0.0000",
        "yes_ask_dollars": "0.0000",
        "last_price_dollars": "0.0000",
    }


def _page(
    rows: Sequence[_Row], query: QueryParams, *, default: int, largest: int
) -> tuple[Sequence[_Row], str]:
    """Return one page of `rows` and the cursor of the next, empty after the last."""
    wanted = query.get("limit", "")
    limit = min(int(wanted), largest) if wanted.isdecimal() and int(wanted) > 0 else default
    after = _position(query.get("cursor", ""))
    end = after + limit
    cursor = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(rows) else ""
    return rows[after:end], cursor


def _position(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor) or b"0")
    except ValueError:
        return 0


def _not_found() -> Response:
    error = {"code": "not_found", "message": "not found", "details": ""}
    return JSONResponse({"error": error}, status_code=404)


def _bad_request() -> Response:
    error = {"code": "bad_request", "message": "bad request"}
    return JSONResponse({"error": error}, status_code=400)
