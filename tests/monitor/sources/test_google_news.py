from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.errors import ParseError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.sources.base import Backfilling, Page
from monitor.sources.google_news import GoogleNewsSource
from storage.records import Batch, Precision

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
URL = "https://news.google.com/rss/search?q=x"
FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "google_news"
EN, ZH = ((FIXTURES / f"search-{name}.xml").read_bytes() for name in ("en", "zh"))
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]


def a_source(**fields: object) -> GoogleNewsSource:
    return GoogleNewsSource.model_validate({"name": "news", "query": "example glasses", **fields})


def parse(body: bytes, edition: str = "en", **context: object) -> Batch:
    return a_source().parse(
        Page("google-news", URL, body, NOW, {"edition": edition, "day": None, **context})
    )


def a_feed(*items: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>t</title>'
        f"{''.join(items)}</channel></rss>"
    ).encode()


def an_item(title: str = "Words - Outlet", number: int = 1, outlet: str = "Outlet") -> str:
    article = f"CBMi{base64.urlsafe_b64encode(f'article {number}'.encode()).decode().rstrip('=')}"
    source = f'<source url="https://www.{outlet.lower()}.example">{outlet}</source>'
    return (
        f"<item><title>{title}</title><guid isPermaLink='false'>{article}</guid>"
        f"<link>https://news.google.com/rss/articles/{article}?oc=5</link>"
        f"<pubDate>Mon, 01 Jun 2026 09:00:00 GMT</pubDate>{source if outlet else ''}</item>"
    )


def reasons(batch: Batch) -> list[str]:
    return [reject.reason for reject in batch.rejects]


# Reading


def test_an_article_has_its_own_headline_outlet_id_and_google_link() -> None:
    first = parse(EN).items[0]

    assert first.title == "Acme ships its glasses - finally - in June"
    assert first.publisher == "Example Wire - World Desk"
    assert first.guid == "CBMiAAAAAAAA1111"
    assert first.url == "https://news.google.com/rss/articles/CBMiAAAAAAAA1111?oc=5"
    assert first.published_at == datetime(2026, 6, 1, 9, 30, 16, tzinfo=UTC)
    assert (first.precision, first.lang, first.source) == (Precision.SECOND, "en", "news")


def test_what_other_outlets_wrote_never_reaches_an_article() -> None:
    assert all(item.summary is None and item.content is None for item in parse(EN).items)


def test_a_cluster_is_no_title_for_an_article_without_one() -> None:
    item = an_item("").replace("</item>", "<description>A cluster</description></item>")

    batch = parse(a_feed(item, an_item("Kept - Outlet", 2)))

    assert [item.title for item in batch.items] == ["Kept"]
    assert reasons(batch) == ["an article without a title"]


@pytest.mark.parametrize(
    ("title", "outlet", "headline"),
    [
        ("One - two - Outlet", "Outlet", "One - two"),
        ("One - The Post - Late Edition", "The Post - Late Edition", "One"),
        ("One - Somebody Else", "Outlet", "One - Somebody Else"),
        ("One – Outlet", "Outlet", "One – Outlet"),
        ("One", "", "One"),
        ("A &amp;amp; B - C&amp;amp;D", "C&amp;amp;D", "A & B"),
        ("示例 - 示例新闻网", "示例新闻网", "示例"),
    ],
)
def test_only_the_outlets_own_name_leaves_the_title(title: str, outlet: str, headline: str) -> None:
    assert parse(a_feed(an_item(title, outlet=outlet))).items[0].title == headline


def test_an_old_result_keeps_its_date_however_high_it_ranks() -> None:
    old = parse(EN).items[1]

    assert old.published_at == datetime(2026, 5, 20, 7, 0, tzinfo=UTC)


def test_the_edition_says_the_language() -> None:
    assert {item.lang for item in parse(ZH, "zh").items} == {"zh"}


def test_a_long_google_id_stays_the_id() -> None:
    article = "CBMi" + "A" * 700
    item = (
        f"<item><title>T</title><link>https://news.google.com/rss/articles/{article}?oc=5</link>"
        f"<guid isPermaLink='false'>{article}</guid></item>"
    )

    assert parse(a_feed(item)).items[0].guid == article


