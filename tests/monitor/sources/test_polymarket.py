from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ParseError, PermanentSourceError, TransientSourceError
from monitor.sources.base import MarketRef
from monitor.sources.polymarket import PolymarketSource
from storage.records import Batch, MarketStatus, PriceBasis
from tests.monitor.sources.polymarket_venue import (
    NOW,
    SLUG,
    Network,
    Venue,
    a_source,
    by_event,
    load,
    merged,
    parse,
    token,
)


def test_an_event_gives_its_legs_with_tokens_as_text() -> None:
    batch = parse("event", load("event.json"), refs=["polymarket/event:x"])

    acme = batch.markets[0]
    assert [market.label for market in batch.markets] == ["Acme", "Zeta", "CompanyG", "Nix"]
    assert (acme.venue, acme.venue_id, acme.series) == ("polymarket", "101", SLUG)
    assert [(o.venue_outcome_id, o.name, o.index) for o in acme.outcomes] == [
        (token(1), "Yes", 0),
        (token(2), "No", 1),
    ]
    assert acme.series_title == "Which company has the example model end of June?"
    assert acme.closes_at == datetime(2026, 6, 30, 16, 0, tzinfo=UTC)
    assert acme.rules == "Settles by the example board, style control off."
    assert acme.url == "https://polymarket.com/event/example-model-june"
    assert batch.followed[0] == ("polymarket", "101", "polymarket/event:x")
    assert batch.rejects == ()


def test_true_arrays_are_read_like_arrays_in_strings() -> None:
    zeta = parse("event", load("event.json")).markets[1]

    assert [outcome.venue_outcome_id for outcome in zeta.outcomes] == [token(3), token(4)]


def test_gamma_prices_stand_in_only_where_there_is_no_book() -> None:
    alone = parse("event", load("event.json"))
    beside = parse("event", load("event.json"), booked=[token(1)])

    acme, zeta = alone.quotes
    assert (acme.basis, acme.bid, acme.ask, acme.value) == (
        PriceBasis.BOOK,
        Decimal("0.4"),
        Decimal("0.42"),
        None,
    )
    assert (zeta.basis, zeta.value, zeta.bid) == (PriceBasis.TRADE, Decimal("0.02"), None)
    assert acme.volume_24h == Decimal("1234.5")
    assert [quote.venue_id for quote in beside.quotes] == ["102"]


def test_a_placeholder_has_a_market_and_no_price() -> None:
    batch = parse("event", load("event.json"))

    assert "103" in {market.venue_id for market in batch.markets}
    assert "103" not in {quote.venue_id for quote in batch.quotes}
    assert "103" not in {venue_id for _, venue_id, _ in batch.read_outcomes}


def test_an_active_market_known_only_by_its_last_trade_is_no_placeholder() -> None:
    event = load("event.json")
    event["markets"] = [
        {**event["markets"][2], "active": True, "lastTradePrice": last} for last in (0, 0.3)
    ]
    event["markets"][1]["id"] = "105"

    batch = parse("event", event)

    assert [(quote.venue_id, quote.value) for quote in batch.quotes] == [("105", Decimal("0.3"))]


@pytest.mark.parametrize(
    ("fields", "status", "resolution"),
    [
        ({}, MarketStatus.RESOLVED, "No"),
        ({"umaResolutionStatus": "settled"}, MarketStatus.RESOLVED, "No"),
        ({"umaResolutionStatus": None}, MarketStatus.CLOSED, None),
        ({"umaResolutionStatus": "proposed"}, MarketStatus.CLOSED, None),
        ({"umaResolutionStatus": ""}, MarketStatus.CLOSED, None),
        ({"outcomePrices": '["0", "0"]'}, MarketStatus.CLOSED, None),
        ({"outcomePrices": '["0.58", "0.42"]'}, MarketStatus.CLOSED, None),
        ({"outcomePrices": '["0.5", "0.5"]'}, MarketStatus.RESOLVED, "split"),
        ({"closed": False}, MarketStatus.OPEN, None),
    ],
)
def test_a_market_is_resolved_only_when_the_oracle_says_so(
    fields: dict[str, object], status: MarketStatus, resolution: str | None
) -> None:
    event = load("event.json")
    event["markets"] = [{**event["markets"][3], **fields}]

    market = parse("event", event).markets[0]

    assert (market.status, market.resolution) == (status, resolution)
    assert (market.resolved_at is not None) == (status is MarketStatus.RESOLVED)


