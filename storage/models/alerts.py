"""Alerts, their deliveries and attempts (the outbox), and silences."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.columns import Instant, Json


class Alert(SQLModel, table=True):
    """A decision to tell, with its reason; `escalation` counts re-sends of one dedup key."""

    __tablename__ = "alert"
    __table_args__ = (UniqueConstraint("dedup_key", "escalation"),)

    id: int | None = Field(default=None, primary_key=True)
    dedup_key: str
    escalation: int
    rule: str = Field(index=True)
    kind: str
    severity: str
    theme: str | None = None
    series: str | None = None
    at: datetime = Field(sa_type=Instant, index=True)
    title: str = Field(sa_type=Text)
    reason: Any = Field(default=None, sa_type=Json, nullable=True)
    payload: Any = Field(default=None, sa_type=Json, nullable=True)
    group_key: str = Field(index=True)
    signal_ids: Any = Field(default=None, sa_type=Json, nullable=True)
    move_ids: Any = Field(default=None, sa_type=Json, nullable=True)
    size: float | None = None
    grade: str | None = None
    labels: Any = Field(default=None, sa_type=Json, nullable=True)
    acked_at: datetime | None = Field(default=None, sa_type=Instant)
    ack_note: str | None = Field(default=None, sa_type=Text)


class Delivery(SQLModel, table=True):
    """One alert to one channel: queued, sending, sent, dead, or cancelled by an acknowledgement.

    `lease_until` bounds one attempt; `maybe_sent` says that an earlier attempt may have arrived.
    Deliveries that wait under one `bundle` go out as one message; `message_key` names the message
    that a first attempt made of them, so that its repeats hold the same alerts.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Index("delivery_due", "state", "next_attempt_at"),
        Index("delivery_sent", "channel", "sent_at"),
    )

    alert_id: int = Field(sa_column=Column(ForeignKey("alert.id"), primary_key=True))
    channel: str = Field(primary_key=True)
    state: str
    attempts: int
    next_attempt_at: datetime = Field(sa_type=Instant)
    lease_until: datetime | None = Field(default=None, sa_type=Instant)
    maybe_sent: bool
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    last_error: str | None = Field(default=None, sa_type=Text)
    bundle: str | None = Field(default=None, index=True)
    message_key: str | None = None


class Attempt(SQLModel, table=True):
    """One attempt to send one alert to one channel; `result` is empty while it is under way."""

    __tablename__ = "attempt"

    alert_id: int = Field(sa_column=Column(ForeignKey("alert.id"), primary_key=True))
    channel: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    began_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    result: str | None = None
    error: str | None = Field(default=None, sa_type=Text)
    may_repeat: bool


class Silence(SQLModel, table=True):
    """Alerts that match all of `matchers` are kept and not told from `starts_at` to `ends_at`."""

    __tablename__ = "silence"

    id: int | None = Field(default=None, primary_key=True)
    matchers: Any = Field(sa_type=Json)
    comment: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant, index=True)
