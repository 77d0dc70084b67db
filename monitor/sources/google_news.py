"""Google News searches and sections as items, in one or several editions.

An item's link leads to Google, its description lists what other outlets wrote, and its title ends
with the outlet's name. Results come by relevance, so a new one may be days old: only its date
tells. Source: news.google.com/rss/search as recorded 2026-07-14.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from pydantic import Field, field_validator, model_validator

from monitor.durations import Duration
from monitor.errors import ParseError
from monitor.http_status import safe_url
from monitor.sources.base import (
    MAX_EXCERPT,
    Chunk,
    Cursor,
    Fetcher,
    Page,
    SourceModel,
    Target,
    grid,
    parse_each,
)
from monitor.sources.feeds.elements import attribute_of, elements_by_id, text_of
from monitor.sources.feeds.text import plain_title
from monitor.sources.rss import RssSource
from monitor.sources.web_address import BaseAddress
from signals.stories import title_key
from storage.records import Batch, ItemRecord, Reject

Edition = Literal["en", "zh", "zh-TW"]
SHAPE = "google-news"
MOST_RESULTS = 100
LEAST_EVERY = timedelta(seconds=60)
_DAY = timedelta(days=1)
# hl, gl and ceid must agree, or the answer is odd or empty.
_EDITIONS: Mapping[str, tuple[str, str, str]] = {
    "en": ("en-US", "US", "US:en"),
    "zh": ("zh-CN", "CN", "CN:zh-Hans"),
    "zh-TW": ("zh-TW", "TW", "TW:zh-Hant"),
}
_DATED = re.compile(r"(?:^|[\s(-])(?:when|after|before):", re.IGNORECASE)
_ARTICLE = re.compile(r"/articles/([A-Za-z0-9_=-]{8,2000})")


class GoogleNewsSource(SourceModel):
    """A search (`query`, with Google's operators) or a section (`topic`, as in TECHNOLOGY).

    `when` limits a search to the last hours or days (`12h`, `1d`) unless the query says itself
    which days it means. The past of a search can be read day by day.
    """

    spacing_s: ClassVar[float] = 2.0
    in_worker: ClassVar[bool] = True
    kind: Literal["google_news"] = "google_news"
    every: Duration | Literal["auto"] = timedelta(minutes=10)
    url: BaseAddress = "https://news.google.com"
    query: str | None = Field(default=None, min_length=1, max_length=1_500)
    topic: str | None = Field(default=None, pattern=r"^[A-Z][A-Z_]{2,40}$")
    editions: tuple[Edition, ...] = Field(default=("en",), min_length=1)
    when: str = Field(default="1d", pattern=r"^[1-9][0-9]{0,2}[hdmy]$")
    tier: int = Field(default=2, ge=1, le=3)

    @field_validator("every")
    @classmethod
    def _no_more_than_once_a_minute(cls, every: timedelta | str) -> timedelta | str:
        if isinstance(every, timedelta) and every < LEAST_EVERY:
            raise ValueError("Google News blocks those who ask more than once a minute; write 60s")
        return every

    @model_validator(mode="after")
    def _search_or_section(self) -> Self:
        if (self.query is None) == (self.topic is None):
            raise ValueError("name exactly one of query, topic")
        if len(set(self.editions)) != len(self.editions):
            raise ValueError("editions names one of them twice")
        return self

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the editions that changed since the last poll."""
        del cursor
        query = self.query
        if query is not None and not _DATED.search(query):
            query = f"{query} when:{self.when}"
        return await self._pages(http, query, day=None)

    async def chunks(
        self, http: Fetcher, targets: Sequence[Target], *, since: datetime, until: datetime
    ) -> list[Chunk]:
        """Return one chunk a day; none for a section or for a query that names its own days.

        Google shows 100 results at most, so a day is the widest stretch worth asking for.
        """
        del http, targets
        if self.query is None or _DATED.search(self.query):
            return []
        about = f"{'+'.join(self.editions)} {self.query}"
        days = grid(since, until, _DAY)
        return [Chunk(f"{start:%Y-%m-%d} {about}", start, end) for start, end in days]

    async def fetch_chunk(self, http: Fetcher, chunk: Chunk) -> list[Page]:
        """Return the pages of one day, an edition each."""
        query = f"{self.query} after:{chunk.since:%Y-%m-%d} before:{chunk.until:%Y-%m-%d}"
        return await self._pages(http, query, day=f"{chunk.since:%Y-%m-%d}")

    def parse(self, page: Page) -> Batch:
        """Return the articles of one edition, each once, without those of earlier editions.

        Raises ParseError when the body is no feed, such as a page that asks for consent.
        """
        edition = str(page.context.get("edition", self.editions[0]))
        batch = self._as_feed(page, _EDITIONS.get(edition, _EDITIONS["en"])[0])
        elements = elements_by_id(page.body)
        records, rejects = parse_each(batch.items, lambda item: _article(item, elements))
        items, repeated = _each_once(records, elements, _earlier(page))
        return replace(
            batch,
            items=tuple(items),
            rejects=(*batch.rejects, *rejects, *repeated, *_cut_short(page, len(batch.items))),
        )

    async def _pages(self, http: Fetcher, query: str | None, *, day: str | None) -> list[Page]:
        path = "/rss/search" if query else f"/rss/headlines/section/topic/{self.topic}"
        pages: list[Page] = []
        for edition in self.editions:
            hl, gl, ceid = _EDITIONS[edition]
            response = await http.get(
                f"{self.url}{path}",
                params={"q": query, "hl": hl, "gl": gl, "ceid": ceid},
                conditional=day is None,
            )
            if response is None:
                continue
            earlier = tuple(page.body for page in pages)
            context = {"edition": edition, "earlier": earlier, "day": day}
            pages.append(Page(SHAPE, response.url, response.body, http.now, context))
        return pages

    def _as_feed(self, page: Page, lang: str) -> Batch:
        feed = RssSource(name=self.name, url=self.url, lang=lang, tier=self.tier)
        try:
            return feed.parse(replace(page, shape="feed", context={}))
        except ParseError as error:
            if page.body[:2_000].lstrip().lower().startswith((b"<!doctype html", b"<html")):
                raise ParseError(
                    f"{safe_url(page.url)}: Google sent a web page instead of the feed, as it does "
                    "to ask for consent or when it is asked too often; ask less often"
                ) from error
            raise


def _article(item: ItemRecord, elements: Mapping[str, Element]) -> ItemRecord:
    """Return the item under its own headline and id, without the cluster of other headlines."""
    found = _ARTICLE.search(item.url or "")
    guid = found[1] if found else item.guid
    element = elements.get(guid)
    if element is not None and not plain_title(text_of(element, "title")):
        raise ValueError("an article without a title")
    title = _headline(item.title, item.publisher)
    return replace(item, guid=guid, title=title, summary=None, content=None)


def _headline(title: str, publisher: str | None) -> str:
    """Return the title without " - " and the outlet's name, both of which may hold dashes."""
    return title.removesuffix(f" - {publisher}") if publisher else title


def _each_once(
    records: Iterable[ItemRecord], elements: Mapping[str, Element], earlier: frozenset[str]
) -> tuple[list[ItemRecord], list[Reject]]:
    items: list[ItemRecord] = []
    rejects: list[Reject] = []
    seen: set[str] = set()
    for record in records:
        key = _key(record.title, record.publisher or "", _site(elements.get(record.guid)))
        if key in earlier:
            rejects.append(Reject("same article in another edition", record.guid[:MAX_EXCERPT]))
        elif key in seen:
            rejects.append(Reject("same article under another id", record.guid[:MAX_EXCERPT]))
        else:
            seen.add(key)
            items.append(record)
    return items, rejects


def _earlier(page: Page) -> frozenset[str]:
    """Return the articles of the editions that the same poll read before this one."""
    bodies = page.context.get("earlier")
    keys = set()
    for body in bodies if isinstance(bodies, list | tuple) else ():
        for element in elements_by_id(body).values():
            publisher = plain_title(text_of(element, "source"))
            title = _headline(plain_title(text_of(element, "title")), publisher)
            keys.add(_key(title, publisher, _site(element)))
    return frozenset(keys)


def _key(title: str, publisher: str, site: str) -> str:
    """Return what one article has in common under all its ids: its words and its outlet's site."""
    return f"{title_key(title) or title} @ {site or title_key(publisher)}"


def _site(element: Element | None) -> str:
    if element is None:
        return ""
    try:
        host = urlsplit(attribute_of(element, "source", "url")).hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.")


def _cut_short(page: Page, count: int) -> list[Reject]:
    day = page.context.get("day")
    if day is None or count < MOST_RESULTS:
        return []
    reason = f"Google shows {MOST_RESULTS} results of a day at most; there may have been more"
    return [Reject(reason, f"{day} {safe_url(page.url)}"[:MAX_EXCERPT])]
