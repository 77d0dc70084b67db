"""Polymarket: events from Gamma, prices from the CLOB's books.

A poll reads each followed event by its slug (one call gives every leg), then the books of all
open legs in batches, first outcome only: the second mirrors it. Gamma's own price stands in only
where the CLOB has no book.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from pydantic import PrivateAttr

from monitor.durations import Duration
from monitor.errors import ParseError
from monitor.http_response import load_json
from monitor.sources.base import (
    MAX_EXCERPT,
    Cursor,
    Fetcher,
    MarketRef,
    Page,
    SourceModel,
    parse_each,
)
from monitor.sources.polymarket_discovery import make_plan
from monitor.sources.polymarket_prices import books_batch, history_batch, trades_batch
from monitor.sources.polymarket_reading import Reading, read_books, read_gamma
from monitor.sources.polymarket_wire import (
    VENUE,
    Json,
    events_of,
    gamma_quote,
    legs,
    market_record,
    markets_of,
    parent_of,
    trading_token,
)
from monitor.sources.web_address import BaseAddress
from storage.records import Batch, MarketRecord, QuoteRecord, Reject


class PolymarketSource(SourceModel):
    """The venue Polymarket. Needs no key. One URL for each of its three hosts."""

    kind: Literal["polymarket"] = "polymarket"
    every: Duration | Literal["auto"] = timedelta(minutes=1)
    gamma_url: BaseAddress = "https://gamma-api.polymarket.com"
    clob_url: BaseAddress = "https://clob.polymarket.com"
    data_url: BaseAddress = "https://data-api.polymarket.com"
    _follow: tuple[MarketRef, ...] = PrivateAttr(default=())

    @property
    def follow(self) -> tuple[MarketRef, ...]:
        """Return the references this source reads; the themes of the config name them."""
        return self._follow

    def following(self, refs: Iterable[MarketRef]) -> PolymarketSource:
        """Return the source set to follow those of `refs` that are of this venue."""
        followed = self.model_copy()
        followed._follow = tuple(dict.fromkeys(ref for ref in refs if ref.venue == VENUE))
        return followed

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the followed events, their books and a notice for each thing not read.

        Raises the first SourceError when nothing at all could be read.
        """
        if not self._follow:
            return []
        plan = await make_plan(self.gamma_url, self._follow, cursor, http)
        reading = await read_gamma(self.gamma_url, plan, http)
        if not reading.pages and reading.errors:
            raise reading.errors[0]
        books = await read_books(self.clob_url, reading, http)
        pages = [*_with_books(reading), *books, *reading.notices(http.now)]
        remembered = plan.cursor(settled=reading.settled, gone=reading.gone)
        if not pages:
            pages = [Page("notice", self.gamma_url, b"", http.now)]
        last = replace(pages[-1], context={**pages[-1].context, "cursor": remembered})
        return [*pages[:-1], last]

    def parse(self, page: Page) -> Batch:
        """Return what one page says. Raises ParseError when its envelope is wrong.

        Shapes: event, events, search, market, markets, books, prices-history, trades, missing
        and notice. Context: `refs`, `booked` (tokens that have a book), `tokens`, `venue_id`,
        `cursor`.
        """
        read = _SHAPES.get(page.shape)
        if read is None:
            raise ParseError(f"{page.url}: no Polymarket answer has the shape {page.shape!r}")
        batch = read(page)
        cursor = page.context.get("cursor")
        return replace(batch, cursor=dict(cursor)) if isinstance(cursor, dict) else batch


def _with_books(reading: Reading) -> list[Page]:
    booked = sorted(reading.booked)
    return [replace(page, context={**page.context, "booked": booked}) for page in reading.pages]


def _events(page: Page) -> Batch:
    events = events_of(load_json(page.body, what=page.url), what=page.url)
    rejects = [_not_an_object(event) for event in events if not isinstance(event, dict)]
    known = [event for event in events if isinstance(event, dict)]
    rows = [(leg, event) for event in known for leg in legs(event)]
    rejects += [
        Reject("an event whose markets are no list", repr(event.get("slug"))[:MAX_EXCERPT])
        for event in known
        if not isinstance(event.get("markets"), list | None)
    ]
    return _markets_batch(rows, page, rejects)


def _markets(page: Page) -> Batch:
    markets = markets_of(load_json(page.body, what=page.url), what=page.url)
    rejects = [_not_an_object(market) for market in markets if not isinstance(market, dict)]
    rows = [(market, parent_of(market)) for market in markets if isinstance(market, dict)]
    return _markets_batch(rows, page, rejects)


def _markets_batch(
    rows: Iterable[tuple[object, Json | None]], page: Page, rejects: list[Reject]
) -> Batch:
    """Return the markets of `rows` and Gamma's price where the CLOB has no book."""
    listed = list(rows)
    records, refused = parse_each(listed, lambda row: market_record(_object(row[0]), row[1]))
    unique: dict[str, MarketRecord] = {}
    for record in records:
        if unique.setdefault(record.venue_id, record) is not record:
            refused.append(Reject("repeated market", record.venue_id[:MAX_EXCERPT]))
    booked = page.context.get("booked")
    skip = frozenset(booked) if isinstance(booked, list | tuple) else frozenset()
    prices, mispriced = parse_each(
        (row[0] for row in listed if isinstance(row[0], dict)),
        lambda market: _stand_in(market, unique, skip, page.fetched_at),
    )
    quotes = {quote.venue_id: quote for quote in prices if quote is not None}.values()
    refs = page.context.get("refs")
    keys = [str(key) for key in refs] if isinstance(refs, list | tuple) else []
    return Batch(
        markets=tuple(unique.values()),
        quotes=tuple(quotes),
        read_outcomes=tuple((VENUE, q.venue_id, q.venue_outcome_id) for q in quotes),
        followed=tuple((VENUE, venue_id, key) for venue_id in unique for key in keys),
        rejects=(*rejects, *refused, *mispriced),
    )


def _stand_in(
    market: Json, known: Mapping[str, MarketRecord], booked: frozenset[object], at: datetime
) -> QuoteRecord | None:
    if str(market.get("id")) not in known:
        return None
    token = trading_token(market)
    if token is None or token in booked:
        return None
    return gamma_quote(market, token=token, at=at)


def _books(page: Page) -> Batch:
    payload = load_json(page.body, what=page.url)
    return books_batch(payload, page.context, at=page.fetched_at, what=page.url)


def _history(page: Page) -> Batch:
    payload = load_json(page.body, what=page.url)
    return history_batch(payload, page.context, at=page.fetched_at, what=page.url)


def _trades(page: Page) -> Batch:
    return trades_batch(load_json(page.body, what=page.url), page.context, what=page.url)


def _notice(page: Page) -> Batch:
    """Return the Reject of something asked for and not read; none for an empty notice."""
    reason = page.body.decode("utf-8", "replace")
    return Batch(rejects=(Reject(reason[:MAX_EXCERPT], page.url[:MAX_EXCERPT]),) if reason else ())


def _object(row: object) -> Json:
    if not isinstance(row, dict):
        raise ValueError("a market that is not an object")  # noqa: TRY004 - bad data
    return row


def _not_an_object(row: object) -> Reject:
    return Reject("a row that is not an object", repr(row)[:MAX_EXCERPT])


_SHAPES: Mapping[str, Callable[[Page], Batch]] = {
    "event": _events,
    "events": _events,
    "search": _events,
    "market": _markets,
    "markets": _markets,
    "books": _books,
    "prices-history": _history,
    "trades": _trades,
    "missing": _notice,
    "notice": _notice,
}
