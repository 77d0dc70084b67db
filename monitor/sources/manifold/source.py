"""Manifold: play-money questions, their probabilities and their past.

A poll asks the probabilities of every followed market in one call a hundred; the markets
themselves (text, answers, close, result) are read every 15 minutes, when they close and when they
get new answers. One question is one market; the answers of a multi-answer question are its
outcomes, and each of them is a leg. Prices are the market maker's, basis amm; volumes in mana.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from monitor.durations import Duration
from monitor.errors import ParseError
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
from monitor.sources.manifold.following import Plan, make_plan
from monitor.sources.manifold.past import bet_chunks, read_bets
from monitor.sources.manifold.prices import bets_batch, probs_batch
from monitor.sources.manifold.probs import read_probs
from monitor.sources.manifold.reading import Reading, read_markets
from monitor.sources.manifold.wire import VENUE, Json, market_quotes, market_record, markets_of
from monitor.sources.notices import notice_batch, remembering
from monitor.sources.web_address import BaseAddress
from storage.records import Batch, MarketRecord, Reject

SEARCH_MORE = 3
SEARCH_MOST = 100


class ManifoldSource(SourceModel):
    """The venue Manifold. Needs no key; 500 requests a minute are allowed, we stay at 400."""

    spacing_s: ClassVar[float] = 0.15

    kind: Literal["manifold"] = "manifold"
    every: Duration | Literal["auto"] = timedelta(minutes=1)
    api_url: BaseAddress = "https://api.manifold.markets/v0"

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the probabilities, the markets that are due and a notice for each not read.

        Raises the first SourceError when nothing at all could be read.
        """
        if not self._follow:
            return []
        plan = await make_plan(self.api_url, self._follow, cursor, http)
        reading = await _read(self.api_url, plan, http)
        if not reading.markets and not reading.probs and reading.errors:
            raise reading.errors[0]
        remembered = plan.cursor(polled=reading.polled, unread=reading.unread, ended=reading.ended)
        return remembering(reading.pages(http.now), remembered, url=self.api_url, at=http.now)

    def parse(self, page: Page) -> Batch:
        """Return what one page says. Raises ParseError when its envelope is wrong.

        Shapes: market, markets, probs, bets, missing and notice. Context: `refs`, `priced` (the
        price comes with another page), `markets` (those asked), `venue_id`, `outcome_id`,
        `cursor`.
        """
        read = _SHAPES.get(page.shape)
        if read is None:
            raise ParseError(f"{page.url}: no Manifold answer has the shape {page.shape!r}")
        batch = read(page)
        cursor = page.context.get("cursor")
        return replace(batch, cursor=dict(cursor)) if isinstance(cursor, dict) else batch

    async def search(self, http: Fetcher, text: str, *, limit: int) -> list[Page]:
        """Return one page of open markets that match `text`, answers and prices included."""
        response = await http.get(
            f"{self.api_url}/search-markets",
            params={
                "term": text,
                "filter": "open",
                "sort": "score",
                "limit": min(limit * SEARCH_MORE, SEARCH_MOST),
                "includeLiteAnswers": True,
            },
        )
        assert response is not None
        return [Page("markets", response.url, response.body, http.now)]

    async def chunks(
        self, http: Fetcher, targets: Sequence[Target], *, since: datetime, until: datetime
    ) -> list[Chunk]:
        """Return the stretches of 30 days of each leg, newest first; every bet is kept for ever."""
        del http
        return bet_chunks(targets, since=since, until=until)

    async def fetch_chunk(self, http: Fetcher, chunk: Chunk) -> list[Page]:
        """Return all bets of one leg in one stretch."""
        return await read_bets(self.api_url, chunk, http)


async def _read(api_url: str, plan: Plan, http: Fetcher) -> Reading:
    """Return the wanted markets and the probabilities of all open ones."""
    reading = Reading(dict(plan.polled), errors=list(plan.errors), is_down=plan.is_told_to_wait)
    reading.notes = [(api_url, note) for note in plan.notes]
    await read_markets(api_url, plan.wanted(http.now), reading, http)
    grown = await read_probs(api_url, reading, http)
    fresh = {name: plan.found.get(name, []) for name in grown if name not in reading.markets}
    await read_markets(api_url, fresh, reading, http)
    for venue_id, count in grown.items():
        # Also when the market lists fewer answers than have a price: it would be read for ever.
        if venue_id in reading.polled:
            reading.polled[venue_id][0] = count
    return reading


def _markets(page: Page) -> Batch:
    """Return the markets of a page, and their prices unless another page has them."""
    rows = markets_of(load_json(page.body, what=page.url), what=page.url)
    read, refused = parse_each(rows, lambda row: _market(row, page))
    unique: dict[str, MarketRecord] = {}
    fresh: list[Json] = []
    for record, market in read:
        if record.venue_id in unique:
            refused.append(Reject("repeated market", record.venue_id[:MAX_EXCERPT]))
            continue
        unique[record.venue_id] = record
        fresh.append(market)
    is_priced = page.context.get("priced") is True
    prices, mispriced = parse_each(
        () if is_priced else fresh, lambda row: list(market_quotes(row, at=page.fetched_at))
    )
    quotes = tuple(quote for found in prices for quote in found)
    refs = page.context.get("refs")
    keys = [str(key) for key in refs] if isinstance(refs, list | tuple) else []
    return Batch(
        markets=tuple(unique.values()),
        quotes=quotes,
        read_outcomes=tuple((VENUE, q.venue_id, q.venue_outcome_id) for q in quotes),
        followed=tuple((VENUE, venue_id, key) for venue_id in unique for key in keys),
        rejects=(*refused, *mispriced),
    )


def _market(row: object, page: Page) -> tuple[MarketRecord, Json]:
    if not isinstance(row, dict):
        raise ValueError("a market that is not an object")  # noqa: TRY004 - bad data
    return market_record(row, at=page.fetched_at), row


def _probs(page: Page) -> Batch:
    payload = load_json(page.body, what=page.url)
    return probs_batch(payload, page.context, at=page.fetched_at, what=page.url)


def _bets(page: Page) -> Batch:
    payload = load_json(page.body, what=page.url)
    return bets_batch(payload, page.context, at=page.fetched_at, what=page.url)


_SHAPES: Mapping[str, Callable[[Page], Batch]] = {
    "market": _markets,
    "markets": _markets,
    "probs": _probs,
    "bets": _bets,
    "missing": notice_batch,
    "notice": notice_batch,
}
