"""The health page tells which loop stalled, and answers under this machine's names only."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest

from monitor.errors import ConfigError
from monitor.web.server import HealthServer

PATHS = ("/healthz", "/readyz", "/metrics", "/alerts/desk.atom", "/no-such-page")
CHANGED_AT = datetime(2025, 11, 27, 12, 0, 0, 500_000, tzinfo=UTC)


@dataclass
class StubHealth:
    """A daemon that says what a test wants."""

    stalled: list[str] = field(default_factory=list)
    sick: dict[str, str | None] = field(default_factory=lambda: {"wire": None})

    def late(self) -> list[str]:
        return self.stalled

    def jobs(self) -> list[dict[str, object]]:
        return [{"job": "process", "running": False, "last_error": None}]

    async def sources(self) -> dict[str, str | None]:
        return self.sick

    def metrics(self) -> bytes:
        return b"signal_monitor_polls_total 1.0\n"

    async def feed(self, name: str, *, url: str) -> tuple[bytes, datetime] | None:
        return (f"<feed href='{url}'/>".encode(), CHANGED_AT) if name == "desk" else None


@asynccontextmanager
async def served(health: StubHealth | None = None) -> AsyncIterator[httpx.AsyncClient]:
    server = HealthServer(health or StubHealth(), listen="127.0.0.1:0")
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            yield client
    finally:
        await server.stop()


async def test_healthy_loops_answer_200_with_every_job() -> None:
    async with served() as client:
        answer = await client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "late": [],
        "jobs": [{"job": "process", "running": False, "last_error": None}],
    }


async def test_a_late_loop_answers_503_and_is_named() -> None:
    async with served(StubHealth(stalled=["poll:wire is 140 s late"])) as client:
        answer = await client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["status"] == "stalled"
    assert answer.json()["late"] == ["poll:wire is 140 s late"]


async def test_one_fresh_source_makes_it_ready_and_the_sick_are_named() -> None:
    async with served(StubHealth(sick={"wire": None, "venue": "HTTP 503"})) as client:
        answer = await client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "fresh": ["wire"], "sick": {"venue": "HTTP 503"}}


async def test_without_a_working_source_it_is_not_ready() -> None:
    async with served(StubHealth(sick={"venue": "HTTP 503"})) as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (503, "no source works")


async def test_metrics_are_prometheus_text() -> None:
    async with served() as client:
        answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert answer.text == "signal_monitor_polls_total 1.0\n"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8321", "localhost.evil.example", "[::1", "", "a@b@c"]
)
async def test_an_unknown_host_name_is_refused_on_every_route(host: str) -> None:
    async with served() as client:
        answers = [await client.get(path, headers={"host": host}) for path in PATHS]

    assert [answer.status_code for answer in answers] == [421] * len(PATHS)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8321", "[::1]:8321", "LOCALHOST:1"])
async def test_this_machines_names_are_served(host: str) -> None:
    async with served() as client:
        answer = await client.get("/healthz", headers={"host": host})

    assert answer.status_code == 200


async def test_a_feed_is_atom_and_knows_its_own_address() -> None:
    async with served() as client:
        answer = await client.get("/alerts/desk.atom?since=now")
        head = await client.head("/alerts/desk.atom")
        unknown = await client.get("/alerts/phone.atom")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert answer.text == f"<feed href='{client.base_url}/alerts/desk.atom'/>"
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == answer.headers["etag"]
    assert unknown.status_code == 404


async def test_a_feed_reader_that_knows_it_gets_no_body() -> None:
    async with served() as client:
        first = await client.get("/alerts/desk.atom")
        etag, date = first.headers["etag"], first.headers["last-modified"]
        asked = [
            {"if-none-match": etag}, {"if-none-match": f'"x", W/{etag}'},
            {"if-none-match": "*"}, {"if-modified-since": date},
            {"if-none-match": '"x"', "if-modified-since": date},
            {"if-modified-since": "Thu, 27 Nov 2025 11:59:59 GMT"},
            {"if-modified-since": "soon"},
        ]  # fmt: skip
        answers = [await client.get("/alerts/desk.atom", headers=each) for each in asked]

    assert date == "Thu, 27 Nov 2025 12:00:00 GMT"
    assert [answer.status_code for answer in answers] == [304, 304, 304, 304, 200, 200, 200]
    assert {answer.content for answer in answers[:4]} == {b""}


async def test_nothing_else_is_served() -> None:
    async with served() as client:
        answers = [await client.get(path) for path in ("/", "/docs", "/openapi.json")]
        posted = await client.post("/healthz")

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert posted.status_code == 405


async def test_a_port_that_is_taken_is_said_with_the_way_out() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        address = f"127.0.0.1:{holder.getsockname()[1]}"

        with pytest.raises(ConfigError) as refused:
            await HealthServer(StubHealth(), listen=address).start()

    assert str(refused.value) == (
        f"web.listen: {address} cannot be used: Address already in use; "
        "name another port, or start with --no-web"
    )


async def test_the_port_is_free_again_after_stop() -> None:
    server = HealthServer(StubHealth(), listen="127.0.0.1:0")
    await server.start()
    address = server.url.removeprefix("http://")
    await server.stop()

    again = HealthServer(StubHealth(), listen=address)
    await again.start()
    await again.stop()


async def test_ipv6_loopback_can_be_listened_on() -> None:
    server = HealthServer(StubHealth(), listen="[::1]:0")
    try:
        await server.start()
    except ConfigError:
        pytest.skip("this machine has no IPv6 loopback")
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        answer = await client.get("/healthz")
    await server.stop()

    assert answer.status_code == 200
