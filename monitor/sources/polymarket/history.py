"""One chunk of Polymarket's past from the network: the Data API's v2 first, v1 where it fails.

Source: docs.polymarket.com, Data API v2 (`/v2/prices-history`, `/v2/trades`) and the page on
moving there from v1; CLOB `/prices-history`, whose `market` is a token id: `token_id` is ignored
there and gives an empty history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.errors import ParseError, PermanentSourceError, SourceError, TransientSourceError
from monitor.http_response import Response
from monitor.sources.base import Chunk, Fetcher, Page
from monitor.sources.instants import instant_from_s
from monitor.sources.polymarket.data_api import Answer, read_pages
from monitor.sources.polymarket.fields import said
from monitor.sources.polymarket.past import seconds

POINTS_PER_PAGE = 10_000
TRADES_PER_PAGE = 1_000
LAST_OFFSET = 10_000
COARSE_V2_S = 10_800
COARSE_V1_S = 43_200
# Width of a bucket in seconds, and how long the venue keeps such buckets.
_KEPT = (
    (60, timedelta(days=7)),
    (300, timedelta(days=60)),
    (1800, timedelta(days=90)),
)
_NOT_SERVED = frozenset({400, 404, 405, 410, 422})


@dataclass(frozen=True, slots=True)
class Hosts:
    """The two hosts that tell of the past."""

    clob_url: str
    data_url: str


async def read_chunk(hosts: Hosts, http: Fetcher, chunk: Chunk) -> list[Page]:
    """Return the pages of one chunk, complete or not at all.

    No page for a chunk that lies in the future, a page without points for one that holds none.
    Raises SourceError.
    """
    until = min(chunk.until, http.now)
    if chunk.target is None or until <= chunk.since:
        return []
    read = _trades if chunk.context.get("what") == "trades" else _prices
    return await read(hosts, http, chunk, {"since": seconds(chunk.since), "until": seconds(until)})


def width(age: timedelta) -> int:
    """Return the finest bucket, in seconds, that is still kept for prices as old as `age`."""
    return next((bucket for bucket, kept in _KEPT if age <= kept), COARSE_V2_S)


async def _prices(
    hosts: Hosts, http: Fetcher, chunk: Chunk, window: Mapping[str, int]
) -> list[Page]:
    """Return the prices at the finest width; where there are none, at the one kept for ever.

    An empty answer can mean that nothing was traded or that the width is too fine.
    """
    bucket = width(http.now - chunk.since)
    try:
        pages, points = await _prices_v2(hosts, http, chunk, window, bucket)
        if points == 0 and bucket < COARSE_V2_S:
            pages, points = await _prices_v2(hosts, http, chunk, window, COARSE_V2_S)
            pages += _too_fine(pages) if points else []
    except SourceError as error:
        if not _may_fall_back(error):
            raise
        pages, points = await _prices_v1(hosts, http, chunk, window, bucket)
        if points == 0:
            pages, points = await _prices_v1(hosts, http, chunk, window, COARSE_V1_S)
            pages += _too_fine(pages) if points else []
    return pages


async def _prices_v2(
    hosts: Hosts, http: Fetcher, chunk: Chunk, window: Mapping[str, int], bucket: int
) -> tuple[list[Page], int]:
    assert chunk.target is not None
    pages: list[Page] = []
    points = 0
    params = {
        "token_id": chunk.target.venue_outcome_id,
        "start": window["since"],
        "end": window["until"],
        "bucket_seconds": bucket,
        "limit": POINTS_PER_PAGE,
    }

    def add(answer: Answer) -> bool:
        nonlocal points
        pages.append(_price_page(answer.response, http.now, chunk, window, bucket))
        points += len(answer.rows)
        return False

    if not await read_pages(f"{hosts.data_url}/v2/prices-history", params, http, until=add):
        raise TransientSourceError(f"{hosts.data_url}: a window of prices without an end")
    return pages, points


async def _prices_v1(
    hosts: Hosts, http: Fetcher, chunk: Chunk, window: Mapping[str, int], bucket: int
) -> tuple[list[Page], int]:
    assert chunk.target is not None
    params = {
        "market": chunk.target.venue_outcome_id,
        "startTs": window["since"],
        "endTs": window["until"],
        "fidelity": bucket // 60,
    }
    response = await http.get(f"{hosts.clob_url}/prices-history", params=params)
    assert response is not None
    payload = response.json()
    points = payload.get("history") if isinstance(payload, dict) else None
    page = _price_page(response, http.now, chunk, window, bucket)
    return [page], len(points) if isinstance(points, list) else 0


def _price_page(
    response: Response, at: datetime, chunk: Chunk, window: Mapping[str, int], bucket: int
) -> Page:
    assert chunk.target is not None
    context = {
        "venue_id": chunk.target.venue_id,
        "token_id": chunk.target.venue_outcome_id,
        "bucket_s": bucket,
        **window,
    }
    return Page("prices-history", response.url, response.body, at, context)


def _too_fine(pages: list[Page]) -> list[Page]:
    last = pages[-1]
    reason = "the finer prices of this stretch are no longer kept; the coarse ones stand in"
    return [Page("notice", last.url, reason.encode(), last.fetched_at)]


async def _trades(
    hosts: Hosts, http: Fetcher, chunk: Chunk, window: Mapping[str, int]
) -> list[Page]:
    try:
        return await _trades_v2(hosts, http, chunk, window)
    except SourceError as error:
        # v1 lives on the same host: what asks for a pause asks for it there too.
        if not _may_fall_back(error) or getattr(error, "retry_after_s", None) is not None:
            raise
        return await _trades_v1(hosts, http, chunk, window)


async def _trades_v2(
    hosts: Hosts, http: Fetcher, chunk: Chunk, window: Mapping[str, int]
) -> list[Page]:
    """Return the pages of fills, newest first, down to the window's begin."""
    walk = _Walk(chunk, window)
    params = {"condition": chunk.context["condition"], "limit": TRADES_PER_PAGE}

    def add(answer: Answer) -> bool:
        return walk.add(answer.response, answer.rows, http.now)

    ended = await read_pages(f"{hosts.data_url}/v2/trades", params, http, until=add)
    return walk.pages if ended else walk.cut(http.now)


