"""Polymarket: events from Gamma, prices from the CLOB's books, the past from the Data API.

A poll reads each followed event by its slug (one call gives every leg), then the books of all
open legs in batches, first outcome only: the second mirrors it. Gamma's own price stands in only
where the CLOB has no book. Where Gamma keeps silent about a closed market, others are asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from monitor.durations import Duration
from monitor.errors import ParseError
from monitor.http_response import load_json
from monitor.sources.base import (
    Chunk,
    Cursor,
    Fetcher,
    Page,
    SourceModel,
    Target,
)
from monitor.sources.notices import notice_batch, remembering
from monitor.sources.polymarket.books import read_books
from monitor.sources.polymarket.chunks import history_chunks
from monitor.sources.polymarket.discovery import Plan, make_plan
from monitor.sources.polymarket.gamma import events_batch, markets_batch
from monitor.sources.polymarket.history import Hosts, read_chunk
from monitor.sources.polymarket.listing import search_pages
from monitor.sources.polymarket.oracle import clob_markets_batch, resolutions_batch
from monitor.sources.polymarket.past import history_batch, trades_batch
from monitor.sources.polymarket.prices import books_batch
from monitor.sources.polymarket.reading import Reading, read_gamma
from monitor.sources.polymarket.verdicts import ask_verdicts
from monitor.sources.polymarket.ws import SocketAddress, frames_batch
from monitor.sources.web_address import BaseAddress
from storage.records import Batch


class PolymarketSource(SourceModel):
    """The venue Polymarket. Needs no key. One URL for each of its hosts.

    `hints`: listen to the market socket at `ws_url` too, and poll at once when it tells a move.
    """

    kind: Literal["polymarket"] = "polymarket"
    every: Duration | Literal["auto"] = timedelta(minutes=1)
    gamma_url: BaseAddress = "https://gamma-api.polymarket.com"
    clob_url: BaseAddress = "https://clob.polymarket.com"
    data_url: BaseAddress = "https://data-api.polymarket.com"
    hints: bool = False
    ws_url: SocketAddress = "wss://ws-subscriptions-clob.polymarket.com/ws/market"

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the followed events, their books and a notice for each thing not read.

        Raises the first error when nothing at all could be read.
        """
        if not self._follow:
            return []
        plan = await make_plan(self.gamma_url, self._follow, cursor, http)
        reading = await read_gamma(self.gamma_url, plan, http)
        if not reading.pages and reading.errors:
            raise reading.errors[0]
        books = await read_books(self.clob_url, reading, http)
        results = await self._results(http, plan, reading)
        pages = [*_with_books(reading), *books, *results, *reading.notices(http.now)]
        remembered = plan.cursor(settled=reading.settled, gone=reading.gone)
        return remembering(pages, remembered, url=self.gamma_url, at=http.now)

    async def search(self, http: Fetcher, text: str, *, limit: int) -> list[Page]:
        """Return pages of open markets whose titles hold every word of `text`, with Gamma's prices.

        Raises SourceError, or ParseError when the site's search answers with something else.
        """
        words = re.findall(r"\w+", text.casefold())
        return await search_pages(self.gamma_url, text, words, http, limit=limit)

    async def chunks(
        self, http: Fetcher, targets: Sequence[Target], *, since: datetime, until: datetime
    ) -> list[Chunk]:
        """Return chunks of prices and of trades for each target, newest first."""
        return await history_chunks(self.gamma_url, http, targets, since=since, until=until)

    async def fetch_chunk(self, http: Fetcher, chunk: Chunk) -> list[Page]:
        """Return the pages of one chunk; from v1 where v2 is not served or fails."""
        return await read_chunk(Hosts(self.clob_url, self.data_url), http, chunk)

    def parse(self, page: Page) -> Batch:
        """Return what one page says. Raises ParseError when its envelope is wrong.

        Shapes: event, events, search, market, markets, books, ws, clob-market, resolutions,
        prices-history, trades, missing and notice. Each function of _SHAPES says which context it
        reads; `cursor` is read for all.
        """
        read = _SHAPES.get(page.shape)
        if read is None:
            raise ParseError(f"{page.url}: no Polymarket answer has the shape {page.shape!r}")
        batch = read(page)
        cursor = page.context.get("cursor")
        return replace(batch, cursor=dict(cursor)) if isinstance(cursor, dict) else batch

    async def _results(self, http: Fetcher, plan: Plan, reading: Reading) -> list[Page]:
        """Return what others say of results that Gamma keeps silent about; `plan` remembers it."""
        if not (plan.due and plan.complete):
            return []
        if not reading.errors:
            plan.verdicts = {k: v for k, v in plan.verdicts.items() if k in reading.told}
        silent = list(reading.silent.values())
        said = await ask_verdicts(self.clob_url, self.data_url, silent, http, after=plan.asked)
        plan.verdicts.update(said.found)
        plan.asked = said.asked
        reading.notes.extend(said.notes)
        return said.pages


def _with_books(reading: Reading) -> list[Page]:
    booked = sorted(reading.booked)
    return [replace(page, context={**page.context, "booked": booked}) for page in reading.pages]


def _books(page: Page) -> Batch:
    payload = load_json(page.body, what=page.url)
    return books_batch(payload, page.context, at=page.fetched_at, what=page.url)


def _history(page: Page) -> Batch:
    payload = load_json(page.body, what=page.url)
    return history_batch(payload, page.context, at=page.fetched_at, what=page.url)


def _trades(page: Page) -> Batch:
    return trades_batch(load_json(page.body, what=page.url), page.context, what=page.url)


def _frames(page: Page) -> Batch:
    return frames_batch(page.body, page.context, at=page.fetched_at, what=page.url)


def _clob_markets(page: Page) -> Batch:
    return clob_markets_batch(load_json(page.body, what=page.url), page.context, what=page.url)


def _resolutions(page: Page) -> Batch:
    return resolutions_batch(load_json(page.body, what=page.url), page.context, what=page.url)


_SHAPES: Mapping[str, Callable[[Page], Batch]] = {
    "event": events_batch,
    "events": events_batch,
    "search": events_batch,
    "market": markets_batch,
    "markets": markets_batch,
    "books": _books,
    "ws": _frames,
    "clob-market": _clob_markets,
    "resolutions": _resolutions,
    "prices-history": _history,
    "trades": _trades,
    "missing": notice_batch,
    "notice": notice_batch,
}
