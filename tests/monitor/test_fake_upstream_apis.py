"""The fake Hacker News, GDELT and Hugging Face, read by the real sources over loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stamina

from monitor.clock import ManualClock
from monitor.errors import TransientSourceError
from monitor.fake_upstream import FakeUpstream, Fault
from monitor.fake_upstream.builders import item, scenario
from monitor.fake_upstream.misbehaving import route_name
from monitor.fake_upstream.scenario import Feed, FeedItem
from monitor.http_client import HttpClient
from monitor.sources.base import Page
from monitor.sources.gdelt import GdeltSource
from monitor.sources.hackernews import HackerNewsSource
from monitor.sources.huggingface import HuggingFaceSource
from storage.records import Batch

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

STORIES = Feed(
    "hackernews",
    "HN",
    items=(
        item("101", "Zeta K3 is out", T0, url="https://zeta.example/k3"),
        item("102", "Zetas and other letters", T0, url="https://a.example/1"),
        item("103", "Ask HN: Zeta?", T0 + HOUR, summary="Anyone?"),
    ),
)
PAGES = Feed(
    "gdelt",
    "GDELT",
    items=(
        item("1", "Zeta, at last", T0 - MINUTE, url="https://a.example/1"),
        item("2", "Other news", T0 - MINUTE, url="https://a.example/2", summary="Zeta;Acme"),
        item("3", "Rain", T0 - MINUTE, url="https://a.example/3"),
        replace(item("4", "Zeta 发布", T0 - MINUTE, url="https://b.example/4"), lang="zh"),
        item("5", "Zeta later", T0 + 20 * MINUTE, url="https://a.example/5"),
    ),
)


def model(name: str, made: datetime, public: datetime) -> FeedItem:
    return FeedItem(name, name, made, public, summary="text-generation")


HUB = Feed(
    "huggingface",
    "HF",
    items=(
        *(model(f"zetalab/Zeta-{n}", T0 - n * HOUR, T0) for n in range(150)),
        model("zetalab/Omega-1-FP8", T0 - 24 * 30 * HOUR, T0 + HOUR),
        model("other/Sigma", T0, T0),
    ),
)
DAILY = Feed("huggingface-papers", "papers", items=(item("2603.00001", "On Zeta", T0),))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(T0 + MINUTE)


@pytest.fixture
def upstream(clock: ManualClock) -> Iterator[FakeUpstream]:
    feeds = [STORIES, PAGES, HUB, DAILY]
    with FakeUpstream(scenario(T0, T0 + 24 * HOUR, feeds=feeds), clock.now) as running:
        yield running


@pytest.fixture(autouse=True)
def _one_attempt() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
async def http(upstream: FakeUpstream, clock: ManualClock) -> AsyncIterator[HttpClient]:
    async with HttpClient(
        clock,
        contact="desk@example.org",
        deadline=timedelta(seconds=5),
        max_bytes=1 << 22,
        allow_private_hosts=frozenset({upstream.url.removeprefix("http://")}),
    ) as client:
        yield client


async def poll(http: HttpClient, source: Any, cursor: dict[str, object]) -> list[Batch]:
    """Return what one poll gives, and move `cursor` on."""
    pages: list[Page] = await source.fetch(http.session(source.name), cursor)
    batches = [source.parse(page) for page in pages]
    for batch in batches:
        cursor.update(batch.cursor)
    return batches


def titles(batches: list[Batch]) -> list[str]:
    return [each.title for batch in batches for each in batch.items]


async def test_stories_are_searched_by_the_second_and_the_words(
    upstream: FakeUpstream, http: HttpClient, clock: ManualClock
) -> None:
    source = HackerNewsSource(name="hn", api_url=f"{upstream.url}/hn", queries=("zeta",))
    cursor: dict[str, object] = {}

    first = await poll(http, source, cursor)
    clock.advance(2 * HOUR)
    second = await poll(http, source, cursor)

    assert titles(first) == ["Zeta K3 is out"]
    assert titles(second) == ["Ask HN: Zeta?", "Zeta K3 is out"]
    assert [reject.reason for batch in first for reject in batch.rejects] == [
        "the words of the query are not in the title or the address"
    ]
    assert {seen.route for seen in upstream.requests} == {"hn:search"}


async def test_batches_come_every_quarter_of_an_hour(
    upstream: FakeUpstream, http: HttpClient, clock: ManualClock
) -> None:
    base = f"{upstream.url}/gdelt"
    source = GdeltSource(name="g", terms=("Zeta",), bulk_url=base, mirror_url=base, doc_url=base)
    cursor: dict[str, object] = {}

    first = await poll(http, source, cursor)
    same = await poll(http, source, cursor)
    clock.advance(30 * MINUTE)
    later = await poll(http, source, cursor)

    assert titles(first) == ["Other news", "Zeta, at last", "Zeta 发布"]
    assert [each.lang for batch in first for each in batch.items] == ["en", "en", "zh"]
    assert same == []
    assert titles(later) == ["Zeta later"]
    assert len(later) == 4  # two batches of two streams


async def test_the_search_stands_in_for_batches_that_are_down(
    upstream: FakeUpstream, http: HttpClient
) -> None:
    base = f"{upstream.url}/gdelt"
    source = GdeltSource(name="g", terms=("Zeta",), bulk_url=base, mirror_url=base, doc_url=base)
    upstream.faults.set("gdelt:lastupdate", Fault("status", status=503))

    found = await poll(http, source, {})

    assert sorted(titles(found)) == ["Other news", "Zeta 发布", "Zeta, at last"]

    upstream.faults.set("gdelt:doc", Fault("status", status=429))
    with pytest.raises(TransientSourceError):
        await poll(http, source, {})


async def test_a_model_made_long_ago_and_public_now_is_found_on_the_second_page(
    upstream: FakeUpstream, http: HttpClient, clock: ManualClock
) -> None:
    source = HuggingFaceSource(
        name="hf", api_url=f"{upstream.url}/hf", authors=("zetalab",), papers=True
    )
    cursor: dict[str, object] = {}

    first = await poll(http, source, cursor)
    clock.advance(2 * HOUR)
    second = await poll(http, source, cursor)

    assert titles(first) == ["On Zeta"]
    assert titles(second)[:1] == ["zetalab published Omega-1 on Hugging Face (1 repository)"]
    models = [seen for seen in upstream.requests if seen.route == "hf:models"]
    assert len(models) == 4


async def test_a_list_that_is_cut_off_changes_nothing(
    upstream: FakeUpstream, http: HttpClient
) -> None:
    source = HuggingFaceSource(name="hf", api_url=f"{upstream.url}/hf", authors=("zetalab",))
    cursor: dict[str, object] = {}
    await poll(http, source, cursor)
    known = dict(cursor)
    upstream.faults.set("hf:models", Fault("truncate"))

    with pytest.raises(TransientSourceError):
        await poll(http, source, cursor)

    assert cursor == known


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/hn/api/v1/search_by_date", "hn:search"),
        ("/gdelt/lastupdate-translation.txt", "gdelt:lastupdate"),
        ("/gdelt/20260301120000.translation.gkg.csv.zip", "gdelt:gkg"),
        ("/gdelt/api/v2/doc/doc", "gdelt:doc"),
        ("/hf/api/models", "hf:models"),
        ("/hf/api/daily_papers", "hf:papers"),
    ],
)
def test_routes_have_names_for_faults(path: str, name: str) -> None:
    assert route_name(path) == name
