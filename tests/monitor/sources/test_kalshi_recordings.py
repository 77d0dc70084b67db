"""Every recorded Kalshi answer, of three generations, goes through the parser and is shown."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from monitor.sources.base import Page
from monitor.sources.kalshi import KalshiSource
from monitor.sources.kalshi.wire import rows_of, text
from storage.records import MarketStatus, PriceBasis
from tests.recorded import NOW, Recorded, not_covered, parse_recording, show

pytestmark = pytest.mark.recordings

SOURCE = KalshiSource(name="kalshi")
NOT_COVERED = {
    "series": "a series has titles and terms but neither markets nor prices",
    "series-old": "a series has titles and terms but neither markets nor prices",
    "exchange-old": "says whether the exchange is open; it names the reason of a failed poll",
    "site-search": "the web site's own undocumented search, not trade-api; never asked",
    "events-old/events_list_response.json": "a listing without markets; discovery reads its names",
}
HOUR, DAY = {"step_s": 3_600}, {"step_s": 86_400}


def contents(file: Path) -> list[tuple[str, Any]]:
    """Return the answers in a file, each with a suffix, out of what the recorder put round them."""
    payload = json.loads(file.read_bytes())
    if isinstance(payload, dict) and "_metadata" in payload:
        return [("", payload["response"])]
    if isinstance(payload, dict) and "h60" in payload:
        ticker = payload["ticker"]
        return [
            (f".{name}", {"ticker": ticker, "candlesticks": payload[name]})
            for name in ("h60", "m1")
        ]
    return [("", payload)]


def plan(name: str, payload: Any) -> tuple[str, dict[str, object]]:
    family = name.partition("/")[0].removesuffix("-old")
    if family == "events":
        return ("event", {}) if "event" in payload else ("events", {})
    if family == "orderbook":
        return "orderbooks", {"tickers": {payload.get("ticker", "KXRECORDED"): ["1", None]}}
    if family.startswith("candlesticks"):
        if name.endswith(".m1"):
            return "candlesticks", {"step_s": 60}
        alone = {"ticker": "KXELONMARS-99"} if "series_" in name else {}
        return "candlesticks", {**(DAY if "old/" in name else HOUR), **alone}
    return family, {}


@pytest.fixture(scope="module")
def outcomes(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recorded]:
    root, bare, found = recordings / "kalshi", tmp_path_factory.mktemp("kalshi"), {}
    for file in sorted(root.rglob("*.json")):
        name = str(file.relative_to(root))
        why = NOT_COVERED.get(name) or NOT_COVERED.get(file.parent.name)
        if why:
            found[name] = not_covered(file, root=root, why=why)
            continue
        for suffix, payload in contents(file):
            body = bare / f"{name}{suffix}"
            body.parent.mkdir(exist_ok=True)
            body.write_text(json.dumps(payload), encoding="utf-8")
            shape, context = plan(name + suffix, payload)
            found[name + suffix] = parse_recording(SOURCE, body, shape, context, root=bare)
    return found


def test_every_recording_is_parsed_or_named_with_a_reason(
    outcomes: dict[str, Recorded], capsys: pytest.CaptureFixture[str]
) -> None:
    show(outcomes.values(), capsys)

    empty = "orderbook-old/orderbook_response.json"
    silent = {o.name for o in outcomes.values() if not (o.rows or o.rejects or o.note)}
    assert silent == {empty}
    assert len(outcomes[empty].batch.read_outcomes) == 1


def test_nothing_recorded_is_refused(outcomes: dict[str, Recorded]) -> None:
    assert {o.name: o.note for o in outcomes.values() if o.note.startswith("refused")} == {}
    assert {o.name: dict(o.rejects) for o in outcomes.values() if o.rejects} == {}


# markets, quotes, candles, trades
KNOWN_ROWS = {
    "candlesticks-historical/KXNFLSPREAD-26JAN10GBCHI-GB14.json.h60": (0, 4, 4, 0),
    "candlesticks-old/event_candlesticks_response.json": (0, 90, 90, 0),
    "events/list-page-nested.json": (9, 9, 0, 0),
    "events-old/event_single_response.json": (1, 1, 0, 0),
    "markets/KXFEDDECISION-26SEP.json": (5, 5, 0, 0),
    "markets/mve-list-page.json": (5, 0, 0, 0),
    "markets-old/list-page-200.2026-02.json": (200, 22, 0, 0),
    "orderbook/one.2026-07.json": (0, 1, 0, 0),
    "trades/list.2026-07.json": (0, 0, 0, 3),
    "trades-old/trades_list_response.json": (0, 0, 0, 5),
}


@pytest.mark.parametrize(("name", "rows"), KNOWN_ROWS.items())
def test_known_files_give_their_rows(
    outcomes: dict[str, Recorded], name: str, rows: tuple[int, int, int, int]
) -> None:
    batch = outcomes[name].batch

    given = (len(batch.markets), len(batch.quotes), len(batch.candles), len(batch.trades))
    assert given == rows


def test_no_recorded_price_is_zero_or_one(outcomes: dict[str, Recorded]) -> None:
    quotes = [quote for o in outcomes.values() for quote in o.batch.quotes]
    prices = [
        price for q in quotes for price in (q.bid, q.ask, q.last, q.value) if price is not None
    ]

    assert len(quotes) == 320
    assert all(0 < price < 1 for price in prices)
    assert all(q.bid <= q.ask for q in quotes if q.bid is not None and q.ask is not None)


def test_recorded_markets_are_open_with_rules_and_an_end(outcomes: dict[str, Recorded]) -> None:
    markets = [m for o in outcomes.values() for m in o.batch.markets]
    plain = [m for m in markets if not m.venue_id.startswith("KXMVE")]

    assert {m.status for m in markets} == {MarketStatus.OPEN}
    assert all(m.closes_at and m.series and m.question for m in markets)
    assert len(plain) == 18
    assert all(m.rules and m.label for m in plain)


def test_an_ask_follows_from_the_best_bid_against(outcomes: dict[str, Recorded]) -> None:
    (quote,) = outcomes["orderbook/one.2026-07.json"].batch.quotes

    assert (quote.bid, quote.ask) == (None, Decimal("0.0100"))


def test_a_historical_candle_without_a_trade_still_says_the_book(
    outcomes: dict[str, Recorded],
) -> None:
    batch = outcomes["candlesticks-historical/KXNFLSPREAD-26JAN10GBCHI-GB14.json.h60"].batch
    candle, quote = batch.candles[0], batch.quotes[0]

    assert (candle.close, candle.volume, candle.step_s) == (None, Decimal("0.00"), 3600)
    assert candle.at == datetime(2026, 1, 5, 5, tzinfo=UTC)
    assert quote.at == datetime(2026, 1, 5, 6, tzinfo=UTC)
    assert (quote.basis, quote.bid, quote.ask) == (
        PriceBasis.BOOK,
        Decimal("0.0900"),
        Decimal("0.1400"),
    )


def without(payload: Any, suffix: str) -> Any:
    """Return a document without the fields of one generation: `_dollars`, or cents beside them."""
    if isinstance(payload, list):
        return [without(each, suffix) for each in payload]
    if not isinstance(payload, dict):
        return payload
    twins = {key.removesuffix("_dollars") for key in payload if key.endswith("_dollars")}
    return {
        key: without(value, suffix)
        for key, value in payload.items()
        if not (key.endswith("_dollars") if suffix else key in twins)
    }


@pytest.mark.parametrize(
    "name",
    [
        "candlesticks-old/series_candlesticks_response.json",
        "events-old/event_single_response.json",
        "trades-old/trades_list_response.json",
    ],
)
def test_cents_and_dollars_of_one_answer_say_the_same(
    recordings: Path, tmp_path: Path, name: str
) -> None:
    ((_, payload),) = contents(recordings / "kalshi" / name)
    shape, context = plan(name, payload)
    batches = []
    for suffix in ("_dollars", ""):
        body = tmp_path / "answer.json"
        body.write_text(json.dumps(without(payload, suffix)), encoding="utf-8")
        batches.append(parse_recording(SOURCE, body, shape, context, root=tmp_path).batch)

    assert batches[0] == batches[1]
    assert batches[0].markets or batches[0].candles or batches[0].trades


def test_the_listing_of_events_names_what_discovery_needs(recordings: Path) -> None:
    ((_, payload),) = contents(recordings / "kalshi/events-old/events_list_response.json")

    rows = rows_of(payload, "events", what="recorded")

    assert len(rows) == 5
    assert all(isinstance(row, dict) and text(row, "event_ticker") for row in rows)


def test_daily_series_of_2025_come_out_as_their_probabilities(recordings: Path) -> None:
    compared = 0
    for file in sorted((recordings / "history/kalshi-daily-candles-2025").glob("kalshi_*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["price_raw"]]
        candles = [
            {
                "end_period_ts": int(datetime.fromisoformat(row["timestamp"]).timestamp()),
                "price": {"close": int(float(row["price_raw"]))},
                "volume": int(row["volume"]),
            }
            for row in rows
        ]
        page = Page("candlesticks", file.name, body_of(candles), NOW, {"ticker": "KX", **DAY})
        batch = SOURCE.parse(page)
        assert batch.rejects == ()
        assert [c.close for c in batch.candles] == [Decimal(row["implied_prob"]) for row in rows]
        compared += len(rows)
    assert compared == 345


def body_of(candles: list[dict[str, object]]) -> bytes:
    return json.dumps({"candlesticks": candles}).encode()
