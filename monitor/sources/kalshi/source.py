"""Kalshi: events with their markets, order books, candles and trades of trade-api v2.

A poll reads each followed event by its ticker (one call gives every market), then the books of
all that trades in batches, the yes side only: the no side mirrors it. A market's own bid and ask
stand in where no book is to be had. Reads need no key; nothing says what keyless calls may do, so
they keep to five a second.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from monitor.durations import Duration
from monitor.errors import ParseError, SourceError, TransientSourceError
from monitor.http_response import load_json
from monitor.sources.base import (
    MAX_EXCERPT,
    Chunk,
    Cursor,
    Fetcher,
    Page,
    SourceModel,
    Target,
    parse_each,
)
from monitor.sources.kalshi.discovery import fits, make_plan, open_events
from monitor.sources.kalshi.history import make_chunks, read_chunk
from monitor.sources.kalshi.prices import books_batch, candles_batch, trades_batch
from monitor.sources.kalshi.reading import Reading, path, read_books, read_markets
from monitor.sources.kalshi.wire import (
    VENUE,
    Json,
    event_of,
    is_trading,
    legs,
    market_quote,
    market_record,
    markets_of,
    outcome_id,
    rows_of,
    text,
)
from monitor.sources.notices import notice_batch, remembering
from monitor.sources.web_address import BaseAddress
from storage.records import Batch, MarketRecord, Reject


class KalshiSource(SourceModel):
    """The venue Kalshi. Needs no key. `api_url` ends in the version of the interface."""

    spacing_s: ClassVar[float] = 0.2

    kind: Literal["kalshi"] = "kalshi"
    every: Duration | Literal["auto"] = timedelta(minutes=1)
    api_url: BaseAddress = "https://external-api.kalshi.com/trade-api/v2"

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the followed events and markets, their books, a notice for each thing not read.

        Raises the first SourceError when nothing at all could be read.
        """
        if not self._follow:
            return []
        plan = await make_plan(self.api_url, self._follow, cursor, http)
        reading = await read_markets(self.api_url, plan, http)
        if not reading.pages and reading.errors:
            raise await self._reason(http, reading.errors[0])
        books = await read_books(self.api_url, reading, http)
        pages = [*_with_books(reading), *books, *reading.notices(http.now)]
        remembered = plan.cursor(settled=reading.settled, gone=reading.gone)
        return remembering(pages, remembered, url=self.api_url, at=http.now)

    def parse(self, page: Page) -> Batch:
        """Return what one page says. Raises ParseError when its envelope is wrong.

        Shapes: event, events, market, markets, orderbooks, candlesticks, trades, missing and
        notice. Context: `refs` or `refs_of` (by ticker), `booked` (tickers that have a book),
        `tickers`, `ticker`, `step_s`, `cursor`.
        """
        read = _SHAPES.get(page.shape)
        if read is None:
            raise ParseError(f"{page.url}: no Kalshi answer has the shape {page.shape!r}")
        batch = read(page)
        cursor = page.context.get("cursor")
        return replace(batch, cursor=dict(cursor)) if isinstance(cursor, dict) else batch

    async def search(self, http: Fetcher, text: str, *, limit: int) -> list[Page]:
        """Return pages of open events whose title or subtitle holds every word of `text`.

        The venue has no text search: its listing of open events is read until about `limit`
        markets are found. Raises like `fetch`.
        """
        pages: list[Page] = []
        notes: list[str] = []
        found = 0
        async for event in open_events(self.api_url, http, notes):
            if found >= limit:
                break
            if not fits(event, text):
                continue
            ticker = path(str(event["event_ticker"]))
            url = f"{self.api_url}/events/{ticker}?with_nested_markets=true"
            response = await http.get(url)
            assert response is not None
            found += len(legs(event_of(response.json(), what=response.url)))
            pages.append(Page("event", response.url, response.body, http.now))
        return pages + [Page("notice", self.api_url, note.encode(), http.now) for note in notes]

    async def chunks(
        self, http: Fetcher, targets: Sequence[Target], *, since: datetime, until: datetime
    ) -> list[Chunk]:
        """Return what to ask for to know candles and trades of [since, until), newest first."""
        return await make_chunks(self.api_url, http, targets, since=since, until=until)

    async def fetch_chunk(self, http: Fetcher, chunk: Chunk) -> list[Page]:
        """Return the pages of one chunk. Raises like `fetch`."""
        return await read_chunk(self.api_url, http, chunk)

    async def _reason(self, http: Fetcher, error: SourceError) -> SourceError:
        """Return `error`, or that the exchange itself says it is closed for maintenance."""
        if not isinstance(error, TransientSourceError) or error.retry_after_s is not None:
            return error
        try:
            response = await http.get(f"{self.api_url}/exchange/status")
            status = None if response is None else response.json()
        except (SourceError, ParseError):
            return error
        if isinstance(status, dict) and status.get("exchange_active") is False:
            resumes = status.get("exchange_estimated_resume_time") or "it does not say when"
            return TransientSourceError(f"Kalshi is closed for maintenance ({resumes!s:.40})")
        return error


