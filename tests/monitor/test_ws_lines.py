"""The connections to the market socket: what they ask, when they end, how they come back."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from monitor.address import resolve
from monitor.errors import ParseError, PermanentSourceError, TransientSourceError
from monitor.ws_connect import CLOSE_S, MAX_MESSAGE_BYTES, Talk, _vetted, connected, tls_of
from monitor.ws_lines import TOKENS_PER_LINE, LinePace, Lines
from tests.desk import PATIENCE_S, until
from tests.venue_socket import VenueSocket, book, venue_socket

FAST = LinePace(ping_s=0.02, silence_s=5.0, first_wait_s=0.005, longest_wait_s=0.02)


@dataclass
class Ear:
    """Keeps what it hears; refuses what begins with `bad`."""

    messages: list[bytes] = field(default_factory=list)

    def __call__(self, message: bytes) -> None:
        self.messages.append(message)
        if message.startswith(b"bad"):
            raise ParseError("not JSON")


def lines_to(url: str, ear: Ear, pace: LinePace = FAST, **given: Any) -> Lines:
    options = {"allowed": {url.removeprefix("ws://").split("/")[0]}, "resolver": resolve} | given
    return Lines(
        "polymarket",
        lambda: connected(url, tls=None, user_agent="signal-monitor/test", **options),
        ear,
        random.Random(7),
        pace=pace,
    )


@asynccontextmanager
async def listening(
    venue: VenueSocket, *tokens: str, pace: LinePace = FAST
) -> AsyncIterator[tuple[Lines, Ear]]:
    ear = Ear()
    lines = lines_to(venue.url, ear, pace)
    try:
        await lines.follow(tokens)
        await until(lambda: venue.listening(*tokens))
        yield lines, ear
    finally:
        await lines.stop()


async def test_a_line_asks_for_its_tokens_and_hears_every_message() -> None:
    async with venue_socket() as venue, listening(venue, "2", "1") as (_, ear):
        await venue.say("NO NEW ASSETS", [book("1", "0.4", "0.5")], {"event_type": "x"})
        await until(lambda: b'{"event_type": "x"}' in ear.messages)

        agent = venue.open[0].request.headers["User-Agent"]  # type: ignore[union-attr]

    assert venue.requests()[0] == {
        "assets_ids": ["1", "2"],
        "type": "market",
        "custom_feature_enabled": True,
    }
    assert agent == "signal-monitor/test"
    assert next(m for m in ear.messages if m != b"PONG") == b"NO NEW ASSETS"


async def test_a_quiet_line_lives_by_its_pings() -> None:
    pace = LinePace(ping_s=0.04, silence_s=1.0)
    async with venue_socket() as venue, listening(venue, "1", pace=pace) as (_, ear):
        await until(lambda: ear.messages.count(b"PONG") >= 30)

    assert len(venue.heard) == 1
    assert venue.heard[0].count("PING") >= 30


async def test_a_line_that_falls_silent_is_dead_and_connects_anew() -> None:
    pace = LinePace(ping_s=0.01, silence_s=0.03, first_wait_s=0.005, longest_wait_s=0.01)
    async with venue_socket() as venue:
        venue.pongs = False
        with capture_logs() as said:
            async with listening(venue, "1", pace=pace):
                await until(lambda: len(venue.heard) >= 3)

    assert {line["error"] for line in said if line["event"] == "socket down, polling goes on"} == {
        "silent for 0.03 s"
    }
    assert venue.heard[0].count("PING") <= 3


async def test_a_line_that_is_cut_comes_back_and_asks_for_everything() -> None:
    async with venue_socket() as venue, listening(venue, "1") as (lines, _):
        await lines.follow(["1", "2"])
        await until(lambda: len(venue.requests()) == 2)
        await venue.drop()
        await until(lambda: len(venue.heard) == 2 and venue.listening("1", "2"))

    assert venue.requests()[1] == {
        "assets_ids": ["2"],
        "operation": "subscribe",
        "custom_feature_enabled": True,
    }


async def test_a_token_that_is_gone_ends_its_own_line_only() -> None:
    many = [f"{n:03}" for n in range(TOKENS_PER_LINE + 1)]
    async with venue_socket() as venue:
        lines = lines_to(venue.url, Ear())
        await lines.follow(many)
        await until(lambda: sum(map(len, venue.heard)) >= 2)

        await lines.follow(many[1:])
        await until(lambda: len(venue.heard) == 3 and bool(venue.heard[2]))
        await lines.stop()

    assert sorted(len(venue.requests(n)[0]["assets_ids"]) for n in range(2)) == [1, TOKENS_PER_LINE]
    assert venue.requests(2)[0]["assets_ids"] == many[1:TOKENS_PER_LINE]


async def test_a_token_that_comes_while_its_line_ends_is_asked_for_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ended(talk: Talk, message: str) -> None:
        raise TransientSourceError("closed")

    async with venue_socket() as venue, listening(venue, "1") as (lines, _):
        with monkeypatch.context() as patch:
            patch.setattr(Talk, "send", ended)
            await lines.follow(["1", "2"])
        await venue.drop()
        await until(lambda: venue.listening("1", "2"))


async def test_many_tokens_are_spread_over_lines() -> None:
    many = [f"{n:03}" for n in range(2 * TOKENS_PER_LINE + 50)]
    async with venue_socket() as venue:
        lines = lines_to(venue.url, Ear())
        await lines.follow(many)
        await until(lambda: len(venue.heard) == 3 and all(venue.heard))
        await lines.stop()

    asked = [venue.requests(n)[0]["assets_ids"] for n in range(3)]
    assert sorted(map(len, asked)) == [50, TOKENS_PER_LINE, TOKENS_PER_LINE]
    assert sorted(token for each in asked for token in each) == many
    assert TOKENS_PER_LINE <= 200


async def test_nothing_followed_is_no_line() -> None:
    async with venue_socket() as venue, listening(venue, "1") as (lines, _):
        await lines.follow([])
        await until(lambda: not venue.open)

        assert len(lines) == 0


async def test_a_message_above_the_cap_ends_the_line() -> None:
    async with venue_socket() as venue:
        with capture_logs() as said:
            async with listening(venue, "1") as (_, ear):
                await venue.say("x" * MAX_MESSAGE_BYTES, "x" * (MAX_MESSAGE_BYTES + 1))
                await until(lambda: len(venue.heard) == 2)

    assert max(map(len, ear.messages)) == MAX_MESSAGE_BYTES
    lost = [line["error"] for line in said if line["event"] == "socket down, polling goes on"]
    assert len(lost) == 1
    assert "1009" in lost[0]


async def test_what_cannot_be_read_is_told_once_and_ends_nothing() -> None:
    async with venue_socket() as venue:
        with capture_logs() as said:
            async with listening(venue, "1") as (_, ear):
                await venue.say("bad 1", "bad 2", "good")
                await until(lambda: b"good" in ear.messages)

    assert [line["event"] for line in said] == ["listening", "a message cannot be read"]
    assert len(venue.heard) == 1


async def test_a_bug_in_the_listener_ends_no_line_for_good() -> None:
    ear, broken = Ear(), iter([True, False])

    def hear(message: bytes) -> None:
        if message == b"go" and next(broken):
            raise ZeroDivisionError
        ear(message)

    async with venue_socket() as venue:
        with capture_logs() as said:
            lines = lines_to(venue.url, hear)  # type: ignore[arg-type]
            await lines.follow(["1"])
            for connections in (1, 2):
                await until(lambda n=connections: len(venue.heard) == n and bool(venue.heard[-1]))
                await venue.say("go")
            await until(lambda: b"go" in ear.messages)
            await lines.stop()

    assert [line["event"] for line in said if line["log_level"] == "error"] == ["socket broke"]


async def test_a_private_address_is_refused_unless_it_is_listed() -> None:
    asked: list[tuple[str, int]] = []

    async def at_home(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    async with venue_socket() as venue:
        url = venue.url.replace("127.0.0.1", "ws.example")
        with pytest.raises(PermanentSourceError, match=r'list "ws\.example:\d+" under http\.allow'):
            async with connected(url, tls=None, user_agent="x", allowed=(), resolver=at_home):
                pass
        listed = {url.removeprefix("ws://")}
        async with connected(url, tls=None, user_agent="x", allowed=listed, resolver=at_home):
            pass

    assert len(venue.heard) == 1
    assert {host for host, _ in asked} == {"ws.example"}


async def test_of_mixed_addresses_the_public_ones_are_dialled() -> None:
    async def mixed(host: str, port: int) -> Sequence[str]:
        return ["10.0.0.1", "1.1.1.1", "::1"]

    assert await _vetted("ws.example", 443, (), mixed) == ["1.1.1.1"]
    assert len(await _vetted("ws.example", 443, {"ws.example:443"}, mixed)) == 3


async def test_a_second_address_is_tried_when_the_first_is_dead() -> None:
    async def two(host: str, port: int) -> Sequence[str]:
        return ["::1", "127.0.0.1"]

    async with (
        venue_socket() as venue,
        connected(venue.url, tls=None, user_agent="x", allowed={venue.host}, resolver=two),
    ):
        await until(lambda: len(venue.open) == 1)


async def test_a_name_without_an_address_may_have_one_later() -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    for resolver, said in ((nowhere, "no such name"), (_nothing, "has no address")):
        with pytest.raises(TransientSourceError, match=said):
            async with connected(
                "ws://ws.example/a", tls=None, user_agent="x", allowed=(), resolver=resolver
            ):
                pass


async def _nothing(host: str, port: int) -> Sequence[str]:
    return []


@pytest.mark.parametrize(
    ("status", "headers", "error", "said"),
    [
        (302, {"Location": "/elsewhere"}, TransientSourceError, "cannot follow redirect"),
        (403, {}, PermanentSourceError, "HTTP 403, the upstream refuses us"),
        (429, {"Retry-After": "77"}, TransientSourceError, "HTTP 429"),
        (503, {}, TransientSourceError, "HTTP 503"),
    ],
)
async def test_a_handshake_that_is_refused_is_an_error_of_ours(
    status: int, headers: dict[str, str], error: type[Exception], said: str
) -> None:
    asked = []

    def refuse(connection: ServerConnection, request: Request) -> Response:
        asked.append(request.path)
        answer = connection.respond(HTTPStatus(status), "")
        answer.headers.update(headers)
        return answer

    async with venue_socket(process_request=refuse) as venue:
        with pytest.raises(error, match=said) as caught:
            async with connected(
                f"{venue.url}/ws?key=secret", tls=None, user_agent="x", allowed={venue.host}
            ):
                pass

    assert asked == ["/ws?key=secret"]
    assert "secret" not in str(caught.value)
    assert getattr(caught.value, "retry_after_s", None) == (77.0 if status == 429 else None)


async def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("all_proxy", "http_proxy", "https_proxy", "ws_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with venue_socket() as venue, listening(venue, "1"):
        pass


def test_certificates_are_checked() -> None:
    tls = tls_of("wss://ws.example/")

    assert tls is not None
    assert tls.check_hostname
    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert tls_of("ws://ws.example/") is None


@pytest.mark.parametrize(
    ("failures", "problem", "least", "most"),
    [
        (1, TransientSourceError("x"), 0.25, 0.5),
        (2, TransientSourceError("x"), 0.5, 1.0),
        (9, ZeroDivisionError(), 15.0, 30.0),
        (10_000, TransientSourceError("x"), 15.0, 30.0),
        (1, TransientSourceError("x", retry_after_s=77), 77.0, 77.0),
        (1, PermanentSourceError("x"), 600.0, 600.0),
        (1, PermanentSourceError("x", pause_s=21_600), 21_600.0, 21_600.0),
    ],
)
def test_each_failure_in_a_row_doubles_the_wait(
    failures: int, problem: Exception, least: float, most: float
) -> None:
    lines = lines_to("ws://127.0.0.1:9", Ear(), LinePace())

    waits = [lines._wait_s(failures, problem) for _ in range(50)]

    assert least <= min(waits)
    assert max(waits) <= most
    assert len(set(waits)) > 1 or least == most


async def test_a_failure_that_repeats_is_told_once() -> None:
    with capture_logs() as said:
        lines = lines_to("ws://ws.example:1", Ear(), resolver=_nothing)
        await lines.follow(["1"])
        await until(lambda: bool(said))
        await asyncio.wait_for(lines.stop(), PATIENCE_S)

    assert [line["event"] for line in said] == ["socket down, polling goes on"]


async def test_a_host_that_never_answers_does_not_delay_the_stop() -> None:
    reached = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        lines = lines_to(f"ws://127.0.0.1:{port}", Ear())
        await lines.follow(["1"])
        await asyncio.wait_for(reached.wait(), PATIENCE_S)
        began = time.monotonic()

        await lines.stop()

    assert time.monotonic() - began < CLOSE_S
