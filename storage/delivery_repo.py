"""The outbox: deliveries of alerts, queued → sending → sent or dead, sent as messages.

A message is one delivery, or all that wait in a channel under one bundle. `claim_due` commits an
attempt before it is made and `mark_sent` after, so a crash between repeats that one attempt and
loses none; the repeat holds the same alerts and is claimed with `maybe_sent`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from storage import attempt_repo
from storage.attempt_repo import MAX_ERROR
from storage.delivery_claim import (
    CANCELLED,
    DEAD,
    MAX_WAIT,
    QUEUED,
    RETRY,
    SENDING,
    SENT,
    DueAlert,
    DueMessage,
    claim_due,
    delivery_key,
)
from storage.models import Alert, Delivery

__all__ = [
    "CANCELLED",
    "DEAD",
    "MAX_WAIT",
    "QUEUED",
    "SENDING",
    "SENT",
    "DueAlert",
    "DueMessage",
    "Planned",
    "bury_unknown",
    "cancel",
    "claim_due",
    "dead_letters",
    "delivery_key",
    "mark_dead",
    "mark_retry",
    "mark_sent",
    "pending_count",
    "queue",
    "requeue_interrupted",
    "resend",
]


@dataclass(frozen=True, slots=True)
class Planned:
    """One channel that an alert goes to, from when, and what it waits with; None is alone."""

    channel: str
    due_at: datetime
    bundle: str | None = None


def queue(session: Session, alert_id: int, planned: Iterable[Planned]) -> None:
    """Add a delivery of the alert for each channel of `planned`, the first plan of each."""
    known: set[str] = set()
    for plan in planned:
        if plan.channel in known:
            continue
        known.add(plan.channel)
        session.add(
            Delivery(
                alert_id=alert_id,
                channel=plan.channel,
                state=QUEUED,
                attempts=0,
                next_attempt_at=plan.due_at,
                maybe_sent=False,
                bundle=plan.bundle,
            )
        )
    session.flush()


def mark_sent(session: Session, due: DueMessage, *, at: datetime) -> None:
    """Record that the channel took the message at `at`."""
    attempt_repo.end(session, due.channel, _numbers(due), at=at, result=SENT)
    # The index by time then tells what was sent lately.
    _set(session, due, state=SENT, sent_at=at, next_attempt_at=at, last_error=None)


def mark_retry(
    session: Session,
    due: DueMessage,
    *,
    at: datetime,
    next_attempt_at: datetime,
    error: str,
    maybe_sent: bool,
) -> None:
    """Queue a failed attempt again for `next_attempt_at`, and what waits behind it with it.

    `maybe_sent` is never taken back: once an attempt may have arrived, every repeat says so.
    """
    _end(session, due, at=at, result=RETRY, error=error, maybe_sent=maybe_sent)
    _set(session, due, state=QUEUED, next_attempt_at=next_attempt_at)
    hold = update(Delivery).where(
        col(Delivery.channel) == due.channel,
        col(Delivery.state) == QUEUED,
        col(Delivery.next_attempt_at) < next_attempt_at,
    )
    session.connection().execute(hold.values(next_attempt_at=next_attempt_at))


def mark_dead(
    session: Session, due: DueMessage, *, at: datetime, error: str, maybe_sent: bool = False
) -> None:
    """Give a message up, with the reason; it stays visible and can be queued again."""
    _end(session, due, at=at, result=DEAD, error=error, maybe_sent=maybe_sent)
    _set(session, due, state=DEAD)


def bury_unknown(session: Session, channels: Collection[str]) -> int:
    """Return how many waiting deliveries were given up because their channel is not configured."""
    statement = (
        update(Delivery)
        .where(col(Delivery.state) == QUEUED, col(Delivery.channel).not_in(channels))
        .values(state=DEAD, last_error="no channel of this name is configured")
    )
    return session.connection().execute(statement).rowcount


def requeue_interrupted(session: Session, *, now: datetime) -> int:
    """Return how many deliveries a dead process left under way; they are due now, as repeats.

    Call it once at start, under the lock that keeps a second daemon out.
    """
    attempt_repo.abandon(session, result=RETRY)
    statement = (
        update(Delivery)
        .where(col(Delivery.state) == SENDING)
        .values(state=QUEUED, next_attempt_at=now, lease_until=None, maybe_sent=True)
    )
    return session.connection().execute(statement).rowcount


def dead_letters(session: Session, *, limit: int = 1000) -> list[tuple[Alert, Delivery]]:
    """Return what was given up, newest alerts first; `last_error` says why."""
    query = (
        select(Alert, Delivery)
        .join(Delivery, col(Delivery.alert_id) == Alert.id)
        .where(Delivery.state == DEAD)
        .order_by(col(Alert.at).desc(), col(Alert.id).desc(), col(Delivery.channel))
        .limit(limit)
    )
    return [(alert, delivery) for alert, delivery in session.exec(query)]


def resend(
    session: Session, alert_id: int, channel: str | None = None, *, now: datetime
) -> list[tuple[int, str]]:
    """Return the (alert, channel) pairs queued again for `now`; none when nothing of it is dead.

    A message that was tried goes again whole, so its other alerts are among them, under the same
    key, so that a receiver that took it after all can tell. `channel` None is every channel.
    """
    query = select(Delivery).where(Delivery.alert_id == alert_id, Delivery.state == DEAD)
    if channel is not None:
        query = query.where(Delivery.channel == channel)
    again = [row for dead in session.exec(query).all() for row in _message(session, dead)]
    for row in again:
        row.state, row.attempts, row.next_attempt_at = QUEUED, 0, now
        # One that was never tried would take along what still waits under its bundle.
        row.bundle = row.bundle if row.message_key else None
        session.add(row)
    session.flush()
    return [(row.alert_id, row.channel) for row in again]


def cancel(session: Session, alert_id: int, *, reason: str) -> list[str]:
    """Return the channels that will not be sent the alert any more.

    What is under way goes on, and so does a message of several that was tried: its repeats hold
    what the first attempt held.
    """
    query = select(Delivery).where(Delivery.alert_id == alert_id, Delivery.state == QUEUED)
    cancelled = []
    for row in session.exec(query).all():
        if len(_message(session, row)) == 1:
            row.state, row.last_error = CANCELLED, reason[:MAX_ERROR]
            session.add(row)
            cancelled.append(row.channel)
    session.flush()
    return cancelled


def pending_count(session: Session) -> int:
    """Return the outbox depth: deliveries neither sent nor given up."""
    query = select(func.count()).where(col(Delivery.state).in_((QUEUED, SENDING)))
    return session.exec(query).one()


def _end(
    session: Session, due: DueMessage, *, at: datetime, result: str, error: str, maybe_sent: bool
) -> None:
    attempt_repo.end(session, due.channel, _numbers(due), at=at, result=result, error=error)
    _set(session, due, last_error=error[:MAX_ERROR], **({"maybe_sent": True} if maybe_sent else {}))


def _set(session: Session, due: DueMessage, **values: Any) -> None:
    statement = update(Delivery).where(
        col(Delivery.channel) == due.channel,
        col(Delivery.message_key) == due.message_key,
        # An answer that comes after another attempt arrived changes nothing.
        col(Delivery.state) != SENT,
    )
    session.connection().execute(statement.values(lease_until=None, **values))


def _numbers(due: DueMessage) -> dict[int, int]:
    return {member.alert_id: member.number for member in due.members}


def _message(session: Session, row: Delivery) -> list[Delivery]:
    """Return the deliveries that were tried as one with `row`; itself when it was not tried."""
    if row.message_key is None:
        return [row]
    query = select(Delivery).where(
        Delivery.channel == row.channel,
        Delivery.message_key == row.message_key,
        Delivery.state == row.state,
    )
    return list(session.exec(query.order_by(col(Delivery.alert_id))))
