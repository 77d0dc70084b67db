"""Which Polymarket events and markets to read in this poll.

References by slug or id are known; searches, tags and slug patterns are looked up every 15
minutes and remembered in the cursor between. A found event stays until its oracle has spoken,
because a list of open events would drop it just before its resolution; a settled one is re-read
only when a look-up is due anyway.

Cursor: `refs` (their keys), `discovered_at` (ISO), `found` (slug to reference keys), `settled`
(names as `event:slug` or `market:id`), `verdicts` (market id to how it was paid, where Gamma
keeps silent) and `asked` (the market id that was asked for one last).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import cast

from monitor.errors import MonitorError, ParseError, SourceError
from monitor.sources.base import Cursor, Fetcher, MarketRef
from monitor.sources.look_up import add, is_due, remembered
from monitor.sources.polymarket.listing import Listed, list_events, search_events
from monitor.sources.polymarket.oracle import Verdict, verdicts_of


@dataclass(slots=True)
class Plan:
    """What to read: event slugs and market ids, each with the keys of the references behind it.

    `due` says that this poll looks things up, which others do along with it.
    """

    refs: list[str]
    due: bool = True
    events: dict[str, list[str]] = field(default_factory=dict)
    markets: dict[str, list[str]] = field(default_factory=dict)
    found: dict[str, list[str]] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    discovered_at: str | None = None
    complete: bool = True
    notes: list[str] = field(default_factory=list)
    errors: list[MonitorError] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    asked: str = ""

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
            "verdicts": {key: verdict.plain() for key, verdict in self.verdicts.items()},
            "asked": self.asked,
        }


async def make_plan(
    gamma_url: str, refs: Sequence[MarketRef], cursor: Cursor, http: Fetcher
) -> Plan:
    """Return the plan of this poll; a failed look-up keeps what was found before, with a note."""
    plan = Plan(refs=sorted({ref.key for ref in refs}))
    before = remembered(cursor, plan.refs)
    plan.due = is_due(cursor, plan.refs, http.now)
    plan.found = before
    plan.discovered_at = None if plan.due else str(cursor.get("discovered_at"))
    plan.verdicts = verdicts_of(cursor.get("verdicts"))
    plan.asked = str(cursor.get("asked") or "")
    if plan.due:
        await _look_up(gamma_url, refs, plan, http)
    else:
        settled = cursor.get("settled")
        plan.settled = {str(name) for name in settled} if isinstance(settled, list) else set()
    for ref in refs:
        if ref.event is not None and f"event:{ref.event}" not in plan.settled:
            add(plan.events, ref.event, ref.key)
        if ref.id is not None and f"market:{ref.id}" not in plan.settled:
            add(plan.markets, ref.id, ref.key)
    for slug, keys in plan.found.items():
        for key in keys:
            add(plan.events, slug, key)
    return plan


async def _look_up(gamma_url: str, refs: Sequence[MarketRef], plan: Plan, http: Fetcher) -> None:
    found = {slug: list(keys) for slug, keys in plan.found.items()}
    for ref in refs:
        if ref.event is not None or ref.id is not None:
            continue
        try:
            events = await _matches(gamma_url, ref, plan, http)
            for slug in _within_cap(events, ref, found, plan):
                add(found, slug, ref.key)
        except (SourceError, ParseError) as error:
            plan.complete = False
            plan.notes.append(f"{ref.key} was not looked up: {error}")
            plan.errors.append(error)
    plan.found = found
    plan.discovered_at = http.now.isoformat() if plan.complete else None


async def _matches(gamma_url: str, ref: MarketRef, plan: Plan, http: Fetcher) -> list[Listed]:
    """Return the open events that `ref` finds, best first: those a cap keeps longest.

    A search comes in the site's order, the others by their liquidity.
    """
    notes = plan.notes
    if ref.search is not None:
        events = await search_events(gamma_url, ref.search, http, notes)
    elif ref.tag is not None:
        events = await list_events(gamma_url, {"tag_slug": ref.tag}, http, notes)
    else:
        events = await _matching(gamma_url, cast("str", ref.event_pattern), http, notes)
    fitting = [event for event in events if not event.closed and _title_fits(event, ref)]
    if ref.search is not None:
        return fitting
    return sorted(fitting, key=_liquid_first)


async def _matching(gamma_url: str, pattern: str, http: Fetcher, notes: list[str]) -> list[Listed]:
    """Return the events whose slug fits the glob `pattern`.

    The listing is narrowed by one telling word of the pattern; when that finds nothing, because
    slugs drop punctuation that titles keep, the site's own search is asked with all words.
    """
    words = _words(pattern)
    telling = max((word for word in words if word.isalpha()), key=len, default=None)
    events = await list_events(gamma_url, {"title_search": telling}, http, notes)
    fitting = [event for event in events if _fits(event.slug, pattern)]
    if not fitting and words:
        events = await search_events(gamma_url, " ".join(words), http, notes)
        fitting = [event for event in events if _fits(event.slug, pattern)]
    return fitting


def _liquid_first(event: Listed) -> Decimal:
    return Decimal(1) if event.liquidity is None else -event.liquidity


def _within_cap(
    events: Sequence[Listed], ref: MarketRef, found: Mapping[str, Sequence[str]], plan: Plan
) -> list[str]:
    """Return the slugs to follow from now on; a note says when the cap leaves some out.

    What is followed stays. An event that the listing no longer shows waits for its oracle and
    takes no place, as long as not too many wait.
    """
    kept = {slug for slug, keys in found.items() if ref.key in keys}
    fresh = [event.slug for event in events if event.slug not in kept]
    still_open = sum(event.slug in kept for event in events)
    room = max(0, min(ref.max_events - still_open, 2 * ref.max_events - len(kept)))
    if len(fresh) > room:
        plan.notes.append(
            f"{ref.key}: more than {ref.max_events} events match; the rest is not followed, "
            "raise max_events or narrow the reference"
        )
    return fresh[:room]


def _fits(slug: str, pattern: str) -> bool:
    return fnmatchcase(slug.lower(), pattern.lower())


def _title_fits(event: Listed, ref: MarketRef) -> bool:
    if ref.title_match is None:
        return True
    return any(re.search(ref.title_match, title) for title in event.titles)


def _words(pattern: str) -> list[str]:
    """Return the whole words of a slug glob: those with a dash or an end on both sides."""
    return [
        word
        for word in pattern.lower().split("-")
        if len(word) > 1 and not set(word) & set("*?[]!")
    ]
