"""The fake Manifold: strict, forgetful in listings, and what the source makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from monitor.clock import ManualClock
from monitor.fake_upstream import FakeUpstream, Fault
from monitor.fake_upstream.builders import binary_event, price, scenario, series_event
from monitor.fake_upstream.misbehaving import route_name
from monitor.http_client import HttpClient
from monitor.sources.base import Chunk, MarketRef, Target
from monitor.sources.manifold import ManifoldSource
from storage.records import MarketStatus

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
END = T0 + timedelta(days=10)
RACE = replace(
    series_event("maker-race", "Which maker leads?", ["Ada", "Bo"], created_at=T0, ends=END),
    id="MultiMkt01",
    venue="manifold",
    tags=("Example Boards",),
)
ADA, BO = RACE.legs
RAIN = replace(
    binary_event("rain-on-mars", "Rain on Mars?", created_at=T0, ends=END),
    id="Bin0ryMkt1",
    venue="manifold",
)
DONE_LEG = replace(RAIN.legs[0], closed_at=T0 + HOUR, resolved_at=T0 + 2 * HOUR, winner=1)
DONE = replace(RAIN, id="DoneMkt001", slug="old-bet", title="Old bet?", legs=(DONE_LEG,))
PRICES = [
    (ADA, price(T0, last="0.5", volume_24h="200")),
    (BO, price(T0, last="0.5")),
    (ADA, price(T0 + HOUR, last="0.6")),
    (BO, price(T0 + HOUR, last="0.4")),
    (RAIN.legs[0], price(T0, last="0.05", volume_24h="65")),
    (RAIN.legs[0], price(T0 + HOUR, last="0.07", volume_24h="65")),
    (RAIN.legs[0], price(T0 + 2 * HOUR, last="0.06", volume_24h="65")),
]


@pytest.fixture(scope="module")
def _running() -> Iterator[FakeUpstream]:
    played = scenario(T0, END, events=[RACE, RAIN, DONE], prices=PRICES)
    with FakeUpstream(played, ManualClock(T0).now) as upstream:
        yield upstream


@pytest.fixture
def upstream(_running: FakeUpstream) -> FakeUpstream:
    _running.faults.clear()
    _running.requests.clear()
    _running.pin(T0)
    return _running


@pytest.fixture
def web(upstream: FakeUpstream) -> Iterator[httpx.Client]:
    url = f"{upstream.url}/manifold/v0"
    with httpx.Client(base_url=url, timeout=5, trust_env=False) as client:
        yield client


def test_a_full_market_has_answers_and_rules_and_a_lite_one_has_neither(web: httpx.Client) -> None:
    full, lite = (
        web.get("/market/MultiMkt01").json(),
        web.get("/market/MultiMkt01?lite=true").json(),
    )

    assert [answer["text"] for answer in full["answers"]] == ["Ada", "Bo"]
    assert full["textDescription"]
    assert not {"answers", "textDescription", "probability", "resolution"} & set(lite)
    assert (full["outcomeType"], full["closeTime"]) == ("MULTIPLE_CHOICE", 1773230400000)
    assert web.get("/slug/maker-race").json() == full
    assert web.get("/market/nope").json() == {"message": "Contract not found"}


def test_an_unknown_parameter_is_refused(web: httpx.Client) -> None:
    answer = web.get("/search-markets?query=mars")

    assert answer.status_code == 400
    assert answer.json()["message"] == "Error validating request."
    assert answer.json()["details"][0]["field"] == "query"


def test_probabilities_want_an_array_of_ids(web: httpx.Client) -> None:
    both = web.get("/market-probs?ids=Bin0ryMkt1&ids=MultiMkt01&ids=unknown").json()

    assert both == {
        "Bin0ryMkt1": {"prob": 0.05},
        "MultiMkt01": {"answerProbs": {ADA.id: 0.5, BO.id: 0.5}},
    }
    assert web.get("/market-probs?ids=Bin0ryMkt1").status_code == 400
    assert web.get("/market-probs?" + "&".join(["ids=x"] * 101)).status_code == 400
    assert web.get("/market/Bin0ryMkt1/prob").json() == {"prob": 0.05}


def test_a_search_is_by_words_topic_and_state(web: httpx.Client, upstream: FakeUpstream) -> None:
    def slugs(query: str) -> list[str]:
        return [market["slug"] for market in web.get(f"/search-markets?{query}").json()]

    assert slugs("term=mars") == ["rain-on-mars"]
    assert slugs("topicSlug=example-boards") == ["maker-race"]
    assert slugs("limit=1&offset=1") == ["old-bet"]
    upstream.pin(T0 + 3 * HOUR)
    assert slugs("filter=open") == ["rain-on-mars", "maker-race"]
    assert slugs("filter=resolved") == ["old-bet"]
    with_answers = web.get("/search-markets?term=maker&includeLiteAnswers=true").json()
    assert [answer["prob"] for answer in with_answers[0]["answers"]] == [0.6, 0.4]
    assert web.get("/search-markets?limit=1001").status_code == 400


def test_a_resolved_market_says_so_from_then_on(web: httpx.Client, upstream: FakeUpstream) -> None:
    before = web.get("/market/DoneMkt001").json()
    upstream.pin(T0 + 2 * HOUR)
    after = web.get("/market/DoneMkt001").json()

    assert before["isResolved"] is False
    assert "resolution" not in before
    assert (after["isResolved"], after["resolution"]) == (True, "NO")
    assert after["closeTime"] == after["resolutionTime"]


def test_bets_have_both_ends_of_their_window_outside(
    web: httpx.Client, upstream: FakeUpstream
) -> None:
    upstream.pin(T0 + 3 * HOUR)
    first, second = (1772370000000, 1772373600000)

    def times(query: str) -> list[int]:
        bets = web.get(f"/bets?contractId=Bin0ryMkt1&{query}").json()
        return [bet["createdTime"] for bet in bets]

    assert times("order=asc") == [first, second]
    assert times("limit=1") == [second]
    assert times(f"afterTime={first}") == [second]
    assert times(f"afterTime={first - 1}&beforeTime={second}") == [first]
    assert web.get("/bets?limit=1001").status_code == 400


def test_faults_have_the_routes_names() -> None:
    names = {
        "/manifold/v0/search-markets": "manifold:search",
        "/manifold/v0/market-probs": "manifold:probs",
        "/manifold/v0/market/x/prob": "manifold:probs",
        "/manifold/v0/market/x": "manifold:market",
        "/manifold/v0/slug/x": "manifold:market",
        "/manifold/v0/bets": "manifold:bets",
    }
    assert {path: route_name(path) for path in names} == names


# The source against it


def a_source(upstream: FakeUpstream, **ref: Any) -> ManifoldSource:
    source = ManifoldSource(name="mana", api_url=f"{upstream.url}/manifold/v0")
    return source.following([MarketRef(venue="manifold", **ref)])


def a_client(upstream: FakeUpstream) -> HttpClient:
    host = upstream.url.removeprefix("http://")
    return HttpClient(
        ManualClock(T0),
        contact="desk@example.org",
        deadline=timedelta(seconds=5),
        max_bytes=1 << 20,
        allow_private_hosts=frozenset({host}),
    )


async def test_a_poll_follows_prices_and_results_as_time_goes_on(upstream: FakeUpstream) -> None:
    source = a_source(upstream, search="mars bet", title_match="bet|Mars")
    async with a_client(upstream) as client:
        http = client.session("mana", validators={}, spacing_s=0.0)
        first = [source.parse(page) for page in await source.fetch(http, {})]
        upstream.pin(T0 + HOUR)
        cursor = first[-1].cursor
        second = [source.parse(page) for page in await source.fetch(http, cursor)]
        upstream.pin(T0 + 2 * HOUR)
        due = {**second[-1].cursor, "discovered_at": None}
        third = [source.parse(page) for page in await source.fetch(http, due)]

    def shown(batches: list[Any]) -> dict[str, str]:
        return {q.venue_id: str(q.value) for batch in batches for q in batch.quotes}

    assert shown(first)["Bin0ryMkt1"] == "0.05"
    assert shown(second)["Bin0ryMkt1"] == "0.07"
    assert list(shown(third)) == ["Bin0ryMkt1"]
    states = {market.venue_id: market.status for batch in third for market in batch.markets}
    assert states == {"Bin0ryMkt1": MarketStatus.OPEN, "DoneMkt001": MarketStatus.RESOLVED}
    assert not [r for batch in (*first, *second, *third) for r in batch.rejects]


async def test_a_sibling_answers_past_is_rebuilt_too(upstream: FakeUpstream) -> None:
    upstream.pin(T0 + 3 * HOUR)
    source = a_source(upstream, id="MultiMkt01")
    async with a_client(upstream) as client:
        http = client.session("mana", validators={}, spacing_s=0.0)
        told = {}
        for leg in RACE.legs:
            target = Target("MultiMkt01", leg.id, "MultiMkt01")
            chunk = Chunk("c", T0, T0 + 3 * HOUR, target)
            (page,) = await source.fetch_chunk(http, chunk)
            batch = source.parse(page)
            told[leg.label] = ([str(q.value) for q in batch.quotes], len(batch.trades))

    assert told == {"Ada": (["0.6"], 1), "Bo": (["0.4"], 0)}


async def test_a_venue_that_fails_and_comes_back_loses_one_poll(upstream: FakeUpstream) -> None:
    source = a_source(upstream, id="Bin0ryMkt1")
    async with a_client(upstream) as client:
        http = client.session("mana", validators={}, spacing_s=0.0)
        upstream.faults.set("manifold:probs", Fault("not_json"))
        (market, *notices) = await source.fetch(http, {})
        upstream.faults.clear()
        batch = source.parse(notices[-1])
        again = await source.fetch(http, batch.cursor)

    assert len(source.parse(market).quotes) == 1
    assert "a probability was not read" in batch.rejects[0].reason
    assert [page.shape for page in again] == ["probs"]
