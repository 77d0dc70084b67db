"""A document's tags: themes with scores and reasons, entities, facts, polarity, events."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from signals.catalog import Catalog
from signals.dates import DateFound, find_dates
from signals.entities import Entity
from signals.events import Event, list_events
from signals.facts import Fact, find_facts
from signals.mentions import Lexicon, Mention, Word, resolve
from signals.passages import Passage
from signals.stories import attributed_to
from signals.text import Normal, clauses, digest_parts, hide_chrome, normalize, segments
from signals.themes import Theme, plan_theme
from signals.weighing import ThemeTag, Weighed, lead, weigh


@dataclass(frozen=True, slots=True)
class Document:
    """A text to tag. `published_at` aware UTC (naive is read as UTC); `tier` 1 is best."""

    title: str
    summary: str | None = None
    content: str | None = None
    published_at: datetime | None = None
    source: str | None = None
    lang: str | None = None
    tier: int = 2
    url: str | None = None


@dataclass(frozen=True, slots=True)
class EntityMention:
    """An entity named at `[start, end)` of the original text of `field`."""

    entity: str
    field: str
    start: int
    end: int
    text: str
    strength: str


@dataclass(frozen=True, slots=True)
class Tagging:
    """Everything read from one document. `themes` are at or above min_score, best first.

    `polarity` maps an entity to negative or positive, only where the text says so.
    `background`: the document's first dated event is old news.
    """

    themes: tuple[ThemeTag, ...]
    below: tuple[ThemeTag, ...]
    entities: tuple[EntityMention, ...]
    facts: tuple[Fact, ...]
    polarity: dict[str, str]
    background: bool
    events: tuple[Event, ...]
    attributed_to: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    normal: Normal
    passages: tuple[Passage, ...]
    dates: tuple[DateFound, ...]

    def mentions(self) -> tuple[Mention, ...]:
        return tuple(mention for passage in self.passages for mention in passage.mentions)

    def dates_by_passage(self) -> Iterable[tuple[DateFound, ...]]:
        for passage in self.passages:
            yield tuple(d for d in self.dates if passage.start <= d.start < passage.end)


_Placed = TypeVar("_Placed", Word, Mention)


class Tagger:
    """Tags documents with the themes it was made for; everything is compiled once."""

    def __init__(self, catalog: Catalog, themes: Sequence[Theme]) -> None:
        self.catalog = catalog
        self._plans = tuple(plan_theme(theme, catalog) for theme in themes)
        own = [(word, f"cue:{theme.name}") for theme in themes for word in theme.cues]
        own += [(word, f"block:{theme.name}") for theme in themes for word in theme.blocks]
        entities = tuple(catalog.entities.values())
        self._lexicon = Lexicon(entities, catalog.cues, own) if own else catalog.lexicon

    def tag(self, doc: Document) -> Tagging:
        """Return the tags of `doc`. Any text is accepted; nothing is raised."""
        published_at = _aware(doc.published_at)
        fields = tuple(self._fields(doc, published_at))
        passages = [passage for field in fields for passage in field.passages]
        facts = tuple(self._facts(doc, fields))
        weighed = [
            w
            for plan in self._plans
            if (w := weigh(plan, passages, _in_lead(facts), doc.tier, self.catalog)) is not None
        ]
        passing = [w for w in weighed if w.tag.score >= w.plan.theme.min_score]
        failing = [w for w in weighed if w.tag.score < w.plan.theme.min_score]
        dates = [dates for field in fields for dates in field.dates_by_passage()]
        events = list_events(weighed, passages, dates, published_at, self.catalog)
        return Tagging(
            themes=_ranked(passing),
            below=_ranked(failing),
            entities=tuple(_entity_mentions(passages)),
            facts=facts,
            polarity=self._polarity(passages),
            background=bool(events) and events[0].background,
            events=events,
            attributed_to=self._attributed_to(doc),
            reasons=tuple(f"{w.tag.theme}: {r}" for w in passing for r in w.tag.reasons),
        )

    def entity_ids(self, text: str) -> tuple[str, ...]:
        """Return ids named in a free-standing text; see Catalog.entity_ids."""
        return self.catalog.entity_ids(text)

    def owner_of(self, text: str) -> Entity | None:
        """Return the company or lab behind a label; see Catalog.owner_of."""
        return self.catalog.owner_of(text)

    def _fields(self, doc: Document, published_at: datetime | None) -> Iterable[_Field]:
        title = normalize(doc.title)
        passages = self._passages("title", title, frozenset())
        yield _Field("title", title, passages, find_dates(title, published_at))
        context = frozenset(label for p in passages for label in p.labels)
        for name, text in (("summary", doc.summary), ("content", doc.content)):
            if text:
                normal = replace(normalize(hide_chrome(text)), original=text)
                passages = self._passages(name, normal, context)
                yield _Field(name, normal, passages, find_dates(normal, published_at))

    def _passages(self, field: str, normal: Normal, context: frozenset[str]) -> tuple[Passage, ...]:
        scan = self._lexicon.scan(normal)
        words = sorted(scan.words, key=lambda word: word.start)
        names = sorted(scan.names, key=lambda name: name.start)
        spans = segments(normal.text, prose=field != "title")
        parts = digest_parts(normal.text) if field == "title" else spans
        wide = [_within(words, *part) for part in parts]
        return tuple(
            _passage(
                field,
                normal,
                span,
                _within(words, *span),
                next(w for part, w in zip(parts, wide, strict=True) if span[0] < part[1]),
                _within(names, *span),
                context,
            )
            for span in spans
        )

    def _facts(self, doc: Document, fields: Sequence[_Field]) -> Iterable[Fact]:
        country = self._country([m for field in fields for m in field.mentions()])
        for field in fields:
            yield from find_facts(
                field.normal,
                field.name,
                dates=field.dates,
                country=country,
                lang=doc.lang,
                mentions=field.mentions(),
            )

    def _country(self, mentions: Sequence[Mention]) -> str | None:
        for mention in mentions:
            country = self.catalog.top_owner(mention.entity_id).country
            if country:
                return country
        return None

    def _polarity(self, passages: Sequence[Passage]) -> dict[str, str]:
        said: dict[str, str] = {}
        title = [passage for passage in passages if passage.field == "title"]
        for passage in [*title, *lead(passages)]:
            for clause in passage.clauses:
                side = _side([w for w in passage.words if clause[0] <= w.start < clause[1]])
                if side is None:
                    continue
                inside = [m for m in passage.mentions if clause[0] <= m.start < clause[1]]
                for mention in inside or passage.mentions:
                    if self.catalog.entities[mention.entity_id].kind != "generic":
                        said.setdefault(mention.entity_id, side)
        return said

    def _attributed_to(self, doc: Document) -> str | None:
        for text in (doc.title, doc.summary, doc.content):
            if text and (name := attributed_to(text, self.catalog.labels)):
                return name
        return None


def _passage(
    field: str,
    normal: Normal,
    span: tuple[int, int],
    words: Sequence[Word],
    around: Sequence[Word],
    names: Sequence[Mention],
    context: frozenset[str],
) -> Passage:
    labels = frozenset().union(*(word.pattern.labels for word in words)) if words else frozenset()
    return Passage(
        field=field,
        normal=normal,
        start=span[0],
        end=span[1],
        clauses=clauses(normal.text, *span),
        mentions=resolve(names, words, context),
        words=tuple(words),
        around=tuple(around),
        labels=labels,
    )


def _within(found: Sequence[_Placed], start: int, end: int) -> Sequence[_Placed]:
    first = bisect_left(found, start, key=lambda item: item.start)
    last = bisect_left(found, end, key=lambda item: item.start)
    return found[first:last]


def _entity_mentions(passages: Sequence[Passage]) -> Iterable[EntityMention]:
    for passage in passages:
        for m in passage.mentions:
            start, end = passage.normal.origin(m.start, m.end)
            text = passage.normal.original[start:end]
            yield EntityMention(m.entity_id, passage.field, start, end, text, m.strength)


def _in_lead(facts: Sequence[Fact]) -> Sequence[Fact]:
    return [fact for fact in facts if fact.field == "title" or fact.start < _LEAD_CHARS]


def _side(words: Sequence[Word]) -> str | None:
    """Return negative or positive as a clause states it; a denied bad thing is positive."""
    labels = [word.pattern.labels for word in words]
    denied = any("@denial" in found for found in labels)
    bad = any("@negative" in found and "@denial" not in found for found in labels)
    rejects = any("@negative" in found and "@denial" in found for found in labels)
    if bad:
        return "positive" if denied else "negative"
    if rejects:
        return "negative"
    good = any("@positive" in found for found in labels)
    return "positive" if good and not denied else None


def _ranked(weighed: Sequence[Weighed]) -> tuple[ThemeTag, ...]:
    return tuple(sorted((w.tag for w in weighed), key=lambda tag: (-tag.score, tag.theme)))


def _aware(instant: datetime | None) -> datetime | None:
    return instant.replace(tzinfo=UTC) if instant and instant.tzinfo is None else instant


_LEAD_CHARS = 1500
