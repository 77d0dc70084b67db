"""The books of the CLOB for the tokens that a reading of Gamma found, in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from monitor.errors import ParseError, PermanentSourceError, TransientSourceError
from monitor.http_response import Response
from monitor.sources.base import Fetcher, Page
from monitor.sources.polymarket.reading import PATIENCE, Reading

BOOKS_PER_BATCH = 100
SINGLE_BOOKS = 200


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
