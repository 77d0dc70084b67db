"""The ways to one list: the site's page, the dataset, a daily mirror; and the roster."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest

from monitor.errors import ParseError, PermanentSourceError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.sources.arena import ArenaSource
from monitor.sources.arena.page import page_path
from monitor.sources.base import Page
from storage.records import Batch

Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]
ROWS = [
    {"rank": 1, "modelDisplayName": "acme-5", "modelOrganization": "Acme", "rating": 1502.4,
     "ratingUpper": 1508.0, "ratingLower": 1497.0, "votes": 9000},
    {"rank": 2, "modelDisplayName": "zeta-2-max", "modelOrganization": "", "rating": 1490.1,
     "votes": 4000, "license": "proprietary"},
]  # fmt: skip


def site_page(rows: object = ROWS, *, dated: str = '"lastUpdated":"2026-05-28"') -> str:
    """Return a page in the site's shape, its flight data cut in the middle of a row."""
    flight = f'7:["$","div",null,{{{dated + "," if dated else ""}"entries":{json.dumps(rows)}}}]'
    parts = (flight[:90], flight[90:])
    pushed = "".join(f"<script>self.__next_f.push([1,{json.dumps(p)}])</script>" for p in parts)
    return f"<html><body>{pushed}</body></html>"


def parse(shape: str, body: str, **context: object) -> Batch:
    at = datetime.fromisoformat("2026-06-01T12:00:00+00:00")
    page = Page(shape, "https://arena.example/leaderboard/text", body.encode(), at, context)
    return ArenaSource(name="arena-text").parse(page)


