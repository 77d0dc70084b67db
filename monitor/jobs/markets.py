"""What happened to followed markets themselves becomes signals: listed, reworded, disputed, paid.

A query, not a queue: the rows say what happened, and a signal keeps the name that its rows give
it, so running again adds nothing. Legs that change alike within moments are one signal. These are
a venue's own news: they are told, and never taken for a cause of a price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from monitor.jobs.items import novelty, signal_id
from monitor.jobs.market_changes import TOGETHER, Happening, listing, revisions
from monitor.topics import Topics
from storage import market_news, signal_repo
from storage.market_news import ORIGIN_KIND
from storage.models import Market, Signal, ThemeMarket
from storage.records import Origin, Precision

LOOK_BACK = timedelta(days=7)
FRESH = timedelta(hours=6)
# After this a group of legs cannot grow any more.
GROWING = timedelta(minutes=10)
MAX_NAMES = 6
EXACT_REFERENCES = ("event:", "id:")
_POLLED = {Origin.LIVE.value, Origin.FIRST_POLL.value}
_WHOLE_SERIES = {"market_listed", "market_resolved"}


@dataclass(frozen=True, slots=True)
class _Group:
    """Legs of one series to which the same happened at once, first seen first."""

    happenings: tuple[Happening, ...]

    @property
    def first(self) -> Happening:
        """Return the leg that was seen first; it gives the signal its name and instant."""
        return self.happenings[0]

    @property
    def markets(self) -> list[Market]:
        """Return the legs' markets."""
        return [each.market for each in self.happenings]


def signal_markets(session: Session, topics: Topics, *, now: datetime) -> list[Signal]:
    """Return the signals that the markets of the last days added or changed.

    Each theme that follows a market as its own gets one. A new series is listed where a pattern,
    a search or a tag found it. Alertable is what a live poll saw within 6 h; a first poll, an
    import and a backfill never alert.
    """
    since = now - LOOK_BACK
    found = sorted(_happenings(session, topics, since, now), key=lambda h: (h.at, h.market.id or 0))
    followers = market_news.owners_of(session, (h.market.id for h in found if h.market.id))
    kinds = {theme.name: theme.kinds for theme in topics.themes}
    added = []
    for group in _grouped(found):
        for theme, rows in _themes(group, followers).items():
            if theme not in kinds or (kinds[theme] and group.first.kind not in kinds[theme]):
                continue
            values = _values(topics, theme, group, rows, now=now)
            values["novelty"] = novelty(session, values)
            row, changed = signal_repo.put_signal(session, values, known_from=now)
            if changed:
                added.append(row)
    return added


def _happenings(
    session: Session, topics: Topics, since: datetime, now: datetime
) -> Iterator[Happening]:
    done = _done(session, since, now)
    fresh = [m for m in market_news.first_seen(session, since=since) if m.origin == Origin.LIVE]
    series_since = market_news.series_since(session, fresh)
    for market in fresh:
        if not done(market, market.first_seen_at):
            yield listing(market, series_since.get((market.venue, market.series or "")))
    for revised in market_news.revised(session, since=since):
        if not done(revised.market, revised.after.observed_at):
            yield from revisions(topics, revised)


def _done(session: Session, since: datetime, now: datetime) -> Callable[[Market, datetime], bool]:
    """Return whether a market's change at an instant was told, and its group is complete."""
    told: dict[tuple[str, str], list[datetime]] = {}
    for signal in market_news.told(session, since=since):
        for venue_id in signal.facts[0]["market_ids"]:
            told.setdefault((signal.source, venue_id), []).append(signal.at)

    def done(market: Market, at: datetime) -> bool:
        known = told.get((market.venue, market.venue_id), ())
        is_told = any(instant <= at <= instant + GROWING for instant in known)
        return is_told and at < now - GROWING

    return done


def _grouped(happenings: Iterable[Happening]) -> list[_Group]:
    """Return the groups; `happenings` come by instant."""
    open_groups: dict[tuple[object, ...], list[Happening]] = {}
    groups: list[list[Happening]] = []
    for one in happenings:
        key = (one.market.venue, _series(one.market), one.kind, one.likeness)
        members = open_groups.get(key)
        if members is None or one.at - members[-1].at > TOGETHER:
            members = open_groups[key] = []
            groups.append(members)
        members.append(one)
    return [_Group(tuple(members)) for members in groups]