def test_one_bad_leg_costs_one_leg() -> None:
    event = load("event.json")
    event["markets"][1]["clobTokenIds"] = '["1"]'
    event["markets"].append("not a market")

    batch = parse("event", event)

    assert [market.venue_id for market in batch.markets] == ["101", "103", "104"]
    assert [reject.reason for reject in batch.rejects] == [
        "2 outcomes do not pair with 1 tokens",
        "a market that is not an object",
    ]


@pytest.mark.parametrize("poison", ["NaN", "1e999", "6_4_0", True, 1.2, -0.1, []])
def test_a_poisoned_price_costs_the_price_and_not_the_market(poison: object) -> None:
    event = load("event.json")
    event["markets"][0]["bestBid"] = poison

    batch = parse("event", event)

    assert len(batch.markets) == 4
    assert [quote.venue_id for quote in batch.quotes] == ["102"]
    assert len(batch.rejects) == 1


def test_unknown_fields_and_null_lists_are_taken_in_stride() -> None:
    event = {**load("event.json"), "brandNew": {"deep": [1]}, "tags": None}
    event["markets"][0]["umaResolutionStatuses"] = None

    assert len(parse("event", event).markets) == 4
    assert parse("event", {**event, "markets": None}).markets == ()
    assert parse("search", {"events": None, "pagination": {"hasMore": False}}).markets == ()


def test_a_repeated_market_is_kept_once_and_counted() -> None:
    event = load("event.json")
    event["markets"] = event["markets"][:1] * 2

    batch = parse("event", event)

    assert (len(batch.markets), len(batch.quotes)) == (1, 1)
    assert batch.rejects[0].reason == "repeated market"


def test_a_lone_market_knows_its_series_from_its_event() -> None:
    batch = parse("market", load("market.json"), refs=["polymarket/id:101"])

    assert batch.markets[0].series == SLUG
    assert batch.followed == (("polymarket", "101", "polymarket/id:101"),)


def test_the_best_of_a_book_is_the_highest_bid_and_the_lowest_ask() -> None:
    tokens = {token(1): ["101", "1234.5"], token(3): ["102", None]}

    batch = parse("books", load("books.json"), tokens=tokens)

    acme, zeta = batch.quotes
    assert (acme.bid, acme.ask, acme.last) == (Decimal("0.40"), Decimal("0.42"), Decimal("0.410"))
    assert (acme.at, acme.observed_at) == (NOW, NOW)
    assert acme.venue_at == datetime(2026, 6, 1, 12, 0, 0, 123000, tzinfo=UTC)
    assert acme.volume_24h == Decimal("1234.5")
    assert (zeta.bid, zeta.ask, zeta.last) == (None, Decimal("0.03"), None)
    assert [outcome for _, _, outcome in batch.read_outcomes] == [token(1), token(3)]


def test_an_empty_book_is_read_and_gives_no_quote() -> None:
    book = {**load("books.json")[1], "bids": None, "asks": []}

    batch = parse("books", [book], tokens={token(3): ["102", None]})

    assert batch.quotes == ()
    assert batch.read_outcomes == (("polymarket", "102", token(3)),)


BAD_BOOKS: dict[str, tuple[dict[str, object], str]] = {
    "another token": ({"asset_id": "5"}, "nobody asked for"),
    "crossed": ({"bids": [{"price": "0.5", "size": "1"}]}, "crossed book"),
    "price not a number": ({"bids": [{"price": "nan", "size": "1"}]}, "is not a number"),
    "price out of range": ({"asks": [{"price": "1.5", "size": "1"}]}, "not a probability"),
    "level without a price": ({"asks": [{"size": "1"}]}, "without a price"),
    "side of another type": ({"asks": {"0.4": "1"}}, "not a list"),
    "time in another unit": ({"timestamp": "1780315200"}, "not a time"),
}


