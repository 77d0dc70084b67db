"""What the daemon remembers of each source between polls and restarts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from storage.columns import Instant, Json


class SourceState(SQLModel, table=True):
    """Validators, cursor and health of one source; saved with the rows they speak of.

    `rejects` counts refused records by reason. `fingerprint` holds field names and null rates.
    """

    __tablename__ = "source_state"

    source: str = Field(primary_key=True)
    validators: Any = Field(default=None, sa_type=Json, nullable=True)
    cursor: Any = Field(default=None, sa_type=Json, nullable=True)
    failures: int = 0
    polls: int = 0
    last_error: str | None = None
    disabled: str | None = None
    next_due: datetime | None = Field(default=None, sa_type=Instant)
    first_ok_at: datetime | None = Field(default=None, sa_type=Instant)
    last_ok_at: datetime | None = Field(default=None, sa_type=Instant)
    last_try_at: datetime | None = Field(default=None, sa_type=Instant)
    rejects: Any = Field(default=None, sa_type=Json, nullable=True)
    fingerprint: Any = Field(default=None, sa_type=Json, nullable=True)


class Meta(SQLModel, table=True):
    """Named values of the store itself, such as the version that wrote it last."""

    __tablename__ = "meta"

    name: str = Field(primary_key=True)
    value: str
