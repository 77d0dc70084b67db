from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sqlmodel import delete

from monitor.errors import PermanentSourceError, TransientSourceError
from monitor.jobs.backfill import BackfillReport, backfill_source, follow_up
from monitor.sources.base import Chunk, Cursor, Fetcher, Page, Target, grid
from storage import coverage
from storage.models import (
    Alert,
    BackfillChunk,
    Candle,
    Coverage,
    Item,
    Quote,
    Signal,
    SourceState,
    Trade,
)
from storage.records import Batch, CandleRecord, PriceBasis, QuoteRecord, TradeRecord
from tests.builders import NOON, TOKEN, a_market, a_quote, an_item, at
from tests.desk import RACE, Desk

HOUR = timedelta(hours=1)
STEP = timedelta(hours=6)


@dataclass
class PastSource:
    """A venue whose past is made of `batches` by chunk key; an error is raised instead."""

    name: str = "poly"
    kind: str = "polymarket"
    batches: dict[str, Batch | Exception] = field(default_factory=dict)
    default: Batch | Exception = field(default_factory=Batch)
    asked: list[str] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    is_complete: bool = False
    aims: bool = True

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        return []

    async def chunks(
        self, http: Fetcher, targets: Sequence[Target], *, since: datetime, until: datetime
    ) -> list[Chunk]:
        self.targets = list(targets)
        return [
            Chunk(f"prices/{low:%dT%H}", low, high, targets[0], is_complete=self.is_complete)
            if self.aims
            else Chunk(f"items/{low:%dT%H}", low, high)
            for low, high in grid(since, until, STEP)
        ]

    async def fetch_chunk(self, http: Fetcher, chunk: Chunk) -> list[Page]:
        self.asked.append(chunk.key)
        answer = self.batches.get(chunk.key, self.default)
        if isinstance(answer, Exception):
            raise answer
        return [Page("past", chunk.key, b"", http.now)]

    def parse(self, page: Page) -> Batch:
        answer = self.batches.get(page.url, self.default)
        assert isinstance(answer, Batch)
        return answer


def quiet(source: str, done: int, total: int) -> None:
    """Show no bar."""


def a_past_quote(minutes: float, value: str = "0.30") -> QuoteRecord:
    return QuoteRecord(
        venue="polymarket",
        venue_id="516960",
        venue_outcome_id=TOKEN,
        at=at(minutes),
        observed_at=NOON,
        basis=PriceBasis.VENUE_HISTORY,
        value=Decimal(value),
    )


async def read_past(desk: Desk, source: PastSource, *, hours: float = 24) -> BackfillReport:
    since = NOON - timedelta(hours=hours)
    return await backfill_source(desk.app, source, since=since, progress=quiet)


async def follow(desk: Desk) -> int:
    """Let the desk follow one market and return its outcome id."""
    await desk.poll(Batch(markets=(a_market(),), followed=(("polymarket", "516960", RACE),)))
    return desk.outcome("516960")


async def test_the_past_of_a_followed_market_is_stored_with_its_coverage(desk: Desk) -> None:
    outcome = await follow(desk)
    prices = [
        a_past_quote(minutes, f"0.3{n}") for n, minutes in enumerate((-350, -300, -250, -100))
    ]
    source = PastSource(batches={"prices/02T06": Batch(quotes=tuple(prices))})

    report = await read_past(desk, source)

    assert (report.error, report.chunks, report.rows["quotes"]) == (None, 4, 4)
    assert [row.at for row in desk.rows(Quote)] == [int(q.at.timestamp() * 1000) for q in prices]
    with desk.session() as session:
        spans = coverage.spans(session, coverage.outcome_subject(outcome))
    assert [(span.from_at, span.to_at) for span in spans] == [
        (at(-350), at(-250)),
        (at(-100), at(-100)),
    ]


async def test_chunks_that_are_done_are_never_asked_again(desk: Desk) -> None:
    await follow(desk)
    source = PastSource()

    await read_past(desk, source)
    first, source.asked = source.asked, []
    again = await read_past(desk, source)

    assert first == ["prices/02T06", "prices/02T00", "prices/01T18", "prices/01T12"]
    assert source.asked == ["prices/02T06"]  # it ends now, so it is not settled
    assert again.known == 3


async def test_a_second_reading_adds_no_row(desk: Desk) -> None:
    await follow(desk)
    source = PastSource(batches={"prices/02T06": Batch(quotes=(a_past_quote(-60),))})
    await read_past(desk, source)
    with desk.session() as session:
        session.execute(delete(BackfillChunk))

    again = await read_past(desk, source)

    assert again.rows.total() == 0
    assert len(desk.rows(Quote)) == 1


async def test_our_own_reading_stands_where_we_watched(desk: Desk) -> None:
    await follow(desk)
    for minutes in (0, 1, 2):
        desk.clock.set(at(minutes))
        quote = a_quote(at(minutes))
        await desk.poll(Batch(quotes=(quote,), read_outcomes=(("polymarket", "516960", TOKEN),)))
    desk.clock.set(at(60))
    past = Batch(quotes=tuple(a_past_quote(n, f"0.3{n + 1}") for n in (-1, 1, 3)))

    report = await read_past(desk, PastSource(batches={"prices/02T12": past}))

    assert report.rows["quotes"] == 2


