"""A newsroom for tests: a store on disk, a clock turned by hand, sources that play batches."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import httpx
from sqlmodel import Session, SQLModel, select

from monitor.app import App
from monitor.clock import Clock, ManualClock
from monitor.config import Config, parse_config
from monitor.http_client import HttpClient
from monitor.jobs.poll import PollReport, poll_source
from monitor.jobs.process import Processed, process
from monitor.sources.base import Cursor, Fetcher, Page
from monitor.topics import Topics, open_topics
from storage import Store, market_repo, open_store
from storage.records import (
    Batch,
    ItemRecord,
    MarketRecord,
    OutcomeRecord,
    PriceBasis,
    QuoteRecord,
)
from tests.builders import NOON, an_item

T = TypeVar("T")
Row = TypeVar("Row", bound=SQLModel)
PATIENCE_S = 10.0
RACE = "polymarket/event:zeta-race"
OTHERS = "polymarket/event:other-race"
CONFIG = """
entities:
  - {id: zetacorp, kind: company, country: US, aliases: [Zetacorp]}
  - {id: omegacorp, kind: company, country: US, aliases: [Omegacorp]}
  - {id: sigmacorp, kind: company, country: US, aliases: [Sigmacorp]}
themes:
  - name: glasses
    entities: [zetacorp, omegacorp]
    markets: [{venue: polymarket, event: zeta-race}]
  - name: wearables
    entities: [zetacorp, sigmacorp]
    markets: [{venue: polymarket, event: other-race}]
    related_markets: [{theme: glasses}]
  - {name: models, entities: [qwen, deepseek]}
alerts:
  channels: [{name: console, kind: console}]
  rules:
    - {name: news, on: signal, channels: [console]}
    - {name: jump, on: move, min_pp: 5, channels: [console]}
    - {name: board, on: standing, channels: [console]}
"""


@dataclass
class StubSource:
    """A source that plays `answers`, one a poll: batches (a page each), or an error to raise."""

    name: str = "stub"
    every: timedelta = timedelta(minutes=1)
    kind: str = "polymarket"
    answers: list[Sequence[Batch | Exception] | Exception] = field(default_factory=list)
    before: Callable[[Any], Awaitable[None]] | None = None
    cursors: list[Cursor] = field(default_factory=list)
    _parsed: dict[str, Batch | Exception] = field(default_factory=dict)

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        self.cursors.append(cursor)
        if self.before is not None:
            await self.before(http)
        answer = self.answers.pop(0) if self.answers else ()
        if isinstance(answer, Exception):
            raise answer
        pages = [
            Page("stub", f"https://stub.example/{n}", b"", http.now) for n in range(len(answer))
        ]
        self._parsed = {page.url: what for page, what in zip(pages, answer, strict=True)}
        return pages

    def parse(self, page: Page) -> Batch:
        found = self._parsed[page.url]
        if isinstance(found, Exception):
            raise found
        return found


@dataclass
class Desk:
    """The App of CONFIG and what tests do with it."""

    app: App
    clock: ManualClock
    stub: StubSource = field(default_factory=StubSource)

    @property
    def store(self) -> Store:
        return self.app.store

    async def poll(
        self, *batches: Batch | Exception, error: Exception | None = None, source: Any = None
    ) -> PollReport:
        """Poll one page for each batch, or `error` instead."""
        stub = source or self.stub
        stub.answers.append(error if error is not None else batches)
        return await poll_source(self.app, stub, rng=random.Random(7))

    async def start(self, *names: str) -> None:
        """Let sources have their first successful poll, an empty one."""
        for name in names or (self.stub.name,):
            await self.poll(source=StubSource(name))

    def process(self, **options: Any) -> Processed:
        with self.store.begin() as session:
            return process(
                session,
                self.app.topics,
                self.app.rules,
                now=self.clock.now(),
                **{"section": self.app.config.alerts, **options},
            )

    def after(self, minutes: float) -> datetime:
        """Turn the clock on and return the instant."""
        self.clock.advance(timedelta(minutes=minutes))
        return self.clock.now()

    def rows(self, model: type[Row], **equal: Any) -> list[Row]:
        """Return the rows of a table in the order they were written; versions included."""
        with self.store.read() as session:
            query = select(model).filter_by(**equal)
            order = getattr(model, "id", None)
            return list(session.exec(query if order is None else query.order_by(order)))

    def current(self, model: type[Row], **equal: Any) -> list[Row]:
        return self.rows(model, known_to=None, **equal)

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.store.begin() as session:
            yield session

    def outcome(self, venue_id: str) -> int:
        with self.store.read() as session:
            return next(
                leg.outcome_id for leg in market_repo.legs(session) if leg.venue_id == venue_id
            )


class SteppedClock:
    """The machine's clock, whose wall time tests may step; monotonic time goes on."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def monotonic(self) -> float:
        return time.monotonic()