def _with_books(reading: Reading) -> list[Page]:
    booked = sorted(reading.booked)
    return [replace(page, context={**page.context, "booked": booked}) for page in reading.pages]


def _event(page: Page) -> Batch:
    event = event_of(load_json(page.body, what=page.url), what=page.url)
    return _markets_batch([(leg, event) for leg in legs(event)], page)


def _events(page: Page) -> Batch:
    payload = load_json(page.body, what=page.url)
    rows: list[tuple[object, Json | None]] = []
    strays: list[Reject] = []
    for event in rows_of(payload, "events", what=page.url):
        if isinstance(event, dict):
            rows += [(leg, event) for leg in legs(event)]
        else:
            strays.append(Reject("an event that is not an object", repr(event)[:MAX_EXCERPT]))
    batch = _markets_batch(rows, page)
    return replace(batch, rejects=(*strays, *batch.rejects))


def _markets(page: Page) -> Batch:
    rows = markets_of(load_json(page.body, what=page.url), what=page.url)
    return _markets_batch([(market, None) for market in rows], page)


def _markets_batch(rows: Iterable[tuple[object, Json | None]], page: Page) -> Batch:
    """Return the markets of `rows` and, where no book was read, the price they carry."""
    listed = list(rows)
    records, rejects = parse_each(listed, lambda row: market_record(_object(row[0]), row[1]))
    unique: dict[str, MarketRecord] = {}
    for record in records:
        if unique.setdefault(record.venue_id, record) is not record:
            rejects.append(Reject("repeated market", record.venue_id[:MAX_EXCERPT]))
    booked = page.context.get("booked")
    skip = frozenset(booked) if isinstance(booked, list | tuple) else frozenset()
    trading = _trading((market for market, _ in listed), unique.keys() - skip)
    priced, mispriced = parse_each(
        trading.items(), lambda row: (row[0], market_quote(row[1], at=page.fetched_at))
    )
    quotes = [quote for _, quote in priced if quote is not None]
    return Batch(
        markets=tuple(unique.values()),
        quotes=tuple(quotes),
        read_outcomes=tuple((VENUE, ticker, outcome_id(ticker)) for ticker, _ in priced),
        followed=tuple(
            (VENUE, ticker, key) for ticker in unique for key in _refs_of(ticker, page.context)
        ),
        rejects=(*rejects, *mispriced),
    )


def _trading(markets: Iterable[object], tickers: Collection[object]) -> dict[str, Json]:
    """Return the first market object of each of `tickers` that trades."""
    found: dict[str, Json] = {}
    for market in markets:
        if isinstance(market, dict) and is_trading(market):
            ticker = text(market, "ticker")
            if ticker in tickers:
                found.setdefault(str(ticker), market)
    return found


def _refs_of(ticker: str, context: Mapping[str, object]) -> list[str]:
    by_ticker = context.get("refs_of")
    refs = by_ticker.get(ticker) if isinstance(by_ticker, dict) else context.get("refs")
    return [str(key) for key in refs] if isinstance(refs, list | tuple) else []


def _orderbooks(page: Page) -> Batch:
    payload = load_json(page.body, what=page.url)
    return books_batch(payload, page.context, at=page.fetched_at, what=page.url)


def _candlesticks(page: Page) -> Batch:
    payload = load_json(page.body, what=page.url)
    return candles_batch(payload, page.context, at=page.fetched_at, what=page.url)


def _trades(page: Page) -> Batch:
    return trades_batch(load_json(page.body, what=page.url), page.context, what=page.url)


def _object(row: object) -> Json:
    if not isinstance(row, dict):
        raise ValueError("a market that is not an object")  # noqa: TRY004 - bad data
    return row


_SHAPES: Mapping[str, Callable[[Page], Batch]] = {
    "event": _event,
    "events": _events,
    "market": _markets,
    "markets": _markets,
    "orderbooks": _orderbooks,
    "candlesticks": _candlesticks,
    "trades": _trades,
    "missing": notice_batch,
    "notice": notice_batch,
}
