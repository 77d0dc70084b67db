"""Which Manifold markets to follow, and which to read in full in this poll.

References by slug or id are known; searches, patterns and tags are looked up every 15 minutes, and
every followed market is read in full then: its text, answers, close and result. Between, only
probabilities are asked. A found market stays until it has resolved, because a search for open
ones would drop it before. A resolution can be undone, so a market that the config names is read
at every look-up, for ever.

Cursor: `refs` (their keys), `discovered_at` (ISO), `found` (contract id to reference keys),
`polled` (contract id to `[answers, close in ms, 24 h volume]`), `unread` (names to read next
time), `unsearched` (reference keys to look up next time).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import cast

from monitor.errors import ParseError, SourceError
from monitor.sources.base import Cursor, Fetcher, MarketRef
from monitor.sources.instants import instant_from_ms
from monitor.sources.look_up import add, is_due, remembered
from monitor.sources.manifold.wire import Json, market_id, markets_of, outcome_type, slug_of

SEARCH_LIMIT = 100
_MAX_TITLE = 500


@dataclass(slots=True)
class Plan:
    """What to follow: names (slugs and contract ids) and found ids, each with reference keys."""

    refs: list[str]
    is_due: bool
    discovered_at: str | None
    names: dict[str, list[str]] = field(default_factory=dict)
    found: dict[str, list[str]] = field(default_factory=dict)
    polled: dict[str, list[object]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    unsearched: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)

    @property
    def is_told_to_wait(self) -> bool:
        """Return whether Manifold asked for a pause, so that nothing more is asked now."""
        return any(getattr(error, "retry_after_s", None) is not None for error in self.errors)

    def wanted(self, now: datetime) -> dict[str, list[str]]:
        """Return the names to read in full, each with its reference keys."""
        everything = {**self.names, **self.found}
        if self.is_due:
            return everything
        closing = {venue_id for venue_id, known in self.polled.items() if _has_closed(known, now)}
        return {name: everything.get(name, []) for name in sorted(self.unread | closing)}

    def cursor(self, *, polled: object, unread: Iterable[str], ended: Iterable[str]) -> Json:
        """Return what to remember, given what was learnt; `ended` need not be found again."""
        done = set(ended)
        return {
            "refs": self.refs,
            "discovered_at": self.discovered_at,
            "found": {name: keys for name, keys in self.found.items() if name not in done},
            "polled": polled,
            "unread": sorted(unread),
            "unsearched": self.unsearched,
        }


async def make_plan(api_url: str, refs: Sequence[MarketRef], cursor: Cursor, http: Fetcher) -> Plan:
    """Return the plan of this poll; a failed look-up keeps what was found before, with a note."""
    keys = sorted({ref.key for ref in refs})
    due = is_due(cursor, keys, http.now)
    last = http.now.isoformat() if due else str(cursor.get("discovered_at"))
    plan = Plan(keys, due, last, found=remembered(cursor, keys))
    if cursor.get("refs") == keys:  # else all are read again, and some may not be followed any more
        plan.polled = _polled(cursor)
    plan.unread = set(_texts(cursor, "unread"))
    again = set(_texts(cursor, "unsearched"))
    for ref in refs:
        name = ref.event or ref.id
        if name is not None:
            add(plan.names, name, ref.key)
        elif (due or ref.key in again) and plan.is_told_to_wait:
            plan.unsearched.append(ref.key)
        elif due or ref.key in again:
            await _look_up(api_url, ref, plan, http)
    return plan


async def _look_up(api_url: str, ref: MarketRef, plan: Plan, http: Fetcher) -> None:
    try:
        matching = await _matching(api_url, ref, plan, http)
    except (SourceError, ParseError) as error:
        plan.unsearched.append(ref.key)
        plan.notes.append(f"{ref.key} was not looked up: {error}")
        if isinstance(error, SourceError):
            plan.errors.append(error)
        return
    known = {name for name, keys in plan.found.items() if ref.key in keys}
    fresh = [name for name in matching if name not in known]
    room = max(ref.max_events - len(known), 0)
    if len(fresh) > room:
        plan.notes.append(f"{ref.key} finds more than {ref.max_events} markets; narrow it")
    for venue_id in fresh[:room]:
        add(plan.found, venue_id, ref.key)
        plan.unread.add(venue_id)


async def _matching(api_url: str, ref: MarketRef, plan: Plan, http: Fetcher) -> list[str]:
    """Return the ids of open markets that `ref` finds, those without a probability left out."""
    response = await http.get(
        f"{api_url}/search-markets",
        params={
            "term": ref.search or " ".join(_words(ref.event_pattern or "")),
            "topicSlug": ref.tag,
            "filter": "open",
            "sort": "score",
            "limit": SEARCH_LIMIT,
        },
    )
    assert response is not None
    rows = [
        cast("Json", row)
        for row in markets_of(response.json(), what=response.url)
        if isinstance(row, dict) and _fits(row, ref)
    ]
    priced = [row for row in rows if _is_priced(row)]
    if len(priced) < len(rows):
        count = len(rows) - len(priced)
        plan.notes.append(f"{ref.key} finds {count} without a probability to follow")
    return list(dict.fromkeys(market_id(row) for row in priced))


def _fits(market: Json, ref: MarketRef) -> bool:
    title = str(market.get("question"))[:_MAX_TITLE]
    if ref.title_match is not None and not re.search(ref.title_match, title):
        return False
    if ref.event_pattern is None:
        return True
    return fnmatchcase((slug_of(market) or "").lower(), ref.event_pattern.lower())


def _is_priced(market: Json) -> bool:
    try:
        outcome_type(market)
        market_id(market)
    except ValueError:
        return False
    return market.get("isResolved") is not True


def _words(pattern: str) -> list[str]:
    """Return the whole words of a slug glob: those with a dash or an end on both sides."""
    words = pattern.lower().split("-")
    return [word for word in words if len(word) > 1 and not set(word) & set("*?[]!")]


def _has_closed(known: Sequence[object], now: datetime) -> bool:
    try:
        closes_at = instant_from_ms(known[1])
    except (ValueError, IndexError):
        return False
    return closes_at is not None and closes_at <= now


def _polled(cursor: Cursor) -> dict[str, list[object]]:
    polled = cursor.get("polled")
    known = polled.items() if isinstance(polled, dict) else ()
    return {str(name): list(entry) for name, entry in known if isinstance(entry, list)}


def _texts(cursor: Cursor, key: str) -> list[str]:
    values = cursor.get(key)
    return [str(value) for value in values] if isinstance(values, list) else []
