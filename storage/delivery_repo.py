"""The outbox: deliveries of alerts, queued → sending → sent or dead.

`claim_due` commits an attempt before it is made and `mark_sent` after, so a crash between
repeats that one attempt and loses none; the repeat is claimed with `maybe_sent`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, update
from sqlmodel import Session, col, select

from storage.models import Alert, Delivery

QUEUED, SENDING, SENT, DEAD = "queued", "sending", "sent", "dead"
MAX_WAIT = timedelta(hours=24)
MAX_ERROR = 500


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """One claimed attempt. `attempts` counts this one; `failures` those of the whole channel.

    `maybe_sent`: an earlier attempt may have arrived.
    """

    alert_id: int
    channel: str
    attempts: int
    failures: int
    maybe_sent: bool
    dedup_key: str
    escalation: int
    at: datetime
    payload: Mapping[str, Any]


def queue(session: Session, alert_id: int, channels: Iterable[str], *, at: datetime) -> None:
    """Add one delivery of the alert for each of `channels`, due at `at`."""
    for channel in dict.fromkeys(channels):
        session.add(
            Delivery(
                alert_id=alert_id,
                channel=channel,
                state=QUEUED,
                attempts=0,
                next_attempt_at=at,
                maybe_sent=False,
            )
        )
    session.flush()


def claim_due(
    session: Session,
    *,
    now: datetime,
    limit: int,
    lease: timedelta,
    channel: str | None = None,
) -> list[DueDelivery]:
    """Return up to `limit` deliveries claimed for an attempt: sending, counted, leased.

    Due is what waits and whose time has come, and what was being sent when its lease ended
    (`maybe_sent`). A channel with an attempt under way gives nothing, which keeps its order.
    Fewest attempts first, so that one bad message does not stand before the others.
    """
    query = (
        select(Delivery, Alert)
        .join(Alert, col(Alert.id) == Delivery.alert_id)
        .where(_is_due(now, lease), col(Delivery.channel).not_in(_busy(session, now, lease)))
        .order_by(col(Delivery.attempts), col(Delivery.alert_id))
        .limit(limit)
    )
    if channel is not None:
        query = query.where(Delivery.channel == channel)
    return [_claim(session, row, alert, now + lease) for row, alert in session.exec(query).all()]


def mark_sent(session: Session, alert_id: int, channel: str, *, at: datetime) -> None:
    """Record that the channel took the alert at `at`."""
    _set(
        session,
        alert_id,
        channel,
        state=SENT,
        sent_at=at,
        lease_until=None,
        last_error=None,
    )


def mark_retry(
    session: Session,
    alert_id: int,
    channel: str,
    *,
    next_attempt_at: datetime,
    error: str,
    maybe_sent: bool,
) -> None:
    """Queue a failed attempt again for `next_attempt_at`, and what waits behind it with it.

    `maybe_sent` is never taken back: once an attempt may have arrived, every repeat says so.
    """
    values: dict[str, Any] = {"maybe_sent": True} if maybe_sent else {}
    _set(
        session,
        alert_id,
        channel,
        state=QUEUED,
        next_attempt_at=next_attempt_at,
        lease_until=None,
        last_error=error[:MAX_ERROR],
        **values,
    )
    hold = update(Delivery).where(
        col(Delivery.channel) == channel,
        col(Delivery.state) == QUEUED,
        col(Delivery.next_attempt_at) < next_attempt_at,
    )
    session.connection().execute(hold.values(next_attempt_at=next_attempt_at))


def mark_dead(
    session: Session, alert_id: int, channel: str, *, error: str, maybe_sent: bool = False
) -> None:
    """Give a delivery up, with the reason; it stays visible and can be queued again."""
    values: dict[str, Any] = {"maybe_sent": True} if maybe_sent else {}
    _set(
        session,
        alert_id,
        channel,
        state=DEAD,
        lease_until=None,
        last_error=error[:MAX_ERROR],
        **values,
    )


def bury_unknown(session: Session, channels: Collection[str]) -> int:
    """Return how many waiting deliveries were given up because their channel is not configured."""
    statement = (
        update(Delivery)
        .where(col(Delivery.state) == QUEUED, col(Delivery.channel).not_in(channels))
        .values(state=DEAD, last_error="no channel of this name is configured")
    )
    return session.connection().execute(statement).rowcount


def requeue_interrupted(session: Session, *, now: datetime) -> int:
    """Return how many attempts a dead process left under way; they are due now, as repeats.

    Call it once at start, under the lock that keeps a second daemon out.
    """
    statement = (
        update(Delivery)
        .where(col(Delivery.state) == SENDING)
        .values(state=QUEUED, next_attempt_at=now, lease_until=None, maybe_sent=True)
    )
    return session.connection().execute(statement).rowcount


def requeue_dead(session: Session, alert_id: int, channel: str, *, now: datetime) -> bool:
    """Return whether a dead delivery was found and queued again for `now`."""
    statement = (
        update(Delivery)
        .where(
            col(Delivery.alert_id) == alert_id,
            col(Delivery.channel) == channel,
            col(Delivery.state) == DEAD,
        )
        .values(state=QUEUED, attempts=0, next_attempt_at=now)
    )
    return session.connection().execute(statement).rowcount == 1


def pending_count(session: Session) -> int:
    """Return the outbox depth: deliveries neither sent nor dead."""
    query = select(func.count()).where(col(Delivery.state).in_((QUEUED, SENDING)))
    return session.exec(query).one()


def _is_due(now: datetime, lease: timedelta) -> ColumnElement[bool]:
    # An instant further off than we ever set means that the wall clock was set back.
    waits = or_(
        col(Delivery.next_attempt_at) <= now, col(Delivery.next_attempt_at) > now + MAX_WAIT
    )
    return or_(
        and_(col(Delivery.state) == QUEUED, waits),
        and_(col(Delivery.state) == SENDING, ~_is_leased(now, lease)),
    )


def _is_leased(now: datetime, lease: timedelta) -> ColumnElement[bool]:
    until = func.coalesce(col(Delivery.lease_until), now)
    return and_(until > now, until <= now + lease)


def _busy(session: Session, now: datetime, lease: timedelta) -> list[str]:
    query = select(Delivery.channel).where(Delivery.state == SENDING, _is_leased(now, lease))
    return list(session.exec(query.distinct()))


def _claim(session: Session, row: Delivery, alert: Alert, lease_until: datetime) -> DueDelivery:
    row.maybe_sent = row.maybe_sent or row.state == SENDING
    row.state, row.lease_until, row.attempts = SENDING, lease_until, row.attempts + 1
    session.add(row)
    session.flush()
    waiting = col(Delivery.state).in_((QUEUED, SENDING))
    tried = select(func.sum(Delivery.attempts)).where(Delivery.channel == row.channel, waiting)
    return DueDelivery(
        alert_id=row.alert_id,
        channel=row.channel,
        attempts=row.attempts,
        failures=int(session.exec(tried).one() or 0),
        maybe_sent=row.maybe_sent,
        dedup_key=alert.dedup_key,
        escalation=alert.escalation,
        at=alert.at,
        payload=alert.payload or {},
    )


def _set(session: Session, alert_id: int, channel: str, **values: Any) -> None:
    statement = update(Delivery).where(
        col(Delivery.alert_id) == alert_id, col(Delivery.channel) == channel
    )
    session.connection().execute(statement.values(**values))