@pytest.mark.parametrize(("fields", "reason"), BAD_BOOKS.values(), ids=BAD_BOOKS.keys())
def test_a_bad_book_costs_one_book(fields: dict[str, object], reason: str) -> None:
    books = [{**load("books.json")[0], **fields}, load("books.json")[1]]
    tokens = {token(1): ["101", None], token(3): ["102", None]}

    batch = parse("books", books, tokens=tokens)

    assert [quote.venue_id for quote in batch.quotes] == ["102"]
    assert [reason in reject.reason for reject in batch.rejects] == [True]


def test_levels_without_size_are_gone_levels() -> None:
    book = {**load("books.json")[0], "bids": [{"price": "0.41", "size": "0"}]}

    batch = parse("books", book, tokens={token(1): ["101", None]})

    assert batch.quotes[0].bid is None


@pytest.mark.parametrize("name", ["prices-history.json", "prices-history-v2.json"])
def test_history_keeps_the_venues_instants(name: str) -> None:
    batch = parse("prices-history", load(name), venue_id="101", token_id=token(1))

    first = batch.quotes[0]
    assert first.basis is PriceBasis.VENUE_HISTORY
    assert (first.value, first.bid, first.ask) == (Decimal("0.4"), None, None)
    assert first.at == first.venue_at == datetime(2026, 6, 1, 11, 0, tzinfo=UTC)
    assert first.observed_at == NOW


def test_history_without_its_market_is_refused() -> None:
    with pytest.raises(ParseError, match="needs to know its market"):
        parse("prices-history", load("prices-history.json"))


def test_an_empty_history_is_no_error() -> None:
    batch = parse("prices-history", {"history": []}, venue_id="101", token_id=token(1))

    assert batch == Batch()


def test_both_generations_of_trades_give_the_same_records() -> None:
    old = parse("trades", load("trades.json"), venue_id="101")
    new = parse("trades", load("trades-v2.json"), venue_id="101")

    assert old.trades == new.trades
    assert (old.trades[0].side, old.trades[0].price, old.trades[0].size) == (
        "buy",
        Decimal("0.41"),
        Decimal("12.5"),
    )
    assert old.trades[0].trade_id != old.trades[1].trade_id


def test_a_trade_of_another_market_is_refused() -> None:
    batch = parse("trades", load("trades.json"), markets={"0x2": "102"})

    assert batch.trades == ()
    assert len(batch.rejects) == 2


