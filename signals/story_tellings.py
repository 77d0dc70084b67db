"""What a wording tells, read for comparison: who, which thing, what happens, figures, words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from signals.catalog import Catalog
from signals.dates import find_dates
from signals.entities import Entity
from signals.facts import Fact, find_facts
from signals.mentions import Mention, Scan, resolve
from signals.story_publishers import is_outlet
from signals.story_titles import language, numbers, title_key, words
from signals.story_wording import adopts, denies, is_comment, is_digest
from signals.text import Normal, normalize

LEAD_CHARS = 400
TELLING_KINDS = frozenset({"price", "amount", "rank", "score", "version", "date"})
StoryFact = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Telling:
    """One wording, read. Sets are of text; empty where the wording says nothing.

    `words` hold entities as `@id`, so that one thing under two names is one word. `entities`
    are those named with their owners and families; `owners` who stands behind them in the end.
    `named` are those of `words` that stand for names. `names` are particular things: a device,
    or a model with its version (`glm:5.2`); `sorts` the generic sorts of thing (`ai-glasses`).
    `kinds` are kinds of signals that cue words claim. `facts` are (kind, unit, value).
    `adopts`: it tells that somebody else takes up the thing.
    """

    key: str
    words: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    language: str | None = None
    entities: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    sorts: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    facts: frozenset[StoryFact] = frozenset()
    numbers: frozenset[str] = frozenset()
    denies: bool = False
    is_digest: bool = False
    is_comment: bool = False
    adopts: bool = False


class StoryReader:
    """Reads wordings with the catalog's names and cue words."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def read(
        self,
        title: str,
        lead: str | None = None,
        *,
        publisher: str | None = None,
        published_at: datetime | None = None,
    ) -> Telling:
        """Return what a title tells; the first LEAD_CHARS of `lead` add what it leaves open.

        Only a particular thing and figures are taken from the lead, each kind of figure only
        when the title states none of it.
        """
        normal = normalize(_without_outlet(title, publisher))
        scan = self._catalog.lexicon.scan(normal)
        mentions = resolve(scan.names, scan.words)
        text, rest = normal.text, _outside(normal.text, mentions)
        names = particular = self._particular(normal, mentions)
        named = frozenset((*_as_words(mentions), *(n for n in particular if ":" in n)))
        facts = self._facts(normal, mentions, published_at)
        if lead:
            more, below = self._lead(lead, published_at)
            facts |= _kinds_not_in(below, facts)
            names = particular or more
        return Telling(
            key=title_key(title, publisher),
            words=named.union(words(rest)),
            named=named,
            language=language(title),
            entities=self._around(mentions),
            owners=self._owners(mentions),
            names=names,
            sorts=self._sorts(mentions),
            kinds=_kinds(scan, mentions),
            facts=facts,
            numbers=numbers(rest),
            denies=denies(text),
            is_digest=is_digest(text),
            is_comment=is_comment(text),
            adopts=adopts(text, [mention.start for mention in mentions]),
        )

    def _lead(
        self, lead: str, published_at: datetime | None
    ) -> tuple[frozenset[str], frozenset[StoryFact]]:
        normal = normalize(lead[:LEAD_CHARS])
        scan = self._catalog.lexicon.scan(normal)
        mentions = resolve(scan.names, scan.words)
        return self._particular(normal, mentions), self._facts(normal, mentions, published_at)

    def _particular(self, normal: Normal, mentions: Sequence[Mention]) -> frozenset[str]:
        found = set()
        for mention in mentions:
            if mention.versioned:
                found.add(f"{mention.entity_id}:{_version(normal, mention)}")
            elif self._catalog.entities[mention.entity_id].kind == "device":
                found.add(mention.entity_id)
        return frozenset(found)

    def _sorts(self, mentions: Sequence[Mention]) -> frozenset[str]:
        """Return the generic sorts of device spoken of, those of devices named included."""
        entities = [self._catalog.entities[mention.entity_id] for mention in mentions]
        found = {entity.id for entity in entities if _is_sort(entity)}
        return frozenset(found.union(e.family for e in entities if e.kind == "device" and e.family))

    def _facts(
        self, normal: Normal, mentions: Sequence[Mention], published_at: datetime | None
    ) -> frozenset[StoryFact]:
        owners = (self._catalog.top_owner(mention.entity_id) for mention in mentions)
        found = find_facts(
            normal,
            "title",
            dates=find_dates(normal, published_at),
            country=next((owner.country for owner in owners if owner.country), None),
            lang=language(normal.original),
            mentions=mentions,
        )
        return frozenset(_plain(fact) for fact in found if _counts(fact))

    def _around(self, mentions: Sequence[Mention]) -> frozenset[str]:
        named = {mention.entity_id for mention in mentions}
        above = {family for name in named for family in self._catalog.families(name)}
        return frozenset(named | above) | self._owners(mentions)

    def _owners(self, mentions: Sequence[Mention]) -> frozenset[str]:
        entities = [self._catalog.entities[mention.entity_id] for mention in mentions]
        return frozenset(
            self._catalog.top_owner(entity.id).id for entity in entities if entity.kind != "generic"
        )


