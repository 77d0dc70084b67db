"""Hosts do not keep each other waiting, and connections nobody uses are closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpcore
import httpx
import pytest

from monitor.address import resolve
from monitor.http_connect import MAX_CONNECTIONS, GuardedBackend, PooledTransport
from tests.desk import until


@dataclass
class Server:
    """A server on loopback that answers once `go` is set."""

    url: str = ""
    go: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0
    most: int = 0
    open: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.waiting += 1
                self.most = max(self.most, self.waiting)
                await self.go.wait()
                self.waiting -= 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def a_server() -> AsyncIterator[Server]:
    served = Server()
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield served
    finally:
        server.close()
        served.go.set()


@asynccontextmanager
async def a_transport(*servers: Server) -> AsyncIterator[PooledTransport]:
    allowed = frozenset(server.url.removeprefix("http://").rstrip("/") for server in servers)
    tls = httpcore.default_ssl_context()
    transport = PooledTransport(GuardedBackend(resolve, allowed), tls)
    try:
        yield transport
    finally:
        await transport.aclose()


async def get(transport: PooledTransport, server: Server) -> bytes:
    answer = await transport.handle_async_request(httpx.Request("GET", server.url))
    try:
        return await answer.aread()
    finally:
        await answer.aclose()


async def test_a_host_that_hangs_keeps_no_other_waiting() -> None:
    async with a_server() as hanging, a_server() as up, a_transport(hanging, up) as transport:
        up.go.set()
        stuck = [asyncio.create_task(get(transport, hanging)) for _ in range(30)]
        await until(lambda: hanging.waiting == MAX_CONNECTIONS)

        assert await asyncio.wait_for(get(transport, up), 5) == b"ok"

        hanging.go.set()
        assert await asyncio.gather(*stuck) == [b"ok"] * 30
        assert hanging.most == MAX_CONNECTIONS


async def test_requests_that_are_given_up_leave_their_place_to_others() -> None:
    async with a_server() as server, a_transport(server) as transport:
        stuck = [asyncio.create_task(get(transport, server)) for _ in range(3 * MAX_CONNECTIONS)]
        await until(lambda: server.waiting == MAX_CONNECTIONS)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)

        server.go.set()
        many = [get(transport, server) for _ in range(2 * MAX_CONNECTIONS)]
        assert await asyncio.wait_for(asyncio.gather(*many), 5) == [b"ok"] * 2 * MAX_CONNECTIONS


async def test_connections_of_a_host_nobody_asks_any_more_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_server() as once, a_server() as up, a_transport(once, up) as transport:
        once.go.set()
        up.go.set()
        await get(transport, once)
        await get(transport, up)
        assert (once.open, up.open) == (1, 1)

        loop = asyncio.get_running_loop()
        now = loop.time()
        with monkeypatch.context() as later:
            later.setattr(loop, "time", lambda: now + 31)
            await get(transport, up)
        await until(lambda: once.open == 0)


async def test_a_host_that_cannot_be_reached_keeps_no_place() -> None:
    async with a_server() as gone:
        pass
    async with a_transport(gone) as transport:
        for _ in range(3 * MAX_CONNECTIONS):
            with pytest.raises(httpx.ConnectError):
                await asyncio.wait_for(get(transport, gone), 5)
