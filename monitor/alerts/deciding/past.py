"""What was told before, as later decisions ask for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from monitor.alerts.deciding.escalation import last_told, louder
from monitor.alerts.deciding.firings import Firing
from monitor.alerts.deciding.labels import ABOUT
from storage.alert_repo import AlertDraft, History, PastAlert, public_at

TOLD_BY = "told by rule "


class Past:
    """The history, growing by what this run decides."""

    def __init__(self, history: History) -> None:
        known = {(alert.dedup_key, alert.escalation): alert for alert in history.recent}
        known.update(
            {(last.dedup_key, last.escalation): last for last in history.previous.values()}
        )
        self._alerts: list[PastAlert] = []
        self._by_key: dict[str, PastAlert] = {}
        self._by_part: dict[str, list[PastAlert]] = defaultdict(list)
        self._by_about: dict[str, list[PastAlert]] = defaultdict(list)
        self._moves_of: dict[str, list[PastAlert]] = defaultdict(list)
        for alert in sorted(known.values(), key=lambda one: (one.at, one.dedup_key)):
            self._keep(alert)

    @property
    def alerts(self) -> Sequence[PastAlert]:
        """Return all that is known, oldest first, with what this run decided."""
        return self._alerts

    @property
    def spoken(self) -> Sequence[PastAlert]:
        """Return the alerts, those that another rule told in their stead as told."""
        return [
            replace(alert, suppressed=None) if _is_spoken_for(alert) else alert
            for alert in self._alerts
        ]

    def add(self, draft: AlertDraft) -> None:
        """Remember a decision of this run."""
        self._keep(as_past(draft))

    def last(self, keys: Iterable[str]) -> PastAlert | None:
        """Return the last alert of the first of `keys` that has one."""
        return next((self._by_key[key] for key in keys if key in self._by_key), None)

    def of_part(self, rule: str, part: str) -> PastAlert | None:
        """Return the last alert of `rule` that told `part`, alone or among others."""
        mine = [alert for alert in self._by_part.get(part, ()) if alert.rule == rule]
        return self._by_key[mine[-1].dedup_key] if mine else None

    def telling(self, names: Iterable[str]) -> PastAlert | None:
        """Return the last alert of any rule on one of `names`, parts or abouts; told ones first."""
        found = [
            alert
            for name in names
            for alert in (*self._by_part.get(name, ()), *self._by_about.get(name, ()))
        ]
        return max(found, key=lambda alert: (alert.suppressed is None, alert.at), default=None)

    def tellers(self, firing: Firing, channel: str, after: datetime | None) -> tuple[str, ...]:
        """Return the rules that told `channel` all of `firing` as loudly; none when one is news.

        What was said at a later stage says the first one too. Of a repeat only what was told
        `after` counts.
        """
        found: dict[str, None] = {}
        for part in firing.parts:
            names = (*firing.aliases, part)
            alerts = [alert for name in names for alert in self._by_part.get(name, ())]
            said = next((a for a in reversed(alerts) if _says(a, firing, channel, after)), None)
            if said is None:
                return ()
            found[said.rule] = None
        return tuple(found)

    def is_quiet(self, firing: Firing, now: datetime) -> bool:
        """Return whether the rule told this subject within its cooldown, or another for it."""
        return any(
            alert.rule == firing.rule.name
            and alert.subject == firing.quiet
            and (alert.suppressed is None or _is_spoken_for(alert))
            and now - alert.at < firing.rule.cooldown
            for alert in self._alerts
        )

    def moves_of(self, subject: str) -> Sequence[PastAlert]:
        """Return the alerts on moves of one series, oldest first."""
        return self._moves_of.get(subject, ())

    def last_of(self, rule: str, subject: str) -> PastAlert | None:
        """Return the last alert of `rule` on what its cooldown counts for."""
        mine = (a for a in reversed(self._alerts) if a.rule == rule and a.subject == subject)
        return next(mine, None)

    def last_closing(self, rule: str, market: str) -> tuple[str, PastAlert] | None:
        """Return the last closing of a market (its about up to the state) that `rule` told."""
        for alert in reversed(self._alerts):
            if alert.rule == rule and alert.kind == "market":
                for part in parts_of(alert):
                    if part.startswith(f"{market}:closing:"):
                        return part, alert
        return None

    def _keep(self, alert: PastAlert) -> None:
        self._alerts.append(alert)
        known = self._by_key.get(alert.dedup_key)
        if known is None or known.escalation <= alert.escalation:
            self._by_key[alert.dedup_key] = alert
        for part in parts_of(alert):
            self._by_part[part].append(alert)
        self._by_about[alert.about].append(alert)
        if alert.kind == "move" and alert.about:
            self._moves_of[alert.subject].append(alert)


def as_past(draft: AlertDraft) -> PastAlert:
    """Return a draft as later decisions see it, before anything of it was sent."""
    return PastAlert(
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
        about=draft.about,
        stage=draft.stage,
        channels=draft.channels,
        labels=draft.labels,
        signal_ids=draft.signal_ids,
        public_at=public_at(draft.payload),
        precision=str(draft.payload.get("precision", "unknown")),
    )


def parts_of(alert: PastAlert) -> tuple[str, ...]:
    """Return what an alert told one by one: the legs of a move, the markets in a state."""
    abouts = (alert.about, *alert.labels.get(ABOUT, ())) if alert.about else ()
    return alert.move_ids or tuple(dict.fromkeys(abouts))


def _is_spoken_for(alert: PastAlert) -> bool:
    return alert.suppressed is not None and alert.suppressed.startswith(TOLD_BY)


def _says(alert: PastAlert, firing: Firing, channel: str, after: datetime | None) -> bool:
    return (
        alert.suppressed is None
        and channel in alert.channels
        and (not firing.stage or alert.stage == firing.stage)
        and (after is None or last_told(alert) > after)
        and louder(firing, alert) is None
    )
