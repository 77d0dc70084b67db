"""Reading the probabilities of Manifold's markets, a hundred in a call.

One id alone is asked at `/market/{id}/prob`: `/market-probs` wants an array, and a key that stands
once in a query is none. Source: manifoldmarkets/manifold, common/src/api/schema.ts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice

from monitor.errors import ParseError, PermanentSourceError, SourceError
from monitor.http_response import Response
from monitor.sources.base import Fetcher, Page
from monitor.sources.manifold.reading import NOT_THERE, Reading, path_of
from monitor.sources.manifold.wire import Json, refuse_error

PROBS_PER_CALL = 100
# What is asked for when a whole call is refused; then one by one, no more than SINGLE_PROBS.
SMALLER_CALL = 20
SINGLE_PROBS = 60


async def read_probs(api_url: str, reading: Reading, http: Fetcher) -> dict[str, int]:
    """Read the probabilities of all markets of `reading.polled`, and note what was not read.

    Returns the answer count of each market that has another count than was remembered.
    """
    grown: dict[str, int] = {}
    lonely: list[str] = []
    for call in _batches(reading.polled, PROBS_PER_CALL):
        refused = await _read_call(api_url, call, reading, http, grown) if len(call) > 1 else call
        for part in _batches(refused, SMALLER_CALL):
            is_new = 1 < len(part) < len(call)
            lonely += await _read_call(api_url, part, reading, http, grown) if is_new else part
    for venue_id in lonely[:SINGLE_PROBS]:
        await _read_one(api_url, venue_id, reading, http, grown)
    if len(lonely) > SINGLE_PROBS:
        unread = len(lonely) - SINGLE_PROBS
        reading.notes.append((api_url, f"{unread} probabilities were not read one by one"))
    return grown


async def _read_call(
    api_url: str, call: list[str], reading: Reading, http: Fetcher, grown: dict[str, int]
) -> list[str]:
    """Return the ids of a call that Manifold refuses as a whole; none when it was read."""
    if reading.is_down:
        return []
    url = f"{api_url}/market-probs"
    try:
        response = await http.get(url, params={"ids": call})
        assert response is not None
        payload = _answered(response)
    except (SourceError, ParseError) as error:
        if isinstance(error, PermanentSourceError) and error.status in NOT_THERE:
            return call
        reading.failed(error, in_a_row=1)
        reading.notes.append((url, f"{len(call)} probabilities were not read: {error}"))
        return []
    for venue_id in call:
        if venue_id not in payload:
            reading.missing.append((url, f"market {venue_id!r} has no probability any more"))
            reading.unread.add(venue_id)
    _take_probs(reading, response, payload, call, http.now, grown)
    return []


async def _read_one(
    api_url: str, venue_id: str, reading: Reading, http: Fetcher, grown: dict[str, int]
) -> None:
    if reading.is_down:
        return
    url = f"{api_url}/market/{path_of(venue_id)}/prob"
    try:
        response = await http.get(url)
        assert response is not None
        payload = {venue_id: _answered(response)}
    except (SourceError, ParseError) as error:
        if isinstance(error, PermanentSourceError) and error.status in NOT_THERE:
            reading.missing.append((url, f"market {venue_id!r} has no probability any more"))
            reading.unread.add(venue_id)
            return
        reading.failed(error, in_a_row=1)
        reading.notes.append((url, f"a probability was not read: {error}"))
        return
    _take_probs(reading, response, payload, [venue_id], http.now, grown)


def _answered(response: Response) -> Json:
    """Return the object an answer holds; raises ParseError for anything else."""
    payload = response.json()
    refuse_error(payload, what=response.url)
    if not isinstance(payload, dict):
        raise ParseError(f"{response.url}: expected probabilities")
    return payload


def _take_probs(
    reading: Reading,
    response: Response,
    payload: Mapping[str, object],
    asked: Iterable[str],
    at: datetime,
    grown: dict[str, int],
) -> None:
    """Add one answer: its page, which markets it prices, and which have another answer count."""
    markets = {venue_id: reading.polled[venue_id][2] for venue_id in asked}
    reading.probs.append(Page("probs", response.url, response.body, at, {"markets": markets}))
    for venue_id in markets:
        found = payload.get(venue_id)
        if not isinstance(found, dict):
            continue
        reading.priced.add(venue_id)
        probs = found.get("answerProbs")
        if isinstance(probs, dict) and len(probs) != reading.polled[venue_id][0]:
            grown[venue_id] = len(probs)


def _batches(names: Iterable[str], size: int) -> Iterator[list[str]]:
    remaining = iter(list(names))
    while batch := list(islice(remaining, size)):
        yield batch
