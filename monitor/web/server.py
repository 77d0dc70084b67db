"""Health, metrics and feeds on loopback: /healthz (loops alive), /readyz (fresh data), /metrics,
/alerts/NAME.atom.

The Host header must name this machine, so that no page in a browser can read through DNS tricks.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from monitor.errors import ConfigError
from monitor.web.alert_feed import add_alert_feed

LOCAL_NAMES = {"127.0.0.1", "localhost", "::1"}


class Health(Protocol):
    """What the daemon tells of itself."""

    def late(self) -> list[str]:
        """Return loops that should have run by now, in words."""
        ...

    def jobs(self) -> list[dict[str, object]]:
        """Return each job with its last error."""
        ...

    async def sources(self) -> dict[str, str | None]:
        """Return each polled source with its last error, None when it works."""
        ...

    def metrics(self) -> bytes:
        """Return Prometheus' exposition format."""
        ...

    async def feed(self, name: str, *, url: str) -> tuple[bytes, datetime] | None:
        """Return the Atom document of a feed channel and its last change; None without one."""
        ...


class HealthServer:
    """Serves the daemon's health from inside its event loop."""

    def __init__(self, health: Health, *, listen: str) -> None:
        self._health, self._address = health, listen
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.url = ""

    async def start(self) -> None:
        """Listen. Raises ConfigError when the address is taken."""
        listener = _listen(self._address)
        host, port = listener.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        config = uvicorn.Config(
            self._routes(), log_level="warning", access_log=False, lifespan="off", ws="none"
        )
        self._server = uvicorn.Server(config)
        # The daemon owns the signals; uvicorn would take them over.
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[assignment,method-assign]
        self._task = asyncio.get_running_loop().create_task(self._server.serve([listener]))

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = self._server.force_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _routes(self) -> FastAPI:
        web = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

        @web.middleware("http")
        async def only_this_machine(request: Request, call_next: Any) -> Response:
            if _host_name(request.headers.get("host", "")) not in LOCAL_NAMES:
                return PlainTextResponse("421 this name is not served here\n", 421)
            answer: Response = await call_next(request)
            return answer

        @web.get("/healthz")
        async def healthz() -> JSONResponse:
            late = self._health.late()
            body = {
                "status": "stalled" if late else "ok",
                "late": late,
                "jobs": self._health.jobs(),
            }
            return JSONResponse(body, 503 if late else 200)

        @web.get("/readyz")
        async def readyz() -> JSONResponse:
            sources = await self._health.sources()
            fresh = sorted(name for name, error in sources.items() if error is None)
            sick = {name: error for name, error in sources.items() if error is not None}
            body = {"status": "ready" if fresh else "no source works", "fresh": fresh, "sick": sick}
            return JSONResponse(body, 200 if fresh else 503)

        @web.get("/metrics")
        async def metrics() -> Response:
            return Response(self._health.metrics(), media_type="text/plain; version=0.0.4")

        add_alert_feed(web, self._health)
        return web


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((bare, int(port)))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"web.listen: {address} cannot be used: {error.strerror}; "
            "name another port, or start with --no-web"
        ) from error
    listener.listen()
    return listener
