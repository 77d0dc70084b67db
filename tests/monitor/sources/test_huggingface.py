"""Hugging Face: what became public is told by the whole set, once a family, never by dates."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ParseError, SourceError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.sources.base import Page
from monitor.sources.huggingface import HuggingFaceSource
from monitor.sources.huggingface.source import AUTHORS, MAX_PAGES
from storage.records import Batch, Precision

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "huggingface"
MODELS: list[dict[str, Any]] = json.loads((FIXTURES / "models.json").read_text())
PAPERS = json.loads((FIXTURES / "daily_papers.json").read_text())
KEY = "models:zetalab"
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]


def a_source(**fields: object) -> HuggingFaceSource:
    return HuggingFaceSource.model_validate({"name": "hf", "authors": ["zetalab"], **fields})


def a_model(name: str, **fields: object) -> dict[str, Any]:
    model = {"_id": f"id of {name}", "id": f"zetalab/{name}", "private": False, "likes": 1}
    return {**model, "createdAt": "2026-05-01T00:00:00.000Z", **fields}


def read(
    models: Sequence[object], known: object = None, *, at: datetime = NOW, author: str = "zetalab"
) -> Batch:
    """Return what one whole reading of an author says after `known`."""
    body = json.dumps([models]).encode()
    context = {"author": author, "known": known}
    return a_source().parse(Page("models", "https://hf.example/api/models", body, at, context))


def baseline(*models: object) -> object:
    return read(models or MODELS).cursor[KEY]


def names(batch: Batch) -> list[str]:
    return [item.guid for item in batch.items]


def reasons(batch: Batch) -> list[str]:
    return [reject.reason for reject in batch.rejects]


def test_the_first_reading_of_an_author_is_the_baseline() -> None:
    batch = read(MODELS)

    assert batch.items == ()
    assert batch.rejects == ()
    assert batch.cursor == {
        KEY: {
            "missed": {
                "zetalab/Zeta-K2-Base": 0,
                "zetalab/Zeta-K2-Instruct": 0,
                "zetalab/Zeta-OCR": 0,
            },
            "uids": [f"aa000000000000000000000{n}" for n in (1, 2, 3)],
            "at": "2026-06-01T12:00:00Z",
        }
    }


def test_an_unchanged_set_gives_nothing() -> None:
    again = read(MODELS, baseline())

    assert again.items == ()
    assert again.cursor[KEY] == baseline()


def test_a_new_public_model_is_a_release() -> None:
    new = a_model("Zeta-K3", pipeline_tag="text-generation", createdAt="2026-05-31T09:30:00.000Z")

    (item,) = read([new, *MODELS], baseline()).items

    assert (item.source, item.guid, item.seen_as) == ("hf", "zetalab/Zeta-K3", "release")
    assert item.title == "zetalab published Zeta-K3 on Hugging Face (1 repository)"
    assert item.url == "https://huggingface.co/zetalab/Zeta-K3"
    assert (item.publisher, item.tier, item.lang) == ("zetalab", 1, "en")
    # When it became public nobody says; when it was made is not when it was published.
    assert (item.published_at, item.precision) == (None, Precision.UNKNOWN)
    assert item.content == (
        "zetalab/Zeta-K3, text-generation, repository made 2026-05-31 09:30 UTC\n"
        "Not public yet when read at 2026-06-01T12:00:00Z."
    )


def test_a_model_made_weeks_ago_below_the_top_is_still_found() -> None:
    old = a_model("Zeta-K3", createdAt="2025-12-01T00:00:00.000Z")

    assert names(read([*MODELS[:2], old, MODELS[2]], baseline())) == ["zetalab/Zeta-K3"]


def test_variants_are_one_release_that_leads_to_the_best_liked() -> None:
    variants = [
        a_model("Zeta-K3-FP8", likes=5),
        a_model("zeta-k3-Instruct", likes=50),
        a_model("Zeta-K3-32B-A3B-GGUF", likes=None),
    ]

    (item,) = read([*variants, *MODELS], baseline()).items

    assert item.title == "zetalab published zeta-k3 on Hugging Face (3 repositories)"
    assert item.url == "https://huggingface.co/zetalab/zeta-k3-Instruct"


def test_without_likes_the_release_leads_to_the_plainest_name() -> None:
    variants = [a_model(f"Zeta-K3{tail}", likes=0) for tail in ("-FP8", "", "-GGUF")]

    (item,) = read([*variants, *MODELS], baseline()).items

    assert item.url == "https://huggingface.co/zetalab/Zeta-K3"


def test_a_variant_of_a_known_family_is_no_release() -> None:
    batch = read([a_model("Zeta-K2-Instruct-AWQ"), *MODELS], baseline())

    assert batch.items == ()
    known = batch.cursor[KEY]
    assert isinstance(known, dict)
    assert known["missed"]["zetalab/Zeta-K2-Instruct-AWQ"] == 0


def test_two_new_families_are_two_releases() -> None:
    batch = read([a_model("Zeta-K3"), a_model("Zeta-Voice"), *MODELS], baseline())

    assert names(batch) == ["zetalab/Zeta-K3", "zetalab/Zeta-Voice"]


def test_a_release_is_told_once() -> None:
    now_public = [a_model("Zeta-K3"), *MODELS]
    first = read(now_public, baseline())

    assert read(now_public, first.cursor[KEY]).items == ()


@pytest.mark.parametrize("readings", [1, 2, 5])
def test_what_vanishes_and_returns_is_no_release(readings: int) -> None:
    known = baseline()
    for _ in range(readings):
        known = read(MODELS[:2], known).cursor[KEY]
    assert isinstance(known, dict)
    assert known["missed"]["zetalab/Zeta-OCR"] == min(readings, 2)

    back = read(MODELS, known)

    assert back.items == ()
    assert back.cursor[KEY] == baseline()


def test_a_renamed_repository_is_no_release() -> None:
    renamed = {**MODELS[2], "id": "zetalab/Zeta-Reader", "modelId": "zetalab/Zeta-Reader"}

    batch = read([*MODELS[:2], renamed], baseline())

    assert batch.items == ()
    assert read([*MODELS[:2], renamed, a_model("Zeta-Reader-FP8")], baseline()).items == ()


def test_a_private_repository_is_passed_over_until_it_is_public() -> None:
    hidden = a_model("Zeta-K3", private=True)
    first = read([hidden, *MODELS], baseline())

    assert first.items == ()
    assert reasons(first) == ["a private repository"]
    assert names(read([{**hidden, "private": False}, *MODELS], first.cursor[KEY])) == [
        "zetalab/Zeta-K3"
    ]


def test_an_empty_answer_for_a_known_author_is_not_believed() -> None:
    with pytest.raises(ParseError, match="no models of zetalab, who had 3"):
        read([], baseline())


def test_an_author_who_has_nothing_yet_may_begin() -> None:
    empty = read([])

    assert empty.items == ()
    assert names(read([a_model("Zeta-1")], empty.cursor[KEY])) == ["zetalab/Zeta-1"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"likes": 3}, "a model without an id of the form author/name"),
        ({"id": 7}, "a model without an id of the form author/name"),
        ({"id": "Zeta-K3"}, "a model without an id of the form author/name"),
        ({"id": "zetalab/../x"}, "a model without an id of the form author/name"),
        ({"id": "other/Zeta-K3"}, "a model of another author"),
        (None, "a model that is not an object"),
        ("zetalab/Zeta-K3", "a model that is not an object"),
    ],
)
def test_one_bad_row_costs_one_row(row: object, reason: str) -> None:
    batch = read([row, a_model("Zeta-K3"), *MODELS], baseline())

    assert names(batch) == ["zetalab/Zeta-K3"]
    assert reasons(batch) == [reason]


def test_fields_that_are_missing_or_odd_cost_nothing() -> None:
    bare = {"id": "zetalab/Zeta-K3", "likes": "many", "createdAt": "soon", "pipeline_tag": 7}

    (item,) = read([bare, *MODELS], baseline()).items

    assert (item.content or "").splitlines()[0] == "zetalab/Zeta-K3"


def test_repeated_rows_are_one_and_order_does_not_matter() -> None:
    rows = [a_model("Zeta-K3"), *MODELS, a_model("Zeta-K3")]

    batch = read(rows, baseline())

    assert names(batch) == ["zetalab/Zeta-K3"]
    assert reasons(batch) == ["repeated repository"]
    assert read(rows[::-1], baseline()).items == batch.items


def test_parsing_twice_gives_the_same() -> None:
    rows = [a_model("Zeta-K3"), *MODELS]

    assert read(rows, baseline()) == read(rows, baseline())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b'[[{"id"', "not JSON"),
        (b"{}", "array"),
        (b"[null]", "not a list of models"),
        (b'[{"error": "Internal Error"}]', "Internal Error"),
    ],
)
def test_a_wrong_envelope_is_refused(body: bytes, said: str) -> None:
    page = Page("models", "https://hf.example/api/models", body, NOW, {"author": "zetalab"})

    with pytest.raises(ParseError, match=said):
        a_source().parse(page)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_odd_values_cost_their_row_at_most(
    mutate: Callable[[Any, st.DataObject], bytes], data: st.DataObject
) -> None:
    body = mutate([copy.deepcopy(MODELS)], data)
    context = {"author": "zetalab", "known": {"missed": {}, "uids": [], "at": ""}}
    try:
        batch = a_source().parse(Page("models", "https://hf.example", body, NOW, context))
    except ParseError:
        return
    assert len(batch.items) <= 3


def paged(rows: Sequence[dict[str, Any]], *, size: int = 2, fail_from: int | None = None) -> Any:
    """Return an upstream whose answers of `size` go on by Link headers to another host."""
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        start = int(request.url.params.get("cursor", "0"))
        if fail_from is not None and start >= fail_from:
            return httpx.Response(503)
        headers = {}
        if start + size < len(rows):
            to = f"https://elsewhere.example/api/models?author=zetalab&cursor={start + size}"
            headers["link"] = f'<https://x.example/>; rel="prev", <{to}>; rel="next"'
        return httpx.Response(200, json=rows[start : start + size], headers=headers)

    return answer, asked


async def test_a_poll_walks_the_whole_list_on_the_configured_host(network: Network) -> None:
    answer, asked = paged(MODELS)

    async with network(answer) as http:
        (page,) = await a_source(api_url="https://hub.example").fetch(http, {})

    assert [url.host for url in asked] == ["hub.example"] * 2
    assert dict(asked[0].params) == {
        "author": "zetalab",
        "sort": "createdAt",
        "direction": "-1",
        "limit": "100",
    }
    known = a_source().parse(page).cursor[KEY]
    assert isinstance(known, dict)
    assert len(known["missed"]) == 3


async def test_the_set_of_the_cursor_is_what_a_poll_compares_with(network: Network) -> None:
    answer, _ = paged([*MODELS, a_model("Zeta-K3")])

    async with network(answer) as http:
        (page,) = await a_source().fetch(http, {KEY: baseline()})

    assert names(a_source().parse(page)) == ["zetalab/Zeta-K3"]


async def test_a_walk_that_breaks_off_changes_nothing(network: Network) -> None:
    answer, _ = paged(MODELS, fail_from=2)

    async with network(answer) as http:
        with pytest.raises(TransientSourceError, match="503"):
            await a_source().fetch(http, {KEY: baseline()})


async def test_an_author_that_cannot_be_read_costs_itself(network: Network) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params["author"] == "gone":
            return httpx.Response(401, json={"error": "Invalid username or password."})
        return httpx.Response(200, json=MODELS)

    async with network(answer) as http:
        (page,) = await a_source(authors=["gone", "zetalab"]).fetch(http, {})

    batch = a_source().parse(page)
    assert batch.cursor[KEY] == baseline()
    assert [r for r in reasons(batch) if r.startswith("the models of gone were not read")]


async def test_a_hub_that_is_down_is_not_asked_for_every_author(network: Network) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["author"])
        return httpx.Response(429, headers={"retry-after": "60"})

    async with network(answer) as http:
        with pytest.raises(SourceError, match="429"):
            await a_source(authors=list("abcdef"), papers=True).fetch(http, {})

    assert set(asked) == {"a", "b"}


async def test_a_list_without_an_end_is_no_reading(network: Network) -> None:
    turns = iter(range(10_000))

    def answer(request: httpx.Request) -> httpx.Response:
        link = f'</api/models?cursor={next(turns)}>; rel="next"'
        return httpx.Response(200, json=MODELS, headers={"link": link})

    async with network(answer) as http:
        with pytest.raises(TransientSourceError, match="does not end"):
            await a_source().fetch(http, {})
        assert http.requests == MAX_PAGES

    circle = {"link": '</api/models?cursor=1>; rel="next"'}
    async with network(lambda r: httpx.Response(200, json=MODELS, headers=circle)) as http:
        with pytest.raises(TransientSourceError, match="does not end"):
            await a_source().fetch(http, {})
        assert http.requests == 2


def test_the_labs_of_the_reference_are_read_by_default() -> None:
    source = HuggingFaceSource(name="hf")

    assert source.authors == AUTHORS
    assert source.every == timedelta(minutes=10)


async def test_papers_are_read_when_asked_for_and_once_while_unchanged(network: Network) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        is_papers = request.url.path == "/api/daily_papers"
        return httpx.Response(200, json=PAPERS if is_papers else MODELS)

    async with network(answer) as http:
        first = await a_source(papers=True).fetch(http, {})
        again = await a_source(papers=True).fetch(http, {})

    assert [page.shape for page in first] == ["models", "papers"]
    assert [page.shape for page in again] == ["models"]


def papers(answer: object) -> Batch:
    page = Page("papers", "https://hf.example/api/daily_papers", b"", NOW)
    return a_source().parse(replace(page, body=json.dumps(answer).encode()))


def test_papers_become_items_dated_by_the_day() -> None:
    first, second = papers(PAPERS).items

    assert (first.guid, first.title) == ("2605.00001", "Zeta: A Model of Examples")
    assert first.url == "https://huggingface.co/papers/2605.00001"
    assert (first.summary, first.tier, first.seen_as) == ("We show an example.", 3, None)
    assert first.published_at == datetime(2026, 5, 28, tzinfo=UTC)
    assert first.precision is Precision.DAY
    assert (second.summary, second.published_at) == (None, datetime(2026, 5, 31, tzinfo=UTC))


def test_votes_on_a_paper_are_no_part_of_it() -> None:
    later = copy.deepcopy(PAPERS)
    later[0]["paper"]["upvotes"] = 900
    later[0]["numComments"] = 70

    assert papers(later) == papers(PAPERS)


def test_one_bad_paper_costs_one_paper() -> None:
    batch = papers([7, {"paper": None}, {"paper": {"id": "x"}}, {"paper": {"title": "t"}}, *PAPERS])

    assert len(batch.items) == 2
    assert reasons(batch) == [
        "a row without a paper",
        "a row without a paper",
        "a paper without a title",
        "a paper without an id",
    ]
    assert reasons(papers([*PAPERS, PAPERS[0]])) == ["repeated paper"]


@pytest.mark.parametrize("answer", [{}, {"error": "down"}, "no"])
def test_papers_in_a_wrong_envelope_are_refused(answer: object) -> None:
    with pytest.raises(ParseError):
        papers(answer)


def test_no_papers_are_an_empty_page() -> None:
    assert papers([]) == Batch()


@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_odd_values_cost_their_paper_at_most(
    mutate: Callable[[Any, st.DataObject], bytes], data: st.DataObject
) -> None:
    page = Page("papers", "https://hf.example", mutate(copy.deepcopy(PAPERS), data), NOW)

    assert len(a_source().parse(page).items) <= 2
