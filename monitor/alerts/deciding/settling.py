"""What is due as a draft: under which group, to which channels, and what holds it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.alerts.deciding.drafts import draft_of
from monitor.alerts.deciding.escalation import louder
from monitor.alerts.deciding.firings import Due
from monitor.alerts.deciding.following import story_of
from monitor.alerts.deciding.guards import Guards, held_back
from monitor.alerts.deciding.past import TOLD_BY, Past
from storage.alert_repo import AlertDraft, PastAlert

COOLDOWN = "cooldown"
ACKNOWLEDGED = "acknowledged"


def settle(due: Due, past: Past, guards: Guards, now: datetime) -> AlertDraft:
    """Return what is stored of `due`: told to the channels that do not know it, or why to none."""
    due, told = _joined(due, past, now)
    firing, rule = due.firing, due.firing.rule
    after = now - rule.repeat_interval if due.is_repeat and rule.repeat_interval else None
    tellers = {channel: past.tellers(firing, channel, after) for channel in rule.channels}
    untold = tuple(channel for channel, names in tellers.items() if not names)
    if not untold:
        names = dict.fromkeys(name for found in tellers.values() for name in found)
        reason: str | None = TOLD_BY + ", ".join(names)
    else:
        reason = held_back(firing, guards, past, now) or _unasked(due, past, now)
    if told is not None and told.suppressed is None and set(told.channels) & set(untold):
        follows = f"{told.title} ({_ago(now - told.at)})"
        firing = replace(firing, payload={**firing.payload, "follows": follows})
    return draft_of(
        firing,
        now,
        escalation=0 if due.previous is None else due.previous.escalation + 1,
        channels=untold or rule.channels,
        suppressed=reason,
    )


def _unasked(due: Due, past: Past, now: datetime) -> str | None:
    """Return why nobody asked to hear it: its owner knows of this thing, or it was told just now.

    A move that merely follows an acknowledged story is a thing of its own.
    """
    if due.again is None or due.is_repeat:
        firing = due.firing
        said = past.telling((*firing.names, *firing.follows))
        if said is not None and said.suppressed is None and said.acked:
            return f"{ACKNOWLEDGED}: {said.title} ({_ago(now - said.at)})"
    if due.again is None and past.is_quiet(due.firing, now):
        return COOLDOWN
    return None


def _joined(due: Due, past: Past, now: datetime) -> tuple[Due, PastAlert | None]:
    """Return what is due under the group of what it belongs to, and the alert it follows."""
    firing, previous = due.firing, due.previous
    if previous is not None:
        why = (*firing.why, due.again or "")
        keys, group_key = (previous.dedup_key,), previous.group_key
        return replace(due, firing=replace(firing, keys=keys, group_key=group_key, why=why)), None
    names = firing.names
    told = past.telling(names) or past.telling(firing.follows)
    told = told or story_of(firing, past.alerts, now)
    if told is None:
        return due, None
    is_same = told.about in names and told.suppressed is None
    again = louder(firing, told) if is_same and firing.stage in ("", told.stage) else None
    why = firing.why if again is None else (*firing.why, again)
    return Due(replace(firing, group_key=told.group_key, why=why), None, again), told


def _ago(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    if minutes < 1:
        return "told just before"
    return f"told {minutes} min earlier" if minutes < 180 else f"told {minutes // 60} h earlier"