@pytest.mark.parametrize(
    "shape",
    ["event", "market", "books", "prices-history", "trades", "ws", "clob-market", "resolutions"],
)
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"history": [', b"NaN", b"[" * 100_000, b"\xff\xfe\x00", b"1" * 5000]
)
def test_what_is_no_json_is_a_parse_error(shape: str, body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(shape, body, venue_id="101", token_id="1")


@pytest.mark.parametrize("shape", ["event", "books", "prices-history", "trades"])
def test_an_error_with_status_200_is_a_parse_error(shape: str) -> None:
    with pytest.raises(ParseError, match="Invalid payload"):
        parse(shape, {"error": "Invalid payload"}, venue_id="101", token_id="1")


def test_an_unknown_shape_is_a_parse_error() -> None:
    with pytest.raises(ParseError, match="shape"):
        parse("ws-market", {})


SHAPES = {
    "event": ("event.json", {"refs": ["polymarket/event:x"]}),
    "market": ("market.json", {}),
    "books": ("books.json", {"tokens": {token(1): ["101", "1"], token(3): ["102", None]}}),
    "search": ("event.json", {"words": ["acme"], "at_most": 2}),
    "markets": ("market.json", {"refs_of": {"101": ["polymarket/id:101"]}}),
    "prices-history": ("prices-history.json", {"venue_id": "101", "token_id": "1"}),
    "trades": ("trades-v2.json", {"venue_id": "101", "token_id": token(1), "since": 0}),
    "ws": ("books.json", {"tokens": {token(1): ["101", "1"], token(3): ["102", None]}}),
    "clob-market": ("clob-market.json", {"markets": {"0x1": ["101", "Q?", ["Yes", "No"]]}}),
    "resolutions": ("resolutions.json", {"markets": {"0x1": ["101", "Q?", ["Yes", "No"]]}}),
}


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_mutated_answers_raise_nothing_but_parse_errors(
    shape: str, mutate: Callable[[Any, st.DataObject], bytes], data: st.DataObject
) -> None:
    name, context = SHAPES[shape]
    body = mutate(load(name), data)

    try:
        first = parse(shape, body, **context)
    except ParseError:
        return

    assert parse(shape, body, **context) == first
    assert all(0 <= price <= 1 for q in first.quotes for price in (q.bid, q.ask, q.value) if price)


async def test_a_poll_reads_the_event_then_the_first_outcomes_books(network: Network) -> None:
    venue, source = Venue(), a_source(by_event())
    async with network(venue) as http:
        pages = await source.fetch(http, {})

    batch = merged(source, pages)
    asked = json.loads(venue.requests[1].content)
    assert [page.shape for page in pages] == ["event", "books"]
    assert asked == [{"token_id": token(1)}, {"token_id": token(3)}]
    assert [(q.venue_id, q.basis) for q in batch.quotes] == [
        ("101", PriceBasis.BOOK),
        ("102", PriceBasis.BOOK),
    ]
    assert batch.rejects == ()


async def test_nothing_followed_asks_nothing(network: Network) -> None:
    venue = Venue()
    async with network(venue) as http:
        kalshi = MarketRef(venue="kalshi", event="X")
        assert await a_source(kalshi).fetch(http, {}) == []

    assert venue.requests == []


async def test_an_event_that_is_not_there_is_a_reject_and_not_an_outage(network: Network) -> None:
    gone = MarketRef(venue="polymarket", event="no-such-event")
    source = a_source(by_event(), gone)
    async with network(Venue()) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert len(batch.markets) == 4
    assert [reject.reason for reject in batch.rejects] == ["event 'no-such-event' not found (404)"]


async def test_a_market_by_id_is_read_with_its_book(network: Network) -> None:
    source = a_source(MarketRef(venue="polymarket", id="101"))
    async with network(Venue()) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert [(quote.venue_id, quote.bid) for quote in batch.quotes] == [("101", Decimal("0.40"))]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, json={"error": "Invalid payload"}),
        httpx.Response(200, json={"error": "Invalid payload"}),
    ],
)
async def test_a_refused_batch_is_asked_token_by_token(
    network: Network, answer: httpx.Response
) -> None:
    venue, source = Venue(), a_source(by_event())
    venue.books = lambda _: answer
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert venue.asked["/book"] == 2
    assert [quote.bid for quote in batch.quotes] == [Decimal("0.40"), None]
    assert batch.rejects == ()


async def test_a_token_without_a_book_falls_back_to_gamma(network: Network) -> None:
    venue, source = Venue(), a_source(by_event())
    venue.events[SLUG]["markets"][1]["clobTokenIds"] = [token(7), token(8)]
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert {(q.venue_id, q.basis) for q in batch.quotes} == {
        ("101", PriceBasis.BOOK),
        ("102", PriceBasis.TRADE),
    }
    assert batch.rejects == ()


async def test_a_clob_that_is_down_is_said_and_gamma_stands_in(network: Network) -> None:
    venue, source = Venue(), a_source(by_event())
    venue.books = lambda _: httpx.Response(503)
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert len(batch.quotes) == 2
    assert "2 books were not read" in batch.rejects[0].reason


