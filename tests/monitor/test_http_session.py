"""One poll on the network: learned homes, probes and hints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import stamina

from monitor.clock import ManualClock
from monitor.errors import PermanentSourceError, TransientSourceError
from monitor.http_client import HttpClient

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
OLD, NEW, NEWER = "https://old.example/feed", "https://new.example/feed", "https://c.example/f"
Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def a_client(answer: Answer) -> HttpClient:
    return HttpClient(
        ManualClock(NOW),
        contact="desk@example.org",
        deadline=timedelta(seconds=5),
        max_bytes=1 << 20,
        transport=httpx.MockTransport(answer),
    )


def site(pages: dict[str, httpx.Response | tuple[int, str]], seen: list[str]) -> Answer:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        found = pages.get(str(request.url), httpx.Response(404))
        if isinstance(found, tuple):
            return httpx.Response(found[0], headers={"location": found[1]})
        return httpx.Response(found.status_code, content=found.content, headers=found.headers)

    return answer


async def test_a_learned_home_is_asked_in_the_place_of_the_address() -> None:
    seen: list[str] = []
    known = {OLD: {"etag": '"a"'}}
    async with a_client(site({NEW: httpx.Response(200, text="x")}, seen)) as http:
        session = http.session("feed", moved={OLD: NEW}, validators=known)
        response = await session.get(OLD, conditional=True)

    assert seen == [NEW]
    assert response is not None
    assert response.url == OLD
    assert set(session.validators) == {OLD}
    assert session.moved == {OLD: NEW}


async def test_a_home_that_refuses_is_forgotten_and_the_address_asked_again() -> None:
    seen: list[str] = []
    async with a_client(site({OLD: httpx.Response(200, text="back")}, seen)) as http:
        session = http.session("feed", moved={OLD: NEW})
        response = await session.get(OLD)

    assert seen == [NEW, OLD]
    assert response is not None
    assert response.body == b"back"
    assert session.moved == {}


async def test_a_home_that_fails_for_a_while_is_kept() -> None:
    seen: list[str] = []
    async with a_client(site({NEW: httpx.Response(503)}, seen)) as http:
        session = http.session("feed", moved={OLD: NEW}, attempts=1)
        with pytest.raises(TransientSourceError):
            await session.get(OLD)

    assert seen == [NEW]
    assert session.moved == {OLD: NEW}


async def test_a_home_that_moves_on_is_learned_for_the_address() -> None:
    pages = {NEW: (308, NEWER), NEWER: httpx.Response(200, text="x")}
    async with a_client(site(pages, [])) as http:
        session = http.session("feed", moved={OLD: NEW})
        await session.get(OLD)

    assert session.redirected_to == {OLD: NEWER}


@pytest.mark.parametrize("home", ["http://10.0.0.1:22/", "file:///etc/passwd", "https://u:p@x/"])
async def test_a_stored_home_obeys_the_rules_of_a_redirect(home: str) -> None:
    seen: list[str] = []
    async with a_client(site({OLD: httpx.Response(200, text="x")}, seen)) as http:
        await http.session("feed", moved={OLD: home}).get(OLD)

    assert seen == [OLD]


@pytest.mark.parametrize("chain", [(301, 302), (302, 301), (307, 308)])
async def test_a_chain_with_a_temporary_hop_teaches_nothing(chain: tuple[int, int]) -> None:
    pages = {
        OLD: (chain[0], NEW), NEW: (chain[1], NEWER), NEWER: httpx.Response(200, text="x"),
    }  # fmt: skip
    async with a_client(site(pages, [])) as http:
        session = http.session("feed")
        await session.get(OLD)

    assert session.redirected_to == {}


async def test_a_probe_asks_once() -> None:
    async with a_client(lambda _: httpx.Response(503)) as http:
        session = http.session("feed", attempts=1)
        with pytest.raises(TransientSourceError):
            await session.get(OLD)

    assert session.requests == 1


async def test_the_longest_freshness_of_a_poll_is_kept_also_of_a_304() -> None:
    ages = iter([60, 600, 30])

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"cache-control": f"max-age={next(ages)}"}
        status = 304 if "if-none-match" in request.headers else 200
        return httpx.Response(status, headers=headers)

    async with a_client(answer) as http:
        session = http.session("feed", validators={NEW: {"etag": '"a"'}})
        assert session.fresh_for is None
        await session.get(OLD)
        await session.get(NEW, conditional=True)
        await session.get(NEWER)

    assert session.fresh_for == timedelta(minutes=10)


async def test_a_page_for_people_is_remembered_by_its_address() -> None:
    body = "<html><form><input type=password></form></html>"
    async with a_client(site({OLD: httpx.Response(200, html=body)}, [])) as http:
        session = http.session("feed")
        await session.get(OLD)

    assert session.walls == {OLD: "a login page"}


async def test_gone_at_a_home_asks_the_address_before_it_is_believed() -> None:
    seen: list[str] = []
    pages = {NEW: httpx.Response(410), OLD: httpx.Response(410)}
    async with a_client(site(pages, seen)) as http:
        with pytest.raises(PermanentSourceError) as caught:
            await http.session("feed", moved={OLD: NEW}).get(OLD)

    assert caught.value.status == 410
    assert seen == [NEW, OLD]
