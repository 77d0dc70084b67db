"""A WebSocket to a vetted address: no proxy, no redirect, bounded messages, errors of ours.

The package `websockets` is optional and imported only here, when a connection is made.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from monitor.address import Resolver, host_port, public_only, refusal, resolve
from monitor.errors import PermanentSourceError, TransientSourceError
from monitor.http_status import failure, safe_url

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

MAX_MESSAGE_BYTES = 1 << 20
OPEN_S = 10.0
CLOSE_S = 1.0
_DIAL_S = 4.0
_MAX_ADDRESSES = 6
_PORTS = {"ws": 80, "wss": 443}


class Talk:
    """An open connection. Both methods raise TransientSourceError once it has ended."""

    def __init__(self, connection: ClientConnection, url: str) -> None:
        self._connection, self._url = connection, url

    async def send(self, message: str) -> None:
        """Send one text message."""
        with _as_source_errors(self._url):
            await self._connection.send(message)

    async def recv(self) -> bytes:
        """Return the next message, text as UTF-8; it may be cancelled without losing one."""
        with _as_source_errors(self._url):
            return await self._connection.recv(decode=False)


def is_installed() -> bool:
    """Return whether the package `websockets` is there, recent enough for `connected`."""
    return find_spec("websockets") is not None and find_spec("websockets.asyncio") is not None


def tls_of(url: str) -> ssl.SSLContext | None:
    """Return what checks the certificate of `url`, as polls check theirs; None for ws."""
    return httpx.create_ssl_context(trust_env=False) if urlsplit(url).scheme == "wss" else None


@asynccontextmanager
async def connected(
    url: str,
    *,
    tls: ssl.SSLContext | None,
    user_agent: str,
    allowed: Collection[str],
    resolver: Resolver = resolve,
) -> AsyncIterator[Talk]:
    """Yield a connection to `url`; `allowed` lists `host:port` that may lie on private addresses.

    Raises TransientSourceError, and PermanentSourceError when no address of the host is allowed
    or the host refuses us.
    """
    from websockets.asyncio.client import connect

    with _as_source_errors(url), await _dial(url, allowed, resolver) as dialled:
        # From a socket that is already connected the library follows no redirect.
        async with connect(
            url,
            sock=dialled,
            ssl=tls,
            proxy=None,
            compression=None,
            max_size=MAX_MESSAGE_BYTES,
            ping_interval=None,
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            user_agent_header=user_agent,
        ) as connection:
            yield Talk(connection, url)


@contextmanager
def _as_source_errors(url: str) -> Iterator[None]:
    from websockets.exceptions import InvalidStatus, WebSocketException

    try:
        yield
    except InvalidStatus as error:
        answer, now = error.response, datetime.now(UTC)
        headers = {name.lower(): value for name, value in answer.headers.raw_items()}
        raise failure(
            answer.status_code, headers, url=url, now=now, body=bytes(answer.body)
        ) from error
    except (OSError, EOFError, ValueError, WebSocketException) as error:
        said = str(error) or type(error).__name__
        raise TransientSourceError(f"{safe_url(url)}: {said}") from error


async def _dial(url: str, allowed: Collection[str], resolver: Resolver) -> socket.socket:
    """Return a socket connected to the first vetted address that answers."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    problem: OSError = OSError(f"{host} has no address")
    for address in (await _vetted(host, port, allowed, resolver))[:_MAX_ADDRESSES]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        dialled = socket.socket(family, socket.SOCK_STREAM)
        dialled.setblocking(False)
        try:
            async with asyncio.timeout(_DIAL_S):
                await asyncio.get_running_loop().sock_connect(dialled, (address, port))
        except BaseException as error:
            dialled.close()
            if not isinstance(error, OSError):
                raise
            problem = error
        else:
            return dialled
    raise problem


async def _vetted(
    host: str, port: int, allowed: Collection[str], resolver: Resolver
) -> Sequence[str]:
    addresses = await resolver(host, port)
    if host_port(host, port) in allowed:
        return addresses
    public = public_only(addresses)
    if addresses and not public:
        raise PermanentSourceError(
            f"refused to connect to {host}: it leads to {refusal(addresses[0])}; "
            f'list "{host_port(host, port)}" under http.allow_private_hosts if that is meant'
        )
    return public