async def test_books_are_asked_in_batches_of_a_hundred(network: Network) -> None:
    venue, source = Venue(), a_source(by_event())
    template = venue.events[SLUG]["markets"][0]
    venue.events[SLUG]["markets"] = [
        {**template, "id": str(n), "clobTokenIds": [f"9{n}", f"8{n}"]} for n in range(250)
    ]
    sizes: list[int] = []

    def books(tokens: list[str]) -> httpx.Response:
        sizes.append(len(tokens))
        return httpx.Response(200, json=[{**load("books.json")[0], "asset_id": t} for t in tokens])

    venue.books = books
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert sizes == [100, 100, 50]
    assert len(batch.quotes) == 250


async def test_a_rate_limit_stops_the_poll_and_is_handed_on(network: Network) -> None:
    venue, source = Venue(), a_source(by_event())
    venue.events[SLUG] = httpx.Response(429, headers={"retry-after": "60"})
    async with network(venue) as http:
        with pytest.raises(TransientSourceError) as caught:
            await source.fetch(http, {})

    assert caught.value.retry_after_s == 60


async def test_a_login_wall_is_permanent(network: Network) -> None:
    venue, source = Venue(), a_source(by_event())
    venue.events[SLUG] = httpx.Response(403)
    async with network(venue) as http:
        with pytest.raises(PermanentSourceError):
            await source.fetch(http, {})


async def test_one_failing_event_does_not_hide_the_others(network: Network) -> None:
    venue = Venue()
    venue.events["broken"] = httpx.Response(500)
    source = a_source(MarketRef(venue="polymarket", event="broken"), by_event())
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert len(batch.markets) == 4
    assert "event:broken was not read" in batch.rejects[0].reason


def listing_of(*pages: dict[str, object]) -> Callable[[httpx.Request], object]:
    by_cursor = {None: pages[0]} | {f"c{n}": page for n, page in enumerate(pages[1:], start=1)}
    return lambda request: by_cursor[request.url.params.get("after_cursor")]


async def test_a_slug_pattern_pages_the_listing_and_filters_by_itself(network: Network) -> None:
    venue = Venue()
    noise = {"slug": "an-example-of-noise", "markets": []}
    venue.listing = listing_of(
        {"events": [noise], "next_cursor": "c1"}, {"events": [venue.events[SLUG]]}
    )
    source = a_source(MarketRef(venue="polymarket", event_pattern="example-model-*"))
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    asked = venue.requests[0].url.params
    assert (asked["closed"], asked["title_search"]) == ("false", "example")
    assert venue.requests[1].url.params["title_search"] == "example"
    assert {key for _, _, key in batch.followed} == {"polymarket/event_pattern:example-model-*"}
    assert len(batch.markets) == 4


async def test_a_cursor_that_repeats_ends_the_listing(network: Network) -> None:
    venue = Venue()
    venue.listing = lambda _: {"events": [venue.events[SLUG]], "next_cursor": "same"}
    source = a_source(MarketRef(venue="polymarket", event_pattern="example-*"))
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert venue.asked["/events/keyset"] == 2
    assert "repeats its cursor" in batch.rejects[0].reason


async def test_a_listing_without_an_end_is_cut(network: Network) -> None:
    venue = Venue()
    venue.listing = lambda _: {
        "events": [venue.events[SLUG]],
        "next_cursor": str(venue.asked["/events/keyset"]),
    }
    source = a_source(MarketRef(venue="polymarket", event_pattern="example-*"))
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert venue.asked["/events/keyset"] == 10
    assert "longer than 10 pages" in batch.rejects[0].reason


async def test_a_pattern_the_listing_misses_is_searched(network: Network) -> None:
    venue = Venue()
    venue.search = lambda _: {"events": [venue.events[SLUG]], "pagination": {"hasMore": False}}
    source = a_source(MarketRef(venue="polymarket", event_pattern="example-model-*"))
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert len(batch.markets) == 4


