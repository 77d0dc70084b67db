"""What a source hands over and storage keeps: plain values, instants aware UTC.

Prices are probabilities 0..1 as Decimal or None (missing is never zero); storage turns them
into integers of 1e-6. Ids of venues are text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum


class PriceBasis(IntEnum):
    """How a quote's price was made; the names are the CSV's words."""

    BOOK = 0
    AMM = 1
    VENUE_HISTORY = 2
    TRADE = 3

    @property
    def word(self) -> str:
        """Return the CSV's word."""
        return self.name.lower()


class MarketStatus(StrEnum):
    """Where a market is in its life; `resolved` only when the venue says so strictly."""

    OPEN = "open"
    CLOSED = "closed"
    RESOLVED = "resolved"


class Precision(StrEnum):
    """How exactly an instant is known; a day never supports a lead or lag claim."""

    SECOND = "second"
    MINUTE = "minute"
    DAY = "day"
    UNKNOWN = "unknown"


class Origin(StrEnum):
    """How a row first reached us; only `live` may alert."""

    LIVE = "live"
    FIRST_POLL = "first_poll"
    BACKFILL = "backfill"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """One tradable answer. `owner` is filled by the tagger, not by sources."""

    venue_outcome_id: str
    name: str
    index: int


@dataclass(frozen=True, slots=True)
class SettlementSpec:
    """How a leaderboard market settles; None where the rule text does not say."""

    board: str | None = None
    category: str | None = None
    style_control: str | None = None
    quantity: str | None = None
    place: int | None = None
    universe: str | None = None
    unit: str | None = None
    threshold: Decimal | None = None
    when: str | None = None
    check_at: datetime | None = None
    tie_rule: str | None = None
    owners: tuple[str, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class MarketRecord:
    """One question of a venue. `label` names the leg inside its series ("Alibaba").

    `oracle` is the venue's own word on settling, lower case (`proposed`, `disputed`); None when
    it says nothing. `is_named_only`: a file of prices names the market and knows nothing of it,
    so what is stored of it stands.
    """

    venue: str
    venue_id: str
    question: str
    outcomes: tuple[OutcomeRecord, ...]
    series: str | None = None
    series_title: str | None = None
    label: str | None = None
    slug: str | None = None
    url: str | None = None
    status: MarketStatus = MarketStatus.OPEN
    closes_at: datetime | None = None
    resolved_at: datetime | None = None
    resolution: str | None = None
    rules: str | None = None
    oracle: str | None = None
    is_named_only: bool = False
    spec: SettlementSpec = SettlementSpec()


@dataclass(frozen=True, slots=True)
class QuoteRecord:
    """Top of book or a venue's own value at `at`.

    `value` carries the price of every basis but `book`. `at` is the instant we read it for a
    polled quote and the venue's instant for history; `observed_at` is when we had it.
    `volume_24h` in the venue's money (USD; mana at Manifold).
    """

    venue: str
    venue_id: str
    venue_outcome_id: str
    at: datetime
    observed_at: datetime
    basis: PriceBasis
    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    value: Decimal | None = None
    volume_24h: Decimal | None = None
    venue_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Return which outcome it is of, by the venue's ids."""
        return self.venue, self.venue_id, self.venue_outcome_id


@dataclass(frozen=True, slots=True)
class CandleRecord:
    """OHLC over [at, at + step_s); probabilities, volume in shares or contracts."""

    venue: str
    venue_id: str
    venue_outcome_id: str
    at: datetime
    step_s: int
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None
    volume: Decimal | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Return which outcome it is of, by the venue's ids."""
        return self.venue, self.venue_id, self.venue_outcome_id


@dataclass(frozen=True, slots=True)
class TradeRecord:
    """One fill; `trade_id` is the venue's, or a hash where the venue gives none."""

    venue: str
    venue_id: str
    venue_outcome_id: str
    at: datetime
    trade_id: str
    price: Decimal
    size: Decimal
    side: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Return which outcome it is of, by the venue's ids."""
        return self.venue, self.venue_id, self.venue_outcome_id


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One fetched document, text already free of markup.

    `published_at` is what the source says (None when it says nothing usable). `tier` is the
    source's rank, 1 best. `publisher` is the outlet that speaks, when it is not the source.
    `seen_as` is set when a machine saw the thing itself instead of a text about it: `release`
    for a public repository, `rumor` for a name on a roster.
    """

    source: str
    guid: str
    title: str
    url: str | None = None
    summary: str | None = None
    content: str | None = None
    lang: str | None = None
    published_at: datetime | None = None
    precision: Precision = Precision.UNKNOWN
    publisher: str | None = None
    tier: int = 2
    seen_as: str | None = None


@dataclass(frozen=True, slots=True)
class StandingRecord:
    """One model's row on one leaderboard at one publish date. `ci_*` are absolute scores.

    `adapter` says by which way it came, None for the source's only one. Without `is_dated` the
    publisher named no date and `publish_date` is the day the page was seen.
    """

    source: str
    board: str
    category: str
    style_control: str
    publish_date: date
    model: str
    rank: int
    score: Decimal
    organization: str | None = None
    ci_low: Decimal | None = None
    ci_high: Decimal | None = None
    votes: int | None = None
    page_rows: int | None = None
    adapter: str | None = None
    is_dated: bool = True


@dataclass(frozen=True, slots=True)
class Reject:
    """One record that was not stored, with the reason and the start of what was read."""

    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a publisher asks to be polled: `wait` between polls, hours and days (UTC) to skip.

    `skip_hours` are 0..23, `skip_days` 0 (Monday) to 6.
    """

    wait: timedelta | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything one page gave, and what was refused and why.

    `read_outcomes` lists (venue, venue_id, venue_outcome_id) whose price was read with success,
    also when it gave no quote; coverage is kept from it. `followed` lists (venue, venue_id,
    reference key): which reference of the config brought a market in. `pace` is what the page
    asks of those who poll it.
    """

    markets: tuple[MarketRecord, ...] = ()
    quotes: tuple[QuoteRecord, ...] = ()
    candles: tuple[CandleRecord, ...] = ()
    trades: tuple[TradeRecord, ...] = ()
    items: tuple[ItemRecord, ...] = ()
    standings: tuple[StandingRecord, ...] = ()
    read_outcomes: tuple[tuple[str, str, str], ...] = ()
    followed: tuple[tuple[str, str, str], ...] = ()
    rejects: tuple[Reject, ...] = ()
    cursor: dict[str, object] = field(default_factory=dict)
    pace: Pace | None = None
