"""What a channel was told: the messages it took, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlmodel import Session, col, select

from storage.delivery_repo import SENT
from storage.models import Alert, Delivery


@dataclass(frozen=True, slots=True)
class Told:
    """One message that a channel took, with the payloads of its alerts in the order decided.

    `key` is equal for equal messages and for no others of the channel; `bundle` says why several
    alerts went out as one.
    """

    key: str
    sent_at: datetime
    bundle: str | None
    payloads: tuple[Mapping[str, Any], ...]


def told(session: Session, channel: str, *, keep: int) -> list[Told]:
    """Return the last `keep` messages that `channel` took, newest first."""
    query = (
        select(Delivery, Alert)
        .join(Alert, col(Alert.id) == Delivery.alert_id)
        .where(Delivery.channel == channel, Delivery.state == SENT)
        .order_by(
            col(Delivery.sent_at).desc(), col(Delivery.message_key).desc(), col(Alert.id).desc()
        )
        .execution_options(yield_per=100)
    )
    found: list[Told] = []
    for (sent_at, key), rows in groupby(session.exec(query), key=_message_of):
        if len(found) == keep:
            break
        members = list(rows)
        payloads = (alert.payload or {} for _, alert in reversed(members))
        found.append(Told(key, sent_at, members[0][0].bundle, tuple(payloads)))
    return found


def _message_of(row: tuple[Delivery, Alert]) -> tuple[datetime, str]:
    delivery, alert = row
    assert delivery.sent_at is not None
    alone = f"{alert.dedup_key}/{alert.escalation}"
    return delivery.sent_at, delivery.message_key or alone
