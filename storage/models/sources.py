"""What the daemon remembers of each source between polls and restarts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from storage.columns import Instant, Json


class SourceState(SQLModel, table=True):
    """Validators, cursor and health of one source; saved with the rows they speak of.

    `rejects` counts refused records by reason. `fingerprint` holds, by record kind, how many
    rows a poll gives and the share of missing values by field; `drift` what it departs from,
    in words. `disabled` says why the source is not polled any more. `circuit_until`: nothing is
    asked before; then one request probes. `moved` maps an address to its permanent new home.
    """

    __tablename__ = "source_state"

    source: str = Field(primary_key=True)
    validators: Any = Field(default=None, sa_type=Json, nullable=True)
    cursor: Any = Field(default=None, sa_type=Json, nullable=True)
    failures: int = 0
    polls: int = 0
    requests: int = 0
    last_error: str | None = None
    disabled: str | None = None
    next_due: datetime | None = Field(default=None, sa_type=Instant)
    first_ok_at: datetime | None = Field(default=None, sa_type=Instant)
    last_ok_at: datetime | None = Field(default=None, sa_type=Instant)
    last_try_at: datetime | None = Field(default=None, sa_type=Instant)
    rejects: Any = Field(default=None, sa_type=Json, nullable=True)
    fingerprint: Any = Field(default=None, sa_type=Json, nullable=True)
    drift: Any = Field(default=None, sa_type=Json, nullable=True)
    circuit_until: datetime | None = Field(default=None, sa_type=Instant)
    moved: Any = Field(default=None, sa_type=Json, nullable=True)


class BackfillChunk(SQLModel, table=True):
    """A stretch of the past that was asked for and stored; `key` names it for ever."""

    __tablename__ = "backfill_chunk"

    source: str = Field(primary_key=True)
    key: str = Field(sa_column=Column(Text, primary_key=True))
    from_at: datetime = Field(sa_type=Instant)
    to_at: datetime = Field(sa_type=Instant)
    rows: int
    done_at: datetime = Field(sa_type=Instant)


class Meta(SQLModel, table=True):
    """Named values of the store itself, such as the version that wrote it last."""

    __tablename__ = "meta"

    name: str = Field(primary_key=True)
    value: str
