"""Which Polymarket events and markets to read in this poll.

References by slug or id are known; searches and slug patterns are looked up every 15 minutes
and remembered in the cursor between. A found event stays until its oracle has spoken, because
a search for open events would drop it just before its resolution; a settled one is re-read only
when a look-up is due anyway.

Cursor: `refs` (their keys), `discovered_at` (ISO), `found` (slug to reference keys), `settled`
(names as `event:slug` or `market:id`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import cast

from monitor.errors import ParseError, SourceError
from monitor.sources.base import Cursor, Fetcher, MarketRef
from monitor.sources.instants import instant_or_none
from monitor.sources.polymarket_wire import Json, events_of, questions

LOOK_UP_EVERY = timedelta(minutes=15)
LISTING_LIMIT = 100
LISTING_PAGES = 10
SEARCH_LIMIT = 20
SEARCH_PAGES = 5


@dataclass(slots=True)
class Plan:
    """What to read: event slugs and market ids, each with the keys of the references behind it."""

    refs: list[str]
    events: dict[str, list[str]] = field(default_factory=dict)
    markets: dict[str, list[str]] = field(default_factory=dict)
    found: dict[str, list[str]] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    discovered_at: str | None = None
    complete: bool = True
    notes: list[str] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)

    def cursor(self, *, settled: Iterable[str], gone: Iterable[str]) -> dict[str, object]:
        """Return what to remember, given the names read as settled and as gone just now."""
        done = {*settled, *gone}
        known = {f"event:{slug}" for slug in self.events}
        known |= {f"market:{venue_id}" for venue_id in self.markets}
        return {
            "refs": self.refs,
            "discovered_at": self.discovered_at,
            "found": {
                slug: keys for slug, keys in self.found.items() if f"event:{slug}" not in done
            },
            "settled": sorted(done | (self.settled - known)),
        }


async def make_plan(
    gamma_url: str, refs: Sequence[MarketRef], cursor: Cursor, http: Fetcher
) -> Plan:
    """Return the plan of this poll; a failed look-up keeps what was found before, with a note."""
    plan = Plan(refs=sorted({ref.key for ref in refs}))
    before = _remembered(cursor, plan.refs)
    due = _is_due(cursor, plan.refs, http.now)
    plan.found = before
    plan.discovered_at = None if due else str(cursor.get("discovered_at"))
    if due:
        await _look_up(gamma_url, refs, plan, http)
    else:
        settled = cursor.get("settled")
        plan.settled = {str(name) for name in settled} if isinstance(settled, list) else set()
    for ref in refs:
        if ref.event is not None and f"event:{ref.event}" not in plan.settled:
            _add(plan.events, ref.event, ref.key)
        if ref.id is not None and f"market:{ref.id}" not in plan.settled:
            _add(plan.markets, ref.id, ref.key)
    for slug, keys in plan.found.items():
        for key in keys:
            _add(plan.events, slug, key)
    return plan


async def _look_up(gamma_url: str, refs: Sequence[MarketRef], plan: Plan, http: Fetcher) -> None:
    found = {slug: list(keys) for slug, keys in plan.found.items()}
    for ref in refs:
        if ref.search is None and ref.event_pattern is None:
            continue
        try:
            for slug in await _slugs_of(gamma_url, ref, plan, http):
                _add(found, slug, ref.key)
        except (SourceError, ParseError) as error:
            plan.complete = False
            plan.notes.append(f"{ref.key} was not looked up: {error}")
            if isinstance(error, SourceError):
                plan.errors.append(error)
    plan.found = found
    plan.discovered_at = http.now.isoformat() if plan.complete else None


async def _slugs_of(gamma_url: str, ref: MarketRef, plan: Plan, http: Fetcher) -> list[str]:
    """Return the slugs of open events that `ref` finds."""
    if ref.search is not None:
        events = await _search(gamma_url, ref.search, plan, http)
    else:
        events = await _matching(gamma_url, cast("str", ref.event_pattern), plan, http)
    return [
        str(event["slug"])
        for event in events
        if _has_slug(event) and event.get("closed") is not True and _title_fits(event, ref)
    ]


async def _matching(gamma_url: str, pattern: str, plan: Plan, http: Fetcher) -> list[Json]:
    """Return the events whose slug fits the glob `pattern`.

    The listing is narrowed by one telling word of the pattern; when that finds nothing, because
    slugs drop punctuation that titles keep, the site's own search is asked with all words.
    """
    words = _words(pattern)
    telling = max((word for word in words if word.isalpha()), key=len, default=None)
    events = _fitting(await _listing(gamma_url, telling, plan, http), pattern)
    if not events and words:
        events = _fitting(await _search(gamma_url, " ".join(words), plan, http), pattern)
    return events


async def _listing(gamma_url: str, word: str | None, plan: Plan, http: Fetcher) -> list[Json]:
    """Return the open events, narrowed by a word of the title, following the keyset cursor."""
    events: list[Json] = []
    after: str | None = None
    seen: set[str] = set()
    for _ in range(LISTING_PAGES):
        response = await http.get(
            f"{gamma_url}/events/keyset",
            params={
                "closed": False,
                "title_search": word,
                "limit": LISTING_LIMIT,
                "after_cursor": after,
            },
        )
        assert response is not None
        payload = response.json()
        events.extend(events_of(payload, what=response.url))
        following = payload.get("next_cursor") if isinstance(payload, dict) else None
        if not isinstance(following, str) or not following:
            return events
        if following in seen:
            plan.notes.append("the event listing repeats its cursor; read up to there")
            return events
        seen.add(following)
        after = following
    plan.notes.append(f"the event listing is longer than {LISTING_PAGES} pages; the rest is unread")
    return events


async def _search(gamma_url: str, text: str, plan: Plan, http: Fetcher) -> list[Json]:
    """Return the open events the site's search finds for `text`, in its order, each once."""
    events: dict[object, Json] = {}
    for number in range(1, SEARCH_PAGES + 1):
        response = await http.get(
            f"{gamma_url}/public-search",
            params={
                "q": text,
                "limit_per_type": SEARCH_LIMIT,
                "page": number,
                "events_status": "active",
            },
        )
        assert response is not None
        payload = response.json()
        rows = events_of(payload, what=response.url)
        fresh = {event["slug"]: event for event in rows if _has_slug(event)}
        if fresh.keys() <= events.keys():
            return list(events.values())
        events = {**fresh, **events}
        pagination = payload.get("pagination") if isinstance(payload, dict) else None
        if not (isinstance(pagination, dict) and pagination.get("hasMore") is True):
            return list(events.values())
    plan.notes.append(f"the search for {text!r} has more than {SEARCH_PAGES} pages; narrow it")
    return list(events.values())


