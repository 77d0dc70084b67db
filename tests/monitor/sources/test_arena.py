from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ParseError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.sources.arena import ArenaSource
from monitor.sources.base import Page
from storage.records import Batch

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "arena"
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]


def load() -> Any:
    return json.loads((FIXTURES / "filter-page.json").read_text(encoding="utf-8"))


def dataset(**given: Any) -> ArenaSource:
    """Return a source that asks the dataset only."""
    return ArenaSource(name="arena-text", adapters=("dataset",), **given)


def parse(shape: str, payload: object, **context: object) -> Batch:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    page = Page(shape, "https://data.example/filter", body, NOW, context)
    return ArenaSource(name="arena-text").parse(page)


def parse_list(*answers: object, style: str = "off") -> Batch:
    return parse("standings", list(answers), board="text", category="overall", style=style)


def mirror(shape: str, name: str, **context: object) -> Batch:
    return parse(shape, (FIXTURES / name).read_bytes(), **context)


def test_a_list_becomes_standings_ranked_by_rating_with_ties_in_their_own_order() -> None:
    batch = parse_list(load())

    first, second, third, fourth = batch.standings
    assert [s.rank for s in batch.standings] == [1, 2, 3, 4]
    assert (first.model, first.organization, first.votes) == ("acme-5", "Acme", 9000)
    assert (first.score, first.ci_low, first.ci_high) == (
        Decimal("1502.25"),
        Decimal("1496.75"),
        Decimal("1507.75"),
    )
    assert first.publish_date == date(2026, 5, 28)
    assert (first.board, first.category, first.style_control) == ("text", "overall", "off")
    assert {second.model, third.model} == {"nix-1", "zeta-2-max"}
    assert fourth.organization is None
    assert {s.page_rows for s in batch.standings} == {4}
    assert batch.rejects == ()


def test_rows_of_an_older_date_are_refused_with_the_reason() -> None:
    answer = load()
    answer["rows"][0]["row"]["leaderboard_publish_date"] = "2026-05-20"

    batch = parse_list(answer)

    assert [s.model for s in batch.standings] == ["nix-1", "zeta-2-max", "acme-5-mini"]
    assert {s.page_rows for s in batch.standings} == {3}
    assert batch.rejects[0].reason == "published 2026-05-20, before the list's newest date"


def test_of_a_repeated_model_the_row_with_most_votes_stays() -> None:
    answer = load()
    answer["rows"][1]["row"]["model_name"] = "nix-1"

    batch = parse_list(answer)

    assert [(s.model, s.votes) for s in batch.standings][1] == ("nix-1", 12000)
    assert [reject.reason for reject in batch.rejects] == [
        "repeated model, kept the row with 12000 votes"
    ]


BAD_ROWS: dict[str, tuple[dict[str, object], str]] = {
    "another category": ({"category": "chinese"}, "was not asked for"),
    "no rating": ({"rating": None}, "rating is missing"),
    "rating in words": ({"rating": "high"}, "is not a number"),
    "no name": ({"model_name": ""}, "without a model name"),
    "no date": ({"leaderboard_publish_date": None}, "Invalid isoformat"),
    "a date to come": ({"leaderboard_publish_date": "2027-01-01"}, "cannot be"),
    "half a vote": ({"vote_count": 1.5}, "not a whole number"),
}


