"""Storing what was decided: every alert with its reason, and when each channel is sent it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session

from monitor.alerts.deciding.decide import Decision
from monitor.alerts.plan import plan
from monitor.alerts.rules import Rule
from monitor.config import AlertsSection
from storage import alert_repo
from storage.delivery_load import load


def tell(
    session: Session,
    decision: Decision,
    rules: Iterable[Rule],
    alerts: AlertsSection,
    *,
    now: datetime,
) -> int:
    """Return how many alerts are to be told; all commit with the caller's session.

    Suppressed ones are stored with their reason and go nowhere. An alert known before counts for
    nothing. `alerts` has the channels, quiet hours and the storm guard.
    """
    of_name = {rule.name: rule for rule in rules}
    channels = {channel.name: channel for channel in alerts.channels}
    intervals = {interval.name: interval for interval in alerts.time_intervals}
    told = 0
    for draft in decision.drafts:
        rule = of_name[draft.rule]
        # Read for each: what was planned just now is part of it.
        before = now - max(alerts.storm.per, rule.group_interval)
        planned = plan(
            draft,
            rule,
            channels,
            intervals=intervals,
            storm=alerts.storm,
            now=now,
            load=load(session, draft.channels, now=now, since=before),
        )
        told += alert_repo.add_alert(session, draft, planned) is not None
    for draft in decision.suppressed:
        alert_repo.add_alert(session, draft)
    return told
