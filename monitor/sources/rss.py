"""Feeds: RSS, Atom and RDF as items."""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, ClassVar, Literal, cast
from urllib.parse import urljoin, urlsplit

import feedparser
from pydantic import AfterValidator, Field

from monitor.durations import Duration
from monitor.errors import ParseError
from monitor.http_status import safe_url
from monitor.sources.base import (
    FEED_SPACING_S,
    MAX_EXCERPT,
    Cursor,
    Fetcher,
    Page,
    SourceModel,
    parse_each,
)
from monitor.sources.feed_dates import FeedDate, read_date, zone_of
from monitor.sources.feed_document import MAX_ITEMS, FeedDocument, feed_document
from monitor.sources.feed_text import plain_text, plain_title
from monitor.sources.web_address import WebAddress
from storage.records import Batch, ItemRecord, Precision, Reject

Entry = Mapping[str, object]
MAX_SUMMARY = 2_000
MAX_GUID = 500
MAX_URL = 2_000
_FEED_ERRORS = (
    ValueError, TypeError, KeyError, AttributeError, IndexError, LookupError, AssertionError,
    RecursionError, ArithmeticError,
)  # fmt: skip
_DATE_TAG = re.compile(
    r"<(?:pubDate|dc:date|published|updated|dcterms:issued)>([^<]{1,80})</", re.IGNORECASE
)


def _checked_zone(name: str) -> str:
    zone_of(name)
    return name


