from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.errors import ParseError, PermanentSourceError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.sources.base import Page
from monitor.sources.reddit import RedditSource
from storage.records import Batch, Precision

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
URL = "https://www.reddit.com/r/ExampleModels/new/.rss"
FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "reddit"
ATOM = (FIXTURES / "new.atom.xml").read_bytes()
LISTING = (FIXTURES / "new.json").read_bytes()
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]
Mutate = Callable[[Any, st.DataObject], bytes]


def a_source(**fields: object) -> RedditSource:
    return RedditSource.model_validate(
        {"name": "reddit", "subreddits": ["ExampleModels"], **fields}
    )


def parse(body: bytes, shape: str = "reddit", **context: object) -> Batch:
    return a_source().parse(Page(shape, URL, body, NOW, {"place": "ExampleModels", **context}))


def a_feed(*entries: str) -> bytes:
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>{"".join(entries)}</feed>'.encode()


def an_entry(guid: str = "t3_1zzzzz", title: str = "A title", content: str = "") -> str:
    escaped = content.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        f'<entry><content type="html">{escaped}</content><id>{guid}</id>'
        f'<link href="https://www.reddit.com/r/ExampleModels/comments/1zzzzz/x/"/>'
        f"<published>2026-06-01T11:00:00+00:00</published><title>{title}</title></entry>"
    )


def a_listing(*posts: dict[str, object]) -> bytes:
    return json.dumps({"data": {"children": [{"data": post} for post in posts]}}).encode()


def a_post(**fields: object) -> dict[str, object]:
    return {
        "name": "t3_1zzzzz",
        "title": "A title",
        "is_self": True,
        "permalink": "/r/ExampleModels/comments/1zzzzz/x/",
        "created_utc": 1780311600.0,
        "subreddit": "ExampleModels",
        **fields,
    }


def reasons(batch: Batch) -> list[str]:
    return [reject.reason for reject in batch.rejects]


# The Atom feed


def test_a_post_is_its_own_text_without_the_chrome() -> None:
    post = parse(ATOM).items[0]

    assert (post.guid, post.title) == ("t3_1aaaaa", "Zeta 9 weights are public")
    assert post.summary == "Weights are up & they run on one card.\nSee [link] in the wiki."
    assert post.content is None
    assert post.url == "https://www.reddit.com/r/ExampleModels/comments/1aaaaa/weights/"
    assert (post.publisher, post.tier, post.lang) == ("r/ExampleModels", 3, "en")
    assert post.published_at == datetime(2026, 6, 1, 11, 30, tzinfo=UTC)
    assert post.precision is Precision.SECOND


def test_a_link_post_leads_where_it_links() -> None:
    post = parse(ATOM).items[1]

    assert post.url == "https://wire.example/story?a=1&b=2"
    assert (post.summary, post.content) == (None, None)


@pytest.mark.parametrize(
    "target",
    [
        "https://i.redd.it/x.png",
        "https://www.reddit.com/gallery/1zzzzz",
        "https://old.reddit.com/r/x/comments/1/",
        "javascript:alert(1)",
        "https://user:pw@wire.example/",
        "https://[::1",
    ],
)
def test_a_link_into_reddit_or_to_no_web_page_leaves_the_thread(target: str) -> None:
    content = f'submitted by x <span><a href="{target}">[link]</a></span>'

    assert parse(a_feed(an_entry(content=content))).items[0].url == (
        "https://www.reddit.com/r/ExampleModels/comments/1zzzzz/x/"
    )


def test_a_link_that_a_writer_made_is_not_the_posts_own() -> None:
    content = (
        '<!-- SC_OFF --><div class="md"><p><a href="https://spam.example/">[link]</a></p></div>'
        '<!-- SC_ON --> submitted by x <a href="https://wire.example/a">[link]</a>'
    )

    assert parse(a_feed(an_entry(content=content))).items[0].url == "https://wire.example/a"


def test_removed_posts_and_posts_for_adults_are_left_out_and_counted() -> None:
    batch = parse(ATOM)

    assert len(batch.items) == 2
    assert reasons(batch) == ["a removed post", "a post for adults"]


def test_comments_and_users_in_a_search_are_no_posts() -> None:
    batch = parse(a_feed(an_entry("t1_abc"), an_entry("t5_2qh1u"), an_entry()))

    assert [item.guid for item in batch.items] == ["t3_1zzzzz"]
    assert len(batch.rejects) == 2


def test_a_post_without_its_subreddit_is_of_the_one_asked() -> None:
    assert parse(a_feed(an_entry())).items[0].publisher == "r/ExampleModels"


# The JSON listing


