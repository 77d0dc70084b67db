"""What a replay has told so far, as a run of the past would have read it from the store."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlmodel import Session, col, select

from monitor.alerts.deciding.past import as_past
from monitor.alerts.rules import Rule, ScheduleRule, SourceRule
from storage import alert_repo
from storage.alert_repo import AlertDraft, History, PastAlert
from storage.models import Alert

Acked = tuple[str, datetime]
_EVER = datetime.fromtimestamp(0, tz=UTC)
# No history is kept of what these look at, so what they told live is taken as it was.
_AS_TOLD = (SourceRule, ScheduleRule)


class Memory:
    """Alerts in the order they were decided, and what of each group was acknowledged when."""

    def __init__(
        self, alerts: Iterable[PastAlert] = (), acks: Mapping[str, Sequence[Acked]] | None = None
    ) -> None:
        self._alerts = sorted(alerts, key=lambda alert: alert.at)
        self._instants = [alert.at for alert in self._alerts]
        self._by_key: dict[str, list[PastAlert]] = defaultdict(list)
        for alert in self._alerts:
            self._by_key[alert.dedup_key].append(alert)
        self._acks = acks or {}

    @classmethod
    def of(cls, session: Session, rules: Sequence[Rule], *, before: datetime | None) -> Memory:
        """Return what the store knows of `rules`: all they told `before`, None for nothing.

        Of source and schedule rules all that they ever told.
        """
        names = {rule.name for rule in rules}
        kept = {rule.name for rule in rules if isinstance(rule, _AS_TOLD)}
        alerts = [
            alert
            for alert in alert_repo.history(session, (), since=_EVER).recent
            if alert.rule in kept
            or (before is not None and alert.rule in names and alert.at < before)
        ]
        return cls(alerts, _acks(session))

    def add(self, draft: AlertDraft) -> bool:
        """Return whether a decision is new; one that is known changes nothing, as when stored."""
        known = self._by_key[draft.dedup_key]
        if any(alert.escalation == draft.escalation for alert in known):
            return False
        alert = as_past(draft)
        if draft.suppressed is not None:
            # Kept without deliveries, it told no channel.
            alert = replace(alert, channels=())
        known.append(alert)
        place = bisect_right(self._instants, alert.at)
        self._instants.insert(place, alert.at)
        self._alerts.insert(place, alert)
        return True

    def history(self, keys: Iterable[str], *, since: datetime, now: datetime) -> History:
        """Return what deciding at `now` asks: the last alert of each key, all from `since` on."""
        past = {
            key: [alert for alert in self._by_key[key] if alert.at <= now]
            for key in keys
            if key in self._by_key
        }
        first = bisect_left(self._instants, since)
        return History(
            previous={
                key: self._as_of(max(alerts, key=lambda alert: alert.escalation), now)
                for key, alerts in past.items()
                if alerts
            },
            recent=tuple(
                self._as_of(alert, now) for alert in self._alerts[first:] if alert.at <= now
            ),
        )

    def _as_of(self, alert: PastAlert, now: datetime) -> PastAlert:
        """Return an alert with what was known of it at `now`."""
        acked = any(
            alert.at <= at <= now and alert_repo.is_of(alert.about, about)
            for about, at in self._acks.get(alert.group_key, ())
        )
        sent = alert.told_at if alert.told_at is not None and alert.told_at <= now else None
        return replace(alert, acked=acked, told_at=sent)


def _acks(session: Session) -> dict[str, list[Acked]]:
    found: dict[str, list[Acked]] = defaultdict(list)
    for row in session.exec(select(Alert).where(col(Alert.acked_at).is_not(None))):
        if row.acked_at is not None:
            found[row.group_key].append((alert_repo.about_of(row), row.acked_at))
    return found
