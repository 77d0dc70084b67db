"""Claiming: which message a channel is sent next, made of what waits and kept as it was made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from storage import attempt_repo
from storage.models import Alert, Attempt, Delivery

QUEUED, SENDING, SENT, DEAD, CANCELLED = "queued", "sending", "sent", "dead", "cancelled"
RETRY = "retry"
MAX_WAIT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class DueAlert:
    """One alert of a claimed message; `number` is that of the attempt."""

    alert_id: int
    number: int
    dedup_key: str
    escalation: int
    at: datetime
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DueMessage:
    """One claimed attempt. `attempts` counts this one; `failures` those of the whole channel.

    `members` are the same at every attempt. `first_at` is when the first of `attempts` began.
    `maybe_sent`: an earlier attempt may have arrived.
    """

    channel: str
    message_key: str
    members: tuple[DueAlert, ...]
    attempts: int
    failures: int
    first_at: datetime
    maybe_sent: bool
    bundle: str | None = None


def claim_due(
    session: Session,
    *,
    now: datetime,
    limit: int,
    lease: timedelta,
    channel: str | None = None,
) -> list[DueMessage]:
    """Return up to `limit` messages claimed for an attempt: sending, counted, leased.

    Due is what waits and whose time has come, and what was being sent when its lease ended
    (`maybe_sent`). A channel with an attempt under way gives nothing, which keeps its order.
    Fewest attempts first, so that one bad message does not stand before the others.
    """
    claimed: list[DueMessage] = []
    while len(claimed) < limit:
        lead = _next(session, now=now, lease=lease, channel=channel)
        if lead is None:
            break
        claimed.append(_claim(session, lead, now=now, lease=lease))
    return claimed


def delivery_key(dedup_key: str, escalation: int, channel: str) -> str:
    """Return the idempotency key: equal for every attempt of one alert to one channel."""
    return _hash(dedup_key, str(escalation), channel)


def _next(
    session: Session, *, now: datetime, lease: timedelta, channel: str | None
) -> Delivery | None:
    busy = select(Delivery.channel).where(Delivery.state == SENDING, _is_leased(now, lease))
    query = (
        select(Delivery)
        .join(Alert, col(Alert.id) == Delivery.alert_id)
        .where(_is_due(now, lease), col(Delivery.channel).not_in(busy.distinct()))
        .order_by(col(Delivery.attempts), col(Delivery.alert_id))
        .limit(1)
    )
    if channel is not None:
        query = query.where(Delivery.channel == channel)
    return session.exec(query).first()


def _is_due(now: datetime, lease: timedelta) -> ColumnElement[bool]:
    planned = and_(col(Delivery.bundle).is_not(None), col(Delivery.message_key).is_(None))
    # An instant further off than a failure ever sets means that the wall clock was set back. A
    # bundle may wait for longer; if its alert is from the future, it is the clock again.
    stranded = and_(
        col(Delivery.next_attempt_at) > now + MAX_WAIT,
        or_(~planned, col(Alert.at) > now + MAX_WAIT),
    )
    return or_(
        and_(col(Delivery.state) == QUEUED, or_(col(Delivery.next_attempt_at) <= now, stranded)),
        and_(col(Delivery.state) == SENDING, ~_is_leased(now, lease)),
    )


def _is_leased(now: datetime, lease: timedelta) -> ColumnElement[bool]:
    until = func.coalesce(col(Delivery.lease_until), now)
    return and_(until > now, until <= now + lease)


def _claim(session: Session, lead: Delivery, *, now: datetime, lease: timedelta) -> DueMessage:
    again = lead.state == SENDING
    if again:
        attempt_repo.abandon(session, result=RETRY, channel=lead.channel)
    members = _members(session, lead)
    key = lead.message_key or _message_key(lead.channel, [alert for _, alert in members])
    for row, _ in members:
        row.state, row.lease_until, row.attempts = SENDING, now + lease, row.attempts + 1
        row.maybe_sent, row.message_key = row.maybe_sent or again, key
        session.add(row)
    session.flush()
    numbers = attempt_repo.begin(session, lead.channel, key, at=now, may_repeat=lead.maybe_sent)
    before = numbers[lead.alert_id] - lead.attempts
    first_at = attempt_repo.first_of(session, lead.channel, lead.alert_id, after=before)
    return DueMessage(
        channel=lead.channel,
        message_key=key,
        members=tuple(_due_alert(alert, numbers) for _, alert in members),
        attempts=lead.attempts,
        failures=_failures(session, lead.channel),
        first_at=first_at or now,
        maybe_sent=lead.maybe_sent,
        bundle=lead.bundle,
    )


def _members(session: Session, lead: Delivery) -> Sequence[tuple[Delivery, Alert]]:
    """Return what goes out with `lead`: as at the first attempt, or all that wait like it now."""
    query = (
        select(Delivery, Alert)
        .join(Alert, col(Alert.id) == Delivery.alert_id)
        .where(Delivery.channel == lead.channel, Delivery.state == lead.state)
        .order_by(col(Delivery.alert_id))
    )
    if lead.message_key is not None:
        query = query.where(Delivery.message_key == lead.message_key)
    elif lead.bundle is not None:
        query = query.where(Delivery.bundle == lead.bundle, col(Delivery.message_key).is_(None))
    else:
        query = query.where(Delivery.alert_id == lead.alert_id)
    return session.exec(query).all()


def _message_key(channel: str, alerts: Sequence[Alert]) -> str:
    keys = [delivery_key(alert.dedup_key, alert.escalation, channel) for alert in alerts]
    return keys[0] if len(keys) == 1 else _hash(*keys)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _due_alert(alert: Alert, numbers: Mapping[int, int]) -> DueAlert:
    assert alert.id is not None
    return DueAlert(
        alert_id=alert.id,
        number=numbers[alert.id],
        dedup_key=alert.dedup_key,
        escalation=alert.escalation,
        at=alert.at,
        payload=alert.payload or {},
    )


def _failures(session: Session, channel: str) -> int:
    """Return how many attempts what waits in the channel has cost, a message counted once.

    The one under way is counted; one that a stop of the program cut says nothing of the channel.
    """
    later = aliased(Attempt)
    last = (
        select(func.max(later.number))
        .where(later.alert_id == Delivery.alert_id, later.channel == Delivery.channel)
        .scalar_subquery()
    )
    failed = (
        select(func.coalesce(Delivery.message_key, col(Delivery.alert_id)), Attempt.number)
        .join(
            Attempt,
            and_(
                col(Attempt.alert_id) == Delivery.alert_id,
                col(Attempt.channel) == Delivery.channel,
            ),
        )
        .where(
            Delivery.channel == channel,
            col(Delivery.state).in_((QUEUED, SENDING)),
            col(Attempt.ended_at).is_not(None),
            # A resend by hand begins to count anew.
            col(Attempt.number) > last - col(Delivery.attempts),
        )
        .distinct()
        .subquery()
    )
    return int(session.exec(select(func.count()).select_from(failed)).one()) + 1
