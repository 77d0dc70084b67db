"""What the fake upstream plays: events, prices, feeds and boards, each with its own time.

Nothing here knows HTTP. Every value carries the instant from which the public could see it, and
every question is asked "as of" an instant, so the future stays hidden. All instants aware UTC.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter

ARENA_DATASET = "lmarena-ai/leaderboard-dataset"
POLYMARKET = "polymarket"


@dataclass(frozen=True, slots=True)
class Price:
    """The first outcome's book from `at` on, as probabilities.

    Bid or ask: a book exists. Only `last`: no book, a last trade. Nothing: no price at all.
    Volumes in USD.
    """

    at: datetime
    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    volume_24h: Decimal | None = None
    volume: Decimal | None = None

    @property
    def has_book(self) -> bool:
        """Return whether either side is quoted."""
        return self.bid is not None or self.ask is not None

    @property
    def mid(self) -> Decimal | None:
        """Return the middle of a two-sided book, else None."""
        return None if self.bid is None or self.ask is None else (self.bid + self.ask) / 2


@dataclass(frozen=True, slots=True)
class Leg:
    """One binary market of an event. `winner` is the index of the outcome that was paid.

    At Kalshi `id` is the market's ticker, at Manifold the answer's id; neither has a condition.
    `oracle` holds UMA's words on the way to a result and since when; where `gamma_silent`, Gamma
    never tells of the result, only the CLOB and the Data API do.
    """

    id: str
    condition_id: str
    token_ids: tuple[str, str]
    question: str
    label: str
    rules: str
    ends: datetime
    slug: str
    outcomes: tuple[str, str] = ("Yes", "No")
    tick: Decimal = Decimal("0.001")
    placeholder: bool = False
    closed_at: datetime | None = None
    resolved_at: datetime | None = None
    winner: int | None = None
    oracle: tuple[tuple[datetime, str], ...] = ()
    gamma_silent: bool = False

    def oracle_words(self, now: datetime) -> list[str]:
        """Return what the oracle has said up to `now`, oldest first, without the result."""
        return [word for at, word in self.oracle if at <= now]

    def closed(self, now: datetime) -> bool:
        """Return whether trading has ended at `now`."""
        return self.closed_at is not None and self.closed_at <= now

    def resolved(self, now: datetime) -> bool:
        """Return whether the result is final at `now`."""
        return self.resolved_at is not None and self.resolved_at <= now


@dataclass(frozen=True, slots=True)
class Event:
    """A venue's series of legs, listed from `created_at` on.

    `id` is Gamma's number, Kalshi's event ticker or Manifold's contract id.
    """

    id: str
    slug: str
    title: str
    created_at: datetime
    ends: datetime
    legs: tuple[Leg, ...]
    neg_risk: bool = False
    tags: tuple[str, ...] = ()
    venue: str = POLYMARKET

    def closed(self, now: datetime) -> bool:
        """Return whether every leg has closed at `now`."""
        return all(leg.closed(now) for leg in self.legs)


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One entry of a feed. `published` is a date when the source states no time.

    The same guid with a later `visible_at` is an edit: it replaces the entry from then on.
    """

    guid: str
    title: str
    published: datetime | date
    visible_at: datetime
    url: str | None = None
    summary: str | None = None
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed at `/feed/{name}`; `format` is rss, atom, rdf or json.

    `utc_offset_h` is the zone an RSS feed writes, `shows` how many entries it holds at most.
    """

    name: str
    title: str
    format: str = "rss"
    lang: str = "en"
    link: str = "https://feeds.example/"
    utc_offset_h: int = 0
    items: tuple[FeedItem, ...] = ()
    shows: int | None = None

    def visible(self, now: datetime) -> list[FeedItem]:
        """Return what the feed shows at `now`, newest first, one entry a guid."""
        shown: dict[str, FeedItem] = {}
        for item in sorted(self.items, key=attrgetter("visible_at")):
            if item.visible_at <= now:
                shown[item.guid] = item
        latest_first = reversed(shown.values())  # of equal instants, too
        return sorted(latest_first, key=attrgetter("visible_at"), reverse=True)[: self.shows]


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One model on one leaderboard publication; scores are absolute, bounds included."""

    config: str
    publish_date: date
    visible_at: datetime
    model: str
    rating: Decimal
    rank: int
    organization: str | None = None
    lower: Decimal | None = None
    upper: Decimal | None = None
    votes: int | None = None
    category: str = "overall"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything the fake upstream knows.

    `prices`: token id of a leg's first outcome → its prices in time order.
    `boards`: dataset config → rows; a config with no rows answers with an empty page.
    """

    title: str
    start: datetime
    end: datetime
    notes: str = ""
    licence: str = ""
    dataset: str = ARENA_DATASET
    events: tuple[Event, ...] = ()
    prices: Mapping[str, tuple[Price, ...]] = field(default_factory=dict)
    feeds: tuple[Feed, ...] = ()
    boards: Mapping[str, tuple[BoardRow, ...]] = field(default_factory=dict)

    def event(self, slug: str, now: datetime, venue: str = POLYMARKET) -> Event | None:
        """Return the event called `slug` if `venue` lists it at `now`."""
        return next((e for e in self.listed(now, venue) if e.slug == slug), None)

    def listed(self, now: datetime, venue: str = POLYMARKET) -> list[Event]:
        """Return the events of `venue` that exist at `now`, in the order of their ids."""
        listed = (e for e in self.events if e.venue == venue and e.created_at <= now)
        return sorted(listed, key=lambda e: (len(e.id), e.id))  # of digits: by their number

    def leg(self, token: str, venue: str = POLYMARKET) -> tuple[Event, Leg, int] | None:
        """Return the event, the leg and the outcome index that `token` stands for at `venue`."""
        for event in self.events:
            for leg in event.legs:
                if event.venue == venue and token in leg.token_ids:
                    return event, leg, leg.token_ids.index(token)
        return None

    def price(self, leg: Leg, now: datetime) -> Price | None:
        """Return the leg's price in force at `now`, None before its first."""
        rows = self.prices.get(leg.token_ids[0], ())
        index = bisect_right(rows, now, key=attrgetter("at"))
        return rows[index - 1] if index else None

    def book_since(self, leg: Leg, now: datetime) -> datetime | None:
        """Return since when the leg's book has been what it is at `now`."""
        rows = self.prices.get(leg.token_ids[0], ())
        index = bisect_right(rows, now, key=attrgetter("at")) - 1
        if index < 0:
            return None
        while index and (rows[index - 1].bid, rows[index - 1].ask) == (
            rows[index].bid,
            rows[index].ask,
        ):
            index -= 1
        return rows[index].at

    def feed(self, name: str) -> Feed | None:
        """Return the feed called `name`."""
        return next((feed for feed in self.feeds if feed.name == name), None)

    def instants(self) -> list[datetime]:
        """Return every instant at which some answer changes, ascending, within start and end."""
        moments = {event.created_at for event in self.events}
        for event in self.events:
            for leg in event.legs:
                moments |= {at for at in (leg.closed_at, leg.resolved_at) if at is not None}
                moments |= {at for at, _ in leg.oracle}
        moments |= {price.at for rows in self.prices.values() for price in rows}
        moments |= {item.visible_at for feed in self.feeds for item in feed.items}
        moments |= {row.visible_at for rows in self.boards.values() for row in rows}
        return sorted(at for at in moments if self.start <= at <= self.end)

    def with_price(self, token: str, price: Price) -> Scenario:
        """Return a scenario in which `token` has `price` from `price.at` on."""
        kept = [row for row in self.prices.get(token, ()) if row.at != price.at]
        rows = tuple(sorted([*kept, price], key=attrgetter("at")))
        return replace(self, prices={**self.prices, token: rows})

    def with_event(self, event: Event) -> Scenario:
        """Return a scenario that holds `event`, in the place of one of its slug and venue."""
        others = [e for e in self.events if (e.venue, e.slug) != (event.venue, event.slug)]
        return replace(self, events=(*others, event))

    def with_item(self, feed_name: str, item: FeedItem) -> Scenario:
        """Return a scenario whose feed `feed_name` also holds `item`."""
        feeds = tuple(
            replace(feed, items=(*feed.items, item)) if feed.name == feed_name else feed
            for feed in self.feeds
        )
        return replace(self, feeds=feeds)

    def with_board_rows(self, rows: Iterable[BoardRow]) -> Scenario:
        """Return a scenario whose boards also hold `rows`."""
        boards = dict(self.boards)
        for row in rows:
            boards[row.config] = (*boards.get(row.config, ()), row)
        return replace(self, boards=boards)

    def merged(self, other: Scenario) -> Scenario:
        """Return this scenario with the events, prices, feeds and boards of `other` added."""
        return replace(
            self,
            events=self.events + other.events,
            prices={**self.prices, **other.prices},
            feeds=self.feeds + other.feeds,
            boards={**self.boards, **other.boards},
        )
