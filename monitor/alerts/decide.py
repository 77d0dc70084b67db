"""From what was seen to what is told: which firings are new, quiet, louder or a follow-up.

A story is told once by each rule, however many outlets and themes; a move once it persisted (or
once the verdict its rule waits for is written), its legs together; a board's change once. Only
a higher severity or twice the size tells a subject again. Pure: the past comes as `History`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.alerts import firings
from monitor.alerts.firings import Firing, Skip
from monitor.alerts.past import Past
from monitor.alerts.plain_text import one_line
from monitor.alerts.rules import (
    SEVERITIES,
    MoveRule,
    Rule,
    ScheduleRule,
    SignalRule,
    SourceRule,
    StandingRule,
)
from monitor.alerts.views import MoveView, SignalView, SourceView, StandingView
from storage.alert_repo import AlertDraft, History, PastAlert
from storage.instants import format_instant

__all__ = [
    "AlertDraft",
    "Decision",
    "History",
    "PastAlert",
    "Skip",
    "decide",
    "horizon",
    "schedule_draft",
    "subject_keys",
]

MEMORY = timedelta(hours=24)
COOLDOWN = "cooldown"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to tell, what a cooldown keeps quiet, and what else matched and is not told.

    `suppressed` drafts are stored too (without deliveries), so that they stay told once the
    cooldown is over and can be explained.
    """

    drafts: tuple[AlertDraft, ...]
    suppressed: tuple[AlertDraft, ...]
    skips: tuple[Skip, ...]


def decide(
    rules: Sequence[Rule],
    signals: Sequence[SignalView],
    moves: Sequence[MoveView],
    standings: Sequence[StandingView],
    *,
    sources: Sequence[SourceView] = (),
    now: datetime,
    history: History,
) -> Decision:
    """Return the decision at `now` (aware UTC).

    `history` holds the last alert of each of `subject_keys(...)` and all since
    `now - horizon(rules)`. Stories come before moves, so a move can follow one of the same run.
    """
    skips: list[Skip] = []
    past = Past(history)
    drafts: list[AlertDraft] = []
    told = [
        *firings.signal_firings(rules, signals, skips),
        *firings.standing_firings(rules, standings, skips),
        *firings.source_firings(rules, sources),
    ]
    for firing in told:
        drafts.extend(_settle(firing, past.last(firing.keys), past, now, skips))
    for rule, legs in firings.move_legs(rules, moves, now, skips):
        for firing, previous in _untold(rule, legs, past, now, skips):
            drafts.extend(_settle(firing, previous, past, now, skips))
    return Decision(
        drafts=tuple(draft for draft in drafts if draft.suppressed is None),
        suppressed=tuple(draft for draft in drafts if draft.suppressed is not None),
        skips=tuple(skips),
    )


def subject_keys(
    rules: Iterable[Rule],
    signals: Sequence[SignalView],
    moves: Sequence[MoveView],
    standings: Sequence[StandingView],
    *,
    sources: Sequence[SourceView] = (),
) -> frozenset[str]:
    """Return the dedup keys whose last alert `decide` wants to know."""
    keys: set[str] = set()
    for rule in rules:
        if isinstance(rule, SignalRule):
            keys.update(key for view in signals for key in firings.story_keys(rule, view))
        elif isinstance(rule, MoveRule):
            keys.update(firings.leg_key(rule, leg) for leg in moves)
        elif isinstance(rule, StandingRule):
            keys.update(firings.standing_key(rule, view) for view in standings)
        elif isinstance(rule, SourceRule):
            keys.update(firings.source_key(rule, view) for view in sources)
    return frozenset(keys)


def horizon(rules: Iterable[Rule]) -> timedelta:
    """Return how far back `history.recent` must reach."""
    return max([MEMORY, *(rule.cooldown for rule in rules)])


