"""What a request costs: ours, bare httpx and aiohttp by turns against one server on loopback.

The server is a process of its own, so that only the client's CPU time is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median

import aiohttp
import httpx

from benchmarks.measure import Figure
from monitor.clock import SystemClock
from monitor.http_client import HttpClient

BODY = b"x" * 30_000
REQUESTS = 300
ROUNDS = 7
FEW, MANY = 10, 50
ABOVE_MS = 0.3
GROWTH = 1.5
SERVER = """
import asyncio
BODY = b"x" * 30_000
HEAD = b"HTTP/1.1 200 OK\\r\\nContent-Length: 30000\\r\\nETag: \\"a\\"\\r\\n\\r\\n"
async def serve(reader, writer):
    try:
        while True:
            await reader.readuntil(b"\\r\\n\\r\\n")
            writer.write(HEAD + BODY)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

Get = Callable[[], Awaitable[object]]


def figures(folder: Path) -> list[Figure]:
    """Return what our client adds to its transport, and how its cost grows with concurrency."""
    del folder
    with _server() as place:
        costs = asyncio.run(_costs(place))
    ours, bare = median(costs["ours", FEW]), median(costs["transport", FEW])
    above = median(a - b for a, b in zip(costs["ours", FEW], costs["transport", FEW], strict=True))
    growth = median(
        many / few for many, few in zip(costs["ours", MANY], costs["ours", FEW], strict=True)
    )
    shown = {name: median(costs[name, MANY]) for name in ("ours", "httpx", "aiohttp")}
    return [
        Figure(
            "http: ours above its transport, 10 at once",
            f"{ours:.2f} ms",
            f"{bare:.2f} ms",
            f"{above:.2f} ms",
            f"<= {ABOVE_MS} ms",
            above <= ABOVE_MS,
        ),
        Figure(
            "http: a request, 50 at once against 10",
            f"{shown['ours']:.2f} ms",
            f"{ours:.2f} ms",
            f"{growth:.2f}x",
            f"<= {GROWTH}x",
            growth <= GROWTH,
        ),
        *(_beside(name, at, costs) for name in ("httpx", "aiohttp") for at in (FEW, MANY)),
    ]


def _beside(name: str, at: int, costs: dict[tuple[str, int], list[float]]) -> Figure:
    ours, theirs = costs["ours", at], costs[name, at]
    ratio = median(b / a for a, b in zip(ours, theirs, strict=True))
    return Figure(
        f"http: a request, {at} at once, against {name}",
        f"{median(ours):.2f} ms",
        f"{median(theirs):.2f} ms",
        f"{ratio:.2f}x",
        "shown",
        True,
    )


async def _costs(place: str) -> dict[tuple[str, int], list[float]]:
    """Return CPU milliseconds a request, by client and concurrency, one for each round."""
    url = f"http://{place}/feed"
    costs: dict[tuple[str, int], list[float]] = {}
    async with contextlib.AsyncExitStack() as stack:
        gets = {
            "ours": await stack.enter_async_context(_ours(place, url)),
            "transport": await stack.enter_async_context(_transport(place, url)),
            "httpx": await stack.enter_async_context(_httpx(url)),
            "aiohttp": await stack.enter_async_context(_aiohttp(url)),
        }
        for get in gets.values():
            await _burst(get, MANY)
        for turn in range(ROUNDS):
            names = list(gets) if turn % 2 else list(reversed(gets))
            for at in (FEW, MANY):
                for name in names:
                    costs.setdefault((name, at), []).append(await _burst(gets[name], at))
    return costs


async def _burst(get: Get, at: int) -> float:
    """Return CPU milliseconds a request of REQUESTS, `at` of them at once."""
    left = iter(range(REQUESTS))

    async def worker() -> None:
        for _ in left:
            await get()

    before = time.process_time()
    await asyncio.gather(*(worker() for _ in range(at)))
    return (time.process_time() - before) / REQUESTS * 1000


@asynccontextmanager
async def _ours(place: str, url: str) -> AsyncIterator[Get]:
    async with _client(place) as http:
        yield lambda: http.session("bench").get(url, conditional=True)


@asynccontextmanager
async def _transport(place: str, url: str) -> AsyncIterator[Get]:
    """Our own transport asked directly: what is below everything we do for a request."""

    async def get() -> bytes:
        request = httpx.Request("GET", url, extensions={"timeout": httpx.Timeout(20).as_dict()})
        answer = await http.open(request)
        body = await answer.aread()
        await answer.aclose()
        return body

    async with _client(place) as http:
        yield get


@asynccontextmanager
async def _httpx(url: str) -> AsyncIterator[Get]:
    limits = httpx.Limits(max_connections=MANY, max_keepalive_connections=MANY)
    async with httpx.AsyncClient(limits=limits, trust_env=False) as client:
        yield lambda: client.get(url)


@asynccontextmanager
async def _aiohttp(url: str) -> AsyncIterator[Get]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=MANY)) as client:

        async def get() -> bytes:
            async with client.get(url) as answer:
                return await answer.read()

        yield get


def _client(place: str) -> HttpClient:
    return HttpClient(
        SystemClock(),
        contact="bench@example.org",
        deadline=timedelta(seconds=20),
        max_bytes=1 << 20,
        allow_private_hosts=frozenset({place}),
    )


@contextlib.contextmanager
def _server():  # type: ignore[no-untyped-def]
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
