from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import stamina

from monitor.clock import ManualClock
from monitor.errors import DeliveryError, PermanentSourceError, TransientSourceError
from monitor.http_client import HttpClient
from monitor.http_status import retry_after_s, safe_url

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
URL = "https://feed.example/rss"
Reply = Callable[[bytes], Awaitable[bytes | None]]


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def a_client(
    answer: Callable[[httpx.Request], httpx.Response] | None = None,
    *,
    deadline_s: float = 5.0,
    max_bytes: int = 1 << 20,
    allowed: frozenset[str] = frozenset(),
    resolver: Callable[[str, int], Awaitable[Sequence[str]]] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: ManualClock | None = None,
) -> HttpClient:
    extra = {} if resolver is None else {"resolver": resolver}
    return HttpClient(
        clock or ManualClock(NOW),
        contact="desk@example.org",
        deadline=timedelta(seconds=deadline_s),
        max_bytes=max_bytes,
        allow_private_hosts=allowed,
        transport=None if answer is None else httpx.MockTransport(answer),
        sleep=sleep,
        **extra,  # type: ignore[arg-type]
    )


@asynccontextmanager
async def a_server(
    reply: Callable[[bytes, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Yield `host:port` of a raw loopback server and the request heads it saw."""
    heads: list[bytes] = []
    tasks: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            heads.append(head)
            await reply(head, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}", heads
    finally:
        server.close()
        for task in tasks:
            if task is not None:
                task.cancel()
        await server.wait_closed()
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)


def says(
    body: bytes, *headers: str, status: str = "200 OK", length: int | None = None
) -> Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]:
    async def reply(head: bytes, writer: asyncio.StreamWriter) -> None:
        del head
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
        writer.write("\r\n".join([*lines, *headers, "Connection: close", "", ""]).encode() + body)

    return reply


async def test_requests_name_us_and_our_contact_and_carry_no_cookie() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, text="ok", headers={"set-cookie": "id=1"})

    async with a_client(answer) as http:
        session = http.session("feed")
        await session.get(URL)
        await session.get(URL)

    assert seen[1].headers["user-agent"] == "signal-monitor/0.1.0 (+desk@example.org)"
    assert seen[1].headers["accept-encoding"] == "gzip, deflate"
    assert "cookie" not in seen[1].headers
    assert session.requests == 2


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with (
        a_server(says(b"direct")) as (place, _),
        a_client(allowed=frozenset({place})) as http,
    ):
        response = await http.session("feed").get(f"http://{place}/")

    assert response is not None
    assert response.body == b"direct"


async def test_list_parameters_repeat_their_key_and_none_is_left_out() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200)

    async with a_client(answer) as http:
        await http.session("s").get(
            "https://a.example/x?v=1", params={"id": [1, 2], "closed": False, "cursor": None}
        )

    assert seen == ["https://a.example/x?v=1&id=1&id=2&closed=false"]


async def test_validators_are_sent_and_a_304_says_nothing_changed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["if-none-match"] == 'W/"a"'
        assert request.headers["if-modified-since"] == "Mon, 01 Jun 2026 10:00:00 GMT"
        return httpx.Response(304, headers={"etag": 'W/"a"'})

    stored = {URL: {"etag": 'W/"a"', "last_modified": "Mon, 01 Jun 2026 10:00:00 GMT"}}
    async with a_client(answer) as http:
        session = http.session("feed", validators=stored)
        response = await session.get(URL, conditional=True)

    assert response is None
    assert session.validators == stored


async def test_new_validators_wait_for_the_caller_to_store_them() -> None:
    stored: dict[str, dict[str, str]] = {}
    async with a_client(lambda _: httpx.Response(200, text="x", headers={"etag": '"b"'})) as http:
        session = http.session("feed", validators=stored)
        await session.get(URL, conditional=True)

    assert stored == {}
    assert session.validators[URL]["etag"] == '"b"'


async def test_an_unchanged_body_counts_as_unchanged_when_the_server_ignores_validators() -> None:
    async with a_client(lambda _: httpx.Response(200, text="same")) as http:
        first = http.session("feed")
        assert await first.get(URL, conditional=True) is not None

        second = http.session("feed", validators=first.validators)
        assert await second.get(URL, conditional=True) is None


async def test_expires_zero_makes_the_validators_void() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="x", headers={"etag": '"b"', "expires": "0"})

    async with a_client(answer) as http:
        session = http.session("feed")
        await session.get(URL, conditional=True)

    assert "etag" not in session.validators[URL]


async def test_a_304_nobody_asked_for_is_an_error() -> None:
    async with a_client(lambda _: httpx.Response(304)) as http:
        with pytest.raises(TransientSourceError, match="nothing was asked"):
            await http.session("feed").get(URL, conditional=True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 410, 418, 451])
async def test_a_refusal_is_permanent_and_asked_once(status: int) -> None:
    async with a_client(lambda _: httpx.Response(status)) as http:
        session = http.session("feed")
        with pytest.raises(PermanentSourceError) as caught:
            await session.get(URL)

    assert caught.value.status == status
    assert session.requests == 1


@pytest.mark.parametrize("status", [206, 408, 429, 500, 503, 511])
async def test_a_passing_failure_is_tried_three_times(status: int) -> None:
    async with a_client(lambda _: httpx.Response(status)) as http:
        session = http.session("feed")
        with pytest.raises(TransientSourceError):
            await session.get(URL)

    assert session.requests == 3


async def test_a_second_try_that_works_is_a_success() -> None:
    answers = iter([httpx.Response(503), httpx.Response(200, text="up")])
    async with a_client(lambda _: next(answers)) as http:
        response = await http.session("feed").get(URL)

    assert response is not None
    assert response.body == b"up"


async def test_a_read_only_post_is_retried_like_a_get() -> None:
    answers = iter([httpx.Response(500), httpx.Response(200, json=[1])])
    async with a_client(lambda _: next(answers)) as http:
        response = await http.session("s").post_json("https://clob.example/books", [{"a": 1}])

    assert response.json() == [1]


async def test_a_bot_wall_is_named_and_not_retried() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(403, headers={"cf-mitigated": "challenge"})

    async with a_client(answer) as http:
        with pytest.raises(PermanentSourceError, match="bot wall"):
            await http.session("feed").get(URL)


async def test_what_the_upstream_says_is_in_the_message_without_control_characters() -> None:
    async with a_client(lambda _: httpx.Response(400, text='{"error":\n"bad\x1b[31m id"}')) as http:
        with pytest.raises(PermanentSourceError) as caught:
            await http.session("s").get("https://u:p@api.example/x?key=s3cret")

    assert "bad" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "u:p" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("9" * 25, 86400.0),
        ("Mon, 01 Jun 2026 12:01:30 GMT", 90.0),
        ("Fri, 01 Jan 2099 00:00:00 GMT", 86400.0),
        ("Mon, 01 Jun 2026 11:00:00 GMT", None),
        ("-1", None),
        ("soon", None),
        ("1.5", None),
        ("٣", None),
        (None, None),
    ],
)
def test_retry_after_is_read_clamped_or_ignored(value: str | None, expected: float | None) -> None:
    assert retry_after_s(value, now=NOW) == expected


async def test_a_long_retry_after_is_handed_on_at_once() -> None:
    async with a_client(lambda _: httpx.Response(429, headers={"retry-after": "600"})) as http:
        session = http.session("feed")
        with pytest.raises(TransientSourceError) as caught:
            await session.get(URL)

    assert caught.value.retry_after_s == 600.0
    assert session.requests == 1


def redirects(chain: dict[str, tuple[int, str]]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path not in chain:
            return httpx.Response(200, text=request.url.path)
        status, location = chain[request.url.path]
        return httpx.Response(status, headers={"location": location})

    return answer


async def test_an_honest_permanent_chain_is_followed_and_reported() -> None:
    chain = {"/a": (301, "/b"), "/b": (308, "https://new.example/c"), "/c": (301, "d")}
    async with a_client(redirects(chain)) as http:
        session = http.session("feed")
        response = await session.get("https://old.example/a")

    assert response is not None
    assert response.url == "https://new.example/d"
    assert session.redirected_to == {"https://old.example/a": "https://new.example/d"}


async def test_one_temporary_hop_makes_the_whole_chain_temporary() -> None:
    async with a_client(redirects({"/a": (301, "/b"), "/b": (302, "/c")})) as http:
        session = http.session("feed")
        await session.get("https://old.example/a")

    assert session.redirected_to == {}


async def test_five_hops_are_followed_and_six_are_not() -> None:
    chain = {f"/{n}": (302, f"/{n + 1}") for n in range(6)}
    async with a_client(redirects(chain)) as http:
        assert await http.session("feed").get("https://a.example/1") is not None
        with pytest.raises(PermanentSourceError, match="more than 5 times"):
            await http.session("feed").get("https://a.example/0")


async def test_a_circle_is_cut() -> None:
    async with a_client(redirects({"/a": (302, "/b"), "/b": (302, "/a")})) as http:
        session = http.session("feed")
        with pytest.raises(PermanentSourceError, match="circle"):
            await session.get("https://a.example/a")

    assert session.requests == 2


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "gopher://a.example/",
        "data:text/plain,x",
        "http://user:pw@a.example/",
        "http://a.example:22/",
        "http://[::1",
    ],
)
async def test_a_redirect_off_the_web_is_refused(location: str) -> None:
    async with a_client(redirects({"/a": (302, location)})) as http:
        session = http.session("feed")
        with pytest.raises(PermanentSourceError):
            await session.get("https://a.example/a")

    assert session.requests == 1


@pytest.mark.parametrize("url", ["ftp://a.example/x", "rss", "http:///x", "file:///etc/passwd"])
async def test_only_web_addresses_are_read(url: str) -> None:
    async with a_client(lambda _: httpx.Response(200)) as http:
        with pytest.raises(PermanentSourceError):
            await http.session("feed").get(url)


async def test_loopback_is_refused_unless_listed() -> None:
    async with a_server(says(b"hi")) as (place, heads):
        async with a_client() as http:
            with pytest.raises(PermanentSourceError, match="allow_private_hosts"):
                await http.session("feed").get(f"http://{place}/")
        assert heads == []

        async with a_client(allowed=frozenset({place})) as http:
            response = await http.session("feed").get(f"http://{place}/")

    assert response is not None
    assert response.body == b"hi"


async def test_a_redirect_into_loopback_never_connects() -> None:
    async with a_server(says(b"secret")) as (inner, inner_heads):
        port = inner.rpartition(":")[2]
        for spelling in (f"127.0.0.1:{port}", f"2130706433:{port}", f"0x7f.1:{port}"):
            hop = says(b"", f"Location: http://{spelling}/", status="302 Found")
            async with a_server(hop) as (outer, _), a_client(allowed=frozenset({outer})) as http:
                with pytest.raises(PermanentSourceError):
                    await http.session("feed").get(f"http://{outer}/")

    assert inner_heads == []


async def test_a_name_is_resolved_once_and_the_vetted_address_is_used() -> None:
    asked: list[str] = []

    async def resolver(host: str, port: int) -> Sequence[str]:
        del port
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    async with a_server(says(b"hi")) as (place, heads):
        port = place.rpartition(":")[2]
        named = frozenset({f"names.example:{port}"})
        async with a_client(allowed=named, resolver=resolver) as http:
            await http.session("feed").get(f"http://names.example:{port}/")

    assert asked == ["names.example"]
    assert f"host: names.example:{port}".encode() in heads[0].lower()


@pytest.mark.parametrize("answers", [["10.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]])
async def test_a_name_that_leads_inside_is_refused(answers: list[str]) -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        del host, port
        return answers

    async with a_client(resolver=resolver) as http:
        session = http.session("feed")
        with pytest.raises(PermanentSourceError, match="not a public address"):
            await session.get("http://rebind.example/")

    assert session.requests == 1


async def test_a_name_that_does_not_resolve_is_a_passing_failure() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    async with a_client(resolver=resolver) as http:
        with pytest.raises(TransientSourceError, match="does not resolve"):
            await http.session("feed").get("http://gone.example/")


async def test_a_slow_resolver_is_cut_at_the_deadline() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        del host, port
        await asyncio.Event().wait()
        return []

    async with a_client(resolver=resolver, deadline_s=0.1) as http:
        with pytest.raises(TransientSourceError, match=r"within 0\.1 s"):
            await http.session("feed").get("http://slow.example/")


async def fetch(place: str, **settings: object) -> bytes:
    async with a_client(allowed=frozenset({place}), **settings) as http:  # type: ignore[arg-type]
        response = await http.session("feed").get(f"http://{place}/")
        assert response is not None
        return response.body


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"hello " * 50_000)),
        ("gzip", gzip.compress(b"hello " * 25_000) + gzip.compress(b"hello " * 25_000)),
        ("gzip", gzip.compress(b"hello " * 50_000) + b"\0" * 100),
        ("deflate", zlib.compress(b"hello " * 50_000)),
        ("deflate", zlib.compress(b"hello " * 50_000, wbits=-15)),
        ("identity", b"hello " * 50_000),
    ],
)
async def test_asked_for_codings_are_undone(coding: str, body: bytes) -> None:
    async with a_server(says(body, f"Content-Encoding: {coding}")) as (place, _):
        assert await fetch(place) == b"hello " * 50_000


async def test_a_gzip_bomb_is_cut_at_the_cap_with_flat_memory() -> None:
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    bomb = b"".join([*(packer.compress(zeros) for _ in range(200)), packer.flush()])
    async with a_server(says(bomb, "Content-Encoding: gzip")) as (place, _):
        tracemalloc.start()
        try:
            with pytest.raises(PermanentSourceError, match="larger than 1048576 bytes"):
                await fetch(place, max_bytes=1 << 20)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak < 8 << 20


async def test_a_body_longer_than_the_cap_is_refused_before_it_is_all_read() -> None:
    async def endless(head: bytes, writer: asyncio.StreamWriter) -> None:
        del head
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1000\r\n" + bytes(0x1000) + b"\r\n")
            await writer.drain()

    async with a_server(endless) as (place, _):
        with pytest.raises(PermanentSourceError, match="larger than"):
            await fetch(place, max_bytes=100_000)


BROKEN = {
    "truncated gzip": ("gzip", gzip.compress(b"hello " * 1000)[:-12]),
    "bad checksum": ("gzip", gzip.compress(b"hello " * 1000)[:-8] + bytes(8)),
    "plain text labelled gzip": ("gzip", b"hello"),
    "gzip and then garbage": ("gzip", gzip.compress(b"hello") + b"garbage"),
    "truncated deflate": ("deflate", zlib.compress(b"hello " * 1000)[:-6]),
}


@pytest.mark.parametrize(("coding", "body"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_compressed_body_is_an_error(coding: str, body: bytes) -> None:
    async with a_server(says(body, f"Content-Encoding: {coding}")) as (place, _):
        with pytest.raises(TransientSourceError):
            await fetch(place)


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "zstd", "x-unknown"])
async def test_codings_nobody_asked_for_are_refused(coding: str) -> None:
    async with a_server(says(gzip.compress(b"x"), f"Content-Encoding: {coding}")) as (place, _):
        with pytest.raises(PermanentSourceError, match="was asked"):
            await fetch(place)


async def test_a_short_body_is_an_error() -> None:
    async with a_server(says(b"half", length=8)) as (place, _):
        with pytest.raises(TransientSourceError):
            await fetch(place)


async def test_a_slow_drip_is_cut_at_the_deadline() -> None:
    async def drip(head: bytes, writer: asyncio.StreamWriter) -> None:
        del head
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with a_server(drip) as (place, _):
        started = asyncio.get_running_loop().time()
        with pytest.raises(TransientSourceError, match=r"within 0\.2 s"):
            await fetch(place, deadline_s=0.2)

    assert asyncio.get_running_loop().time() - started < 1.0


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/9.9 xx\r\n\r\n"])
async def test_a_peer_that_does_not_speak_http_is_a_passing_failure(reply: bytes) -> None:
    async def garbage(head: bytes, writer: asyncio.StreamWriter) -> None:
        del head
        writer.write(reply)

    async with a_server(garbage) as (place, _):
        with pytest.raises(TransientSourceError):
            await fetch(place)


async def test_requests_to_one_host_keep_their_distance() -> None:
    clock = ManualClock(NOW)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(timedelta(seconds=seconds))

    async with a_client(lambda _: httpx.Response(200), sleep=sleep, clock=clock) as http:
        session = http.session("feed", spacing_s=1.0)
        for url in ("https://a.example/1", "https://b.example/1", "https://a.example/2"):
            await session.get(url)

    assert slept == [1.0]


async def test_a_delivery_returns_whatever_the_receiver_answers_once() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(503, text="busy", headers={"retry-after": "7"})

    async with a_client(answer) as http:
        response = await http.send("https://hook.example/x", content=b"{}", headers={"x-k": "1"})

    assert (response.status, response.body, len(seen)) == (503, b"busy", 1)
    assert response.headers["retry-after"] == "7"
    assert (seen[0].method, seen[0].content, seen[0].headers["x-k"]) == ("POST", b"{}", "1")


async def test_a_delivery_is_never_redirected() -> None:
    async with a_client(redirects({"/a": (307, "https://evil.example/")})) as http:
        response = await http.send("https://hook.example/a", content=b"", headers={})

    assert response.status == 307


async def test_a_delivery_that_could_not_connect_was_not_sent() -> None:
    async with a_server(says(b"")) as (place, _):
        pass
    async with a_client(allowed=frozenset({place})) as http:
        with pytest.raises(DeliveryError) as caught:
            await http.send(f"http://{place}/", content=b"x", headers={})

    assert (caught.value.recoverable, caught.value.maybe_sent) == (True, False)


@pytest.mark.parametrize("cut", ["reset", "silence"])
async def test_a_delivery_without_an_answer_may_have_been_sent(cut: str) -> None:
    async def reply(head: bytes, writer: asyncio.StreamWriter) -> None:
        del head, writer
        if cut == "silence":
            await asyncio.Event().wait()

    async with a_server(reply) as (place, _), a_client(allowed=frozenset({place})) as http:
        with pytest.raises(DeliveryError) as caught:
            await http.send(
                f"http://{place}/", content=b"x", headers={}, deadline=timedelta(seconds=0.2)
            )

    assert (caught.value.recoverable, caught.value.maybe_sent) == (True, True)


async def test_a_delivery_cut_while_resolving_was_not_sent() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        del host, port
        await asyncio.Event().wait()
        return []

    async with a_client(resolver=resolver, deadline_s=0.1) as http:
        with pytest.raises(DeliveryError) as caught:
            await http.send("http://hook.example/", content=b"x", headers={})

    assert caught.value.maybe_sent is False


async def test_a_delivery_to_a_refused_address_is_not_tried_again() -> None:
    async with a_server(says(b"")) as (place, heads), a_client() as http:
        with pytest.raises(DeliveryError) as caught:
            await http.send(f"http://{place}/secret-path", content=b"x", headers={})

    assert (caught.value.recoverable, caught.value.maybe_sent, heads) == (False, False, [])


async def test_a_broken_receipt_does_not_undo_a_delivery() -> None:
    async with (
        a_server(says(b"not gzip", "Content-Encoding: gzip")) as (place, _),
        a_client(allowed=frozenset({place})) as http,
    ):
        response = await http.send(f"http://{place}/", content=b"x", headers={})

    assert (response.status, response.body) == (200, b"")


def test_messages_name_an_address_without_its_secrets() -> None:
    assert safe_url("https://u:p@a.example/x?key=1&b=2#f") == "https://a.example/x?key&b"
    assert safe_url("https://[::1") == "an address that is not a URL"


async def test_a_login_in_the_address_is_sent_as_basic_and_not_shown() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Basic dTpw"
        return httpx.Response(404)

    async with a_client(answer) as http:
        with pytest.raises(PermanentSourceError) as caught:
            await http.session("feed").get("https://u:p@feed.example/rss")

    assert "u:p" not in str(caught.value)


async def test_a_refused_address_leaves_no_connection_behind() -> None:
    async with a_server(says(b"hi")) as (place, _), a_client(allowed=frozenset({place})) as http:
        for _ in range(15):
            with pytest.raises(PermanentSourceError):
                await http.session("feed").get("http://127.0.0.2:8080/")

        assert await http.session("feed").get(f"http://{place}/") is not None
