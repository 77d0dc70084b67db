"""Polls over the wire: conditional, moved, gone, walled, probed; what a poll teaches."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

import httpx
import pytest
import stamina
from structlog.testing import capture_logs

from monitor.errors import ParseError, TransientSourceError
from monitor.http_client import HttpClient
from monitor.jobs.poll import poll_source
from monitor.jobs.poll_report import PollReport
from monitor.sources.base import Cursor, Fetcher, Page, SourceModel
from monitor.sources.web_address import WebAddress
from storage import coverage, source_repo
from storage.models import Coverage, Item, SourceState
from storage.records import Batch, Pace, Reject
from tests.builders import NOON, an_item
from tests.desk import Desk, StubSource, joined, news, open_desk, prices

OLD, NEW = "https://old.example/feed", "https://new.example/feed"
MINUTE = timedelta(minutes=1)


class Lines(SourceModel):
    """A feed whose document is `#` and an item a line; `ttl N` is its pace in minutes."""

    kind: Literal["lines"] = "lines"
    url: WebAddress = OLD

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        answer = await http.get(self.url, conditional=True)
        return [] if answer is None else [Page("lines", answer.url, answer.body, http.now)]

    def parse(self, page: Page) -> Batch:
        head, *rows = page.body.decode().splitlines() or [""]
        if not head.startswith("#"):
            raise ParseError(f"not lines: {head[:20]!r}")
        ttl = head.partition("ttl ")[2]
        return Batch(
            items=tuple(an_item(row, source=self.name, title=f"Line {row}") for row in rows),
            pace=Pace(int(ttl) * MINUTE) if ttl else None,
        )


@dataclass
class Web:
    """What answers, by URL: a body, a status, or (status, headers, body); and what was asked."""

    pages: dict[str, object] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        found = self.pages.get(str(request.url), 404)
        if isinstance(found, tuple):
            status, headers, body = found
            return httpx.Response(status, headers=headers, content=body)
        if isinstance(found, int):
            return httpx.Response(found)
        return httpx.Response(200, content=str(found).encode())

    @property
    def urls(self) -> list[str]:
        return [str(request.url) for request in self.asked]


@dataclass
class Wire:
    desk: Desk
    web: Web
    source: Lines = field(default_factory=lambda: Lines(name="lines"))

    async def poll(self, *, by_hand: bool = False, source: Lines | None = None) -> PollReport:
        return await poll_source(
            self.desk.app, source or self.source, rng=random.Random(7), by_hand=by_hand
        )

    @property
    def state(self) -> SourceState:
        with self.desk.store.read() as session:
            return source_repo.load(session, self.source.name)


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    web = Web()
    async with open_desk(tmp_path, sources=[Lines(name="lines")]) as desk:
        desk.app.http = HttpClient(
            desk.clock,
            contact="desk@example.org",
            deadline=timedelta(seconds=5),
            max_bytes=1 << 20,
            transport=httpx.MockTransport(web),
        )
        yield Wire(desk, web)


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[Page]:
    seen: list[Page] = []
    parse: Callable[[Lines, Page], Batch] = Lines.parse

    def counted(source: Lines, page: Page) -> Batch:
        seen.append(page)
        return parse(source, page)

    monkeypatch.setattr(Lines, "parse", counted)
    return seen


async def test_a_304_and_an_unchanged_body_skip_the_parse(wire: Wire, parses: list[Page]) -> None:
    wire.web.pages[OLD] = (200, {"etag": '"a"'}, b"#\na")
    await wire.poll()
    wire.web.pages[OLD] = (304, {}, b"")
    unchanged = await wire.poll()
    wire.web.pages[OLD] = (200, {"etag": '"b"'}, b"#\na")
    same_body = await wire.poll()

    assert [request.headers.get("if-none-match") for request in wire.web.asked] == [
        None, '"a"', '"a"',
    ]  # fmt: skip
    assert len(parses) == 1
    assert (unchanged.error, same_body.error) == (None, None)
    assert wire.state.polls == 3


async def test_a_page_that_fails_to_parse_leaves_no_validator_behind(
    wire: Wire, parses: list[Page]
) -> None:
    for _ in range(2):
        wire.web.pages[OLD] = (200, {"etag": '"a"'}, b"an error page")
        report = await wire.poll()
        assert report.error == "not lines: 'an error page'"

    assert [request.headers.get("if-none-match") for request in wire.web.asked] == [None, None]
    assert len(parses) == 2


async def test_validators_that_could_not_be_stored_with_the_rows_are_not_kept(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.web.pages[OLD] = (200, {"etag": '"a"'}, b"#\na")
    with monkeypatch.context() as broken:
        broken.setattr("monitor.jobs.poll.learn", _full)
        with pytest.raises(OSError, match="disk"):
            await wire.poll()

    assert wire.desk.rows(Item) == []
    assert wire.state.validators is None


def _full(*given: object) -> None:
    raise OSError("the disk is full")


async def test_a_wholly_permanent_chain_is_learned_once_its_target_parses(wire: Wire) -> None:
    wire.web.pages = {OLD: (301, {"location": NEW}, b""), NEW: "an error page"}
    await wire.poll()
    assert wire.state.moved is None
    wire.web.pages[NEW] = "#\na"
    with capture_logs() as said:
        await wire.poll()
    assert wire.state.moved == {OLD: NEW}
    assert "address moved to another host for good" in [line["event"] for line in said]

    wire.web.asked.clear()
    assert (await wire.poll()).error is None
    assert wire.web.urls == [NEW]


async def test_a_chain_of_301_and_302_is_followed_and_not_learned(wire: Wire) -> None:
    middle = "https://middle.example/feed"
    wire.web.pages = {
        OLD: (301, {"location": middle}, b""), middle: (302, {"location": NEW}, b""), NEW: "#\na",
    }  # fmt: skip
    report = await wire.poll()

    assert report.rows["items"] == 1
    assert wire.state.moved is None


async def test_a_home_that_is_gone_is_forgotten(wire: Wire) -> None:
    wire.web.pages = {OLD: (308, {"location": NEW}, b""), NEW: "#\na"}
    await wire.poll()
    wire.web.pages = {OLD: "#\na\nb", NEW: 404}
    report = await wire.poll()

    assert report.rows["items"] == 1
    assert wire.state.moved is None


async def test_a_home_that_another_source_asks_is_reported(wire: Wire) -> None:
    wire.desk.app.sources = (wire.source, Lines(name="twin", url=NEW))
    wire.web.pages = {OLD: (301, {"location": NEW}, b""), NEW: "#\na"}
    with capture_logs() as said:
        await wire.poll()

    assert [line.get("other") for line in said if "two sources" in line["event"]] == ["twin"]


async def test_gone_disables_until_a_human_acts(wire: Wire) -> None:
    wire.web.pages[OLD] = 410
    report = await wire.poll()
    assert "HTTP 410, the upstream says it is gone for good" in str(report.error)

    left = await wire.poll()
    assert left.error == f"disabled: {report.error}"
    assert (left.requests, len(wire.web.asked)) == (0, 1)
    assert wire.state.next_due is None

    wire.web.pages[OLD] = "#\na"
    assert (await wire.poll(by_hand=True)).error is None
    assert wire.state.disabled is None
    assert (await wire.poll()).requests == 1


async def test_another_address_in_the_config_revives_a_source_that_was_gone(wire: Wire) -> None:
    wire.web.pages = {OLD: 410, NEW: "#\na"}
    await wire.poll()

    report = await wire.poll(source=Lines(name="lines", url=NEW))

    assert report.rows["items"] == 1
    assert wire.state.disabled is None


async def test_a_venue_with_a_410_is_asked_again(desk: Desk) -> None:
    error = TransientSourceError("HTTP 410")
    error.status = 410  # type: ignore[attr-defined]
    await desk.poll(error=error)
    with desk.store.read() as session:
        assert source_repo.load(session, "stub").disabled is None


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<html><title>Just a moment...</title></html>", "a bot wall"),
        (b"<html><input type='password'></html>", "a login page"),
    ],
)
async def test_a_wall_in_the_place_of_the_feed_is_named_and_not_asked_fast(
    wire: Wire, body: bytes, what: str
) -> None:
    wire.web.pages[OLD] = (200, {"content-type": "text/html"}, body)
    report = await wire.poll()

    assert str(report.error).startswith(f"{OLD}: {what} stands before it")
    assert report.pause >= timedelta(hours=6)
    assert wire.state.circuit_until is not None


async def test_after_five_failures_one_attempt_probes_and_a_success_closes(wire: Wire) -> None:
    wire.web.pages[OLD] = 503
    pauses = []
    for expected in (3, 1, 1, 1, 1, 1, 1):
        report = await wire.poll()
        pauses.append(report.pause)
        assert report.requests == expected
    assert pauses == sorted(pauses)
    assert wire.state.circuit_until is not None
    assert abs(wire.state.circuit_until - NOON - pauses[-1]) < timedelta(milliseconds=1)

    wire.web.pages[OLD] = "#\na"
    report = await wire.poll()
    assert (report.requests, report.error) == (1, None)
    assert (wire.state.failures, wire.state.circuit_until) == (0, None)


async def test_a_probe_asks_the_original_address(wire: Wire) -> None:
    wire.web.pages = {OLD: (301, {"location": NEW}, b""), NEW: "#\na"}
    await wire.poll()
    wire.web.pages = {NEW: 503, OLD: "#\na"}
    for _ in range(5):
        await wire.poll()
    wire.web.asked.clear()

    assert (await wire.poll()).error is None
    assert wire.web.urls == [OLD]
    assert wire.state.moved is None


async def test_an_asked_pause_until_a_date_is_kept(wire: Wire) -> None:
    until = "Mon, 02 Mar 2026 14:00:00 GMT"
    wire.web.pages[OLD] = (429, {"retry-after": until}, b"")
    report = await wire.poll()

    assert (report.requests, report.next_due) == (1, NOON + timedelta(hours=2))
    assert wire.state.circuit_until == NOON + timedelta(hours=2)


async def test_auto_follows_the_rate_and_the_hints_also_of_an_unchanged_page(wire: Wire) -> None:
    auto = Lines(name="lines", every="auto")
    many = "\n".join(f"g{n}" for n in range(1008))
    wire.web.pages[OLD] = (200, {"etag": '"a"'}, f"# ttl 30\n{many}".encode())
    first = await wire.poll(source=auto)
    wire.web.pages[OLD] = (304, {"cache-control": "max-age=2700"}, b"")
    second = await wire.poll(source=auto)

    assert 27 * MINUTE <= first.pause <= 33 * MINUTE
    assert 40.5 * MINUTE <= second.pause <= 49.5 * MINUTE
    assert wire.state.fingerprint["pace"] == {"ttl_s": 1800.0, "fresh_s": 2700.0}


async def test_the_look_of_the_pages_is_learned_and_a_drift_kept_until_it_mends(
    wire: Wire,
) -> None:
    rows = "\n".join(f"g{n}" for n in range(40))
    for n in range(6):
        wire.web.pages[OLD] = f"#{n}\n{rows}"
        await wire.poll()
    wire.desk.after(5)
    wire.web.pages[OLD] = "#\ng1"
    with capture_logs() as said:
        await wire.poll()
    since = "2026-03-02T12:05:00.000Z"
    fell = "items: rows of a page fell from about 40 to 1"
    assert wire.state.drift == {"since": since, "said": {"lines/items": [fell]}}
    assert "the pages have changed" in [line["event"] for line in said]

    wire.desk.after(5)
    await wire.poll()
    assert wire.state.drift is not None, "an unchanged page says nothing new"
    wire.web.pages[OLD] = f"#again\n{rows}"
    await wire.poll()
    assert wire.state.drift is None


def gap_reasons(desk: Desk, venue_id: str) -> list[str | None]:
    subject = coverage.outcome_subject(desk.outcome(venue_id))
    return [span.gap_reason for span in desk.rows(Coverage, subject=subject)]


async def test_a_price_that_a_good_poll_did_not_bring_has_a_gap_with_its_reason(
    desk: Desk,
) -> None:
    both = joined(
        prices(NOON, {"Zetacorp": "0.40"}), prices(NOON, {"Omegacorp": "0.30"}, series="other")
    )
    await desk.poll(both)
    at = desk.after(1)
    notice = Batch(rejects=(Reject("event:other was not read: HTTP 500", "https://x.example"),))
    await desk.poll(prices(at, {"Zetacorp": "0.40"}), notice)

    assert gap_reasons(desk, "omegacorp") == ["event:other was not read: HTTP 500"]
    assert gap_reasons(desk, "zetacorp") == [None]


async def test_a_gap_without_a_word_from_the_venue_still_has_a_reason(desk: Desk) -> None:
    await desk.poll(prices(NOON, {"Zetacorp": "0.40", "Omegacorp": "0.30"}))
    await desk.poll(prices(desk.after(1), {"Zetacorp": "0.40"}))

    assert gap_reasons(desk, "omegacorp") == ["the poll worked but did not bring this price"]


async def test_a_feed_that_fails_says_nothing_of_prices(desk: Desk) -> None:
    await desk.poll(prices(NOON, {"Zetacorp": "0.40"}))
    await desk.poll(news(), source=StubSource("wire", kind="rss"))
    await desk.poll(error=TransientSourceError("down"), source=StubSource("wire", kind="rss"))

    assert gap_reasons(desk, "zetacorp") == [None]