async def until(condition: Callable[[], bool]) -> None:
    """Return as soon as `condition` holds; fail when it does not in PATIENCE_S seconds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.002)


@asynccontextmanager
async def open_desk(
    folder: Path, text: str = CONFIG, *, clock: Clock | None = None, sources: Sequence[Any] = ()
) -> AsyncIterator[Desk]:
    """Yield a desk whose database is in `folder`; again over the same folder is a restart."""
    config, topics = _checked(text)
    turned = clock or ManualClock(NOON)
    async with HttpClient(
        turned,
        contact="desk@example.org",
        deadline=timedelta(seconds=20),
        max_bytes=1 << 20,
        transport=httpx.MockTransport(lambda request: httpx.Response(503)),
    ) as http:
        database = folder / "desk.db"
        if not database.exists():
            database.write_bytes(_empty_database())
        app = App(
            config=config,
            clock=turned,
            store=open_store(f"sqlite:///{database}"),
            http=http,
            topics=topics,
            sources=tuple(sources),
            rules=config.alerts.rules,
            channels={},
        )
        try:
            yield Desk(app, turned)  # type: ignore[arg-type]
        finally:
            app.close()


@cache
def _checked(text: str) -> tuple[Config, Topics]:
    # Reading the catalog takes longer than most tests.
    config = parse_config(text, name="config.yaml", folder=Path())
    return config, open_topics(config)


@cache
def _empty_database() -> bytes:
    # Migrating anew for each test would take half of its time.
    with TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        open_store(f"sqlite:///{file}").close()
        return file.read_bytes()


def news(guid: str = "n1", title: str = "Zetacorp launches Zeta glasses", **given: Any) -> Batch:
    """Return a page with one item of the theme `glasses`, published at NOON."""
    return Batch(items=(a_story(guid, title, **given),))


def a_story(
    guid: str = "n1", title: str = "Zetacorp launches Zeta glasses", **given: Any
) -> ItemRecord:
    return an_item(guid, title=title, **given)


def a_leg(label: str, *, series: str = "zeta-race", **given: Any) -> MarketRecord:
    """Return the leg of a race between companies; its id is the label in lower case."""
    return MarketRecord(
        venue="polymarket",
        venue_id=label.lower(),
        question=f"Will {label} win the race?",
        outcomes=(OutcomeRecord(f"{label.lower()}-yes", "Yes", 0),),
        series=series,
        label=label,
        **given,
    )


def prices(
    at: datetime,
    mids: dict[str, str | None],
    *,
    key: str = RACE,
    series: str = "zeta-race",
    half: str = "0.005",
    **given: Any,
) -> Batch:
    """Return a page with a leg for each label and its book around the mid; None is read, empty."""
    legs = [a_leg(label, series=series, **given) for label in mids]
    keys = tuple((leg.venue, leg.venue_id, f"{leg.venue_id}-yes") for leg in legs)
    return Batch(
        markets=tuple(legs),
        quotes=tuple(
            _book(label, at, Decimal(mid), Decimal(half))
            for label, mid in mids.items()
            if mid is not None
        ),
        read_outcomes=keys,
        followed=tuple((venue, venue_id, key) for venue, venue_id, _ in keys),
    )


def joined(*batches: Batch) -> Batch:
    """Return one page with the markets and prices of several."""
    return replace(
        batches[0],
        markets=tuple(m for b in batches for m in b.markets),
        quotes=tuple(q for b in batches for q in b.quotes),
        read_outcomes=tuple(o for b in batches for o in b.read_outcomes),
        followed=tuple(f for b in batches for f in b.followed),
    )


def _book(label: str, at: datetime, mid: Decimal, half: Decimal) -> QuoteRecord:
    return QuoteRecord(
        venue="polymarket",
        venue_id=label.lower(),
        venue_outcome_id=f"{label.lower()}-yes",
        at=at,
        observed_at=at,
        basis=PriceBasis.BOOK,
        bid=mid - half,
        ask=mid + half,
    )
