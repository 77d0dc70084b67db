"""Which addresses the daemon may connect to: globally routable unicast, and nothing else.

The check sits on the resolved address, because a name says nothing: `2130706433`, `0x7f.1`,
a public name that answers 10.0.0.1 and a NAT64 wrapping of loopback all end up here as numbers.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

# `ipaddress.is_global` is not trusted alone: its answer for 100.64/10, 192.0.0/24 and wrapped
# addresses changed between patch releases. The lists are the IANA special-purpose registries.
_CLOSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_UNICAST_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20", "2002::/16")
)
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


def refusal(address: str) -> str | None:
    """Return why `address` may not be connected to; None when it is public unicast.

    `address` is an IPv4 or IPv6 literal as a resolver gives it, with or without a zone.
    """
    try:
        parsed = ip_address(address.split("%", 1)[0])
    except ValueError:
        return f"{address!r} is not an IP address"
    if isinstance(parsed, IPv4Address):
        return _refusal_v4(parsed)
    wrapped = _unwrap(parsed)
    if not wrapped:
        return _refusal_v6(parsed)
    for inner in wrapped:
        reason = _refusal_v4(inner)
        if reason is not None:
            return f"{parsed} carries {reason}"
    return None


def public_only(addresses: Iterable[str]) -> list[str]:
    """Return the addresses of `addresses` that are public unicast, in order."""
    return [address for address in addresses if refusal(address) is None]


def host_port(host: str, port: int) -> str:
    """Return `host:port` as `http.allow_private_hosts` lists it: lower case, IPv6 in brackets."""
    bare = host.strip("[]").rstrip(".").lower()
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses the system's resolver gives for `host`; OSError when it has none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _refusal_v4(address: IPv4Address) -> str | None:
    if any(address in network for network in _CLOSED_V4) or not address.is_global:
        return f"{address}, which is not a public address"
    return None


def _refusal_v6(address: IPv6Address) -> str | None:
    closed = any(address in network for network in _CLOSED_V6)
    if closed or address not in _UNICAST_V6 or not address.is_global:
        return f"{address}, which is not a public address"
    return None


def _unwrap(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses a transition mechanism would really reach; empty for plain v6."""
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    tail = IPv4Address(address.packed[12:])
    if address in _NAT64 or address.packed[8:12] in _ISATAP:
        return (tail,)
    return ()
