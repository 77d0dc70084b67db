"""How strongly one passage tells of a theme: a sum of named parts, each with its span."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from signals.catalog import Catalog
from signals.entities import Entity
from signals.mentions import Mention, Word
from signals.objections import objections
from signals.passages import Claim, Passage, Subject
from signals.themes import ThemePlan

# Additive points; a strong name with an event beside it in the title makes 0.65.
TITLE = {"strong": 0.40, "weak": 0.30}
BODY = {"strong": 0.25, "weak": 0.15}
CUE_BESIDE = 0.25
CUE_APART = 0.20
VERSION = 0.05
OWNER = 0.05


@dataclass(frozen=True, slots=True)
class Finding:
    """A subject of a theme in a passage, with the event said about it, if any.

    `kind` is None when no event is told. Parts are (reason, points): `name_parts` for the
    subject, `event_parts` for the cue and what speaks against it. `spans` are the clauses of
    both.
    """

    passage: Passage
    mention: Mention
    kind: str | None
    name_parts: tuple[tuple[str, float], ...]
    event_parts: tuple[tuple[str, float], ...] = ()
    spans: frozenset[tuple[int, int]] = frozenset()

    @property
    def parts(self) -> tuple[tuple[str, float], ...]:
        """Return all parts, those of the name first."""
        return (*self.name_parts, *self.event_parts)

    @property
    def score(self) -> float:
        """Return the sum of the parts, not clipped."""
        return sum(points for _, points in self.parts)

    @property
    def is_event(self) -> bool:
        """Return whether an event is told and nothing speaks against it."""
        return self.kind is not None and all(points > 0 for _, points in self.parts)


def find(plan: ThemePlan, passage: Passage, catalog: Catalog) -> tuple[Finding, ...]:
    """Return the best finding of each kind in a passage, best first; empty without a subject.

    Among findings that score alike the order of kinds decides, then a product by its name
    before a generic word for it.
    """
    order = catalog.cues.kind_order
    ranked = sorted(
        (
            finding
            for subject in _subjects(plan, passage, catalog)
            for finding in _findings(subject, plan, passage, catalog)
        ),
        key=lambda f: (
            -round(f.score, 6),
            order.index(f.kind) if f.kind else len(order),
            catalog.entities[f.mention.entity_id].kind == "generic",
            f.mention.start,
        ),
    )
    best: dict[str | None, Finding] = {}
    for finding in ranked:
        best.setdefault(finding.kind, finding)
    return tuple(best.values())


def _subjects(plan: ThemePlan, passage: Passage, catalog: Catalog) -> Iterable[Subject]:
    named = {mention.entity_id for mention in passage.mentions}
    makes_devices = any(plan.makers.get(name) == "device" for name in named)
    for mention in passage.mentions:
        entity = catalog.entities[mention.entity_id]
        about = plan.subjects.get(entity.id)
        if about == "model_family" and entity.kind == "generic":
            # "Chinese models" at large make news for a board only when a state acts on them.
            yield Subject(mention, about, frozenset({"any", about}), "regulation")
        elif about is not None:
            yield Subject(mention, about, _profiles(entity, about, catalog))
        elif plan.makers.get(entity.id) == "model_family":
            yield from _maker(entity, mention, plan, passage, catalog)
        elif entity.kind == "generic" and entity.about == "device" and makes_devices:
            yield Subject(mention, "device", frozenset({"any", "device"}))
        elif plan.watches_models and _moves_the_bar(entity, passage):
            yield Subject(mention, "model_family", frozenset({"model_family"}), "rank_change")


def _maker(
    entity: Entity, mention: Mention, plan: ThemePlan, passage: Passage, catalog: Catalog
) -> Iterable[Subject]:
    """Yield the maker of a watched model: a lab by its name, a company only beside "model"."""
    if entity.kind == "lab":
        yield Subject(mention, "model_family", frozenset({"any", "model_family", "lab"}))
        return
    named = [catalog.entities[m.entity_id] for m in passage.mentions]
    others = [e for e in named if e.kind == "model_family" and e.id not in plan.subjects]
    if "@model" in passage.labels and all(e.owner != entity.id for e in others):
        yield Subject(mention, "model_family", frozenset({"model_family"}), "maker")


def _moves_the_bar(entity: Entity, passage: Passage) -> bool:
    on_board = "@text_board" in passage.labels
    return on_board and (entity.about == "model_family" or entity.kind == "company")


def _profiles(entity: Entity, about: str, catalog: Catalog) -> frozenset[str]:
    owner = catalog.entities.get(entity.owner or "")
    is_lab = entity.kind == "lab" or (owner is not None and owner.kind == "lab")
    everything = {"device", "model_family", "lab"} if about == "any" else set()
    return frozenset({"any", about} | everything | ({"lab"} if is_lab else set()))


def _findings(
    subject: Subject, plan: ThemePlan, passage: Passage, catalog: Catalog
) -> Iterable[Finding]:
    base = _name_parts(subject, passage, catalog)
    claims = [claim for claim in _claims(subject, passage) if plan.accepts(claim.kind)]
    for claim in claims:
        parts = (_cue_part(claim), *objections(claim, catalog))
        yield Finding(passage, subject.mention, claim.kind, base, parts, claim.spans)
    if claims:
        return
    if _is_title_of_a_model(subject, passage) and plan.accepts("launch"):
        parts = (("a title that is the name", CUE_APART),)
        yield Finding(passage, subject.mention, "launch", base, parts)
    elif subject.only is None:
        yield Finding(passage, subject.mention, None, base)


def _claims(subject: Subject, passage: Passage) -> Iterable[Claim]:
    mention = subject.mention
    for word in passage.words:
        overlaps = word.start < mention.end and word.end > mention.start
        if not word.pattern.cues or overlaps or passage.is_within_name(word):
            continue
        for kind, about in word.pattern.cues:
            if about in subject.profiles:
                claim = Claim(_softened(kind, word, subject, passage), word, subject, passage)
                if _is_allowed(claim):
                    yield claim


def _is_allowed(claim: Claim) -> bool:
    if claim.subject.only == "maker":
        return claim.is_beside and claim.kind in _KINDS_OF_MAKERS
    return claim.subject.only in (None, claim.kind)


def _softened(kind: str, word: Word, subject: Subject, passage: Passage) -> str:
    """Return `rumor` for a launch that is only expected, planned or said to come."""
    if kind != "launch":
        return kind
    spans = {passage.clause_of(word.start), passage.clause_of(subject.mention.start)}
    for other in passage.words:
        labels = other.pattern.labels
        hedged = "@maybe" in labels or ("@maybe_before" in labels and other.start < word.end)
        if hedged and passage.clause_of(other.start) in spans:
            return "rumor"
    return kind


def _is_title_of_a_model(subject: Subject, passage: Passage) -> bool:
    """Return whether a title is a versioned name, bare or followed by ": a motto".

    That is how makers title the page of a new model, and feeds of links repeat it.
    """
    mention = subject.mention
    if passage.field != "title" or not mention.versioned or subject.about != "model_family":
        return False
    before = passage.normal.text[passage.start : mention.start].strip()
    rest = passage.normal.text[mention.end : passage.end].strip()
    led = not before or (before.isascii() and before.endswith("/") and " " not in before)
    return led and (not rest or _MOTTO.match(rest) is not None)


def _name_parts(
    subject: Subject, passage: Passage, catalog: Catalog
) -> tuple[tuple[str, float], ...]:
    mention = subject.mention
    points = TITLE if passage.field == "title" else BODY
    strength = "weak" if subject.only == "maker" else mention.strength
    where = passage.quoted(mention.start, mention.end)
    parts = [(f"{passage.field} names {mention.entity_id} ({strength}) {where}", points[strength])]
    if mention.versioned:
        parts.append((f"with its version {where}", VERSION))
    owner = catalog.top_owner(mention.entity_id).id
    makers = [m for m in passage.mentions if m.entity_id == owner and m.start != mention.start]
    if owner != mention.entity_id and makers:
        parts.append((f"beside its maker {owner}", OWNER))
    return tuple(parts)


def _cue_part(claim: Claim) -> tuple[str, float]:
    where = claim.passage.quoted(claim.word.start, claim.word.end)
    if claim.is_beside:
        return f"{claim.kind} cue {where} in the same clause", CUE_BESIDE
    return f"{claim.kind} cue {where} elsewhere in the passage", CUE_APART


_KINDS_OF_MAKERS = frozenset({"launch", "rumor", "regulation", "other", "delay_cancel"})
_MOTTO = re.compile(r"(?::|-|·) ?[a-z0-9 ,.'&()-]{4,}$")
