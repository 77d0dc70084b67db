"""Hugging Face's hub from the scenario's feeds `huggingface` and `huggingface-papers`.

A guid is a repository, `published` when it was made in private, `visible_at` when it became
public; `summary` is its task. Lists are sorted by when repositories were made, as the real
sort=createdAt is, and go on by the Link header.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.fake_upstream.scenario import FeedItem
from monitor.fake_upstream.world import World

MODELS, PAPERS = "huggingface", "huggingface-papers"
_LINKED = "https://huggingface.co/api/models"


def huggingface_routes(world: World) -> list[Route]:
    """Return the routes below `/hf`."""

    async def models(request: Request) -> Response:
        asked = request.query_params
        author = asked.get("author", "")
        found = [item for item in _visible(world, MODELS) if item.guid.startswith(f"{author}/")]
        found.sort(key=_made, reverse=True)
        start, size = int(asked.get("cursor", "0")), int(asked.get("limit", "20"))
        headers = {}
        if start + size < len(found):
            following = urlencode({**asked, "cursor": start + size})
            headers["Link"] = f'<{_LINKED}?{following}>; rel="next"'
        return JSONResponse([_model(item) for item in found[start : start + size]], headers=headers)

    async def papers(request: Request) -> Response:
        del request
        return JSONResponse([_paper(item) for item in _visible(world, PAPERS)])

    return [Route("/hf/api/models", models), Route("/hf/api/daily_papers", papers)]


def _visible(world: World, name: str) -> list[FeedItem]:
    feed = world.scenario.feed(name)
    return feed.visible(world.now()) if feed is not None else []


def _made(item: FeedItem) -> datetime:
    return item.published if isinstance(item.published, datetime) else item.visible_at


def _model(item: FeedItem) -> dict[str, object]:
    return {
        "_id": hashlib.sha1(item.guid.encode(), usedforsecurity=False).hexdigest()[:24],
        "id": item.guid,
        "likes": 0,
        "trendingScore": 0,
        "private": False,
        "downloads": 0,
        "tags": ["transformers"],
        "pipeline_tag": item.summary,
        "library_name": "transformers",
        "createdAt": f"{_made(item):%Y-%m-%dT%H:%M:%S}.000Z",
        "modelId": item.guid,
    }


def _paper(item: FeedItem) -> dict[str, object]:
    day = f"{_made(item):%Y-%m-%d}T00:00:00.000Z"
    paper = {
        "id": item.guid,
        "title": item.title,
        "summary": item.summary or "",
        "publishedAt": day,
        "submittedOnDailyAt": f"{item.visible_at:%Y-%m-%d}T00:00:00.000Z",
        "upvotes": 0,
    }
    return {"paper": paper, "publishedAt": day, "title": item.title, "numComments": 0}
