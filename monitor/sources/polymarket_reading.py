"""The network part of a Polymarket poll: events and markets from Gamma, books from the CLOB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from urllib.parse import quote

from monitor.errors import ParseError, PermanentSourceError, SourceError, TransientSourceError
from monitor.http_response import Response, load_json
from monitor.sources.base import Fetcher, Page
from monitor.sources.numbers import quantity
from monitor.sources.polymarket_discovery import Plan
from monitor.sources.polymarket_wire import (
    Json,
    events_of,
    is_settled,
    legs,
    markets_of,
    text_id,
    trading_token,
)

BOOKS_PER_BATCH = 100
SINGLE_BOOKS = 200
# A host that failed twice running is down; asking it for each of fifty more costs the poll.
PATIENCE = 2
_NOT_THERE = frozenset({400, 404, 410, 422})


@dataclass(slots=True)
class Reading:
    """What one poll has read so far. `tokens` maps a token to `[market id, 24 h volume]`."""

    pages: list[Page] = field(default_factory=list)
    tokens: dict[str, list[object]] = field(default_factory=dict)
    booked: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    notes: list[tuple[str, str]] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)

    def notices(self, at: datetime) -> list[Page]:
        """Return a page for each thing that was asked for and not read."""
        missing = [Page("missing", url, text.encode(), at) for url, text in self.missing]
        return missing + [Page("notice", url, text.encode(), at) for url, text in self.notes]


async def read_gamma(gamma_url: str, plan: Plan, http: Fetcher) -> Reading:
    """Return the planned events and markets; one that fails becomes a note, not the end."""
    reading = Reading(errors=list(plan.errors))
    reading.notes = [(gamma_url, note) for note in plan.notes]
    failures = 0
    for name, url, refs in _planned(gamma_url, plan):
        if failures >= PATIENCE:
            reading.notes.append((url, f"{name} was not read: Gamma does not answer"))
            continue
        try:
            response = await http.get(url)
            assert response is not None
            _take(reading, name, response, refs, http.now)
            failures = 0
        except PermanentSourceError as error:
            failures = 0
            if error.status not in _NOT_THERE:
                reading.errors.append(error)
                reading.notes.append((url, f"{name} was not read: {error}"))
                continue
            noun, _, which = name.partition(":")
            reading.missing.append((url, f"{noun} {which!r} not found ({error.status})"))
            reading.gone.add(name)
        except (TransientSourceError, ParseError) as error:
            failures += 1
            if isinstance(error, TransientSourceError):
                reading.errors.append(error)
                failures = PATIENCE if error.retry_after_s is not None else failures
            reading.notes.append((url, f"{name} was not read: {error}"))
    return reading


async def read_books(clob_url: str, reading: Reading, http: Fetcher) -> list[Page]:
    """Return the book pages of every token in `reading`, and note in it what was not read.

    A batch that the CLOB refuses is asked one by one. A token that an answered batch leaves out
    has no book, and neither has one that answers 404: that is no outage.
    """
    pages: list[Page] = []
    lonely: list[str] = []
    for batch in _batches(reading.tokens):
        try:
            response = await http.post_json(
                f"{clob_url}/books", [{"token_id": token} for token in batch]
            )
            answered = _answered(response) & set(batch)
        except TransientSourceError as error:
            reading.notes.append((clob_url, f"{len(batch)} books were not read: {error}"))
            continue
        except (PermanentSourceError, ParseError):
            lonely.extend(batch)
            continue
        reading.booked |= answered
        if answered:
            pages.append(_books_page(response, batch, reading, http.now))
    return pages + await _one_by_one(clob_url, lonely, reading, http)


async def _one_by_one(
    clob_url: str, tokens: list[str], reading: Reading, http: Fetcher
) -> list[Page]:
    pages: list[Page] = []
    failures = 0
    for token in tokens[:SINGLE_BOOKS]:
        if failures >= PATIENCE:
            break
        try:
            response = await http.get(f"{clob_url}/book", params={"token_id": token})
            assert response is not None
            if token not in _answered(response):
                continue
            reading.booked.add(token)
            pages.append(_books_page(response, [token], reading, http.now))
            failures = 0
        except PermanentSourceError as error:
            if error.status != 404:
                reading.notes.append((clob_url, f"a book was not read: {error}"))
        except (TransientSourceError, ParseError) as error:
            failures += 1
            reading.notes.append((clob_url, f"a book was not read: {error}"))
    unread = len(tokens) - SINGLE_BOOKS
    if unread > 0:
        reading.notes.append((clob_url, f"{unread} books were not read one by one"))
    return pages


def _planned(gamma_url: str, plan: Plan) -> Iterator[tuple[str, str, list[str]]]:
    """Yield name, URL and reference keys of each thing to read."""
    for slug, refs in plan.events.items():
        yield f"event:{slug}", f"{gamma_url}/events/slug/{_path(slug)}", refs
    for venue_id, refs in plan.markets.items():
        yield f"market:{venue_id}", f"{gamma_url}/markets/{_path(venue_id)}", refs


def _take(
    reading: Reading, name: str, response: Response, refs: Iterable[str], at: datetime
) -> None:
    """Add one answer: its page, the tokens to price and whether it is settled."""
    payload = load_json(response.body, what=response.url)
    shape = name.partition(":")[0]
    if shape == "event":
        events = [e for e in events_of(payload, what=response.url) if isinstance(e, dict)]
        markets = [market for event in events for market in legs(event)]
        settled = bool(events) and all(is_settled(event) for event in events)
    else:
        markets = list(markets_of(payload, what=response.url))
        settled = bool(markets) and is_settled({"closed": True, "markets": markets})
    for market in markets:
        if isinstance(market, dict):
            reading.tokens.update(_priced(market))
    if settled:
        reading.settled.add(name)
    reading.pages.append(Page(shape, response.url, response.body, at, {"refs": list(refs)}))


def _priced(market: Json) -> Mapping[str, list[object]]:
    """Return the token to ask a book for; nothing when the market is malformed or not trading."""
    try:
        token = trading_token(market)
        venue_id = text_id(market)
    except ValueError:
        return {}
    return {token: [venue_id, _volume(market)]} if token else {}


def _volume(market: Json) -> str | None:
    """Return the 24 h volume as text; a garbled one must not cost the book."""
    try:
        volume = quantity(market.get("volume24hr"))
    except ValueError:
        return None
    return None if volume is None else format(volume, "f")


def _books_page(response: Response, batch: list[str], reading: Reading, at: datetime) -> Page:
    tokens = {token: reading.tokens[token] for token in batch}
    return Page("books", response.url, response.body, at, {"tokens": tokens})


def _answered(response: Response) -> set[str]:
    """Return the tokens that an answer holds books of; ParseError when it holds none at all."""
    payload = response.json()
    rows = [payload] if isinstance(payload, dict) and "asset_id" in payload else payload
    if not isinstance(rows, list):
        raise ParseError(f"{response.url}: expected books")
    return {str(row.get("asset_id")) for row in rows if isinstance(row, dict)}


def _batches(tokens: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(tokens)
    while batch := list(islice(remaining, BOOKS_PER_BATCH)):
        yield batch


def _path(name: str) -> str:
    return quote(name, safe="")
