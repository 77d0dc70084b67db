"""A document's title, summary and content, split into passages with what was found in them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from signals.dates import DateFound, find_dates
from signals.mentions import Lexicon, Mention, Scan, Word, resolve
from signals.passages import Passage
from signals.text import Normal, clauses, digest_parts, hide_chrome, normalize, segments


@dataclass(frozen=True, slots=True)
class Field:
    """One text of a document. A field without any name has no passages to speak of."""

    name: str
    normal: Normal
    passages: tuple[Passage, ...]
    dates: tuple[DateFound, ...]

    def mentions(self) -> tuple[Mention, ...]:
        """Return the names found, in order."""
        return tuple(mention for passage in self.passages for mention in passage.mentions)

    def dates_by_passage(self) -> Iterable[tuple[DateFound, ...]]:
        """Yield the dates of each passage, in order of `passages`."""
        for passage in self.passages:
            yield tuple(d for d in self.dates if passage.start <= d.start < passage.end)


def read_fields(
    lexicon: Lexicon,
    title: str,
    summary: str | None,
    content: str | None,
    published_at: datetime | None,
) -> tuple[Field, ...]:
    """Return the fields that a document has; the words of the title are context for the others.

    Where nothing is named in the whole document its passages are left out.
    """
    normals = [("title", normalize(title))]
    for name, text in (("summary", summary), ("content", content)):
        if text:
            normals.append((name, replace(normalize(hide_chrome(text)), original=text)))
    scans = [lexicon.scan(normal) for _, normal in normals]
    names_any = any(scan.names for scan in scans)
    context: frozenset[str] = frozenset()
    fields = []
    for (name, normal), scan in zip(normals, scans, strict=True):
        dates = find_dates(normal, published_at)
        future = _future(dates, published_at)
        passages = _passages(name, scan, context, future) if names_any else ()
        fields.append(Field(name, normal, passages, dates))
        if name == "title":
            context = _labels(scan.words)
    return tuple(fields)


_Placed = TypeVar("_Placed", Word, Mention)


def _passages(
    field: str, scan: Scan, context: frozenset[str], future: tuple[int, ...]
) -> tuple[Passage, ...]:
    text = scan.normal.text
    words = sorted(scan.words, key=lambda word: word.start)
    names = sorted(scan.names, key=lambda name: name.start)
    spans = segments(text, prose=field != "title")
    parts = digest_parts(text) if field == "title" else spans
    wide = [_within(words, *part) for part in parts]
    coded = any(name.alias.code for name in names)
    anywhere = _labels(words) if coded else frozenset()
    found = []
    for span in spans:
        inside = _within(words, *span)
        passage = Passage(
            field=field,
            normal=scan.normal,
            start=span[0],
            end=span[1],
            clauses=clauses(text, *span),
            mentions=resolve(_within(names, *span), inside, context, anywhere),
            words=tuple(inside),
            around=tuple(next(w for part, w in zip(parts, wide, strict=True) if span[0] < part[1])),
            labels=_labels(inside),
            future=future,
        )
        found.append(passage)
    return tuple(found)


def _labels(words: Sequence[Word]) -> frozenset[str]:
    return frozenset().union(*(word.pattern.labels for word in words)) if words else frozenset()


def _future(dates: Sequence[DateFound], published_at: datetime | None) -> tuple[int, ...]:
    """Return the places of dates that begin at least two days after publication."""
    if published_at is None or not dates:
        return ()
    # Half the world may already write the next day.
    limit = published_at.astimezone(UTC).date() + timedelta(days=1)
    return tuple(found.start for found in dates if found.day is not None and found.day > limit)


def _within(found: Sequence[_Placed], start: int, end: int) -> Sequence[_Placed]:
    first = bisect_left(found, start, key=lambda item: item.start)
    last = bisect_left(found, end, key=lambda item: item.start)
    return found[first:last]
