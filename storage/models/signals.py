"""Items, stories, tags, standings, signals and what they did to prices.

Tag, signal, link and move rows are versions: `known_to` empty means current; a change closes
the row and adds one, so that "as known then" stays answerable.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.columns import Instant, Json


class Item(SQLModel, table=True):
    """One fetched document as it was first seen; key (source, guid).

    `seen_as` is the kind of signal of what a machine saw itself (`release`, `rumor`).
    """

    __tablename__ = "item"
    __table_args__ = (UniqueConstraint("source", "guid"),)

    id: int | None = Field(default=None, primary_key=True)
    source: str
    guid: str = Field(sa_type=Text)
    url: str | None = Field(default=None, sa_type=Text)
    canonical_url: str | None = Field(default=None, sa_type=Text, index=True)
    title: str = Field(sa_type=Text)
    title_key: str = Field(sa_type=Text, index=True)
    summary: str | None = Field(default=None, sa_type=Text)
    content: str | None = Field(default=None, sa_type=Text)
    lang: str | None = None
    publisher: str | None = None
    tier: int
    published_at: datetime | None = Field(default=None, sa_type=Instant)
    precision: str
    observed_at: datetime = Field(sa_type=Instant, index=True)
    stored_at: datetime = Field(sa_type=Instant)
    attributed_to: str | None = None
    story_id: str | None = Field(default=None, index=True)
    seen_as: str | None = None
    origin: str


class ItemRevision(SQLModel, table=True):
    """A later wording of an item; the first stays in `item`."""

    __tablename__ = "item_revision"

    item_id: int = Field(sa_column=Column(ForeignKey("item.id"), primary_key=True))
    observed_at: datetime = Field(sa_column=Column(Instant, primary_key=True))
    title: str = Field(sa_type=Text)
    summary: str | None = Field(default=None, sa_type=Text)
    content: str | None = Field(default=None, sa_type=Text)


class Story(SQLModel, table=True):
    """Items that tell the same news; the id is a hash of the first item and never reused."""

    __tablename__ = "story"

    id: str = Field(primary_key=True)
    first_published_at: datetime | None = Field(default=None, sa_type=Instant)
    first_observed_at: datetime = Field(sa_type=Instant)
    items: int
    publishers: int
    entities: Any = Field(default=None, sa_type=Json, nullable=True)
    merged_into: str | None = None
    reason: str | None = None


class Tag(SQLModel, table=True):
    """Why an item belongs to a theme, or (theme empty) that it was read and belongs to none."""

    __tablename__ = "tag"
    __table_args__ = (
        UniqueConstraint("item_id", "theme", "catalog_version", "known_from"),
        Index("tag_current", "item_id", "known_to"),
    )

    id: int | None = Field(default=None, primary_key=True)
    item_id: int = Field(foreign_key="item.id")
    theme: str
    catalog_version: str
    score: float
    kind: str | None = None
    entities: Any = Field(default=None, sa_type=Json, nullable=True)
    facts: Any = Field(default=None, sa_type=Json, nullable=True)
    events: Any = Field(default=None, sa_type=Json, nullable=True)
    polarity: Any = Field(default=None, sa_type=Json, nullable=True)
    background: bool
    reason: Any = Field(default=None, sa_type=Json, nullable=True)
    known_from: datetime = Field(sa_type=Instant)
    known_to: datetime | None = Field(default=None, sa_type=Instant)


class Standing(SQLModel, table=True):
    """One model's row on one leaderboard; re-fitted values are new versions."""

    __tablename__ = "standing"
    __table_args__ = (
        UniqueConstraint(
            "source", "board", "category", "style_control", "publish_date", "model", "observed_at"
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    source: str
    board: str
    category: str
    style_control: str
    publish_date: date
    model: str
    organization: str | None = None
    rank: int
    score: str
    ci_low: str | None = None
    ci_high: str | None = None
    votes: int | None = None
    page_rows: int | None = None
    adapter: str | None = None
    is_dated: bool | None = None
    observed_at: datetime = Field(sa_type=Instant)
    origin: str


class Signal(SQLModel, table=True):
    """One dated outside observation of a theme; `signal_id` names it across versions."""

    __tablename__ = "signal"
    __table_args__ = (
        UniqueConstraint("signal_id", "known_from"),
        Index("signal_current", "known_to", "at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    signal_id: str
    origin_kind: str
    origin_id: str = Field(index=True)
    theme: str
    event_no: int
    kind: str
    at: datetime = Field(sa_type=Instant)
    precision: str
    observed_at: datetime = Field(sa_type=Instant)
    title: str = Field(sa_type=Text)
    url: str | None = Field(default=None, sa_type=Text)
    source: str
    lang: str | None = None
    tier: int
    entities: Any = Field(default=None, sa_type=Json, nullable=True)
    facts: Any = Field(default=None, sa_type=Json, nullable=True)
    score: float
    novelty: float | None = None
    publishers: int
    polarity: Any = Field(default=None, sa_type=Json, nullable=True)
    background: bool
    alertable: bool
    reason: Any = Field(default=None, sa_type=Json, nullable=True)
    known_from: datetime = Field(sa_type=Instant)
    known_to: datetime | None = Field(default=None, sa_type=Instant)


class Link(SQLModel, table=True):
    """What one outcome's price did after one signal; prices 0..1, moves in probability."""

    __tablename__ = "link"
    __table_args__ = (
        UniqueConstraint("signal_id", "outcome_id", "window_s", "known_from"),
        Index("link_current", "known_to", "signal_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    signal_id: str
    outcome_id: int = Field(foreign_key="outcome.id")
    window_s: int
    focal: bool
    relation: str
    price_before: float | None = None
    price_after: float | None = None
    pre_move: float | None = None
    move: float | None = None
    abnormal_move: float | None = None
    z: float | None = None
    p_value: float | None = None
    n_placebo: int | None = None
    placebo_days: int | None = None
    n_updates: int | None = None
    quote_age_s: float | None = None
    thin: bool
    verdict: str
    reason: str | None = Field(default=None, sa_type=Text)
    episode: str | None = None
    confounded_by: Any = Field(default=None, sa_type=Json, nullable=True)
    log_odds_move: float | None = None
    room_share: float | None = None
    response_after_s: float | None = None
    response_by_s: float | None = None
    half_after_s: float | None = None
    half_by_s: float | None = None
    reversal: float | None = None
    final: bool
    known_from: datetime = Field(sa_type=Instant)
    known_to: datetime | None = Field(default=None, sa_type=Instant)


class Move(SQLModel, table=True):
    """One move of one outcome; `start_at` is fixed once written, versions amend the verdict."""

    __tablename__ = "move"
    __table_args__ = (
        UniqueConstraint("outcome_id", "start_at", "known_from"),
        Index("move_current", "known_to", "start_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    outcome_id: int = Field(foreign_key="outcome.id")
    start_at: datetime = Field(sa_type=Instant)
    end_at: datetime = Field(sa_type=Instant)
    crossed_at: datetime = Field(sa_type=Instant)
    price_from: float
    price_to: float
    move: float
    z: float | None = None
    state: str
    verdict: str
    explained_by: Any = Field(default=None, sa_type=Json, nullable=True)
    live: bool
    known_from: datetime = Field(sa_type=Instant)
    known_to: datetime | None = Field(default=None, sa_type=Instant)
