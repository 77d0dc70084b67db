"""Firings as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from monitor.alerts.deciding.firings import Firing, dedup_key
from monitor.alerts.rules import ScheduleRule
from monitor.alerts.words.plain_text import one_line
from storage.alert_repo import AlertDraft
from storage.instants import format_instant


def schedule_draft(
    rule: ScheduleRule, *, due_at: datetime, now: datetime, title: str, lines: Sequence[str]
) -> AlertDraft:
    """Return the alert of a schedule rule's run `due_at`, saying `lines` under `title`."""
    due = format_instant(due_at)
    about = f"schedule:{rule.name}:{due}"
    entry = {
        "labels": {"alertname": rule.name, "severity": rule.severity, "kind": "schedule"},
        "annotations": {"summary": one_line(title)},
        "startsAt": due,
        "generatorURL": "",
    }
    firing = Firing(
        rule=rule,
        keys=(dedup_key(rule.name, "schedule", due),),
        abouts=(about,),
        quiet="schedule",
        group_key=about,
        why=(f"{', '.join(rule.weekdays) or 'daily'} at {rule.at} {rule.tz}",),
        payload={"title": one_line(title), "lines": list(lines), "series": [], "alerts": [entry]},
        labels={"rule": (rule.name,), "on": (rule.on,), "severity": (rule.severity,)},
    )
    return draft_of(firing, now)


def draft_of(
    firing: Firing,
    now: datetime,
    *,
    escalation: int = 0,
    channels: tuple[str, ...] | None = None,
    suppressed: str | None = None,
) -> AlertDraft:
    """Return what is stored of `firing`, for `channels` or all of its rule."""
    rule = firing.rule
    payload = {
        **firing.payload,
        "kind": rule.on,
        "rule": rule.name,
        "rules": [rule.name],
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
        channels=rule.channels if channels is None else channels,
        theme=firing.theme,
        series=next(iter(firing.series), None),
        signal_ids=firing.signal_ids,
        move_ids=firing.move_ids,
        size=firing.size,
        suppressed=suppressed,
        about=firing.abouts[0],
        stage=firing.stage,
        labels=firing.labels,
    )


def naming(draft: AlertDraft, other: Firing) -> AlertDraft:
    """Return `draft` saying that the rule of `other` asked for it too."""
    if other.rule.name in draft.payload["rules"]:
        return draft
    why = (*draft.reason, f"also rule {other.rule.name}: {', '.join(other.why)}")
    rules = [*draft.payload["rules"], other.rule.name]
    return replace(draft, reason=why, payload={**draft.payload, "why": list(why), "rules": rules})
