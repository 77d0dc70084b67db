"""Alerts: decisions to tell, kept with their reason, and what later decisions ask of them.

What an alert tells of (`about`, `stage`) and why it is not told are kept in its payload.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from storage import attempt_repo, delivery_repo
from storage.delivery_repo import CANCELLED, DEAD, Planned
from storage.instants import parse_instant
from storage.models import Alert, Attempt, Delivery

_KEYS_A_QUERY = 500
Key = TypeVar("Key")


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

    `told_at` is when it was last sent, None before; `acked` by its owner. `public_at` is its
    story's own time, as exact as `precision` says, or when it was seen.
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
    signal_ids: tuple[str, ...] = ()
    public_at: datetime | None = None
    precision: str = "unknown"


@dataclass(frozen=True, slots=True)
class History:
    """Alerts of the past: the last of each asked dedup key, and all since some instant."""

    previous: Mapping[str, PastAlert] = field(default_factory=dict)
    recent: Sequence[PastAlert] = ()


@dataclass(frozen=True, slots=True)
class Acked:
    """What an acknowledgement did: alerts it marked, and (alert, channel) no longer to be sent."""

    alert_ids: tuple[int, ...]
    cancelled: tuple[tuple[int, str], ...] = ()


def add_alert(
    session: Session, draft: AlertDraft, planned: Sequence[Planned] | None = None
) -> int | None:
    """Return the id of the new alert, its deliveries queued; None when it is known.

    Known is (dedup_key, escalation). `planned` None queues each of its channels at once. A
    suppressed draft is kept without deliveries.
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
        if planned is None:
            planned = [Planned(channel, draft.at) for channel in draft.channels]
        delivery_repo.queue(session, alert.id, planned)
    return alert.id


def history(session: Session, dedup_keys: Iterable[str], *, since: datetime) -> History:
    """Return what deciding needs: the last alert of each of `dedup_keys`, and all `since`."""
    last: dict[str, Alert] = {}
    for chunk in _chunks(dict.fromkeys(dedup_keys)):
        query = select(Alert).where(col(Alert.dedup_key).in_(chunk)).order_by(col(Alert.escalation))
        last.update((row.dedup_key, row) for row in session.exec(query))
    query = select(Alert).where(col(Alert.at) >= since).order_by(col(Alert.at), col(Alert.id))
    recent = session.exec(query).all()
    told = _deliveries(session, (*last.values(), *recent))
    return History(
        {key: _past(row, told[row.id]) for key, row in last.items()},
        tuple(_past(row, told[row.id]) for row in recent),
    )


def get(session: Session, alert_id: int) -> tuple[Alert, list[Delivery]] | None:
    """Return the alert with its deliveries by channel; None when there is none of this id."""
    alert = session.get(Alert, alert_id)
    return None if alert is None else (alert, _deliveries(session, [alert])[alert_id])


def attempts(session: Session, alert_id: int) -> list[Attempt]:
    """Return every attempt to send the alert, by channel, the first one first."""
    return attempt_repo.of_alert(session, alert_id)


def ack(session: Session, alert_id: int, note: str, *, now: datetime) -> Acked:
    """Return what was marked as seen at `now`: all alerts of its group on the same thing.

    What of them still waits to be sent is cancelled; another thing that merely followed it is
    not. Nothing for an unknown id, and nothing twice.
    """
    alert = session.get(Alert, alert_id)
    if alert is None:
        return Acked(())
    query = select(Alert).where(Alert.group_key == alert.group_key, col(Alert.acked_at).is_(None))
    rows = session.exec(query.order_by(col(Alert.id)))
    acked = [row for row in rows if is_of(about_of(row), about_of(alert))]
    for row in acked:
        row.acked_at, row.ack_note = now, note
        session.add(row)
    session.flush()
    ids = tuple(row.id for row in acked if row.id is not None)
    reason = f"acknowledged: {note}" if note else "acknowledged"
    cancelled = tuple(
        (row_id, channel)
        for row_id in ids
        for channel in delivery_repo.cancel(session, row_id, reason=reason)
    )
    return Acked(ids, cancelled)


def is_of(about: str, thing: str) -> bool:
    """Return whether an alert about `about` tells of `thing` or of what came of it.

    What prices did after a story is of the story. Alerts of old releases name no thing: their
    group is all that is known.
    """
    kind, _, name = thing.partition(":")
    is_response = kind == "story" and about.startswith(f"link:{name}:")
    return about == thing or is_response or not (about and thing)


def about_of(row: Alert) -> str:
    """Return the name of what a stored alert tells of, empty when it was not kept."""
    return str((row.payload or {}).get("about", ""))


def public_at(payload: Mapping[str, Any]) -> datetime | None:
    """Return when what a payload tells of was public, or seen where that is unknown."""
    text = payload.get("published_at") or payload.get("seen_at")
    return parse_instant(text) if text else None


def list_alerts(
    session: Session, *, since: datetime | None = None, limit: int = 100
) -> list[tuple[Alert, list[Delivery]]]:
    """Return the newest alerts first, each with its deliveries by channel."""
    query = select(Alert).order_by(col(Alert.at).desc(), col(Alert.id).desc()).limit(limit)
    if since is not None:
        query = query.where(col(Alert.at) >= since)
    alerts = session.exec(query).all()
    deliveries = _deliveries(session, alerts)
    return [(alert, deliveries[alert.id]) for alert in alerts]


def _deliveries(session: Session, alerts: Iterable[Alert]) -> dict[int | None, list[Delivery]]:
    """Return the deliveries of each of `alerts`, by channel."""
    found: dict[int | None, list[Delivery]] = {alert.id: [] for alert in alerts}
    for chunk in _chunks(found):
        query = select(Delivery).where(col(Delivery.alert_id).in_(chunk))
        for delivery in session.exec(query.order_by(col(Delivery.channel))):
            found[delivery.alert_id].append(delivery)
    return found


def _chunks(keys: Iterable[Key]) -> Iterator[list[Key]]:
    rest = iter(keys)
    while chunk := list(islice(rest, _KEYS_A_QUERY)):
        yield chunk


def _row(draft: AlertDraft) -> Alert:
    suppressed = {"suppressed": draft.suppressed} if draft.suppressed else {}
    about = {"about": draft.about, "stage": draft.stage} if draft.about else {}
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
        payload={**draft.payload, **about, **suppressed},
        group_key=draft.group_key,
        signal_ids=list(draft.signal_ids),
        move_ids=list(draft.move_ids),
        size=draft.size,
        labels={name: list(values) for name, values in draft.labels.items()},
    )


def _past(row: Alert, deliveries: Sequence[Delivery]) -> PastAlert:
    payload = row.payload or {}
    sent = [delivery.sent_at for delivery in deliveries if delivery.sent_at is not None]
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
        about=about_of(row),
        stage=str(payload.get("stage", "")),
        # What never arrives tells nobody; another rule may still say it there.
        channels=tuple(each.channel for each in deliveries if each.state not in (DEAD, CANCELLED)),
        labels={name: tuple(values) for name, values in (row.labels or {}).items()},
        told_at=max(sent, default=None),
        acked=row.acked_at is not None,
        signal_ids=tuple(row.signal_ids or ()),
        public_at=public_at(payload),
        precision=str(payload.get("precision", "unknown")),
    )
