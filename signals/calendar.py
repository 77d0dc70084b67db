"""What is due: days that news announced, and whether what they announced came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

State = Literal["open", "met", "passed"]

# What an announcement of one of COMING is met by; the others are met by their own kind.
ARRIVALS = frozenset({"launch", "preorder", "release"})
COMING = ARRIVALS | {"rumor", "delay_cancel"}
EARLY = timedelta(days=3)
LATE = timedelta(days=30)
FURTHEST = timedelta(days=730)
_DAY, _MONTH = len("2026-12-03"), len("2026-12")


@dataclass(frozen=True, slots=True)
class Told:
    """A signal with the days its headline or summary names, ISO as exact as given."""

    signal_id: str
    at: datetime
    kind: str
    entities: tuple[str, ...]
    days: tuple[str, ...]
    title: str
    theme: str


@dataclass(frozen=True, slots=True)
class Due:
    """Something announced for the days `first` to `last` (one day, or a month).

    `signal_ids` told of it, the first of them first; `met_by` is the signal that it came.
    """

    first: date
    last: date
    kind: str
    entities: tuple[str, ...]
    title: str
    themes: tuple[str, ...]
    signal_ids: tuple[str, ...]
    state: State
    met_by: str | None = None


def announced(signals: Iterable[Told], now: datetime) -> list[Due]:
    """Return what signals announced, by day; several that tell the same are one.

    A day counts when it lies after the day the signal became public, up to two years. Bare years
    say too little. Launches, preorders, releases, rumors and delays of one subject and day are
    one announcement, met by a later launch, preorder or release of a named entity that itself
    announces nothing, from 3 days before the day to 30 after; other kinds by their own kind.
    """
    told = sorted(signals, key=lambda each: (each.at, each.signal_id))
    found: dict[tuple[str, str, date, date], Due] = {}
    for each in told:
        for first, last in _ahead(each):
            subject = each.entities[0] if each.entities else each.title
            group = "arrival" if each.kind in COMING else each.kind
            key = (subject, group, first, last)
            known = found.get(key)
            found[key] = _due(each, first, last) if known is None else _again(known, each)
    dues = [_settled(due, told, now) for due in found.values()]
    return sorted(dues, key=lambda due: (due.last, due.first, due.signal_ids))


def state(last: datetime, now: datetime, *, is_met: bool) -> State:
    """Return where something due by the instant `last` stands."""
    if is_met:
        return "met"
    return "open" if now <= last else "passed"


def _ahead(each: Told) -> list[tuple[date, date]]:
    """Return the spans of days, in order, that a signal names and that were still to come."""
    today = each.at.date()
    spans = {span for text in each.days if (span := _span(text)) is not None}
    return sorted(
        (first, last) for first, last in spans if last > today and first - today <= FURTHEST
    )


def _span(text: str) -> tuple[date, date] | None:
    if len(text) == _DAY:
        day = date.fromisoformat(text)
        return day, day
    if len(text) == _MONTH:
        first = date.fromisoformat(f"{text}-01")
        following = (first + timedelta(days=32)).replace(day=1)
        return first, following - timedelta(days=1)
    return None


def _due(each: Told, first: date, last: date) -> Due:
    return Due(
        first,
        last,
        each.kind,
        each.entities,
        each.title,
        (each.theme,),
        (each.signal_id,),
        state="open",
    )


def _again(known: Due, each: Told) -> Due:
    return replace(
        known,
        entities=tuple(dict.fromkeys((*known.entities, *each.entities))),
        themes=tuple(dict.fromkeys((*known.themes, each.theme))),
        signal_ids=(*known.signal_ids, each.signal_id),
    )


def _settled(due: Due, told: Sequence[Told], now: datetime) -> Due:
    met_by = next((each.signal_id for each in told if _meets(each, due)), None)
    end = datetime(due.last.year, due.last.month, due.last.day, tzinfo=now.tzinfo)
    return replace(
        due, met_by=met_by, state=state(end + timedelta(days=1), now, is_met=met_by is not None)
    )


def _meets(each: Told, due: Due) -> bool:
    wanted = ARRIVALS if due.kind in COMING else {due.kind}
    is_near = due.first - EARLY <= each.at.date() <= due.last + LATE
    is_other = each.signal_id not in due.signal_ids and not _ahead(each)
    return each.kind in wanted and is_near and is_other and not _is_strange(each, due)


def _is_strange(each: Told, due: Due) -> bool:
    return set(each.entities).isdisjoint(due.entities)
