"""What any feed format says, before it becomes items: markup and raw dates as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.records import Pace, Reject


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry; None where it says nothing. Markup is kept, `date` is the text as written.

    `id` is guid, atom:id or rdf:about. `origin_link` is the publisher's own address where
    FeedBurner put a counting one into `link`. `lang` is the nearest xml:lang or dc:language.
    """

    id: str | None = None
    title: str | None = None
    link: str | None = None
    origin_link: str | None = None
    date: str | None = None
    summary: str | None = None
    content: str | None = None
    publisher: str | None = None
    lang: str | None = None

    @property
    def excerpt(self) -> str:
        """Return what the entry is known by in a reject."""
        return self.id or self.link or self.title or ""


@dataclass(frozen=True, slots=True)
class FeedReading:
    """A whole document: its entries in document order, its language and the pace it asks for.

    `rejects` are entries and parts that were left out, with the reason.
    """

    entries: Sequence[FeedEntry]
    lang: str | None = None
    pace: Pace | None = None
    rejects: tuple[Reject, ...] = ()
