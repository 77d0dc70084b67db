"""What a channel has before it: messages that wait, and those it was sent lately."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import String, and_, cast, func, or_, select
from sqlmodel import Session, col

from storage.delivery_claim import QUEUED, SENDING, SENT
from storage.models import Delivery


@dataclass(frozen=True, slots=True)
class Load:
    """What deliveries planned now are fitted in with; keys are (channel, bundle).

    `pending`: when a bundle still open to newcomers is due. `last`: when its last message was sent
    (now, while one is being tried). `messages`: by channel, when each message was sent or is due.
    """

    pending: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    last: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    messages: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)


def load(session: Session, channels: Collection[str], *, now: datetime, since: datetime) -> Load:
    """Return the load of `channels` at `now`, with what was sent after `since`."""
    pending: dict[tuple[str, str], datetime] = {}
    last: dict[tuple[str, str], datetime] = {}
    messages: dict[str, list[datetime]] = {}
    for channel, bundle, state, tried, due_at, sent_at in _messages(session, channels, since):
        if state == SENT:
            at = sent_at
            # A clock that was set back makes the past come later than now.
            if at is None or at > now:
                continue
        elif tried or bundle is None:
            # What a failure holds back goes out with the rest once the channel is well again.
            at = now
        else:
            at = pending[channel, bundle] = due_at
        messages.setdefault(channel, []).append(at)
        if bundle is not None and (state == SENT or tried):
            last[channel, bundle] = max(at, last.get((channel, bundle), at))
    return Load(pending, last, {name: tuple(sorted(at)) for name, at in messages.items()})


def _messages(
    session: Session, channels: Collection[str], since: datetime
) -> Iterator[tuple[str, str | None, str, bool, datetime, datetime | None]]:
    """Yield channel, bundle, state, whether it was tried, due_at and sent_at of each message."""
    message = func.coalesce(
        col(Delivery.message_key), col(Delivery.bundle), cast(col(Delivery.alert_id), String)
    )
    # What was sent has its time in `next_attempt_at` too, which the index knows.
    lately = and_(col(Delivery.state) == SENT, col(Delivery.next_attempt_at) > since)
    waiting = col(Delivery.state).in_((QUEUED, SENDING))
    query = (
        select(
            col(Delivery.channel),
            func.max(col(Delivery.bundle)),
            col(Delivery.state),
            func.count(col(Delivery.message_key)),
            func.min(col(Delivery.next_attempt_at)),
            func.max(col(Delivery.sent_at)),
        )
        .where(col(Delivery.channel).in_(channels), or_(waiting, lately))
        .group_by(col(Delivery.channel), col(Delivery.state), message)
    )
    for channel, bundle, state, keys, due_at, sent_at in session.connection().execute(query):
        yield channel, bundle, state, keys > 0, due_at, sent_at