class RssSource(SourceModel):
    """One feed. `tier` ranks the outlet, 1 best; `zone` holds for dates that name none."""

    spacing_s: ClassVar[float] = FEED_SPACING_S
    kind: Literal["rss"] = "rss"
    every: Duration | Literal["auto"] = timedelta(minutes=5)
    url: WebAddress
    lang: str | None = Field(default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    tier: int = Field(default=2, ge=1, le=3)
    zone: Annotated[str, AfterValidator(_checked_zone)] = "UTC"

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the feed when it changed since the last poll."""
        del cursor
        response = await http.get(self.url, conditional=True)
        if response is None:
            return []
        context = {"charset": _charset(response.headers.get("content-type", ""))}
        return [Page("feed", response.url, response.body, http.now, context)]

    def parse(self, page: Page) -> Batch:
        """Return the items of a feed, each once. Raises ParseError when the body is no feed.

        A date that cannot be the publication time leaves the item without one and adds a Reject
        that says so; the item itself is kept.
        """
        zone, what = zone_of(self.zone), safe_url(page.url)
        charset = page.context.get("charset")
        document = feed_document(
            page.body,
            charset=charset if isinstance(charset, str) else None,
            what=what,
            newest_first=lambda markup: _age_key(markup, zone, page.fetched_at),
        )
        feed, entries = _parsed(document.xml, what)
        lang = self.lang or _text(feed, "language")
        dates = [read_date(_raw_date(e), zone=zone, fetched_at=page.fetched_at) for e in entries]
        dates = _as_days(dates)
        shared = Counter(_own_id(entry) for entry in entries)
        records, rejects = parse_each(
            list(zip(entries, dates, strict=True)),
            lambda pair: self._item(pair[0], pair[1], page, lang, shared),
        )
        items, repeated = _each_once(records)
        suspects = [
            Reject(
                f"{date.suspect}; the item is kept without a date"[:MAX_EXCERPT], _excerpt(entry)
            )
            for entry, date in zip(entries, dates, strict=True)
            if date.suspect
        ]
        return Batch(
            items=tuple(items),
            rejects=(*_document_rejects(document, what), *rejects, *repeated, *suspects),
        )

    def _item(
        self,
        entry: Entry,
        date: FeedDate,
        page: Page,
        lang: str | None,
        shared: Counter[str | None],
    ) -> ItemRecord:
        summary = plain_text(_text(entry, "summary") or "")
        content = plain_text(_content(entry))
        title = plain_title(_text(entry, "title") or "") or summary[:120] or content[:120]
        if not title:
            raise ValueError("an item without a title or a text")
        url = _web_url(entry, page.url)
        return ItemRecord(
            source=self.name,
            guid=_identity(entry, url, title, content or summary, shared),
            title=" ".join(title.split()),
            url=url,
            summary=summary[:MAX_SUMMARY] or None,
            content=content or (summary if len(summary) > MAX_SUMMARY else None),
            lang=lang.split("-")[0].split("_")[0].lower()[:8] if lang else None,
            published_at=date.at,
            precision=date.precision,
            publisher=_publisher(entry),
            tier=self.tier,
        )


def _parsed(xml: bytes, what: str) -> tuple[Entry, list[Entry]]:
    """Return feedparser's feed and entries, whatever it trips over made a ParseError."""
    try:
        result = feedparser.parse(
            io.BytesIO(xml),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except _FEED_ERRORS as error:
        raise ParseError(f"{what}: the feed cannot be read ({error!r:.120})") from error
    entries = cast("list[Entry]", list(result.get("entries") or ()))
    if not entries and not result.get("version"):
        raise ParseError(f"{what}: not a feed: {str(result.get('bozo_exception'))[:120]}")
    return cast("Entry", result.get("feed") or {}), entries


def _charset(content_type: str) -> str | None:
    match = re.search(r"charset=\"?([A-Za-z0-9._-]{1,40})", content_type)
    return match[1] if match else None


def _text(holder: Entry, key: str) -> str | None:
    # dict.get, because feedparser's own lookup of "updated" answers with "published" and a
    # deprecation warning.
    value = dict.get(cast("dict[str, object]", holder), key)
    return value.strip() or None if isinstance(value, str) else None


def _content(entry: Entry) -> str:
    parts = dict.get(cast("dict[str, object]", entry), "content")
    first = parts[0] if isinstance(parts, list) and parts else None
    value = first.get("value") if isinstance(first, dict) else None
    return value if isinstance(value, str) else ""


def _raw_date(entry: Entry) -> str | None:
    for key in ("published", "updated", "created"):
        if raw := _text(entry, key):
            return raw
    return None


def _as_days(dates: Sequence[FeedDate]) -> list[FeedDate]:
    """Return the dates, midnights as days when most of several dates are midnights.

    Generated feeds write a bare day as 00:00:00 +0000; read as an instant it would claim to lead
    everything that happened that day.
    """
    known = [date for date in dates if date.at is not None]
    if len(known) < 2 or sum(date.is_midnight for date in known) * 2 < len(known):
        return list(dates)
    return [replace(date, precision=Precision.DAY) if date.is_midnight else date for date in dates]


def _own_id(entry: Entry) -> str | None:
    return _text(entry, "id")


def _identity(
    entry: Entry, url: str | None, title: str, text: str, shared: Counter[str | None]
) -> str:
    """Return guid, else link, else a hash; a guid that several items share is told by its link."""
    guid = _own_id(entry)
    if guid and shared[guid] > 1 and url and url != guid:
        guid = f"{guid}|{url}"
    identity = guid or url or f"hash:{_digest(title + text)}"
    return identity if len(identity) <= MAX_GUID else f"hash:{_digest(identity)}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _web_url(entry: Entry, base: str) -> str | None:
    """Return the item's page; None when what the feed gives is no web address."""
    raw = _text(entry, "feedburner_origlink") or _text(entry, "link")
    if raw is None or len(raw) > MAX_URL:
        return None
    if raw == _own_id(entry) and not raw.lower().startswith(("http://", "https://")):
        # feedparser takes any guid without isPermaLink="false" for the link.
        return None
    try:
        url = urljoin(base, "".join(raw.split()))
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    return url


def _publisher(entry: Entry) -> str | None:
    source = dict.get(cast("dict[str, object]", entry), "source")
    name = source.get("title") if isinstance(source, dict) else None
    return plain_title(name)[:200] or None if isinstance(name, str) else None


def _each_once(records: Iterable[ItemRecord]) -> tuple[list[ItemRecord], list[Reject]]:
    first: dict[str, ItemRecord] = {}
    rejects = []
    for record in records:
        if first.setdefault(record.guid, record) is not record:
            rejects.append(Reject("repeated item", record.guid[:MAX_EXCERPT]))
    return list(first.values()), rejects


def _document_rejects(document: FeedDocument, what: str) -> list[Reject]:
    rejects = []
    if document.dropped:
        reason = f"{document.dropped} items beyond the {MAX_ITEMS} newest"
        rejects.append(Reject(reason, what[:MAX_EXCERPT]))
    if document.cut_off:
        reason = "the document is cut off; what follows the last whole item is missing"
        rejects.append(Reject(reason, what[:MAX_EXCERPT]))
    return rejects


def _age_key(markup: str, zone: tzinfo, fetched_at: datetime) -> float:
    """Return a sort key of an item's markup: newest first, undated last."""
    match = _DATE_TAG.search(markup)
    date = read_date(match[1] if match else None, zone=zone, fetched_at=fetched_at)
    oldest = datetime(1970, 1, 1, tzinfo=UTC)
    return -(date.at or oldest).timestamp()


def _excerpt(entry: Entry) -> str:
    return (_own_id(entry) or _text(entry, "link") or _text(entry, "title") or "")[:MAX_EXCERPT]
