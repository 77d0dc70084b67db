"""What bites first on Polymarket's wire: each numbered trap of it, and the legs that move."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from monitor.errors import ParseError
from monitor.fake_upstream import FakeUpstream
from monitor.fake_upstream.builders import price, scenario, series_event
from monitor.sources.base import MarketRef, Page, Searching
from monitor.sources.polymarket import PolymarketSource
from storage.records import Batch, MarketStatus, PriceBasis
from tests.monitor.sources.polymarket_venue import (
    NOW,
    SLUG,
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

# 1: lists are strings that hold JSON, or true arrays


@pytest.mark.parametrize(
    "tokens",
    [
        {"clobTokenIds": json.dumps([token(1), token(2)])},
        {"clobTokenIds": [token(1), token(2)]},
        {"clobTokenIds": [int(token(1)), int(token(2))]},
        {"clobTokenIds": "", "positionIds": [token(1), token(2)]},
        {"clobTokenIds": None, "positionIds": json.dumps([token(1), token(2)]), "version": "v2"},
    ],
    ids=["string", "array", "numbers", "position ids", "position ids in a string"],
)
def test_token_ids_are_read_from_either_form_and_stay_text(tokens: dict[str, object]) -> None:
    event = load("event.json")
    event["markets"] = [{**event["markets"][0], **tokens}]

    batch = parse("event", event)

    assert [o.venue_outcome_id for o in batch.markets[0].outcomes] == [token(1), token(2)]
    assert batch.quotes[0].venue_outcome_id == token(1)


def test_outcomes_pair_by_index_and_not_by_the_word_yes() -> None:
    event = load("event.json")
    event["markets"] = [{**event["markets"][0], "outcomes": '["Down", "Up"]'}]

    market = parse("event", event).markets[0]

    assert [(o.name, o.index) for o in market.outcomes] == [("Down", 0), ("Up", 1)]


# 2: the keyset cursor has one name; see test_polymarket_discovery
# 3: a history is asked for by `market`; see test_polymarket_history


def test_the_fake_clob_is_deaf_to_token_id_as_the_true_one_is() -> None:
    event = series_event("race", "Race?", ["Ada"], created_at=NOW, ends=NOW)
    leg = event.legs[0]
    built = scenario(NOW, NOW, events=[event], prices=[(leg, price(NOW, "0.4", "0.5"))])
    with (
        FakeUpstream(built, lambda: NOW) as upstream,
        httpx.Client(base_url=f"{upstream.url}/clob", trust_env=False) as web,
    ):
        wrong, right = (
            web.get("/prices-history", params={name: leg.token_ids[0], "interval": "1d"})
            for name in ("token_id", "market")
        )

    assert (wrong.status_code, wrong.json()) == (200, {"history": []})
    assert right.json()["history"] == [{"t": int(NOW.timestamp()), "p": 0.45}] * 2


# 4: books run from worst to best


def test_the_best_is_the_last_and_never_the_first_of_a_book() -> None:
    book = {
        "asset_id": token(1),
        "bids": [{"price": ".01", "size": "9"}, {"price": "0.40", "size": "1"}],
        "asks": [{"price": "0.99", "size": "9"}, {"price": ".42", "size": "1"}],
    }
    for turned in (False, True):
        for side in ("bids", "asks"):
            book[side] = book[side][::-1] if turned else book[side]
        quote = parse("books", [book], tokens={token(1): ["101", None]}).quotes[0]
        assert (quote.bid, quote.ask) == (Decimal("0.40"), Decimal("0.42"))


# 5: a side may be absent; a placeholder is no price


@pytest.mark.parametrize("side", [{}, {"bids": []}, {"bids": None}])
def test_an_absent_side_is_missing_and_never_zero(side: dict[str, object]) -> None:
    book = {"asset_id": token(1), "asks": [{"price": "0.5", "size": "1"}], **side}

    quote = parse("books", [book], tokens={token(1): ["101", None]}).quotes[0]

    assert (quote.bid, quote.ask, quote.last) == (None, Decimal("0.5"), None)


def test_a_wide_book_is_told_as_it_is_and_not_by_its_made_up_middle() -> None:
    event = load("event.json")
    event["markets"] = [
        {
            **event["markets"][0],
            "bestBid": None,
            "bestAsk": 0.6,
            "lastTradePrice": 0.05,
            "outcomePrices": '["0.3", "0.7"]',
        }
    ]

    quote = parse("event", event).quotes[0]

    assert (quote.basis, quote.value, quote.bid) == (PriceBasis.TRADE, Decimal("0.05"), None)


# 6: closed is no resolution; see test_polymarket_oracle
# 9: seconds, milliseconds, and three forms of dates


@pytest.mark.parametrize(
    ("shape", "payload", "context"),
    [
        ("prices-history", {"history": [{"t": 1780315200000, "p": 0.4}]}, {}),
        ("prices-history", {"data": [{"timestamp": "1780315200000", "price": 0.4}]}, {}),
        ("books", [{"asset_id": "1", "timestamp": 1780315200}], {"tokens": {"1": ["101", None]}}),
    ],
)
def test_an_instant_in_the_wrong_unit_costs_its_row(
    shape: str, payload: object, context: dict[str, object]
) -> None:
    batch = parse(shape, payload, venue_id="101", token_id="1", **context)

    assert batch.quotes == ()
    assert len(batch.rejects) == 1
    assert "time" in batch.rejects[0].reason


@pytest.mark.parametrize(
    "text",
    ["2026-06-30T16:00:00Z", "2026-06-30T16:00:00.123456Z", "2026-06-30 16:00:00+00", "2026-06-30"],
)
def test_three_forms_of_dates_are_read(text: str) -> None:
    event = load("event.json")
    event["markets"] = [{**event["markets"][0], "endDate": text}]

    closes_at = parse("event", event).markets[0].closes_at

    assert closes_at is not None
    assert closes_at.date() == datetime(2026, 6, 30, tzinfo=UTC).date()


@pytest.mark.parametrize("shape", ["event", "market", "books", "prices-history", "trades"])
def test_a_page_of_a_network_that_blocks_the_host_is_no_answer(shape: str) -> None:
    with pytest.raises(ParseError):
        parse(shape, b"<!doctype html><title>Access denied</title>", venue_id="1", token_id="1")


# Legs that are named later


def test_a_placeholder_that_gets_a_name_is_the_same_market_under_a_new_label() -> None:
    event = load("event.json")
    placeholder = event["markets"][2]
    named = {
        **placeholder,
        "question": "Will Dawn have the example model on June 30?",
        "groupItemTitle": "Dawn",
        "active": True,
        "outcomePrices": '["0.5", "0.5"]',
        "bestBid": 0.45,
        "bestAsk": 0.55,
    }

    before = parse("event", {**event, "markets": [placeholder]})
    after = parse("event", {**event, "markets": [named]})

    assert before.quotes == ()
    assert (before.markets[0].label, after.markets[0].label) == ("CompanyG", "Dawn")
    assert before.markets[0].venue_id == after.markets[0].venue_id == "103"
    assert before.markets[0].outcomes == after.markets[0].outcomes
    assert [(q.bid, q.ask) for q in after.quotes] == [(Decimal("0.45"), Decimal("0.55"))]


async def test_a_leg_added_to_a_neg_risk_event_is_read_with_the_next_poll() -> None:
    """Patched into the running upstream: first a placeholder, then named, with a new leg beside."""
    start = datetime(2026, 6, 1, tzinfo=UTC)
    race = series_event("race", "Who?", ["Ada", "Bo"], created_at=start, ends=NOW)

    def written(*legs: dict[str, Any]) -> dict[str, Any]:
        rows = [
            {
                "id": leg.id,
                "condition_id": leg.condition_id,
                "yes_token": leg.token_ids[0],
                "no_token": leg.token_ids[1],
                "question": leg.question,
                "rules": leg.rules,
                **changes,
            }
            for leg, changes in zip(race.legs, legs, strict=False)
        ]
        return {
            "id": race.id, "slug": "race", "title": "Who?", "ends": "2026-07-01T00:00:00Z",
            "neg_risk": True, "legs": rows,
        }  # fmt: skip

    ref = MarketRef(venue="polymarket", event="race")
    with FakeUpstream(scenario(start, NOW), lambda: start) as upstream:
        source = in_scenario(upstream, ref)
        seen: list[Batch] = []
        for legs in (
            [{"label": "Company A", "placeholder": True}],
            [{"label": "Ada"}, {"label": "Bo"}],
        ):
            upstream.patch(
                {
                    "events": [written(*legs)],
                    "prices": [{"token": race.legs[0].token_ids[0], "bid": "0.3", "ask": "0.4"}],
                }
            )
            async with session_at(upstream, start) as http:
                seen.append(merged(source, await source.fetch(http, {})))

    assert [[(m.venue_id, m.label) for m in batch.markets] for batch in seen] == [
        [(race.legs[0].id, "Company A")],
        [(race.legs[0].id, "Ada"), (race.legs[1].id, "Bo")],
    ]
    assert [len(batch.quotes) for batch in seen] == [0, 1]


# Events at once


async def test_events_are_read_a_few_at_a_time_and_told_in_the_order_of_the_plan() -> None:
    class Slow:
        """A network whose later answers come first, that notes how many are on the way."""

        def __init__(self) -> None:
            self.now = NOW
            self.running = self.most = 0

        async def get(self, url: str, **_: object) -> Any:
            self.running += 1
            self.most = max(self.most, self.running)
            for _turn in range(20 - int(url[-2:])):
                await asyncio.sleep(0)
            self.running -= 1
            body = json.dumps({**load("event.json"), "slug": url[-2:], "markets": []}).encode()
            return Answer(url, body)

    class Answer:
        def __init__(self, url: str, body: bytes) -> None:
            self.url, self.body = url, body

        def json(self) -> object:
            return json.loads(self.body)

    slow = Slow()
    names = [f"{number:02}" for number in range(12)]
    source = a_source(*(MarketRef(venue="polymarket", event=name) for name in names))
    pages: list[Page] = await source.fetch(slow, {})  # type: ignore[arg-type]

    assert [page.url[-2:] for page in pages] == names
    assert slow.most == 4


async def test_a_gamma_that_fails_twice_running_is_left_alone(network: Network) -> None:
    venue = Venue()
    names = [f"e{number}" for number in range(30)]
    venue.events = {name: httpx.Response(500) for name in names}
    venue.events |= {SLUG: load("event.json")}
    refs = [MarketRef(venue="polymarket", event=name) for name in (SLUG, *names)]
    async with network(venue) as http:
        batch = merged(a_source(*refs), await a_source(*refs).fetch(http, {}))

    assert len(batch.markets) == 4
    # Two failures, and what was on the way with them; each is tried three times.
    assert len([path for path in venue.asked if "/events/slug/e" in path]) <= 6
    assert sum("Gamma does not answer" in r.reason for r in batch.rejects) >= 24


async def test_broken_bodies_alone_are_no_successful_poll(network: Network) -> None:
    venue = Venue()
    venue.events[SLUG] = httpx.Response(200, text="<html>")
    source = a_source(MarketRef(venue="polymarket", event=SLUG))
    async with network(venue) as http:
        with pytest.raises(ParseError):
            await source.fetch(http, {})


# Search


def test_polymarket_can_be_searched() -> None:
    assert isinstance(PolymarketSource(name="polymarket"), Searching)


def found(slug: str, title: str, *questions: str, **fields: object) -> dict[str, Any]:
    template = load("event.json")["markets"][0]
    markets = [
        {**template, "id": f"{slug}{n}", "question": question, "groupItemTitle": "", **fields}
        for n, question in enumerate(questions)
    ]
    return {"id": slug, "slug": slug, "title": title, "markets": markets}


async def test_a_search_keeps_open_markets_that_hold_every_word(network: Network) -> None:
    venue = Venue()
    venue.search = lambda _: {
        "events": [
            found("1", "Best AI model", "Will Google win?", "Will Ada win?"),
            found("2", "What will GOOGL hit?", "Above 200?"),
            found("3", "Google AI model out?", "By May?", closed=True),
        ],
        "pagination": {"hasMore": False},
    }
    async with network(venue) as http:
        pages = await a_source().search(http, "google  AI-model", limit=20)

    batch = merged(a_source(), pages)
    assert [page.shape for page in pages] == ["search"]
    assert [market.venue_id for market in batch.markets] == ["10"]
    assert [(q.venue_id, q.bid) for q in batch.quotes] == [("10", Decimal("0.4"))]
    assert {m.status for m in batch.markets} == {MarketStatus.OPEN}
    params = venue.requests[0].url.params
    assert (params["q"], params["events_status"]) == ("google  AI-model", "active")


async def test_a_search_reads_on_until_there_are_enough(network: Network) -> None:
    venue = Venue()
    venue.search = lambda request: {
        "events": [found(request.url.params["page"], "Rain", "Rain in May?", "Rain in June?")],
        "pagination": {"hasMore": True},
    }
    async with network(venue) as http:
        pages = await a_source().search(http, "rain", limit=3)

    assert venue.asked["/public-search"] == 2
    assert [m.venue_id for m in merged(a_source(), pages).markets] == ["10", "11", "20"]


async def test_a_search_that_finds_nothing_ends(network: Network) -> None:
    venue = Venue()
    async with network(venue) as http:
        pages = await a_source().search(http, "zebra", limit=5)

    assert merged(a_source(), pages) == Batch()
    assert venue.asked["/public-search"] == 1


# Frames of the WebSocket


def frames(payload: object, *tokens: str) -> Batch:
    return parse("ws", payload, tokens={each: ["101", None] for each in tokens})


BEST = {
    "event_type": "best_bid_ask",
    "asset_id": "1",
    "best_bid": "0.73",
    "best_ask": "0.77",
    "timestamp": "1780315200000",
}
CHANGE = {
    "event_type": "price_change",
    "timestamp": "1780315201000",
    "price_changes": [
        {"asset_id": "1", "price": "0.6", "side": "BUY", "best_bid": "0.6", "best_ask": "0.7"},
        {"asset_id": "2", "price": "0.4", "side": "SELL", "best_bid": "0.3", "best_ask": "0.4"},
        {"asset_id": "1", "price": "0.6", "side": "BUY", "best_bid": "0.61", "best_ask": ""},
    ],
}


def test_frames_tell_the_newest_best_bid_and_ask_of_asked_tokens() -> None:
    book = {**load("books.json")[0], "event_type": "book", "asset_id": "1"}

    assert [(q.bid, q.ask) for q in frames(BEST, "1").quotes] == [
        (Decimal("0.73"), Decimal("0.77"))
    ]
    assert [(q.bid, q.ask) for q in frames(CHANGE, "1").quotes] == [(Decimal("0.61"), None)]
    assert [(q.bid, q.ask) for q in frames(book, "1").quotes] == [
        (Decimal("0.40"), Decimal("0.42"))
    ]
    both = frames([BEST, CHANGE], "1", "2")
    assert {q.venue_outcome_id: q.bid for q in both.quotes} == {
        "1": Decimal("0.61"),
        "2": Decimal("0.3"),
    }
    assert both.quotes[0].venue_at == datetime(2026, 6, 1, 12, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("body", [b"PONG", b"NO NEW ASSETS", b" PONG\n", b"[]"])
def test_plain_words_of_the_socket_are_no_frames(body: bytes) -> None:
    assert frames(body) == Batch()


@pytest.mark.parametrize("body", [b"INVALID OPERATION", b"7", b"", b'"PONG"'])
def test_what_is_no_frame_is_a_parse_error(body: bytes) -> None:
    with pytest.raises(ParseError):
        frames(body)


def test_frames_of_other_kinds_and_old_changes_tell_no_best_price() -> None:
    others: list[object] = [
        {"event_type": "market_resolved", "asset_id": "1"},
        {"event_type": "price_change", "asset_id": "1", "changes": [{"price": "0.5"}]},
        {"event_type": "price_change", "asset_id": "1", "price": "0.5", "size": "3"},
        {"event_type": "price_change", "price_changes": None},
        {**BEST, "best_bid": "", "best_ask": None},
    ]

    assert frames(others, "1") == Batch()


def test_one_bad_frame_costs_one_frame() -> None:
    bad = [{**BEST, "best_bid": "0.9"}, {**BEST, "best_ask": "NaN"}, "x", BEST]

    batch = frames(bad, "1")

    assert len(batch.quotes) == 1
    assert [reject.reason for reject in batch.rejects] == [
        "crossed book: bid 0.9 above ask 0.77",
        "'NaN' is not a number",
        "a frame that is not an object",
    ]
