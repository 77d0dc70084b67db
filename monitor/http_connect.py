"""The transport that connects: resolves a name once, vets the answer, pins the address.

The pool stays keyed by name and TLS keeps the name in SNI and in the certificate check; only
the TCP connection goes to the vetted address, so a second DNS answer cannot redirect it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import cast

import httpcore
import httpx

from monitor.address import Resolver, host_port, public_only, refusal
from monitor.errors import PermanentSourceError

# To one host, as browsers have it; more only makes httpcore look at more of them.
MAX_CONNECTIONS = 6
KEEPALIVE_S = 30.0
MAX_ADDRESSES = 6

_HTTPX_ERROR: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
}


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections to public addresses and to the listed `host:port` only."""

    def __init__(self, resolver: Resolver, allowed: frozenset[str]) -> None:
        self._resolver = resolver
        self._allowed = allowed
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature httpcore calls
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a stream to the first vetted address that answers.

        Raises PermanentSourceError when no address of `host` is allowed.
        """
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in (await self._vetted(host, port))[:MAX_ADDRESSES]:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _vetted(self, host: str, port: int) -> list[str]:
        try:
            addresses = list(await self._resolver(host, port))
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} does not resolve: {error}") from error
        if host_port(host, port) in self._allowed:
            return addresses
        public = public_only(addresses)
        if addresses and not public:
            raise PermanentSourceError(
                f"refused to connect to {host}: it leads to {refusal(addresses[0])}; "
                f'list "{host_port(host, port)}" under http.allow_private_hosts if that is meant'
            )
        return public


class PooledTransport(httpx.AsyncBaseTransport):
    """httpcore's pools behind httpx's interface, because httpx takes no network backend.

    Each host has a pool of its own: httpcore looks at every connection and every waiting request
    of a pool for each request, so its cost grows with both, and a host that hangs would keep the
    others waiting. What is beyond MAX_CONNECTIONS to a host waits outside its pool.
    """

    def __init__(self, backend: httpcore.AsyncNetworkBackend, tls: ssl.SSLContext) -> None:
        self._backend, self._tls = backend, tls
        self._hosts: dict[tuple[bytes, bytes, int | None], _Host] = {}
        self._swept_at = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the head of the answer; its body streams from the connection."""
        core = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=cast("AsyncIterable[bytes]", request.stream),
            extensions=request.extensions,
        )
        await self._close_idle()
        host = self._host(request.url)
        await host.enter()
        try:
            with _as_httpx_errors():
                answer = await host.pool.handle_async_request(core)
        except BaseException:
            host.leave()
            raise
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(cast("AsyncIterable[bytes]", answer.stream), host),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        while self._hosts:
            await self._hosts.popitem()[1].pool.aclose()

    def _host(self, url: httpx.URL) -> _Host:
        key = (url.raw_scheme, url.raw_host, url.port)
        if key not in self._hosts:
            self._hosts[key] = _Host(self._new_pool())
        return self._hosts[key]

    def _new_pool(self) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_S,
            http1=True,
            http2=False,
            retries=0,
            network_backend=self._backend,
        )

    async def _close_idle(self) -> None:
        """Close the pools nobody has used for a while; a pool looks only when it is asked."""
        now = asyncio.get_running_loop().time()
        if now - self._swept_at < KEEPALIVE_S / 3:
            return
        self._swept_at = now
        idle = [key for key, host in self._hosts.items() if host.is_idle(now - KEEPALIVE_S)]
        for pool in [self._hosts.pop(key).pool for key in idle]:
            await pool.aclose()


class _Host:
    """The pool of one host and who uses it."""

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self.pool = pool
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._users = 0
        self._used_at = 0.0

    async def enter(self) -> None:
        self._users += 1
        try:
            await self._slots.acquire()
        except BaseException:
            self._users -= 1
            raise

    def leave(self) -> None:
        self._slots.release()
        self._users -= 1
        self._used_at = asyncio.get_running_loop().time()

    def is_idle(self, since: float) -> bool:
        return not self._users and self._used_at < since


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: AsyncIterable[bytes], host: _Host) -> None:
        self._stream = stream
        self._host: _Host | None = host

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx_errors():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        host, self._host = self._host, None
        try:
            close = getattr(self._stream, "aclose", None)
            if close is not None:
                await close()
        finally:
            if host is not None:
                host.leave()


@contextmanager
def _as_httpx_errors() -> Iterator[None]:
    try:
        yield
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        kind = _HTTPX_ERROR.get(type(error), httpx.TransportError)
        raise kind(str(error) or type(error).__name__) from error
    except httpcore.UnsupportedProtocol as error:
        raise httpx.UnsupportedProtocol(str(error)) from error
