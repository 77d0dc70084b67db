"""Trying a source shows what a poll would store and stores nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from monitor.clock import ManualClock
from monitor.config import Config, parse_config
from monitor.errors import ParseError
from monitor.jobs.check import check_source
from monitor.sources.base import Cursor, Fetcher, MarketRef, Page, SourceModel
from monitor.sources.fingerprint import looks, updated
from monitor.topics import Topics, open_topics
from storage.models import SourceState
from storage.records import Batch, Pace, Reject, TradeRecord
from tests.builders import NOON, a_market, a_quote, a_standing, an_item, at


class Tried(SourceModel):
    """A source whose pages are named by the body of `/index`."""

    kind: Literal["tried"] = "tried"
    pages: tuple[str, ...] = ("market", "items")

    def following(self, refs: Iterable[MarketRef]) -> Tried:
        return self

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        answer = await http.get("https://a.example/index", params={"key": "s3cret"})
        assert answer is not None
        return [Page(shape, answer.url, answer.body, http.now) for shape in self.pages]

    def parse(self, page: Page) -> Batch:
        if page.shape == "broken":
            raise ParseError("not what it should be")
        if page.shape == "bug":
            raise KeyError("surprise")
        return PAGES[page.shape]


TRADE = TradeRecord(
    "polymarket", "516960", "token", NOON, "t1", Decimal("0.4"), Decimal(10), side="buy"
)
PAGES = {
    "market": Batch(
        markets=(a_market(closes_at=at(60)),), quotes=(a_quote(), a_quote(venue_id="9"))
    ),
    "items": Batch(
        items=tuple(an_item(f"g{n}") for n in range(7)),
        rejects=(
            Reject("no title", "<item 1>"), Reject("no title", "<item 2>"),
            Reject("repeated item", "g1"),
        ),
        pace=Pace(timedelta(minutes=60)),
    ),
    "board": Batch(standings=(a_standing(),), trades=(TRADE,)),
    "empty": Batch(),
}  # fmt: skip


@pytest.fixture(scope="module")
def desk() -> tuple[Config, Topics]:
    config = parse_config('http: {contact: "a@example.org"}', name="c", folder=Path())
    return config, open_topics(config)


async def tried(
    desk: tuple[Config, Topics],
    *pages: str,
    answer: Any = None,
    state: SourceState | None = None,
) -> dict[str, Any]:
    answer = answer or (lambda _: httpx.Response(200, text="12345"))
    return await check_source(
        *desk, Tried(name="tried", pages=pages), ManualClock(NOON), state=state,
        transport=httpx.MockTransport(answer),
    )  # fmt: skip


async def test_pages_rows_and_five_samples_of_each_kind_are_shown(
    desk: tuple[Config, Topics],
) -> None:
    found = await tried(desk, "market", "items")

    assert found["error"] is None
    assert found["pages"][0] == {
        "url": "https://a.example/index?key", "shape": "market", "bytes": 5, "rows": 3,
        "error": None,
    }  # fmt: skip
    assert found["rows"] == {"markets": 1, "quotes": 2, "items": 7}
    assert found["samples"]["markets"] == [
        "Will Zetacorp lead the board in March? (open, closes 2026-03-02)"
    ]
    assert found["samples"]["quotes"] == [
        "Will Zetacorp lead the board in March?: bid 40.0 %, ask 42.0 %, last –",
        "9: bid 40.0 %, ask 42.0 %, last –",
    ]
    assert len(found["samples"]["items"]) == 5
    assert found["samples"]["items"][0] == "2026-03-02 12:00Z Zetacorp shows its glasses"
    assert (found["requests"], found["asks"]) == (1, {"ttl_s": 3600.0})


async def test_boards_and_trades_have_lines_of_their_own(desk: tuple[Config, Topics]) -> None:
    found = (await tried(desk, "board"))["samples"]

    assert found["standings"] == ["#1 zeta-1 1460.5 (text, style control off, 2026-03-01)"]
    assert found["trades"] == ["516960: 2026-03-02 12:00:00Z, 10 at 40.0 %"]


async def test_rejects_are_counted_by_reason_with_an_excerpt(desk: tuple[Config, Topics]) -> None:
    assert (await tried(desk, "items"))["rejects"] == [
        {"reason": "no title", "count": 2, "excerpt": "<item 1>"},
        {"reason": "repeated item", "count": 1, "excerpt": "g1"},
    ]


async def test_one_page_that_cannot_be_read_costs_that_page(desk: tuple[Config, Topics]) -> None:
    found = await tried(desk, "broken", "board")

    assert found["error"] is None
    assert found["pages"][0]["error"] == "not what it should be"
    assert found["rows"] == {"trades": 1, "standings": 1}


@pytest.mark.parametrize(
    ("page", "answer", "error"),
    [
        ("broken", None, "not what it should be"),
        ("bug", None, "the source broke with KeyError: 'surprise'"),
        ("empty", lambda _: httpx.Response(404), "HTTP 404"),
        (
            "broken",
            lambda _: httpx.Response(200, html="<html><input type=password></html>"),
            "a login page stands before it",
        ),
    ],
)
async def test_what_cannot_be_read_at_all_says_why(
    desk: tuple[Config, Topics], page: str, answer: Any, error: str
) -> None:
    found = await tried(desk, page, answer=answer)

    assert error in found["error"]
    assert found["rows"] == {}


async def test_the_usual_look_is_compared_where_it_is_known(desk: tuple[Config, Topics]) -> None:
    full = Batch(items=tuple(an_item(f"g{n}") for n in range(90)))
    shapes: dict[str, Any] = {}
    for _ in range(5):
        shapes = updated(shapes, looks([("items", full)]), {})
    known = SourceState(source="tried", fingerprint={"shapes": shapes})

    assert (await tried(desk, "items"))["drift"] is None
    assert (await tried(desk, "board", state=known))["drift"] is None
    assert (await tried(desk, "items", state=known))["drift"] == [
        "items: rows of a page fell from about 90 to 7"
    ]


async def test_a_permanent_move_is_shown(desk: tuple[Config, Topics]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/index":
            return httpx.Response(301, headers={"location": "/new"})
        return httpx.Response(200, text="x")

    found = await tried(desk, "empty", answer=answer)
    assert found["moved"] == {"https://a.example/index?key": "https://a.example/new"}
