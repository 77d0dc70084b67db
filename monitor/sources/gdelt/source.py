"""GDELT: pages from all over the world that hold one of the terms, every 15 minutes.

The bulk files come first: they are not throttled, and the terms never leave this machine. The
DOC search stands in while neither host of the files answers, or always with `mode: doc`.
The time of an item is when GDELT saw the page, precise to the minute: an upper bound of when it
was public, 0 to 15 minutes late and now and then hours; no publication time is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from monitor.durations import Duration
from monitor.errors import ParseError, PermanentSourceError, SourceError
from monitor.http_status import safe_url
from monitor.sources.base import (
    Chunk,
    Cursor,
    Fetcher,
    Page,
    SourceModel,
    Target,
    grid,
)
from monitor.sources.gdelt.bulk import ENGLISH, TRANSLATED, Reading, read_stream
from monitor.sources.gdelt.doc import MAX_RECORDS, doc_articles, doc_batch, doc_query
from monitor.sources.gdelt.gkg import gkg_batch
from monitor.sources.notices import noticed, with_notices
from monitor.sources.term_match import any_of
from monitor.sources.web_address import BaseAddress
from storage.records import Batch

DOC_SPACING_S = 6.0
CHUNK = timedelta(hours=6)
KEPT = timedelta(days=90)
_SHORTEST_SLICE = timedelta(minutes=15)
_STAMP = "%Y%m%d%H%M%S"

Term = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100)]


class GdeltSource(SourceModel):
    """Pages whose title, organisations or address hold one of `terms` (DOC: whose text does).

    `translated` reads the batches of pages in other languages than English too.
    """

    spacing_s: ClassVar[float] = DOC_SPACING_S
    in_worker: ClassVar[bool] = True
    kind: Literal["gdelt"] = "gdelt"
    every: Duration | Literal["auto"] = timedelta(minutes=15)
    bulk_url: BaseAddress = "http://data.gdeltproject.org/gdeltv2"
    mirror_url: BaseAddress = "https://storage.googleapis.com/data.gdeltproject.org/gdeltv2"
    doc_url: BaseAddress = "https://api.gdeltproject.org"
    mode: Literal["bulk", "doc"] = "bulk"
    translated: bool = True
    terms: tuple[Term, ...] = Field(min_length=1, max_length=500)

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the batches that are new, or in their stead one answer of the DOC search.

        Raises the SourceError of the bulk files' host when DOC does not answer either.
        """
        if self.mode == "doc":
            return [await self._search(http, {"timespan": "1h"})]
        try:
            return await self._bulk(http, cursor)
        except SourceError as error:
            reason = f"the bulk files were not read, DOC stands in: {error}"
            try:
                found = await self._search(http, {"timespan": "1h"})
            except SourceError as failed:
                raise error from failed
            return with_notices([found], [reason])

    def parse(self, page: Page) -> Batch:
        """Return what one page says. Raises ParseError when its envelope is wrong.

        Shapes: gkg (a zipped batch), doc, late (no batch yet). Context: `cursor`, `notices`.
        """
        if page.shape == "gkg":
            words = any_of(self.terms)
            batch = gkg_batch(
                page.body,
                words,
                source=self.name,
                fetched_at=page.fetched_at,
                what=safe_url(page.url),
            )
        elif page.shape == "doc":
            batch = doc_batch(
                page.body, source=self.name, fetched_at=page.fetched_at, what=safe_url(page.url)
            )
        elif page.shape == "late":
            batch = Batch()
        else:
            raise ParseError(f"{page.url}: no GDELT answer has the shape {page.shape!r}")
        cursor = page.context.get("cursor")
        return replace(
            batch,
            rejects=(*noticed(page), *batch.rejects),
            cursor=dict(cursor) if isinstance(cursor, dict) else {},
        )

    async def chunks(
        self, http: Fetcher, targets: Sequence[Target], *, since: datetime, until: datetime
    ) -> list[Chunk]:
        """Return stretches of 6 h of the DOC search, newest first, no older than 90 days."""
        del targets
        query = doc_query(self.terms) or ""
        name = hashlib.blake2b(query.encode(), digest_size=6).hexdigest()
        kept_since = max(since, http.now - KEPT)
        return [
            Chunk(f"doc:{name}:{first:%Y-%m-%dT%H}", first, last)
            for first, last in grid(kept_since, until, CHUNK)
            if query and kept_since < until
        ]

    async def fetch_chunk(self, http: Fetcher, chunk: Chunk) -> list[Page]:
        """Return one stretch, in as many slices as answers of 250 pages need."""
        return await self._slices(http, chunk.since, chunk.until)

    async def _slices(self, http: Fetcher, since: datetime, until: datetime) -> list[Page]:
        last = until - timedelta(seconds=1)
        window = {"startdatetime": f"{since:{_STAMP}}", "enddatetime": f"{last:{_STAMP}}"}
        page = await self._search(http, window)
        is_cut = len(doc_articles(page.body, what=safe_url(page.url))) >= MAX_RECORDS
        if not is_cut or until - since <= _SHORTEST_SLICE:
            return [page]
        middle = since + (until - since) / 2
        return [*await self._slices(http, middle, until), *await self._slices(http, since, middle)]

    async def _bulk(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the pages of every stream, the cursor in the context of each."""
        bases = tuple(dict.fromkeys((self.bulk_url, self.mirror_url)))
        readings: list[Reading] = []
        errors: list[SourceError] = []
        for stream in (ENGLISH, TRANSLATED) if self.translated else (ENGLISH,):
            try:
                readings.append(await read_stream(http, bases, stream, cursor))
            except SourceError as error:
                errors.append(error)
        if not readings:
            raise errors[0]
        notices = [notice for reading in readings for notice in reading.notices]
        notices += [str(error) for error in errors]
        pages = [page for reading in readings for page in reading.pages]
        if notices and not pages:
            pages = [Page("late", self.bulk_url, b"", http.now)]
        remembered = {key: value for r in readings for key, value in r.cursor.items()}
        pages = [replace(page, context={**page.context, "cursor": remembered}) for page in pages]
        return with_notices(pages, notices)

    async def _search(self, http: Fetcher, window: dict[str, str]) -> Page:
        query = doc_query(self.terms)
        if query is None:
            raise PermanentSourceError(
                "no term is long enough for the DOC search; add a longer one"
            )
        response = await http.get(
            f"{self.doc_url}/api/v2/doc/doc",
            params={
                "query": query,
                "mode": "artlist",
                "format": "json",
                "maxrecords": MAX_RECORDS,
                "sort": "datedesc",
                **window,
            },
        )
        assert response is not None
        return Page("doc", response.url, response.body, http.now)
