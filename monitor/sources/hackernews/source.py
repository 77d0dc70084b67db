"""Hacker News: new stories that hold the words of a query, from Algolia's index.

`search_by_date` and not `search`, whose order is relevance. The index is typo-tolerant and
matches prefixes, so the words are looked for again here in title and address. Points and
comments change by the minute and are no part of an item. `points` in numericFilters was refused
as "not filterable" in 2026, so `min_points` is applied here.
Source: hn.algolia.com/api; hits as recorded 2026-08-02.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from monitor.durations import Duration
from monitor.errors import ParseError, SourceError
from monitor.http_status import safe_url
from monitor.sources.base import (
    FEED_SPACING_S,
    Chunk,
    Cursor,
    Fetcher,
    Page,
    SourceModel,
    Target,
    grid,
    parse_each,
)
from monitor.sources.hackernews.wire import (
    MAX_HITS,
    answer_of,
    created_at,
    hits_of,
    is_cut,
    item_record,
    undated,
    unread,
)
from monitor.sources.notices import noticed, with_notices
from monitor.sources.term_match import all_of
from monitor.sources.web_address import BaseAddress
from signals.text import fold
from storage.records import Batch, ItemRecord, Reject

# The index lags; what was written before the newest story may appear after it.
OVERLAP = timedelta(minutes=15)
# Points come with time: a story must be looked at again until it has them.
GROWTH = timedelta(hours=24)
FIRST_LOOK = timedelta(hours=24)
CHUNK = timedelta(days=1)
_SHORTEST_SLICE = timedelta(minutes=1)

Query = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100)]


class HackerNewsSource(SourceModel):
    """Stories of Hacker News. Each of `queries` is one search; all words of one must occur.

    A "quoted phrase" counts as one word. `min_points` leaves a story out until it has them.
    """

    spacing_s: ClassVar[float] = FEED_SPACING_S
    in_worker: ClassVar[bool] = True
    kind: Literal["hackernews"] = "hackernews"
    every: Duration | Literal["auto"] = timedelta(minutes=5)
    api_url: BaseAddress = "https://hn.algolia.com"
    queries: tuple[Query, ...] = Field(min_length=1, max_length=50)
    min_points: int = Field(default=0, ge=0, le=10_000)

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return a page for each query; the first says which of them could not be read.

        Raises the first SourceError when no query could be read.
        """
        pages: list[Page] = []
        errors: list[SourceError] = []
        notices: list[str] = []
        for query in dict.fromkeys(self.queries):
            since = self._since(cursor.get(_cursor_key(query)), http.now)
            try:
                pages.append(await self._search(http, query, since, None))
            except SourceError as error:
                errors.append(error)
                notices.append(f"the query {query!r} was not read: {error}")
        if not pages:
            raise errors[0]
        return with_notices(pages, notices)

    def parse(self, page: Page) -> Batch:
        """Return the stories of a page. Raises ParseError when its envelope is wrong.

        Shape: hits. Context: `query` (absent: any story counts), `live` (the page is of a poll
        and moves the cursor), `notices`.
        """
        if page.shape != "hits":
            raise ParseError(f"{page.url}: no Hacker News answer has the shape {page.shape!r}")
        answer = answer_of(page.body, what=safe_url(page.url))
        query = str(page.context.get("query") or "")
        words = all_of(query)
        records, rejects = parse_each(
            [hit for hit in hits_of(answer) if self._has_points(hit)],
            lambda hit: item_record(hit, words, source=self.name, fetched_at=page.fetched_at),
        )
        unique: dict[str, ItemRecord] = {}
        for record in records:
            if unique.setdefault(record.guid, record) is not record:
                rejects.append(Reject("repeated story", record.guid))
        return Batch(
            items=tuple(unique.values()),
            rejects=(
                *noticed(page),
                *rejects,
                *undated(tuple(unique.values())),
                *unread(answer, safe_url(page.url)),
            ),
            cursor=_moved(page, query, hits_of(answer)),
        )

    async def chunks(
        self, http: Fetcher, targets: Sequence[Target], *, since: datetime, until: datetime
    ) -> list[Chunk]:
        """Return a chunk for each query and day that touches [since, until), newest first."""
        del http, targets
        floor = f">={self.min_points}" if self.min_points else ""
        return [
            Chunk(f"{fold(query)}{floor}@{first:%Y-%m-%d}", first, last, context={"query": query})
            for first, last in grid(since, until, CHUNK)
            for query in dict.fromkeys(self.queries)
        ]

    async def fetch_chunk(self, http: Fetcher, chunk: Chunk) -> list[Page]:
        """Return the stories of one query and day, in as many slices as the index needs."""
        return await self._slices(http, str(chunk.context["query"]), chunk.since, chunk.until)

    async def _slices(
        self, http: Fetcher, query: str, since: datetime, until: datetime
    ) -> list[Page]:
        page = await self._search(http, query, since - timedelta(seconds=1), until)
        is_short = until - since <= _SHORTEST_SLICE
        if is_short or not is_cut(answer_of(page.body, what=safe_url(page.url))):
            return [page]
        middle = (since + (until - since) / 2).replace(microsecond=0)
        later = await self._slices(http, query, middle, until)
        return [*later, *await self._slices(http, query, since, middle)]

    async def _search(
        self, http: Fetcher, query: str, after: datetime, before: datetime | None
    ) -> Page:
        """Return the newest MAX_HITS stories in (after, before); a `before` of None is a poll."""
        bounds = [f"created_at_i>{int(after.timestamp())}"]
        if before is not None:
            bounds.append(f"created_at_i<{int(before.timestamp())}")
        response = await http.get(
            f"{self.api_url}/api/v1/search_by_date",
            params={
                "query": query,
                "tags": "story",
                "numericFilters": ",".join(bounds),
                "hitsPerPage": MAX_HITS,
            },
        )
        assert response is not None
        context = {"query": query, "live": before is None}
        return Page("hits", response.url, response.body, http.now, context)

    def _since(self, newest: object, now: datetime) -> datetime:
        """Return from when on to ask: some time before the newest story that was seen."""
        if isinstance(newest, int) and not isinstance(newest, bool):
            overlap = GROWTH if self.min_points else OVERLAP
            return datetime.fromtimestamp(newest, tz=UTC) - overlap
        return now - FIRST_LOOK

    def _has_points(self, hit: object) -> bool:
        points = hit.get("points") if isinstance(hit, dict) else None
        return not isinstance(points, int) or points >= self.min_points


def _cursor_key(query: str) -> str:
    return f"newest:{fold(query)}"


def _moved(page: Page, query: str, rows: Sequence[object]) -> dict[str, object]:
    """Return the cursor after a poll: the newest story's second; the future moves nothing."""
    times = [created_at(row) for row in rows if isinstance(row, dict)]
    known = [int(at.timestamp()) for at in times if at is not None and at <= page.fetched_at]
    is_live = page.context.get("live") is True and bool(query)
    return {_cursor_key(query): max(known)} if is_live and known else {}
