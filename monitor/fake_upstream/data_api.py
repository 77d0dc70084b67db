"""Polymarket's Data API: v2 price histories, trades and resolutions, and v1 trades.

Kept quirks: exactly one window form and at most 15 days of it; `end` is exclusive; buckets finer
than are still kept give no data; the series that reaches to now ends with a point off its
buckets; both outcomes interleave in trades, newest first, and no window narrows them; a cursor
serves only the query it came from; errors have a body of their own; a miss is an empty `data`.
Trades are made up from the scenario: one fill whenever the last price or the middle changes.
Source: docs.polymarket.com, Data API v2.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.fake_upstream.past import (
    LONGEST_S,
    Fill,
    fills,
    instant_of,
    points,
    seconds,
    value,
)
from monitor.fake_upstream.scenario import Event, Leg, Scenario
from monitor.fake_upstream.world import World

MAX_POINTS = 10_000
MAX_TRADES = 1_000
MAX_OFFSET = 10_000
_KEPT = ((60, timedelta(days=7)), (300, timedelta(days=60)), (1800, timedelta(days=90)))
_COARSEST_S = 43_200


class _RefusedError(Exception):
    """A request that v2 answers with 400."""


def data_routes(world: World) -> list[Route]:
    """Return the routes below `/data`."""

    async def history(request: Request) -> Response:
        return _answer(_history, world, request.query_params)

    async def trades(request: Request) -> Response:
        return _answer(_trades, world, request.query_params)

    async def resolutions(request: Request) -> Response:
        return _answer(_resolutions, world, request.query_params)

    async def old_trades(request: Request) -> Response:
        return _old_trades(world.scenario, world.now(), request.query_params)

    return [
        Route("/data/v2/prices-history", history),
        Route("/data/v2/trades", trades),
        Route("/data/v2/resolutions", resolutions),
        Route("/data/trades", old_trades),
    ]


def _answer(
    read: Callable[[Scenario, datetime, QueryParams], dict[str, object]],
    world: World,
    query: QueryParams,
) -> Response:
    try:
        return JSONResponse(read(world.scenario, world.now(), query))
    except _RefusedError as refusal:
        body = {"code": "invalid_request", "error": str(refusal), "retryable": False}
        return JSONResponse({**body, "trace_id": "0" * 32}, status_code=400)


def _history(scenario: Scenario, now: datetime, query: QueryParams) -> dict[str, object]:
    token = query.get("token_id", "")
    if not token.isdecimal():
        raise _RefusedError("'token_id' must be a decimal string")
    since, until = _window(query, now)
    bucket = _bucket(query, now - instant_of(since))
    found = scenario.leg(token)
    rows: list[dict[str, object]] = []
    if found is not None:
        _, leg, index = found
        kept = {width: seconds(now - span) for width, span in _KEPT}
        first = max(since, kept.get(bucket, 0))
        shown = points(
            scenario, leg, index, since=first, until=min(until, seconds(now) + 1), bucket_s=bucket
        )
        rows = [_point(at, price, bucket) for at, price in shown]
        last = value(scenario.price(leg, now), index)
        if rows and until > seconds(now) and seconds(now) % bucket and last is not None:
            rows.append(_point(seconds(now), last, 0))
    return _paged(rows, query, largest=MAX_POINTS, default=MAX_POINTS)


def _window(query: QueryParams, now: datetime) -> tuple[int, int]:
    if "start" not in query:
        raise _RefusedError("exactly one of 'start', 'interval' and 'as_of' is required")
    since = _whole(query, "start", 0)
    until = _whole(query, "end", seconds(now) + 1)
    if since <= 0 or until <= since:
        raise _RefusedError("'start' must be positive and lie before 'end'")
    if until - since > LONGEST_S:
        raise _RefusedError("'start' to 'end' must span at most 15 days")
    return since, until


def _bucket(query: QueryParams, age: timedelta) -> int:
    if "bucket_seconds" not in query:
        return next((width for width, span in _KEPT if age <= span), _COARSEST_S)
    bucket = _whole(query, "bucket_seconds", 0)
    if bucket not in (60, 300, 1800, 3600, 10_800, _COARSEST_S):
        raise _RefusedError("'bucket_seconds' is not served")
    return bucket


def _point(at: int, price: Decimal, bucket: int) -> dict[str, object]:
    return {"timestamp": at, "price": float(price), "resolution_seconds": bucket}


def _trades(scenario: Scenario, now: datetime, query: QueryParams) -> dict[str, object]:
    if "offset" in query:
        raise _RefusedError("'offset' is not a parameter; page by 'cursor'")
    conditions = query.getlist("condition")
    if not conditions:
        raise _RefusedError("'condition' is required here")
    rows = [_trade(*made) for made in _fills(scenario, now, conditions)]
    return _paged(rows, query, largest=MAX_TRADES, default=100)


def _fills(
    scenario: Scenario, now: datetime, conditions: list[str]
) -> Iterator[tuple[Event, Leg, Fill]]:
    for event in scenario.listed(now):
        for leg in event.legs:
            if leg.condition_id in conditions:
                yield from ((event, leg, fill) for fill in fills(scenario, leg, now))


def _trade(event: Event, leg: Leg, fill: Fill) -> dict[str, object]:
    return {
        "proxy_wallet": "0x" + "0" * 40,
        "side": fill.side,
        "token_id": leg.token_ids[fill.index],
        "condition_id": leg.condition_id,
        "size": float(fill.size),
        "price": float(fill.price),
        "timestamp": seconds(fill.at),
        "outcome": leg.outcomes[fill.index],
        "outcome_index": fill.index,
        "title": leg.question,
        "slug": leg.slug,
        "event_slug": event.slug,
        "transaction_hash": fill.transaction,
        "name": "",
        "pseudonym": "",
    }


def _old_trades(scenario: Scenario, now: datetime, query: QueryParams) -> Response:
    offset = int(query.get("offset", "0"))
    if offset > MAX_OFFSET:
        return JSONResponse({"error": "max historical activity offset exceeded"}, status_code=400)
    limit = min(int(query.get("limit", "100")), MAX_OFFSET)
    made = list(_fills(scenario, now, query.get("market", "").split(",")))
    rows = [_trade(*one) for one in made[offset : offset + limit]]
    return JSONResponse([_in_old_words(row) for row in rows])


def _in_old_words(row: dict[str, object]) -> dict[str, object]:
    names = {"token_id": "asset"}
    return {names.get(key) or _camel(key): cell for key, cell in row.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _resolutions(scenario: Scenario, now: datetime, query: QueryParams) -> dict[str, object]:
    wanted = query.getlist("condition")
    rows = [
        _resolution(leg, now)
        for event in scenario.listed(now)
        for leg in event.legs
        if leg.condition_id in wanted
    ]
    return _paged(rows, query, largest=MAX_TRADES, default=100)


def _resolution(leg: Leg, now: datetime) -> dict[str, object]:
    row: dict[str, object] = {
        "condition_id": leg.condition_id,
        "status": "proposed" if leg.closed(now) else "initialized",
        "was_disputed": any(word == "disputed" for word in leg.oracle_words(now)),
        "payouts": [],
        "resolved_at": None,
        "last_update_timestamp": str(seconds(leg.closed_at or leg.ends)),
    }
    if leg.resolved(now) and leg.resolved_at is not None and leg.winner is not None:
        paid = [1_000_000 if index == leg.winner else 0 for index in (0, 1)]
        at = f"{leg.resolved_at:%Y-%m-%dT%H:%M:%SZ}"
        row |= {"status": "resolved", "payouts": paid, "resolved_at": at}
    return row


def _paged(
    rows: list[dict[str, object]], query: QueryParams, *, largest: int, default: int
) -> dict[str, object]:
    limit = min(_whole(query, "limit", default), largest)
    start = _read_cursor(query)
    page, following = rows[start : start + limit], start + limit
    more = following < len(rows)
    return {
        "data": page,
        "pagination": {
            "limit": limit,
            "offset": 0,
            "has_more": more,
            "next_cursor": _write_cursor(following, query) if more else None,
        },
    }


def _write_cursor(position: int, query: QueryParams) -> str:
    text = json.dumps([position, _query_print(query)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(query: QueryParams) -> int:
    cursor = query.get("cursor")
    if cursor is None:
        return 0
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position, made_under = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, TypeError):
        raise _RefusedError("'cursor' is invalid") from None
    if made_under != _query_print(query):
        raise _RefusedError("'cursor' belongs to another query")
    return int(position)


def _query_print(query: QueryParams) -> str:
    filters = sorted((key, text) for key, text in query.multi_items() if key != "cursor")
    return hashlib.sha256(json.dumps(filters).encode()).hexdigest()[:12]


def _whole(query: QueryParams, name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise _RefusedError(f"'{name}' must be a whole number")
    return int(text)
