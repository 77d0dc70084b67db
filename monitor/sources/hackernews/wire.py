"""Algolia's answers about Hacker News: the envelope, the hits, one hit as an item."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast
from urllib.parse import unquote, urlsplit

from monitor.errors import ParseError
from monitor.http_response import load_json
from monitor.sources.base import MAX_EXCERPT
from monitor.sources.feeds.dates import FUTURE_SLACK
from monitor.sources.feeds.text import plain_text, plain_title
from monitor.sources.instants import instant_from_s, instant_or_none
from signals.text import fold
from storage.records import ItemRecord, Precision, Reject

Hit = Mapping[str, object]
MAX_HITS = 1000
ITEM_PAGE = "https://news.ycombinator.com/item?id="
ITEM_HOST = "news.ycombinator.com"
_ID = re.compile(r"[0-9]{1,12}")
_MAX_URL = 2_000


def answer_of(body: bytes, *, what: str) -> Hit:
    """Return the answer; ParseError when it is no object with hits, such as an error message."""
    answer = load_json(body, what=what)
    if not isinstance(answer, dict):
        raise ParseError(f"{what}: expected an object with hits")
    if "hits" not in answer:
        said = answer.get("message") or answer.get("error")
        raise ParseError(f"{what}: the answer has no hits; it says {said!r:.120}")
    if not isinstance(answer["hits"], list | None):
        raise ParseError(f"{what}: hits is not a list")
    return cast("Hit", answer)


def hits_of(answer: Hit) -> list[object]:
    """Return the hits of an answer, none for null."""
    return cast("list[object]", answer["hits"] or [])


def is_cut(answer: Hit) -> bool:
    """Return whether the index found more than it gave."""
    # nbHits is an estimate for large results, so a full page counts too.
    found, given = answer.get("nbHits"), len(hits_of(answer))
    return given >= MAX_HITS or (isinstance(found, int) and found > given)


def item_record(
    row: object, words: Sequence[re.Pattern[str]], *, source: str, fetched_at: datetime
) -> ItemRecord:
    """Return the story of a hit; ValueError when it is none or lacks one of `words`."""
    if not isinstance(row, dict):
        raise ValueError("a hit that is not an object")  # noqa: TRY004 - bad data
    guid, raw = row.get("objectID"), row.get("title")
    if not isinstance(guid, str) or not _ID.fullmatch(guid):
        raise ValueError("a hit without an objectID")
    title = plain_title(raw) if isinstance(raw, str) else ""
    if not title:
        raise ValueError("a hit without a title")
    url = _web_url(row.get("url"))
    texts = (fold(title), fold(unquote(url or "")))
    if not all(any(word.search(text) for text in texts) for word in words):
        raise ValueError("the words of the query are not in the title or the address")
    at = created_at(row)
    is_known = at is not None and at <= fetched_at + FUTURE_SLACK
    text = row.get("story_text")
    return ItemRecord(
        source=source,
        guid=guid,
        title=title,
        url=url or f"{ITEM_PAGE}{guid}",
        content=plain_text(text) or None if isinstance(text, str) else None,
        lang="en",
        published_at=at if is_known else None,
        precision=Precision.SECOND if is_known else Precision.UNKNOWN,
        publisher=_domain(url) or ITEM_HOST,
        tier=3,
    )


def created_at(row: Hit) -> datetime | None:
    """Return when a story was written, from `created_at_i` or else `created_at`."""
    for read, key in ((instant_from_s, "created_at_i"), (instant_or_none, "created_at")):
        try:
            at = read(row.get(key))
        except ValueError:
            continue
        if at is not None:
            return at
    return None


def undated(records: Sequence[ItemRecord]) -> list[Reject]:
    """Return a Reject for each record whose time is missing or cannot be."""
    reason = "no usable creation time; the story is kept without a date"
    return [Reject(reason, record.guid) for record in records if record.published_at is None]


def unread(answer: Hit, what: str) -> list[Reject]:
    """Return a Reject when an answer is cut."""
    reason = "older stories of the search were not read"
    return [Reject(reason, what[:MAX_EXCERPT])] if is_cut(answer) else []


def _web_url(raw: object) -> str | None:
    """Return the story's page; None for a text post and for what is no web address."""
    if not isinstance(raw, str) or not 0 < len(raw) <= _MAX_URL:
        return None
    url = "".join(raw.split())
    return url if _domain(url) and "@" not in urlsplit(url).netloc else None


def _domain(url: str | None) -> str | None:
    try:
        parts = urlsplit(url or "")
        host = parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https"):
        return None
    return host.removeprefix("www.") or None