@pytest.mark.parametrize(("fields", "reason"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_one_bad_row_costs_one_row(fields: dict[str, object], reason: str) -> None:
    answer = load()
    answer["rows"][3]["row"].update(fields)

    batch = parse_list(answer)

    assert len(batch.standings) == 3
    assert reason in batch.rejects[0].reason


def test_a_row_with_truncated_cells_is_refused() -> None:
    answer = load()
    answer["rows"][0]["truncated_cells"] = ["model_name"]

    assert "truncated cells" in parse_list(answer).rejects[0].reason


def test_missing_rows_and_partial_lists_are_said() -> None:
    reasons = [
        r.reason for r in parse_list({**load(), "num_rows_total": 9, "partial": True}).rejects
    ]

    assert reasons == [
        "5 rows of the list were not read",
        "the server admits that the list is partial",
    ]


def test_an_empty_list_is_said_and_gives_nothing() -> None:
    batch = parse_list({"rows": [], "num_rows_total": 0})

    assert batch.standings == ()
    assert batch.rejects[0].reason == "the list is empty"


@pytest.mark.parametrize(
    "payload", [b"", b"[{", {"rows": []}, [1], [{"error": "loading"}], [{"rows": {}}], b"[NaN]"]
)
def test_what_is_no_list_is_a_parse_error(payload: object) -> None:
    with pytest.raises(ParseError):
        parse("standings", payload)


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_mutated_answers_raise_nothing_but_parse_errors(
    mutate: Callable[[Any, st.DataObject], bytes], data: st.DataObject
) -> None:
    body = mutate([load()], data)

    try:
        first = parse("standings", body)
    except ParseError:
        return

    assert parse("standings", body) == first
    assert sorted(s.rank for s in first.standings) == [s.rank for s in first.standings]


def test_a_daily_mirror_is_style_control_on_with_ranks_as_listed() -> None:
    batch = mirror("arena-daily", "daily.json")

    first, second = sorted(batch.standings, key=lambda s: s.rank)
    assert {s.style_control for s in batch.standings} == {"on"}
    assert (first.rank, first.model, first.ci_low, first.ci_high) == (
        1, "acme-5", Decimal(1496), Decimal(1508),
    )  # fmt: skip
    assert (second.rank, second.ci_low, second.ci_high) == (2, Decimal(1497), Decimal(1509))
    assert second.organization is None
    assert first.publish_date == date(2026, 5, 28)


def test_a_daily_page_without_a_publish_date_is_dated_by_the_day_it_was_seen() -> None:
    payload = json.loads((FIXTURES / "daily.json").read_text(encoding="utf-8"))
    payload["meta"] |= {"last_updated": None, "fetched_at": "2026-05-12T05:08:21+00:00"}

    rows = parse("arena-daily", payload).standings

    assert {(row.publish_date, row.is_dated) for row in rows} == {(date(2026, 5, 12), False)}


def test_a_daily_page_without_any_date_is_refused_unless_someone_dates_it() -> None:
    payload = json.loads((FIXTURES / "daily.json").read_text(encoding="utf-8"))
    payload["meta"] |= {"last_updated": None, "fetched_at": None}

    refused = parse("arena-daily", payload)
    dated = parse("arena-daily", payload, publish_date="2026-05-01")

    assert {reject.reason for reject in refused.rejects} == {"no publish date"}
    assert {row.publish_date for row in dated.standings} == {date(2026, 5, 1)}


def test_the_agent_board_ranks_by_net_improvement() -> None:
    row = mirror("arena-agent", "agent.json").standings[0]

    assert (row.board, row.style_control) == ("agent", "unstated")
    assert (row.score, row.ci_low, row.ci_high) == (
        Decimal("12.5"),
        Decimal("10.5"),
        Decimal("14.5"),
    )


def test_the_catalog_gives_every_category() -> None:
    batch = mirror("arena-catalog", "catalog.json", publish_date="2025-12-11", style="on")

    assert [(s.category, s.rank, s.model) for s in batch.standings] == [
        ("overall", 1, "acme-5"),
        ("overall", 2, "nix-1"),
        ("chinese", 1, "nix-1"),
    ]
    assert {s.style_control for s in batch.standings} == {"on"}


def test_the_table_mirror_reads_its_interval() -> None:
    first, second = mirror("fboulnois", "table.csv", publish_date="2025-02-16").standings

    assert (first.score, first.ci_low, first.ci_high) == (
        Decimal(1402), Decimal(1395), Decimal(1407),
    )  # fmt: skip
    assert [first.rank, second.rank] == [1, 2]


def test_the_wide_mirror_leaves_out_models_that_were_not_on_the_board() -> None:
    batch = mirror("nakasyou", "wide.csv")

    assert [(s.publish_date, s.rank, s.model, s.page_rows) for s in batch.standings] == [
        (date(2025, 1, 1), 1, "acme-4", 1),
        (date(2025, 1, 15), 1, "nix-1", 2),
        (date(2025, 1, 15), 2, "acme-4", 2),
    ]
    assert batch.rejects == ()


@pytest.mark.parametrize("shape", ["arena-models", "arena-index"])
def test_registries_and_pointers_are_refused_with_the_reason(shape: str) -> None:
    batch = parse(shape, {"date": "2026-06-01"})

    assert batch.rejects[0].reason.startswith("holds no standings")


@pytest.mark.parametrize(
    "shape", ["fboulnois", "nakasyou", "arena-daily", "arena-catalog", "other"]
)
@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"a,b\n1,2\n", b"[]"])
def test_a_mirror_of_another_shape_is_a_parse_error(shape: str, body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(shape, body)


class Server:
    """Answers /filter in pages of a hundred rows."""

    def __init__(self, rows: int) -> None:
        template = load()["rows"][0]
        self.rows = [
            {**template, "row": {**template["row"], "model_name": f"m{n}", "rating": 1500 - n}}
            for n in range(rows)
        ]
        self.requests: list[httpx.Request] = []
        self.total: Callable[[], int] = lambda: len(self.rows)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        offset = int(request.url.params["offset"])
        page = self.rows[offset : offset + 100]
        return httpx.Response(200, json={"rows": page, "num_rows_total": self.total()})


async def test_both_styles_are_read_whole_in_pages_of_a_hundred(network: Network) -> None:
    server, source = Server(250), dataset()
    async with network(server) as http:
        pages = await source.fetch(http, {})

    asked = [(r.url.params["config"], r.url.params["offset"]) for r in server.requests]
    assert asked == [
        (config, offset)
        for config in ("text", "text_style_control")
        for offset in ("0", "100", "200")
    ]
    assert server.requests[0].url.params["where"] == "\"category\"='overall'"
    batches = [source.parse(page) for page in pages]
    assert [batch.standings[0].style_control for batch in batches] == ["off", "on"]
    assert [len(batch.standings) for batch in batches] == [250, 250]
    assert {s.page_rows for batch in batches for s in batch.standings} == {250}


async def test_an_unchanged_list_costs_one_request(network: Network) -> None:
    server, source = Server(150), dataset(styles=("off",))
    async with network(server) as http:
        await source.fetch(http, {})

        assert await source.fetch(http, {}) == []

    assert len(server.requests) == 3


async def test_a_list_that_changes_while_it_is_read_is_read_again_later(network: Network) -> None:
    server = Server(150)
    server.total = lambda: 150 + len(server.requests)
    async with network(server) as http:
        with pytest.raises(TransientSourceError, match="changed while"):
            await dataset().fetch(http, {})


async def test_an_endless_list_is_cut_and_the_rest_is_said(network: Network) -> None:
    server, source = Server(2_100), dataset(styles=("off",))
    async with network(server) as http:
        batch = source.parse((await source.fetch(http, {}))[0])

    assert len(server.requests) == 20
    assert batch.rejects[0].reason == "100 rows of the list were not read"


async def test_an_index_that_is_still_loading_is_a_passing_failure(network: Network) -> None:
    async with network(lambda _: httpx.Response(500, json={"error": "loading"})) as http:
        with pytest.raises(TransientSourceError, match="loading"):
            await dataset().fetch(http, {})
