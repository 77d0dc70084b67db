"""Feeds as publishers serve them: RSS 2.0, Atom, RDF or JSON Feed, validators and 304.

Atom's ETags are weak and the others' strong, as both occur. An item known by date alone is written
as the bare date, not as midnight. Source: RFC 9110 §13 (conditional requests), RFC 4287, RSS 2.0,
RSS 1.0 (items beside the channel, dates in dc:date), JSON Feed 1.1.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime
from xml.sax.saxutils import escape, quoteattr

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.fake_upstream.scenario import Feed, FeedItem
from monitor.fake_upstream.world import World

_MEDIA = {
    "rss": "application/rss+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "rdf": "application/xml",
    "json": "application/feed+json",
}


def feed_routes(world: World) -> list[Route]:
    """Return the route below `/feed`."""

    async def feed(request: Request) -> Response:
        found = world.scenario.feed(request.path_params["name"])
        if found is None:
            return JSONResponse({"error": "no such feed"}, status_code=404)
        return _answer(found, world, request.headers)

    return [Route("/feed/{name}", feed)]


def feed_xml(feed: Feed, items: list[FeedItem], changed_at: datetime) -> str:
    """Return the document of `feed` that shows `items`; `changed_at` is its build date."""
    if feed.format == "json":
        return _json(feed, items)
    if feed.format == "rdf":
        return _rdf(feed, items)
    if feed.format == "atom":
        return _atom(feed, items, changed_at)
    return _rss(feed, items, changed_at)


def _answer(feed: Feed, world: World, headers: Headers) -> Response:
    items = feed.visible(world.now())
    changed_at = max((item.visible_at for item in items), default=world.scenario.start)
    body = feed_xml(feed, items, changed_at).encode()
    digest = hashlib.sha1(body, usedforsecurity=False).hexdigest()[:20]
    etag = f'W/"{digest}"' if feed.format == "atom" else f'"{digest}"'
    validators = {"ETag": etag, "Last-Modified": format_datetime(changed_at, usegmt=True)}
    if _unchanged(headers, etag, changed_at):
        return Response(status_code=304, headers=validators)
    return Response(body, headers={**validators, "Content-Type": _MEDIA[feed.format]})


def _unchanged(headers: Headers, etag: str, changed_at: datetime) -> bool:
    """Return whether the client's copy is current; If-None-Match wins over the date."""
    asked = headers.get("if-none-match")
    if asked is not None:
        known = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
        return "*" in known or etag.removeprefix("W/") in known
    try:
        since = parsedate_to_datetime(headers.get("if-modified-since", ""))
    except ValueError:
        return False
    return since >= changed_at.replace(microsecond=0)


def _rss(feed: Feed, items: list[FeedItem], changed_at: datetime) -> str:
    built = format_datetime(changed_at, usegmt=True)
    entries = "".join(_rss_item(item, feed.utc_offset_h) for item in items)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>\n'
        f"<title>{escape(feed.title)}</title><link>{escape(feed.link)}</link>"
        f"<description>{escape(feed.title)}</description><language>{escape(feed.lang)}</language>"
        f"<lastBuildDate>{built}</lastBuildDate>\n{entries}</channel></rss>\n"
    )


def _rss_item(item: FeedItem, utc_offset_h: int) -> str:
    parts = [
        f"<title>{escape(item.title)}</title>",
        f"<link>{escape(item.url)}</link>" if item.url else "",
        f'<guid isPermaLink="false">{escape(item.guid)}</guid>',
        f"<pubDate>{_rss_date(item.published, utc_offset_h)}</pubDate>",
        f"<description>{escape(item.summary)}</description>" if item.summary else "",
    ]
    return f"<item>{''.join(parts)}</item>\n"


def _rss_date(published: datetime | date, utc_offset_h: int) -> str:
    if not isinstance(published, datetime):
        return published.isoformat()
    if utc_offset_h == 0:
        return format_datetime(published.astimezone(UTC), usegmt=True)
    return format_datetime(published.astimezone(timezone(timedelta(hours=utc_offset_h))))


def _atom(feed: Feed, items: list[FeedItem], changed_at: datetime) -> str:
    entries = "".join(_atom_entry(item, feed) for item in items)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={quoteattr(feed.lang)}>\n'
        f"<title>{escape(feed.title)}</title><id>{escape(feed.link)}</id>"
        f'<link rel="alternate" href={quoteattr(feed.link)}/>'
        f"<updated>{changed_at:%Y-%m-%dT%H:%M:%SZ}</updated>\n{entries}</feed>\n"
    )


def _atom_entry(item: FeedItem, feed: Feed) -> str:
    published = item.published
    stamp = f"{published:%Y-%m-%dT%H:%M:%SZ}" if isinstance(published, datetime) else str(published)
    parts = [
        f"<id>{escape(item.guid)}</id><title>{escape(item.title)}</title>",
        f'<link rel="alternate" href={quoteattr(item.url)}/>' if item.url else "",
        f"<published>{stamp}</published><updated>{stamp}</updated>",
        f'<summary type="text">{escape(item.summary)}</summary>' if item.summary else "",
    ]
    return f"<entry xml:lang={quoteattr(item.lang or feed.lang)}>{''.join(parts)}</entry>\n"


def _rdf(feed: Feed, items: list[FeedItem]) -> str:
    entries = "".join(_rdf_item(item) for item in items)
    order = "".join(f"<rdf:li rdf:resource={quoteattr(item.url or item.guid)}/>" for item in items)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">\n'
        f"<channel rdf:about={quoteattr(feed.link)}><title>{escape(feed.title)}</title>"
        f"<link>{escape(feed.link)}</link><description>{escape(feed.title)}</description>"
        f"<dc:language>{escape(feed.lang)}</dc:language>"
        f"<items><rdf:Seq>{order}</rdf:Seq></items></channel>\n{entries}</rdf:RDF>\n"
    )


def _rdf_item(item: FeedItem) -> str:
    parts = [
        f"<title>{escape(item.title)}</title>",
        f"<link>{escape(item.url)}</link>" if item.url else "",
        f"<description>{escape(item.summary)}</description>" if item.summary else "",
        f"<dc:date>{_iso(item.published)}</dc:date>",
    ]
    return f"<item rdf:about={quoteattr(item.guid)}>{''.join(parts)}</item>\n"


def _json(feed: Feed, items: list[FeedItem]) -> str:
    body = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.link,
        "language": feed.lang,
        "items": [_json_item(item) for item in items],
    }
    return json.dumps(body, ensure_ascii=False)


def _json_item(item: FeedItem) -> dict[str, str]:
    fields = {
        "id": item.guid,
        "url": item.url,
        "title": item.title,
        "content_text": item.summary or item.title,
        "summary": item.summary,
        "date_published": _iso(item.published),
        "language": item.lang,
    }
    return {name: text for name, text in fields.items() if text is not None}


def _iso(published: datetime | date) -> str:
    if isinstance(published, datetime):
        return f"{published.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return published.isoformat()