def _without_outlet(title: str, publisher: str | None) -> str:
    """Return the title without a trailing " - Reuters"."""
    head, dash, tail = title.rpartition(" - ")
    if not dash or len(tail) > _OUTLET_CHARS:
        return title
    return head if is_outlet(tail) or tail.strip() == (publisher or "").strip() else title


def _as_words(mentions: Sequence[Mention]) -> Iterable[str]:
    """Yield one word for each name, the same whichever way the name is written."""
    named: dict[tuple[int, int], str] = {}
    for mention in mentions:
        span = (mention.start, mention.name_end)
        named[span] = min(named.get(span, mention.entity_id), mention.entity_id)
    return (f"@{name}" for name in named.values())


def _outside(text: str, mentions: Sequence[Mention]) -> str:
    """Return the text with names blanked."""
    parts: list[str] = []
    at = 0
    for mention in sorted(mentions, key=lambda m: (m.start, -m.end)):
        if mention.end > at:
            parts.append(text[at : mention.start])
            at = mention.end
    return " ".join((*parts, text[at:]))


def _version(normal: Normal, mention: Mention) -> str:
    version = _JOINTS.sub("", normal.text[mention.name_end : mention.end])
    return version.removesuffix("preview") or version


def _is_sort(entity: Entity) -> bool:
    return entity.kind == "generic" and entity.about == "device" and entity.family is not None


def _kinds(scan: Scan, mentions: Sequence[Mention]) -> frozenset[str]:
    claimed = {kind for word in scan.words for kind, _ in word.pattern.cues}
    labels = frozenset().union(*(word.pattern.labels for word in scan.words))
    if "launch" in claimed and not labels.isdisjoint(("@maybe", "@maybe_before")):
        claimed = claimed - {"launch"} | {"rumor"}
    if not claimed and _is_title_of_a_model(scan.normal.text, mentions):
        claimed = {"launch"}
    return frozenset(claimed - {"other"})


def _is_title_of_a_model(text: str, mentions: Sequence[Mention]) -> bool:
    """Return whether a title is a versioned name, bare or with a motto: a new model's page."""
    first = next((m for m in mentions if m.versioned), None)
    if first is None or text[: first.start].strip():
        return False
    rest = text[first.end :].strip()
    return not rest or rest[0] in ":-"


def _counts(fact: Fact) -> bool:
    if fact.kind == "date":
        return fact.unit == "day"
    return fact.kind in TELLING_KINDS


def _plain(fact: Fact) -> StoryFact:
    value = fact.value
    if isinstance(value, Decimal):
        return fact.kind, fact.unit, format(value.normalize(), "f")
    if fact.kind == "date":
        return fact.kind, fact.unit, value
    return fact.kind, fact.unit, _JOINTS.sub("", value.casefold())


def _kinds_not_in(more: frozenset[StoryFact], said: frozenset[StoryFact]) -> frozenset[StoryFact]:
    kinds = {kind for kind, _, _ in said}
    return frozenset(fact for fact in more if fact[0] not in kinds)


_OUTLET_CHARS = 40
_JOINTS = re.compile(r"[\s\-_]+")
