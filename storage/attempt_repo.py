"""Attempts: each try to send an alert to a channel, written before it is made and closed after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, func, update
from sqlmodel import Session, col, select

from storage.models import Attempt, Delivery

MAX_ERROR = 500
INTERRUPTED = "the program stopped during this attempt; it may have arrived"


def begin(
    session: Session, channel: str, message_key: str, *, at: datetime, may_repeat: bool
) -> dict[int, int]:
    """Return the number of the attempt that begins at `at`, for each alert of the message.

    Numbers go on over a hand-made resend, though the delivery then counts from 0.
    """
    last = func.max(func.coalesce(Attempt.number, 0))
    query = (
        select(Delivery.alert_id, Delivery.attempts, last)
        .outerjoin(
            Attempt,
            (col(Attempt.alert_id) == Delivery.alert_id)
            & (col(Attempt.channel) == Delivery.channel),
        )
        .where(Delivery.channel == channel, Delivery.message_key == message_key)
        .group_by(col(Delivery.alert_id))
    )
    # A delivery may have been tried before attempts were kept.
    found = session.exec(query).all()
    numbers = {alert_id: max(known or 0, tried - 1) + 1 for alert_id, tried, known in found}
    session.add_all(
        Attempt(
            alert_id=alert_id,
            channel=channel,
            number=number,
            began_at=at,
            may_repeat=may_repeat,
        )
        for alert_id, number in numbers.items()
    )
    session.flush()
    return numbers


def end(
    session: Session,
    channel: str,
    numbers: Mapping[int, int],
    *,
    at: datetime,
    result: str,
    error: str | None = None,
) -> None:
    """Write what came of the attempt with these `numbers` (by alert)."""
    values = {"ended_at": at, "result": result, "error": error and error[:MAX_ERROR]}
    statement = update(Attempt).where(
        col(Attempt.channel) == channel,
        col(Attempt.alert_id) == bindparam("of_alert"),
        col(Attempt.number) == bindparam("of_number"),
    )
    each = [{"of_alert": alert_id, "of_number": number} for alert_id, number in numbers.items()]
    session.connection().execute(statement.values(**values), each)


def abandon(session: Session, *, result: str, channel: str | None = None) -> None:
    """Close what a dead process left open; nobody knows when it ended."""
    statement = update(Attempt).where(col(Attempt.result).is_(None))
    if channel is not None:
        statement = statement.where(col(Attempt.channel) == channel)
    session.connection().execute(statement.values(result=result, error=INTERRUPTED))


def first_of(session: Session, channel: str, alert_id: int, *, after: int) -> datetime | None:
    """Return when the first attempt numbered above `after` began."""
    query = select(func.min(Attempt.began_at)).where(
        Attempt.alert_id == alert_id, Attempt.channel == channel, Attempt.number > after
    )
    return session.exec(query).one()


def of_alert(session: Session, alert_id: int) -> list[Attempt]:
    """Return every attempt to send the alert, by channel, the first one first."""
    query = (
        select(Attempt)
        .where(Attempt.alert_id == alert_id)
        .order_by(col(Attempt.channel), col(Attempt.number))
    )
    return list(session.exec(query))
