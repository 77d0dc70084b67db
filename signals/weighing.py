"""One theme's tag on a document, weighed over its title, summary and first sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signals.catalog import Catalog
from signals.facts import Fact
from signals.passages import Passage
from signals.scoring import CUE_APART, Finding, find
from signals.themes import ThemePlan

LEAD_PASSAGES = 10
FACT = 0.05
TELLING_FACTS = frozenset({"price", "amount", "date", "rank", "score"})
REPEATED = 0.10
REPEATED_FROM = 3
NO_EVENT_CEILING = 0.45
TIER = {1: 0.05, 3: -0.05}


@dataclass(frozen=True, slots=True)
class ThemeTag:
    """A theme on a document. `score` 0..1 is the clipped sum of the points in `reasons`."""

    theme: str
    score: float
    kind: str | None
    entities: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A theme's tag and all findings behind it, in order of the text."""

    plan: ThemePlan
    tag: ThemeTag
    findings: tuple[Finding, ...]


def weigh(
    plan: ThemePlan,
    passages: Sequence[Passage],
    facts: Sequence[Fact],
    tier: int,
    catalog: Catalog,
) -> Weighed | None:
    """Return the theme's tag whatever its score, or None when no passage names a subject."""
    if not any(plan.may_hold(passage) for passage in passages):
        return None
    told = [find(plan, p, catalog) if plan.may_hold(p) else () for p in passages]
    findings = [found[0] for found in told if found]
    if not findings:
        return None
    kind, parts = _best(findings, passages)
    parts = [*parts, *_support(kind, findings, facts, tier, catalog)]
    kind, parts = _own_words(plan, kind, parts, passages)
    if kind is None:
        total = sum(points for _, points in parts)
        if total > NO_EVENT_CEILING:
            parts.append(("no event told", NO_EVENT_CEILING - total))
    score = round(min(1.0, max(0.0, sum(points for _, points in parts))), 3)
    entities = tuple(dict.fromkeys(f.mention.entity_id for f in _entity_findings(findings)))
    every = tuple(finding for found in told for finding in found)
    reasons = tuple(f"{reason} {points:+.2f}" for reason, points in parts)
    return Weighed(plan, ThemeTag(plan.theme.name, score, kind, entities, reasons), every)


def lead(passages: Sequence[Passage]) -> list[Passage]:
    """Return the first sentences of the body; headings and bylines do not count."""
    body = [p for p in passages if p.field != "title" and p.end - p.start >= _SENTENCE_CHARS]
    return body[:LEAD_PASSAGES]


def _best(
    findings: Sequence[Finding], passages: Sequence[Passage]
) -> tuple[str | None, list[tuple[str, float]]]:
    """Return the kind and parts of the best reading: title, title with the body's event, body."""
    titles = [f for f in findings if f.passage.field == "title"]
    body = lead(passages)
    leads = [f for f in findings if any(f.passage is p for p in body)]
    readings = [(f.kind, list(f.parts)) for f in titles]
    events = [f for f in leads if f.is_event]
    if titles and events:
        event = max(events, key=lambda f: f.score)
        title = max(titles, key=lambda f: f.score)
        if title.kind is None:
            readings.append((event.kind, [*title.parts, *_event_parts(event)]))
    readings.extend((f.kind, list(f.parts)) for f in leads)
    if not readings:
        readings = [(None, list(findings[0].parts[:1]))]
    return max(readings, key=lambda r: (sum(points for _, points in r[1]), r[0] is not None))


def _event_parts(event: Finding) -> list[tuple[str, float]]:
    return [(f"{event.passage.field}: {reason}", CUE_APART) for reason, _ in event.event_parts]


def _support(
    kind: str | None,
    findings: Sequence[Finding],
    facts: Sequence[Fact],
    tier: int,
    catalog: Catalog,
) -> list[tuple[str, float]]:
    support = []
    if kind is not None and any(fact.kind in TELLING_FACTS for fact in facts):
        support.append(("a figure or date beside it", FACT))
    named = [f for f in findings if catalog.entities[f.mention.entity_id].kind != "generic"]
    if len(named) >= REPEATED_FROM:
        support.append(("named again and again", REPEATED))
    if tier in TIER:
        support.append((f"source of tier {tier}", TIER[tier]))
    return support


def _own_words(
    plan: ThemePlan,
    kind: str | None,
    parts: list[tuple[str, float]],
    passages: Sequence[Passage],
) -> tuple[str | None, list[tuple[str, float]]]:
    """Apply the theme's own cues and blocks."""
    theme = plan.theme
    title = [p for p in passages if p.field == "title"]
    if theme.blocks and any(f"block:{theme.name}" in p.labels for p in title):
        parts.append(("a word that the theme blocks", -1.0))
    if not theme.cues:
        return kind, parts
    if not any(f"cue:{theme.name}" in p.labels for p in [*title, *lead(passages)]):
        parts.append(("none of the theme's cues", -1.0))
    elif kind is None and plan.accepts("other"):
        return "other", [*parts, ("one of the theme's cues", CUE_APART)]
    return kind, parts


def _entity_findings(findings: Sequence[Finding]) -> list[Finding]:
    told = [f for f in findings if f.kind is not None]
    return told or list(findings)


_SENTENCE_CHARS = 25
