"""New items become tags, stories and signals."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from monitor.jobs.named_markets import market_facts
from monitor.jobs.stories import StoryRoom
from monitor.topics import Topics
from signals.stories import language
from signals.tagger import Document, Tagging
from storage import item_repo, signal_repo, story_repo
from storage.item_repo import TagRecord
from storage.models import Item, Signal, Tag
from storage.records import Origin, Precision

BATCH_ITEMS = 500
FRESH = timedelta(hours=6)
NOVELTY_WINDOW = timedelta(hours=72)
SKEW = timedelta(minutes=1)
EXACT = (Precision.SECOND, Precision.MINUTE)


@dataclass(frozen=True, slots=True)
class Tagged:
    """The signals that items added or changed; `more` says that items are left.

    `seen` are items that no text tells of, left to `signal_releases`.
    """

    signals: list[Signal]
    more: bool
    seen: tuple[Item, ...] = ()


def tag_items(
    session: Session, topics: Topics, *, now: datetime, at_once: int | None = None
) -> Tagged:
    """Return what followed from items that are untagged or reworded.

    At most `at_once` of them, BATCH_ITEMS when it is None.
    """
    at_once = at_once or BATCH_ITEMS
    items = item_repo.untagged(session, topics.version, limit=at_once)
    told = [item for item in items if item.seen_as is None]
    signals = [
        row
        for story in read_items(session, topics, told, now=now)
        for values in story_values(session, topics, story)
        if (row := _changed(session, values, now=now)) is not None
    ]
    seen = tuple(item for item in items if item.seen_as is not None)
    return Tagged(signals, more=len(items) == at_once, seen=seen)


def read_items(
    session: Session, topics: Topics, items: Sequence[Item], *, now: datetime
) -> list[str]:
    """Return the stories that reading `items` touched; the tags they had are closed."""
    room = StoryRoom(session, topics, items, now=now)
    for item in sorted(items, key=lambda item: item.published_at or item.observed_at):
        tagging = topics.tagger.tag(_document(session, item))
        item.attributed_to = tagging.attributed_to
        item.lang = language(item.title, item.lang)
        session.add(item)
        named = market_facts(session, tagging.market_names)
        item_repo.put_tags(
            session,
            item,
            _tag_records(tagging, named),
            catalog_version=topics.version,
            known_from=now,
        )
        room.place(item, is_themed=bool(tagging.themes or tagging.below))
    return room.write()


def story_values(session: Session, topics: Topics, story: str) -> Iterator[dict[str, Any]]:
    """Yield the values of the signals that the current tags of a story's items make."""
    items = {item.id: item for item in story_repo.items(session, story) if item.id}
    tags = item_repo.current_tags(session, items)
    for theme in topics.themes:
        own = [tag for tag in tags if tag.theme == theme.name and tag.score >= theme.min_score]
        if own:
            yield from _signal_values(session, story, _best(own, items), items)


def signal_id(origin_kind: str, origin_id: str, theme: str, event_no: int) -> str:
    """Return the name a signal keeps for ever."""
    text = "\x1f".join((origin_kind, origin_id, theme, str(event_no)))
    return "s" + hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def novelty(session: Session, values: dict[str, Any]) -> float:
    """Return 1 / (1 + n), n the signals of the 72 h before with this theme, kind and an entity."""
    before = signal_repo.entities_of(
        session,
        theme=values["theme"],
        kind=values["kind"],
        since=values["at"] - NOVELTY_WINDOW,
        until=values["at"],
    )
    named = set(values["entities"])
    alike = [
        signal
        for signal, entities in before.items()
        if signal != values["signal_id"] and named & set(entities)
    ]
    return 1 / (1 + len(alike))


def first_public(items: Iterable[Item]) -> tuple[datetime, str]:
    """Return t0: the earliest public instant, a precise one before a mere date."""
    known = [_public(item) for item in items]
    exact = [one for one in known if one[1] in EXACT]
    dated = [one for one in known if one[1] == Precision.DAY]
    return min(exact or dated or known)


def is_fresh(item: Item) -> bool:
    """Return whether a live poll saw the item first, within 6 h of its publication."""
    if item.origin != Origin.LIVE:
        return False
    span = timedelta(days=1) if item.precision == Precision.DAY else timedelta(0)
    return item.published_at is None or item.observed_at - (item.published_at + span) <= FRESH


def _document(session: Session, item: Item) -> Document:
    title, summary, content = item_repo.latest_wording(session, item)
    return Document(
        title=title,
        summary=summary,
        content=content,
        published_at=item.published_at,
        source=item.publisher or item.source,
        lang=language(title, item.lang),
        tier=item.tier,
        url=item.url,
    )


