"""Gamma's routes: events by slug and id, keyset lists, markets by id, the loose search.

Kept quirks: `next_cursor` is absent on the last page; the cursor goes back as `after_cursor`,
`cursor` and `next_cursor` are ignored without a word; `offset` is refused; a condition id is no
market id. Source: Gamma keyset pagination of 2026.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from datetime import datetime

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.fake_upstream.gamma_shape import event_json, market_json
from monitor.fake_upstream.scenario import Event, Leg, Scenario
from monitor.fake_upstream.world import World

MAX_EVENTS = 500
MAX_MARKETS = 100
_DEFAULT_EVENTS = 20
_FILTERS = ("id", "slug", "closed", "title_search", "tag_slug")


def gamma_routes(world: World) -> list[Route]:
    """Return the routes below `/gamma`."""

    async def by_slug(request: Request) -> Response:
        event = world.scenario.event(request.path_params["slug"], world.now())
        if event is None:
            return _error(404, "slug not found", "not found error")
        return JSONResponse(event_json(world.scenario, event, world.now()))

    async def by_id(request: Request) -> Response:
        wanted = request.path_params["id"]
        if not wanted.isdecimal():
            return _error(422, "id is invalid", "validation error")
        for event in world.scenario.listed(world.now()):
            if event.id == wanted:
                return JSONResponse(event_json(world.scenario, event, world.now()))
        return _error(404, "id not found", "not found error")

    async def keyset(request: Request) -> Response:
        return _keyset_page(world.scenario, world.now(), request.query_params)

    async def markets(request: Request) -> Response:
        return _markets_page(world.scenario, world.now(), request.query_params)

    async def market(request: Request) -> Response:
        return _market(world.scenario, world.now(), request.path_params["id"])

    async def search(request: Request) -> Response:
        return _search_page(world.scenario, world.now(), request.query_params)

    return [
        Route("/gamma/events/slug/{slug}", by_slug),
        Route("/gamma/events/keyset", keyset),
        Route("/gamma/events/{id}", by_id),
        Route("/gamma/markets/keyset", markets),
        Route("/gamma/markets/{id}", market),
        Route("/gamma/public-search", search),
    ]


def _market(scenario: Scenario, now: datetime, wanted: str) -> Response:
    if not wanted.isdecimal():
        return _error(422, "id is invalid", "validation error")
    for event in scenario.listed(now):
        for leg in event.legs:
            if leg.id == wanted:
                return JSONResponse(_lone(scenario, event, leg, now))
    return _error(404, "id not found", "not found error")


def _lone(scenario: Scenario, event: Event, leg: Leg, now: datetime) -> dict[str, object]:
    """Return a market that nests its event."""
    body = market_json(scenario, event, leg, now)
    body["events"] = [event_json(scenario, event, now, with_markets=False)]
    return body


def _markets_page(scenario: Scenario, now: datetime, query: QueryParams) -> Response:
    """Return open markets by their ids, or all of them; placeholders are not listed."""
    if "offset" in query:
        return _error(422, "offset is not allowed on keyset endpoints", "validation error")
    after = _read_cursor(query["after_cursor"], query) if query.get("after_cursor") else 0
    if after is None:
        return _error(422, "invalid cursor", "validation error")
    limit = _bounded(query.get("limit"), default=_DEFAULT_EVENTS, largest=MAX_MARKETS)
    ids, closed = query.getlist("id"), query.get("closed") == "true"
    found = [
        (event, leg)
        for event in scenario.listed(now)
        for leg in event.legs
        if leg.closed(now) is closed and not leg.placeholder and (not ids or leg.id in ids)
    ]
    rest = sorted((pair for pair in found if int(pair[1].id) > after), key=lambda p: int(p[1].id))
    page = rest[:limit]
    body: dict[str, object] = {
        "$schema": "https://gamma-api.polymarket.com/schemas/markets-keyset.json",
        "markets": [_lone(scenario, event, leg, now) for event, leg in page],
    }
    if len(rest) > limit:
        body["next_cursor"] = _write_cursor(int(page[-1][1].id), query)
    return JSONResponse(body)


def _keyset_page(scenario: Scenario, now: datetime, query: QueryParams) -> Response:
    if "offset" in query:
        return _error(422, "offset is not allowed on keyset endpoints", "validation error")
    after = 0
    if query.get("after_cursor"):
        position = _read_cursor(query["after_cursor"], query)
        if position is None:
            return _error(422, "invalid cursor", "validation error")
        after = position
    limit = _bounded(query.get("limit"), default=_DEFAULT_EVENTS, largest=MAX_EVENTS)
    rest = [e for e in _filtered(scenario.listed(now), now, query) if int(e.id) > after]
    page = rest[:limit]
    body: dict[str, object] = {"events": [event_json(scenario, event, now) for event in page]}
    if len(rest) > limit:
        body["next_cursor"] = _write_cursor(int(page[-1].id), query)
    return JSONResponse(body)


def _filtered(events: Iterable[Event], now: datetime, query: QueryParams) -> Iterable[Event]:
    slugs, ids, tags = (query.getlist(key) for key in ("slug", "id", "tag_slug"))
    closed, words = query.get("closed"), query.get("title_search", "").casefold().split()
    for event in events:
        if closed in ("true", "false") and event.closed(now) is not (closed == "true"):
            continue
        if (slugs and event.slug not in slugs) or (ids and event.id not in ids):
            continue
        if tags and not {tag.lower().replace(" ", "-") for tag in event.tags} & set(tags):
            continue
        if all(word in event.title.casefold() for word in words):
            yield event


def _search_page(scenario: Scenario, now: datetime, query: QueryParams) -> Response:
    words = [word for word in query.get("q", "").casefold().split() if len(word) > 1]
    per_page = _bounded(query.get("limit_per_type"), default=10, largest=50)
    skip = (_bounded(query.get("page"), default=1, largest=10_000) - 1) * per_page
    only_open = query.get("events_status") == "active"
    found = [
        event
        for event in scenario.listed(now)
        if any(word in _searched_text(event) for word in words)
        and not (only_open and event.closed(now))
    ]
    page = found[skip : skip + per_page]
    return JSONResponse(
        {
            "events": [event_json(scenario, event, now) for event in page] or None,
            "tags": None,
            "profiles": None,
            "pagination": {"hasMore": len(found) > skip + per_page, "totalResults": len(found)},
        }
    )


def _searched_text(event: Event) -> str:
    return " ".join([event.title, *(leg.question for leg in event.legs)]).casefold()


def _bounded(text: str | None, *, default: int, largest: int) -> int:
    return min(int(text), largest) if text and text.isdecimal() and int(text) > 0 else default


def _query_print(query: QueryParams) -> str:
    """Return what a cursor is bound to: the filters it was made under."""
    filters = sorted((k, v) for k, v in query.multi_items() if k in _FILTERS)
    return hashlib.sha256(json.dumps(filters).encode()).hexdigest()[:12]


def _write_cursor(last_id: int, query: QueryParams) -> str:
    text = json.dumps([last_id, _query_print(query)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str, query: QueryParams) -> int | None:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        last_id, made_under = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, TypeError):
        return None
    return last_id if isinstance(last_id, int) and made_under == _query_print(query) else None


def _error(status: int, message: str, kind: str) -> Response:
    return JSONResponse({"error": message, "type": kind}, status_code=status)
