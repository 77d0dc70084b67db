"""What a Polymarket reference finds, how much of it is followed, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from monitor.fake_upstream import FakeUpstream, Scenario
from monitor.fake_upstream.builders import leg, price, scenario, series_event
from monitor.fake_upstream.scenario import Event
from monitor.sources.base import MarketRef
from monitor.sources.polymarket import PolymarketSource
from storage.records import Batch, MarketStatus
from tests.monitor.sources.polymarket_venue import (
    Network,
    Venue,
    a_source,
    in_scenario,
    merged,
    session_at,
)

JUNE_1, JULY_1 = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def monthly(slug: str, title: str, since: datetime, ends: datetime) -> Event:
    event = series_event(slug, title, ["Ada", "Bo"], created_at=since, ends=ends)
    legs = tuple(
        replace(
            each, closed_at=ends, resolved_at=ends + 2 * DAY, winner=1 if each.label == "Bo" else 0
        )
        for each in event.legs
    )
    return replace(event, legs=legs, tags=("AI Race",))


JUNE = monthly("best-lab-end-of-june", "Which lab is best end of June?", JUNE_1, JULY_1 - 8 * HOUR)
JULY = monthly(
    "best-lab-end-of-july", "Which lab is best end of July?", JULY_1 - 2 * DAY, JULY_1 + 30 * DAY
)
RAIN = series_event("rain-in-june", "Rain in June?", ["Yes"], created_at=JUNE_1, ends=JULY_1)


def months() -> Scenario:
    prices = [(each, price(JUNE_1, "0.4", "0.42")) for each in (*JUNE.legs, *JULY.legs, *RAIN.legs)]
    return scenario(JUNE_1, JULY_1 + 40 * DAY, events=[JUNE, JULY, RAIN], prices=prices)


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(months(), lambda: JUNE_1) as running:
        yield running


async def poll(
    upstream: FakeUpstream, source: PolymarketSource, now: datetime, cursor: dict[str, object]
) -> Batch:
    async with session_at(upstream, now) as http:
        return merged(source, await source.fetch(http, cursor))


@pytest.mark.parametrize(
    "ref",
    [
        MarketRef(venue="polymarket", event_pattern="best-lab-end-of-*"),
        MarketRef(venue="polymarket", tag="ai-race"),
        MarketRef(venue="polymarket", search="lab", title_match="(?i)best"),
    ],
    ids=lambda ref: ref.key,
)
async def test_month_after_month_a_theme_rolls_by_itself(
    upstream: FakeUpstream, ref: MarketRef
) -> None:
    source = in_scenario(upstream, ref)

    def series(batch: Batch) -> dict[str | None, set[MarketStatus]]:
        return {
            name: {m.status for m in batch.markets if m.series == name}
            for name in {m.series for m in batch.markets}
        }

    june = await poll(upstream, source, JUNE_1 + DAY, {})
    both = await poll(upstream, source, JULY_1 - DAY, june.cursor)
    waiting = await poll(upstream, source, JULY_1, both.cursor)
    spoken = await poll(upstream, source, JULY_1 + 2 * DAY, waiting.cursor)
    july = await poll(upstream, source, JULY_1 + 3 * DAY, spoken.cursor)

    assert series(june) == {JUNE.slug: {MarketStatus.OPEN}}
    assert series(both) == {JUNE.slug: {MarketStatus.OPEN}, JULY.slug: {MarketStatus.OPEN}}
    assert series(waiting) == {JUNE.slug: {MarketStatus.CLOSED}, JULY.slug: {MarketStatus.OPEN}}
    assert series(spoken) == {JUNE.slug: {MarketStatus.RESOLVED}, JULY.slug: {MarketStatus.OPEN}}
    assert series(july) == {JULY.slug: {MarketStatus.OPEN}}
    assert {reject.reason for batch in (june, both, waiting, spoken, july)
            for reject in batch.rejects} == set()  # fmt: skip
    assert {key for _, _, key in july.followed} == {ref.key}


async def test_the_keyset_cursor_goes_back_as_after_cursor_with_all_filters(
    network: Network,
) -> None:
    venue = Venue()
    slugs = [f"e{number}" for number in range(5)]
    venue.listing = pages_of([listed(slug) for slug in slugs], size=2)
    source = a_source(MarketRef(venue="polymarket", tag="ai"))
    async with network(venue) as http:
        await source.fetch(http, {})

    asked = [r.url.params for r in venue.requests if r.url.path == "/events/keyset"]
    assert [params.get("after_cursor") for params in asked] == [None, "2", "4"]
    assert {(p["tag_slug"], p["closed"], p["limit"]) for p in asked} == {("ai", "false", "100")}
    assert not any(name in params for params in asked for name in ("cursor", "next_cursor"))
    assert not any("offset" in params for params in asked)
    assert [path for path in venue.asked if path.startswith("/events/slug/")] == [
        f"/events/slug/{slug}" for slug in slugs
    ]


async def test_an_event_on_two_pages_of_a_moving_list_is_one_event(network: Network) -> None:
    venue = Venue()
    venue.listing = pages_of([listed("a"), listed("b"), listed("a")], size=2)
    source = a_source(MarketRef(venue="polymarket", tag="ai", max_events=2))
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert list(found_of(batch)) == ["a", "b"]
    assert not [r for r in batch.rejects if "max_events" in r.reason]


@pytest.mark.parametrize("ref", [{"tag": "ai"}, {"event_pattern": "e*"}], ids=str)
async def test_a_cap_keeps_the_most_liquid_events_and_says_so(
    network: Network, ref: dict[str, str]
) -> None:
    venue = Venue()
    liquid = {"e1": 5, "e2": None, "e3": 80.5, "e4": "20", "e5": True}
    venue.listing = lambda _: {"events": [listed(s, liquidity=v) for s, v in liquid.items()]}
    source = a_source(MarketRef(venue="polymarket", max_events=3, **ref))
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert list(found_of(batch)) == ["e3", "e4", "e1"]
    assert [r.reason for r in batch.rejects if "max_events" in r.reason] == [
        f"polymarket/{'tag:ai' if 'tag' in ref else 'event_pattern:e*'}: more than 3 events match; "
        "the rest is not followed, raise max_events or narrow the reference"
    ]


async def test_a_capped_search_keeps_the_sites_order(network: Network) -> None:
    venue = Venue()
    venue.search = lambda _: {"events": [listed("b", liquidity=1), listed("a", liquidity=9)]}
    source = a_source(MarketRef(venue="polymarket", search="x", max_events=1))
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert list(found_of(batch)) == ["b"]


async def test_what_is_followed_stays_when_something_more_liquid_comes(network: Network) -> None:
    venue = Venue()
    old, new = listed("old", liquidity=1), listed("new", liquidity=99)
    venue.events |= {"old": an_event("old"), "new": an_event("new")}
    venue.listing = lambda _: {"events": [old]}
    source = a_source(MarketRef(venue="polymarket", tag="ai", max_events=1))
    async with network(venue) as http:
        cursor = merged(source, await source.fetch(http, {})).cursor
        venue.listing = lambda _: {"events": [new, old]}
        full = merged(source, await source.fetch(http, {**cursor, "discovered_at": None})).cursor
        venue.listing = lambda _: {"events": [new]}
        rolled = merged(source, await source.fetch(http, {**full, "discovered_at": None})).cursor

    assert list(full["found"]) == ["old"]  # type: ignore[call-overload]
    assert list(rolled["found"]) == ["old", "new"]  # type: ignore[call-overload]


async def test_title_match_narrows_a_tag(network: Network) -> None:
    venue = Venue()
    venue.listing = lambda _: {"events": [listed("a", title="Best AI lab"), listed("b", title="X")]}
    source = a_source(MarketRef(venue="polymarket", tag="ai", title_match="(?i)best ai"))
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert list(found_of(batch)) == ["a"]


async def test_a_list_that_is_an_error_body_keeps_the_poll_from_passing(network: Network) -> None:
    venue = Venue()
    venue.listing = lambda _: {"error": "slug not found", "type": "not found error"}
    source = a_source(MarketRef(venue="polymarket", tag="ai"))
    async with network(venue) as http:
        with pytest.raises(Exception, match="slug not found"):
            await source.fetch(http, {})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tag": "ai", "search": "x"}, "name exactly one of"),
        ({"event": "x", "title_match": "y"}, "narrows search or event_pattern or tag only"),
        ({"id": "1", "max_events": 5}, "max_events caps search or event_pattern or tag only"),
        ({"tag": "ai", "max_events": 0}, "greater than or equal to 1"),
        ({"tag": "ai", "max_events": 201}, "less than or equal to 200"),
        ({"tag": ""}, "at least 1 character"),
    ],
)
def test_a_reference_that_cannot_work_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MarketRef(venue="polymarket", **fields)


def test_a_tag_names_its_reference() -> None:
    ref = MarketRef(venue="polymarket", tag="ai", title_match="x")

    assert (ref.key, ref.max_events) == ("polymarket/tag:ai ~ x", 30)


def listed(slug: str, title: str = "Best?", liquidity: object = None) -> dict[str, object]:
    return {"id": f"id-{slug}", "slug": slug, "title": title, "liquidity": liquidity}


def an_event(slug: str) -> dict[str, object]:
    return {"id": f"id-{slug}", "slug": slug, "title": "T", "markets": []}


def found_of(batch: Batch) -> dict[str, list[str]]:
    """Return what the cursor remembers, or what was read and is gone, in the order it was found."""
    gone = [r.reason.split("'")[1] for r in batch.rejects if "not found" in r.reason]
    found: dict[str, list[str]] = batch.cursor["found"]  # type: ignore[assignment]
    return found or {slug: [] for slug in gone}


def pages_of(
    events: list[dict[str, object]], size: int
) -> Callable[[httpx.Request], dict[str, object]]:
    def answer(request: httpx.Request) -> dict[str, object]:
        start = int(request.url.params.get("after_cursor", "0"))
        body: dict[str, object] = {"events": events[start : start + size]}
        if start + size < len(events):
            body["next_cursor"] = str(start + size)
        return body

    return answer


async def test_many_ids_are_asked_for_in_one_list_and_closed_ones_singly(
    upstream: FakeUpstream,
) -> None:
    legs = [leg(f"m{n}", f"Market {n}?", ends=JULY_1) for n in range(6)]
    legs[5] = replace(legs[5], closed_at=JUNE_1 + HOUR)
    many = replace(JUNE, id="8000001", slug="many", legs=tuple(legs))
    built = scenario(JUNE_1, JULY_1, events=[many])
    refs = [MarketRef(venue="polymarket", id=each.id) for each in legs]
    with FakeUpstream(built, lambda: JUNE_1) as other:
        source = in_scenario(other, *refs)
        batch = await poll(other, source, JUNE_1 + DAY, {})
        asked = [seen.path for seen in other.requests if seen.route.startswith("gamma")]

    assert asked == ["/gamma/markets/keyset", f"/gamma/markets/{legs[5].id}"]
    assert {m.venue_id for m in batch.markets} == {each.id for each in legs}
    assert {m.series for m in batch.markets} == {"many"}
    assert sorted(batch.followed) == sorted(
        ("polymarket", each.id, f"polymarket/id:{each.id}") for each in legs
    )
    assert batch.rejects == ()


async def test_few_ids_are_asked_for_one_by_one(upstream: FakeUpstream) -> None:
    refs = [MarketRef(venue="polymarket", id=each.id) for each in (*JUNE.legs, *RAIN.legs)]
    upstream.requests.clear()
    batch = await poll(upstream, in_scenario(upstream, *refs), JUNE_1 + DAY, {})

    assert len(batch.markets) == 3
    assert "/gamma/markets/keyset" not in {seen.path for seen in upstream.requests}


async def test_a_list_that_overlooks_its_filter_brings_in_no_strangers(network: Network) -> None:
    venue = Venue()
    stranger = {"id": "999", "question": "Rain?", "conditionId": "0x1", "active": True}
    wanted = [{**stranger, "id": str(n)} for n in range(5)]
    venue.others["/markets/keyset"] = lambda _: httpx.Response(
        200, json={"markets": [stranger, *wanted]}
    )
    source = a_source(*(MarketRef(venue="polymarket", id=str(n)) for n in range(5)))
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    asked = venue.requests[0].url.params
    assert asked.get_list("id") == ["0", "1", "2", "3", "4"]
    assert {market.venue_id for market in batch.markets} == {"0", "1", "2", "3", "4"}
    assert [r.reason for r in batch.rejects] == ["a market nobody asked for: 999"]


@pytest.mark.parametrize("answer", [httpx.Response(422), httpx.Response(200, json={"markets": []})])
async def test_a_refused_list_of_ids_is_asked_for_one_by_one(
    network: Network, answer: httpx.Response
) -> None:
    venue = Venue()
    venue.others["/markets/keyset"] = lambda _: answer
    source = a_source(*(MarketRef(venue="polymarket", id=str(n)) for n in range(99, 104)))
    async with network(venue) as http:
        batch = merged(source, await source.fetch(http, {}))

    assert {path for path in venue.asked if path.startswith("/markets/1")} == {
        "/markets/100", "/markets/101", "/markets/102", "/markets/103",
    }  # fmt: skip
    assert [market.venue_id for market in batch.markets] == ["101"]
