"""How strongly one passage tells of a theme: a sum of named parts, each with its span."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from signals.catalog import Catalog
from signals.entities import Entity
from signals.mentions import Mention, Word
from signals.modality import is_subordinate, told_kind
from signals.objections import objections
from signals.passages import Claim, Passage, Subject
from signals.patterns import CueUse
from signals.text import HAN
from signals.themes import ThemePlan

# Additive points; a strong name with an event beside it in the title makes 0.65.
TITLE = {"strong": 0.40, "weak": 0.30}
BODY = {"strong": 0.25, "weak": 0.15}
CUE_BESIDE = 0.25
CUE_APART = 0.20
CUE_NOMINAL = 0.15
VERSION = 0.05
OWNER = 0.05


@dataclass(frozen=True, slots=True)
class Finding:
    """A subject of a theme in a passage, with the event said about it, if any.

    `kind` is None when no event is told. Parts are (reason, points): `name_parts` for the
    subject, `event_parts` for the cue and what speaks against it. `spans` are the clauses of
    both, `told_at` is where the cue's clause begins.
    """

    passage: Passage
    mention: Mention
    kind: str | None
    name_parts: tuple[tuple[str, float], ...]
    event_parts: tuple[tuple[str, float], ...] = ()
    spans: frozenset[tuple[int, int]] = frozenset()
    told_at: int = 0

    @property
    def parts(self) -> tuple[tuple[str, float], ...]:
        """Return all parts, those of the name first."""
        return (*self.name_parts, *self.event_parts)

    @property
    def score(self) -> float:
        """Return the sum of the parts, not clipped."""
        return sum(points for _, points in self.parts)

    @property
    def plain_score(self) -> float:
        """Return the score without what makes the name surer: that says nothing of the event."""
        return self.score - sum(points for _, points in self.name_parts[1:])

    @property
    def is_event(self) -> bool:
        """Return whether an event is told and nothing speaks against it."""
        return self.kind is not None and all(points > 0 for _, points in self.parts)


def find(plan: ThemePlan, passage: Passage, catalog: Catalog) -> tuple[Finding, ...]:
    """Return the best finding of each kind in a passage, best first; empty without a subject.

    Among findings that score alike, in steps of 0.1, what is told first decides, then the order
    of kinds, then a product by its name before a generic word for it. A launch goes before the
    rank, partnership or feature that its headline opens with.
    """
    order = catalog.cues.kind_order
    ranked = sorted(
        (
            finding
            for subject in _subjects(plan, passage, catalog)
            for finding in _findings(subject, plan, passage, catalog)
        ),
        key=lambda f: (
            -_step(f),
            f.told_at,
            order.index(f.kind) if f.kind else len(order),
            catalog.entities[f.mention.entity_id].kind == "generic",
            f.mention.start,
        ),
    )
    best: dict[str | None, Finding] = {}
    for finding in ranked:
        best.setdefault(finding.kind, finding)
    return _release_first(tuple(best.values()))


def _step(finding: Finding) -> int:
    return int(finding.plain_score * 10 + 1e-6)


def _release_first(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return the findings with a launch ahead of what praises or carries it, if as strong."""
    if not findings or findings[0].kind not in _BESIDE_A_LAUNCH:
        return findings
    for finding in findings[1:]:
        same = finding.told_at == findings[0].told_at or len(finding.spans) == 1
        if finding.kind == "launch" and same and _step(finding) == _step(findings[0]):
            return (finding, *(f for f in findings if f is not finding))
    return findings


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
        speaks_of_one = "@language_model" in passage.labels
        profiles = {"model_family"} | ({"any"} if speaks_of_one else set())
        yield Subject(mention, "model_family", frozenset(profiles), "maker")


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
    claims = [claim for claim in _claims(subject, passage, catalog) if plan.accepts(claim.kind)]
    for claim in claims:
        parts = (_cue_part(claim), *objections(claim, catalog))
        told_at = passage.clause_of(claim.word.start)[0]
        if claim.denied or claim.nominal or is_subordinate(claim.word, passage):
            told_at += len(passage.normal.text)
        yield Finding(passage, subject.mention, claim.kind, base, parts, claim.spans, told_at)
    if claims:
        return
    if _is_title_of_a_model(subject, passage) and plan.accepts("launch"):
        parts = (("a title that is the name", CUE_APART),)
        yield Finding(passage, subject.mention, "launch", base, parts)
    elif subject.only is None:
        yield Finding(passage, subject.mention, None, base)