# One article, many ids


def test_an_article_under_two_ids_is_one_item_and_counted() -> None:
    batch = parse(EN)

    assert [item.guid[-4:] for item in batch.items] == ["1111", "2222", "5555"]
    assert reasons(batch) == ["same article under another id"]
    assert batch.rejects[0].excerpt == "CBMiDDDDDDDD4444"


def test_one_headline_of_two_outlets_is_two_articles() -> None:
    titles = [item.title for item in parse(EN).items]

    assert titles.count("Old review of the example ring") == 2


def test_an_article_in_two_editions_is_one_item_and_counted() -> None:
    batch = parse(ZH, "zh", earlier=(EN,))

    assert [item.title for item in batch.items] == ["示例眼镜今日开售"]
    assert reasons(batch) == ["same article in another edition"]


def test_titles_without_words_are_not_taken_for_one() -> None:
    batch = parse(a_feed(an_item("!!! - Outlet", 1), an_item("??? - Outlet", 2)))

    assert len(batch.items) == 2


def test_an_item_twice_in_a_page_is_one() -> None:
    batch = parse(a_feed(an_item(), an_item()))

    assert (len(batch.items), len(batch.rejects)) == (1, 1)


# The envelope


def test_no_results_are_no_items() -> None:
    assert parse(a_feed()) == Batch()


def test_a_page_that_asks_for_consent_is_an_error_that_says_so() -> None:
    with pytest.raises(ParseError, match="web page instead of the feed"):
        parse((FIXTURES / "consent.html").read_bytes())


@pytest.mark.parametrize("body", [b"", b"{}", b"nothing", b"<rss", b"<rss><channel>"])
def test_what_is_no_feed_is_an_error(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(body)


def test_a_cut_page_gives_its_whole_articles_and_says_so() -> None:
    batch = parse(EN[: EN.index(b"Ring Echo")])

    assert len(batch.items) == 2
    assert any("cut off" in reason for reason in reasons(batch))


def test_a_bad_date_costs_the_date_alone() -> None:
    batch = parse(a_feed(an_item().replace("Mon, 01 Jun 2026 09:00:00 GMT", "soon")))

    assert batch.items[0].published_at is None
    assert len(batch.rejects) == 1


def test_unknown_fields_change_nothing() -> None:
    known = a_feed(an_item())

    assert parse(known.replace(b"</item>", b"<new a='1'><x/></new></item>")) == parse(known)


def test_parsing_twice_gives_the_same() -> None:
    assert parse(EN, earlier=(ZH,)) == parse(EN, earlier=(ZH,))


@settings(max_examples=40, deadline=None)
@given(st.permutations([an_item(f"Title {n} - Outlet", n) for n in range(4)]))
def test_the_order_of_results_changes_no_article(items: list[str]) -> None:
    assert {item.title for item in parse(a_feed(*items)).items} == {f"Title {n}" for n in range(4)}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_page_gives_items_or_a_parse_error(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(EN) - 1))
    damage = data.draw(st.binary(max_size=12))
    width = data.draw(st.integers(0, 40))

    try:
        batch = parse(EN[:at] + damage + EN[at + width :], earlier=(EN[:at],))
    except ParseError:
        return
    assert all(item.title and item.guid for item in batch.items)


# Asking


async def test_each_edition_is_asked_with_three_values_that_agree(network: Network) -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(200, content=EN if request.url.params["hl"] == "en-US" else ZH)

    source = a_source(editions=["en", "zh", "zh-TW"])
    async with network(answer) as http:
        pages = await source.fetch(http, {})

    assert [(u.params["hl"], u.params["gl"], u.params["ceid"]) for u in asked] == [
        ("en-US", "US", "US:en"),
        ("zh-CN", "CN", "CN:zh-Hans"),
        ("zh-TW", "TW", "TW:zh-Hant"),
    ]
    assert {u.path for u in asked} == {"/rss/search"}
    assert asked[0].params["q"] == "example glasses when:1d"
    assert [len(source.parse(page).items) for page in pages] == [3, 1, 0]


