"""What was told before, as later decisions ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from monitor.alerts.firings import TOGETHER, Firing, leg_key
from monitor.alerts.rules import MoveRule
from monitor.alerts.views import MoveView
from storage.alert_repo import AlertDraft, History, PastAlert


class Past:
    """The history, growing by what this run decides."""

    def __init__(self, history: History) -> None:
        self._by_key = dict(history.previous)
        self._recent = list(history.recent)
        for alert in self._recent:
            self._keep_last(alert)

    def add(self, draft: AlertDraft) -> None:
        """Remember a decision of this run."""
        alert = PastAlert(
            dedup_key=draft.dedup_key,
            escalation=draft.escalation,
            rule=draft.rule,
            kind=draft.kind,
            severity=draft.severity,
            at=draft.at,
            title=draft.title,
            group_key=draft.group_key,
            subject=str(draft.payload["subject"]),
            series=tuple(draft.payload["series"]),
            move_ids=draft.move_ids,
            size=draft.size,
            suppressed=draft.suppressed,
        )
        self._recent.append(alert)
        self._keep_last(alert)

    def last(self, keys: Iterable[str]) -> PastAlert | None:
        """Return the last alert of the first of `keys` that has one."""
        return next((self._by_key[key] for key in keys if key in self._by_key), None)

    def of_leg(self, rule: MoveRule, leg: MoveView) -> PastAlert | None:
        """Return the last alert of `rule` that told `leg`, alone or among others."""
        for alert in reversed(self._recent):
            if alert.rule == rule.name and leg.move_key in alert.move_ids:
                return self._by_key[alert.dedup_key]
        return self.last([leg_key(rule, leg)])

    def is_quiet(self, firing: Firing, now: datetime) -> bool:
        """Return whether the rule told this subject within its cooldown."""
        return any(
            alert.rule == firing.rule.name
            and alert.subject == firing.quiet
            and alert.suppressed is None
            and now - alert.at < firing.rule.cooldown
            for alert in self._recent
        )

    def story_of(self, series: Sequence[str], now: datetime) -> PastAlert | None:
        """Return the last story or board alert of the past hour that bears on `series`."""
        for alert in reversed(self._recent):
            if (
                alert.kind in ("signal", "standing")
                and alert.suppressed is None
                and now - alert.at <= TOGETHER
                and set(series) & set(alert.series)
            ):
                return alert
        return None

    def _keep_last(self, alert: PastAlert) -> None:
        known = self._by_key.get(alert.dedup_key)
        if known is None or known.escalation <= alert.escalation:
            self._by_key[alert.dedup_key] = alert
