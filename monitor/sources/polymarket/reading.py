"""What a Polymarket poll reads from Gamma: events by slug, markets by id, a few at a time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from urllib.parse import quote

from monitor.errors import MonitorError, ParseError, PermanentSourceError, TransientSourceError
from monitor.http_response import Response
from monitor.sources.base import Fetcher, Page
from monitor.sources.numbers import quantity
from monitor.sources.polymarket.discovery import Plan
from monitor.sources.polymarket.fields import Json, text, text_id, text_list
from monitor.sources.polymarket.oracle import Verdict, is_silent
from monitor.sources.polymarket.verdicts import Silent
from monitor.sources.polymarket.wire import events_of, is_settled, legs, markets_of, trading_token

AT_ONCE = 4
# So many ids are asked for in one list instead of one by one.
LIST_FROM = 5
IDS_PER_LIST = 100
# A host that failed twice running is down; asking it for each of fifty more costs the poll.
PATIENCE = 2
_NOT_THERE = frozenset({400, 404, 410, 422})
_CONDITION = re.compile(r"0x[0-9a-fA-F]{1,64}")


@dataclass(slots=True)
class Reading:
    """What one poll has read so far.

    `tokens` maps a token to `[market id, 24 h volume]`; `silent` holds, by market id, what is
    closed without a result; `told` are the ids of markets that were told of.
    """

    pages: list[Page] = field(default_factory=list)
    tokens: dict[str, list[object]] = field(default_factory=dict)
    booked: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    silent: dict[str, Silent] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    notes: list[tuple[str, str]] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    errors: list[MonitorError] = field(default_factory=list)

    def notices(self, at: datetime) -> list[Page]:
        """Return a page for each thing that was asked for and not read."""
        missing = [Page("missing", url, said.encode(), at) for url, said in self.missing]
        return missing + [Page("notice", url, said.encode(), at) for url, said in self.notes]

    def add(self, other: Reading) -> None:
        """Add what `other` has read."""
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, list):
                mine.extend(theirs)
            else:
                mine.update(theirs)


@dataclass(frozen=True, slots=True)
class _Ask:
    """One request: `name` is `event:slug`, `market:id` or `markets`; `refs` by slug or id."""

    name: str
    url: str
    refs: Mapping[str, list[str]]
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class _Line:
    """The way to Gamma: how many at once, and how often running it failed."""

    http: Fetcher
    verdicts: Mapping[str, Verdict]
    gate: asyncio.Semaphore
    failures: int = 0

    @property
    def is_down(self) -> bool:
        return self.failures >= PATIENCE


async def read_gamma(gamma_url: str, plan: Plan, http: Fetcher) -> Reading:
    """Return the planned events and markets; one that fails becomes a note, not the end.

    Pages come in the order of the plan, however the answers arrive.
    """
    reading = Reading(errors=list(plan.errors))
    reading.notes = [(gamma_url, note) for note in plan.notes]
    line = _Line(http, plan.verdicts, asyncio.Semaphore(AT_ONCE))
    events = [_event(gamma_url, slug, refs) for slug, refs in plan.events.items()]
    lists = list(_lists(gamma_url, plan.markets)) if len(plan.markets) >= LIST_FROM else []
    await _read_all([*events, *lists], line, reading)
    # A list leaves out what is closed; asked for by its id it is told.
    singles = [
        _market(gamma_url, venue_id, refs)
        for venue_id, refs in plan.markets.items()
        if not (lists and venue_id in reading.told)
    ]
    await _read_all(singles, line, reading)
    return reading


def _event(gamma_url: str, slug: str, refs: list[str]) -> _Ask:
    return _Ask(f"event:{slug}", f"{gamma_url}/events/slug/{quote(slug, safe='')}", {slug: refs})


def _market(gamma_url: str, venue_id: str, refs: list[str]) -> _Ask:
    path = quote(venue_id, safe="")
    return _Ask(f"market:{venue_id}", f"{gamma_url}/markets/{path}", {venue_id: refs})


def _lists(gamma_url: str, markets: Mapping[str, list[str]]) -> Iterator[_Ask]:
    ids = list(markets)
    for start in range(0, len(ids), IDS_PER_LIST):
        asked = ids[start : start + IDS_PER_LIST]
        yield _Ask(
            "markets",
            f"{gamma_url}/markets/keyset",
            {venue_id: markets[venue_id] for venue_id in asked},
            {"id": asked, "limit": IDS_PER_LIST},
        )


async def _read_all(asks: Sequence[_Ask], line: _Line, reading: Reading) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_read(ask, line)) for ask in asks]
    for task in tasks:
        reading.add(task.result())


async def _read(ask: _Ask, line: _Line) -> Reading:
    """Return what one request told, or the note of its failure."""
    found = Reading()
    async with line.gate:
        if line.is_down:
            found.notes.append((ask.url, f"{ask.name} was not read: Gamma does not answer"))
            return found
        try:
            response = await line.http.get(ask.url, params=ask.params)
            assert response is not None
            _take(found, ask, response, line)
            line.failures = 0
        except PermanentSourceError as error:
            line.failures = 0
            _not_found(found, ask, error)
        except (TransientSourceError, ParseError) as error:
            line.failures += 1
            found.errors.append(error)
            if isinstance(error, TransientSourceError) and error.retry_after_s is not None:
                line.failures = PATIENCE
            found.notes.append((ask.url, f"{ask.name} was not read: {error}"))
    return found


def _not_found(found: Reading, ask: _Ask, error: PermanentSourceError) -> None:
    noun, _, which = ask.name.partition(":")
    if error.status in _NOT_THERE and which:
        found.missing.append((ask.url, f"{noun} {which!r} not found ({error.status})"))
        found.gone.add(ask.name)
        return
    if error.status not in _NOT_THERE:
        found.errors.append(error)
    found.notes.append((ask.url, f"{ask.name} was not read: {error}"))


def _take(found: Reading, ask: _Ask, response: Response, line: _Line) -> None:
    """Add one answer: its page, the tokens to price, who is settled and who keeps silent."""
    payload = response.json()
    shape = ask.name.partition(":")[0]
    context: dict[str, object]
    if shape == "event":
        events = [e for e in events_of(payload, what=response.url) if isinstance(e, dict)]
        markets = [leg for event in events for leg in legs(event) if isinstance(leg, dict)]
        if events and all(is_settled(event, line.verdicts) for event in events):
            found.settled.add(ask.name)
        context = {"refs": [key for keys in ask.refs.values() for key in keys]}
    else:
        told = [m for m in markets_of(payload, what=response.url) if isinstance(m, dict)]
        markets = [market for market in told if _known_id(market) in ask.refs]
        context = {"refs_of": {venue_id: list(keys) for venue_id, keys in ask.refs.items()}}
        for market in markets:
            if is_settled({"closed": True, "markets": [market]}, line.verdicts):
                found.settled.add(f"market:{_known_id(market)}")
    for market in markets:
        _take_market(found, market, line.verdicts)
    verdicts = {key: line.verdicts[key].plain() for key in found.told if key in line.verdicts}
    context |= {"verdicts": verdicts} if verdicts else {}
    found.pages.append(Page(shape, response.url, response.body, line.http.now, context))


def _take_market(found: Reading, market: Json, verdicts: Mapping[str, Verdict]) -> None:
    """Note a market's token when it trades and its silence when it is; nothing if garbled."""
    try:
        venue_id = text_id(market)
        found.told.add(venue_id)
        if token := trading_token(market):
            found.tokens[token] = [venue_id, _volume(market)]
        condition = text(market, "conditionId") or ""
        if venue_id in verdicts or not is_silent(market) or not _CONDITION.fullmatch(condition):
            return
        names = text_list(market.get("outcomes"), what="outcomes")
    except ValueError:
        return
    question = text(market, "question")
    if question is not None:
        found.silent[venue_id] = Silent(venue_id, condition, question, names)


def _known_id(market: Json) -> str | None:
    try:
        return text_id(market)
    except ValueError:
        return None


def _volume(market: Json) -> str | None:
    """Return the 24 h volume as text; a garbled one must not cost the book."""
    try:
        volume = quantity(market.get("volume24hr"))
    except ValueError:
        return None
    return None if volume is None else format(volume, "f")
