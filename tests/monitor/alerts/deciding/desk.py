"""Rules as the config gives them, and one run after another with what was told before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from monitor.alerts.deciding.decide import (
    AlertDraft,
    Decision,
    Guards,
    History,
    PastAlert,
    decide,
    horizon,
    subject_keys,
)
from monitor.alerts.deciding.past import as_past
from monitor.alerts.rules import AnyRule, Rule
from monitor.alerts.views import Views


def a_rule(on: str, **changes: Any) -> Rule:
    adapter: TypeAdapter[Rule] = TypeAdapter(AnyRule)
    return adapter.validate_python({"name": on, "channels": ["console"], "on": on, **changes})


def history_of(
    alerts: Iterable[PastAlert], keys: Iterable[str] | None = None, since: datetime | None = None
) -> History:
    """The history as storage would give it back: the last of each key, and all since."""
    rows = sorted(alerts, key=lambda row: (row.at, row.escalation))
    last = {row.dedup_key: row for row in rows}
    wanted = set(last) if keys is None else set(keys) & set(last)
    recent = tuple(row for row in rows if since is None or row.at >= since)
    return History({key: last[key] for key in wanted}, recent)


def run(
    rules: Sequence[Rule],
    *,
    now: datetime,
    told: Sequence[AlertDraft] = (),
    guards: Guards | None = None,
    **views: Any,
) -> Decision:
    return decide(
        rules,
        Views(**views),
        now=now,
        history=history_of(map(as_past, told)),
        guards=guards or Guards(),
    )


class Desk:
    """Runs in a row, each with the history that storage would hand over."""

    def __init__(self, rules: Sequence[Rule], guards: Guards | None = None) -> None:
        self.rules, self.guards = rules, guards or Guards()
        self.alerts: list[PastAlert] = []

    def look(self, now: datetime, **views: Any) -> Decision:
        seen = Views(**views)
        history = history_of(
            self.alerts,
            subject_keys(self.rules, seen),
            now - horizon(self.rules, self.guards),
        )
        decision = decide(self.rules, seen, now=now, history=history, guards=self.guards)
        self.alerts += map(as_past, (*decision.drafts, *decision.suppressed))
        return decision

    def sent(self, after: timedelta = timedelta(0)) -> None:
        """Everything told so far was sent `after` it was decided."""
        self.alerts = [
            row if row.suppressed or row.told_at else replace(row, told_at=row.at + after)
            for row in self.alerts
        ]

    def ack(self, group_key: str) -> None:
        self.alerts = [
            replace(row, acked=True) if row.group_key == group_key else row for row in self.alerts
        ]
