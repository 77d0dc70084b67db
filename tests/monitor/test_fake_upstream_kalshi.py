"""The fake's Kalshi speaks trade-api v2, hides the future and feeds the real source."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor.clock import ManualClock
from monitor.errors import ConfigError
from monitor.fake_upstream import FakeUpstream, Fault, load_scenario
from monitor.fake_upstream.builders import binary_event, price, scenario
from monitor.fake_upstream.kalshi import MAX_CANDLES
from monitor.fake_upstream.misbehaving import route_name
from monitor.fake_upstream.scenario import Event, Leg
from monitor.http_client import HttpClient
from monitor.http_session import SourceSession
from monitor.sources.base import MarketRef, Target
from monitor.sources.kalshi import KalshiSource
from storage.records import Batch, MarketStatus, PriceBasis

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RACE = "KXRACE-26MAR"


def a_leg(ticker: str, label: str, ends: datetime) -> Leg:
    made = binary_event(ticker.lower(), f"Does {label} lead?", created_at=T0, ends=ends).legs[0]
    return replace(made, id=ticker, token_ids=(f"{ticker}:yes", f"{ticker}:no"), label=label)


def an_event(ticker: str, title: str, legs: tuple[Leg, ...], created_at: datetime = T0) -> Event:
    made = binary_event(ticker.lower(), title, created_at=created_at, ends=legs[0].ends)
    return replace(made, id=ticker, legs=legs, venue="kalshi", title=title)


ADA, BO = (a_leg(f"{RACE}-{n}", n.title(), T0 + 10 * DAY) for n in ("ADA", "BO"))
OLD = replace(
    a_leg("KXOLD-26MAR", "Old", T0 + HOUR),
    closed_at=T0 + HOUR,
    resolved_at=T0 + 2 * HOUR,
    winner=0,
)
APRIL = a_leg("KXRACE-26APR-ADA", "Ada", T0 + 40 * DAY)
EVENTS = (
    an_event(RACE, "Which maker leads?", (ADA, BO)),
    an_event("KXOLD-26MAR", "Is it old?", (OLD,)),
    an_event("KXRACE-26APR", "Which maker leads in April?", (APRIL,), created_at=T0 + DAY),
    binary_event("rain-on-mars", "Rain on Mars?", created_at=T0, ends=T0 + DAY),
)
SCENARIO = scenario(
    T0,
    T0 + 10 * DAY,
    events=EVENTS,
    prices=[
        (ADA, price(T0, "0.24", "0.26", last="0.25", volume_24h="1200.5")),
        (ADA, price(T0 + HOUR, "0.40", "0.42", last="0.41")),
        (BO, price(T0, None, "0.05")),
        (OLD, price(T0, "0.97", "0.98", last="0.97")),
    ],
)


@pytest.fixture(scope="module")
def _running() -> Iterator[FakeUpstream]:
    with FakeUpstream(SCENARIO, ManualClock(T0).now) as upstream:
        yield upstream


@pytest.fixture
def upstream(_running: FakeUpstream) -> FakeUpstream:
    _running.faults.clear()
    _running.requests.clear()
    _running.pin(None)
    return _running


@pytest.fixture
def web(upstream: FakeUpstream) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{upstream.url}/kalshi", timeout=5, trust_env=False) as client:
        yield client


@pytest.fixture
async def http(upstream: FakeUpstream) -> AsyncIterator[SourceSession]:
    host = upstream.url.removeprefix("http://")
    async with HttpClient(
        ManualClock(T0 + 3 * HOUR),
        contact="desk@example.org",
        deadline=timedelta(seconds=5),
        max_bytes=1 << 20,
        allow_private_hosts=frozenset({host}),
    ) as client:
        yield client.session("kalshi", validators={}, spacing_s=0.0)


def source(upstream: FakeUpstream, *refs: MarketRef) -> KalshiSource:
    return KalshiSource(name="kalshi", api_url=f"{upstream.url}/kalshi").following(refs)


def got(web: httpx.Client, path: str, **params: Any) -> Any:
    return web.get(path, params=params).json()


def test_markets_write_prices_as_texts_and_an_empty_side_as_zero_or_one(web: httpx.Client) -> None:
    event = got(web, f"/events/{RACE}", with_nested_markets="true")["event"]
    ada, bo = event["markets"]

    assert (ada["yes_bid_dollars"], ada["yes_ask_dollars"]) == ("0.2400", "0.2600")
    assert (ada["no_bid_dollars"], ada["no_ask_dollars"]) == ("0.7400", "0.7600")
    assert (ada["volume_24h_fp"], ada["status"], ada["result"]) == ("1200.50", "active", "")
    assert (bo["yes_bid_dollars"], bo["last_price_dollars"]) == ("0.0000", "0.0000")
    assert event["series_ticker"] == "KXRACE"


def test_lists_end_with_an_empty_cursor(web: httpx.Client) -> None:
    first = got(web, "/events", limit=1)
    second = got(web, "/events", limit=1, cursor=first["cursor"])

    assert first["events"][0]["event_ticker"] == RACE or second["events"][0]["event_ticker"] == RACE
    assert first["events"] != second["events"]
    assert (bool(first["cursor"]), second["cursor"]) == (True, "")
    assert "markets" not in first["events"][0]


def test_the_filters_words_are_not_the_objects_words(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + 2 * HOUR)

    still_open = [e["event_ticker"] for e in got(web, "/events", status="open")["events"]]
    settled = got(web, "/markets", status="settled", mve_filter="exclude")["markets"]

    assert still_open == [RACE]
    assert [(m["ticker"], m["status"], m["result"]) for m in settled] == [
        (OLD.id, "finalized", "yes")
    ]


def test_an_unfiltered_list_is_flooded_with_combinations(web: httpx.Client) -> None:
    flooded = got(web, "/markets")["markets"]
    clean = got(web, "/markets", mve_filter="exclude")["markets"]

    assert sum(m["ticker"].startswith("KXMVE") for m in flooded) == 25
    assert {m["ticker"] for m in clean} == {ADA.id, BO.id, OLD.id}


def test_books_hold_bids_only_and_one_unknown_market_fails_the_batch(web: httpx.Client) -> None:
    books = got(web, "/markets/orderbooks", tickers=[ADA.id, BO.id])["orderbooks"]
    refused = web.get("/markets/orderbooks", params={"tickers": [ADA.id, "KXNONE"]})

    ada, bo = (book["orderbook_fp"] for book in books)
    assert (ada["yes_dollars"][-1][0], ada["no_dollars"][-1][0]) == ("0.2400", "0.7400")
    assert (bo["yes_dollars"], bo["no_dollars"][-1][0]) == ([], "0.9500")
    assert refused.status_code == 404


def test_candles_end_at_their_stamp_and_say_no_price_without_a_trade(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + 2 * HOUR)
    end = int((T0 + 2 * HOUR).timestamp())

    answer = got(
        web,
        f"/series/KXRACE/markets/{ADA.id}/candlesticks",
        start_ts=int(T0.timestamp()) + 1,
        end_ts=end,
        period_interval=60,
    )

    moved, quiet = answer["candlesticks"]
    assert [c["end_period_ts"] for c in (moved, quiet)] == [end - 3600, end]
    assert (moved["price"]["close_dollars"], moved["yes_bid"]["open_dollars"]) == (
        "0.4100",
        "0.2400",
    )
    assert (quiet["price"], quiet["yes_ask"]["close_dollars"]) == ({}, "0.4200")


def test_a_bad_candle_window_is_an_opaque_400(web: httpx.Client) -> None:
    path, start = f"/series/KXRACE/markets/{ADA.id}/candlesticks", int(T0.timestamp())
    bad = [
        {"start_ts": start, "end_ts": start, "period_interval": 5},
        {"start_ts": start, "period_interval": 60},
        {"start_ts": start - 60 * (MAX_CANDLES + 1), "end_ts": start, "period_interval": 1},
    ]

    answers = [web.get(path, params=params) for params in bad]

    assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert answers[0].json()["error"]["message"] == "bad request"


def test_what_settled_long_ago_answers_only_as_history(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + 100 * DAY)

    live = web.get(f"/markets/{OLD.id}").status_code
    market = got(web, f"/historical/markets/{OLD.id}")["market"]
    fresh, old = got(web, "/markets/trades"), got(web, "/historical/trades")

    assert (live, market["status"]) == (404, "finalized")
    assert (len(fresh["trades"]), len(old["trades"])) == (0, 3)
    assert got(web, "/historical/cutoff")["market_settled_ts"] == "2026-03-11T12:00:00Z"


def test_gamma_and_the_clob_know_nothing_of_kalshi(upstream: FakeUpstream) -> None:
    with httpx.Client(base_url=upstream.url, trust_env=False) as client:
        events = client.get("/gamma/events/keyset").json()["events"]
        by_slug = client.get(f"/gamma/events/slug/{RACE.lower()}")
        books = client.post("/clob/books", json=[{"token_id": ADA.token_ids[0]}]).json()

    assert [event["slug"] for event in events] == ["rain-on-mars"]
    assert (by_slug.status_code, books) == (404, [])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/kalshi/events", "kalshi:events"),
        ("/kalshi/events/KX-1", "kalshi:event"),
        ("/kalshi/markets", "kalshi:markets"),
        ("/kalshi/markets/KX-1", "kalshi:market"),
        ("/kalshi/markets/orderbooks", "kalshi:orderbooks"),
        ("/kalshi/markets/KX-1/orderbook", "kalshi:orderbook"),
        ("/kalshi/markets/trades", "kalshi:trades"),
        ("/kalshi/series/KX/markets/KX-1/candlesticks", "kalshi:candlesticks"),
        ("/kalshi/historical/cutoff", "kalshi:cutoff"),
        ("/kalshi/historical/markets/KX-1", "kalshi:historical"),
        ("/kalshi/historical/markets/KX-1/candlesticks", "kalshi:historical"),
        ("/kalshi/exchange/status", "kalshi:status"),
    ],
)
def test_each_route_has_a_name_for_faults(path: str, name: str) -> None:
    assert route_name(path) == name


def merged(source: KalshiSource, pages: list[Any]) -> Batch:
    batches = [source.parse(page) for page in pages]
    return Batch(
        markets=tuple(m for b in batches for m in b.markets),
        quotes=tuple(q for b in batches for q in b.quotes),
        candles=tuple(c for b in batches for c in b.candles),
        trades=tuple(t for b in batches for t in b.trades),
        rejects=tuple(r for b in batches for r in b.rejects),
    )


async def test_the_source_polls_it(upstream: FakeUpstream, http: SourceSession) -> None:
    upstream.pin(T0 + 3 * HOUR)
    kalshi = source(
        upstream,
        MarketRef(venue="kalshi", event_pattern="kxrace-*"),
        MarketRef(venue="kalshi", id=OLD.id),
    )

    batch = merged(kalshi, await kalshi.fetch(http, {}))

    assert [(m.venue_id, m.status, m.resolution) for m in batch.markets] == [
        (ADA.id, MarketStatus.OPEN, None),
        (BO.id, MarketStatus.OPEN, None),
        (OLD.id, MarketStatus.RESOLVED, "Yes"),
    ]
    assert [(q.venue_id, q.bid, q.ask, q.last) for q in batch.quotes] == [
        (ADA.id, Decimal("0.40"), Decimal("0.42"), Decimal("0.41")),
        (BO.id, None, Decimal("0.05"), None),
    ]
    assert batch.rejects == ()
    assert [seen.route for seen in upstream.requests] == [
        "kalshi:events",
        "kalshi:event",
        "kalshi:markets",
        "kalshi:orderbooks",
    ]


async def test_the_source_searches_it(upstream: FakeUpstream, http: SourceSession) -> None:
    kalshi = source(upstream)

    batch = merged(kalshi, await kalshi.search(http, "maker leads", limit=10))

    assert [m.venue_id for m in batch.markets] == [ADA.id, BO.id]
    assert {q.basis for q in batch.quotes} == {PriceBasis.BOOK}


async def test_the_source_reads_its_past(upstream: FakeUpstream, http: SourceSession) -> None:
    upstream.pin(T0 + 3 * HOUR)
    kalshi = source(upstream)
    target = Target(ADA.id, f"{ADA.id}:yes", RACE)

    chunks = await kalshi.chunks(http, [target], since=T0, until=T0 + 3 * HOUR)
    batch = merged(kalshi, [p for c in chunks for p in await kalshi.fetch_chunk(http, c)])

    assert [c.key.partition(":")[0] for c in chunks] == ["candles", "trades"]
    assert [(t.price, t.side) for t in batch.trades] == [
        (Decimal("0.4100"), "buy"),
        (Decimal("0.2500"), "buy"),
    ]
    # One candle a minute from listing to just before now: the end of a chunk is exclusive.
    assert len(batch.candles) == 180
    assert {(q.bid, q.ask) for q in batch.quotes if q.at < T0 + HOUR} == {
        (Decimal("0.2400"), Decimal("0.2600"))
    }
    assert batch.quotes[-1].bid == Decimal("0.4000")
    assert batch.rejects == ()


async def test_a_fault_on_the_batch_of_books_leaves_the_markets_own_prices(
    upstream: FakeUpstream, http: SourceSession
) -> None:
    upstream.pin(T0 + 3 * HOUR)
    upstream.faults.set("kalshi:orderbooks", Fault("status", status=401))
    kalshi = source(upstream, MarketRef(venue="kalshi", event=RACE))

    batch = merged(kalshi, await kalshi.fetch(http, {}))

    assert [(q.venue_id, q.bid) for q in batch.quotes] == [
        (ADA.id, Decimal("0.4000")),
        (BO.id, None),
    ]
    assert ["order books are refused" in reject.reason for reject in batch.rejects] == [True]


MARKETS = """
events:
  - venue: {venue}
    id: KXRACE-26MAR
    slug: kxrace-26mar
    title: Which maker leads?
    created_at: 2026-03-01T12:00:00Z
    ends: 2026-03-11T12:00:00Z
    legs:
      - {{id: KXRACE-26MAR-ADA, question: Does Ada lead?, label: Ada, rules: By the board.}}