def _has_slug(event: object) -> bool:
    return isinstance(event, dict) and isinstance(event.get("slug"), str) and bool(event["slug"])


def _fitting(events: Iterable[Json], pattern: str) -> list[Json]:
    return [event for event in events if _has_slug(event) and _fits(str(event["slug"]), pattern)]


def _fits(slug: str, pattern: str) -> bool:
    return fnmatchcase(slug.lower(), pattern.lower())


def _title_fits(event: Json, ref: MarketRef) -> bool:
    if ref.title_match is None:
        return True
    return any(re.search(ref.title_match, text[:500]) for text in questions(event))


def _words(pattern: str) -> list[str]:
    """Return the whole words of a slug glob: those with a dash or an end on both sides."""
    return [
        word
        for word in pattern.lower().split("-")
        if len(word) > 1 and not set(word) & set("*?[]!")
    ]


def _remembered(cursor: Cursor, refs: Sequence[str]) -> dict[str, list[str]]:
    found = cursor.get("found")
    if not isinstance(found, dict):
        return {}
    kept = {
        str(slug): [str(key) for key in keys if key in refs]
        for slug, keys in found.items()
        if isinstance(keys, list)
    }
    return {slug: keys for slug, keys in kept.items() if keys}


def _is_due(cursor: Cursor, refs: Sequence[str], now: datetime) -> bool:
    try:
        last = instant_or_none(cursor.get("discovered_at"))
    except ValueError:
        last = None
    if last is None or cursor.get("refs") != list(refs):
        return True
    # A clock that stepped back must not postpone the look-up for as long.
    return not timedelta() <= now - last < LOOK_UP_EVERY


def _add(names: dict[str, list[str]], name: str, key: str) -> None:
    keys = names.setdefault(name, [])
    if key not in keys:
        keys.append(key)