def test_a_listing_gives_the_same_posts_as_the_feed() -> None:
    listed, fed = parse(LISTING, "reddit-json").items, parse(ATOM).items

    assert [post.guid for post in listed[:2]] == [post.guid for post in fed]
    assert [post.url for post in listed[:2]] == [post.url for post in fed]
    assert [post.publisher for post in listed[:2]] == [post.publisher for post in fed]
    assert listed[0].title == "Zeta 9 weights are public & small"
    assert listed[0].summary == "Weights are up & run on one card."
    assert listed[0].published_at == datetime(2026, 6, 1, 11, 30, tzinfo=UTC)


def test_a_picture_leads_to_its_thread() -> None:
    picture = parse(LISTING, "reddit-json").items[2]

    assert picture.url == "https://www.reddit.com/r/ExampleModels/comments/1eeeee/picture/"


def test_removed_adult_and_pinned_posts_are_left_out_and_counted() -> None:
    assert reasons(parse(LISTING, "reddit-json")) == [
        "a removed post",
        "a post for adults",
        "a post pinned by its moderators",
    ]


def test_a_deleted_account_does_not_remove_the_post() -> None:
    assert len(parse(a_listing(a_post(author="[deleted]")), "reddit-json").items) == 1


@pytest.mark.parametrize(
    ("post", "reason"),
    [
        (a_post(created_utc="yesterday"), "'yesterday' is not a number"),
        (a_post(created_utc=17), "17 is not a time between 2000 and 2199"),
        (a_post(title=None), "a post without a title"),
        (a_post(name=None), "not a post"),
    ],
)
def test_a_bad_post_costs_itself(post: dict[str, object], reason: str) -> None:
    batch = parse(a_listing(post, a_post(name="t3_1yyyyy")), "reddit-json")

    assert [item.guid for item in batch.items] == ["t3_1yyyyy"]
    assert reasons(batch)[0].startswith(reason)


def test_fields_that_are_missing_are_unknown() -> None:
    post = parse(a_listing({"name": "t3_1zzzzz", "title": "T"}), "reddit-json").items[0]

    assert (post.url, post.published_at, post.precision) == (None, None, Precision.UNKNOWN)
    assert (post.summary, post.publisher) == (None, "Reddit")


def test_a_post_twice_is_one() -> None:
    batch = parse(a_listing(a_post(), a_post()), "reddit-json")

    assert (len(batch.items), reasons(batch)) == (1, ["repeated post"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (LISTING[:500], "not JSON"),
        (b"[]", "not a listing"),
        (b"[" * 100_000, "not JSON"),
        (b'{"message": "Too Many Requests", "error": 429}', "Too Many Requests"),
        (b'{"reason": "private", "error": 403}', "private"),
        (b'{"data": {"children": null}}', "no data.children"),
        (b'{"data": null}', "no data.children"),
    ],
)
def test_what_is_no_listing_is_an_error_with_its_words(body: bytes, said: str) -> None:
    with pytest.raises(ParseError, match=said):
        parse(body, "reddit-json")


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_mutated_listing_gives_posts_or_a_parse_error(
    mutate: Mutate, data: st.DataObject
) -> None:
    try:
        batch = parse(mutate(json.loads(LISTING), data), "reddit-json")
    except ParseError:
        return
    assert len(batch.items) + len(batch.rejects) <= 6


# The envelope