async def test_prices_that_repeat_are_kept_as_signs_of_life_only(desk: Desk) -> None:
    outcome = await follow(desk)
    prices = [a_past_quote(minutes) for minutes in range(-60, 0)]

    report = await read_past(
        desk, PastSource(batches={"prices/02T06": Batch(quotes=tuple(prices))})
    )

    assert report.rows["quotes"] == 4
    with desk.session() as session:
        (span,) = coverage.spans(session, coverage.outcome_subject(outcome))
    assert (span.from_at, span.to_at) == (at(-60), at(-1))


async def test_a_complete_answer_covers_its_whole_stretch(desk: Desk) -> None:
    outcome = await follow(desk)
    source = PastSource(batches={}, is_complete=True)

    await read_past(desk, source, hours=12)

    with desk.session() as session:
        spans = coverage.spans(session, coverage.outcome_subject(outcome))
    assert [(span.from_at, span.to_at) for span in spans] == [
        (at(-720), at(-360)),
        (at(-360), NOON),
    ]
    assert all(span.confirms for span in spans), "without a change the price stood"


async def test_candles_and_trades_are_kept_and_flagged(desk: Desk) -> None:
    await follow(desk)
    names = ("polymarket", "516960", TOKEN)
    half, tenth = Decimal("0.5"), Decimal("0.1")
    batch = Batch(
        candles=(CandleRecord(*names, at(-60), 60, tenth, half, tenth, half, Decimal("12.5")),),
        trades=(TradeRecord(*names, at(-60), "t1", half, Decimal(3), "buy"),),
    )

    report = await read_past(desk, PastSource(batches={"prices/02T06": batch}))

    assert (report.rows["candles"], report.rows["trades"]) == (1, 1)
    (candle,) = desk.rows(Candle)
    assert (candle.open, candle.high, candle.volume, candle.backfilled) == (
        100_000,
        500_000,
        12_500_000,
        True,
    )
    (trade,) = desk.rows(Trade)
    assert (trade.price, trade.size, trade.backfilled) == (500_000, 3_000_000, True)


async def test_backfilled_items_become_signals_and_never_alerts(desk: Desk) -> None:
    await desk.start("wire")
    item = an_item(title="Zetacorp launches its smart glasses", published_at=at(-60))
    source = PastSource(
        name="wire", kind="rss", aims=False, batches={"items/02T06": Batch(items=(item,))}
    )

    report = await read_past(desk, source)
    await follow_up(desk.app)

    assert report.rows["items"] == 1
    assert [row.origin for row in desk.rows(Item)] == ["backfill"]
    assert {signal.alertable for signal in desk.rows(Signal)} == {False}
    assert desk.rows(Alert) == []
    assert desk.rows(Coverage, subject="source:wire")[0].from_at == NOON - timedelta(hours=24)


async def test_a_chunk_that_fails_is_asked_again_and_the_others_go_on(desk: Desk) -> None:
    await follow(desk)
    gone = PermanentSourceError("HTTP 404", status=404)
    source = PastSource(batches={"prices/02T06": gone})

    report = await read_past(desk, source)
    source.batches.clear()
    source.asked.clear()
    again = await read_past(desk, source)

    assert (report.chunks, report.failed) == (3, 1)
    assert report.error == "prices/02T06: HTTP 404"
    assert source.asked == ["prices/02T06"]
    assert again.error is None


async def test_a_host_that_is_down_is_not_asked_for_every_chunk(desk: Desk) -> None:
    await follow(desk)
    source = PastSource(default=TransientSourceError("HTTP 503"))

    report = await read_past(desk, source, hours=240)

    assert len(source.asked) == 3
    assert report.failed == 40


async def test_a_source_without_a_past_says_so(desk: Desk) -> None:
    report = await backfill_source(desk.app, desk.stub, since=NOON - HOUR, progress=quiet)

    assert report.error == "this kind of source tells nothing of the past"


async def test_prices_of_a_market_that_is_not_stored_are_refused(desk: Desk) -> None:
    await follow(desk)
    stranger = Batch(
        quotes=(
            QuoteRecord("polymarket", "9", "9", at(-60), NOON, PriceBasis.TRADE, value=Decimal(1)),
        )
    )

    report = await read_past(desk, PastSource(batches={"prices/02T06": stranger}))

    assert report.rejects == {"a price of a market that is not stored": 1}


async def test_a_source_whose_circuit_is_open_is_left_alone(desk: Desk) -> None:
    await follow(desk)
    with desk.session() as session:
        session.merge(SourceState(source="poly", failures=5, circuit_until=at(30)))
    source = PastSource()

    report = await read_past(desk, source)

    assert report.error == "its circuit is open until 2026-03-02T12:30:00.000Z"
    assert source.asked == []
