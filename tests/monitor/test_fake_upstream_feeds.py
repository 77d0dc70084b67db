"""A feed says the same in every format the fake upstream can write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from monitor.fake_upstream import FakeUpstream
from monitor.fake_upstream.builders import item, scenario
from monitor.fake_upstream.scenario import Feed, FeedItem
from monitor.sources.base import Page
from monitor.sources.rss import RssSource
from storage.records import ItemRecord, Precision

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FORMATS = ("rss", "atom", "rdf", "json")
ITEMS = (
    item("g2", "Zeta & <Acme> ship", T0, url="https://wire.example/2", summary="It costs 100."),
    FeedItem("g1", "示例戒指发布", T0 - HOUR, T0 - HOUR, url="https://wire.example/1", lang="zh"),
    FeedItem("g0", "Known by its day", date(2026, 2, 28), T0 - 2 * HOUR),
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    feeds = [Feed(name, "Wire", format=name, items=ITEMS) for name in FORMATS]
    with FakeUpstream(scenario(T0, T0 + timedelta(days=1), feeds=feeds), lambda: T0) as fake:
        yield fake


def items_of(upstream: FakeUpstream, name: str) -> list[ItemRecord]:
    answer = httpx.get(f"{upstream.url}/feed/{name}", trust_env=False)
    source = RssSource(name="wire", url=f"{upstream.url}/feed/{name}")
    batch = source.parse(Page("feed", str(answer.url), answer.content, T0))
    assert batch.rejects == ()
    return list(batch.items)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_items(upstream: FakeUpstream, name: str) -> None:
    first, second, third = items_of(upstream, name)

    assert (first.guid, first.title) == ("g2", "Zeta & <Acme> ship")
    assert (first.url, first.published_at) == ("https://wire.example/2", T0)
    assert first.summary == "It costs 100."
    assert (second.guid, second.title) == ("g1", "示例戒指发布")
    assert (third.guid, third.precision) == ("g0", Precision.DAY)


@pytest.mark.parametrize("name", ["atom", "json"])
def test_an_items_language_is_written_where_the_format_can(
    upstream: FakeUpstream, name: str
) -> None:
    assert [item.lang for item in items_of(upstream, name)] == ["en", "zh", "en"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_validators(upstream: FakeUpstream, name: str) -> None:
    first = httpx.get(f"{upstream.url}/feed/{name}", trust_env=False)
    again = httpx.get(
        f"{upstream.url}/feed/{name}",
        headers={"if-none-match": first.headers["etag"]},
        trust_env=False,
    )

    assert (again.status_code, again.content) == (304, b"")