def schedule_draft(
    rule: ScheduleRule, *, due_at: datetime, now: datetime, title: str, lines: Sequence[str]
) -> AlertDraft:
    """Return the alert of a schedule rule's run `due_at`, saying `lines` under `title`."""
    why = (f"daily at {rule.at} {rule.tz}",)
    due = format_instant(due_at)
    entry = {
        "labels": {"alertname": rule.name, "severity": rule.severity, "kind": "schedule"},
        "annotations": {"summary": one_line(title)},
        "startsAt": due,
        "generatorURL": "",
    }
    payload = {"title": one_line(title), "lines": list(lines), "series": [], "alerts": [entry]}
    key = firings.dedup_key(rule.name, "schedule", due)
    return _draft(
        Firing(rule, (key,), "schedule", f"schedule:{rule.name}:{due}", why, payload), now
    )


def _untold(
    rule: MoveRule, legs: Sequence[MoveView], past: Past, now: datetime, skips: list[Skip]
) -> list[tuple[Firing, PastAlert | None]]:
    """Return the firing of the legs that no alert told yet, or of all when the move grew."""
    told = [alert for leg in legs if (alert := past.of_leg(rule, leg)) is not None]
    fresh = [leg for leg in legs if past.of_leg(rule, leg) is None]
    if not told:
        return [(_following(firings.move_firing(rule, legs), past, now), None)]
    first = told[0]
    whole = firings.move_firing(rule, legs)
    if _louder(whole, first):
        return [(whole, first)]
    if not fresh:
        skips.append(Skip(rule.name, whole.quiet, "already told"))
        return []
    return [(replace(firings.move_firing(rule, fresh), group_key=first.group_key), None)]


def _following(firing: Firing, past: Past, now: datetime) -> Firing:
    story = past.story_of(firing.series, now)
    if story is None:
        return firing
    minutes = int((now - story.at).total_seconds() // 60)
    follows = f"{story.title} (told {minutes} min earlier)"
    payload: Mapping[str, object] = {**firing.payload, "follows": follows}
    return replace(firing, group_key=story.group_key, payload=dict(payload))


def _settle(
    firing: Firing, previous: PastAlert | None, past: Past, now: datetime, skips: list[Skip]
) -> list[AlertDraft]:
    if previous is None:
        draft = _draft(firing, now, suppressed=COOLDOWN if past.is_quiet(firing, now) else None)
    elif louder := _louder(firing, previous):
        draft = _draft(_again(firing, previous, louder), now, escalation=previous.escalation + 1)
    else:
        skips.append(Skip(firing.rule.name, firing.group_key, "already told"))
        return []
    past.add(draft)
    return [draft]


def _again(firing: Firing, previous: PastAlert, louder: str) -> Firing:
    return replace(
        firing,
        keys=(previous.dedup_key,),
        group_key=previous.group_key,
        why=(*firing.why, louder),
    )


def _louder(firing: Firing, previous: PastAlert) -> str | None:
    before, severity = previous.severity, firing.rule.severity
    if before in SEVERITIES and SEVERITIES.index(severity) > SEVERITIES.index(before):
        return f"told again: severity rose from {before} to {severity}"
    if not previous.size or firing.size is None:
        return None
    # Prices are floats; 0.18 is twice 0.09 only to the last bit.
    if firing.size + 1e-9 < 2 * previous.size:
        return None
    return f"told again: from {previous.size * 100:.1f} to {firing.size * 100:.1f} pp"


def _draft(
    firing: Firing, now: datetime, *, escalation: int = 0, suppressed: str | None = None
) -> AlertDraft:
    rule = firing.rule
    payload = {
        **firing.payload,
        "kind": rule.on,
        "rule": rule.name,
        "severity": rule.severity,
        "at": format_instant(now),
        "group_key": firing.group_key,
        "subject": firing.quiet,
        "why": list(firing.why),
    }
    return AlertDraft(
        dedup_key=firing.keys[0],
        escalation=escalation,
        rule=rule.name,
        kind=rule.on,
        severity=rule.severity,
        at=now,
        title=str(payload["title"]),
        group_key=firing.group_key,
        reason=firing.why,
        payload=payload,
        channels=rule.channels,
        theme=firing.theme,
        series=next(iter(firing.series), None),
        signal_ids=firing.signal_ids,
        move_ids=firing.move_ids,
        size=firing.size,
        suppressed=suppressed,
    )
