"""A Polymarket market is resolved when someone who knows says so, and never because it closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from monitor.errors import ParseError
from monitor.fake_upstream import FakeUpstream, Fault
from monitor.fake_upstream.builders import binary_event, price, scenario
from monitor.sources.base import MarketRef
from storage.records import MarketRecord, MarketStatus
from tests.monitor.sources.polymarket_venue import (
    SLUG,
    Network,
    Venue,
    a_source,
    by_event,
    in_scenario,
    load,
    merged,
    parse,
    session_at,
)

T0 = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONDITION = "0x" + "4" * 64
KNOWN = {"markets": {CONDITION: ["104", "Will Nix?", ["Yes", "No"]]}}


def a_market(**fields: object) -> MarketRecord:
    event = load("event.json")
    event["markets"] = [{**event["markets"][0], **fields}]
    return parse("event", event).markets[0]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, None),
        ({"umaResolutionStatus": "proposed"}, "proposed"),
        ({"umaResolutionStatus": "Disputed"}, "disputed"),
        ({"umaResolutionStatus": "", "umaResolutionStatuses": "[]"}, None),
        ({"umaResolutionStatus": None, "umaResolutionStatuses": None}, None),
        ({"umaResolutionStatuses": '["proposed", "disputed"]'}, "disputed"),
        ({"umaResolutionStatuses": ["proposed"]}, "proposed"),
        ({"umaResolutionStatus": "disputed", "umaResolutionStatuses": '["proposed"]'}, "disputed"),
        ({"umaResolutionStatuses": "proposed"}, None),
        ({"umaResolutionStatus": 7, "umaResolutionStatuses": '[""]'}, None),
    ],
)
def test_the_oracles_newest_word_is_kept_in_lower_case(
    fields: dict[str, object], word: str | None
) -> None:
    market = a_market(**fields)

    assert (market.oracle, market.status) == (word, MarketStatus.OPEN)


def test_a_dispute_of_a_market_that_still_trades_is_told() -> None:
    market = a_market(closed=False, umaResolutionStatus="disputed", outcomePrices='["0.9", "0.1"]')

    assert (market.status, market.oracle, market.resolution) == (
        MarketStatus.OPEN,
        "disputed",
        None,
    )


@pytest.mark.parametrize("prices", ['["1", "0"]', '["0.999", "0.001"]', '["0", "0"]', None])
def test_closed_without_a_word_is_no_resolution_whatever_the_prices(prices: str | None) -> None:
    market = a_market(closed=True, acceptingOrders=True, outcomePrices=prices)

    assert (market.status, market.resolution, market.resolved_at) == (
        MarketStatus.CLOSED,
        None,
        None,
    )


def clob_market(**fields: object) -> dict[str, object]:
    return {
        "condition_id": CONDITION,
        "question": "Will Nix have it?",
        "closed": True,
        "tokens": [
            {"token_id": "7", "outcome": "Yes", "price": 0, "winner": False},
            {"token_id": "8", "outcome": "No", "price": 1, "winner": True},
        ],
        **fields,
    }


@pytest.mark.parametrize(
    ("fields", "status", "resolution"),
    [
        ({}, MarketStatus.RESOLVED, "No"),
        ({"closed": False}, MarketStatus.OPEN, None),
        ({"tokens": None}, MarketStatus.CLOSED, None),
        ({"tokens": [{"outcome": "Yes", "winner": False, "price": 1}]}, MarketStatus.CLOSED, None),
        ({"tokens": [{"outcome": "Yes", "winner": "true"}]}, MarketStatus.CLOSED, None),
        ({"tokens": [{"outcome": n, "winner": True} for n in "ab"]}, MarketStatus.CLOSED, None),
    ],
)
def test_the_clob_resolves_a_market_by_the_one_token_that_won(
    fields: dict[str, object], status: MarketStatus, resolution: str | None
) -> None:
    market = parse("clob-market", clob_market(**fields), **KNOWN).markets[0]

    assert (market.venue_id, market.question) == ("104", "Will Nix?")
    assert (market.status, market.resolution) == (status, resolution)


def payout(**fields: object) -> dict[str, object]:
    row = {
        "condition_id": CONDITION,
        "status": "resolved",
        "payouts": [0, 1_000_000],
        "resolved_at": "2026-06-02T10:00:00Z",
    }
    return {"data": [{**row, **fields}], "pagination": {"next_cursor": None}}


@pytest.mark.parametrize(
    ("fields", "status", "resolution"),
    [
        ({}, MarketStatus.RESOLVED, "No"),
        ({"payouts": ["1000000", "0"]}, MarketStatus.RESOLVED, "Yes"),
        ({"payouts": [500_000, 500_000]}, MarketStatus.RESOLVED, "split"),
        ({"payouts": [300_000, 700_000]}, MarketStatus.CLOSED, None),
        ({"payouts": [1_000_000]}, MarketStatus.CLOSED, None),
        ({"payouts": []}, MarketStatus.CLOSED, None),
        ({"payouts": None}, MarketStatus.CLOSED, None),
        ({"status": "disputed"}, MarketStatus.CLOSED, None),
    ],
)
def test_payouts_in_millionths_resolve_a_market(
    fields: dict[str, object], status: MarketStatus, resolution: str | None
) -> None:
    market = parse("resolutions", payout(**fields), **KNOWN).markets[0]

    assert (market.status, market.resolution) == (status, resolution)
    assert market.oracle == fields.get("status", "resolved")
    assert (market.resolved_at is not None) == (status is MarketStatus.RESOLVED)


@pytest.mark.parametrize("at", ["1780394400", 1780394400, "2026-06-02T10:00:00Z"])
def test_payouts_are_dated_in_seconds_or_in_iso(at: object) -> None:
    market = parse("resolutions", payout(resolved_at=at), **KNOWN).markets[0]

    assert market.resolved_at == datetime(2026, 6, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize("shape", ["clob-market", "resolutions"])
def test_results_are_read_tolerantly_row_by_row(shape: str) -> None:
    rows = [clob_market() if shape == "clob-market" else payout()["data"][0]]  # type: ignore[index]
    strangers = [{**rows[0], "condition_id": "0x9"}, "no row", None]

    batch = parse(shape, {"data": [*strangers, *rows], "new": 1}, **KNOWN)

    assert len(batch.markets) == 1
    assert [reject.reason for reject in batch.rejects] == [
        "a market nobody asked for: '0x9'",
        "a market that is not an object",
        "a market that is not an object",
    ]
    assert parse(shape, {"data": []}, **KNOWN).markets == ()
    assert parse(shape, {"data": None}, **KNOWN).markets == ()
    with pytest.raises(ParseError, match="market not found"):
        parse(shape, {"error": "market not found"})
    with pytest.raises(ParseError):
        parse(shape, {"rows": []})


def silent_event(**fields: object) -> dict[str, Any]:
    """An event of one closed leg whose result Gamma does not tell."""
    event: dict[str, Any] = {**load("event.json"), "closed": True}
    silent = {**event["markets"][3], "umaResolutionStatus": "", **fields}
    event["markets"] = [silent]
    return event


def answering(payload: object, status: int = 200) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, json=payload)


async def test_where_gamma_is_silent_the_clob_is_asked_and_remembered(network: Network) -> None:
    venue, source = Venue(), a_source(by_event())
    venue.events[SLUG] = silent_event()
    venue.others["/markets/0x"] = answering(clob_market())
    async with network(venue) as http:
        first = merged(source, await source.fetch(http, {}))
        second = merged(source, await source.fetch(http, first.cursor))
        third = merged(source, await source.fetch(http, second.cursor))

    assert [m.status for m in first.markets] == [MarketStatus.CLOSED, MarketStatus.RESOLVED]
    assert (first.markets[1].resolution, first.markets[1].rules) == ("No", None)
    assert [(m.status, m.resolution) for m in second.markets] == [(MarketStatus.RESOLVED, "No")]
    assert second.markets[0].resolved_at == datetime(2026, 5, 20, 10, tzinfo=UTC)
    assert third.markets == ()
    assert venue.asked[f"/markets/{CONDITION}"] == 1
    assert "/v2/resolutions" not in venue.asked
    assert json.loads(json.dumps(first.cursor)) == first.cursor


async def test_where_the_clob_is_silent_too_the_payouts_are_asked(network: Network) -> None:
    venue, source = Venue(), a_source(by_event())
    venue.events[SLUG] = silent_event()
    venue.others["/markets/0x"] = answering(clob_market(tokens=[]))
    venue.others["/v2/resolutions"] = answering(payout(payouts=[500_000, 500_000]))
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert batch.markets[1].resolution == "split"
    assert batch.cursor["verdicts"] == {"104": ["split", "2026-06-02T10:00:00+00:00"]}
    assert venue.requests[-1].url.params["condition"] == CONDITION


@pytest.mark.parametrize(
    "event",
    [
        silent_event(closed=False),
        silent_event(active=False),
        silent_event(umaResolutionStatus="proposed"),
        silent_event(umaResolutionStatus="disputed"),
        silent_event(umaResolutionStatus="resolved"),
        silent_event(conditionId=""),
        silent_event(conditionId="../../admin"),
    ],
    ids=["open", "placeholder", "proposed", "disputed", "told", "no condition", "odd condition"],
)
async def test_nobody_else_is_asked_about_a_market_that_gamma_speaks_of(
    network: Network, event: dict[str, Any]
) -> None:
    venue, source = Venue(), a_source(by_event())
    venue.events[SLUG] = event
    async with network(venue) as http:
        await source.fetch(http, {})

    assert not [path for path in venue.asked if "0x" in path or "resolutions" in path]


async def test_others_are_asked_only_when_a_look_up_is_due_and_few_at_a_time(
    network: Network,
) -> None:
    venue, source = Venue(), a_source(by_event())
    event = silent_event()
    template = event["markets"][0]
    event["markets"] = [
        {**template, "id": str(1000 + n), "conditionId": f"0x{n:064x}"} for n in range(30)
    ]
    venue.events[SLUG] = event
    async with network(venue) as http:
        cursor = merged(source, await source.fetch(http, {})).cursor
        first = [path for path in venue.asked if path.startswith("/markets/0x")]
        await source.fetch(http, cursor)
        between = sum(venue.asked[path] for path in venue.asked if path.startswith("/markets/0x"))
        await source.fetch(http, {**cursor, "discovered_at": "2026-06-01T11:00:00Z"})

    assert first == [f"/markets/0x{n:064x}" for n in range(20)]
    assert between == 20
    twice = [path for path in first if venue.asked[path] == 2]
    assert twice == first[:10]
    assert venue.asked["/v2/resolutions"] == 40


async def test_a_host_that_fails_is_asked_once_and_named(network: Network) -> None:
    venue, source = Venue(), a_source(by_event())
    event = silent_event()
    event["markets"] = [
        {**event["markets"][0], "id": str(n), "conditionId": f"0x{n}"} for n in range(3)
    ]
    venue.events[SLUG] = event
    venue.others["/markets/0x"] = answering({"error": "down"}, 429)
    venue.others["/v2/resolutions"] = answering("<html>")
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert len([path for path in venue.asked if path.startswith("/markets/0x")]) == 1
    assert len(batch.markets) == 3
    assert sum("a result was not looked up" in r.reason for r in batch.rejects) == 4


async def test_a_silent_gamma_is_overruled_end_to_end() -> None:
    event = binary_event("old-bet", "Old bet?", created_at=T0, ends=T0 + HOUR)
    quiet = replace(
        event.legs[0],
        closed_at=T0 + HOUR,
        resolved_at=T0 + 3 * HOUR,
        winner=1,
        gamma_silent=True,
    )
    built = scenario(
        T0,
        T0 + 9 * HOUR,
        events=[replace(event, legs=(quiet,))],
        prices=[(quiet, price(T0, "0.1", "0.2"))],
    )
    ref = MarketRef(venue="polymarket", event="old-bet")
    with FakeUpstream(built, lambda: T0) as upstream:
        source = in_scenario(upstream, ref)
        statuses = []
        cursor: dict[str, object] = {}
        for hours in (0, 2, 4):
            async with session_at(upstream, T0 + hours * HOUR) as http:
                batch = merged(source, await source.fetch(http, cursor))
            statuses.append([(m.status, m.resolution) for m in batch.markets])
            cursor = batch.cursor
        upstream.faults.set("clob:market", Fault("status", status=404))
        async with session_at(upstream, T0 + 4 * HOUR) as http:
            by_payout = merged(source, await source.fetch(http, {}))

    assert statuses == [
        [(MarketStatus.OPEN, None)],
        [(MarketStatus.CLOSED, None)],
        [(MarketStatus.CLOSED, None), (MarketStatus.RESOLVED, "No")],
    ]
    assert by_payout.markets[1].resolved_at == T0 + 3 * HOUR
