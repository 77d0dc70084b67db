"""Rebuilding a leg's past from its bets, page by page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from monitor.errors import ParseError
from monitor.http_session import SourceSession
from monitor.sources.base import Backfilling, Chunk, Target
from monitor.sources.manifold import ManifoldSource

SINCE, UNTIL = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
START_MS = 1777593600000
BINARY = Target("Bin0ryMkt1", "YES", "Bin0ryMkt1")
ANSWER = Target("MultiMkt01", "AnsAcme001", "MultiMkt01")
SOURCE = ManifoldSource(name="manifold")
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]


def a_chunk(target: Target | None = BINARY) -> Chunk:
    return Chunk("bets/x", SINCE, UNTIL, target)


class Bets:
    """The bets endpoint over rows of (id, ms): both ends exclusive, no more than 1000 a page."""

    def __init__(self, rows: list[tuple[str, int]]) -> None:
        self.rows = rows
        self.asked: list[httpx.QueryParams] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = request.url.params
        self.asked.append(query)
        low, high = int(query["afterTime"]), int(query["beforeTime"])
        found = [row for row in self.rows if low < row[1] < high][: int(query["limit"])]
        return httpx.Response(200, json=[self.bet(query, *row) for row in found])

    def bet(self, query: httpx.QueryParams, name: str, made: int) -> dict[str, Any]:
        share = (made - START_MS) % 100 / 100
        return {
            "id": name,
            "contractId": query["contractId"],
            "answerId": query.get("answerId"),
            "createdTime": made,
            "amount": 1,
            "shares": 2,
            "outcome": "YES",
            "probBefore": 0.995,
            "probAfter": share,
            "isRedemption": False,
        }


def test_the_source_can_tell_its_past() -> None:
    assert isinstance(SOURCE, Backfilling)


async def test_chunks_lie_on_a_fixed_grid_and_are_named_for_ever(network: Network) -> None:
    async with network(Bets([])) as http:
        early = await SOURCE.chunks(http, [BINARY, ANSWER], since=SINCE, until=UNTIL)
        later = await SOURCE.chunks(http, [BINARY, ANSWER], since=SINCE, until=UNTIL.replace(day=2))

    assert {chunk.key for chunk in early} <= {chunk.key for chunk in later}
    assert len({chunk.key for chunk in early}) == len(early)
    assert early[0].since >= early[-1].until
    assert early[-1].since <= SINCE
    assert early[0].until >= UNTIL
    assert all(chunk.is_complete and chunk.target for chunk in early)


async def test_a_chunk_asks_for_its_own_leg_with_both_ends_outside(network: Network) -> None:
    venue = Bets([("first", START_MS)])
    async with network(venue) as http:
        pages = await SOURCE.fetch_chunk(http, a_chunk())
        await SOURCE.fetch_chunk(http, a_chunk(ANSWER))

    binary, answer = venue.asked
    assert dict(binary) == {
        "contractId": "Bin0ryMkt1",
        "afterTime": str(START_MS - 1),
        "beforeTime": "1780272000000",
        "limit": "1000",
        "order": "asc",
    }
    assert answer["answerId"] == "AnsAcme001"
    assert answer["includeZeroShareRedemptions"] == "true"
    assert len(SOURCE.parse(pages[0]).trades) == 1


async def test_no_bet_is_lost_between_pages_that_part_one_millisecond(network: Network) -> None:
    rows = [(f"b{number}", START_MS + number // 3) for number in range(2500)]
    venue = Bets(rows)
    async with network(venue) as http:
        pages = await SOURCE.fetch_chunk(http, a_chunk())

    trades = [trade.trade_id for page in pages for trade in SOURCE.parse(page).trades]
    assert len(venue.asked) == 3
    assert set(trades) == {name for name, _ in rows}


async def test_a_whole_page_of_one_millisecond_does_not_stop_the_reading(network: Network) -> None:
    rows = [(f"b{number}", START_MS) for number in range(1000)] + [("last", START_MS + 5)]
    venue = Bets(rows)
    async with network(venue) as http:
        pages = await SOURCE.fetch_chunk(http, a_chunk())

    assert [len(SOURCE.parse(page).trades) for page in pages] == [1000, 1]


async def test_nothing_traded_is_one_empty_page(network: Network) -> None:
    async with network(Bets([])) as http:
        (page,) = await SOURCE.fetch_chunk(http, a_chunk())

    batch = SOURCE.parse(page)
    assert (batch.quotes, batch.trades, batch.rejects) == ((), (), ())


@pytest.mark.parametrize("body", [{"message": "Error validating request."}, {}, 7])
async def test_a_chunk_is_complete_or_not_there_at_all(network: Network, body: object) -> None:
    async with network(lambda _: httpx.Response(200, json=body)) as http:
        with pytest.raises(ParseError):
            await SOURCE.fetch_chunk(http, a_chunk())


async def test_a_chunk_needs_its_leg(network: Network) -> None:
    async with network(Bets([])) as http:
        with pytest.raises(ParseError, match="needs its leg"):
            await SOURCE.fetch_chunk(http, a_chunk(None))
