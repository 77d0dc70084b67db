"""What of a signal's story had been seen by one instant: its time, its publishers, its merges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from signals.stories import speaker, voices
from storage import story_repo
from storage.models import Signal
from storage.records import Precision
from storage.story_repo import Wording

# Beside a newsroom a portal adds no voice; this one stands for any newsroom.
_A_NEWSROOM = "a newsroom"


@dataclass(frozen=True, slots=True)
class Evidence:
    """When the story was public and how exactly that is known, who tells it, what it absorbed.

    `publishers` are names, who was seen first first; `merged` ids of stories.
    """

    published_at: datetime | None
    precision: str
    publishers: tuple[str, ...]
    merged: tuple[str, ...]


def evidence(session: Session, row: Signal, *, now: datetime) -> Evidence:
    """Return what was known at `now`; of a signal that is no story only its own clock.

    What has no time of its own was given the one when it was seen.
    """
    if row.origin_kind != "story":
        is_dated = row.origin_kind == "item" and row.at != row.observed_at
        return Evidence(row.at if is_dated else None, row.precision, (), ())
    seen = [
        wording
        for wording in story_repo.wordings(session, [row.origin_id], lead_chars=0)
        if wording.observed_at <= now
    ]
    published_at, precision = _published(session, row, seen, now)
    return Evidence(
        published_at=published_at,
        precision=precision,
        publishers=tuple(_publishers(seen)),
        merged=tuple(story_repo.merged_by(session, row.origin_id, at=now)),
    )


def _published(
    session: Session, row: Signal, seen: Iterable[Wording], now: datetime
) -> tuple[datetime | None, str]:
    """Return the story's own instant: an event told beside the headline may have a day of its own.

    The signal's version says what was known then; items may have changed their story since.
    """
    headline: Signal | None = row
    if row.event_no != 0:
        headline = story_repo.headline_signal(session, row.origin_id, row.theme, at=now)
    if headline is None:
        published = [wording.published_at for wording in seen if wording.published_at is not None]
        return min(published, default=None), row.precision
    known = headline.precision != Precision.UNKNOWN.value
    return (headline.at if known else None), headline.precision


def _publishers(seen: Iterable[Wording]) -> Iterator[str]:
    names: dict[str, str] = {}
    for each in seen:
        key = speaker(each.publisher, each.url, each.source, each.attributed_to)
        names.setdefault(key, each.attributed_to or each.publisher or each.source)
    newsrooms = [key for key in names if voices((_A_NEWSROOM, key)) > 1]
    yield from (names[key] for key in newsrooms or list(names)[:1])
