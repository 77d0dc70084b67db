"""Markets, their outcomes and prices, and when they were really watched."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.columns import Instant, Json


class Market(SQLModel, table=True):
    """One question at one venue; key (venue, venue_id). Spec columns: how it settles.

    `oracle` is the venue's own word on settling, such as `proposed` or `disputed`.
    """

    __tablename__ = "market"
    __table_args__ = (UniqueConstraint("venue", "venue_id"),)

    id: int | None = Field(default=None, primary_key=True)
    venue: str
    venue_id: str
    series: str | None = Field(default=None, index=True)
    series_title: str | None = None
    label: str | None = None
    question: str = Field(sa_type=Text)
    slug: str | None = None
    url: str | None = None
    status: str
    closes_at: datetime | None = Field(default=None, sa_type=Instant)
    resolved_at: datetime | None = Field(default=None, sa_type=Instant)
    resolution: str | None = None
    oracle: str | None = None
    board: str | None = None
    category: str | None = None
    style_control: str | None = None
    quantity: str | None = None
    place: int | None = None
    universe: str | None = None
    unit: str | None = None
    threshold: str | None = None
    when: str | None = None
    check_at: datetime | None = Field(default=None, sa_type=Instant)
    tie_rule: str | None = None
    owners: Any = Field(default=None, sa_type=Json, nullable=True)
    spec_confidence: float | None = None
    first_seen_at: datetime = Field(sa_type=Instant)
    origin: str


class MarketRevision(SQLModel, table=True):
    """What a market's text and state were from `observed_at` on; one row for each change."""

    __tablename__ = "market_revision"

    market_id: int = Field(sa_column=Column(ForeignKey("market.id"), primary_key=True))
    observed_at: datetime = Field(sa_column=Column(Instant, primary_key=True))
    question: str = Field(sa_type=Text)
    rules: str | None = Field(default=None, sa_type=Text)
    closes_at: datetime | None = Field(default=None, sa_type=Instant)
    status: str
    resolution: str | None = None
    oracle: str | None = None


class ThemeMarket(SQLModel, table=True):
    """A theme follows a market; `relation` own or related, `matched` by which reference."""

    __tablename__ = "theme_market"

    theme: str = Field(primary_key=True)
    market_id: int = Field(sa_column=Column(ForeignKey("market.id"), primary_key=True))
    relation: str
    matched: str


class Outcome(SQLModel, table=True):
    """One tradable answer; `owner` is the entity its name tags to."""

    __tablename__ = "outcome"
    __table_args__ = (UniqueConstraint("market_id", "venue_outcome_id"),)

    id: int | None = Field(default=None, primary_key=True)
    market_id: int = Field(foreign_key="market.id")
    venue_outcome_id: str
    name: str
    idx: int
    owner: str | None = None


class Quote(SQLModel, table=True):
    """Top of book at `at` (int64 ms); prices are integers of 1e-6, `basis` is PriceBasis.

    `observed_lag` = observed_at - at and `venue_lag` = at - venue_at, in ms. `volume_24h` is in
    hundredths of the venue's money. Written by storage.quotes as tuples, never as objects.
    """

    __tablename__ = "quote"
    __table_args__ = ({"sqlite_with_rowid": False},)

    outcome_id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    bid: int | None = None
    ask: int | None = None
    last: int | None = None
    value: int | None = None
    basis: int
    observed_lag: int = Field(sa_type=BigInteger)
    venue_lag: int | None = Field(default=None, sa_type=BigInteger)
    volume_24h: int | None = Field(default=None, sa_type=BigInteger)


class Candle(SQLModel, table=True):
    """OHLC over [at, at + step_s), integers of 1e-6; volume in millionths of a share."""

    __tablename__ = "candle"
    __table_args__ = ({"sqlite_with_rowid": False},)

    outcome_id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    step_s: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    open: int | None = None
    high: int | None = None
    low: int | None = None
    close: int | None = None
    volume: int | None = Field(default=None, sa_type=BigInteger)
    backfilled: bool


class Trade(SQLModel, table=True):
    """One fill; `trade_id` is the venue's or a hash. Price 1e-6, size in millionths."""

    __tablename__ = "trade"
    __table_args__ = ({"sqlite_with_rowid": False},)

    outcome_id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    trade_id: str = Field(sa_column=Column(String, primary_key=True))
    price: int
    size: int = Field(sa_type=BigInteger)
    side: str | None = None
    backfilled: bool


class Coverage(SQLModel, table=True):
    """One span in which `subject` (`outcome:7`, `source:the-verge`) was really watched.

    `reads` counts the successful reads; `gap_reason` says why the span ended.
    """

    __tablename__ = "coverage"

    subject: str = Field(primary_key=True)
    from_at: datetime = Field(sa_column=Column(Instant, primary_key=True))
    to_at: datetime = Field(sa_type=Instant)
    reads: int
    gap_reason: str | None = None
