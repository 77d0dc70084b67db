from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ParseError, PermanentSourceError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.sources.base import MarketRef, Page, Searching
from monitor.sources.manifold import ManifoldSource
from storage.records import Batch, MarketStatus, PriceBasis

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
BINARY, MULTI = "Bin0ryMkt1", "MultiMkt01"
SLUG = "will-acme-lead-the-example-board-on"
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]
FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "manifold"


def load(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def parse(shape: str, payload: object, *, at: datetime = NOW, **context: object) -> Batch:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    page = Page(shape, f"https://venue.example/{shape}", body, at, context)
    return ManifoldSource(name="manifold").parse(page)


def a_source(*refs: MarketRef) -> ManifoldSource:
    return ManifoldSource(name="manifold").following(refs)


def by_id(name: str = BINARY) -> MarketRef:
    return MarketRef(venue="manifold", id=name)


KNOWN = {
    "/search-markets": {"term", "filter", "sort", "limit", "topicSlug", "includeLiteAnswers"},
    "/market-probs": {"ids"},
}


class Venue:
    """A small Manifold: strict about parameters, records what is asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.requests: list[httpx.Request] = []
        self.markets: dict[str, Any] = {BINARY: load("market.json"), MULTI: load("multi.json")}
        self.probs: dict[str, Any] = load("probs.json")
        self.found: Any = load("search.json")
        self.broken: dict[str, httpx.Response] = {}
        self.most_ids = 100

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v0")
        self.requests.append(request)
        self.asked[path] += 1
        if path in self.broken:
            return self.broken[path]
        if set(request.url.params) - KNOWN.get(path, set()):
            return httpx.Response(400, json={"message": "Error validating request."})
        if path == "/search-markets":
            return httpx.Response(200, json=self.found)
        if path == "/market-probs":
            return self.many(request.url.params.get_list("ids"))
        name = path.split("/")[2]
        slugs = {market["slug"]: market for market in self.markets.values()}
        market = self.markets.get(name) if path.startswith("/market/") else slugs.get(name)
        if market is None:
            return httpx.Response(404, json={"message": "Contract not found"})
        return httpx.Response(200, json=self.probs[name] if path.endswith("/prob") else market)

    def many(self, ids: list[str]) -> httpx.Response:
        if not 1 < len(ids) <= self.most_ids:
            return httpx.Response(400, json={"message": "Error validating request."})
        return httpx.Response(200, json={n: self.probs[n] for n in ids if n in self.probs})


def merged(source: ManifoldSource, pages: list[Page]) -> Batch:
    batches = [source.parse(page) for page in pages]
    return Batch(
        markets=tuple(m for b in batches for m in b.markets),
        quotes=tuple(q for b in batches for q in b.quotes),
        read_outcomes=tuple(r for b in batches for r in b.read_outcomes),
        followed=tuple(f for b in batches for f in b.followed),
        rejects=tuple(r for b in batches for r in b.rejects),
        cursor={key: value for b in batches for key, value in b.cursor.items()},
    )


def prices(batch: Batch) -> dict[str, Decimal | None]:
    return {quote.venue_outcome_id: quote.value for quote in batch.quotes}


# Markets


def test_a_binary_question_has_the_outcomes_yes_and_no_and_one_price() -> None:
    batch = parse("market", load("market.json"), refs=["manifold/id:x"])

    (market,) = batch.markets
    assert (market.venue, market.venue_id, market.series) == ("manifold", BINARY, None)
    assert [(o.venue_outcome_id, o.name, o.index) for o in market.outcomes] == [
        ("YES", "Yes", 0),
        ("NO", "No", 1),
    ]
    assert market.rules == "Settles by the example board, style control off."
    assert market.slug == SLUG
    (quote,) = batch.quotes
    assert (quote.basis, quote.value) == (PriceBasis.AMM, Decimal("0.337125"))
    assert (quote.bid, quote.ask, quote.last) == (None, None, None)
    assert (quote.at, quote.observed_at, quote.volume_24h) == (NOW, NOW, Decimal("65.25"))
    assert batch.read_outcomes == (("manifold", BINARY, "YES"),)
    assert batch.followed == (("manifold", BINARY, "manifold/id:x"),)


def test_times_are_milliseconds() -> None:
    (market,) = parse("market", load("market.json")).markets

    assert market.closes_at == datetime(2026, 6, 30, 12, 0, tzinfo=UTC)


def test_a_close_beyond_reason_is_unknown_and_costs_no_price() -> None:
    batch = parse("market", {**load("market.json"), "closeTime": 253402300000000})

    assert batch.markets[0].closes_at is None
    assert prices(batch) == {"YES": Decimal("0.337125")}


def test_a_multi_answer_question_is_one_market_whose_answers_are_its_outcomes() -> None:
    batch = parse("market", load("multi.json"))

    (market,) = batch.markets
    assert (market.venue_id, market.series) == (MULTI, MULTI)
    assert [(o.venue_outcome_id, o.name, o.index) for o in market.outcomes] == [
        ("AnsAcme001", "Acme", 0),
        ("AnsZeta001", "Zeta", 1),
        ("AnsOther01", "Other", 2),
    ]
    assert prices(batch) == {
        "AnsAcme001": Decimal("0.55"),
        "AnsZeta001": Decimal("0.35"),
        "AnsOther01": Decimal("0.1"),
    }
    assert {quote.volume_24h for quote in batch.quotes} == {None}


def test_a_listing_without_answers_gives_the_question_and_no_price() -> None:
    lite = {key: value for key, value in load("multi.json").items() if key != "answers"}

    batch = parse("markets", [lite])

    assert batch.markets[0].outcomes == ()
    assert (batch.quotes, batch.rejects) == ((), ())


def test_lite_answers_carry_their_price_under_another_name() -> None:
    batch = parse("markets", load("search.json"))

    assert prices(batch)["AnsZeta001"] == Decimal("0.35")
    assert len(batch.quotes) == 4


@pytest.mark.parametrize("kind", ["MULTI_NUMERIC", "POLL", "BOUNTIED_QUESTION", "STONK", "PERP"])
def test_a_kind_without_a_probability_is_refused_by_name(kind: str) -> None:
    batch = parse("markets", [{**load("market.json"), "outcomeType": kind}])

    assert batch.markets == ()
    assert [r.reason for r in batch.rejects] == [f"a {kind} has no probability to follow"]


def test_an_open_binary_without_its_probability_keeps_its_market_and_is_counted() -> None:
    market = load("market.json")
    del market["probability"]

    batch = parse("market", market)

    assert (len(batch.markets), batch.quotes) == (1, ())
    assert [r.reason for r in batch.rejects] == ["a BINARY without its probability"]


RESULTS: list[tuple[dict[str, object], MarketStatus, str | None]] = [
    ({"isResolved": True, "resolution": "YES"}, MarketStatus.RESOLVED, "Yes"),
    ({"isResolved": True, "resolution": "NO"}, MarketStatus.RESOLVED, "No"),
    ({"isResolved": True, "resolution": "CANCEL"}, MarketStatus.RESOLVED, "N/A"),
    (
        {"isResolved": True, "resolution": "MKT", "resolutionProbability": 0.45},
        MarketStatus.RESOLVED,
        "MKT 0.45",
    ),
    ({"isResolved": True}, MarketStatus.RESOLVED, None),
    ({"isResolved": False, "resolution": "YES"}, MarketStatus.OPEN, None),
    ({"resolution": "YES"}, MarketStatus.OPEN, None),
    ({"closeTime": 1780315200000}, MarketStatus.CLOSED, None),
    ({"closeTime": 1780315200001}, MarketStatus.OPEN, None),
]


@pytest.mark.parametrize(("fields", "status", "resolution"), RESULTS)
def test_a_market_is_resolved_only_when_it_says_so_and_closed_when_its_close_has_passed(
    fields: dict[str, object], status: MarketStatus, resolution: str | None
) -> None:
    batch = parse("market", {**load("market.json"), "resolutionTime": 1780300000000, **fields})

    (market,) = batch.markets
    assert (market.status, market.resolution) == (status, resolution)
    assert (market.resolved_at is not None) == (status is MarketStatus.RESOLVED)
    assert bool(batch.quotes) == (status is MarketStatus.OPEN)


def test_a_multi_answer_result_is_the_answers_name_or_those_of_all_right_ones() -> None:
    one = {**load("multi.json"), "isResolved": True, "resolution": "AnsZeta001"}
    several = {**load("multi.json"), "isResolved": True, "resolution": "CHOOSE_MULTIPLE"}
    for answer in several["answers"][:2]:
        answer["resolution"] = "YES"
    unnamed = {**one, "answers": None}

    assert parse("market", one).markets[0].resolution == "Zeta"
    assert parse("market", several).markets[0].resolution == "Acme; Zeta"
    assert parse("market", unnamed).markets[0].resolution == "AnsZeta001"


def test_a_market_of_2022_has_no_slug_and_a_plain_description() -> None:
    old = {**load("market.json"), "description": "Plain words.", "tags": []}
    del old["slug"], old["textDescription"]

    (market,) = parse("market", old).markets

    assert (market.slug, market.rules) == (SLUG, "Plain words.")


def test_one_bad_row_costs_one_row() -> None:
    rows = [*load("search.json")[:2], "junk", {"outcomeType": "BINARY"}, {"id": "x"}]
    rows.append({**rows[1], "id": "twin", "answers": [{"id": "a"}, {"id": "a"}]})

    batch = parse("markets", rows)

    assert [market.venue_id for market in batch.markets] == [BINARY, MULTI]
    assert [reject.reason for reject in batch.rejects] == [
        "a market that is not an object",
        "a market without an id",
        "a market that does not say its outcomeType",
        "two answers share an id",
    ]


def test_a_repeated_market_is_kept_once_and_counted() -> None:
    batch = parse("markets", [load("market.json"), load("market.json")])

    assert (len(batch.markets), len(batch.quotes)) == (1, 1)
    assert [reject.reason for reject in batch.rejects] == ["repeated market"]


@pytest.mark.parametrize("poison", ["NaN", "1e999", True, 1.2, -0.1, []])
def test_a_poisoned_price_costs_the_price_and_not_the_market(poison: object) -> None:
    batch = parse("market", {**load("market.json"), "probability": poison})

    assert (len(batch.markets), batch.quotes, len(batch.rejects)) == (1, (), 1)


def test_unknown_fields_and_null_lists_are_taken_in_stride() -> None:
    market = {**load("multi.json"), "brandNew": {"deep": [1]}, "answers": None}

    assert parse("market", market).rejects == ()
    assert parse("markets", []).markets == ()
    assert parse("bets", []).quotes == ()


# Probabilities


def test_probabilities_are_quotes_of_yes_or_of_each_answer() -> None:
    batch = parse("probs", load("probs.json"), markets={BINARY: "65.25", MULTI: None})

    assert prices(batch)["YES"] == Decimal("0.337125")
    assert prices(batch)["AnsOther01"] == Decimal("0.1")
    assert [quote.volume_24h for quote in batch.quotes[:2]] == [Decimal("65.25"), None]
    assert len(batch.read_outcomes) == 4


def test_a_lone_probability_belongs_to_the_one_market_that_was_asked() -> None:
    assert prices(parse("probs", {"prob": 0.5}, markets={BINARY: None})) == {"YES": Decimal("0.5")}


def test_a_bad_probability_costs_its_outcome() -> None:
    probs = {
        BINARY: {"prob": None},
        MULTI: {"answerProbs": {"AnsAcme001": 0.5, "AnsZeta001": 1.5}},
        "stranger": {"prob": 0.1},
        "odd": [],
        "bare": {},
    }

    batch = parse("probs", probs, markets=dict.fromkeys([BINARY, MULTI, "odd", "bare"]))

    assert prices(batch) == {"AnsAcme001": Decimal("0.5")}
    assert len(batch.read_outcomes) == 1
    assert [reject.reason for reject in batch.rejects] == [
        "a probability of a market nobody asked for",
        "a market's probabilities are not an object",
        "a market without its probability",
        "an outcome without its probability",
        "1.5 is not a probability between 0 and 1",
    ]


# Bets


def test_bets_rebuild_the_prices_that_changed() -> None:
    batch = parse("bets", load("bets.json"), venue_id=BINARY, outcome_id="YES")

    assert [(quote.at.hour, quote.value) for quote in batch.quotes] == [
        (0, Decimal("0.43")),
        (1, Decimal("0.37")),
        (2, Decimal("0.36")),
        (4, Decimal("0.38")),
    ]
    assert {(q.basis, q.observed_at, q.venue_at == q.at) for q in batch.quotes} == {
        (PriceBasis.AMM, NOW, True)
    }
    assert batch.rejects == ()


def test_a_trade_is_told_in_yes_shares_and_redemptions_and_unfilled_orders_are_none() -> None:
    trades = parse("bets", load("bets.json")).trades

    assert [(t.trade_id, t.price, t.size, t.side) for t in trades] == [
        ("bet1", Decimal("0.4"), Decimal(75), "buy"),
        ("bet2", Decimal("0.4"), Decimal(20), "sell"),
        ("bet3", Decimal("0.4"), Decimal(25), "sell"),
        ("bet6", Decimal("0.37"), Decimal(20), "buy"),
    ]


def test_a_price_pushed_past_one_by_fees_is_the_probability_after_the_bet() -> None:
    bet = {**load("bets.json")[0], "amount": 76, "probAfter": 0.99}

    assert parse("bets", [bet]).trades[0].price == Decimal("0.99")


def test_a_sibling_that_moves_by_a_zero_share_redemption_is_a_price_and_no_trade() -> None:
    own = {**load("bets.json")[0], "contractId": MULTI, "answerId": "AnsAcme001"}
    sibling = {
        **own,
        "id": "bet1b",
        "answerId": "AnsZeta001",
        "amount": 0,
        "shares": 0,
        "isRedemption": True,
        "probBefore": 0.35,
        "probAfter": 0.3,
    }

    batch = parse("bets", [own, sibling])

    assert prices(batch) == {"AnsAcme001": Decimal("0.43"), "AnsZeta001": Decimal("0.3")}
    assert [trade.venue_outcome_id for trade in batch.trades] == ["AnsAcme001"]


def test_the_last_of_several_prices_in_one_millisecond_stands_whatever_the_order() -> None:
    first, second = load("bets.json")[:2]
    together = [first, {**second, "createdTime": first["createdTime"]}]

    batch = parse("bets", together)

    assert [quote.value for quote in batch.quotes] == [Decimal("0.37")]
    assert [quote.value for quote in parse("bets", [second, first]).quotes] == [
        Decimal("0.43"),
        Decimal("0.37"),
    ]


def test_bets_that_cannot_be_read_are_refused_one_by_one() -> None:
    good = load("bets.json")[0]
    rows = [
        good,
        good,
        "junk",
        {**good, "id": None},
        {**good, "id": "b2", "outcome": "7"},
        {**good, "id": "b3", "contractId": MULTI},
        {**good, "id": "b4", "createdTime": None},
        {**good, "id": "b5", "probAfter": 7},
        {**good, "id": "b6", "amount": None},
    ]

    batch = parse("bets", rows, venue_id=BINARY, outcome_id="YES")

    assert (len(batch.quotes), len(batch.trades)) == (1, 1)
    assert [reject.reason for reject in batch.rejects] == [
        "a bet that is not an object",
        "a bet without id",
        "a bet of an old pool: its outcome is neither YES nor NO",
        "a bet of a leg nobody asked for",
        "repeated bet",
        "a bet without a time or a probability",
        "7 is not a probability between 0 and 1",
        "amount is missing",
    ]


# Envelopes

ERROR = {"message": "Error validating request.", "details": [{"field": "limit", "error": "no"}]}


@pytest.mark.parametrize("shape", ["market", "markets", "probs", "bets"])
@pytest.mark.parametrize("body", [ERROR, b"", b"<html>", b"[1", "text", 7, None])
def test_a_wrong_envelope_is_a_parse_error(shape: str, body: object) -> None:
    with pytest.raises(ParseError):
        parse(shape, body)


def test_an_unknown_shape_is_a_parse_error() -> None:
    with pytest.raises(ParseError, match="shape"):
        parse("ws", {})


SHAPES: dict[str, tuple[str, dict[str, object]]] = {
    "market": ("multi.json", {"refs": ["manifold/id:x"]}),
    "markets": ("search.json", {}),
    "probs": ("probs.json", {"markets": {BINARY: "1", MULTI: None}}),
    "bets": ("bets.json", {}),
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
    assert all(quote.value is not None and 0 <= quote.value <= 1 for quote in first.quotes)
    assert all(0 <= trade.price <= 1 for trade in first.trades)


# A poll


async def test_a_first_poll_reads_the_markets_and_then_all_probabilities_in_one_call(
    network: Network,
) -> None:
    venue, source = Venue(), a_source(by_id(), by_id(MULTI))
    async with network(venue) as http:
        pages = await source.fetch(http, {})

    batch = merged(source, pages)
    assert [page.shape for page in pages] == ["market", "market", "probs"]
    assert venue.requests[-1].url.params.get_list("ids") == [BINARY, MULTI]
    assert len(batch.quotes) == len(prices(batch)) == 4
    assert batch.rejects == ()
    assert batch.cursor["polled"] == {
        BINARY: [0, 1782820800000, "65.25"],
        MULTI: [3, 1782820800000, None],
    }


async def test_between_look_ups_only_probabilities_are_asked(network: Network) -> None:
    venue, source = Venue(), a_source(by_id(), by_id(MULTI))
    async with network(venue) as http:
        first = merged(source, await source.fetch(http, {}))
        venue.asked.clear()
        again = merged(source, await source.fetch(http, first.cursor))

    assert venue.asked == {"/market-probs": 1}
    assert again.markets == ()
    assert again.quotes == first.quotes
    assert again.cursor == first.cursor


async def test_after_fifteen_minutes_the_markets_are_read_again(network: Network) -> None:
    venue, source = Venue(), a_source(by_id(), by_id(MULTI))
    async with network(venue) as http:
        cursor = merged(source, await source.fetch(http, {})).cursor
        venue.asked.clear()
        cursor["discovered_at"] = (http.now - timedelta(minutes=15)).isoformat()
        await source.fetch(http, cursor)

    assert venue.asked == {f"/market/{BINARY}": 1, f"/market/{MULTI}": 1, "/market-probs": 1}


async def test_one_market_alone_is_asked_without_the_array(network: Network) -> None:
    venue, source = Venue(), a_source(by_id())
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert venue.asked == {f"/market/{BINARY}": 1, f"/market/{BINARY}/prob": 1}
    assert prices(batch) == {"YES": Decimal("0.337125")}


async def test_more_than_a_hundred_markets_are_asked_in_several_calls(network: Network) -> None:
    venue = Venue()
    names = [f"Market{number:04}" for number in range(205)]
    venue.markets = {n: {**load("market.json"), "id": n, "slug": n} for n in names}
    venue.probs = {name: {"prob": 0.5} for name in names}
    source = a_source(*(by_id(name) for name in names))
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    asked = [r.url.params.get_list("ids") for r in venue.requests if "probs" in r.url.path]
    assert [len(ids) for ids in asked] == [100, 100, 5]
    assert len(batch.quotes) == 205


async def test_a_refused_call_is_asked_in_smaller_ones_and_at_last_one_by_one(
    network: Network,
) -> None:
    venue = Venue()
    names = [f"Market{number:04}" for number in range(41)]
    venue.markets = {n: {**load("market.json"), "id": n, "slug": n} for n in names}
    venue.probs = {name: {"prob": 0.5} for name in names}
    venue.most_ids = 20
    source = a_source(*(by_id(name) for name in names))
    async with network(venue) as http:
        smaller = merged(source, await source.fetch(http, {}))
        venue.most_ids = 0
        single = merged(source, await source.fetch(http, smaller.cursor))

    assert len(smaller.quotes) == len(single.quotes) == 41
    assert venue.asked[f"/market/{names[0]}/prob"] == 1
    assert smaller.rejects == single.rejects == ()


async def test_a_slug_is_read_by_slug_also_when_it_has_no_dash(network: Network) -> None:
    venue = Venue()
    venue.markets[MULTI]["slug"] = "lone"
    source = a_source(
        MarketRef(venue="manifold", event=SLUG), MarketRef(venue="manifold", event="lone")
    )
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert [market.venue_id for market in batch.markets] == [BINARY, MULTI]
    assert venue.asked[f"/slug/{SLUG}"] == venue.asked["/market/lone"] == 1
    assert venue.asked["/slug/lone"] == 1


async def test_a_new_answer_is_read_at_once_so_that_its_price_has_a_market(
    network: Network,
) -> None:
    venue, source = Venue(), a_source(by_id(MULTI), by_id())
    async with network(venue) as http:
        cursor = merged(source, await source.fetch(http, {})).cursor
        venue.markets[MULTI]["answers"].append({"id": "AnsNew0001", "text": "New"})
        venue.probs[MULTI]["answerProbs"]["AnsNew0001"] = 0.02
        pages = await source.fetch(http, cursor)
        later = await source.fetch(http, merged(source, pages).cursor)

    assert [page.shape for page in pages] == ["market", "probs"]
    assert len(source.parse(pages[0]).markets[0].outcomes) == 4
    assert prices(merged(source, pages))["AnsNew0001"] == Decimal("0.02")
    assert [page.shape for page in later] == ["probs"]


async def test_a_market_whose_close_has_passed_is_read_and_no_longer_priced(
    network: Network,
) -> None:
    venue, source = Venue(), a_source(by_id(), by_id(MULTI))
    async with network(venue) as http:
        cursor = merged(source, await source.fetch(http, {})).cursor
        at_noon = NOW.timestamp() * 1000
        cursor["polled"][BINARY][1] = at_noon  # type: ignore[index]
        venue.markets[BINARY]["closeTime"] = at_noon
        batch = merged(source, await source.fetch(http, cursor))

    assert [market.status for market in batch.markets] == [MarketStatus.CLOSED]
    assert {quote.venue_id for quote in batch.quotes} == {MULTI}
    assert list(batch.cursor["polled"]) == [MULTI]  # type: ignore[call-overload]


async def test_a_close_that_was_moved_and_a_resolution_that_was_undone_are_priced_again(
    network: Network,
) -> None:
    venue, source = Venue(), a_source(by_id())
    venue.markets[BINARY] |= {"isResolved": True, "resolution": "YES"}
    async with network(venue) as http:
        resolved = merged(source, await source.fetch(http, {}))
        venue.markets[BINARY] |= {"isResolved": False}
        resolved.cursor["discovered_at"] = (http.now - timedelta(minutes=15)).isoformat()
        undone = merged(source, await source.fetch(http, resolved.cursor))

    assert (resolved.markets[0].status, resolved.quotes) == (MarketStatus.RESOLVED, ())
    assert (undone.markets[0].status, len(undone.quotes)) == (MarketStatus.OPEN, 1)
    assert undone.markets[0].resolution is None


async def test_a_search_follows_what_its_title_matches_and_counts_what_has_no_price(
    network: Network,
) -> None:
    venue = Venue()
    ref = MarketRef(venue="manifold", search="example board", title_match="(?i)^wh")
    source = a_source(ref)
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert dict(venue.requests[0].url.params) == {
        "term": "example board",
        "filter": "open",
        "sort": "score",
        "limit": "100",
    }
    assert batch.followed == (("manifold", MULTI, ref.key),)
    assert batch.cursor["found"] == {MULTI: [ref.key]}
    assert [r.reason for r in batch.rejects] == [
        f"{ref.key} finds 1 without a probability to follow"
    ]


async def test_a_pattern_is_a_glob_on_slugs_and_a_tag_is_a_topic(network: Network) -> None:
    venue = Venue()
    pattern = MarketRef(venue="manifold", event_pattern="which-company-*")
    tag = MarketRef(venue="manifold", tag="example-boards", max_events=1)
    source = a_source(pattern, tag)
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert venue.requests[0].url.params["term"] == "which company"
    assert venue.requests[1].url.params["topicSlug"] == "example-boards"
    assert batch.cursor["found"] == {MULTI: [pattern.key], BINARY: [tag.key]}
    assert f"{tag.key} finds more than 1 markets; narrow it" in [r.reason for r in batch.rejects]


async def test_a_found_market_stays_until_it_has_resolved(network: Network) -> None:
    venue = Venue()
    source = a_source(MarketRef(venue="manifold", search="acme", title_match="^Will"))
    async with network(venue) as http:
        cursor = merged(source, await source.fetch(http, {})).cursor
        venue.found = []
        cursor["discovered_at"] = (http.now - timedelta(minutes=15)).isoformat()
        kept = merged(source, await source.fetch(http, cursor))
        venue.markets[BINARY] |= {"isResolved": True, "resolution": "NO"}
        kept.cursor["discovered_at"] = (http.now - timedelta(minutes=15)).isoformat()
        resolved = merged(source, await source.fetch(http, kept.cursor))

    assert list(kept.cursor["found"]) == [BINARY]  # type: ignore[call-overload]
    assert resolved.markets[0].resolution == "No"
    assert resolved.cursor["found"] == {}


async def test_a_market_followed_twice_is_read_once_for_both(network: Network) -> None:
    venue = Venue()
    search = MarketRef(venue="manifold", search="acme", title_match="^Will")
    slug = MarketRef(venue="manifold", event=SLUG)
    source = a_source(search, slug)
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert len(batch.markets) == 1
    assert {key for _, _, key in batch.followed} == {search.key, slug.key}


async def test_other_references_forget_what_was_polled(network: Network) -> None:
    venue = Venue()
    async with network(venue) as http:
        both = a_source(by_id(), by_id(MULTI))
        cursor = merged(both, await both.fetch(http, {})).cursor
        one = a_source(by_id())
        batch = merged(one, await one.fetch(http, cursor))

    assert {quote.venue_id for quote in batch.quotes} == {BINARY}


async def test_a_market_that_is_gone_is_said_and_costs_nothing_else(network: Network) -> None:
    venue, source = Venue(), a_source(by_id(), by_id(MULTI), by_id("Gone000001"))
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert len(batch.markets) == 2
    assert [r.reason for r in batch.rejects] == ["market 'Gone000001' not found (404)"]


async def test_what_was_not_read_is_read_next_time_and_the_rest_is_not(network: Network) -> None:
    venue, source = Venue(), a_source(by_id(), by_id(MULTI))
    venue.broken[f"/market/{MULTI}"] = httpx.Response(500)
    async with network(venue) as http:
        first = merged(source, await source.fetch(http, {}))
        venue.broken.clear()
        venue.asked.clear()
        second = merged(source, await source.fetch(http, first.cursor))

    assert first.cursor["unread"] == [MULTI]
    assert prices(first) == {"YES": Decimal("0.337125")}
    assert venue.asked[f"/market/{MULTI}"] == 1
    assert venue.asked[f"/market/{BINARY}"] == 0
    assert len(second.quotes) >= 3


async def test_when_probabilities_fail_the_markets_just_read_still_give_their_price(
    network: Network,
) -> None:
    venue, source = Venue(), a_source(by_id(), by_id(MULTI))
    venue.broken["/market-probs"] = httpx.Response(502)
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert len(batch.quotes) == 4
    assert "2 probabilities were not read" in batch.rejects[0].reason


async def test_a_failed_search_is_asked_again_alone(network: Network) -> None:
    venue = Venue()
    search = MarketRef(venue="manifold", search="acme")
    source = a_source(search, by_id())
    venue.broken["/search-markets"] = httpx.Response(503)
    async with network(venue) as http:
        first = merged(source, await source.fetch(http, {}))
        venue.broken.clear()
        venue.asked.clear()
        await source.fetch(http, first.cursor)

    assert first.cursor["unsearched"] == [search.key]
    assert venue.asked["/search-markets"] == 1


async def test_a_request_to_wait_ends_the_poll(network: Network) -> None:
    venue, source = Venue(), a_source(by_id(), by_id(MULTI))
    wait = httpx.Response(429, headers={"retry-after": "60"}, json={"message": "slow down"})
    venue.broken[f"/market/{BINARY}"] = wait
    async with network(venue) as http:
        with pytest.raises(TransientSourceError) as raised:
            await source.fetch(http, {})

    assert raised.value.retry_after_s == 60
    assert venue.asked == {f"/market/{BINARY}": 1}


async def test_a_host_that_fails_twice_running_is_left_alone(network: Network) -> None:
    names = [f"Market{number:04}" for number in range(9)]
    venue, source = Venue(), a_source(*(by_id(name) for name in names))
    venue.broken = {f"/market/{name}": httpx.Response(500) for name in names}
    async with network(venue) as http:
        with pytest.raises(TransientSourceError):
            await source.fetch(http, {})

    assert len(venue.asked) == 2


async def test_a_refusal_is_raised_when_nothing_was_read(network: Network) -> None:
    venue, source = Venue(), a_source(by_id())
    venue.broken[f"/market/{BINARY}"] = httpx.Response(403, json={"message": "no"})
    async with network(venue) as http:
        with pytest.raises(PermanentSourceError):
            await source.fetch(http, {})


async def test_a_garbled_cursor_is_like_none(network: Network) -> None:
    venue, source = Venue(), a_source(by_id())
    odd = {"refs": 7, "polled": [1], "found": "x", "unread": {}, "discovered_at": "soon"}
    async with network(venue) as http:
        clean = merged(source, await source.fetch(http, {}))
        garbled = merged(source, await source.fetch(http, odd))

    assert garbled == clean


async def test_a_source_that_follows_nothing_asks_nothing(network: Network) -> None:
    venue = Venue()
    async with network(venue) as http:
        other = MarketRef(venue="kalshi", id="KX")
        assert await a_source(other).fetch(http, {}) == []

    assert venue.requests == []


# Search


async def test_a_search_asks_for_open_markets_with_their_answers(network: Network) -> None:
    venue, source = Venue(), ManifoldSource(name="manifold")
    assert isinstance(source, Searching)
    async with network(venue) as http:
        pages = await source.search(http, "example board", limit=10)

    batch = merged(source, pages)
    assert dict(venue.requests[0].url.params) == {
        "term": "example board",
        "filter": "open",
        "sort": "score",
        "limit": "30",
        "includeLiteAnswers": "true",
    }
    assert [market.venue_id for market in batch.markets] == [BINARY, MULTI]
    assert len(batch.quotes) == 4