"""


def a_folder(tmp_path: Path, venue: str) -> Path:
    (tmp_path / "scenario.yaml").write_text(
        "title: t\nstart: 2026-03-01T12:00:00Z\nend: 2026-03-02T12:00:00Z\n", encoding="utf-8"
    )
    (tmp_path / "markets.yaml").write_text(MARKETS.format(venue=venue), encoding="utf-8")
    (tmp_path / "prices.csv").write_text(
        "at,event,leg,bid,ask\n2026-03-01T12:00:00Z,kxrace-26mar,Ada,0.2,0.3\n", encoding="utf-8"
    )
    return tmp_path


def test_a_scenario_file_may_hold_events_of_other_venues(tmp_path: Path) -> None:
    loaded = load_scenario(a_folder(tmp_path, "kalshi"))

    (event,) = loaded.listed(T0, "kalshi")
    assert (event.venue, event.id, event.legs[0].id) == ("kalshi", RACE, ADA.id)
    assert loaded.listed(T0) == []
    assert loaded.price(event.legs[0], T0) == price(T0, "0.2", "0.3")


def test_an_unknown_venue_and_polymarkets_strict_ids_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"markets.yaml:3: venue is 'kalsi'; known: polymarket"):
        load_scenario(a_folder(tmp_path, "kalsi"))
    with pytest.raises(ConfigError, match="it must be digits"):
        load_scenario(a_folder(tmp_path, "polymarket"))