async def test_a_search_is_narrowed_by_title_and_skips_closed_events(network: Network) -> None:
    venue = Venue()
    venue.search = lambda request: {
        "events": [
            {**venue.events[SLUG], "markets": []},
            {"slug": "stock-noise", "title": "What price will X hit?", "markets": []},
            {"slug": "old-example", "title": "Example model of May", "closed": True},
        ],
        "pagination": {"hasMore": request.url.params["page"] == "1"},
    }
    source = a_source(
        MarketRef(venue="polymarket", search="example", title_match="(?i)example model")
    )
    async with network(venue) as http:
        await source.fetch(http, {})

    assert venue.asked["/public-search"] == 2
    assert [path for path in venue.asked if path.startswith("/events/slug")] == [
        f"/events/slug/{SLUG}"
    ]


async def test_found_events_are_remembered_for_a_quarter_of_an_hour(network: Network) -> None:
    venue = Venue()
    venue.listing = lambda _: {"events": [venue.events[SLUG]]}
    source = a_source(MarketRef(venue="polymarket", event_pattern="example-*"))
    async with network(venue) as http:
        cursor = merged(source, await source.fetch(http, {})).cursor
        again = merged(source, await source.fetch(http, cursor))
        stale = {**cursor, "discovered_at": (NOW - timedelta(minutes=15)).isoformat()}
        await source.fetch(http, stale)

    assert json.loads(json.dumps(cursor)) == cursor
    assert len(again.markets) == 4
    assert venue.asked["/events/keyset"] == 2


async def test_an_event_the_listing_drops_is_read_until_it_is_settled(network: Network) -> None:
    venue = Venue()
    venue.listing = lambda _: {"events": [venue.events[SLUG]]}
    source = a_source(MarketRef(venue="polymarket", event_pattern="example-*"))
    async with network(venue) as http:
        cursor = merged(source, await source.fetch(http, {})).cursor
        venue.listing = lambda _: {"events": []}
        settled = load("event.json")
        settled["closed"] = True
        settled["markets"] = settled["markets"][3:]
        venue.events[SLUG] = settled
        last = merged(source, await source.fetch(http, {**cursor, "discovered_at": None}))
        quiet = merged(source, await source.fetch(http, last.cursor))

    assert last.markets[0].status is MarketStatus.RESOLVED
    assert quiet.markets == ()
    assert venue.asked[f"/events/slug/{SLUG}"] == 2


async def test_a_settled_configured_event_is_reread_only_with_the_look_ups(
    network: Network,
) -> None:
    venue, source = Venue(), a_source(by_event())
    venue.events[SLUG] = {**load("event.json"), "closed": True}
    venue.events[SLUG]["markets"] = venue.events[SLUG]["markets"][3:]
    async with network(venue) as http:
        cursor = merged(source, await source.fetch(http, {})).cursor
        kept = merged(source, await source.fetch(http, cursor)).cursor
        await source.fetch(http, {**kept, "discovered_at": (NOW - timedelta(hours=1)).isoformat()})

    assert venue.asked[f"/events/slug/{SLUG}"] == 2


async def test_a_failed_look_up_keeps_what_was_found(network: Network) -> None:
    venue = Venue()
    venue.listing = lambda _: {"events": [venue.events[SLUG]]}
    source = a_source(MarketRef(venue="polymarket", event_pattern="example-*"))
    async with network(venue) as http:
        cursor = merged(source, await source.fetch(http, {})).cursor
        venue.listing = lambda _: {"error": "try later"}
        batch = merged(source, await source.fetch(http, {**cursor, "discovered_at": "garbage"}))

    assert len(batch.markets) == 4
    assert "was not looked up" in batch.rejects[0].reason
    assert batch.cursor["discovered_at"] is None


async def test_following_keeps_only_its_own_venue_and_leaves_the_source_alone() -> None:
    source = PolymarketSource(name="polymarket")

    followed = source.following([by_event(), by_event(), MarketRef(venue="kalshi", event="X")])

    assert followed.follow == (by_event(),)
    assert source.follow == ()
