"""Polymarket's past: chunks on a grid, v2 in windows and by cursor, v1 where v2 fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import PermanentSourceError, SourceError, TransientSourceError
from monitor.fake_upstream import FakeUpstream, Fault, Scenario
from monitor.fake_upstream.builders import binary_event, price, scenario
from monitor.sources.base import Backfilling, Chunk, Page, Target
from monitor.sources.polymarket import PolymarketSource
from monitor.sources.polymarket.history import width
from storage.records import Batch, PriceBasis
from tests.monitor.sources.polymarket_venue import (
    NOW,
    Network,
    Venue,
    a_source,
    in_scenario,
    load,
    merged,
    parse,
    session_at,
    token,
)

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
T0 = datetime(2026, 5, 1, tzinfo=UTC)
EVENT = binary_event("bet", "A bet?", created_at=T0, ends=T0 + 90 * DAY)
LEG = EVENT.legs[0]
TARGET = Target(LEG.id, LEG.token_ids[0], "bet")
CANNED = Target("101", token(1), "example-model-june")


def past() -> Scenario:
    """One price an hour for ten days: 0.30 and one point more each hour, last trades beside it."""
    prices = [
        (LEG, price(T0 + n * HOUR, f"{0.2 + n / 1000:.3f}", f"{0.22 + n / 1000:.3f}"))
        for n in range(240)
    ]
    return scenario(T0, T0 + 90 * DAY, events=[EVENT], prices=prices)


@pytest.fixture(scope="module")
def running() -> Iterator[FakeUpstream]:
    with FakeUpstream(past(), lambda: T0) as upstream:
        yield upstream


@pytest.fixture
def upstream(running: FakeUpstream) -> FakeUpstream:
    running.faults.clear()
    running.requests.clear()
    return running


async def chunks_at(
    upstream: FakeUpstream, now: datetime, since: datetime, target: Target = TARGET
) -> list[Chunk]:
    async with session_at(upstream, now) as http:
        return await in_scenario(upstream).chunks(http, [target], since=since, until=now)


async def read_at(upstream: FakeUpstream, now: datetime, chunk: Chunk) -> list[Page]:
    async with session_at(upstream, now) as http:
        return await in_scenario(upstream).fetch_chunk(http, chunk)


def of_prices(chunks: list[Chunk]) -> list[Chunk]:
    return [chunk for chunk in chunks if chunk.key.startswith("prices:")]


def of_trades(chunks: list[Chunk]) -> list[Chunk]:
    return [chunk for chunk in chunks if chunk.key.startswith("trades:")]


def batch_of(pages: list[Page]) -> Batch:
    return merged(PolymarketSource(name="polymarket"), pages)


def test_polymarket_can_be_backfilled() -> None:
    assert isinstance(PolymarketSource(name="polymarket"), Backfilling)


async def test_chunks_lie_on_a_grid_within_the_markets_life_newest_first(
    upstream: FakeUpstream,
) -> None:
    early = await chunks_at(upstream, T0 + 12 * DAY, T0 - 400 * DAY)
    later = await chunks_at(upstream, T0 + 12 * DAY + 5 * HOUR, T0 - 3 * DAY)

    prices = of_prices(early)
    assert [chunk.key for chunk in prices] == [chunk.key for chunk in of_prices(later)]
    assert prices[0].until >= T0 + 12 * DAY > prices[0].since
    assert prices[-1].since <= T0 < prices[-1].until
    assert {chunk.until - chunk.since for chunk in prices} == {5 * DAY}
    assert [c.until for c in early] == sorted((c.until for c in early), reverse=True)
    assert [chunk.context["condition"] for chunk in of_trades(early)] == [LEG.condition_id]
    assert of_trades(early)[0].since == T0
    assert len({chunk.key for chunk in early}) == len(early)
    assert [seen.path for seen in upstream.requests] == [f"/gamma/markets/{LEG.id}"] * 2


async def test_a_closed_market_is_not_asked_for_after_its_close() -> None:
    closed = replace(LEG, closed_at=T0 + 3 * DAY)
    built = scenario(T0, T0 + 90 * DAY, events=[replace(EVENT, legs=(closed,))])
    with FakeUpstream(built, lambda: T0) as upstream:
        chunks = await chunks_at(upstream, T0 + 80 * DAY, T0)
        none = await chunks_at(upstream, T0 + 80 * DAY, T0 + 20 * DAY)

    assert len(of_prices(chunks)) == 2
    assert of_trades(chunks)[0].until == T0 + 4 * DAY
    assert none == []


async def test_a_market_gamma_does_not_know_has_prices_and_no_trades(
    upstream: FakeUpstream,
) -> None:
    chunks = await chunks_at(upstream, T0 + DAY, T0, Target("1", token(1), "x"))

    assert len(of_prices(chunks)) == len(chunks) == 1


async def test_many_targets_are_looked_up_in_one_list(network: Network) -> None:
    venue = Venue()
    found = [{**load("market.json"), "id": str(n)} for n in range(6)]
    venue.others["/markets/keyset"] = lambda _: httpx.Response(200, json={"markets": found})
    targets = [Target(str(n), token(n + 1), "x") for n in range(6)]
    async with network(venue) as http:
        chunks = await a_source().chunks(http, targets, since=NOW - HOUR, until=NOW)

    assert venue.asked == {"/markets/keyset": 1}
    assert len(of_trades(chunks)) == 6


async def test_a_gamma_that_is_down_is_an_error_and_not_an_empty_past(network: Network) -> None:
    async with network(lambda _: httpx.Response(503)) as http:
        with pytest.raises(TransientSourceError):
            await a_source().chunks(http, [CANNED], since=NOW - HOUR, until=NOW)


@pytest.mark.parametrize(
    ("age", "seconds"),
    [(5 * DAY, 60), (7 * DAY, 60), (8 * DAY, 300), (60 * DAY, 300), (61 * DAY, 1800),
     (90 * DAY, 1800), (91 * DAY, 10_800), (900 * DAY, 10_800)],
)  # fmt: skip
def test_the_width_is_the_finest_that_is_still_kept(age: timedelta, seconds: int) -> None:
    assert width(age) == seconds


async def test_a_young_window_gives_a_price_a_minute(upstream: FakeUpstream) -> None:
    now = T0 + 4 * DAY + 30 * MINUTE
    newest = of_prices(await chunks_at(upstream, now, T0))[0]

    pages = await read_at(upstream, now, newest)
    batch = batch_of(pages)

    sent = next(seen for seen in upstream.requests if seen.route == "data:history").query
    assert (sent["bucket_seconds"], sent["limit"]) == ("60", "10000")
    assert int(sent["end"]) - int(sent["start"]) <= 15 * 86_400
    assert int(sent["end"]) == int(now.timestamp())
    quotes = {quote.at: quote for quote in batch.quotes}
    first = max(newest.since, T0)
    assert len(quotes) == (now - first) // MINUTE
    assert quotes[T0 + 4 * DAY].value == Decimal("0.306")  # 0.20 + 96 h / 1000 + half of 0.02
    assert {(q.basis, q.venue_id, q.bid) for q in batch.quotes} == {
        (PriceBasis.VENUE_HISTORY, LEG.id, None)
    }
    assert {q.observed_at for q in batch.quotes} == {now}
    assert batch.read_outcomes == (("polymarket", LEG.id, LEG.token_ids[0]),)


async def test_a_window_is_the_same_whenever_it_is_read_again(upstream: FakeUpstream) -> None:
    """The series that reaches to now ends off its grid; that point must not come back as a row."""
    now = T0 + 3 * DAY + timedelta(minutes=7, seconds=23)
    chunk = of_prices(await chunks_at(upstream, now, T0))[0]
    first = batch_of(await read_at(upstream, now, chunk))
    again = batch_of(await read_at(upstream, now + timedelta(seconds=30), chunk))
    later = batch_of(await read_at(upstream, now + 2 * MINUTE, chunk))

    before = {(quote.at, quote.value) for quote in first.quotes}
    assert {(quote.at, quote.value) for quote in again.quotes} == before
    assert len({(q.at, q.value) for q in later.quotes} - before) == 2
    assert all(quote.at.second == 0 for quote in first.quotes)


async def test_an_old_window_is_asked_at_the_width_that_is_kept(upstream: FakeUpstream) -> None:
    now = T0 + 70 * DAY
    chunk = of_prices(await chunks_at(upstream, now, T0))[-1]

    batch = batch_of(await read_at(upstream, now, chunk))

    assert [s.query["bucket_seconds"] for s in upstream.requests if s.route == "data:history"] == [
        "1800"
    ]
    assert {quote.at.minute for quote in batch.quotes} == {0, 30}


async def test_a_window_to_come_is_not_asked_for(upstream: FakeUpstream) -> None:
    ahead = Chunk("prices:x", T0 + 5 * DAY, T0 + 10 * DAY, TARGET, {"what": "prices"})

    assert await read_at(upstream, T0 + DAY, ahead) == []
    assert upstream.requests == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=404),
        Fault("status", status=405),
        Fault("status", status=500),
        Fault("html"),
        Fault("reset"),
        Fault("invalid_payload"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
async def test_where_v2_fails_the_clobs_history_stands_in(
    upstream: FakeUpstream, fault: Fault
) -> None:
    now = T0 + 2 * DAY + 30 * MINUTE
    chunk = of_prices(await chunks_at(upstream, now, T0))[0]
    true = {(q.at, q.value) for q in batch_of(await read_at(upstream, now, chunk)).quotes}
    upstream.faults.set("data:history", fault)

    batch = batch_of(await read_at(upstream, now, chunk))

    sent = upstream.requests[-1]
    assert (sent.route, sent.query["market"], sent.query["fidelity"]) == (
        "clob:history",
        LEG.token_ids[0],
        "1",
    )
    assert not {"token_id", "interval"} & set(sent.query)
    assert int(sent.query["endTs"]) - int(sent.query["startTs"]) <= 15 * 86_400
    # The CLOB's instants drift; put on the grid they are v2's, but for the price's own change.
    stood_in = {(quote.at, quote.value) for quote in batch.quotes}
    assert {at for at, _ in stood_in} - {at for at, _ in true} <= {now}
    assert len(stood_in & true) > 0.9 * len(true)
    assert all(quote.venue_at is not None and quote.venue_at <= quote.at for quote in batch.quotes)


async def test_a_pause_that_v2_asks_for_is_kept(upstream: FakeUpstream) -> None:
    now = T0 + 2 * DAY
    chunks = await chunks_at(upstream, now, T0)
    upstream.faults.set("data", Fault("status", status=429, retry_after="60"))
    upstream.requests.clear()

    for chunk in chunks:
        with pytest.raises(TransientSourceError) as caught:
            await read_at(upstream, now, chunk)
        assert caught.value.retry_after_s == 60
    assert {seen.route for seen in upstream.requests} == {"data:history", "data:trades"}


async def test_a_wall_before_v2_is_no_reason_to_go_round_it(upstream: FakeUpstream) -> None:
    now = T0 + 2 * DAY
    chunk = of_prices(await chunks_at(upstream, now, T0))[0]
    upstream.faults.set("data", Fault("bot_wall"))

    with pytest.raises(PermanentSourceError):
        await read_at(upstream, now, chunk)


def canned_chunk(what: str = "prices", since: datetime = NOW - 5 * DAY) -> Chunk:
    context: dict[str, object] = {"what": what, "condition": "0x1111" + "1" * 60}
    return Chunk(f"{what}:x", since, NOW, CANNED, context)


def points(*rows: tuple[datetime, float], following: str | None = None) -> dict[str, object]:
    return {
        "data": [
            {"timestamp": int(at.timestamp()), "price": p, "resolution_seconds": 60}
            for at, p in rows
        ],
        "pagination": {"next_cursor": following},
    }


async def test_an_empty_window_is_asked_for_once_more_at_the_width_that_is_kept_for_ever(
    network: Network,
) -> None:
    venue = Venue()
    coarse = points((NOW - 3 * HOUR, 0.5))
    venue.others["/v2/prices-history"] = lambda request: httpx.Response(
        200, json=coarse if request.url.params["bucket_seconds"] == "10800" else points()
    )
    async with network(venue) as http:
        pages = await a_source().fetch_chunk(http, canned_chunk())

    batch = batch_of(pages)
    assert [quote.value for quote in batch.quotes] == [Decimal("0.5")]
    assert [r.reason for r in batch.rejects] == [
        "the finer prices of this stretch are no longer kept; the coarse ones stand in"
    ]


@pytest.mark.parametrize("payload", [{"data": []}, {"data": None, "pagination": None}])
async def test_no_data_at_any_width_is_an_answer(network: Network, payload: object) -> None:
    venue = Venue()
    venue.others["/v2/prices-history"] = lambda _: httpx.Response(200, json=payload)
    async with network(venue) as http:
        pages = await a_source().fetch_chunk(http, canned_chunk())

    assert len(pages) == 1
    assert batch_of(pages) == Batch()
    assert venue.asked == {"/v2/prices-history": 2}


async def test_an_empty_clob_history_is_asked_for_once_more_at_half_a_day(
    network: Network,
) -> None:
    venue = Venue()
    venue.others["/v2/prices-history"] = lambda _: httpx.Response(404)
    point = {"t": int((NOW - 12 * HOUR).timestamp()) - 6, "p": 0.5}
    venue.others["/prices-history"] = lambda request: httpx.Response(
        200, json={"history": [point] if request.url.params["fidelity"] == "720" else []}
    )
    async with network(venue) as http:
        batch = batch_of(await a_source().fetch_chunk(http, canned_chunk()))

    assert [(q.at, q.value) for q in batch.quotes] == [(NOW - 12 * HOUR, Decimal("0.5"))]


async def test_all_pages_of_a_window_are_read_with_the_same_filters(network: Network) -> None:
    venue = Venue()
    answers = {
        None: points((NOW - 3 * MINUTE, 0.1), following="c1"),
        "c1": points((NOW - 2 * MINUTE, 0.2), (NOW - 3 * MINUTE, 0.1)),
    }
    venue.others["/v2/prices-history"] = lambda request: httpx.Response(
        200, json=answers[request.url.params.get("cursor")]
    )
    async with network(venue) as http:
        pages = await a_source().fetch_chunk(http, canned_chunk())

    first, second = (dict(request.url.params) for request in venue.requests)
    assert second == {**first, "cursor": "c1"}
    assert "offset" not in first
    assert {q.at for q in batch_of(pages).quotes} == {NOW - 3 * MINUTE, NOW - 2 * MINUTE}


@pytest.mark.parametrize("body", [
    {"code": "internal", "error": "try later", "retryable": True},
    points((NOW - MINUTE, 0.1), following="same"),
])  # fmt: skip
async def test_a_window_is_complete_or_not_at_all(network: Network, body: object) -> None:
    venue = Venue()
    venue.others["/v2/prices-history"] = lambda _: httpx.Response(200, json=body)
    async with network(venue) as http:
        with pytest.raises(SourceError):
            await a_source().fetch_chunk(http, canned_chunk())

    # A cursor that repeats ends the reading at once; then v1 is tried, which is not there.
    assert venue.asked["/v2/prices-history"] <= 2
    assert venue.asked["/prices-history"] == 1


async def test_an_error_that_is_no_use_to_repeat_falls_back(network: Network) -> None:
    """Recorded as a 400; here with status 200, since errors come that way too."""
    venue = Venue()
    refusal = {"code": "invalid_request", "error": "'bucket_seconds' no", "retryable": False}
    venue.others["/v2/prices-history"] = lambda _: httpx.Response(200, json=refusal)
    history = {"history": [{"t": int((NOW - MINUTE).timestamp()), "p": 0.25}]}
    venue.others["/prices-history"] = lambda _: httpx.Response(200, json=history)
    async with network(venue) as http:
        batch = batch_of(await a_source().fetch_chunk(http, canned_chunk()))

    assert [quote.value for quote in batch.quotes] == [Decimal("0.25")]


WINDOW = {
    "venue_id": "101",
    "token_id": "1",
    "since": int(NOW.timestamp()) - 3600,
    "until": int(NOW.timestamp()),
    "bucket_s": 600,
}


def at(seconds: int, value: float = 0.5) -> dict[str, object]:
    return {"t": int(NOW.timestamp()) + seconds, "p": value}


def test_points_are_put_on_the_grid_at_the_end_of_their_bucket() -> None:
    batch = parse(
        "prices-history",
        {"history": [at(-3600, 0.1), at(-2410, 0.2), at(-2390, 0.3), at(-1790, 0.4)]},
        **WINDOW,
    )

    assert [(q.at, q.value) for q in batch.quotes] == [
        (NOW - 60 * MINUTE, Decimal("0.1")),
        (NOW - 40 * MINUTE, Decimal("0.2")),
        (NOW - 30 * MINUTE, Decimal("0.3")),
        (NOW - 20 * MINUTE, Decimal("0.4")),
    ]
    assert batch.quotes[1].venue_at == NOW - timedelta(seconds=2410)
    assert batch.rejects == ()


def test_a_buckets_last_point_counts_and_the_rest_are_counted() -> None:
    batch = parse("prices-history", {"history": [at(-610, 0.2), at(-1100, 0.1)]}, **WINDOW)

    assert [(q.at, q.value) for q in batch.quotes] == [(NOW - 10 * MINUTE, Decimal("0.2"))]
    assert [r.reason for r in batch.rejects] == ["two points of one bucket"]


def test_a_boundary_point_belongs_to_the_next_window_only() -> None:
    batch = parse("prices-history", {"history": [at(-3601), at(-3600), at(0)]}, **WINDOW)

    assert [quote.at for quote in batch.quotes] == [NOW - HOUR]
    assert [r.reason for r in batch.rejects] == ["a point outside the asked window"] * 2


def test_a_bucket_that_is_not_over_gives_no_price_yet() -> None:
    wide = {**WINDOW, "bucket_s": 10_800 * 2, "until": int(NOW.timestamp()) + 60}
    batch = parse("prices-history", {"history": [at(-3000)]}, **{**wide, "bucket_s": 7 * 3600})

    assert batch.quotes == ()
    assert [r.reason for r in batch.rejects] == ["a point of a bucket that is not over"]


@given(
    st.lists(st.tuples(st.integers(-4000, 400), st.floats(0, 1, allow_nan=False)), max_size=30),
    st.sampled_from([60, 300, 1800]),
)
@settings(max_examples=60, deadline=None)
def test_history_on_a_grid_has_one_row_a_bucket_and_none_from_the_future(
    rows: list[tuple[int, float]], bucket: int
) -> None:
    payload = {"history": [at(seconds, value) for seconds, value in rows]}
    batch = parse("prices-history", payload, **{**WINDOW, "bucket_s": bucket})

    instants = [quote.at for quote in batch.quotes]
    assert instants == sorted(set(instants))
    assert all(int(instant.timestamp()) % bucket == 0 for instant in instants)
    assert all(q.venue_at and q.venue_at <= q.at <= NOW for q in batch.quotes)
    assert len(batch.quotes) + len(batch.rejects) == len(rows)


async def test_trades_are_walked_back_by_cursor_and_only_the_asked_outcome_kept(
    upstream: FakeUpstream,
) -> None:
    now = T0 + 9 * DAY
    (chunk,) = of_trades(await chunks_at(upstream, now, T0 + 8 * DAY))

    batch = batch_of(await read_at(upstream, now, chunk))

    assert {trade.venue_outcome_id for trade in batch.trades} == {LEG.token_ids[0]}
    assert all(chunk.since <= trade.at < chunk.until for trade in batch.trades)
    assert len(batch.trades) == 12  # of one price an hour in the last day, every second outcome
    assert batch.rejects == ()
    assert len({trade.trade_id for trade in batch.trades}) == 12


@pytest.mark.parametrize(
    "fault", [Fault("status", status=404), Fault("status", status=500), Fault("html")], ids=str
)
async def test_where_v2_fails_the_old_trades_stand_in(upstream: FakeUpstream, fault: Fault) -> None:
    now = T0 + 9 * DAY
    (chunk,) = of_trades(await chunks_at(upstream, now, T0 + 8 * DAY))
    true = batch_of(await read_at(upstream, now, chunk)).trades
    upstream.faults.set("data:trades", fault)

    batch = batch_of(await read_at(upstream, now, chunk))

    assert batch.trades == true
    assert upstream.requests[-1].query["market"] == LEG.condition_id


def fills(*ages_s: int) -> list[dict[str, object]]:
    template = load("trades-v2.json")["data"][0]
    now = int(NOW.timestamp())
    return [{**template, "timestamp": now - age, "transaction_hash": f"0x{age}"} for age in ages_s]


def canned_trades(since: timedelta) -> Chunk:
    context: dict[str, object] = {"what": "trades", "condition": "0x" + "1" * 64}
    return Chunk("trades:x", NOW - since, NOW - MINUTE, CANNED, context)


async def test_the_walk_ends_at_the_first_trade_that_is_too_old(network: Network) -> None:
    venue = Venue()
    venue.others["/v2/trades"] = lambda request: httpx.Response(
        200,
        json={
            "data": {None: fills(5, 30), "c1": fills(90, 200), "c2": fills(4000)}[
                request.url.params.get("cursor")
            ],
            "pagination": {"next_cursor": {None: "c1", "c1": "c2", "c2": "c3"}[
                request.url.params.get("cursor")]},
        },
    )  # fmt: skip
    async with network(venue) as http:
        pages = await a_source().fetch_chunk(http, canned_trades(HOUR))

    assert venue.asked["/v2/trades"] == 3
    assert len(pages) == 2  # the first page lies wholly after the window
    assert [t.at for t in batch_of(pages).trades] == [
        NOW - timedelta(seconds=90),
        NOW - timedelta(seconds=200),
    ]


async def test_a_walk_without_an_end_is_cut_and_says_so(network: Network) -> None:
    venue = Venue()
    venue.others["/v2/trades"] = lambda _: httpx.Response(
        200,
        json={
            "data": fills(100 + venue.asked["/v2/trades"]),
            "pagination": {"next_cursor": f"c{venue.asked['/v2/trades']}"},
        },
    )
    async with network(venue) as http:
        pages = await a_source().fetch_chunk(http, canned_trades(HOUR))

    batch = batch_of(pages)
    assert len(batch.trades) == 40
    assert [r.reason for r in batch.rejects] == [
        "older trades of this market were not read: there are too many"
    ]


async def test_old_trades_end_where_the_venue_lets_no_one_go_further(network: Network) -> None:
    venue = Venue()
    venue.others["/v2/trades"] = lambda _: httpx.Response(404)
    template = load("trades.json")[0]
    now = int(NOW.timestamp())

    def old(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params["offset"])
        if offset > 10_000:
            return httpx.Response(400, json={"error": "max offset exceeded"})
        rows = [
            {**template, "timestamp": now - 61 - offset - n, "transactionHash": f"{offset}-{n}"}
            for n in range(1000)
        ]
        return httpx.Response(200, json=rows)

    venue.others["/trades"] = old
    async with network(venue) as http:
        pages = await a_source().fetch_chunk(http, canned_trades(30 * DAY))

    batch = batch_of(pages)
    assert len(batch.trades) == 11_000
    assert "too many" in batch.rejects[0].reason


@pytest.mark.parametrize("payload", [{"data": []}, {"data": None}])
async def test_a_market_that_was_never_traded_has_no_trades(
    network: Network, payload: object
) -> None:
    venue = Venue()
    venue.others["/v2/trades"] = lambda _: httpx.Response(200, json=payload)
    async with network(venue) as http:
        batch = batch_of(await a_source().fetch_chunk(http, canned_trades(HOUR)))

    assert batch == Batch()


async def test_a_second_reading_of_a_chunk_gives_equal_records(upstream: FakeUpstream) -> None:
    now = T0 + 9 * DAY + 17 * MINUTE
    for chunk in await chunks_at(upstream, now, T0):
        first = await read_at(upstream, now, chunk)
        second = await read_at(upstream, now, chunk)
        assert [PolymarketSource(name="p").parse(page) for page in first] == [
            PolymarketSource(name="p").parse(page) for page in second
        ]
