"""Google News, Reddit, arXiv and GitHub as they answer, from feeds of the scenario.

A feed's name says where it is served, its own letters lower-case and anything else a dash:

    google-news-en            /news/rss/search with that edition's language; google-news for any
    reddit-localllama         /reddit/r/LocalLLaMA/new/.rss; all of them at /reddit/search.rss
    arxiv                     /arxiv/api/query
    github-acme-model         /github/acme/model/releases.atom and tags.atom
    github-acme               /github/acme.atom
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from monitor.fake_upstream import news_shape
from monitor.fake_upstream.scenario import Feed, FeedItem
from monitor.fake_upstream.world import World

_OPERATOR = re.compile(r"(?:^|\s)(when|after|before):(\S+)", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_HOURS = {"h": 1, "d": 24, "m": 24 * 31, "y": 24 * 366}
_MOST_RESULTS = 100
_ATOM = "application/atom+xml; charset=utf-8"


def news_routes(world: World) -> list[Route]:
    """Return the routes below `/news`, `/reddit`, `/arxiv` and `/github`."""

    async def google_news(request: Request) -> Response:
        lang = request.query_params.get("hl", "en-US")
        feed = _feed(world, f"google-news-{lang}", f"google-news-{lang.split('-')[0]}")
        feed = feed or world.scenario.feed("google-news")
        found = _searched(_items(world, feed), request.query_params, world.now())
        body = news_shape.google_news(found[:_MOST_RESULTS], lang, world.now())
        return Response(body, media_type="application/xml")

    async def subreddit(request: Request) -> Response:
        place = request.path_params["place"]
        feed = _feed(world, f"reddit-{place}")
        if feed is None:
            return PlainTextResponse("Not Found", status_code=404)
        found = _matching(_items(world, feed), request.query_params.get("q", ""))
        return _conditional(request, news_shape.reddit(found, feed.title))

    async def all_of_reddit(request: Request) -> Response:
        feeds = [feed for feed in world.scenario.feeds if feed.name.startswith("reddit-")]
        words = request.query_params.get("q", "")
        found = [(item, feed.title) for feed in feeds for item in _items(world, feed)]
        kept = {item.guid for item in _matching([item for item, _ in found], words)}
        body = news_shape.reddit_mixed([p for p in found if p[0].guid in kept])
        return _conditional(request, body)

    async def arxiv(request: Request) -> Response:
        query = request.query_params.get("search_query", "")
        if not query:
            return Response(news_shape.arxiv_error("search_query is empty"), media_type=_ATOM)
        feed = world.scenario.feed("arxiv")
        shown = _matching(_items(world, feed), re.sub(r"\b[a-z]+:", "", query))
        limit = int(request.query_params.get("max_results", "10"))
        versions = {item.guid: _versions(feed, item, world.now()) for item in shown}
        body = news_shape.arxiv(shown[:limit], versions, len(shown), world.now())
        return Response(body, media_type=_ATOM)

    async def github(request: Request) -> Response:
        path = request.path_params["path"].removesuffix(".atom")
        parts = path.split("/")
        feed = _feed(world, f"github-{'-'.join(parts[:2])}")
        is_known = len(parts) == 1 or (len(parts) == 3 and parts[2] in ("releases", "tags"))
        if feed is None or not is_known:
            return PlainTextResponse("Not Found", status_code=404)
        name = "/".join(parts[:2])
        return _conditional(request, news_shape.github(_items(world, feed), name))

    return [
        Route("/news/rss/search", google_news),
        Route("/news/rss/headlines/section/topic/{topic}", google_news),
        Route("/reddit/r/{place}/new/.rss", subreddit),
        Route("/reddit/r/{place}/search.rss", subreddit),
        Route("/reddit/search.rss", all_of_reddit),
        Route("/arxiv/api/query", arxiv),
        Route("/github/{path:path}", github),
    ]


def _feed(world: World, *names: str) -> Feed | None:
    slugs = [re.sub(r"[^a-z0-9]+", "-", name.lower()) for name in names]
    return next((feed for slug in slugs if (feed := world.scenario.feed(slug))), None)


def _items(world: World, feed: Feed | None) -> list[FeedItem]:
    return [] if feed is None else feed.visible(world.now())


def _versions(feed: Feed | None, item: FeedItem, now: datetime) -> int:
    """Return how often an item was worded by `now`; arXiv counts that in a paper's id."""
    wordings = feed.items if feed is not None else ()
    return sum(one.guid == item.guid and one.visible_at <= now for one in wordings)


def _searched(items: list[FeedItem], params: Mapping[str, str], now: datetime) -> list[FeedItem]:
    """Return what Google's `when:`, `after:`, `before:` and words leave."""
    query = params.get("q", "")
    for name, value in _OPERATOR.findall(query):
        items = [item for item in items if _within(item, name.lower(), value, now)]
    return _matching(items, _OPERATOR.sub(" ", query))


def _within(item: FeedItem, operator: str, value: str, now: datetime) -> bool:
    published = item.published
    if operator == "when":
        hours = int(value[:-1]) * _HOURS[value[-1]]
        since = now - timedelta(hours=hours)
        return published >= (since if isinstance(published, datetime) else since.date())
    day = f"{published:%Y-%m-%d}"
    return day >= value if operator == "after" else day < value


def _matching(items: list[FeedItem], query: str) -> list[FeedItem]:
    """Return the items that hold any word of the query; all of them when it has none."""
    words = {word.casefold() for word in _WORD.findall(query)} - {"or", "and"}
    return [
        item
        for item in items
        if not words or any(word in f"{item.title} {item.summary}".casefold() for word in words)
    ]


def _conditional(request: Request, body: str) -> Response:
    etag = f'W/"{hashlib.sha1(body.encode(), usedforsecurity=False).hexdigest()[:20]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    return Response(body, media_type=_ATOM, headers={"ETag": etag})
