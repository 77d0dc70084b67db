"""Stories: the items an item may belong with, their rows, merges, and what merges close."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage import versions
from storage.item_repo import NO_THEME, ItemKeys
from storage.models import Item, ItemRevision, Link, Signal, Story, Tag

STORY_WINDOW = timedelta(hours=72)
LOG_LINES = 60


@dataclass(frozen=True, slots=True)
class Wording:
    """An item of a story as it was last worded; `lead` is the beginning of its text."""

    item_id: int
    story_id: str
    source: str
    guid: str
    title: str
    lead: str | None
    url: str | None
    publisher: str | None
    attributed_to: str | None
    published_at: datetime | None
    observed_at: datetime


def candidates(session: Session, item: Item, keys: ItemKeys) -> list[str]:
    """Return stories with items of the last 72 h of the same canonical URL or title key."""
    same = col(Item.title_key) == keys.title_key
    if keys.canonical_url:
        same = same | (col(Item.canonical_url) == keys.canonical_url)
    query = (
        select(Item.story_id)
        .where(same, col(Item.id) != item.id, col(Item.story_id).is_not(None))
        .where(col(Item.observed_at) >= _public(item) - STORY_WINDOW)
        .order_by(col(Item.observed_at), col(Item.id))
    )
    return list(dict.fromkeys(story for story in session.exec(query) if story))


def themed_stories(session: Session, *, since: datetime, until: datetime) -> list[str]:
    """Return stories with an item of some theme that was public in [since - 72 h, until + 72 h].

    An item that no theme tells of is never a signal; it is found by its address and title only.
    """
    first, last = since - STORY_WINDOW, until + STORY_WINDOW
    public = func.coalesce(Item.published_at, Item.observed_at)
    # As a question asked of each item, or SQLite reads every tag there ever was.
    tagged = select(Tag.id).where(
        col(Tag.item_id) == col(Item.id), col(Tag.known_to).is_(None), Tag.theme != NO_THEME
    )
    query = (
        select(Item.story_id)
        .where(col(Item.observed_at) >= first, public >= first, public <= last, tagged.exists())
        .order_by(col(Item.observed_at))
    )
    return list(dict.fromkeys(story for story in session.exec(query) if story))


def wordings(session: Session, stories: Iterable[str], *, lead_chars: int) -> list[Wording]:
    """Return the items of stories as last worded, in the order we saw them."""
    text = func.substr(func.coalesce(Item.summary, Item.content), 1, lead_chars)
    fields = (
        *(Item.id, Item.story_id, Item.source, Item.guid, Item.title, text, Item.canonical_url),
        *(Item.publisher, Item.attributed_to, Item.published_at, Item.observed_at),
    )
    found: list[Wording] = []
    for some in _chunks(sorted(set(stories))):
        query = select(*fields).where(col(Item.story_id).in_(some))  # type: ignore[call-overload]
        found += [Wording(*row) for row in session.exec(query)]
    latest = _latest(session, [wording.item_id for wording in found], lead_chars)
    found = [_reworded(wording, latest.get(wording.item_id)) for wording in found]
    return sorted(found, key=lambda wording: (wording.observed_at, wording.item_id))


def items(session: Session, story_id: str) -> list[Item]:
    """Return the items of a story in the order we saw them."""
    query = (
        select(Item).where(Item.story_id == story_id).order_by(col(Item.observed_at), col(Item.id))
    )
    return list(session.exec(query))


def move(session: Session, item: Item, story_id: str) -> None:
    """Let an item belong to a story."""
    item.story_id = story_id
    session.add(item)
    session.flush()


def get(session: Session, story_id: str) -> Story | None:
    """Return a story's row, merged or not."""
    return session.get(Story, story_id)


def put(session: Session, story: Story) -> None:
    """Write a story, replacing what was known of it."""
    session.merge(story)
    session.flush()


