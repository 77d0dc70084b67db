"""JSON Feed 1.0 and 1.1 as entries.

An object whose `version` begins with https://jsonfeed.org/version/. `content_text` is text and
not markup, so it is escaped on its way. Authors are people, not the outlet that speaks; they are
not read. Source: https://www.jsonfeed.org/version/1.1/
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping

from monitor.errors import ParseError
from monitor.sources.base import parse_each
from monitor.sources.feeds.entry import FeedEntry, FeedReading

VERSION = "https://jsonfeed.org/version/"


def json_feed(text: str, what: str) -> FeedReading:
    """Return the entries of the JSON feed `text`; a bad one costs one and a reject.

    Raises ParseError when `text` is no JSON or no feed.
    """
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"{what}: not a feed; JSON that cannot be read ({error!s:.80})") from error
    version = feed.get("version") if isinstance(feed, dict) else None
    if not isinstance(version, str) or not version.startswith(VERSION):
        raise ParseError(f"{what}: JSON, but not a JSON Feed: no `version` of jsonfeed.org")
    items = feed.get("items")
    if items is not None and not isinstance(items, list):
        raise ParseError(f"{what}: a JSON Feed whose `items` are no list")
    entries, rejects = parse_each(items or [], _entry)
    language = feed.get("language")
    return FeedReading(
        entries, language if isinstance(language, str) else None, rejects=tuple(rejects)
    )


def _entry(item: object) -> FeedEntry:
    if not isinstance(item, dict):
        raise TypeError("an item that is no object")
    plain = _text(item, "content_text")
    content = _text(item, "content_html") or (html.escape(plain, quote=False) if plain else None)
    return FeedEntry(
        id=_id(item),
        title=_text(item, "title"),
        link=_text(item, "url") or _text(item, "external_url"),
        date=_text(item, "date_published") or _text(item, "date_modified"),
        summary=_text(item, "summary") or content,
        content=content,
        lang=_text(item, "language"),
    )


def _id(item: Mapping[str, object]) -> str | None:
    """Return the id as text; numbers occur and mean their digits."""
    raw = item.get("id")
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    return _text(item, "id")


def _text(holder: Mapping[str, object], key: str) -> str | None:
    raw = holder.get(key)
    if raw is not None and not isinstance(raw, str):
        raise TypeError(f"{key} is no text")
    return raw.strip() or None if isinstance(raw, str) else None
