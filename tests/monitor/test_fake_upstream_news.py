"""What the fake upstream serves of the news sources is what their sources read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest

from monitor.clock import ManualClock
from monitor.errors import PermanentSourceError
from monitor.fake_upstream import FakeUpstream, Fault
from monitor.fake_upstream.builders import item, scenario
from monitor.fake_upstream.misbehaving import route_name
from monitor.fake_upstream.scenario import Feed
from monitor.http_client import HttpClient
from monitor.http_session import SourceSession
from monitor.sources.arxiv import ArxivSource
from monitor.sources.base import Source
from monitor.sources.github_releases import GithubReleasesSource
from monitor.sources.google_news import GoogleNewsSource
from monitor.sources.reddit import RedditSource
from storage.records import ItemRecord, Precision

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

FEEDS = (
    Feed(
        "google-news-en",
        "News",
        items=(
            item("n1", "Acme - maker of Zeta - ships", T0, url="https://www.wire.example/1"),
            item("n0", "Zeta seen in a shop", T0 - 3 * DAY, url="https://shop.example/0"),
            item("n2", "Acme sinks", T0 + 2 * HOUR, url="https://wire.example/2"),
        ),
    ),
    Feed(
        "google-news-zh",
        "News",
        lang="zh",
        items=(
            item("z1", "示例 Zeta 发布", T0, url="https://news.example.cn/1"),
            item("z2", "Acme - maker of Zeta - ships", T0, url="https://wire.example/zh"),
        ),
    ),
    Feed(
        "reddit-examplemodels",
        "r/ExampleModels",
        items=(
            item("1aaaaa", "Zeta 9 is out", T0, url="https://wire.example/1"),
            item("t3_1bbbbb", "My Zeta & me", T0, summary="It <runs> on one card"),
        ),
    ),
    Feed("reddit-others", "r/Others", items=(item("1ccccc", "Nothing new", T0),)),
    Feed(
        "arxiv",
        "arXiv",
        format="atom",
        items=(
            item("2603.00001", "Zeta 9", T0, summary="A model & its loss"),
            item("2603.00001", "Zeta 9, revised", T0 + HOUR, summary="A model & its loss"),
        ),
    ),
    Feed(
        "github-acme-zeta",
        "acme/zeta",
        format="atom",
        items=(item("v9", "Zeta 9", T0, summary="Open weights"),),
    ),
    Feed(
        "github-acme",
        "acme",
        format="atom",
        items=(item("tag:github.com,2008:PublicEvent/1", "ada made acme/eta public", T0),),
    ),
)


@pytest.fixture(scope="module")
def _running() -> Iterator[FakeUpstream]:
    built = scenario(T0 - 10 * DAY, T0 + 10 * DAY, feeds=list(FEEDS))
    with FakeUpstream(built, ManualClock(T0).now) as upstream:
        yield upstream


@pytest.fixture
def upstream(_running: FakeUpstream) -> FakeUpstream:
    _running.faults.clear()
    _running.requests.clear()
    _running.pin(None)
    return _running


@asynccontextmanager
async def session(upstream: FakeUpstream) -> AsyncIterator[SourceSession]:
    client = HttpClient(
        ManualClock(T0),
        contact="desk@example.org",
        deadline=timedelta(seconds=5),
        max_bytes=1 << 20,
        allow_private_hosts=(urlsplit(upstream.url).netloc,),
    )
    async with client:
        yield client.session("source", validators={}, spacing_s=0.0)


async def read(upstream: FakeUpstream, source: Source) -> list[ItemRecord]:
    async with session(upstream) as http:
        batches = [source.parse(page) for page in await source.fetch(http, {})]
    return [found for batch in batches for found in batch.items]


def news(upstream: FakeUpstream, **fields: object) -> GoogleNewsSource:
    return GoogleNewsSource.model_validate(
        {"name": "news", "url": f"{upstream.url}/news", "query": "zeta OR acme", **fields}
    )


async def test_a_search_shows_what_is_public_and_recent(upstream: FakeUpstream) -> None:
    items = await read(upstream, news(upstream))

    assert [(i.title, i.publisher) for i in items] == [
        ("Acme - maker of Zeta - ships", "wire.example")
    ]
    assert items[0].published_at == T0


async def test_editions_share_an_article_once(upstream: FakeUpstream) -> None:
    items = await read(upstream, news(upstream, editions=["en", "zh"]))

    assert [(i.title, i.lang) for i in items] == [
        ("Acme - maker of Zeta - ships", "en"),
        ("示例 Zeta 发布", "zh"),
    ]


async def test_the_past_of_a_search_lies_in_its_days(upstream: FakeUpstream) -> None:
    source = news(upstream)
    async with session(upstream) as http:
        chunks = await source.chunks(http, [], since=T0 - 3 * DAY, until=T0)
        pages = [page for chunk in chunks for page in await source.fetch_chunk(http, chunk)]

    titles = [[i.title for i in source.parse(page).items] for page in pages]
    assert titles == [["Acme - maker of Zeta - ships"], [], [], ["Zeta seen in a shop"]]


async def test_a_subreddit_shows_posts_and_links(upstream: FakeUpstream) -> None:
    source = RedditSource(name="r", url=f"{upstream.url}/reddit", subreddits=("ExampleModels",))

    items = await read(upstream, source)

    assert {(i.guid, i.url, i.summary, i.publisher) for i in items} == {
        ("t3_1aaaaa", "https://wire.example/1", None, "r/ExampleModels"),
        (
            "t3_1bbbbb",
            "https://www.reddit.com/r/ExampleModels/comments/1bbbbb/post/",
            "It <runs> on one card",
            "r/ExampleModels",
        ),
    }


async def test_all_of_reddit_can_be_searched(upstream: FakeUpstream) -> None:
    source = RedditSource(name="r", url=f"{upstream.url}/reddit", query="new")

    assert [(i.title, i.publisher) for i in await read(upstream, source)] == [
        ("Nothing new", "r/Others")
    ]


async def test_an_unknown_subreddit_is_not_found(upstream: FakeUpstream) -> None:
    source = RedditSource(name="r", url=f"{upstream.url}/reddit", subreddits=("Nowhere",))

    with pytest.raises(PermanentSourceError, match="404"):
        await read(upstream, source)


async def test_a_paper_keeps_its_id_when_it_is_revised(upstream: FakeUpstream) -> None:
    source = ArxivSource(name="a", url=f"{upstream.url}/arxiv", query="all:zeta")

    first = await read(upstream, source)
    upstream.pin(T0 + HOUR)
    second = await read(upstream, source)

    assert [(i.guid, i.title) for i in (*first, *second)] == [
        ("2603.00001", "Zeta 9"),
        ("2603.00001", "Zeta 9, revised"),
    ]
    assert (first[0].summary, first[0].precision) == ("A model & its loss", Precision.DAY)


async def test_releases_and_new_repositories_are_served(upstream: FakeUpstream) -> None:
    source = GithubReleasesSource(
        name="g", url=f"{upstream.url}/github", repos=("acme/zeta",), organizations=("acme",)
    )

    assert [(i.title, i.seen_as, i.publisher) for i in await read(upstream, source)] == [
        ("acme/zeta Zeta 9", "release", "acme"),
        ("ada made acme/eta public", "release", "acme"),
    ]


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/news/rss/search", "news:search"),
        ("/reddit/r/ExampleModels/new/.rss", "reddit:ExampleModels"),
        ("/reddit/search.rss", "reddit:search"),
        ("/arxiv/api/query", "arxiv:query"),
        ("/github/acme/zeta/releases.atom", "github:acme/zeta"),
        ("/github/acme/zeta/tags.atom", "github:acme/zeta"),
        ("/github/acme.atom", "github:acme"),
    ],
)
def test_each_route_can_be_made_to_fail(upstream: FakeUpstream, path: str, route: str) -> None:
    assert route_name(path) == route
    upstream.faults.set(route.partition(":")[0], Fault("status", status=503, times=1))

    statuses = [
        httpx.get(f"{upstream.url}{path}", timeout=5, trust_env=False).status_code for _ in range(2)
    ]

    assert statuses[0] == 503
    assert statuses[1] in (200, 404)


def test_feeds_that_can_be_asked_for_changes_answer_with_304(upstream: FakeUpstream) -> None:
    url = f"{upstream.url}/github/acme/zeta/releases.atom"
    first = httpx.get(url, timeout=5, trust_env=False)

    again = httpx.get(
        url, timeout=5, trust_env=False, headers={"if-none-match": first.headers["etag"]}
    )

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
