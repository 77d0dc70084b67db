"""Algolia's index of Hacker News, from the scenario's feed `hackernews`.

A guid is the story's objectID; an item without a url is a text post. Like the real index the
query matches prefixes of words, more than was asked for.
"""

from __future__ import annotations

import re
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.fake_upstream.scenario import FeedItem
from monitor.fake_upstream.world import World

FEED = "hackernews"
_MOST = 1000
_BOUND = re.compile(r"created_at_i(>=?|<=?)([0-9]{1,12})")


def hackernews_routes(world: World) -> list[Route]:
    """Return the route below `/hn`."""

    async def search(request: Request) -> Response:
        asked = request.query_params
        bounds = asked.get("numericFilters", "")
        parts = [part for part in bounds.split(",") if part]
        if not all(_BOUND.fullmatch(part) for part in parts):
            said = f"invalid numericFilters or attribute not filterable: {bounds}"
            return JSONResponse({"status": 400, "message": said}, status_code=400)
        feed = world.scenario.feed(FEED)
        items = feed.visible(world.now()) if feed is not None else []
        found = [
            item
            for item in items
            if _within(item, parts) and _matches(item, asked.get("query", ""))
        ]
        found.sort(key=_created, reverse=True)
        size = min(int(asked.get("hitsPerPage", "20")), _MOST)
        start = int(asked.get("page", "0")) * size
        return JSONResponse(
            {
                "exhaustiveNbHits": len(found) <= _MOST,
                "hits": [_hit(item) for item in found[start : start + size]],
                "hitsPerPage": size,
                "nbHits": len(found),
                "nbPages": -(-min(len(found), _MOST) // size),
                "page": start // size,
                "query": asked.get("query", ""),
                "processingTimeMS": 3,
            }
        )

    return [Route("/hn/api/v1/search_by_date", search)]


def _created(item: FeedItem) -> int:
    at = item.published if isinstance(item.published, datetime) else item.visible_at
    return int(at.timestamp())


def _within(item: FeedItem, bounds: list[str]) -> bool:
    at = _created(item)
    for bound in bounds:
        sign, value = _BOUND.fullmatch(bound).groups()  # type: ignore[union-attr]
        wanted = int(value)
        holds = {">": at > wanted, ">=": at >= wanted, "<": at < wanted, "<=": at <= wanted}
        if not holds[sign]:
            return False
    return True


def _matches(item: FeedItem, query: str) -> bool:
    text = re.findall(r"\w+", f"{item.title} {item.url or ''} {item.summary or ''}".lower())
    asked = re.findall(r"\w+", query.lower())
    return all(any(word.startswith(part) for word in text) for part in asked)


def _hit(item: FeedItem) -> dict[str, object]:
    created = _created(item)
    hit: dict[str, object] = {
        "_highlightResult": {"title": {"matchLevel": "full", "value": item.title}},
        "_tags": ["story", f"story_{item.guid}"],
        "author": "someone",
        "children": [],
        "created_at": f"{datetime.fromtimestamp(created, tz=item.visible_at.tzinfo):%FT%TZ}",
        "created_at_i": created,
        "num_comments": 0,
        "objectID": item.guid,
        "points": 1,
        "story_id": int(item.guid) if item.guid.isdigit() else 0,
        "title": item.title,
    }
    return {**hit, "url": item.url} if item.url else {**hit, "story_text": item.summary or ""}
