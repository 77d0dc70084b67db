"""A poll stores what it read, then remembers where it was; failures wait longer each time."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from monitor.errors import ParseError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.jobs.poll import FETCH_DEADLINES, poll_source
from monitor.sources.base import Cursor, Fetcher, Page
from storage import coverage, source_repo
from storage.models import Coverage, Item, ItemRevision, Market, Quote, SourceState, Trade
from storage.records import Batch, CandleRecord, Origin, TradeRecord
from tests.builders import NOON
from tests.desk import Desk, StubSource, joined, news, prices

MINUTE = timedelta(minutes=1)


class Middle(random.Random):
    """Jitter of exactly nothing."""

    def random(self) -> float:
        return 0.5


def state(desk: Desk, name: str = "stub") -> SourceState:
    with desk.store.read() as session:
        return source_repo.load(session, name)


async def remember(http: SourceSession) -> None:
    http.validators["https://stub.example/0"] = {"etag": "new"}


async def test_requests_are_counted_over_polls_good_and_bad(desk: Desk) -> None:
    async def ask_three_times(http: SourceSession) -> None:
        http.requests += 3

    desk.stub.before = ask_three_times
    await desk.poll(news("Zetacorp launches glasses"))
    await desk.poll(error=TransientSourceError("HTTP 503"))

    (stored,) = desk.rows(SourceState)
    assert (stored.polls, stored.requests) == (2, 6)


async def test_validators_are_saved_with_the_rows(desk: Desk) -> None:
    desk.stub.before = remember

    report = await desk.poll(news())

    assert report.rows["items"] == 1
    assert state(desk).validators == {"https://stub.example/0": {"etag": "new"}}


async def test_a_page_that_fails_to_parse_is_fetched_in_full_again(desk: Desk) -> None:
    desk.stub.before = remember

    report = await desk.poll(ParseError("no feed"), news())

    assert report.error is None
    assert report.rejects == {"no feed": 1}
    assert state(desk).validators == {}


async def test_validators_of_a_failed_poll_are_not_saved(desk: Desk) -> None:
    desk.stub.before = remember

    await desk.poll(error=TransientSourceError("HTTP 503"))

    assert not state(desk).validators


async def test_one_failing_page_costs_that_page(desk: Desk) -> None:
    report = await desk.poll(news("a"), ParseError("cut off"), news("b"))

    assert report.error is None
    assert [item.guid for item in desk.rows(Item)] == ["a", "b"]
    assert state(desk).rejects == {"cut off": 1}


async def test_a_bug_in_a_source_costs_that_page_and_is_counted(desk: Desk) -> None:
    report = await desk.poll(RecursionError("too deep"), news("b"))

    assert [item.guid for item in desk.rows(Item)] == ["b"]
    assert report.rejects == {"the source broke with RecursionError: too deep": 1}


async def test_a_poll_without_one_good_page_is_a_failure(desk: Desk) -> None:
    report = await desk.poll(ParseError("no feed"))

    assert report.error == "no feed"
    assert state(desk).failures == 1
    assert state(desk).first_ok_at is None


async def test_candles_and_trades_of_a_poll_are_kept_once(desk: Desk) -> None:
    key = ("polymarket", "zetacorp", "zetacorp-yes")
    trade = TradeRecord(*key, NOON, "x", Decimal("0.4"), Decimal(10))
    candle = CandleRecord(*key, NOON, 60, None, None, None, Decimal("0.4"))
    page = replace(prices(NOON, {"Zetacorp": "0.4"}), trades=(trade, trade), candles=(candle,))

    first, again = await desk.poll(page), await desk.poll(page)

    assert (first.rows["trades"], first.rows["candles"]) == (1, 1)
    assert (again.rows["trades"], again.rows["candles"]) == (0, 0)
    assert [row.backfilled for row in desk.rows(Trade)] == [False]


async def test_trades_of_a_market_that_is_not_stored_are_counted(desk: Desk) -> None:
    trade = TradeRecord("polymarket", "1", "t", NOON, "x", Decimal("0.4"), Decimal(10))

    report = await desk.poll(Batch(trades=(trade, trade)))

    assert report.rejects == {"a price of a market that is not stored": 2}
    assert state(desk).rejects == {"a price of a market that is not stored": 2}


async def test_a_source_that_breaks_backs_off_like_one_that_is_down(desk: Desk) -> None:
    report = await desk.poll(error=KeyError("surprise"))

    assert report.error == "the source broke with KeyError: 'surprise'"
    assert state(desk).failures == 1


async def test_a_poll_that_hangs_is_a_failure_with_a_backoff(desk: Desk) -> None:
    class Hanging(StubSource):
        async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
            await asyncio.Event().wait()
            raise AssertionError

    desk.app.http.deadline = timedelta(milliseconds=4)

    report = await poll_source(desk.app, Hanging(), rng=Middle())

    limit_s = 0.004 * FETCH_DEADLINES
    assert report.error == f"the poll was not finished within {limit_s:g} s"
    assert report.pause == MINUTE


async def test_the_same_poll_again_adds_no_row(desk: Desk) -> None:
    page = joined(prices(NOON, {"Zetacorp": "0.40", "Omegacorp": "0.30"}), news())
    await desk.poll(page, news())
    desk.after(1)

    again = await desk.poll(page, news())

    assert (again.rows["items"], again.rows["quotes"]) == (0, 0)
    assert len(desk.rows(Item)) == 1
    assert len(desk.rows(Market)) == 2
    assert len(desk.rows(Quote)) == 2
    assert not again.brought_news


async def test_the_first_successful_poll_is_a_backlog(desk: Desk) -> None:
    await desk.poll(news("old"))
    await desk.poll(news("new"))

    assert {item.guid: item.origin for item in desk.rows(Item)} == {
        "old": Origin.FIRST_POLL,
        "new": Origin.LIVE,
    }


async def test_an_empty_first_poll_counts_and_a_failed_one_does_not(desk: Desk) -> None:
    await desk.poll(error=TransientSourceError("down"))
    await desk.poll()
    await desk.poll(news("new"))

    assert desk.rows(Item)[0].origin == Origin.LIVE


async def test_the_cursor_of_the_pages_comes_back_at_the_next_poll(desk: Desk) -> None:
    await desk.poll(Batch(cursor={"after": "7"}), Batch(cursor={"seen": 1}))
    await desk.poll()

    assert desk.stub.cursors == [{}, {"after": "7", "seen": 1}]


async def test_a_price_of_an_unknown_market_is_counted(desk: Desk) -> None:
    stray = Batch(quotes=prices(NOON, {"Zetacorp": "0.40"}).quotes)

    report = await desk.poll(stray)

    assert report.rows["quotes"] == 0
    assert report.rejects == {"a price of a market that is not stored": 1}


async def test_a_changed_wording_becomes_a_revision(desk: Desk) -> None:
    await desk.poll(news("a", "Zetacorp launches glasses"))
    desk.after(1)

    await desk.poll(news("a", "Zetacorp launches cheaper glasses"))

    assert [item.title for item in desk.rows(Item)] == ["Zetacorp launches glasses"]
    assert [row.title for row in desk.rows(ItemRevision)] == ["Zetacorp launches cheaper glasses"]


async def test_reads_extend_the_coverage_and_a_failure_names_the_gap(desk: Desk) -> None:
    await desk.poll(prices(NOON, {"Zetacorp": "0.40"}))
    await desk.poll(prices(desk.after(4), {"Zetacorp": "0.40"}))
    desk.after(1)
    await desk.poll(error=TransientSourceError("HTTP 502"))
    await desk.poll(prices(desk.after(20), {"Zetacorp": "0.40"}))

    spans = desk.rows(Coverage, subject=coverage.outcome_subject(desk.outcome("zetacorp")))
    assert [(span.from_at, span.to_at, span.gap_reason) for span in spans] == [
        (NOON, NOON + 4 * MINUTE, "HTTP 502"),
        (NOON + 25 * MINUTE, NOON + 25 * MINUTE, None),
    ]


async def test_prices_read_every_hour_are_confirmed_by_each_read_alone(desk: Desk) -> None:
    desk.stub.every = timedelta(hours=1)
    for _ in range(3):
        await desk.poll(prices(desk.clock.now(), {"Zetacorp": "0.4"}))
        desk.after(60)

    spans = desk.rows(Coverage, subject=coverage.outcome_subject(desk.outcome("zetacorp")))

    assert [span.to_at - span.from_at for span in spans] == [timedelta(0)] * 3


async def test_an_empty_book_counts_as_read(desk: Desk) -> None:
    await desk.poll(prices(NOON, {"Zetacorp": "0.40"}))

    await desk.poll(prices(desk.after(3), {"Zetacorp": None}))

    span = desk.rows(Coverage, subject=coverage.outcome_subject(desk.outcome("zetacorp")))[0]
    assert span.to_at == NOON + 3 * MINUTE


async def test_a_failure_says_when_it_is_tried_again(desk: Desk) -> None:
    report = await desk.poll(error=TransientSourceError("down", retry_after_s=600))

    assert report.next_due == NOON + 10 * MINUTE
    assert (state(desk).next_due, state(desk).last_error) == (NOON + 10 * MINUTE, "down")
    assert report.pause == 10 * MINUTE
