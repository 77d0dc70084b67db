"""Reading Manifold's markets in full, and what one poll has read so far.

A market is asked by its contract id or its slug; a name without a dash may be either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from monitor.errors import ParseError, PermanentSourceError, SourceError, TransientSourceError
from monitor.http_response import Response
from monitor.sources.base import Fetcher, Page
from monitor.sources.manifold.wire import (
    Json,
    answers,
    life,
    market_id,
    markets_of,
    outcome_type,
    volume_24h,
)
from storage.records import MarketStatus

# A host that failed twice running is down; asking it for each of fifty more costs the poll.
PATIENCE = 2
NOT_THERE = frozenset({400, 404, 410, 422})


@dataclass(slots=True)
class Reading:
    """What one poll has read so far.

    `polled` maps the contract id of an open, priced market to `[answers, close in ms, 24 h
    volume]`; `markets` and `probs` are the pages. `is_down`: Manifold does not answer, or asked
    us to wait, so nothing more is asked in this poll.
    """

    polled: dict[str, list[object]]
    markets: dict[str, Page] = field(default_factory=dict)
    probs: list[Page] = field(default_factory=list)
    priced: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    notes: list[tuple[str, str]] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)
    is_down: bool = False

    def failed(self, error: SourceError | ParseError, *, in_a_row: int) -> None:
        """Note one failure, `in_a_row` with those before it, and whether it is the last."""
        if isinstance(error, SourceError):
            self.errors.append(error)
        asked_to_wait = isinstance(error, TransientSourceError) and error.retry_after_s is not None
        self.is_down = self.is_down or asked_to_wait or in_a_row >= PATIENCE

    def pages(self, at: datetime) -> list[Page]:
        """Return the markets, their probabilities, and a page for each thing not read."""
        markets = [
            Page(p.shape, p.url, p.body, p.fetched_at, {**p.context, "priced": name in self.priced})
            for name, p in self.markets.items()
        ]
        missing = [Page("missing", url, text.encode(), at) for url, text in self.missing]
        notes = [Page("notice", url, text.encode(), at) for url, text in self.notes]
        return [*markets, *self.probs, *missing, *notes]


async def read_markets(
    api_url: str, wanted: Mapping[str, list[str]], reading: Reading, http: Fetcher
) -> None:
    """Read the `wanted` names in full, each with its reference keys; what fails becomes a note."""
    failures = 0
    for name, refs in wanted.items():
        if reading.is_down:
            reading.unread.add(name)
            continue
        if name in reading.markets:
            _follow_too(reading.markets[name], refs)
            continue
        try:
            response = await _ask(api_url, name, http)
            _take(reading, response, refs, http.now)
            failures = 0
        except PermanentSourceError as error:
            failures = 0
            _not_read(reading, f"{api_url}/market/{path_of(name)}", name, error)
        except (TransientSourceError, ParseError) as error:
            failures += 1
            reading.failed(error, in_a_row=failures)
            reading.unread.add(name)
            reading.notes.append((api_url, f"market {name!r} was not read: {error}"))
    if reading.is_down and reading.unread:
        count = len(reading.unread)
        reading.notes.append((api_url, f"{count} markets wait: Manifold does not answer"))


async def _ask(api_url: str, name: str, http: Fetcher) -> Response:
    """Return the market called `name`; contract ids have no dash, but a slug may have none too."""
    by_slug = f"{api_url}/slug/{path_of(name)}"
    try:
        response = await http.get(by_slug if "-" in name else f"{api_url}/market/{path_of(name)}")
    except PermanentSourceError as error:
        if "-" in name or error.status not in NOT_THERE:
            raise
        response = await http.get(by_slug)
    assert response is not None
    return response


def _not_read(reading: Reading, url: str, name: str, error: PermanentSourceError) -> None:
    if error.status in NOT_THERE:
        reading.missing.append((url, f"market {name!r} not found ({error.status})"))
        reading.ended.add(name)
        reading.polled.pop(name, None)
        return
    reading.errors.append(error)
    reading.unread.add(name)
    reading.notes.append((url, f"market {name!r} was not read: {error}"))


def _take(reading: Reading, response: Response, refs: Iterable[str], at: datetime) -> None:
    """Add one market: its page, and whether its price is to be polled."""
    market = next(iter(markets_of(response.json(), what=response.url)), None)
    if not isinstance(market, dict):
        raise ParseError(f"{response.url}: expected a market")
    try:
        venue_id = market_id(market)
    except ValueError as error:
        raise ParseError(f"{response.url}: {error}") from error
    if venue_id in reading.markets:
        _follow_too(reading.markets[venue_id], refs)
        return
    context = {"refs": list(refs)}
    reading.markets[venue_id] = Page("market", response.url, response.body, at, context)
    entry = _entry(market, at)
    if entry is None:
        reading.polled.pop(venue_id, None)
    else:
        reading.polled[venue_id] = entry
    if life(market, at=at) is MarketStatus.RESOLVED:
        reading.ended.add(venue_id)


def _follow_too(page: Page, refs: Iterable[str]) -> None:
    """Note that further references name a market that was read already."""
    known = page.context["refs"]
    assert isinstance(known, list)
    known.extend(ref for ref in refs if ref not in known)


def _entry(market: Json, at: datetime) -> list[object] | None:
    """Return what is remembered of a market to poll; None when it has no price to follow."""
    try:
        outcome_type(market)
        listed = len(answers(market))
    except ValueError:
        return None
    if life(market, at=at) is not MarketStatus.OPEN:
        return None
    volume = volume_24h(market)
    return [listed, market.get("closeTime"), None if volume is None else format(volume, "f")]


def path_of(name: str) -> str:
    """Return `name` fit to stand in a path."""
    return quote(name, safe="")
