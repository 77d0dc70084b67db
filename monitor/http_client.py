"""The network as sources and alerts see it: one bounded, polite, guarded client.

Bounded: one deadline over resolving, connecting, redirects, retries and the body, and a cap on
decompressed bytes. Guarded: every hop connects to public addresses only. Polite: an honest
User-Agent, conditional GET, spacing, Retry-After.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import cast

import httpx

from monitor import __version__
from monitor.address import Resolver, resolve
from monitor.clock import Clock
from monitor.errors import DeliveryError, PermanentSourceError, SourceError
from monitor.http_body import ACCEPT_ENCODING, read_body
from monitor.http_connect import GuardedBackend, PooledTransport
from monitor.http_response import Response
from monitor.http_session import ATTEMPTS, SourceSession
from monitor.http_status import safe_url

Sleep = Callable[[float], Awaitable[None]]
_MAX_RECEIPT = 64 * 1024
_NEVER_WRITTEN = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


class HttpClient:
    """Owns the connections. Use as an async context manager.

    `max_bytes` caps a decompressed body. `allow_private_hosts` lists `host:port` pairs that may
    lie on private addresses. `transport` replaces the network, guard included, in tests.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        contact: str,
        deadline: timedelta,
        max_bytes: int,
        allow_private_hosts: frozenset[str] = frozenset(),
        transport: httpx.AsyncBaseTransport | None = None,
        resolver: Resolver = resolve,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.clock = clock
        self.deadline = deadline
        self.max_bytes = max_bytes
        self.sleep = sleep
        self.allowed = frozenset(entry.strip().lower() for entry in allow_private_hosts)
        if transport is None:
            tls = httpx.create_ssl_context(trust_env=False)
            transport = PooledTransport(GuardedBackend(resolver, self.allowed), tls)
        self._transport = transport
        self._headers = {
            "user-agent": _user_agent(contact),
            "accept": "*/*",
            "accept-encoding": ACCEPT_ENCODING,
        }
        # httpx logs every full URL at INFO, and a URL may carry a token.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    def session(
        self,
        source: str,
        *,
        validators: Mapping[str, Mapping[str, str]] | None = None,
        spacing_s: float = 0.0,
        moved: Mapping[str, str] | None = None,
        attempts: int = ATTEMPTS,
    ) -> SourceSession:
        """Return the network for one poll of `source`.

        `validators` and `moved` are those stored after an earlier poll, by URL; `spacing_s` is
        the least time between two requests to one host. `attempts` 1 asks once, as a probe does.
        """
        return SourceSession(
            self,
            source,
            validators=validators or {},
            spacing_s=spacing_s,
            moved=moved or {},
            attempts=attempts,
        )

    def build(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None
    ) -> httpx.Request:
        """Return the request; PermanentSourceError when `url` is no http or https address."""
        try:
            parsed = httpx.URL(url)
            if parsed.scheme not in ("http", "https") or not parsed.host:
                raise PermanentSourceError(
                    f"{safe_url(url)}: only http and https addresses are read"
                )
            return httpx.Request(
                method,
                parsed,
                headers={**self._headers, **_login(parsed), **headers},
                content=content,
                extensions={"timeout": httpx.Timeout(self.deadline.total_seconds()).as_dict()},
            )
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise PermanentSourceError(f"{safe_url(url)}: not an address ({error})") from error

    async def open(self, request: httpx.Request) -> httpx.Response:
        """Return the head of the answer; the caller closes it. No redirect is followed."""
        # The transport and not a client: no cookies, no environment, and a Location header is
        # for the caller to judge.
        return await self._transport.handle_async_request(request)

    async def send(
        self,
        url: str,
        *,
        content: bytes,
        headers: Mapping[str, str],
        deadline: timedelta | None = None,
        method: str = "POST",
    ) -> Response:
        """Return the receiver's answer, whatever its status; never retried, never redirected.

        Raises DeliveryError: not recoverable when the address is refused or malformed,
        `maybe_sent` when the failure came after the request began to leave.
        """
        wrote = _Wrote()
        try:
            request = self.build(method, url, headers=headers, content=content)
            request.extensions["trace"] = wrote.note
            async with asyncio.timeout((deadline or self.deadline).total_seconds()):
                answer = await self.open(request)
        except PermanentSourceError as error:
            raise DeliveryError(str(error), recoverable=False) from error
        except (httpx.HTTPError, TimeoutError) as error:
            maybe = wrote.maybe(error)
            raise DeliveryError(
                f"{_origin(url)}: {_reason(error)}", recoverable=True, maybe_sent=maybe
            ) from error
        body = await self._receipt(answer, url, deadline or self.deadline)
        return Response(url, answer.status_code, _headers(answer), body)

    async def _receipt(self, answer: httpx.Response, url: str, deadline: timedelta) -> bytes:
        """Return the start of the answer's body; a bad body does not undo a delivery."""
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                return await read_body(
                    cast("AsyncIterable[bytes]", answer.stream),
                    codings=answer.headers.get_list("content-encoding", split_commas=True),
                    max_bytes=_MAX_RECEIPT,
                    what=_origin(url),
                )
        except (httpx.HTTPError, SourceError, TimeoutError):
            return b""
        finally:
            await answer.aclose()


class _Wrote:
    """Remembers whether a request began to leave, as httpcore's trace tells it."""

    def __init__(self) -> None:
        self._traced = self._began = False

    async def note(self, event: str, info: Mapping[str, object]) -> None:
        del info
        self._traced = True
        self._began = self._began or event.endswith("send_request_headers.started")

    def maybe(self, error: Exception) -> bool:
        if isinstance(error, _NEVER_WRITTEN):
            return False
        return self._began or not self._traced


def _user_agent(contact: str) -> str:
    plain = "".join(c for c in contact if c.isascii() and c.isprintable())
    return f"signal-monitor/{__version__} (+{plain})"


def _login(url: httpx.URL) -> dict[str, str]:
    """Return the Basic login that the address itself carries."""
    if not url.userinfo:
        return {}
    pair = f"{url.username}:{url.password}".encode()
    return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _origin(url: str) -> str:
    """Return scheme and host only: a receiver's path is often its secret."""
    return "/".join(safe_url(url).split("/")[:3])


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer before the deadline"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _headers(answer: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}
