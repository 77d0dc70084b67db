"""The brief, told at the times of schedule rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from monitor.alerts.deciding.decide import AlertDraft, Decision, Guards, History, schedule_draft
from monitor.alerts.deciding.firings import Firing
from monitor.alerts.deciding.guards import held_back
from monitor.alerts.deciding.past import Past
from monitor.alerts.rules import Rule, ScheduleRule, latest_run
from monitor.config import AlertsSection
from monitor.jobs.alerting import guards
from monitor.jobs.tell import tell
from monitor.reports.brief import brief_lines
from monitor.topics import Topics
from storage import alert_repo


def raise_schedules(
    session: Session,
    topics: Topics,
    rules: Sequence[Rule],
    *,
    section: AlertsSection,
    since: datetime,
    now: datetime,
) -> int:
    """Return how many briefs were raised: one for each rule that was due after `since`."""
    raised = 0
    for rule in rules:
        if not isinstance(rule, ScheduleRule):
            continue
        due_at = latest_run(rule, now)
        if due_at <= since or _is_told(session, rule, due_at, now=now):
            continue
        lines = brief_lines(session, topics, now=now)
        draft = schedule_draft(rule, due_at=due_at, now=now, title="The brief", lines=lines)
        held = guards(session, section, now=now)
        decision = _decision(draft, _why_not(session, rule, draft, held, now))
        raised += tell(session, decision, rules, section, now=now)
    return raised


def _is_told(session: Session, rule: ScheduleRule, due_at: datetime, *, now: datetime) -> bool:
    key = schedule_draft(rule, due_at=due_at, now=now, title="", lines=()).dedup_key
    return key in alert_repo.history(session, [key], since=now).previous


def _why_not(
    session: Session, rule: ScheduleRule, draft: AlertDraft, held: Guards, now: datetime
) -> str | None:
    """Return what holds a brief back, as it would any other alert."""
    reach = max((inhibit.within for inhibit in held.inhibit), default=None)
    recent = () if reach is None else alert_repo.history(session, (), since=now - reach).recent
    firing = Firing(
        rule=rule,
        keys=(draft.dedup_key,),
        abouts=(draft.about,),
        quiet="schedule",
        group_key=draft.group_key,
        why=draft.reason,
        payload=dict(draft.payload),
        labels=draft.labels,
    )
    return held_back(firing, held, Past(History(recent=recent)), now)


def _decision(draft: AlertDraft, why_not: str | None) -> Decision:
    if why_not is None:
        return Decision((draft,), (), ())
    return Decision((), (replace(draft, suppressed=why_not),), ())