def _themes(group: _Group, followers: dict[int, list[ThemeMarket]]) -> dict[str, list[ThemeMarket]]:
    """Return the themes to tell, each with why it follows the group's markets."""
    found: dict[str, list[ThemeMarket]] = {}
    for market in group.markets:
        for row in followers.get(market.id or 0, ()):
            found.setdefault(row.theme, []).append(row)
    if not group.first.is_new_series:
        return found
    return {theme: rows for theme, rows in found.items() if any(map(_is_discovered, rows))}


def _is_discovered(row: ThemeMarket) -> bool:
    # What the config names exactly may be old; we only first saw it when it was written there.
    return not row.matched.partition("/")[2].startswith(EXACT_REFERENCES)


def _values(
    topics: Topics, theme: str, group: _Group, rows: Sequence[ThemeMarket], *, now: datetime
) -> dict[str, Any]:
    first, market = group.first, group.first.market
    subject = _series(market) if first.kind in _WHOLE_SERIES else market.venue_id
    instant_ms = round(first.at.timestamp() * 1000)
    origin = f"{market.venue}/{subject}/{instant_ms}/{first.kind}"
    matched = sorted({row.matched for row in rows})
    is_live = all(_is_live(each) for each in group.happenings)
    return {
        "signal_id": signal_id(ORIGIN_KIND, origin, theme, 0),
        "origin_kind": ORIGIN_KIND,
        "origin_id": origin,
        "theme": theme,
        "event_no": 0,
        "kind": first.kind,
        "at": first.at,
        "precision": Precision.SECOND.value,
        "observed_at": first.at,
        "title": _title(group),
        "url": market.url,
        "source": market.venue,
        "lang": "en",
        "tier": 1,
        "entities": _entities(topics, group.markets),
        "facts": [_where(group), *first.facts],
        "score": 1.0,
        "publishers": 1,
        "polarity": {},
        "background": False,
        "alertable": is_live and now - first.at <= FRESH,
        "reason": [*first.reason, *(f"followed by {key}" for key in matched)],
    }


def _is_live(one: Happening) -> bool:
    """Return whether polls saw it: what an import once wrote is no wording of the venue."""
    market = one.market
    return market.origin in _POLLED or (
        one.before_at is not None and one.before_at > market.first_seen_at
    )


def _title(group: _Group) -> str:
    first, labels = group.first, _labels(group)
    name = first.market.series_title or first.market.question
    if first.kind == "market_resolved":
        return f"{first.headline}: {name} → {_result(group)}"
    legs = f" ({labels})" if labels else ""
    details = f": {first.details}" if first.details else ""
    return f"{first.headline}: {name}{legs}{details}"


def _labels(group: _Group) -> str:
    names = [m.label for m in group.markets if m.label]
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _result(group: _Group) -> str:
    """Return who won, or what each leg was resolved to."""
    results = [(h.market.label, h.result or "unknown") for h in group.happenings]
    winners = [label for label, result in results if label and result.lower() == "yes"]
    if winners:
        return ", ".join(winners[:MAX_NAMES])
    shown = [f"{label} {result}" if label else result for label, result in results]
    more = len(shown) - MAX_NAMES
    return ", ".join(shown[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _where(group: _Group) -> dict[str, Any]:
    market = group.first.market
    return {
        "kind": group.first.kind,
        "venue": market.venue,
        "series": _series(market),
        "market_ids": [each.venue_id for each in group.markets],
        "labels": [each.label for each in group.markets if each.label],
    }


def _entities(topics: Topics, markets: Iterable[Market]) -> list[str]:
    found: dict[str, None] = {}
    for market in markets:
        owner = topics.owner_of(market.label or "") or topics.owner_of(market.question)
        texts = " ; ".join(filter(None, (market.label, market.question)))
        found.update(dict.fromkeys(filter(None, (owner, *topics.catalog.entity_ids(texts)))))
    return list(found)


def _series(market: Market) -> str:
    return market.series or market.venue_id