class Upstreams:
    """The site, the dataset and the mirror; each may be told to answer otherwise."""

    def __init__(self, **answers: httpx.Response | Callable[[], httpx.Response]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.host.partition(".")[0]
        self.asked.append(f"{name}{request.url.path}")
        answer = self.answers.get(name)
        if callable(answer):
            return answer()
        return answer or httpx.Response(404)


def source(**given: Any) -> ArenaSource:
    return ArenaSource(
        name="arena-text",
        page_url="https://site.example",
        datasets_url="https://dataset.example",
        daily_url="https://mirror.example",
        roster_url="https://roster.example/snapshot.json",
        **given,
    )


def dataset_rows(*models: str) -> Callable[[], httpx.Response]:
    cells = [
        {
            "row": {
                "model_name": model,
                "organization": "Acme",
                "rating": 1500.0 - place,
                "category": "overall",
                "leaderboard_publish_date": "2026-05-20",
            },
            "truncated_cells": [],
        }
        for place, model in enumerate(models)
    ]
    return lambda: httpx.Response(200, json={"rows": cells, "num_rows_total": len(cells)})


WALL = httpx.Response(403, headers={"cf-mitigated": "challenge", "content-type": "text/html"})


def test_the_sites_page_gives_its_rows_with_the_date_it_names() -> None:
    batch = parse("arena-page", site_page(), style="on")

    first, second = batch.standings
    assert (first.model, first.organization, str(first.score), first.votes) == (
        "acme-5",
        "Acme",
        "1502.4",
        9000,
    )
    assert (str(first.ci_low), str(first.ci_high), first.style_control) == (
        "1497.0",
        "1508.0",
        "on",
    )
    assert (second.rank, second.organization, second.ci_low) == (2, None, None)
    assert {(row.publish_date, row.is_dated) for row in batch.standings} == {
        (date(2026, 5, 28), True)
    }


@pytest.mark.parametrize("said", ["", '"lastUpdated":"soon"', '"lastUpdated":"2031-01-01"'])
def test_a_page_that_names_no_usable_date_is_dated_by_the_day_it_was_seen(said: str) -> None:
    batch = parse("arena-page", site_page(dated=said))

    assert {(row.publish_date, row.is_dated) for row in batch.standings} == {
        (date(2026, 6, 1), False)
    }


def test_a_date_in_the_pages_words_is_read() -> None:
    body = "<p>Last Updated: May 27, 2026</p>" + site_page(dated="")

    assert parse("arena-page", body).standings[0].publish_date == date(2026, 5, 27)


def test_one_bad_row_of_the_page_costs_one_row() -> None:
    rows = [*ROWS, {"modelDisplayName": "", "rating": 1400}, {"modelDisplayName": "x"}, 7]

    batch = parse("arena-page", site_page(rows))

    assert len(batch.standings) == 2
    assert [reject.reason for reject in batch.rejects] == [
        "a row without a model name",
        "rating is missing",
        "a row that is not an object",
    ]


@pytest.mark.parametrize(
    "body", ["", "<html>Just a moment</html>", site_page([]), site_page()[:180], site_page([1])]
)
def test_a_page_without_rows_is_a_parse_error(body: str) -> None:
    with pytest.raises(ParseError, match="no leaderboard rows"):
        parse("arena-page", body)


@pytest.mark.parametrize(
    ("category", "style", "path"),
    [
        ("overall", "on", "/leaderboard/text"),
        ("overall", "off", "/leaderboard/text/overall-no-style-control"),
        ("hard_prompts", "on", "/leaderboard/text/hard-prompts"),
        ("hard_prompts", "off", None),
    ],
)
def test_the_site_shows_style_control_off_for_the_overall_list_only(
    category: str, style: str, path: str | None
) -> None:
    assert page_path("text", category, style) == path


async def test_the_near_live_page_is_asked_first_and_nothing_else(network: Network) -> None:
    upstreams = Upstreams(site=lambda: httpx.Response(200, text=site_page()))
    async with network(upstreams) as http:
        pages = await source().fetch(http, {})

    assert upstreams.asked == [
        "site/leaderboard/text/overall-no-style-control",
        "site/leaderboard/text",
    ]
    assert [(page.shape, page.context["style"]) for page in pages] == [
        ("arena-page", "off"),
        ("arena-page", "on"),
    ]


async def test_behind_a_wall_the_dataset_speaks_and_the_wall_is_left_alone(
    network: Network,
) -> None:
    upstreams = Upstreams(site=WALL, dataset=dataset_rows("acme-5"))
    arena = source()
    async with network(upstreams) as http:
        pages = await arena.fetch(http, {})
        batches = [arena.parse(page) for page in pages]
        cursor = {name: value for batch in batches for name, value in batch.cursor.items()}
        upstreams.asked.clear()
        await arena.fetch(http, cursor)

    assert [page.shape for page in pages[:2]] == ["standings", "standings"]
    (refused,) = [reject for batch in batches for reject in batch.rejects]
    assert refused.reason.startswith("page, style off:")
    assert "bot wall" in refused.reason
    assert {name.partition("/")[0] for name in upstreams.asked} == {"dataset"}


@pytest.mark.parametrize("until", [timedelta(minutes=-1), timedelta(days=9), None])
async def test_a_closed_adapter_is_tried_again_after_half_a_day(
    network: Network, until: timedelta | None
) -> None:
    upstreams = Upstreams(site=lambda: httpx.Response(200, text=site_page()))
    async with network(upstreams) as http:
        text = "junk" if until is None else (http.now + until).isoformat()
        pages = await source().fetch(http, {"closed": {"page": text}})

    assert pages[0].shape == "arena-page"
    assert arena_cursor(pages) == {"closed": {}}


def arena_cursor(pages: list[Page]) -> Mapping[str, object]:
    batches = [ArenaSource(name="arena-text").parse(page) for page in pages]
    return {name: value for batch in batches for name, value in batch.cursor.items()}


async def test_the_daily_mirror_speaks_last_and_for_style_control_on_only(
    network: Network,
) -> None:
    def mirror() -> httpx.Response:
        if upstreams.asked[-1] == "mirror/latest.json":
            return httpx.Response(200, json={"date": "2026-05-31"})
        models = [{"rank": 1, "model": "acme-5", "score": 1502}]
        meta = {"leaderboard": "text", "last_updated": "May 28, 2026"}
        return httpx.Response(200, json={"meta": meta, "models": models})

    upstreams = Upstreams(site=httpx.Response(500), dataset=httpx.Response(501), mirror=mirror)
    async with network(upstreams) as http:
        pages = await source().fetch(http, {})

    (daily,) = [page for page in pages if page.shape == "arena-daily"]
    row = source().parse(daily).standings[0]
    assert daily.url == "https://mirror.example/2026-05-31/text.json"
    assert (row.adapter, row.style_control, row.publish_date) == ("daily", "on", date(2026, 5, 28))


async def test_when_nobody_answers_the_poll_fails(network: Network) -> None:
    async with network(Upstreams(site=httpx.Response(503), dataset=httpx.Response(503))) as http:
        with pytest.raises(TransientSourceError):
            await source().fetch(http, {})
    async with network(Upstreams()) as http:
        with pytest.raises(PermanentSourceError):
            await source(styles=("off",)).fetch(http, {})


def registry(**models: str | None) -> dict[str, object]:
    return {
        f"id-{name}": {
            "publicName": name.replace("_", "-"),
            "organization": owner,
            "capabilities": {"outputCapabilities": {"text": True}},
        }
        for name, owner in models.items()
    }


def read_roster(payload: object, known: list[str] | None) -> Batch:
    return parse("arena-roster", json.dumps(payload), known=known)


def test_the_first_reading_of_the_roster_is_the_baseline() -> None:
    batch = read_roster(registry(acme_5="acme", silent_otter=None), None)

    assert batch.items == ()
    assert batch.cursor == {"roster": ["acme-5", "silent-otter"]}


def test_a_new_name_on_the_roster_is_a_rumor_with_the_company_it_names() -> None:
    batch = read_roster(registry(acme_5="acme", acme_6="acme", silent_otter=None), ["acme-5"])

    assert [(item.guid, item.seen_as) for item in batch.items] == [
        ("roster/acme-6", "rumor"),
        ("roster/silent-otter", "rumor"),
    ]
    assert (
        batch.items[0].title == "acme-6 appears on the Arena's roster of models (listed for acme)"
    )
    assert batch.items[1].title.endswith("(no company named)")


def test_a_name_that_leaves_the_roster_and_comes_back_is_no_news() -> None:
    gone = read_roster(registry(acme_5="acme"), ["acme-5", "acme-6"])
    back = read_roster(registry(acme_5="acme", acme_6="acme"), list(gone.cursor["roster"]))  # type: ignore[call-overload]

    assert gone.cursor == {"roster": ["acme-5", "acme-6"]}
    assert back.items == ()


def test_one_name_under_two_uuids_is_one_model() -> None:
    payload = {**registry(acme_6="acme"), "other": {"publicName": "acme-6"}, "bad": 3, "none": {}}

    batch = read_roster(payload, [])

    assert [item.guid for item in batch.items] == ["roster/acme-6"]
    assert len(batch.rejects) == 2


@pytest.mark.parametrize("payload", [[], {}, {"a": {}}, "x"])
def test_what_is_no_roster_is_a_parse_error_and_forgets_nothing(payload: object) -> None:
    with pytest.raises(ParseError):
        read_roster(payload, ["acme-5"])


async def test_a_roster_that_fails_costs_no_standings(network: Network) -> None:
    upstreams = Upstreams(site=lambda: httpx.Response(200, text=site_page()))
    async with network(upstreams) as http:
        pages = await source(roster=True, styles=("on",)).fetch(http, {})

    assert [page.shape for page in pages] == ["arena-page", "notice"]
    assert pages[1].body.startswith(b"roster: ")


async def test_the_past_is_read_from_the_whole_dataset_in_months(network: Network) -> None:
    upstreams = Upstreams(dataset=dataset_rows("acme-5", "zeta-2"))
    arena = source(styles=("off",))
    async with network(upstreams) as http:
        since = datetime.fromisoformat("2026-05-10T00:00:00+00:00")
        chunks = await arena.chunks(http, [], since=since, until=http.now)
        inside = next(chunk for chunk in chunks if chunk.since.date() <= date(2026, 5, 20))
        pages = await arena.fetch_chunk(http, inside)

    assert all(chunk.until - chunk.since == timedelta(days=28) for chunk in chunks)
    batch = arena.parse(pages[0])
    assert [(row.model, row.publish_date) for row in batch.standings] == [
        ("acme-5", date(2026, 5, 20)),
        ("zeta-2", date(2026, 5, 20)),
    ]
    context = {**pages[0].context, "since": "2026-05-21", "until": "2026-06-18"}
    other = Page("standings-past", pages[0].url, pages[0].body, pages[0].fetched_at, context)
    assert arena.parse(other).standings == ()  # a server that ignores the dates asked for
