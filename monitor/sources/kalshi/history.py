"""Kalshi's past, chunk by chunk: candles by the minute for a month, by the hour before, trades.

The venue keeps a live and a historical tier. Trades move to the latter by their age, candles with
their market, once it has been settled for long: so candles are asked of the live tier first.
Source: docs.kalshi.com, "Historical data"; candle calls of at most 5,000 are a field report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from monitor.errors import ParseError, PermanentSourceError, TransientSourceError
from monitor.http_response import Response
from monitor.sources.base import Chunk, Fetcher, Page, Target, grid
from monitor.sources.instants import instant_or_none
from monitor.sources.kalshi.discovery import following
from monitor.sources.kalshi.reading import NOT_THERE, path
from monitor.sources.kalshi.wire import envelope_of, rows_of, series_of, text

FINE = timedelta(days=30)
TRADES_SPAN = timedelta(days=7)
TRADES_LIMIT = 1000
TRADES_PAGES = 100
MAX_CANDLES = 5_000
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Width:
    """Candles of `step_s`, asked for in stretches of `span`."""

    name: str
    step_s: int
    span: timedelta


_MINUTES = _Width("1m", 60, timedelta(days=3))
_HOURS = _Width("1h", 3_600, timedelta(days=30))


async def make_chunks(
    api_url: str, http: Fetcher, targets: Sequence[Target], *, since: datetime, until: datetime
) -> list[Chunk]:
    """Return the stretches of candles and trades of each target in [since, until), newest first.

    Raises like `Fetcher.get` when the venue does not say where its history begins.
    """
    cutoffs = await _cutoffs(api_url, http)
    chunks: list[Chunk] = []
    for target in dict.fromkeys(targets):
        chunks += _candle_chunks(target, since, until, cutoffs)
        chunks += _trade_chunks(target, since, until, cutoffs)
    return sorted(chunks, key=lambda chunk: chunk.since, reverse=True)


async def read_chunk(api_url: str, http: Fetcher, chunk: Chunk) -> list[Page]:
    """Return the pages of one chunk of `make_chunks`. Raises like `Fetcher.get`."""
    if chunk.target is None:
        raise ValueError(f"chunk {chunk.key} names no market")
    if chunk.context.get("kind") == "trades":
        return await _trades(api_url, http, chunk, chunk.target)
    return [await _candles(api_url, http, chunk, chunk.target)]


async def _cutoffs(api_url: str, http: Fetcher) -> dict[str, str]:
    """Return the instants before which the historical tier answers, as ISO; none without one."""
    try:
        response = await http.get(f"{api_url}/historical/cutoff")
        assert response is not None
        cutoff = envelope_of(response.json(), what=response.url)
    except PermanentSourceError as error:
        if error.status in NOT_THERE:
            return {}
        raise
    except ParseError as error:
        raise TransientSourceError(str(error)) from error
    names = ("market_settled_ts", "trades_created_ts")
    return {name: value for name in names if (value := text(cutoff, name))}


def _candle_chunks(
    target: Target, since: datetime, until: datetime, cutoffs: dict[str, str]
) -> Iterator[Chunk]:
    fine_from = max(since, until - FINE)
    for width, first, last in ((_MINUTES, fine_from, until), (_HOURS, since, fine_from)):
        for start, end in grid(first, last, width.span) if first < last else ():
            assert width.span <= timedelta(seconds=width.step_s) * MAX_CANDLES
            context = {"kind": "candles", "step_s": width.step_s}
            context["archived_before"] = cutoffs.get("market_settled_ts") or ""
            key = f"candles:{width.name}:{target.venue_id}:{start:%Y-%m-%d}"
            yield Chunk(key, start, end, target, context)


def _trade_chunks(
    target: Target, since: datetime, until: datetime, cutoffs: dict[str, str]
) -> Iterator[Chunk]:
    for start, end in grid(since, until, TRADES_SPAN):
        context = {"kind": "trades", "archived_before": cutoffs.get("trades_created_ts") or ""}
        yield Chunk(f"trades:{target.venue_id}:{start:%Y-%m-%d}", start, end, target, context)


async def _candles(api_url: str, http: Fetcher, chunk: Chunk, target: Target) -> Page:
    """Return the candles that end in the chunk; an archived market's come from history."""
    ticker, step_s = target.venue_id, cast("int", chunk.context["step_s"])
    series = series_of(target.series or ticker)
    live = f"{api_url}/series/{path(series)}/markets/{path(ticker)}/candlesticks"
    archived = f"{api_url}/historical/markets/{path(ticker)}/candlesticks"
    params: dict[str, object] = {**_window(chunk, http.now), "period_interval": step_s // 60}
    missing: PermanentSourceError | None = None
    response = None
    try:
        response = await _got(http, live, params)
    except PermanentSourceError as error:
        if error.status not in NOT_THERE:
            raise
        missing = error
    if response is None or (chunk.since < _cutoff(chunk) and not _holds_candles(response)):
        response = await _unless_missing(http, archived, params) or response
    if response is None:
        assert missing is not None
        raise missing
    context = {"ticker": ticker, "step_s": step_s}
    return Page("candlesticks", response.url, response.body, http.now, context)


async def _trades(api_url: str, http: Fetcher, chunk: Chunk, target: Target) -> list[Page]:
    """Return the trades of the chunk, from both tiers where the border lies inside it."""
    cutoff, pages = _cutoff(chunk), list[Page]()
    if chunk.until > cutoff:
        pages += await _trade_pages(f"{api_url}/markets/trades", http, chunk, target)
    if chunk.since < cutoff:
        pages += await _trade_pages(f"{api_url}/historical/trades", http, chunk, target)
    return pages


async def _trade_pages(url: str, http: Fetcher, chunk: Chunk, target: Target) -> list[Page]:
    window = _window(chunk, http.now)
    params: dict[str, object] = {"ticker": target.venue_id, "limit": TRADES_LIMIT}
    params |= {"min_ts": window["start_ts"], "max_ts": window["end_ts"] + 1}
    context = {"ticker": target.venue_id}
    pages: list[Page] = []
    seen: set[str] = set()
    for _ in range(TRADES_PAGES):
        response = await _got(http, url, params)
        pages.append(Page("trades", response.url, response.body, http.now, context))
        after = following(response.json())
        if not after:
            return pages
        if after in seen:
            return [*pages, _notice(url, f"{chunk.key}: the cursor repeats", http.now)]
        seen.add(after)
        params["cursor"] = after
    cut = f"{chunk.key}: more than {TRADES_PAGES * TRADES_LIMIT} trades; the earliest are unread"
    return [*pages, _notice(url, cut, http.now)]


def _window(chunk: Chunk, now: datetime) -> dict[str, int]:
    """Return the seconds of the chunk up to `now`: the venue's end is inclusive, ours is not."""
    start = int(chunk.since.timestamp())
    return {"start_ts": start, "end_ts": max(int(min(chunk.until, now).timestamp()) - 1, start)}


def _cutoff(chunk: Chunk) -> datetime:
    """Return where the historical tier ends; the beginning of time when the venue has none."""
    try:
        return instant_or_none(chunk.context.get("archived_before")) or _NEVER
    except ValueError:
        return _NEVER


def _holds_candles(response: Response) -> bool:
    return bool(rows_of(response.json(), "candlesticks", what=response.url))


async def _got(http: Fetcher, url: str, params: Mapping[str, object]) -> Response:
    response = await http.get(url, params=params)
    assert response is not None
    return response


async def _unless_missing(http: Fetcher, url: str, params: Mapping[str, object]) -> Response | None:
    try:
        return await _got(http, url, params)
    except PermanentSourceError as error:
        if error.status not in NOT_THERE:
            raise
        return None


def _notice(url: str, said: str, at: datetime) -> Page:
    return Page("notice", url, said.encode(), at)