def merge(session: Session, younger: str, into: str, *, reason: str, at: datetime) -> None:
    """Make one story of two: the items move, the younger one's signals and links are closed.

    Its row stays under its id and names the story it is part of.
    """
    row = session.get_one(Story, younger)
    row.merged_into, row.reason = into, logged(row.reason, [f"merged into {into}: {reason}"])
    session.add(row)
    for earlier in session.exec(select(Story).where(Story.merged_into == younger)):
        earlier.merged_into = into
        session.add(earlier)
    for item in items(session, younger):
        move(session, item, into)
    _close_signals(session, younger, at=at)


def was_told(session: Session, story_id: str, theme: str) -> bool:
    """Return whether a story that was merged into this one had an alertable signal of a theme."""
    merged = select(Story.id).where(Story.merged_into == story_id)
    query = select(Signal.id).where(
        Signal.origin_kind == "story",
        col(Signal.origin_id).in_(merged),
        Signal.theme == theme,
        col(Signal.alertable).is_(True),
    )
    return session.exec(query.limit(1)).first() is not None


def merged_by(session: Session, story_id: str, *, at: datetime) -> list[str]:
    """Return the stories that had become part of this one by `at`.

    A merge closes the younger story's signals: one with a signal then was still on its own.
    """
    alone = select(Signal.id).where(
        Signal.origin_kind == "story",
        col(Signal.origin_id) == col(Story.id),
        versions.known_at(Signal, at),
    )
    query = select(Story.id).where(
        Story.merged_into == story_id, col(Story.first_observed_at) <= at, ~alone.exists()
    )
    return list(session.exec(query.order_by(col(Story.id))))


def headline_signal(session: Session, story_id: str, theme: str, *, at: datetime) -> Signal | None:
    """Return a story's signal of its headline, as known at `at`; its instant is the story's."""
    query = select(Signal).where(
        Signal.origin_kind == "story",
        Signal.origin_id == story_id,
        Signal.theme == theme,
        Signal.event_no == 0,
        versions.known_at(Signal, at),
    )
    return session.exec(query).first()


def logged(reason: str | None, lines: Sequence[str]) -> str:
    """Return a story's reasons, one line each, with more; the first line and the last ones stay."""
    every = [*(reason or "").splitlines(), *(" ".join(line.split()) for line in lines)]
    return "\n".join((*every[:1], *every[1:][-(LOG_LINES - 1) :]))


def _close_signals(session: Session, story_id: str, *, at: datetime) -> None:
    signals = session.exec(
        select(Signal).where(
            Signal.origin_kind == "story",
            Signal.origin_id == story_id,
            col(Signal.known_to).is_(None),
        )
    ).all()
    named = [signal.signal_id for signal in signals]
    links = session.exec(
        select(Link).where(col(Link.signal_id).in_(named), col(Link.known_to).is_(None))
    ).all()
    for row in (*signals, *links):
        versions.close(session, row, at=at)


def _latest(
    session: Session, item_ids: Sequence[int], lead_chars: int
) -> dict[int, tuple[str, str | None]]:
    text = func.substr(func.coalesce(ItemRevision.summary, ItemRevision.content), 1, lead_chars)
    found: dict[int, tuple[str, str | None]] = {}
    for some in _chunks(item_ids):
        query = (
            select(ItemRevision.item_id, ItemRevision.title, text)
            .where(col(ItemRevision.item_id).in_(some))
            .order_by(col(ItemRevision.observed_at))
        )
        found |= {item_id: (title, lead) for item_id, title, lead in session.exec(query)}
    return found


def _reworded(wording: Wording, latest: tuple[str, str | None] | None) -> Wording:
    if latest is None:
        return wording
    title, lead = latest
    return replace(wording, title=title, lead=lead)


def _chunks(ids: Sequence[str] | Sequence[int]) -> Iterable[Sequence[str] | Sequence[int]]:
    """Yield parts small enough for one statement's parameters."""
    for start in range(0, len(ids), _PARAMETERS):
        yield ids[start : start + _PARAMETERS]


def _public(item: Item) -> datetime:
    return min(item.published_at or item.observed_at, item.observed_at)


_PARAMETERS = 500
