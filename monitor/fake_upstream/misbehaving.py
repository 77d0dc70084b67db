"""The layer round the app that records every request and plays the faults."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import parse_qsl

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.fake_upstream.faults import Fault, Faults

_PIECES = 20
_PAGE = "<!doctype html><html><head><title>Just a moment...</title></head><body>Wait.</body></html>"
_ROUTES = (
    (re.compile(r"/gamma/events/keyset"), "gamma:keyset"),
    (re.compile(r"/gamma/events/.+"), "gamma:event"),
    (re.compile(r"/gamma/markets/keyset"), "gamma:markets"),
    (re.compile(r"/gamma/markets/.+"), "gamma:market"),
    (re.compile(r"/gamma/public-search"), "gamma:search"),
    (re.compile(r"/clob/books"), "clob:books"),
    (re.compile(r"/clob/book"), "clob:book"),
    (re.compile(r"/clob/prices-history"), "clob:history"),
    (re.compile(r"/clob/markets/.+"), "clob:market"),
    (re.compile(r"/data/v2/prices-history"), "data:history"),
    (re.compile(r"/data/v2/(trades|resolutions)"), r"data:\1"),
    (re.compile(r"/data/trades"), "data:trades-v1"),
    (re.compile(r"/kalshi/(?:historical|exchange)/(cutoff|status)"), r"kalshi:\1"),
    (re.compile(r"/kalshi/historical/.+"), "kalshi:historical"),
    (re.compile(r"/kalshi/(events|markets)"), r"kalshi:\1"),
    (re.compile(r"/kalshi/markets/(orderbooks|trades)"), r"kalshi:\1"),
    (re.compile(r"/kalshi/.+/(orderbook|candlesticks)"), r"kalshi:\1"),
    (re.compile(r"/kalshi/(event|market)s/.+"), r"kalshi:\1"),
    (re.compile(r"/feed/([^/]+)"), r"feed:\1"),
    (re.compile(r"/datasets/filter"), "datasets:filter"),
    (re.compile(r"/manifold/v0/search-markets"), "manifold:search"),
    (re.compile(r"/manifold/v0/(?:market-probs|market/[^/]+/prob)"), "manifold:probs"),
    (re.compile(r"/manifold/v0/(?:market|slug)/[^/]+"), "manifold:market"),
    (re.compile(r"/manifold/v0/bets"), "manifold:bets"),
    (re.compile(r"/news/rss/.+"), "news:search"),
    (re.compile(r"/reddit/r/([^/]+)/.+"), r"reddit:\1"),
    (re.compile(r"/reddit/search.rss"), "reddit:search"),
    (re.compile(r"/arxiv/api/query"), "arxiv:query"),
    (re.compile(r"/github/([^/]+(?:/[^/]+)?)(?:/(?:releases|tags))?\.atom"), r"github:\1"),
    (re.compile(r"/hn/api/v1/search_by_date"), "hn:search"),
    (re.compile(r"/gdelt/lastupdate.*\.txt"), "gdelt:lastupdate"),
    (re.compile(r"/gdelt/.+\.gkg\.csv\.zip"), "gdelt:gkg"),
    (re.compile(r"/gdelt/api/v2/doc/doc"), "gdelt:doc"),
    (re.compile(r"/hf/api/models"), "hf:models"),
    (re.compile(r"/hf/api/daily_papers"), "hf:papers"),
    (re.compile(r"/arena/leaderboard/.+"), "arena:page"),
    (re.compile(r"/arena-daily/.+"), "arena:daily"),
    (re.compile(r"/arena-roster/.+"), "arena:roster"),
)


@dataclass(frozen=True, slots=True)
class RequestSeen:
    """One request, noted before its answer leaves. `at` is virtual; `status` None: no answer.

    `query` holds the last value of each key, `headers` lower-case names.
    """

    at: datetime
    route: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int | None


def route_name(path: str) -> str:
    """Return the name that faults use for `path`, `other` when no source is behind it."""
    for pattern, name in _ROUTES:
        match = pattern.fullmatch(path)
        if match:
            return match.expand(name)
    return "other"


class Misbehaving:
    """An ASGI app that serves `app`, or the fault that is set for the route."""

    def __init__(
        self,
        app: ASGIApp,
        faults: Faults,
        *,
        now: Callable[[], datetime],
        seen: list[RequestSeen],
        transports: dict[tuple[str, int], asyncio.Transport],
        stopping: asyncio.Event,
    ) -> None:
        self._app = app
        self._faults = faults
        self._now = now
        self._seen = seen
        self._transports = transports
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; control requests are neither recorded nor disturbed."""
        if scope["type"] != "http" or scope["path"].startswith("/_control/"):
            await self._app(scope, receive, send)
            return
        at, route = self._now(), route_name(scope["path"])
        fault = self._faults.take(route)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":  # before the client can look
                self._seen.append(_seen(scope, route, at, message["status"]))
                date = format_datetime(at, usegmt=True).encode()
                message["headers"] = [*message.get("headers", []), (b"date", date)]
            await send(message)

        if fault is None:
            await self._app(scope, receive, noting)
        elif fault.name in ("hang", "reset"):
            self._seen.append(_seen(scope, route, at, None))
            await self._never_answer(fault, scope, receive)
        else:
            await self._misbehave(fault, scope, receive, noting)

    async def _never_answer(self, fault: Fault, scope: Scope, receive: Receive) -> None:
        transport = self._transports[tuple(scope["client"])]
        if fault.name == "reset":
            _reset(transport)
            return
        await _first(self._stopping.wait(), _disconnected(receive))
        transport.abort()

    async def _misbehave(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.name not in ("truncate", "slow"):
            await _wrong_answer(fault)(scope, receive, send)
            return
        start, body = await _true_answer(self._app, scope, receive)
        await send(start)
        if fault.name == "slow":
            await self._drip(body, fault.delay_s, send)
            return
        half = body[: len(body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        self._transports[tuple(scope["client"])].close()

    async def _drip(self, body: bytes, delay_s: float, send: Send) -> None:
        step = max(1, -(-len(body) // _PIECES))
        for start in range(0, len(body), step):
            await _first(self._stopping.wait(), asyncio.sleep(delay_s))
            piece = body[start : start + step]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _wrong_answer(fault: Fault) -> Response:
    match fault.name:
        case "not_json":
            return Response(b'{"events": [oops', media_type="application/json")
        case "html":
            return HTMLResponse(_PAGE)
        case "bot_wall":
            return HTMLResponse(_PAGE, status_code=403, headers={"cf-mitigated": "challenge"})
        case "redirect":
            status = fault.status if 300 <= fault.status < 400 else 302
            return Response(status_code=status, headers={"Location": fault.location})
        case "gzip_bomb":
            return Response(_bomb(fault.size_bytes), headers={"Content-Encoding": "gzip"})
        case "invalid_payload":
            return JSONResponse({"error": "Invalid payload"}, status_code=400)
        case "empty":
            return Response(b"")
        case _:
            retry = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
            return JSONResponse({"error": "fault"}, status_code=fault.status, headers=retry)


def _bomb(size_bytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    block = bytes(1024 * 1024)
    whole, rest = divmod(size_bytes, len(block))
    parts = [packer.compress(block) for _ in range(whole)]
    return b"".join([*parts, packer.compress(block[:rest]), packer.flush()])


async def _true_answer(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    return messages[0], b"".join(message.get("body", b"") for message in messages[1:])


async def _first(*waits: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _reset(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _seen(scope: Scope, route: str, at: datetime, status: int | None) -> RequestSeen:
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return RequestSeen(
        at=at,
        route=route,
        method=scope["method"],
        path=scope["path"],
        query=dict(query),
        headers={key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]},
        status=status,
    )
