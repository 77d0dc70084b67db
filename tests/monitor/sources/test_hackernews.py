"""Hacker News: the words are really there, each story once, and its points are no edit."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.errors import ParseError, SourceError
from monitor.http_session import SourceSession
from monitor.sources.base import Backfilling, Page
from monitor.sources.hackernews import HackerNewsSource
from storage.records import Batch, Precision

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
URL = "https://hn.algolia.com/api/v1/search_by_date"
ANSWER = json.loads(
    (Path(__file__).parent.parent.parent / "fixtures/hackernews/search.json").read_text()
)
NEWEST = 1780314000
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]


def a_source(**fields: object) -> HackerNewsSource:
    return HackerNewsSource.model_validate({"name": "hn", "queries": ["zeta"], **fields})


def parse(answer: object, *, query: str = "zeta", live: bool = True, **fields: object) -> Batch:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    page = Page("hits", URL, body, NOW, {"query": query, "live": live})
    return a_source(**fields).parse(page)


def with_hits(*hits: object, **more: object) -> dict[str, Any]:
    return {**ANSWER, "hits": list(hits), "nbHits": len(hits), **more}


def a_hit(**fields: object) -> dict[str, Any]:
    return {**ANSWER["hits"][0], **fields}


def reasons(batch: Batch) -> list[str]:
    return [reject.reason for reject in batch.rejects]


def test_stories_become_items() -> None:
    batch = parse(ANSWER)

    first, ask, _ = batch.items
    assert (first.source, first.guid, first.tier) == ("hn", "48000003", 3)
    assert first.title == "Zeta K3 weights & paper are out"
    assert first.url == "https://www.zeta.example/blog/k3"
    assert (first.publisher, first.lang, first.content) == ("zeta.example", "en", None)
    assert first.published_at == datetime(2026, 6, 1, 11, 40, tzinfo=UTC)
    assert first.precision is Precision.SECOND
    assert ask.url == "https://news.ycombinator.com/item?id=48000002"
    assert ask.publisher == "news.ycombinator.com"
    assert ask.content == "Has anyone run it?\nOn one card."
    assert batch.rejects == ()
    assert batch.cursor == {"newest:zeta": NEWEST}


def test_parsing_twice_gives_the_same() -> None:
    assert parse(ANSWER) == parse(ANSWER)


def test_points_and_comments_are_no_part_of_an_item() -> None:
    later = a_hit(points=900, num_comments=400, children=[], updated_at="2026-06-02T00:00:00Z")

    assert parse(with_hits(later)).items == parse(with_hits(a_hit())).items


@pytest.mark.parametrize(
    ("query", "title", "found"),
    [
        ("zeta", "ZETA is out", True),
        ("zeta", "Zetas everywhere", False),
        ("zeta", "Beta is out", False),
        ("qwen", "Owen wrote this", False),
        ("kimi k3", "Kimi-K3 is out", True),
        ("kimi k3", "K3 and nothing else", False),
        ('"kimi k3"', "Kimi-K3 is out", True),
        ('"kimi k3"', "K3 of Kimi", False),
        ("kimi", "月之暗面Kimi发布", True),
        ("月之暗面", "月之暗面Kimi发布", True),
    ],
)
def test_the_typo_tolerant_index_is_checked_again(query: str, title: str, found: bool) -> None:
    batch = parse(with_hits(a_hit(title=title, url=None)), query=query)

    assert bool(batch.items) is found
    expected = [] if found else ["the words of the query are not in the title or the address"]
    assert reasons(batch) == expected


def test_a_word_in_the_address_counts() -> None:
    url = "https://a.example/%7Ekimi/k3"

    assert parse(with_hits(a_hit(title="Out now", url=url)), query="kimi k3").items


def test_a_story_waits_for_its_points() -> None:
    rows = [a_hit(objectID="1", points=19), a_hit(objectID="2", points=20)]
    unknown = a_hit(objectID="3", points=None)

    batch = parse(with_hits(*rows, unknown), min_points=20)

    assert [item.guid for item in batch.items] == ["2", "3"]
    assert batch.rejects == ()


@pytest.mark.parametrize(
    "url",
    ["", None, "javascript:alert(1)", "https://u:p@a.example/", "https://[::1", "x" * 3000, 7],
)
def test_what_is_no_web_address_leads_to_the_discussion(url: object) -> None:
    (item,) = parse(with_hits(a_hit(url=url))).items

    assert item.url == "https://news.ycombinator.com/item?id=48000003"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"objectID": None}, "a hit without an objectID"),
        ({"objectID": 48000003}, "a hit without an objectID"),
        ({"title": None}, "a hit without a title"),
        ({"title": "  "}, "a hit without a title"),
    ],
)
def test_one_bad_hit_costs_one_hit(fields: dict[str, object], reason: str) -> None:
    batch = parse(with_hits(a_hit(**fields), a_hit(objectID="1")))

    assert [item.guid for item in batch.items] == ["1"]
    assert reasons(batch) == [reason]


def test_a_hit_that_is_no_object_costs_itself() -> None:
    batch = parse(with_hits(None, 7, a_hit()))

    assert len(batch.items) == 1
    assert reasons(batch) == ["a hit that is not an object"] * 2


def test_a_story_without_a_usable_time_is_kept_without_one() -> None:
    nothing = a_hit(objectID="1", created_at=None, created_at_i=None)
    ahead = a_hit(objectID="2", created_at_i=int(NOW.timestamp()) + 3600)
    text_only = a_hit(objectID="3", created_at_i="soon")

    batch = parse(with_hits(nothing, ahead, text_only))

    assert [item.precision.value for item in batch.items] == ["unknown", "unknown", "second"]
    assert reasons(batch) == ["no usable creation time; the story is kept without a date"] * 2
    assert batch.cursor == {"newest:zeta": NEWEST}


def test_repeated_stories_are_one() -> None:
    batch = parse(with_hits(a_hit(), a_hit(title="Zeta again")))

    assert [item.title for item in batch.items] == ["Zeta K3 weights & paper are out"]
    assert reasons(batch) == ["repeated story"]


def test_the_order_of_hits_does_not_matter() -> None:
    turned = parse({**ANSWER, "hits": ANSWER["hits"][::-1]})

    assert set(turned.items) == set(parse(ANSWER).items)
    assert turned.cursor == parse(ANSWER).cursor


@pytest.mark.parametrize("hits", [[], None])
def test_no_hits_are_an_empty_page(hits: object) -> None:
    assert parse({**ANSWER, "hits": hits, "nbHits": 0}) == Batch()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b'{"hits": [', "not JSON"),
        (b"[]", "expected an object"),
        (b'{"status": 400, "message": "attribute not filterable"}', "attribute not filterable"),
        (b'{"hits": 7}', "hits is not a list"),
    ],
)
def test_a_wrong_envelope_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(ParseError, match=said):
        parse(body)


def test_an_answer_that_was_cut_says_so() -> None:
    assert reasons(parse({**ANSWER, "nbHits": 4001})) == [
        "older stories of the search were not read"
    ]


def test_unknown_fields_change_nothing() -> None:
    assert parse(with_hits(a_hit(mood="good"), wish="none")) == parse(with_hits(a_hit()))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_odd_values_cost_their_row_at_most(
    mutate: Callable[[Any, st.DataObject], bytes], data: st.DataObject
) -> None:
    try:
        batch = parse(mutate(copy.deepcopy(ANSWER), data))
    except ParseError:
        return
    assert len(batch.items) <= 3
    assert all(item.title and item.guid for item in batch.items)


async def test_a_poll_asks_by_date_for_each_query(network: Network) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=ANSWER)

    async with network(answer) as http:
        pages = await a_source(queries=["zeta", "omega x"], min_points=20).fetch(http, {})

    asked = [dict(request.url.params) for request in seen]
    assert [request.url.path for request in seen] == ["/api/v1/search_by_date"] * 2
    assert [one["query"] for one in asked] == ["zeta", "omega x"]
    assert {one["tags"] for one in asked} == {"story"}
    # `points` is refused there as not filterable.
    day_before = int((NOW - timedelta(hours=24)).timestamp())
    assert {one["numericFilters"] for one in asked} == {f"created_at_i>{day_before}"}
    assert [page.context["query"] for page in pages] == ["zeta", "omega x"]


@pytest.mark.parametrize(("min_points", "minutes"), [(0, 15), (20, 24 * 60)])
async def test_windows_overlap_for_the_lag_of_the_index_and_the_growth_of_points(
    network: Network, min_points: int, minutes: int
) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.params["numericFilters"])
        return httpx.Response(200, json=ANSWER)

    async with network(answer) as http:
        await a_source(min_points=min_points).fetch(http, {"newest:zeta": NEWEST})

    assert seen == [f"created_at_i>{NEWEST - 60 * minutes}"]


async def test_a_query_that_fails_costs_itself(network: Network) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        ok = request.url.params["query"] == "zeta"
        return httpx.Response(200, json=ANSWER) if ok else httpx.Response(404)

    async with network(answer) as http:
        (page,) = await a_source(queries=["omega", "zeta"]).fetch(http, {})

    batch = a_source().parse(page)
    assert len(batch.items) == 3
    assert [r for r in reasons(batch) if r.startswith("the query 'omega' was not read")]


async def test_a_poll_that_reads_nothing_fails(network: Network) -> None:
    async with network(lambda request: httpx.Response(503)) as http:
        with pytest.raises(SourceError, match="503"):
            await a_source(queries=["omega", "zeta"]).fetch(http, {})


async def test_the_past_is_read_by_days_and_a_full_day_in_slices(network: Network) -> None:
    source = a_source()
    assert isinstance(source, Backfilling)
    since, until = NOW - timedelta(hours=30), NOW
    full = [a_hit(objectID=str(n)) for n in range(1000)]
    spans: list[tuple[int, int]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        low, high = request.url.params["numericFilters"].split(",")
        spans.append(
            (int(low.removeprefix("created_at_i>")), int(high.removeprefix("created_at_i<")))
        )
        whole_day = spans[-1][1] - spans[-1][0] > 86_400
        return httpx.Response(200, json=with_hits(*(full if whole_day else [a_hit()])))

    async with network(answer) as http:
        chunks = await source.chunks(http, [], since=since, until=until)
        pages = await source.fetch_chunk(http, chunks[0])

    assert [chunk.key for chunk in chunks] == ["zeta@2026-06-01", "zeta@2026-05-31"]
    midnight = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())
    assert spans == [
        (midnight - 1, midnight + 86_400),
        (midnight + 43_199, midnight + 86_400),
        (midnight - 1, midnight + 43_200),
    ]
    assert [source.parse(page).cursor for page in pages] == [{}, {}]


def test_a_source_names_words_to_search_for() -> None:
    with pytest.raises(ValidationError):
        a_source(queries=[])
    with pytest.raises(ValidationError):
        a_source(queries=["a"])
