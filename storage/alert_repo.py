"""Alerts: decisions to tell, kept with their reason, and what later decisions ask of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from storage import delivery_repo
from storage.models import Alert, Delivery

_KEYS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class AlertDraft:
    """A decision to tell. `suppressed` says why it is kept but not told; None tells it.

    `payload` is everything a message is made of, in JSON values. `size` is what may double.
    `about` names what it tells of, whichever rule did; `stage` what was known of it then, as in a
    move's verdict. `labels` are what matchers look at.
    """

    dedup_key: str
    escalation: int
    rule: str
    kind: str
    severity: str
    at: datetime
    title: str
    group_key: str
    reason: tuple[str, ...]
    payload: Mapping[str, Any]
    channels: tuple[str, ...]
    theme: str | None = None
    series: str | None = None
    signal_ids: tuple[str, ...] = ()
    move_ids: tuple[str, ...] = ()
    size: float | None = None
    suppressed: str | None = None
    about: str = ""
    stage: str = ""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PastAlert:
    """What a later decision needs of an alert. `series` are all series its story bears on.

    `told_at` is when it was last sent, None before; `acked` by its owner.
    """

    dedup_key: str
    escalation: int
    rule: str
    kind: str
    severity: str
    at: datetime
    title: str
    group_key: str
    subject: str
    series: tuple[str, ...] = ()
    move_ids: tuple[str, ...] = ()
    size: float | None = None
    suppressed: str | None = None
    about: str = ""
    stage: str = ""
    channels: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    told_at: datetime | None = None
    acked: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """Alerts of the past: the last of each asked dedup key, and all since some instant."""

    previous: Mapping[str, PastAlert] = field(default_factory=dict)
    recent: Sequence[PastAlert] = ()


def add_alert(session: Session, draft: AlertDraft) -> int | None:
    """Return the id of the new alert, its deliveries queued for at once; None when it is known.

    Known is (dedup_key, escalation). A suppressed draft is kept without deliveries.
    """
    known = select(Alert.id).where(
        Alert.dedup_key == draft.dedup_key, Alert.escalation == draft.escalation
    )
    if session.exec(known).first() is not None:
        return None
    alert = _row(draft)
    session.add(alert)
    session.flush()
    assert alert.id is not None
    if draft.suppressed is None:
        delivery_repo.queue(session, alert.id, draft.channels, at=draft.at)
    return alert.id


def history(session: Session, dedup_keys: Iterable[str], *, since: datetime) -> History:
    """Return what deciding needs: the last alert of each of `dedup_keys`, and all `since`."""
    keys = list(dict.fromkeys(dedup_keys))
    previous: dict[str, PastAlert] = {}
    for start in range(0, len(keys), _KEYS_A_QUERY):
        chunk = keys[start : start + _KEYS_A_QUERY]
        query = select(Alert).where(col(Alert.dedup_key).in_(chunk)).order_by(col(Alert.escalation))
        previous.update((row.dedup_key, _past(row)) for row in session.exec(query))
    recent = select(Alert).where(col(Alert.at) >= since).order_by(col(Alert.at), col(Alert.id))
    return History(previous, tuple(_past(row) for row in session.exec(recent)))


def list_alerts(
    session: Session, *, since: datetime | None = None, limit: int = 100
) -> list[tuple[Alert, list[Delivery]]]:
    """Return the newest alerts first, each with its deliveries by channel."""
    query = select(Alert).order_by(col(Alert.at).desc(), col(Alert.id).desc()).limit(limit)
    if since is not None:
        query = query.where(col(Alert.at) >= since)
    alerts = session.exec(query).all()
    of_alert: dict[int | None, list[Delivery]] = {alert.id: [] for alert in alerts}
    deliveries = select(Delivery).where(col(Delivery.alert_id).in_(list(of_alert)))
    for delivery in session.exec(deliveries.order_by(col(Delivery.channel))):
        of_alert[delivery.alert_id].append(delivery)
    return [(alert, of_alert[alert.id]) for alert in alerts]


def _row(draft: AlertDraft) -> Alert:
    suppressed = {"suppressed": draft.suppressed} if draft.suppressed else {}
    return Alert(
        dedup_key=draft.dedup_key,
        escalation=draft.escalation,
        rule=draft.rule,
        kind=draft.kind,
        severity=draft.severity,
        theme=draft.theme,
        series=draft.series,
        at=draft.at,
        title=draft.title,
        reason=list(draft.reason),
        payload={**draft.payload, **suppressed},
        group_key=draft.group_key,
        signal_ids=list(draft.signal_ids),
        move_ids=list(draft.move_ids),
        size=draft.size,
    )


def _past(row: Alert) -> PastAlert:
    payload = row.payload or {}
    return PastAlert(
        dedup_key=row.dedup_key,
        escalation=row.escalation,
        rule=row.rule,
        kind=row.kind,
        severity=row.severity,
        at=row.at,
        title=row.title,
        group_key=row.group_key,
        subject=str(payload.get("subject", "")),
        series=tuple(payload.get("series", ())),
        move_ids=tuple(row.move_ids or ()),
        size=row.size,
        suppressed=payload.get("suppressed"),
    )