@pytest.mark.parametrize(
    "body", [b"", b"<html><body>whoa there, pardner!</body></html>", b"{}", b"<feed"]
)
def test_what_is_no_feed_is_an_error(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(body)


def test_an_empty_subreddit_is_normal() -> None:
    assert parse(a_feed()) == Batch()
    assert parse(a_listing(), "reddit-json") == Batch()


def test_a_cut_feed_gives_its_whole_posts_and_says_so() -> None:
    batch = parse(ATOM[: ATOM.index(b"A story elsewhere</title>")])

    assert [post.guid for post in batch.items] == ["t3_1aaaaa"]
    assert batch.items[0].summary is not None
    assert len(batch.rejects) == 1


@pytest.mark.parametrize(("body", "shape"), [(ATOM, "reddit"), (LISTING, "reddit-json")])
def test_parsing_twice_gives_the_same(body: bytes, shape: str) -> None:
    assert parse(body, shape) == parse(body, shape)


def test_unknown_fields_change_nothing() -> None:
    assert parse(ATOM.replace(b"</entry>", b"<new><x/></new></entry>")) == parse(ATOM)


# Whose turn it is


def reddit(closed: dict[str, int], seen: list[str]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        place = request.url.path.split("/")[2]
        if place in closed:
            return httpx.Response(closed[place], text="closed")
        return httpx.Response(200, content=ATOM)

    return answer


async def polls(
    http: SourceSession, source: RedditSource, count: int, cursor: dict[str, object]
) -> list[Batch]:
    batches = []
    for _ in range(count):
        for page in await source.fetch(http, cursor):
            batches.append(source.parse(page))
            cursor.update(batches[-1].cursor)
    return batches


async def test_a_poll_asks_once_and_the_next_poll_asks_the_next(network: Network) -> None:
    seen: list[str] = []
    source = a_source(subreddits=["Aa", "Bb"])
    async with network(reddit({}, seen)) as http:
        await polls(http, source, 3, {})

    assert seen == [f"https://www.reddit.com/r/{p}/new/.rss?limit=100" for p in ("Aa", "Bb", "Aa")]


async def test_the_turn_passes_on_when_nothing_changed(network: Network) -> None:
    seen: list[str] = []
    source = a_source(subreddits=["Aa", "Bb"])
    async with network(reddit({}, seen)) as http:
        batches = await polls(http, source, 4, {})

    assert [len(batch.items) for batch in batches] == [2, 2, 0, 0]
    assert [url.split("/")[4] for url in seen] == ["Aa", "Bb", "Aa", "Bb"]


async def test_a_closed_subreddit_is_noted_and_does_not_stop_the_others(network: Network) -> None:
    seen: list[str] = []
    source = a_source(subreddits=["Aa", "Bb"])
    async with network(reddit({"Aa": 404}, seen)) as http:
        batches = await polls(http, source, 3, {})

    assert reasons(batches[0]) == ["r/Aa is closed to us"]
    assert [len(batch.items) for batch in batches] == [0, 2, 0]
    assert len(seen) == 3


@pytest.mark.parametrize("status", [403, 404])
async def test_a_source_fails_once_every_subreddit_is_closed(network: Network, status: int) -> None:
    cursor: dict[str, object] = {}
    async with network(reddit({"Aa": status, "Bb": status}, [])) as http:
        source = a_source(subreddits=["Aa", "Bb"])
        await polls(http, source, 1, cursor)
        with pytest.raises(PermanentSourceError, match=str(status)):
            await polls(http, source, 1, cursor)


async def test_a_subreddit_that_opens_again_is_forgiven(network: Network) -> None:
    cursor: dict[str, object] = {"next": 0, "closed": ["Aa"]}
    async with network(reddit({}, [])) as http:
        await polls(http, a_source(subreddits=["Aa", "Bb"]), 1, cursor)

    assert cursor == {"next": 1, "closed": []}


@pytest.mark.parametrize("cursor", [{"next": 7}, {"next": "x"}, {"closed": "x"}, {"closed": [1]}])
async def test_a_cursor_of_another_config_is_no_trouble(
    network: Network, cursor: dict[str, object]
) -> None:
    async with network(reddit({}, [])) as http:
        assert len(await a_source().fetch(http, cursor)) == 1


async def test_too_many_requests_are_raised_with_the_pause(network: Network) -> None:
    async with network(lambda _: httpx.Response(429, headers={"retry-after": "300"})) as http:
        with pytest.raises(TransientSourceError) as caught:
            await a_source().fetch(http, {})

    assert caught.value.retry_after_s == 300


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"format": "json"}, "/r/ExampleModels/new.json?limit=100"),
        (
            {"query": "zeta 9"},
            "/r/ExampleModels/search.rss?q=zeta+9&sort=new&limit=100&restrict_sr=on",
        ),
        ({"query": "zeta", "subreddits": []}, "/search.rss?q=zeta&sort=new&limit=100"),
        (
            {"query": "zeta", "subreddits": [], "format": "json"},
            "/search.json?q=zeta&sort=new&limit=100",
        ),
    ],
)
async def test_what_is_asked_follows_from_the_settings(
    network: Network, fields: dict[str, object], url: str
) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, content=LISTING if "json" in url else ATOM)

    source = a_source(**fields)
    async with network(answer) as http:
        pages = await source.fetch(http, {})

    assert seen == [f"https://www.reddit.com{url}"]
    assert source.parse(pages[0]).items[0].publisher == "r/ExampleModels"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"every": "59s"}, "write 60s"),
        ({"subreddits": []}, "name subreddits, a query, or both"),
        ({"subreddits": ["r/Aa"]}, "subreddits"),
        ({"subreddits": ["Aa", "aa"]}, "twice"),
        ({"format": "xml"}, "format"),
    ],
)
def test_settings_that_cannot_work_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        a_source(**fields)
