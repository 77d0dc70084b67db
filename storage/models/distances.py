"""How far leaderboard markets were from flipping, publication by publication."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.columns import Instant


class Distance(SQLModel, table=True):
    """One outcome against one publication of one list, from `at` on; `known_to` empty: current.

    `gap` is in the list's points, positive while the outcome would pay; empty with a `reason`.
    `board` is empty where the rules name no list. `style_control` is the list's own.
    """

    __tablename__ = "distance"
    __table_args__ = (
        UniqueConstraint("outcome_id", "board", "category", "style_control", "at", "known_from"),
        Index("distance_current", "known_to", "outcome_id", "at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    outcome_id: int = Field(foreign_key="outcome.id")
    board: str | None = None
    category: str | None = None
    style_control: str | None = None
    at: datetime = Field(sa_type=Instant)
    source: str | None = None
    publish_date: date | None = None
    place: int | None = None
    threshold: str | None = None
    universe: str | None = None
    gap: float | None = None
    intervals_overlap: bool | None = None
    days_left: float | None = None
    model: str | None = Field(default=None, sa_type=Text)
    rank: int | None = None
    rival: str | None = Field(default=None, sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    known_from: datetime = Field(sa_type=Instant)
    known_to: datetime | None = Field(default=None, sa_type=Instant)
