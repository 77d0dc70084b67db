"""Asking the venues for markets by words, live; nothing is stored."""

from __future__ import annotations

import asyncio
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog

from monitor.clock import Clock
from monitor.config import Config
from monitor.errors import MonitorError
from monitor.http_client import HttpClient
from monitor.sources import BUILT_IN
from monitor.sources.base import Page, Searching, SourceModel
from storage.records import Batch, MarketRecord, MarketStatus, OutcomeRecord, QuoteRecord

log = structlog.get_logger()

_NOTICES = {"notice", "missing"}
_PLAIN_YAML = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_YAML_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


LEGS = 10


@dataclass(frozen=True, slots=True)
class FoundLeg:
    """One outcome that was found, with its price 0..1; `spread` only where there is a book."""

    outcome_id: str
    name: str
    price: Decimal | None
    spread: Decimal | None
    volume_24h: Decimal | None


@dataclass(frozen=True, slots=True)
class FoundMarket:
    """One question or series at a venue; `line` is what the config needs to follow it.

    `legs` by price, the highest first. `volume_24h` is the sum of what the legs tell, in the
    venue's money.
    """

    venue: str
    title: str
    line: str
    url: str | None
    closes_at: datetime | None
    legs: tuple[FoundLeg, ...]

    @property
    def volume_24h(self) -> Decimal | None:
        """Return the sum over the legs that tell theirs; None when none does."""
        told = [leg.volume_24h for leg in self.legs if leg.volume_24h is not None]
        return sum(told, Decimal()) if told else None


@dataclass(slots=True)
class SearchReport:
    """What a search found. By source: why it `failed`, and what it says it did not read."""

    asked: int = 0
    markets: list[FoundMarket] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)


def searchable(config: Config) -> tuple[SourceModel, ...]:
    """Return the sources that can be asked: the config's, and the default of each other venue.

    A source that is switched off is not asked, and neither is its venue's default.
    """
    configured = {str(getattr(source, "kind", "")) for source in config.sources}
    defaults = [
        model(name=kind)
        for model in BUILT_IN
        if issubclass(model, Searching)
        and (kind := str(model.model_fields["kind"].default)) not in configured
    ]
    known = [*(source for source in config.sources if source.enabled), *defaults]
    return tuple(source for source in known if _can_search(source))


async def search_markets(
    config: Config, sources: Sequence[SourceModel], text: str, clock: Clock, *, limit: int
) -> SearchReport:
    """Return the open markets whose question or series names every word of `text`.

    All `sources` are asked at once, at most `limit` markets are kept of each, in its own order.
    """
    report = SearchReport(asked=len(sources))
    async with HttpClient(
        clock,
        contact=config.http.contact,
        deadline=config.http.deadline,
        max_bytes=config.http.max_bytes,
        allow_private_hosts=frozenset(config.http.allow_private_hosts),
    ) as http:
        answers = await asyncio.gather(
            # A venue counts legs where we count questions, and would cut one in the middle.
            *(_ask(http, source, text, limit=limit * LEGS) for source in sources)
        )
    for source, answer in zip(sources, answers, strict=True):
        if isinstance(answer, str):
            report.failed[source.name] = answer
            continue
        report.markets += found_markets((batch for _, batch in answer), text)[:limit]
        said = [r.reason for page, b in answer if page.shape in _NOTICES for r in b.rejects]
        if said:
            report.notes[source.name] = list(dict.fromkeys(said))
    return report


def found_markets(batches: Iterable[Batch], text: str) -> list[FoundMarket]:
    """Return the open markets of `batches` that `text` fits, one for each series, in order."""
    quotes: dict[tuple[str, str], QuoteRecord] = {}
    series: dict[tuple[str, str], dict[str, MarketRecord]] = {}
    for batch in batches:
        for quote in batch.quotes:
            quotes[(quote.venue_id, quote.venue_outcome_id)] = quote
        for market in batch.markets:
            if market.status is MarketStatus.OPEN and fits(market, text):
                key = (market.venue, market.series or market.venue_id)
                series.setdefault(key, {}).setdefault(market.venue_id, market)
    return [_found(list(markets.values()), quotes) for markets in series.values()]


