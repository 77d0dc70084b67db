from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor.errors import PermanentSourceError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.sources.base import Chunk, Target
from monitor.sources.kalshi import KalshiSource
from monitor.sources.kalshi.history import MAX_CANDLES

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
EVENT = "KXEXMODEL-26JUN"
ACME = f"{EVENT}-ACME"
TARGET = Target(ACME, f"{ACME}:yes", EVENT)
LIVE = f"/series/KXEXMODEL/markets/{ACME}/candlesticks"
ARCHIVED = f"/historical/markets/{ACME}/candlesticks"
FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "kalshi"
SOURCE = KalshiSource(name="kalshi", api_url="https://venue.example")
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]


def load(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


class Venue:
    """A small Kalshi with two tiers: records what is asked; what it lacks is a 404."""

    def __init__(self, **answers: Any) -> None:
        self.requests: list[httpx.Request] = []
        self.answers: dict[str, Any] = {
            "/historical/cutoff": {
                "market_settled_ts": "2026-03-03T00:00:00Z",
                "trades_created_ts": "2026-03-03T00:00:00Z",
            },
            LIVE: load("candles-live.json"),
            ARCHIVED: load("candles-historical.json"),
            "/markets/trades": load("trades.json"),
            "/historical/trades": load("trades-cents.json"),
            **answers,
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get(request.url.path)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, int):
            return httpx.Response(answer, json={"error": {"code": "x", "message": "bad request"}})
        return httpx.Response(200, json=answer) if answer is not None else httpx.Response(404)

    @property
    def paths(self) -> list[str]:
        return [request.url.path for request in self.requests]


async def chunks_of(
    network: Network, venue: Venue, since: datetime, until: datetime = NOW
) -> list[Chunk]:
    async with network(venue) as http:
        return await SOURCE.chunks(http, [TARGET], since=since, until=until)


def a_chunk(kind: str, since: datetime, until: datetime, *, cutoff: str = "") -> Chunk:
    context = {"kind": kind, "step_s": 3600, "archived_before": cutoff}
    return Chunk(f"{kind}:{since:%Y-%m-%d}", since, until, TARGET, context)


async def test_the_last_month_comes_by_the_minute_and_before_it_by_the_hour(
    network: Network,
) -> None:
    chunks = await chunks_of(network, Venue(), NOW - 60 * DAY)

    steps = {
        name: [c for c in chunks if c.key.startswith(f"candles:{name}:")] for name in ("1m", "1h")
    }
    assert {c.until - c.since for c in steps["1m"]} == {3 * DAY}
    assert {c.context["step_s"] for c in steps["1h"]} == {3600}
    assert min(c.since for c in steps["1m"]) <= NOW - 30 * DAY < min(c.until for c in steps["1m"])
    assert min(c.since for c in steps["1h"]) <= NOW - 60 * DAY
    assert max(c.until for c in steps["1h"]) >= NOW - 30 * DAY


async def test_no_stretch_holds_more_candles_than_one_call_gives(network: Network) -> None:
    chunks = await chunks_of(network, Venue(), NOW - 365 * DAY)

    steps = [(c.until - c.since, c.context.get("step_s")) for c in chunks]
    sizes = [span.total_seconds() / step for span, step in steps if isinstance(step, int)]
    assert max(sizes) == 4320
    assert max(sizes) <= MAX_CANDLES


async def test_keys_do_not_depend_on_the_moment_of_asking(network: Network) -> None:
    first = await chunks_of(network, Venue(), NOW - 5 * DAY)
    later = await chunks_of(network, Venue(), NOW - 5 * DAY, NOW + timedelta(minutes=7))

    assert [c.key for c in first] == [c.key for c in later]
    assert len({c.key for c in first}) == len(first)
    assert [c.since for c in first] == sorted((c.since for c in first), reverse=True)
    assert first[-1].since <= NOW - 5 * DAY


async def test_a_chunk_asks_for_the_candles_that_end_inside_it(network: Network) -> None:
    venue = Venue()
    async with network(venue) as http:
        (page,) = await SOURCE.fetch_chunk(http, a_chunk("candles", NOW - 3 * DAY, NOW))

    start, end = (int((NOW - days * DAY).timestamp()) for days in (3, 0))
    assert dict(venue.requests[0].url.params) == {
        "start_ts": str(start),
        "end_ts": str(end - 1),
        "period_interval": "60",
    }
    batch = SOURCE.parse(page)
    assert {candle.step_s for candle in batch.candles} == {3600}
    assert batch.candles[0].venue_outcome_id == f"{ACME}:yes"


async def test_what_is_still_to_come_is_not_asked_for(network: Network) -> None:
    venue = Venue()
    async with network(venue) as http:
        await SOURCE.fetch_chunk(http, a_chunk("candles", NOW - DAY, NOW + 2 * DAY))

    assert venue.requests[0].url.params["end_ts"] == str(int(NOW.timestamp()) - 1)


@pytest.mark.parametrize("status", [404, 400])
async def test_an_archived_market_is_read_from_history(network: Network, status: int) -> None:
    venue = Venue(**{LIVE: status})
    async with network(venue) as http:
        (page,) = await SOURCE.fetch_chunk(http, a_chunk("candles", NOW - 3 * DAY, NOW))

    assert venue.paths == [LIVE, ARCHIVED]
    assert len(SOURCE.parse(page).candles) == 3


async def test_an_empty_answer_is_looked_up_in_history_only_before_the_cutoff(
    network: Network,
) -> None:
    for cutoff, asked in (("2026-05-31T00:00:00Z", [LIVE, ARCHIVED]), ("", [LIVE])):
        venue = Venue(**{LIVE: {"candlesticks": []}, ARCHIVED: 404})
        async with network(venue) as http:
            (page,) = await SOURCE.fetch_chunk(
                http, a_chunk("candles", NOW - 3 * DAY, NOW, cutoff=cutoff)
            )

        assert venue.paths == asked
        assert SOURCE.parse(page).candles == ()


async def test_a_market_in_neither_tier_fails_with_the_live_answer(network: Network) -> None:
    async with network(Venue(**{LIVE: 404, ARCHIVED: 404})) as http:
        with pytest.raises(PermanentSourceError, match="/series/KXEXMODEL"):
            await SOURCE.fetch_chunk(http, a_chunk("candles", NOW - 3 * DAY, NOW))


@pytest.mark.parametrize(
    ("cutoff", "asked"),
    [
        ("", ["/markets/trades"]),
        ("2026-05-20T00:00:00Z", ["/markets/trades"]),
        ("2026-05-30T00:00:00Z", ["/markets/trades", "/historical/trades"]),
        ("2026-06-01T12:00:00Z", ["/historical/trades"]),
        ("garbled", ["/markets/trades"]),
    ],
)
async def test_trades_are_parted_by_their_age(
    network: Network, cutoff: str, asked: list[str]
) -> None:
    venue = Venue()
    async with network(venue) as http:
        pages = await SOURCE.fetch_chunk(http, a_chunk("trades", NOW - 7 * DAY, NOW, cutoff=cutoff))

    assert venue.paths == asked
    assert {t.trade_id[-1] for page in pages for t in SOURCE.parse(page).trades} == {"1", "2"}


async def test_trades_follow_the_cursor_to_the_empty_one(network: Network) -> None:
    first, second = (
        {"trades": [trade], "cursor": cursor}
        for trade, cursor in zip(load("trades.json")["trades"], ("abc", ""), strict=True)
    )
    venue = Venue(**{"/markets/trades": lambda r: second if "cursor" in r.url.params else first})
    async with network(venue) as http:
        pages = await SOURCE.fetch_chunk(http, a_chunk("trades", NOW - 7 * DAY, NOW))

    asked = [dict(request.url.params) for request in venue.requests]
    assert asked[1] == {**asked[0], "cursor": "abc"}
    assert (asked[0]["ticker"], asked[0]["limit"]) == (ACME, "1000")
    assert sum(len(SOURCE.parse(page).trades) for page in pages) == 2


async def test_trades_whose_cursor_repeats_end_and_say_so(network: Network) -> None:
    venue = Venue(**{"/markets/trades": {**load("trades.json"), "cursor": "same"}})
    async with network(venue) as http:
        pages = await SOURCE.fetch_chunk(http, a_chunk("trades", NOW - 7 * DAY, NOW))

    assert len(venue.requests) == 2
    assert [r.reason for r in SOURCE.parse(pages[-1]).rejects] == [
        "trades:2026-05-25: the cursor repeats"
    ]


async def test_trades_without_an_end_are_cut_and_said(network: Network) -> None:
    def endless(request: httpx.Request) -> object:
        return {"trades": [], "cursor": request.url.params.get("cursor", "") + "x"}

    venue = Venue(**{"/markets/trades": endless})
    async with network(venue) as http:
        pages = await SOURCE.fetch_chunk(http, a_chunk("trades", NOW - 7 * DAY, NOW))

    assert len(venue.requests) == 100
    assert "more than 100000 trades" in SOURCE.parse(pages[-1]).rejects[0].reason


async def test_a_venue_without_history_is_asked_live_alone(network: Network) -> None:
    chunks = await chunks_of(network, Venue(**{"/historical/cutoff": 404}), NOW - DAY)

    assert {c.context["archived_before"] for c in chunks} == {""}


@pytest.mark.parametrize("answer", [503, {"error": "too bad"}, ["x"]])
async def test_a_cutoff_that_cannot_be_read_ends_the_planning(
    network: Network, answer: object
) -> None:
    with pytest.raises(TransientSourceError):
        await chunks_of(network, Venue(**{"/historical/cutoff": answer}), NOW - DAY)


async def test_the_cutoffs_are_handed_to_the_chunks(network: Network) -> None:
    chunks = await chunks_of(network, Venue(), NOW - DAY)

    assert {c.context["archived_before"] for c in chunks} == {"2026-03-03T00:00:00Z"}
