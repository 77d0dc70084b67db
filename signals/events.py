"""The dated happenings that a document tells, the headline's first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from signals.catalog import Catalog
from signals.dates import DateFound
from signals.passages import Passage
from signals.scoring import Finding
from signals.weighing import Weighed

BACKGROUND_AFTER = timedelta(days=7)
EVENTS_AT_MOST = 12
LONG_TEXT = 800
UNDONE_BY_DELAY = frozenset({"launch", "preorder", "release", "rumor"})


@dataclass(frozen=True, slots=True)
class Event:
    """One happening. `event_no` counts from 0, the headline's first.

    `at` is midnight UTC of the date given, None when the text gives none; `precision` is day,
    month, year or unknown. `background`: dated more than 7 days before publication.
    """

    event_no: int
    title: str
    entities: tuple[str, ...]
    kind: str
    at: datetime | None
    precision: str
    background: bool
    themes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Told:
    passage: Passage
    subject: str
    kind: str
    found: DateFound | None
    entities: tuple[str, ...]
    themes: tuple[str, ...]


def list_events(
    weighed: Sequence[Weighed],
    passages: Sequence[Passage],
    dates: Sequence[tuple[DateFound, ...]],
    published_at: datetime | None,
    catalog: Catalog,
) -> tuple[Event, ...]:
    """Return the distinct (subject, kind, date) happenings in order of the text.

    `dates` holds the dates of each passage, in the order of `passages`. An undated headline
    takes the day that a later sentence gives for the same subject and kind.
    """
    if not weighed:
        return ()
    told: list[_Told] = []
    for passage, found in zip(passages, dates, strict=True):
        told.extend(_tellings(passage, found, weighed, catalog))
    told = _distinct(told)[:EVENTS_AT_MOST]
    return tuple(_event(no, telling, published_at) for no, telling in enumerate(told))


def touches_only(events: Sequence[Event], content: str | None, weighed: Sequence[Weighed]) -> bool:
    """Return whether a document only touches on its themes by the way.

    That is a long one whose headline names nothing that a theme watches, and whose events have
    no new day.
    """
    if content is None or len(content) < LONG_TEXT:
        return False
    in_title = any(f.passage.field == "title" for item in weighed for f in item.findings)
    dated = any(event.precision == "day" and not event.background for event in events)
    return not in_title and not dated


def _tellings(
    passage: Passage, dates: Sequence[DateFound], weighed: Sequence[Weighed], catalog: Catalog
) -> Iterable[_Told]:
    by_kind: dict[tuple[str, str], _Told] = {}
    for item in weighed:
        here = [f for f in item.findings if f.passage is passage]
        counting = _without_undone(
            [f for f in here if _counts(f, f is here[0], item, catalog)], catalog
        )
        for finding in counting:
            key = (_subject(finding, catalog), finding.kind or "other")
            entities = _entities(finding, item, passage)
            known = by_kind.get(key)
            themes = (*(known.themes if known else ()), item.plan.theme.name)
            entities = tuple(dict.fromkeys((*(known.entities if known else ()), *entities)))
            found = _event_date(finding, dates, alone=len(counting) == 1)
            by_kind[key] = _Told(passage, *key, found, entities, themes)
    return by_kind.values()


def _without_undone(findings: Sequence[Finding], catalog: Catalog) -> list[Finding]:
    """Return the findings without those that a delay takes back: "delays the launch"."""
    delays = [finding for finding in findings if finding.kind == "delay_cancel"]
    return [
        finding
        for finding in findings
        if finding.kind not in UNDONE_BY_DELAY
        or not any(
            _subject(delay, catalog) == _subject(finding, catalog)
            and not delay.spans.isdisjoint(finding.spans)
            for delay in delays
        )
    ]


def _counts(finding: Finding, is_best: bool, item: Weighed, catalog: Catalog) -> bool:
    if finding.kind is None:
        return False
    passes = item.tag.score >= item.plan.theme.min_score
    if is_best:
        return finding.is_event or (passes and finding.passage.field == "title")
    # A second kind in one passage is another happening unless its clause is about others.
    owner = catalog.top_owner(finding.mention.entity_id).id
    others = [
        mention
        for mention in finding.passage.mentions
        if finding.passage.clause_of(mention.start) in finding.spans
        and catalog.top_owner(mention.entity_id).id != owner
        and catalog.entities[mention.entity_id].kind != "generic"
    ]
    return finding.is_event and not others


def _subject(finding: Finding, catalog: Catalog) -> str:
    """Return who the event is about: the owner; beside a generic word, the maker named with it."""
    entity = catalog.entities[finding.mention.entity_id]
    if entity.kind == "generic":
        for mention in finding.passage.mentions:
            if catalog.entities[mention.entity_id].kind != "generic":
                return catalog.top_owner(mention.entity_id).id
    return catalog.top_owner(entity.id).id


def _entities(finding: Finding, item: Weighed, passage: Passage) -> tuple[str, ...]:
    mine = [m.entity_id for m in passage.mentions if m.entity_id in item.plan.subjects]
    return tuple(dict.fromkeys((finding.mention.entity_id, *mine)))


def _event_date(finding: Finding, dates: Sequence[DateFound], *, alone: bool) -> DateFound | None:
    order = {"day": 0, "month": 1, "year": 2}
    resolved = [found for found in dates if found.day is not None]
    near = [d for d in resolved if finding.passage.clause_of(d.start) in finding.spans]
    if not near and not alone:
        return None
    return min(near or resolved, key=lambda found: order[found.precision], default=None)


def _distinct(told: Sequence[_Told]) -> list[_Told]:
    kept: list[_Told] = []
    for telling in told:
        same = [k for k in kept if _is_same(k, telling)]
        if any(_day(k) == _day(telling) for k in same) or (same and _day(telling) is None):
            continue
        undated = next((k for k in same if _day(k) is None and _may_be(k, telling)), None)
        exact = telling.found is not None and telling.found.precision == "day"
        if undated is not None and exact:
            entities = tuple(dict.fromkeys((*undated.entities, *telling.entities)))
            themes = tuple(dict.fromkeys((*undated.themes, *telling.themes)))
            filled = replace(undated, found=telling.found, entities=entities, themes=themes)
            kept[kept.index(undated)] = filled
            continue
        kept.append(telling)
    return kept


def _may_be(undated: _Told, dated: _Told) -> bool:
    """Return whether a dated telling may be of the same happening: a headline's, or one thing's."""
    return undated.passage.field == "title" or undated.entities[:1] == dated.entities[:1]


def _is_same(one: _Told, other: _Told) -> bool:
    alike = (one.subject, one.kind) == (other.subject, other.kind)
    return alike and not set(one.themes).isdisjoint(other.themes)


def _day(telling: _Told) -> date | None:
    return telling.found.day if telling.found else None


def _event(number: int, telling: _Told, published_at: datetime | None) -> Event:
    passage, found = telling.passage, telling.found
    title = " ".join(passage.original(passage.start, passage.end).split())
    day = found.day if found else None
    return Event(
        event_no=number,
        title=title,
        entities=telling.entities,
        kind=telling.kind,
        at=datetime.combine(day, time(), UTC) if day else None,
        precision=found.precision if found and day else "unknown",
        background=_is_background(found, published_at),
        themes=telling.themes,
    )


def _is_background(found: DateFound | None, published_at: datetime | None) -> bool:
    if found is None or found.last_day is None or published_at is None:
        return False
    return published_at.date() - found.last_day > BACKGROUND_AFTER