def fits(market: MarketRecord, text: str) -> bool:
    """Return whether each word of `text` begins one of the question, its leg or series' title."""
    names = (market.question, market.series_title or "", market.label or "")
    said = _folded(" ".join(names))
    return all(_occurs(word, said) for word in _folded(text).split())


def config_line(market: MarketRecord) -> str:
    """Return the YAML list entry that makes a theme follow `market`, with its whole series."""
    is_series = market.series is not None and market.series != market.venue_id
    key, name = ("event", market.series) if is_series else ("id", market.venue_id)
    return f"- {{venue: {market.venue}, {key}: {_yaml(str(name))}}}"


def _can_search(source: object) -> bool:
    return isinstance(source, Searching)


async def _ask(
    http: HttpClient, source: SourceModel, text: str, *, limit: int
) -> list[tuple[Page, Batch]] | str:
    """Return what a source found, or why it found nothing."""
    assert isinstance(source, Searching)
    session = http.session(
        source.name, validators={}, spacing_s=float(getattr(source, "spacing_s", 0.0))
    )
    parser: Any = source
    try:
        pages = await source.search(session, text, limit=limit)
        return [(page, await asyncio.to_thread(parser.parse, page)) for page in pages]
    except MonitorError as error:
        return str(error)
    except Exception as error:
        log.exception("source broke", source=source.name)
        return f"the source broke with {type(error).__name__}: {error}"[:200]


def _found(
    markets: Sequence[MarketRecord], quotes: dict[tuple[str, str], QuoteRecord]
) -> FoundMarket:
    first = markets[0]
    legs = [
        _leg(market, outcome, quotes.get((market.venue_id, outcome.venue_outcome_id)))
        for market in markets
        for outcome in _shown(market, quotes)
    ]
    closes = [market.closes_at for market in markets if market.closes_at is not None]
    return FoundMarket(
        venue=first.venue,
        title=first.series_title or first.question,
        line=config_line(first),
        url=first.url,
        closes_at=max(closes, default=None),
        legs=tuple(sorted(legs, key=lambda leg: -1 if leg.price is None else leg.price)[::-1]),
    )


def _shown(market: MarketRecord, quotes: dict[tuple[str, str], QuoteRecord]) -> list[OutcomeRecord]:
    """Return the outcomes that have a price, else the first one."""
    priced = [o for o in market.outcomes if (market.venue_id, o.venue_outcome_id) in quotes]
    return priced or list(market.outcomes[:1])


def _leg(market: MarketRecord, outcome: OutcomeRecord, quote: QuoteRecord | None) -> FoundLeg:
    return FoundLeg(
        outcome_id=outcome.venue_outcome_id,
        name=market.label or outcome.name,
        price=None if quote is None else _price(quote),
        spread=None
        if quote is None or quote.bid is None or quote.ask is None
        else quote.ask - quote.bid,
        volume_24h=None if quote is None else quote.volume_24h,
    )


def _price(quote: QuoteRecord) -> Decimal | None:
    """Return the venue's own value, the middle of a two-sided book, or the last trade."""
    if quote.value is not None:
        return quote.value
    if quote.bid is not None and quote.ask is not None:
        return (quote.bid + quote.ask) / 2
    return quote.last


def _occurs(word: str, said: str) -> bool:
    """Return whether a word of `said` begins with `word`; Han and the like stand anywhere."""
    if not word.isascii():
        return word in said
    return re.search(rf"(?<![0-9a-z]){re.escape(word)}", said) is not None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _yaml(text: str) -> str:
    """Return `text` as a YAML scalar that stays text: numbers, dates and words like `no` quoted."""
    is_plain = _PLAIN_YAML.fullmatch(text) and text.lower() not in _YAML_WORDS
    return text if is_plain else json.dumps(text)
