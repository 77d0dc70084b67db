"""feedparser as the second reader: slow, and able to read what no strict parser takes.

It is also the oracle of the first (`feed_fast`): both give the same entries for a document that
both can read.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import cast

import feedparser

from monitor.errors import ParseError
from monitor.sources.feeds.entry import FeedEntry

_ERRORS = (
    ValueError, TypeError, KeyError, AttributeError, IndexError, LookupError, AssertionError,
    RecursionError, ArithmeticError,
)  # fmt: skip
_DATES = ("published", "updated", "created")
_DETAILS = ("title_detail", "summary_detail")


def tolerant_feed(xml: bytes, what: str) -> tuple[list[FeedEntry], str | None]:
    """Return the entries of `xml` and the feed's language.

    `xml` is UTF-8 whose entity declarations were refused before. Raises ParseError when it is no
    feed or when feedparser trips over it.
    """
    try:
        result = feedparser.parse(
            io.BytesIO(xml),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except _ERRORS as error:
        raise ParseError(f"{what}: the feed cannot be read ({error!r:.120})") from error
    found = cast("list[Mapping[str, object]]", list(result.get("entries") or ()))
    if not found and not result.get("version"):
        raise ParseError(f"{what}: not a feed: {str(result.get('bozo_exception'))[:120]}")
    return [_entry(entry) for entry in found], _text(result.get("feed") or {}, "language")


def _entry(entry: Mapping[str, object]) -> FeedEntry:
    source = _raw(entry, "source")
    return FeedEntry(
        id=_text(entry, "id"),
        title=_text(entry, "title"),
        link=_text(entry, "link"),
        origin_link=_text(entry, "feedburner_origlink"),
        date=next((raw for key in _DATES if (raw := _text(entry, key))), None),
        summary=_text(entry, "summary"),
        content=_content(entry),
        publisher=_text(source, "title") if isinstance(source, dict) else None,
        lang=_lang(entry),
    )


def _raw(holder: Mapping[str, object], key: str) -> object:
    # dict.get, because feedparser's own lookup of "updated" answers with "published" and a
    # deprecation warning.
    return dict.get(cast("dict[str, object]", holder), key)


def _text(holder: Mapping[str, object], key: str) -> str | None:
    value = _raw(holder, key)
    return value.strip() or None if isinstance(value, str) else None


def _content(entry: Mapping[str, object]) -> str | None:
    """Return the longest of an entry's contents: captions count as contents too."""
    parts = _raw(entry, "content")
    values = [part.get("value") for part in parts] if isinstance(parts, list) else []
    texts = [value.strip() for value in values if isinstance(value, str)]
    return max(texts, key=len, default="") or None


def _lang(entry: Mapping[str, object]) -> str | None:
    if own := _text(entry, "language"):
        return own
    details = [_raw(entry, key) for key in _DETAILS]
    contents = _raw(entry, "content")
    details += contents[-1:] if isinstance(contents, list) else []
    for detail in details:
        if isinstance(detail, dict):
            return _text(detail, "language")
    return None