@pytest.mark.parametrize(
    ("fields", "query"),
    [
        ({"when": "12h"}, "example glasses when:12h"),
        ({"query": "glasses when:7d"}, "glasses when:7d"),
        ({"query": "glasses after:2026-05-01"}, "glasses after:2026-05-01"),
        ({"query": "(ring before:2026-05-01)"}, "(ring before:2026-05-01)"),
        ({"query": "somewhen:1"}, "somewhen:1 when:1d"),
    ],
)
async def test_a_query_is_limited_unless_it_limits_itself(
    network: Network, fields: dict[str, object], query: str
) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["q"])
        return httpx.Response(200, content=EN)

    async with network(answer) as http:
        await a_source(**fields).fetch(http, {})

    assert asked == [query]


async def test_a_section_is_asked_by_its_name(network: Network) -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(200, content=EN)

    source = GoogleNewsSource(name="news", topic="TECHNOLOGY", url="https://news.example/x/")
    async with network(answer) as http:
        await source.fetch(http, {})

    assert str(asked[0]).startswith(
        "https://news.example/x/rss/headlines/section/topic/TECHNOLOGY?hl=en-US"
    )
    assert "q" not in asked[0].params


async def test_an_answer_that_did_not_change_is_no_page(network: Network) -> None:
    async with network(lambda _: httpx.Response(200, content=EN)) as http:
        assert len(await a_source().fetch(http, {})) == 1
        assert await a_source().fetch(http, {}) == []


async def test_a_refusal_to_be_asked_so_often_is_raised(network: Network) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(429, headers={"retry-after": "600"})

    async with network(answer) as http:
        with pytest.raises(TransientSourceError) as caught:
            await a_source().fetch(http, {})

    assert caught.value.retry_after_s == 600


# The past


async def test_the_past_is_asked_day_by_day_newest_first(network: Network) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["q"])
        return httpx.Response(200, content=EN)

    source = a_source(editions=["en", "zh"])
    assert isinstance(source, Backfilling)
    async with network(answer) as http:
        chunks = await source.chunks(http, [], since=NOW - timedelta(days=2), until=NOW)
        pages = await source.fetch_chunk(http, chunks[1])

    assert [chunk.key for chunk in chunks] == [
        f"2026-0{day} en+zh example glasses" for day in ("6-01", "5-31", "5-30")
    ]
    assert asked == ["example glasses after:2026-05-31 before:2026-06-01"] * 2
    assert [len(source.parse(page).items) for page in pages] == [3, 0]


async def test_a_day_is_asked_again_though_its_answer_is_known(network: Network) -> None:
    async with network(lambda _: httpx.Response(200, content=EN)) as http:
        chunk = (await a_source().chunks(http, [], since=NOW, until=NOW + timedelta(hours=1)))[0]
        counts = [len(await a_source().fetch_chunk(http, chunk)) for _ in range(2)]

    assert counts == [1, 1]


@pytest.mark.parametrize("fields", [{"query": None, "topic": "WORLD"}, {"query": "x when:7d"}])
async def test_a_section_or_a_dated_query_has_no_past(
    network: Network, fields: dict[str, object]
) -> None:
    async with network(lambda _: httpx.Response(500)) as http:
        assert await a_source(**fields).chunks(http, [], since=NOW, until=NOW) == []


def test_a_day_with_as_many_results_as_google_shows_is_noted() -> None:
    body = a_feed(*[an_item(f"Title {n} - Outlet", n) for n in range(100)])

    batch = parse(body, day="2026-05-31")

    assert len(batch.items) == 100
    assert "may have been more" in reasons(batch)[0]
    assert parse(body).rejects == ()


# Settings


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"every": "59s"}, "write 60s"),
        ({"query": None}, "exactly one of query, topic"),
        ({"topic": "WORLD"}, "exactly one of query, topic"),
        ({"editions": []}, "editions"),
        ({"editions": ["en", "en"]}, "twice"),
        ({"editions": ["fr"]}, "editions"),
        ({"when": "soon"}, "when"),
        ({"query": None, "topic": "../x"}, "topic"),
    ],
)
def test_settings_that_cannot_work_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        a_source(**fields)
