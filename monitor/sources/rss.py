"""Feeds: RSS, Atom, RDF and JSON Feed as items."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from monitor.durations import Duration
from monitor.http_status import safe_url
from monitor.sources.base import FEED_SPACING_S, Cursor, Fetcher, Page, SourceModel
from monitor.sources.feeds.dates import zone_of
from monitor.sources.feeds.items import Outlet, feed_batch, newest_first
from monitor.sources.feeds.reading import read_feed
from monitor.sources.web_address import WebAddress
from storage.records import Batch


def _checked_zone(name: str) -> str:
    zone_of(name)
    return name


class RssSource(SourceModel):
    """One feed. `tier` ranks the outlet, 1 best; `zone` holds for dates that name none.

    `lang` stands above what the feed says. `digest` makes an item of each headline of an entry
    that is a list of headlines.
    """

    spacing_s: ClassVar[float] = FEED_SPACING_S
    in_worker: ClassVar[bool] = True
    kind: Literal["rss"] = "rss"
    every: Duration | Literal["auto"] = timedelta(minutes=5)
    url: WebAddress
    lang: str | None = Field(default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    tier: int = Field(default=2, ge=1, le=3)
    zone: Annotated[str, AfterValidator(_checked_zone)] = "UTC"
    digest: bool = False

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the feed when it changed since the last poll."""
        del cursor
        response = await http.get(self.url, conditional=True)
        if response is None:
            return []
        context = {"charset": _charset(response.headers.get("content-type", ""))}
        return [Page("feed", response.url, response.body, http.now, context)]

    def parse(self, page: Page) -> Batch:
        """Return the items of a feed, each once, and the pace it asks for.

        A date that cannot be the publication time leaves the item without one and adds a Reject
        that says so; the item itself is kept. Raises ParseError when the body is no feed.
        """
        zone, charset = zone_of(self.zone), page.context.get("charset")
        reading = read_feed(
            page.body,
            charset=charset if isinstance(charset, str) else None,
            what=safe_url(page.url),
            newest_first=newest_first(zone, page.fetched_at),
        )
        outlet = Outlet(self.name, tier=self.tier, lang=self.lang, zone=zone, digest=self.digest)
        return feed_batch(reading, outlet, url=page.url, fetched_at=page.fetched_at)


def _charset(content_type: str) -> str | None:
    match = re.search(r"charset=\"?([A-Za-z0-9._-]{1,40})", content_type)
    return match[1] if match else None
