"""Which Kalshi events and markets to read in this poll.

References by ticker are known. The venue has no text search, so searches and ticker patterns are
filters of ours over its listing of open events, looked up every 15 minutes and remembered in the
cursor between. A found event stays until all its markets are final, because the listing drops it
when trading ends; a settled one is re-read only when a look-up is due anyway.

Cursor: `refs` (their keys), `discovered_at` (ISO), `found` (event ticker to reference keys),
`settled` (names as `event:TICKER` or `market:TICKER`).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from monitor.errors import ParseError, SourceError
from monitor.sources.base import Cursor, Fetcher, MarketRef
from monitor.sources.kalshi.wire import Json, rows_of, series_of, text
from monitor.sources.look_up import add, is_due, remembered

LISTING_LIMIT = 200
LISTING_PAGES = 50


@dataclass(slots=True)
class Plan:
    """What to read: event and market tickers, each with the keys of the references behind it."""

    refs: list[str]
    events: dict[str, list[str]] = field(default_factory=dict)
    markets: dict[str, list[str]] = field(default_factory=dict)
    found: dict[str, list[str]] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    discovered_at: str | None = None
    notes: list[str] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)

    def cursor(self, *, settled: Iterable[str], gone: Iterable[str]) -> dict[str, object]:
        """Return what to remember, given the names read as settled and as gone just now."""
        done = {*settled, *gone}
        known = {f"event:{ticker}" for ticker in self.events}
        known |= {f"market:{ticker}" for ticker in self.markets}
        found = {t: keys for t, keys in self.found.items() if f"event:{t}" not in done}
        return {
            "refs": self.refs,
            "discovered_at": self.discovered_at,
            "found": found,
            "settled": sorted(done | (self.settled - known)),
        }


async def make_plan(api_url: str, refs: Sequence[MarketRef], cursor: Cursor, http: Fetcher) -> Plan:
    """Return the plan of this poll; a failed look-up keeps what was found before, with a note."""
    plan = Plan(refs=sorted({ref.key for ref in refs}))
    plan.found = remembered(cursor, plan.refs)
    if is_due(cursor, plan.refs, http.now):
        await _look_up(api_url, refs, plan, http)
    else:
        plan.discovered_at = str(cursor.get("discovered_at"))
        settled = cursor.get("settled")
        plan.settled = {str(name) for name in settled} if isinstance(settled, list) else set()
    for ref in refs:
        event, market = _upper(ref.event), _upper(ref.id)
        if event and f"event:{event}" not in plan.settled:
            add(plan.events, event, ref.key)
        if market and f"market:{market}" not in plan.settled:
            add(plan.markets, market, ref.key)
    for ticker, keys in plan.found.items():
        for key in keys:
            add(plan.events, ticker, key)
    return plan


async def open_events(
    api_url: str, http: Fetcher, notes: list[str], *, series: str | None = None
) -> AsyncIterator[Json]:
    """Yield the open events of the venue, or of one series, page by page; cut ones go to `notes`.

    The listing holds no multivariate combinations. Raises like `Fetcher.get`, and ParseError.
    """
    after, seen = "", set[str]()
    for _ in range(LISTING_PAGES):
        response = await http.get(
            f"{api_url}/events",
            params={
                "status": "open",
                "series_ticker": series,
                "limit": LISTING_LIMIT,
                "cursor": after or None,
            },
        )
        assert response is not None
        payload = response.json()
        for event in rows_of(payload, "events", what=response.url):
            if isinstance(event, dict) and text(event, "event_ticker"):
                yield event
        after = following(payload)
        if not after:
            return
        if after in seen:
            notes.append("the event listing repeats its cursor; read up to there")
            return
        seen.add(after)
    notes.append(f"the event listing is longer than {LISTING_PAGES} pages; the rest is unread")


def following(payload: object) -> str:
    """Return the cursor of the next page; an empty one, or none at all, ends a listing."""
    return (text(payload, "cursor") or "") if isinstance(payload, dict) else ""


def fits(event: Json, words: str) -> bool:
    """Return whether the title and subtitle of `event` hold every word of `words`."""
    said = _titles(event).casefold()
    return all(word in said for word in words.casefold().split())


async def _look_up(api_url: str, refs: Sequence[MarketRef], plan: Plan, http: Fetcher) -> None:
    """Add to `plan` the open events that patterns and searches find, with one listing a series."""
    wanted: dict[str | None, list[MarketRef]] = {}
    for ref in refs:
        if ref.event_pattern is not None or ref.search is not None:
            wanted.setdefault(_series_of_pattern(ref.event_pattern), []).append(ref)
    complete = True
    for series, asking in wanted.items():
        try:
            async for event in open_events(api_url, http, plan.notes, series=series):
                for ref in asking:
                    if _finds(ref, event):
                        _take(str(event["event_ticker"]), ref, plan)
        except (SourceError, ParseError) as error:
            complete = False
            keys = ", ".join(ref.key for ref in asking)
            plan.notes.append(f"{keys} was not looked up: {error}")
            if isinstance(error, SourceError):
                plan.errors.append(error)
    plan.discovered_at = http.now.isoformat() if complete else None


def _take(ticker: str, ref: MarketRef, plan: Plan) -> None:
    """Add a found event to `plan`, up to the cap of `ref`; those found before come first."""
    if ref.key in plan.found.get(ticker, ()):
        return
    if sum(ref.key in keys for keys in plan.found.values()) < ref.max_events:
        add(plan.found, ticker, ref.key)
        return
    note = f"{ref.key} finds more than {ref.max_events} events; narrow it or raise max_events"
    if note not in plan.notes:
        plan.notes.append(note)


def _finds(ref: MarketRef, event: Json) -> bool:
    if ref.event_pattern is not None:
        if not fnmatchcase(str(event["event_ticker"]).lower(), ref.event_pattern.lower()):
            return False
    elif not fits(event, ref.search or ""):
        return False
    return ref.title_match is None or bool(re.search(ref.title_match, _titles(event)[:500]))


def _series_of_pattern(pattern: str | None) -> str | None:
    """Return the series that a glob on event tickers is confined to; None when it is not."""
    literal = re.split(r"[*?\[]", pattern or "", maxsplit=1)[0]
    return series_of(literal.upper()) if "-" in literal else None


def _titles(event: Json) -> str:
    return " ".join(part for key in ("title", "sub_title") if (part := text(event, key)))


def _upper(ticker: str | None) -> str | None:
    """Return a ticker as the venue writes it; its own web addresses have it in lower case."""
    return ticker.strip().upper() if ticker else None