def _tag_records(tagging: Tagging, named: list[dict[str, Any]]) -> list[TagRecord]:
    facts = named + [
        {
            "kind": fact.kind,
            "value": str(fact.value),
            "unit": fact.unit,
            "text": fact.text,
            "field": fact.field,
        }
        for fact in tagging.facts
    ]
    return [
        TagRecord(
            theme=tag.theme,
            score=tag.score,
            kind=tag.kind,
            entities=list(tag.entities),
            facts=facts,
            events=[_event(event) for event in tagging.events if tag.theme in event.themes],
            polarity=dict(tagging.polarity),
            background=tagging.background,
            reason=[
                *tag.reasons,
                *(f"names the market {fact['value']} ({fact['unit']})" for fact in named),
            ],
        )
        for tag in (*tagging.themes, *tagging.below)
    ]


def _event(event: Any) -> dict[str, Any]:
    return {
        "no": event.event_no,
        "title": event.title,
        "kind": event.kind,
        "entities": list(event.entities),
        "at": event.at.isoformat() if event.at else None,
        "precision": event.precision,
        "background": event.background,
    }


def _changed(session: Session, values: dict[str, Any], *, now: datetime) -> Signal | None:
    row, changed = signal_repo.put_signal(session, values, known_from=now)
    return row if changed else None


def _best(tags: Sequence[Tag], items: dict[int, Item]) -> Tag:
    """Return the tag that speaks for a story: the highest score, tier, then who was first."""

    def rank(tag: Tag) -> tuple[float, int, float, int]:
        item = items[tag.item_id]
        return -tag.score, item.tier, _public(item)[0].timestamp(), tag.item_id

    return min(tags, key=rank)


def _signal_values(
    session: Session, story: str, tag: Tag, items: dict[int, Item]
) -> Iterable[dict[str, Any]]:
    item = items[tag.item_id]
    at, precision = first_public(items.values())
    row = story_repo.get(session, story)
    was_told = story_repo.was_told(session, story, tag.theme)
    events = tag.events or [{"no": 0, "kind": tag.kind, "background": tag.background}]
    for event in events:
        is_old = bool(event.get("background"))
        values: dict[str, Any] = {
            "signal_id": signal_id("story", story, tag.theme, event["no"]),
            "origin_kind": "story",
            "origin_id": story,
            "theme": tag.theme,
            "event_no": event["no"],
            "kind": event["kind"] or tag.kind or "other",
            **_when(event, at, precision),
            "observed_at": min(each.observed_at for each in items.values()),
            "title": item.title if event["no"] == 0 else (event.get("title") or item.title),
            "url": item.url,
            "source": item.publisher or item.source,
            "lang": item.lang,
            "tier": item.tier,
            "entities": event.get("entities") or tag.entities,
            "facts": tag.facts,
            "score": tag.score,
            "publishers": row.publishers if row else 1,
            "polarity": tag.polarity,
            "background": is_old,
            "alertable": any(map(is_fresh, items.values())) and not is_old and not was_told,
            "reason": _reason(event, tag),
        }
        yield {**values, "novelty": novelty(session, values)}


def _reason(event: dict[str, Any], tag: Tag) -> list[str]:
    """Return the tag's reasons; a further event says first which sentence told it."""
    reasons = list(tag.reason or ())
    if event["no"] == 0:
        return reasons
    told = f"told beside the headline: {event.get('title') or ''}"
    return [told, *(f"of the whole item: {reason}" for reason in reasons)]


def _when(event: dict[str, Any], at: datetime, precision: str) -> dict[str, Any]:
    """Return the instant of an event: its own day when that is past, else its story's.

    News of a later day, or of a day the text leaves vague, was public when the story was.
    """
    if event["no"] == 0 or not event.get("at"):
        return {"at": at, "precision": precision}
    day = datetime.fromisoformat(event["at"])
    if event["precision"] == Precision.DAY and day <= at:
        return {"at": day, "precision": Precision.DAY.value}
    exact = event["precision"] == Precision.DAY
    return {"at": at, "precision": precision if exact else Precision.UNKNOWN.value}


def _public(item: Item) -> tuple[datetime, str]:
    """Return when an item was surely public, and how exactly that is known.

    Nobody publishes after we read it: of a clock that runs ahead only a minute is believed.
    """
    if item.published_at is None:
        return item.observed_at, Precision.UNKNOWN.value
    ahead = item.published_at - item.observed_at
    if ahead <= timedelta(0):
        return item.published_at, item.precision
    is_near = item.precision in EXACT and ahead <= SKEW
    return item.observed_at, (Precision.MINUTE if is_near else Precision.UNKNOWN).value
