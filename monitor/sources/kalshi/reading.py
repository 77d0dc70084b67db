"""The network part of a Kalshi poll: events and markets, then the books of what trades."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from urllib.parse import quote

from monitor.errors import ParseError, PermanentSourceError, SourceError, TransientSourceError
from monitor.http_response import Response
from monitor.sources.base import Fetcher, Page
from monitor.sources.kalshi.discovery import Plan
from monitor.sources.kalshi.prices import answered
from monitor.sources.kalshi.wire import (
    Json,
    envelope_of,
    event_of,
    is_settled,
    is_trading,
    legs,
    markets_of,
    number,
    price,
    ticker_of,
)

BATCH = 100
LISTING_LIMIT = 1000
SINGLE_BOOKS = 200
# A host that failed twice running is down; asking it for each of fifty more costs the poll.
PATIENCE = 2
NOT_THERE = frozenset({400, 404, 410, 422})
_REFUSED = frozenset({401, 403})


@dataclass(slots=True)
class Reading:
    """What one poll has read so far. `tickers` maps a trading market to `[24 h volume, last]`."""

    pages: list[Page] = field(default_factory=list)
    tickers: dict[str, list[str | None]] = field(default_factory=dict)
    booked: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    notes: list[tuple[str, str]] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)
    failures: int = 0

    def notices(self, at: datetime) -> list[Page]:
        """Return a page for each thing that was asked for and not read."""
        missing = [Page("missing", url, text.encode(), at) for url, text in self.missing]
        return missing + [Page("notice", url, text.encode(), at) for url, text in self.notes]


async def read_markets(api_url: str, plan: Plan, http: Fetcher) -> Reading:
    """Return the planned events and markets; one that fails becomes a note, not the end."""
    reading = Reading(errors=list(plan.errors))
    reading.notes = [(api_url, note) for note in plan.notes]
    for ticker, refs in plan.events.items():
        url = f"{api_url}/events/{path(ticker)}?with_nested_markets=true"
        response = await _asked(f"event:{ticker}", [url], reading, http)
        if response is not None:
            _take_event(reading, f"event:{ticker}", response, refs, http.now)
    for batch in batches(plan.markets):
        await _read_listed(
            api_url, {ticker: plan.markets[ticker] for ticker in batch}, reading, http
        )
    return reading


async def read_books(api_url: str, reading: Reading, http: Fetcher) -> list[Page]:
    """Return the book pages of all that trades in `reading`, and note in it what was not read.

    A batch that the venue refuses is asked market by market, unless it wants a login for books.
    A market without a book of its own is priced by its market object.
    """
    pages: list[Page] = []
    lonely: list[str] = []
    for batch in batches(reading.tickers):
        try:
            response = await http.get(f"{api_url}/markets/orderbooks", params={"tickers": batch})
            assert response is not None
            found = answered(response.json(), what=response.url) & set(batch)
        except TransientSourceError as error:
            reading.notes.append((api_url, f"{len(batch)} order books were not read: {error}"))
            continue
        except (PermanentSourceError, ParseError) as error:
            if isinstance(error, PermanentSourceError) and error.status in _REFUSED:
                reading.notes.append((api_url, f"order books are refused: {error}"))
                return pages
            lonely.extend(batch)
            continue
        reading.booked |= found
        if found:
            pages.append(_books_page(response, batch, reading, http.now))
    return pages + await _one_by_one(api_url, lonely, reading, http)


def batches(tickers: Iterable[str]) -> Iterator[list[str]]:
    """Yield `tickers` in lists that one request may name."""
    remaining = iter(tickers)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def path(ticker: str) -> str:
    """Return `ticker` as one part of an address."""
    return quote(ticker, safe="")


async def _read_listed(
    api_url: str, wanted: Mapping[str, list[str]], reading: Reading, http: Fetcher
) -> None:
    """Read markets by one listing; those it leaves out are asked alone, then as history."""
    tickers = ",".join(path(ticker) for ticker in wanted)
    url = f"{api_url}/markets?tickers={tickers}&limit={LISTING_LIMIT}&mve_filter=exclude"
    listed = await _listed(url, wanted, reading, http)
    for ticker in () if listed is None else [name for name in wanted if name not in listed]:
        urls = [f"{api_url}/{tier}markets/{path(ticker)}" for tier in ("", "historical/")]
        alone = await _asked(f"market:{ticker}", urls, reading, http)
        if alone is not None:
            _take_alone(reading, ticker, alone, wanted[ticker], http.now)


async def _listed(
    url: str, wanted: Mapping[str, list[str]], reading: Reading, http: Fetcher
) -> set[str] | None:
    """Return which of `wanted` the listing holds, none when it is refused; None when it failed."""
    name = f"{len(wanted)} markets"
    if reading.failures >= PATIENCE:
        reading.notes.append((url, f"{name} were not read: Kalshi does not answer"))
        return None
    try:
        response = await http.get(url)
        assert response is not None
        held = _take_markets(reading, response, wanted, http.now)
    except PermanentSourceError as error:
        if error.status in NOT_THERE:
            return set()
        _fail(reading, url, name, error)
        return None
    except (TransientSourceError, ParseError) as error:
        reading.failures += 1
        _fail(reading, url, name, error)
        return None
    reading.failures = 0
    return held


async def _asked(name: str, urls: list[str], reading: Reading, http: Fetcher) -> Response | None:
    """Return the first answer of `urls`; None, and a note, when none of them has `name`."""
    for url in urls:
        if reading.failures >= PATIENCE:
            reading.notes.append((url, f"{name} was not read: Kalshi does not answer"))
            return None
        try:
            response = await http.get(url)
            assert response is not None
            envelope_of(response.json(), what=response.url)
        except PermanentSourceError as error:
            reading.failures = 0
            if error.status not in NOT_THERE:
                _fail(reading, url, name, error)
                return None
            if url == urls[-1]:
                noun, _, which = name.partition(":")
                reading.missing.append((url, f"{noun} {which!r} not found ({error.status})"))
                reading.gone.add(name)
        except (TransientSourceError, ParseError) as error:
            reading.failures += 1
            _fail(reading, url, name, error)
            return None
        else:
            reading.failures = 0
            return response
    return None


def _fail(reading: Reading, url: str, name: str, error: SourceError | ParseError) -> None:
    if isinstance(error, SourceError):
        reading.errors.append(error)
    if isinstance(error, TransientSourceError) and error.retry_after_s is not None:
        reading.failures = PATIENCE
    reading.notes.append((url, f"{name} was not read: {error}"))


def _take_event(
    reading: Reading, name: str, response: Response, refs: Iterable[str], at: datetime
) -> None:
    try:
        markets = legs(event_of(response.json(), what=response.url))
    except ParseError as error:
        _fail(reading, response.url, name, error)
        return
    if is_settled(markets):
        reading.settled.add(name)
    _add_trading(reading, markets)
    reading.pages.append(Page("event", response.url, response.body, at, {"refs": list(refs)}))


def _take_alone(
    reading: Reading, ticker: str, response: Response, refs: list[str], at: datetime
) -> None:
    try:
        _take_markets(reading, response, {ticker: refs}, at)
    except ParseError as error:
        _fail(reading, response.url, f"market:{ticker}", error)


def _take_markets(
    reading: Reading, response: Response, wanted: Mapping[str, list[str]], at: datetime
) -> set[str]:
    """Add one answer of markets; return the tickers of `wanted` it holds. May raise ParseError."""
    rows = markets_of(response.json(), what=response.url)
    held = {str(row.get("ticker")): row for row in rows if isinstance(row, dict)}
    for ticker in held.keys() & wanted.keys():
        if is_settled([held[ticker]]):
            reading.settled.add(f"market:{ticker}")
    _add_trading(reading, [row for ticker, row in held.items() if ticker in wanted])
    refs_of = {ticker: keys for ticker, keys in wanted.items() if ticker in held}
    if held:
        page = Page("markets", response.url, response.body, at, {"refs_of": refs_of})
        reading.pages.append(page)
    return held.keys() & wanted.keys()


def _add_trading(reading: Reading, markets: Iterable[object]) -> None:
    for market in markets:
        if isinstance(market, dict) and is_trading(market):
            try:
                reading.tickers[ticker_of(market)] = _beside_the_book(market)
            except ValueError:
                continue


def _beside_the_book(market: Json) -> list[str | None]:
    """Return 24 h volume and last price as texts; a garbled one must not cost the book."""
    return [_said(number, market, "volume_24h"), _said(price, market, "last_price")]


def _said(read: Callable[[Json, str], Decimal | None], market: Json, name: str) -> str | None:
    try:
        value = read(market, name)
    except ValueError:
        return None
    return None if value is None else format(value, "f")


async def _one_by_one(
    api_url: str, tickers: list[str], reading: Reading, http: Fetcher
) -> list[Page]:
    pages: list[Page] = []
    failures = 0
    for ticker in tickers[:SINGLE_BOOKS]:
        if failures >= PATIENCE:
            reading.notes.append((api_url, "the other order books were not read"))
            break
        try:
            response = await http.get(f"{api_url}/markets/{path(ticker)}/orderbook")
            assert response is not None
            envelope_of(response.json(), what=response.url)
        except PermanentSourceError as error:
            if error.status != 404:
                reading.notes.append((api_url, f"an order book was not read: {error}"))
            continue
        except (TransientSourceError, ParseError) as error:
            failures += 1
            reading.notes.append((api_url, f"an order book was not read: {error}"))
            continue
        failures = 0
        reading.booked.add(ticker)
        pages.append(_books_page(response, [ticker], reading, http.now))
    unread = len(tickers) - SINGLE_BOOKS
    if unread > 0:
        reading.notes.append((api_url, f"{unread} order books were not read one by one"))
    return pages


def _books_page(response: Response, batch: list[str], reading: Reading, at: datetime) -> Page:
    tickers = {ticker: reading.tickers[ticker] for ticker in batch}
    return Page("orderbooks", response.url, response.body, at, {"tickers": tickers})
