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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.errors import ParseError, PermanentSourceError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.sources.base import Backfilling, MarketRef, Page, Searching
from monitor.sources.kalshi import KalshiSource
from monitor.sources.kalshi.wire import dollars, number, price
from storage.records import Batch, MarketStatus, PriceBasis

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
EVENT = "KXEXMODEL-26JUN"
ACME, ZETA, NEWCO, OMEGA, NIX = (f"{EVENT}-{n}" for n in ("ACME", "ZETA", "NEWCO", "OMEGA", "NIX"))
FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "kalshi"
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]


def load(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def parse(shape: str, payload: object, **context: object) -> Batch:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    page = Page(shape, f"https://venue.example/{shape}", body, NOW, context)
    return KalshiSource(name="kalshi").parse(page)


def a_source(*refs: MarketRef) -> KalshiSource:
    return KalshiSource(name="kalshi", api_url="https://venue.example").following(refs)


def by_event() -> MarketRef:
    return MarketRef(venue="kalshi", event=EVENT)


def one_market(**fields: object) -> dict[str, object]:
    return {"market": {**load("event.json")["event"]["markets"][0], **fields}}


def asking(*tickers: str) -> dict[str, object]:
    return {"tickers": {ticker: [None, None] for ticker in tickers}}


def listed(*tickers: str, cursor: str = "", title: str = "Which model?") -> dict[str, object]:
    events = [{"event_ticker": t, "series_ticker": "KX", "title": title} for t in tickers]
    return {"events": events, "cursor": cursor}


class Venue:
    """A small Kalshi: records what is asked and answers from the fixtures."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.requests: list[httpx.Request] = []
        self.answers: dict[str, Any] = {
            f"/events/{EVENT}": load("event.json"),
            "/markets/orderbooks": self.all_books,
            "/events": listed(),
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.requests.append(request)
        self.asked[path] += 1
        answer = self.answers.get(path)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, httpx.Response):
            return answer
        if answer is None:
            return httpx.Response(404, json={"error": {"code": "not_found", "message": "no"}})
        return httpx.Response(200, json=answer)

    def all_books(self, request: httpx.Request) -> object:
        wanted = request.url.params.get_list("tickers")
        books = load("orderbooks.json")["orderbooks"]
        return {"orderbooks": [book for book in books if book["ticker"] in wanted]}


def down(_: httpx.Request) -> httpx.Response:
    return httpx.Response(503, text="upstream connect error")


def merged(source: KalshiSource, pages: list[Page]) -> Batch:
    batches = [source.parse(page) for page in pages]
    return Batch(
        markets=tuple(m for b in batches for m in b.markets),
        quotes=tuple(q for b in batches for q in b.quotes),
        candles=tuple(c for b in batches for c in b.candles),
        trades=tuple(t for b in batches for t in b.trades),
        read_outcomes=tuple(r for b in batches for r in b.read_outcomes),
        followed=tuple(f for b in batches for f in b.followed),
        rejects=tuple(r for b in batches for r in b.rejects),
        cursor={key: value for b in batches for key, value in b.cursor.items()},
    )


async def polled(
    network: Network, venue: Venue, source: KalshiSource, cursor: dict[str, object] | None = None
) -> Batch:
    async with network(venue) as http:
        return merged(source, await source.fetch(http, cursor or {}))


def test_an_event_gives_its_markets_with_both_sides_as_outcomes() -> None:
    batch = parse("event", load("event.json"), refs=["kalshi/event:x"])

    acme = batch.markets[0]
    assert [m.label for m in batch.markets] == ["Acme", "Zeta", "NewCo", "Omega", "Nix"]
    assert (acme.venue, acme.venue_id, acme.series) == ("kalshi", ACME, EVENT)
    assert [(o.venue_outcome_id, o.name, o.index) for o in acme.outcomes] == [
        (f"{ACME}:yes", "Yes", 0),
        (f"{ACME}:no", "No", 1),
    ]
    assert acme.series_title == "Which company leads the example board?"
    assert acme.closes_at == datetime(2026, 6, 30, 14, 0, tzinfo=UTC)
    assert acme.rules == (
        "If Acme leads the example board on Jun 30, 2026, then the market resolves to Yes.\n\n"
        "Ties go to the first by alphabet."
    )
    assert batch.followed[0] == ("kalshi", ACME, "kalshi/event:x")
    assert batch.rejects == ()


def test_empty_sides_are_missing_and_never_zero() -> None:
    batch = parse("event", load("event.json"))

    acme, zeta = batch.quotes
    assert (acme.basis, acme.bid, acme.ask) == (PriceBasis.BOOK, Decimal("0.4"), Decimal("0.42"))
    assert (acme.last, acme.volume_24h) == (Decimal("0.41"), Decimal("1234.56"))
    assert (zeta.venue_id, zeta.bid, zeta.ask) == (ZETA, None, Decimal("0.03"))
    # NewCo reads bid 0, ask 1, last 0: read with success, and no price at all.
    assert [venue_id for _, venue_id, _ in batch.read_outcomes] == [ACME, ZETA, NEWCO]


@pytest.mark.parametrize(("bid", "ask"), [("0.0000", "1.0000"), ("0.0000", "0.0000"), (None, None)])
def test_without_a_book_the_last_trade_is_the_value(bid: str | None, ask: str | None) -> None:
    fields = {"yes_bid_dollars": bid, "yes_ask_dollars": ask, "last_price_dollars": "0.3000"}

    (quote,) = parse("market", one_market(**fields)).quotes

    assert (quote.basis, quote.value, quote.last) == (
        PriceBasis.TRADE,
        Decimal("0.3"),
        Decimal("0.3"),
    )


def test_a_crossed_or_closed_market_has_no_price() -> None:
    crossed = parse("market", one_market(yes_bid_dollars="0.5000"))
    closed = parse("market", one_market(status="closed"))

    assert (crossed.quotes, crossed.rejects[0].reason) == (
        (),
        "crossed book: bid 0.5000 above ask 0.4200",
    )
    assert (closed.quotes, closed.read_outcomes, closed.rejects) == ((), (), ())


@pytest.mark.parametrize(
    ("holder", "expected"),
    [
        ({"yes_bid_dollars": "0.1200"}, "0.12"),
        ({"yes_bid_dollars": "0.120000", "yes_bid": 99}, "0.12"),
        ({"yes_bid": "0.12"}, "0.12"),
        ({"yes_bid": 12}, "0.12"),
        ({"yes_bid": 1}, "0.01"),
        ({"yes_bid": "1"}, "1"),
        ({"yes_bid_dollars": None, "yes_bid": 12}, "0.12"),
        ({"yes_bid_dollars": "", "yes_bid": None}, None),
        ({}, None),
    ],
)
def test_generations_are_told_apart_by_type(
    holder: dict[str, object], expected: str | None
) -> None:
    assert price(holder, "yes_bid") == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize("raw", [True, 0.12, 12.0, 101, -1, "12", "1e-1", "NaN", [], 10**30])
def test_what_is_neither_cents_nor_dollars_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match=r"cents|probability|number"):
        dollars(raw, what="yes_bid")


@given(st.integers(0, 100))
def test_cents_and_their_dollars_are_one_price(cents: int) -> None:
    text = f"{cents / 100:.4f}"

    assert dollars(cents, what="x") == dollars(text, what="x") == price({"x_dollars": text}, "x")


def test_counts_are_fixed_point_texts_or_older_whole_numbers() -> None:
    assert number({"volume_fp": "169.86", "volume": 1}, "volume") == Decimal("169.86")
    assert number({"volume": "222.00"}, "volume") == 222
    assert number({"volume": 35001}, "volume") == 35001
    assert number({}, "volume") is None


def test_a_market_of_the_cents_generation_reads_the_same() -> None:
    old = parse("market", load("market-cents.json"))
    new = parse("event", load("event.json"))

    assert (old.quotes[0].bid, old.quotes[0].ask) == (new.quotes[0].bid, new.quotes[0].ask)
    assert (old.markets[0].question, old.markets[0].label) == (
        new.markets[0].question,
        new.markets[0].label,
    )
    assert old.quotes[0].volume_24h == 1234
    assert old.rejects == ()  # the year 1 in created_time is nobody's business


@pytest.mark.parametrize(
    ("fields", "status", "resolution", "oracle"),
    [
        ({"status": "initialized"}, MarketStatus.OPEN, None, None),
        ({"status": "inactive"}, MarketStatus.OPEN, None, None),
        ({"status": "active"}, MarketStatus.OPEN, None, None),
        ({"status": "closed"}, MarketStatus.CLOSED, None, None),
        ({"status": "closed", "result": "yes"}, MarketStatus.CLOSED, None, None),
        ({"status": "determined", "result": "no"}, MarketStatus.CLOSED, None, "determined"),
        ({"status": "disputed", "result": "no"}, MarketStatus.CLOSED, None, "disputed"),
        ({"status": "amended", "result": "yes"}, MarketStatus.CLOSED, None, "amended"),
        (
            {"status": "disputed", "result": "no", "settlement_ts": "2026-05-20T10:00:00Z"},
            MarketStatus.CLOSED,
            None,
            "disputed",
        ),
        (
            {"status": "determined", "result": "no", "settlement_ts": "2026-05-20T10:00:00Z"},
            MarketStatus.RESOLVED,
            "No",
            "determined",
        ),
        ({"status": "finalized", "result": "yes"}, MarketStatus.RESOLVED, "Yes", "finalized"),
        ({"status": "settled", "result": "no"}, MarketStatus.RESOLVED, "No", "settled"),
        ({"status": "finalized", "result": ""}, MarketStatus.CLOSED, None, "finalized"),
        (
            {"status": "finalized", "result": "scalar", "settlement_value_dollars": "0.3700"},
            MarketStatus.RESOLVED,
            "scalar 0.37",
            "finalized",
        ),
    ],
)
def test_a_market_is_resolved_only_when_its_result_is_final(
    fields: dict[str, object], status: MarketStatus, resolution: str | None, oracle: str | None
) -> None:
    (market,) = parse("market", one_market(**fields)).markets

    assert (market.status, market.resolution, market.oracle) == (status, resolution, oracle)


def test_the_settlement_says_when_a_market_resolved() -> None:
    nix = parse("event", load("event.json")).markets[4]

    assert (nix.resolution, nix.resolved_at) == ("No", datetime(2026, 5, 20, 10, tzinfo=UTC))


BAD_MARKETS: dict[str, tuple[object, str]] = {
    "no object": ("text", "a market that is not an object"),
    "no ticker": ({"ticker": None}, "a market without a ticker"),
    "ticker of another type": ({"ticker": ["x"]}, "a market without a ticker"),
    "unknown status": ({"status": "asleep"}, "has the unknown status 'asleep'"),
    "no status": ({"status": None}, "has the unknown status None"),
}


@pytest.mark.parametrize(("bad", "reason"), BAD_MARKETS.values(), ids=BAD_MARKETS)
def test_one_bad_market_costs_one_market(bad: object, reason: str) -> None:
    payload = load("event.json")
    markets = payload["event"]["markets"]
    markets[1] = {**markets[1], **bad} if isinstance(bad, dict) else bad

    batch = parse("event", payload)

    assert [m.label for m in batch.markets] == ["Acme", "NewCo", "Omega", "Nix"]
    assert [reason in reject.reason for reject in batch.rejects] == [True]


@pytest.mark.parametrize("poison", ["NaN", "1e999", "6_4_0", True, 1.2, "-0.1", []])
def test_a_poisoned_price_costs_the_price_and_not_the_market(poison: object) -> None:
    batch = parse("market", one_market(yes_bid_dollars=poison))

    assert (len(batch.markets), batch.quotes, len(batch.rejects)) == (1, (), 1)


def test_a_market_without_a_title_is_named_by_its_event_and_label() -> None:
    payload = load("event.json")
    for market in payload["event"]["markets"]:
        del market["title"]

    assert parse("event", payload).markets[0].question == (
        "Which company leads the example board?: Acme"
    )
    alone = parse("market", {"market": {"ticker": "KX-1", "status": "active"}})
    assert [reject.reason for reject in alone.rejects] == ["market KX-1 has no title"]


def test_unknown_fields_null_lists_and_empty_pages_are_taken_in_stride() -> None:
    payload = load("event.json")
    payload["event"] |= {"brandNew": {"deep": [1]}, "settlement_sources": None}

    assert len(parse("event", payload).markets) == 5
    assert parse("event", {"event": {**payload["event"], "markets": None}}) == Batch()
    assert parse("markets", {"markets": None, "cursor": ""}) == Batch()
    assert parse("markets", {"markets": [], "cursor": ""}) == Batch()
    assert parse("events", {"events": [], "cursor": ""}) == Batch()


def test_an_event_may_carry_its_markets_beside_it() -> None:
    event = load("event.json")["event"]
    markets = event.pop("markets")

    assert parse("event", {"event": event, "markets": markets}) == parse(
        "event", load("event.json")
    )


def test_a_repeated_market_is_kept_once_and_counted() -> None:
    payload = load("event.json")
    payload["event"]["markets"] = payload["event"]["markets"][:1] * 2

    batch = parse("event", payload)

    assert (len(batch.markets), len(batch.quotes)) == (1, 1)
    assert [reject.reason for reject in batch.rejects] == ["repeated market"]


def test_a_listing_names_the_references_of_each_market() -> None:
    markets = load("event.json")["event"]["markets"][:2]

    batch = parse("markets", {"markets": markets}, refs_of={ZETA: ["kalshi/id:z"]})

    assert batch.followed == (("kalshi", ZETA, "kalshi/id:z"),)


def test_the_yes_ask_is_one_minus_the_best_no_bid() -> None:
    context = {"tickers": {ACME: ["1234.5", "0.41"], ZETA: [None, None], NEWCO: [None, None]}}

    batch = parse("orderbooks", load("orderbooks.json"), **context)

    acme, zeta = batch.quotes
    assert (acme.bid, acme.ask, acme.last) == (Decimal("0.40"), Decimal("0.42"), Decimal("0.41"))
    assert (acme.at, acme.observed_at, acme.volume_24h) == (NOW, NOW, Decimal("1234.5"))
    assert (zeta.bid, zeta.ask) == (None, Decimal("0.03"))
    assert [venue_id for _, venue_id, _ in batch.read_outcomes] == [ACME, ZETA, NEWCO]


def test_the_order_of_the_levels_does_not_matter() -> None:
    payload = load("orderbooks.json")
    for book in payload["orderbooks"]:
        for levels in book["orderbook_fp"].values():
            levels.reverse()
    tickers = asking(ACME, ZETA, NEWCO)

    assert parse("orderbooks", payload, **tickers) == parse(
        "orderbooks", load("orderbooks.json"), **tickers
    )


def test_a_book_of_the_cents_generation_is_of_the_market_asked_for() -> None:
    old = parse("orderbooks", load("orderbook-cents.json"), **asking(ACME))

    assert (old.quotes[0].venue_id, old.quotes[0].bid, old.quotes[0].ask) == (
        ACME,
        Decimal("0.40"),
        Decimal("0.42"),
    )


def test_an_old_empty_book_is_all_null_and_counts_as_read() -> None:
    empty = {"orderbook": {"yes": None, "no": None, "yes_dollars": None, "no_dollars": None}}

    batch = parse("orderbooks", empty, **asking(ACME))

    assert (batch.quotes, batch.read_outcomes) == ((), (("kalshi", ACME, f"{ACME}:yes"),))


BAD_BOOKS: dict[str, tuple[dict[str, object], str]] = {
    "another ticker": ({"ticker": "KXOTHER"}, "nobody asked for"),
    "no ticker": ({"ticker": None}, "nobody asked for"),
    "crossed": ({"yes_dollars": [["0.5000", "1"]]}, "crossed book"),
    "price not a number": ({"yes_dollars": [["nan", "1"]]}, "is not a number"),
    "price out of range": ({"no_dollars": [["1.5", "1"]]}, "not a probability"),
    "level of one": ({"no_dollars": [["0.5"]]}, "no pair of price and size"),
    "side of another type": ({"no_dollars": {"0.4": "1"}}, "not a list"),
    "book of another type": ({"orderbook_fp": [1]}, "not an object"),
}


@pytest.mark.parametrize(("fields", "reason"), BAD_BOOKS.values(), ids=BAD_BOOKS)
def test_a_bad_book_costs_one_book(fields: dict[str, object], reason: str) -> None:
    payload = load("orderbooks.json")
    book = payload["orderbooks"][0]
    for key, value in fields.items():
        (book if key in book else book["orderbook_fp"])[key] = value

    batch = parse("orderbooks", payload, **asking(ACME, ZETA, NEWCO))

    assert [quote.venue_id for quote in batch.quotes] == [ZETA]
    assert [reason in reject.reason for reject in batch.rejects] == [True]


def test_levels_without_size_are_gone_and_a_repeated_book_is_counted() -> None:
    payload = load("orderbooks.json")
    payload["orderbooks"][0]["orderbook_fp"]["yes_dollars"] = [["0.3000", "0.00"]]
    payload["orderbooks"].append(payload["orderbooks"][0])

    batch = parse("orderbooks", payload, **asking(ACME, ZETA, NEWCO))

    assert batch.quotes[0].bid is None
    assert [reject.reason for reject in batch.rejects] == ["repeated order book"]


CANDLES = ("candles-live.json", "candles-historical.json", "candles-cents.json")


@pytest.mark.parametrize("name", CANDLES)
def test_a_candle_begins_a_step_before_the_end_it_states(name: str) -> None:
    batch = parse("candlesticks", load(name), ticker=ACME, step_s=3600)

    traded, quiet, empty = batch.candles
    assert [c.at for c in batch.candles] == [NOW - timedelta(hours=h) for h in (2, 1, 0)]
    assert (traded.open, traded.high, traded.low, traded.close) == (
        Decimal("0.40"),
        Decimal("0.42"),
        Decimal("0.39"),
        Decimal("0.41"),
    )
    assert (quiet.open, quiet.close, quiet.volume) == (None, None, Decimal(0))
    assert empty.close is None
    assert batch.rejects == ()


@pytest.mark.parametrize("name", CANDLES)
def test_a_candle_with_both_sides_quotes_its_end_also_without_a_trade(name: str) -> None:
    batch = parse("candlesticks", load(name), ticker=ACME, step_s=3600)

    assert [(q.at, q.bid, q.ask, q.last) for q in batch.quotes] == [
        (NOW - timedelta(hours=1), Decimal("0.40"), Decimal("0.42"), Decimal("0.41")),
        (NOW, Decimal("0.41"), Decimal("0.43"), None),
    ]
    assert {(q.basis, q.observed_at, q.venue_at == q.at) for q in batch.quotes} == {
        (PriceBasis.BOOK, NOW, True)
    }


def test_a_book_that_does_not_move_is_quoted_every_quarter_of_an_hour() -> None:
    still = load("candles-live.json")["candlesticks"][1]
    end = int(NOW.timestamp())
    rows = [{**still, "end_period_ts": end + 60 * minute} for minute in range(31)]
    rows[20] = {**rows[20], "yes_bid": {"close_dollars": "0.4200"}}

    batch = parse("candlesticks", {"candlesticks": rows}, ticker=ACME, step_s=60)

    minutes = [int((q.at - NOW).total_seconds()) // 60 for q in batch.quotes]
    assert minutes == [0, 15, 20, 21]
    assert len(batch.candles) == 31


def test_the_candle_made_up_for_the_time_before_is_refused() -> None:
    payload = load("candles-live.json")
    synthetic = {"end_period_ts": payload["candlesticks"][0]["end_period_ts"] - 3600}
    synthetic["price"] = {"previous_dollars": "0.4000"}
    payload["candlesticks"].insert(0, synthetic)

    batch = parse("candlesticks", payload, step_s=3600)

    assert len(batch.candles) == 3
    assert [r.reason for r in batch.rejects] == ["a candle without any price of its own period"]


def test_candles_of_several_markets_and_of_an_event_keep_their_tickers() -> None:
    rows = load("candles-live.json")["candlesticks"]
    batch = {"markets": [{"market_ticker": t, "candlesticks": rows} for t in (ACME, ZETA)]}
    event = {"market_tickers": [ACME, ZETA], "market_candlesticks": [rows, None]}

    assert Counter(c.venue_id for c in parse("candlesticks", batch, step_s=60).candles) == {
        ACME: 3,
        ZETA: 3,
    }
    assert {c.venue_id for c in parse("candlesticks", event, step_s=60).candles} == {ACME}
    with pytest.raises(ParseError, match="1 tickers for 2 lists"):
        parse("candlesticks", {**event, "market_tickers": [ACME]}, step_s=60)


BAD_CANDLES: dict[str, tuple[object, str]] = {
    "no object": ([], "not an object"),
    "no end": ({"end_period_ts": None}, "without the end"),
    "end in another unit": ({"end_period_ts": 1780315200000}, "not an epoch time"),
    "high below low": ({"price": {"high": 1, "low": 2, "close": 1}}, "below its low"),
    "price in parts of cents": ({"yes_bid": {"close": 0.41}}, "neither whole cents"),
}


@pytest.mark.parametrize(("fields", "reason"), BAD_CANDLES.values(), ids=BAD_CANDLES)
def test_one_bad_candle_costs_one_candle(fields: object, reason: str) -> None:
    payload = load("candles-live.json")
    rows = payload["candlesticks"]
    rows[1] = {**rows[1], **fields} if isinstance(fields, dict) else fields

    batch = parse("candlesticks", payload, step_s=3600)

    assert len(batch.candles) == 2
    assert [reason in reject.reason for reject in batch.rejects] == [True]


def test_candles_in_any_order_with_repetitions_are_the_same_candles() -> None:
    payload = load("candles-live.json")
    once = parse("candlesticks", payload, step_s=3600)
    payload["candlesticks"] = [*payload["candlesticks"][::-1], payload["candlesticks"][0]]

    twice = parse("candlesticks", payload, step_s=3600)

    assert set(twice.candles) == set(once.candles)
    assert [reject.reason for reject in twice.rejects] == ["repeated candle"]


@pytest.mark.parametrize("context", [{}, {"step_s": 300}, {"step_s": True}, {"step_s": "60"}])
def test_candles_of_an_unknown_step_are_refused(context: dict[str, object]) -> None:
    with pytest.raises(ParseError, match="need to know their step"):
        parse("candlesticks", load("candles-live.json"), **context)


def test_candles_without_their_market_are_refused() -> None:
    with pytest.raises(ParseError, match="need to know their market"):
        parse("candlesticks", load("candles-cents.json"), step_s=60)


def test_trades_are_of_the_yes_side_and_know_their_taker() -> None:
    batch = parse("trades", load("trades.json"), ticker=ACME)

    newest, older = batch.trades
    assert (newest.price, newest.size, newest.side) == (Decimal("0.41"), Decimal("12.61"), "buy")
    assert (older.price, older.size, older.side) == (Decimal("0.40"), Decimal(3), "sell")
    assert newest.venue_outcome_id == f"{ACME}:yes"
    assert newest.at == datetime(2026, 6, 1, 11, 59, 30, 544670, tzinfo=UTC)
    assert newest.trade_id == "11111111-aaaa-4000-8000-000000000002"


def test_trades_of_the_cents_generation_are_the_same_trades() -> None:
    old, new = parse("trades", load("trades-cents.json")), parse("trades", load("trades.json"))

    assert [(t.trade_id, t.price, t.side, t.at) for t in old.trades] == [
        (t.trade_id, t.price, t.side, t.at) for t in new.trades
    ]


BAD_TRADES: dict[str, tuple[object, str]] = {
    "no object": (None, "not an object"),
    "no id": ({"trade_id": ""}, "without a ticker or an id"),
    "another market": ({"ticker": "KXOTHER"}, "nobody asked for"),
    "no price": ({"yes_price_dollars": None, "no_price_dollars": None}, "without a price"),
    "no size": ({"count_fp": "0.00"}, "a size"),
    "no time": ({"created_time": None}, "a time"),
    "repeated": ({"trade_id": "11111111-aaaa-4000-8000-000000000002"}, "repeated trade"),
}


@pytest.mark.parametrize(("fields", "reason"), BAD_TRADES.values(), ids=BAD_TRADES)
def test_one_bad_trade_costs_one_trade(fields: object, reason: str) -> None:
    payload = load("trades.json")
    rows = payload["trades"]
    rows[1] = {**rows[1], **fields} if isinstance(fields, dict) else fields

    batch = parse("trades", payload, ticker=ACME)

    assert len(batch.trades) == 1
    assert [reason in reject.reason for reject in batch.rejects] == [True]


SHAPES: dict[str, tuple[str, dict[str, object]]] = {
    "event": ("event.json", {"refs": ["kalshi/event:x"]}),
    "market": ("market-cents.json", {}),
    "orderbooks": ("orderbooks.json", asking(ACME, ZETA, NEWCO)),
    "candlesticks": ("candles-historical.json", {"step_s": 60}),
    "trades": ("trades.json", {"ticker": ACME}),
}
ERRORS = [
    {"error": {"code": "internal", "message": "too bad", "details": ""}},
    {"error": "too bad"},
    {"code": "internal", "message": "too bad", "details": ""},
]


@pytest.mark.parametrize("shape", [*SHAPES, "events", "markets"])
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"markets": [', b"NaN", b"[" * 100_000, b"\xff\xfe\x00", b'"x"', b"{}"],
)
def test_what_is_no_answer_of_kalshi_is_a_parse_error(shape: str, body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(shape, body, ticker=ACME, step_s=60)


@pytest.mark.parametrize("shape", [*SHAPES, "events", "markets"])
@pytest.mark.parametrize("error", ERRORS)
def test_an_error_with_status_200_is_a_parse_error(shape: str, error: dict[str, object]) -> None:
    with pytest.raises(ParseError, match="too bad"):
        parse(shape, error, ticker=ACME, step_s=60)


def test_an_unknown_shape_is_a_parse_error() -> None:
    with pytest.raises(ParseError, match="shape"):
        parse("ticker-v2", {})


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
    assert all(0 < p < 1 for q in first.quotes for p in (q.bid, q.ask, q.last) if p is not None)


@given(data=st.data())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_a_poll_of_mutated_answers_raises_nothing_but_source_errors(
    network: Network, mutate: Callable[[Any, st.DataObject], bytes], data: st.DataObject
) -> None:
    venue, listing = Venue(), {"markets": [load("market-cents.json")["market"]], "cursor": ""}
    garbled = {
        f"/events/{EVENT}": mutate(load("event.json"), data),
        "/events": mutate(listed(EVENT, cursor="x"), data),
        "/markets": mutate(listing, data),
        "/markets/orderbooks": mutate(load("orderbooks.json"), data),
    }
    venue.answers |= {path: httpx.Response(200, content=body) for path, body in garbled.items()}
    refs = [by_event(), MarketRef(venue="kalshi", id=ACME), MarketRef(venue="kalshi", search="a")]
    source = a_source(*refs)

    async with network(venue) as http:
        try:
            pages = await source.fetch(http, {})
        except TransientSourceError:
            return

    assert all(isinstance(page, Page) for page in pages)


async def test_a_poll_reads_the_event_then_the_books_of_what_trades(network: Network) -> None:
    venue, source = Venue(), a_source(by_event())

    batch = await polled(network, venue, source)

    assert [r.url.path for r in venue.requests] == [f"/events/{EVENT}", "/markets/orderbooks"]
    assert venue.requests[0].url.params["with_nested_markets"] == "true"
    assert venue.requests[1].url.params.get_list("tickers") == [ACME, ZETA, NEWCO]
    assert [(q.venue_id, q.basis, q.last) for q in batch.quotes] == [
        (ACME, PriceBasis.BOOK, Decimal("0.41")),
        (ZETA, PriceBasis.BOOK, Decimal("0.02")),
    ]
    assert len(batch.markets) == 5
    assert batch.rejects == ()


async def test_nothing_followed_asks_nothing(network: Network) -> None:
    venue = Venue()

    batch = await polled(network, venue, a_source(MarketRef(venue="manifold", event="x")))

    assert (batch, venue.requests) == (Batch(), [])


async def test_tickers_from_web_addresses_are_written_in_capitals(network: Network) -> None:
    venue = Venue()

    await polled(network, venue, a_source(MarketRef(venue="kalshi", event=EVENT.lower())))

    assert venue.asked[f"/events/{EVENT}"] == 1


async def test_lone_markets_are_listed_together_without_combinations(network: Network) -> None:
    venue = Venue()
    markets = load("event.json")["event"]["markets"]
    venue.answers["/markets"] = {"markets": markets[:2], "cursor": ""}
    refs = [MarketRef(venue="kalshi", id=ticker) for ticker in (ACME, ZETA)]

    batch = await polled(network, venue, a_source(*refs))

    asked = venue.requests[0].url.params
    assert (asked["tickers"], asked["mve_filter"]) == (f"{ACME},{ZETA}", "exclude")
    assert batch.followed == (
        ("kalshi", ACME, f"kalshi/id:{ACME}"),
        ("kalshi", ZETA, f"kalshi/id:{ZETA}"),
    )
    assert len(batch.quotes) == 2


async def test_a_market_the_listing_leaves_out_is_asked_alone_and_then_as_history(
    network: Network,
) -> None:
    venue = Venue()
    venue.answers["/markets"] = {"markets": [], "cursor": ""}
    venue.answers[f"/historical/markets/{NIX}"] = {
        "market": load("event.json")["event"]["markets"][4]
    }
    source = a_source(MarketRef(venue="kalshi", id=NIX), MarketRef(venue="kalshi", id="KXNONE-1"))

    batch = await polled(network, venue, source)

    assert [(m.venue_id, m.resolution) for m in batch.markets] == [(NIX, "No")]
    assert [r.reason for r in batch.rejects] == ["market 'KXNONE-1' not found (404)"]
    assert batch.cursor["settled"] == [f"market:{NIX}", "market:KXNONE-1"]
    assert venue.asked[f"/markets/{NIX}"] == venue.asked["/historical/markets/KXNONE-1"] == 1


async def test_an_event_that_is_not_there_is_a_reject_and_not_an_outage(network: Network) -> None:
    gone = MarketRef(venue="kalshi", event="KXGONE-26")

    batch = await polled(network, Venue(), a_source(by_event(), gone))

    assert [r.reason for r in batch.rejects] == ["event 'KXGONE-26' not found (404)"]
    assert len(batch.markets) == 5


async def test_a_refused_batch_of_books_is_asked_one_by_one(network: Network) -> None:
    venue = Venue()
    venue.answers["/markets/orderbooks"] = None
    venue.answers[f"/markets/{ACME}/orderbook"] = load("orderbook-cents.json")

    batch = await polled(network, venue, a_source(by_event()))

    quotes = {quote.venue_id: quote for quote in batch.quotes}
    assert venue.asked[f"/markets/{ZETA}/orderbook"] == 1
    assert (quotes[ACME].bid, quotes[ACME].volume_24h) == (Decimal("0.40"), Decimal("1234.56"))
    assert quotes[ZETA].ask == Decimal("0.03")  # by its market object, having no book of its own
    assert batch.rejects == ()


async def test_books_that_are_down_or_want_a_login_leave_the_markets_own_prices(
    network: Network,
) -> None:
    for answer, said in ((down, "3 order books were not read"), (refused, "books are refused")):
        venue = Venue()
        venue.answers["/markets/orderbooks"] = answer

        batch = await polled(network, venue, a_source(by_event()))

        assert [q.bid for q in batch.quotes] == [Decimal("0.4"), None]
        assert [said in r.reason for r in batch.rejects] == [True]
        assert venue.asked[f"/markets/{ACME}/orderbook"] == 0


def refused(_: httpx.Request) -> httpx.Response:
    return httpx.Response(401, json={"error": {"code": "unauthorized", "message": "log in"}})


async def test_books_are_asked_in_batches_of_a_hundred(network: Network) -> None:
    venue, payload = Venue(), load("event.json")
    market = payload["event"]["markets"][0]
    payload["event"]["markets"] = [{**market, "ticker": f"KX-{n}"} for n in range(250)]
    venue.answers[f"/events/{EVENT}"] = payload

    await polled(network, venue, a_source(by_event()))

    sizes = [len(r.url.params.get_list("tickers")) for r in venue.requests[1:4]]
    assert sizes == [100, 100, 50]


async def test_one_failing_event_does_not_hide_the_others(network: Network) -> None:
    venue = Venue()
    venue.answers["/events/KXBAD-26"] = down
    source = a_source(MarketRef(venue="kalshi", event="KXBAD-26"), by_event())

    batch = await polled(network, venue, source)

    assert len(batch.markets) == 5
    assert ["event:KXBAD-26 was not read" in r.reason for r in batch.rejects] == [True]


async def test_a_rate_limit_stops_the_poll_and_is_handed_on(network: Network) -> None:
    venue = Venue()
    venue.answers[f"/events/{EVENT}"] = lambda _: httpx.Response(
        429, json={"error": "too many requests"}, headers={"Retry-After": "60"}
    )
    source = a_source(by_event(), MarketRef(venue="kalshi", event="KXTWO-26"))

    with pytest.raises(TransientSourceError, match="too many requests") as caught:
        await polled(network, venue, source)

    assert caught.value.retry_after_s == 60
    assert venue.asked["/events/KXTWO-26"] == 0


async def test_a_login_wall_is_permanent(network: Network) -> None:
    venue = Venue()
    venue.answers[f"/events/{EVENT}"] = refused

    with pytest.raises(PermanentSourceError, match="login"):
        await polled(network, venue, a_source(by_event()))


async def test_a_closed_exchange_is_named_as_the_reason(network: Network) -> None:
    venue = Venue()
    venue.answers[f"/events/{EVENT}"] = down
    venue.answers["/exchange/status"] = {
        "exchange_active": False,
        "exchange_estimated_resume_time": "2026-06-01T14:00:00Z",
    }

    with pytest.raises(TransientSourceError, match=r"closed for maintenance \(2026-06-01T14"):
        await polled(network, venue, a_source(by_event()))


async def test_an_outage_of_an_open_exchange_stays_what_it_is(network: Network) -> None:
    for status in ({"exchange_active": True}, None, down):
        venue = Venue()
        venue.answers |= {f"/events/{EVENT}": down, "/exchange/status": status}

        with pytest.raises(TransientSourceError, match="HTTP 503"):
            await polled(network, venue, a_source(by_event()))


def in_pages(*pages: dict[str, object]) -> Callable[[httpx.Request], object]:
    remaining = iter(pages)
    return lambda _: next(remaining)


async def test_a_pattern_reads_the_listing_of_its_series_to_the_empty_cursor(
    network: Network,
) -> None:
    venue = Venue()
    venue.answers["/events"] = in_pages(listed(EVENT, cursor="abc"), listed("KXEXMODEL-27JAN"))
    source = a_source(MarketRef(venue="kalshi", event_pattern="kxexmodel-26*"))

    batch = await polled(network, venue, source)

    first, second = (dict(r.url.params) for r in venue.requests[:2])
    assert first == {"status": "open", "series_ticker": "KXEXMODEL", "limit": "200"}
    assert second["cursor"] == "abc"
    assert batch.cursor["found"] == {EVENT: ["kalshi/event_pattern:kxexmodel-26*"]}
    assert len(batch.quotes) == 2


async def test_searches_and_open_patterns_share_one_listing_of_everything(network: Network) -> None:
    venue = Venue()
    venue.answers["/events"] = listed(EVENT, title="Which MODEL leads?")
    refs = [
        MarketRef(venue="kalshi", search="model which"),
        MarketRef(venue="kalshi", search="model", title_match="(?i)rains"),
        MarketRef(venue="kalshi", event_pattern="*model*"),
    ]

    batch = await polled(network, venue, a_source(*refs))

    assert venue.asked["/events"] == 1
    assert "series_ticker" not in venue.requests[0].url.params
    assert batch.cursor["found"] == {
        EVENT: ["kalshi/search:model which", "kalshi/event_pattern:*model*"]
    }


async def test_a_cursor_that_repeats_ends_the_listing(network: Network) -> None:
    venue = Venue()
    venue.answers["/events"] = listed(EVENT, cursor="same")

    batch = await polled(network, venue, a_source(MarketRef(venue="kalshi", search="model")))

    assert venue.asked["/events"] == 2
    assert [r.reason for r in batch.rejects] == [
        "the event listing repeats its cursor; read up to there"
    ]


async def test_a_listing_without_an_end_is_cut_and_said(network: Network) -> None:
    venue = Venue()
    venue.answers["/events"] = lambda r: listed(cursor=r.url.params.get("cursor", "") + "x")

    batch = await polled(network, venue, a_source(MarketRef(venue="kalshi", search="model")))

    assert venue.asked["/events"] == 50
    assert ["longer than 50 pages" in r.reason for r in batch.rejects] == [True]


async def test_a_reference_brings_at_most_its_cap_and_keeps_what_it_had(network: Network) -> None:
    venue = Venue()
    venue.answers["/events"] = listed("KXNEW-1", "KXNEW-2", EVENT)
    ref = MarketRef(venue="kalshi", search="model", max_events=2)
    before: dict[str, object] = {"refs": [ref.key], "found": {EVENT: [ref.key]}}

    batch = await polled(network, venue, a_source(ref), before)

    asked = {path for path in venue.asked if path.startswith("/events/")}
    assert asked == {f"/events/{EVENT}", "/events/KXNEW-1"}
    assert any("finds more than 2 events" in r.reason for r in batch.rejects)


def test_a_tag_is_refused_when_the_config_is_read() -> None:
    with pytest.raises(ValueError, match="Kalshi lists no events by tag"):
        MarketRef(venue="kalshi", tag="ai")


async def test_found_events_are_remembered_for_a_quarter_of_an_hour(network: Network) -> None:
    venue, source = Venue(), a_source(MarketRef(venue="kalshi", search="model"))
    venue.answers["/events"] = listed(EVENT)
    first = (await polled(network, venue, source)).cursor

    await polled(network, venue, source, first)
    assert venue.asked["/events"] == 1

    earlier = NOW - timedelta(minutes=16)
    await polled(network, venue, source, {**first, "discovered_at": earlier.isoformat()})
    assert venue.asked["/events"] == 2
    assert venue.asked[f"/events/{EVENT}"] == 3


async def test_an_event_the_listing_drops_is_read_until_it_is_settled(network: Network) -> None:
    venue, source = Venue(), a_source(MarketRef(venue="kalshi", search="model"))
    key = "kalshi/search:model"
    before: dict[str, object] = {"refs": [key], "found": {EVENT: [key]}}

    waiting = (await polled(network, venue, source, before)).cursor
    payload = load("event.json")
    payload["event"]["markets"] = payload["event"]["markets"][4:]
    venue.answers[f"/events/{EVENT}"] = payload
    done = (await polled(network, venue, source, waiting)).cursor

    assert (waiting["found"], done["found"]) == ({EVENT: [key]}, {})


async def test_a_settled_configured_event_is_reread_only_with_the_look_ups(
    network: Network,
) -> None:
    venue, payload = Venue(), load("event.json")
    payload["event"]["markets"] = payload["event"]["markets"][4:]
    venue.answers[f"/events/{EVENT}"] = payload
    first = (await polled(network, venue, a_source(by_event()))).cursor

    second = (await polled(network, venue, a_source(by_event()), first)).cursor

    assert venue.asked[f"/events/{EVENT}"] == 1
    assert second["settled"] == [f"event:{EVENT}"]


async def test_a_failed_look_up_keeps_what_was_found_and_is_tried_again(network: Network) -> None:
    venue, key = Venue(), "kalshi/search:model"
    venue.answers["/events"] = down
    before: dict[str, object] = {"refs": [key], "found": {EVENT: [key]}}

    batch = await polled(
        network, venue, a_source(MarketRef(venue="kalshi", search="model")), before
    )

    assert len(batch.markets) == 5
    assert batch.cursor["discovered_at"] is None
    assert [f"{key} was not looked up" in r.reason for r in batch.rejects] == [True]


async def test_a_search_stops_when_enough_is_found(network: Network) -> None:
    venue, source = Venue(), a_source()
    venue.answers["/events"] = listed(EVENT, "KXEXMODEL-26JUL", cursor="more")
    async with network(venue) as http:
        batch = merged(source, await source.search(http, "WHICH model", limit=5))
        nothing = await source.search(http, "rain", limit=5)

    assert [m.venue_id for m in batch.markets[:1]] == [ACME]
    assert len(batch.quotes) == 2
    assert [page.shape for page in nothing] == ["notice"]


def test_the_source_knows_its_past_can_be_searched_and_is_polite() -> None:
    source = a_source()

    assert isinstance(source, Backfilling)
    assert isinstance(source, Searching)
    assert source.spacing_s == 0.2
    assert KalshiSource(name="k").api_url == "https://external-api.kalshi.com/trade-api/v2"
