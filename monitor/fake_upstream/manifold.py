"""Manifold's v0 routes: markets by id and slug, probabilities, search, bets.

Kept quirks: a parameter that an endpoint does not know is a 400; `ids` of `/market-probs` must
stand more than once to be an array; a listing leaves the answers out unless asked; absent fields
are omitted; both ends of a time window are exclusive; where answers sum to one, siblings move by
zero-share redemptions, which are left out unless asked. Source: manifoldmarkets/manifold, common/
src/api/schema.ts and market-types.ts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.fake_upstream.manifold_shape import bets_json, market_json, probs_json
from monitor.fake_upstream.scenario import Event, Scenario
from monitor.fake_upstream.world import World

VENUE = "manifold"
MAX_IDS = 100
MAX_ROWS = 1000
_SEARCH = {
    "term", "filter", "sort", "contractType", "topicSlug", "creatorId", "limit", "offset",
    "beforeTime", "liquidity", "token", "includeLiteAnswers",
}  # fmt: skip
_BETS = {
    "contractId", "contractSlug", "userId", "username", "answerId", "limit", "before", "after",
    "beforeTime", "afterTime", "order", "kinds", "filterRedemptions",
    "includeZeroShareRedemptions",
}  # fmt: skip
Answer = Callable[[Scenario, datetime, Request], Response]


def manifold_routes(world: World) -> list[Route]:
    """Return the routes below `/manifold/v0`."""

    def route(path: str, answer: Answer, known: Iterable[str] = ()) -> Route:
        async def endpoint(request: Request) -> Response:
            strangers = sorted(set(request.query_params) - set(known))
            if strangers:
                return invalid(strangers[0], "Unrecognized key(s) in object")
            return answer(world.scenario, world.now(), request)

        return Route(f"/manifold/v0{path}", endpoint)

    return [
        route("/search-markets", _search, _SEARCH),
        route("/market-probs", _probs, {"ids"}),
        route("/market/{id}/prob", _prob),
        route("/market/{id}", _market, {"lite"}),
        route("/slug/{slug}", _by_slug, {"lite"}),
        route("/bets", _bets, _BETS),
    ]


def invalid(field: str, why: str) -> Response:
    """Return the 400 of a request whose parameters do not validate."""
    details = [{"field": field, "error": why}]
    return JSONResponse(
        {"message": "Error validating request.", "details": details}, status_code=400
    )


def _market(scenario: Scenario, now: datetime, request: Request) -> Response:
    event = _by_id(scenario, now, request.path_params["id"])
    if event is None:
        return _error(404, "Contract not found")
    is_full = request.query_params.get("lite") != "true"
    return JSONResponse(market_json(scenario, event, now, full=is_full))


def _by_slug(scenario: Scenario, now: datetime, request: Request) -> Response:
    event = scenario.event(request.path_params["slug"], now, VENUE)
    if event is None:
        return _error(404, "Contract not found")
    is_full = request.query_params.get("lite") != "true"
    return JSONResponse(market_json(scenario, event, now, full=is_full))


def _prob(scenario: Scenario, now: datetime, request: Request) -> Response:
    event = _by_id(scenario, now, request.path_params["id"])
    if event is None:
        return _error(404, "Contract not found")
    return JSONResponse(probs_json(scenario, event, now))


def _probs(scenario: Scenario, now: datetime, request: Request) -> Response:
    ids = request.query_params.getlist("ids")
    if len(ids) < 2:
        return invalid("ids", "Expected array, received string")
    if len(ids) > MAX_IDS:
        return invalid("ids", f"Array must contain at most {MAX_IDS} element(s)")
    found = (_by_id(scenario, now, name) for name in ids)
    return JSONResponse(
        {event.id: probs_json(scenario, event, now) for event in found if event is not None}
    )


def _search(scenario: Scenario, now: datetime, request: Request) -> Response:
    query = request.query_params
    words = [word for word in query.get("term", "").casefold().split() if len(word) > 1]
    topic, wanted = query.get("topicSlug"), query.get("filter", "all")
    limit = _whole(query, "limit", default=100)
    offset = _whole(query, "offset", default=0)
    if limit is None or limit > MAX_ROWS:
        return invalid("limit", f"Number must be less than or equal to {MAX_ROWS}")
    if offset is None or offset > MAX_ROWS:
        return _error(400, "offset must be <= 1000")
    found = [
        event
        for event in scenario.listed(now, VENUE)
        if (not words or any(word in _searched_text(event) for word in words))
        and (topic is None or topic in {tag.lower().replace(" ", "-") for tag in event.tags})
        and _is_in(event, now, wanted)
    ]
    with_answers = query.get("includeLiteAnswers") == "true"
    page = found[offset : offset + limit]
    return JSONResponse(
        [market_json(scenario, event, now, lite_answers=with_answers) for event in page]
    )


def _bets(scenario: Scenario, now: datetime, request: Request) -> Response:
    query = request.query_params
    limit = _whole(query, "limit", default=MAX_ROWS)
    if limit is None or limit > MAX_ROWS:
        return _error(400, f"Non-points limit must be less than or equal to {MAX_ROWS}")
    after, before = _whole(query, "afterTime"), _whole(query, "beforeTime")
    event = _by_id(scenario, now, query.get("contractId", ""))
    rows = bets_json(scenario, event, now) if event is not None else []
    if query.get("includeZeroShareRedemptions") != "true":
        rows = [row for row in rows if row["shares"] != 0 or row["isRedemption"] is False]
    answer = query.get("answerId")
    kept = [
        row
        for row in rows
        if (answer is None or row.get("answerId") == answer)
        and (after is None or int(str(row["createdTime"])) > after)
        and (before is None or int(str(row["createdTime"])) < before)
    ]
    return JSONResponse((kept if query.get("order") == "asc" else kept[::-1])[:limit])


def _by_id(scenario: Scenario, now: datetime, wanted: str) -> Event | None:
    return next((e for e in scenario.listed(now, VENUE) if e.id == wanted), None)


def _is_in(event: Event, now: datetime, wanted: str) -> bool:
    resolved = all(leg.resolved(now) for leg in event.legs)
    if wanted == "open":
        return not resolved and event.ends > now
    if wanted == "closed":
        return not resolved and event.ends <= now
    return resolved or wanted != "resolved"


def _searched_text(event: Event) -> str:
    return " ".join([event.title, *(leg.label for leg in event.legs)]).casefold()


def _whole(query: QueryParams, key: str, *, default: int | None = None) -> int | None:
    text = query.get(key)
    if text is None:
        return default
    return int(text) if text.isdecimal() else None


def _error(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status_code=status)
