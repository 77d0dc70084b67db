"""A document's tags: themes with scores and reasons, entities, facts, polarity, events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from signals.catalog import Catalog
from signals.entities import Entity
from signals.events import Event, list_events, touches_only
from signals.facts import Fact, find_facts
from signals.fields import Field, read_fields
from signals.market_names import MarketName, find_market_names
from signals.mentions import Lexicon, Mention
from signals.passages import Passage
from signals.polarity import polarity
from signals.stories import attributed_to
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
    `background`: the document's first dated event is old news, or it is a long text whose
    headline tells no event and that dates nothing new. `market_names`: the prediction
    markets that the text names.
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
    market_names: tuple[MarketName, ...] = ()


class Tagger:
    """Tags documents with the themes it was made for; everything is compiled once."""

    def __init__(self, catalog: Catalog, themes: Sequence[Theme]) -> None:
        self.catalog = catalog
        self._plans = tuple(plan_theme(theme, catalog) for theme in themes)
        own = [(word, f"cue:{theme.name}") for theme in themes for word in theme.cues]
        own += [(word, f"block:{theme.name}") for theme in themes for word in theme.blocks]
        entities = tuple(catalog.entities.values())
        self._named = frozenset(entity.id for entity in entities if entity.kind != "generic")
        self._lexicon = Lexicon(entities, catalog.cues, own) if own else catalog.lexicon

    def tag(self, doc: Document) -> Tagging:
        """Return the tags of `doc`. Any text is accepted; nothing is raised."""
        published_at = _aware(doc.published_at)
        texts = (doc.title, doc.summary, doc.content)
        fields = read_fields(self._lexicon, *texts, published_at)
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
        if touches_only(events, doc.content, weighed):
            events = tuple(replace(event, background=True) for event in events)
        return Tagging(
            themes=_ranked(passing),
            below=_ranked(failing),
            entities=tuple(_entity_mentions(passages)),
            facts=facts,
            polarity=polarity(_title_and_lead(passages), self._named),
            background=bool(events) and events[0].background,
            events=events,
            attributed_to=self._attributed_to(doc),
            reasons=tuple(f"{w.tag.theme}: {r}" for w in passing for r in w.tag.reasons),
            market_names=find_market_names(*texts),
        )

    def entity_ids(self, text: str) -> tuple[str, ...]:
        """Return ids named in a free-standing text; see Catalog.entity_ids."""
        return self.catalog.entity_ids(text)

    def owner_of(self, text: str) -> Entity | None:
        """Return the company or lab behind a label; see Catalog.owner_of."""
        return self.catalog.owner_of(text)

    def _facts(self, doc: Document, fields: Sequence[Field]) -> Iterable[Fact]:
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

    def _attributed_to(self, doc: Document) -> str | None:
        for text in (doc.title, doc.summary, doc.content):
            if text and (name := attributed_to(text, self.catalog.labels)):
                return name
        return None


def _title_and_lead(passages: Sequence[Passage]) -> Sequence[Passage]:
    return [*(passage for passage in passages if passage.field == "title"), *lead(passages)]


def _entity_mentions(passages: Sequence[Passage]) -> Iterable[EntityMention]:
    for passage in passages:
        for m in passage.mentions:
            start, end = passage.normal.origin(m.start, m.end)
            text = passage.normal.original[start:end]
            yield EntityMention(m.entity_id, passage.field, start, end, text, m.strength)


def _in_lead(facts: Sequence[Fact]) -> Sequence[Fact]:
    return [fact for fact in facts if fact.field == "title" or fact.start < _LEAD_CHARS]


def _ranked(weighed: Sequence[Weighed]) -> tuple[ThemeTag, ...]:
    return tuple(sorted((w.tag for w in weighed), key=lambda tag: (-tag.score, tag.theme)))


def _aware(instant: datetime | None) -> datetime | None:
    return instant.replace(tzinfo=UTC) if instant and instant.tzinfo is None else instant


_LEAD_CHARS = 1500