def _claims(subject: Subject, passage: Passage, catalog: Catalog) -> Iterable[Claim]:
    mention = subject.mention
    for word in _cue_words(subject, passage):
        for use in word.pattern.uses:
            if use.about not in subject.profiles or not _holds(use, word, mention, passage):
                continue
            kind = told_kind(use.kind, word, mention, passage, catalog.cues.turns)
            if kind is not None:
                denied = kind == "delay_cancel" != use.kind
                claim = Claim(kind, word, subject, passage, use.nominal, denied)
                if _is_allowed(claim):
                    yield claim


def _cue_words(subject: Subject, passage: Passage) -> list[Word]:
    """Return the cues that may speak of a subject, the longest where one holds another."""
    mention = subject.mention
    words = [
        word
        for word in passage.words
        if word.pattern.uses
        and not (word.start < mention.end and word.end > mention.start)
        and any(use.about in subject.profiles for use in word.pattern.uses)
        and not passage.is_within_name(word)
    ]
    if len(words) < 2:
        return words
    telling = [word for word in words if _tells(word, subject, passage)]
    return [word for word in words if not any(_is_part(word, other) for other in telling)]


def _tells(word: Word, subject: Subject, passage: Passage) -> bool:
    """Return whether a word speaks of the subject with all that it asks for around it."""
    return any(
        use.about in subject.profiles and _holds(use, word, subject.mention, passage)
        for use in word.pattern.uses
    )


def _is_part(word: Word, other: Word) -> bool:
    inside = other.start <= word.start and word.end <= other.end
    return inside and word.end - word.start < other.end - other.start


def _holds(use: CueUse, word: Word, mention: Mention, passage: Passage) -> bool:
    """Return whether a cue finds what it asks for around it."""
    if use.beside and not passage.has(use.beside, passage.clause_of(word.start)):
        return False
    return not use.touching or _is_verb_of(word, mention, passage)


def _is_verb_of(word: Word, mention: Mention, passage: Passage) -> bool:
    """Return whether a cue stands right before a name, maybe its maker's name between them.

    A verb of one character is one only after a name or at the start of a clause: 推 in 智谱推GLM.
    """
    ends = {m.end for m in passage.mentions}
    after = (word.end, word.end + passage.normal.text.startswith(" ", word.end))
    if mention.start not in after and not any(
        m.start in after and mention.start - m.end in (0, 1) for m in passage.mentions
    ):
        return False
    return word.end - word.start > 1 or word.start in ends | {passage.clause_of(word.start)[0]}


def _is_allowed(claim: Claim) -> bool:
    if claim.subject.only == "maker":
        return claim.is_beside and claim.kind in _KINDS_OF_MAKERS
    return claim.subject.only in (None, claim.kind)


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
    where = claim.passage.quoted(claim.word.start, claim.word.end) + _read_as(claim)
    if claim.nominal:
        return f"{claim.kind} cue {where} that names no deed", CUE_NOMINAL
    if claim.is_beside and is_subordinate(claim.word, claim.passage):
        return f"{claim.kind} cue {where} told by the way", CUE_APART
    if claim.is_beside:
        return f"{claim.kind} cue {where} in the same clause", CUE_BESIDE
    return f"{claim.kind} cue {where} elsewhere in the passage", CUE_APART


def _read_as(claim: Claim) -> str:
    """Return what the words around a cue made of it, for the reason."""
    if claim.denied:
        return ", denied,"
    told = any(use.kind == claim.kind for use in claim.word.pattern.uses)
    return "" if told else ", not as it stands,"


_BESIDE_A_LAUNCH = frozenset({"rank_change", "partnership", "other"})
_KINDS_OF_MAKERS = frozenset({"launch", "rumor", "regulation", "other", "delay_cancel"})
_MOTTO = re.compile(rf"(?::|-|·) ?(?:[a-z0-9 ,.'&()-]{{4,}}|[{HAN}a-z0-9 ,、·+()-]{{8,}})$")
