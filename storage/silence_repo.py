"""Silences: what is kept quiet, from when to when, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from storage.models import Silence


def add(
    session: Session,
    *,
    matchers: Sequence[str],
    comment: str,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> int:
    """Return the id of a new silence of the alerts that match all of `matchers`.

    Raises ValueError when it would match everything or silence nothing any more.
    """
    if not matchers:
        raise ValueError("a silence needs at least one matcher, as in rule=jump")
    if ends_at <= max(starts_at, now):
        raise ValueError("a silence must end after it begins, and not in the past")
    silence = Silence(
        matchers=list(matchers),
        comment=comment,
        created_at=now,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    session.add(silence)
    session.flush()
    assert silence.id is not None
    return silence.id


def get(session: Session, silence_id: int) -> Silence | None:
    """Return the silence, over or not; None when there is none of this id."""
    return session.get(Silence, silence_id)


def active(session: Session, now: datetime) -> list[Silence]:
    """Return the silences that hold at `now`, oldest first; the end itself is over."""
    query = select(Silence).where(col(Silence.starts_at) <= now, col(Silence.ends_at) > now)
    return list(session.exec(query.order_by(col(Silence.id))))


def unexpired(session: Session, now: datetime) -> list[Silence]:
    """Return the silences that hold at `now` or will, those that end first before the others."""
    query = select(Silence).where(col(Silence.ends_at) > now)
    return list(session.exec(query.order_by(col(Silence.ends_at), col(Silence.id))))


def everything(session: Session, *, limit: int = 1000) -> list[Silence]:
    """Return all silences, also those that are over, newest first."""
    return list(session.exec(select(Silence).order_by(col(Silence.id).desc()).limit(limit)))


def expire(session: Session, silence_id: int, *, now: datetime) -> bool:
    """Return whether the silence was found unexpired; it ends at `now`.

    One that had not begun ends as it begins, so that it never held.
    """
    silence = session.get(Silence, silence_id)
    if silence is None or silence.ends_at <= now:
        return False
    silence.ends_at = max(now, silence.starts_at)
    session.add(silence)
    session.flush()
    return True