async def _trades_v1(
    hosts: Hosts, http: Fetcher, chunk: Chunk, window: Mapping[str, int]
) -> list[Page]:
    walk = _Walk(chunk, window)
    for offset in range(0, LAST_OFFSET + 1, TRADES_PER_PAGE):
        response = await http.get(
            f"{hosts.data_url}/trades",
            params={
                "market": chunk.context["condition"],
                "limit": TRADES_PER_PAGE,
                "offset": offset,
            },
        )
        assert response is not None
        rows = response.json()
        if not isinstance(rows, list):
            raise ParseError(f"{response.url}: expected trades, got {said(rows)}")
        if walk.add(response, rows, http.now) or len(rows) < TRADES_PER_PAGE:
            return walk.pages
    return walk.cut(http.now)


class _Walk:
    """A walk back through the fills of one market."""

    def __init__(self, chunk: Chunk, window: Mapping[str, int]) -> None:
        assert chunk.target is not None
        self.pages: list[Page] = []
        self._window = window
        self._context = {
            "markets": {str(chunk.context["condition"]): chunk.target.venue_id},
            "token_id": chunk.target.venue_outcome_id,
            **window,
        }

    def add(self, response: Response, rows: list[object], at: datetime) -> bool:
        """Keep a page that reaches into the window; return whether the walk has passed it."""
        times = [when for row in rows if (when := _time_of(row)) is not None]
        if not times or min(times) < self._window["until"]:
            self.pages.append(Page("trades", response.url, response.body, at, self._context))
        return bool(times) and min(times) < self._window["since"]

    def cut(self, at: datetime) -> list[Page]:
        """Return the pages and a notice that the walk ended early."""
        reason = "older trades of this market were not read: there are too many"
        url = self.pages[-1].url if self.pages else ""
        return [*self.pages, Page("notice", url, reason.encode(), at)]


def _time_of(row: object) -> int | None:
    try:
        at = instant_from_s(row.get("timestamp")) if isinstance(row, dict) else None
    except ValueError:
        return None
    return None if at is None else seconds(at)


def _may_fall_back(error: SourceError) -> bool:
    """Return whether v1 is worth a try: v2 is not served or fails, but asks for no patience."""
    if isinstance(error, PermanentSourceError):
        return error.status in _NOT_SERVED
    return "HTTP 429" not in str(error)
