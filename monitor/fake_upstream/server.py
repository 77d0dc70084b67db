"""The fake upstream as a server on loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from monitor.fake_upstream.arena import arena_routes
from monitor.fake_upstream.arena_site import arena_site_routes
from monitor.fake_upstream.clob import clob_routes
from monitor.fake_upstream.control import control_routes
from monitor.fake_upstream.data_api import data_routes
from monitor.fake_upstream.faults import Faults
from monitor.fake_upstream.feeds import feed_routes
from monitor.fake_upstream.gamma import gamma_routes
from monitor.fake_upstream.gdelt import gdelt_routes
from monitor.fake_upstream.hackernews import hackernews_routes
from monitor.fake_upstream.huggingface import huggingface_routes
from monitor.fake_upstream.kalshi import kalshi_routes
from monitor.fake_upstream.manifold import manifold_routes
from monitor.fake_upstream.misbehaving import Misbehaving, RequestSeen
from monitor.fake_upstream.news import news_routes
from monitor.fake_upstream.scenario import Scenario
from monitor.fake_upstream.world import World

_START_TIMEOUT_S = 10
_STOP_TIMEOUT_S = 5


class FakeUpstream:
    """Every source's upstream on 127.0.0.1, playing `scenario` at the time that `now` says.

    A context manager: inside it `url` answers below /gamma, /clob, /feed, /datasets and
    /_control. `faults` sets what goes wrong, `requests` lists what was asked.
    """

    def __init__(self, scenario: Scenario, now: Callable[[], datetime], *, port: int = 0) -> None:
        self.faults = Faults()
        self.requests: list[RequestSeen] = []
        self._world = World(scenario, now)
        self._port = port
        self._url = ""
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return `http://127.0.0.1:PORT`; the port is known once the server runs."""
        return self._url

    @property
    def scenario(self) -> Scenario:
        """Return the scenario with all patches so far."""
        return self._world.scenario

    def patch(self, changes: Mapping[str, object]) -> None:
        """Add prices, items or board rows at run time, all or none.

        Raises ConfigError with every problem.
        """
        self._world.patch(changes)

    def pin(self, instant: datetime | None) -> None:
        """Hold the virtual time at `instant`; None follows the clock again."""
        self._world.pin(instant)

    def __enter__(self) -> Self:
        listening = _listen(self._port)
        self._url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self._server = _Server(self._app)
        self._thread = threading.Thread(
            target=self._server.run, args=([listening],), name="fake-upstream", daemon=True
        )
        self._thread.start()
        if not self._server.ready.wait(_START_TIMEOUT_S):
            raise RuntimeError(f"the fake upstream did not start within {_START_TIMEOUT_S} s")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join(_STOP_TIMEOUT_S)

    def _app(
        self, transports: dict[tuple[str, int], asyncio.Transport], stopping: asyncio.Event
    ) -> Misbehaving:
        world = self._world
        routes = [
            *gamma_routes(world),
            *clob_routes(world),
            *data_routes(world),
            *kalshi_routes(world),
            *feed_routes(world),
            *news_routes(world),
            *hackernews_routes(world),
            *gdelt_routes(world),
            *huggingface_routes(world),
            *arena_routes(world),
            *arena_site_routes(world),
            *manifold_routes(world),
            *control_routes(world, self.faults, self.requests),
        ]
        return Misbehaving(
            Starlette(routes=routes),
            self.faults,
            now=world.now,
            seen=self.requests,
            transports=transports,
            stopping=stopping,
        )


def _listen(port: int) -> socket.socket:
    """Return a listening socket on loopback.

    The protocol is named so that asyncio sees TCP and switches Nagle's algorithm off, which
    would hold every second answer on a connection back for 40 ms.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


AppMaker = Callable[[dict[tuple[str, int], asyncio.Transport], asyncio.Event], Misbehaving]


class _Server(uvicorn.Server):
    """Uvicorn that says when it is ready and wakes hanging answers when it stops."""

    def __init__(self, make_app: AppMaker) -> None:
        transports: dict[tuple[str, int], asyncio.Transport] = {}
        self.ready = threading.Event()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        super().__init__(
            uvicorn.Config(
                make_app(transports, self._stopping),
                http=_remembering(transports),
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                date_header=False,  # the virtual time is written instead
                timeout_graceful_shutdown=1,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then let the starting thread go on."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()

    def stop(self) -> None:
        """End the server from another thread."""
        self.should_exit = True
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._stopping.set)


def _remembering(transports: dict[tuple[str, int], asyncio.Transport]) -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol, noting each connection by the client's address.

    A reset and a cut body need the connection itself, which ASGI does not hand over.
    """

    class Remembering(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            transports[transport.get_extra_info("peername")] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            transports.pop(self.transport.get_extra_info("peername"), None)
            super().connection_lost(exc)

    return Remembering
