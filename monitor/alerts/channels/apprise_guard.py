"""Where a process may connect to: public addresses, this machine's own sockets, what is listed.

An audit hook sees every connection that Python code opens in the process, whichever library opens
it, also after a redirect, and it cannot be taken out again: for a child process only.
Source: https://docs.python.org/3.11/library/audit_events.html (socket.connect, socket.sendto).
"""

from __future__ import annotations

import socket
import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from monitor.address import host_port, refusal

_EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class RefusedError(PermissionError):
    """A connection that was not opened; libraries take it for an ordinary failure to connect."""


class Guard:
    """Refuses what is not public. `allowed` lists `host:port`, by name or by address."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(entry.strip().lower() for entry in allowed)
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        self.refused: list[str] = []

    def install(self) -> None:
        """Watch this process from now on, for good."""
        resolve = socket.getaddrinfo

        def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
            found = resolve(host, *args, **options)
            self.note_name(_text(host), (str(entry[4][0]) for entry in found))
            return found

        # A connection is to a number; only here is the name known that the config lists.
        socket.getaddrinfo = getaddrinfo
        sys.addaudithook(self._hook)

    def note_name(self, host: str, addresses: Iterable[str]) -> None:
        """Remember that `host` leads to `addresses`."""
        for address in addresses:
            self._names[address].add(host)

    def vet(self, family: int, address: Any) -> None:
        """Raise RefusedError when a socket of `family` may not go to `address`."""
        if address is None or family == getattr(socket, "AF_UNIX", None):
            return
        if family not in (socket.AF_INET, socket.AF_INET6):
            self._refuse("an address that is neither of the internet nor of this machine")
        host, port = _text(address[0]), int(address[1])
        if {host_port(name, port) for name in {host, *self._names[host]}} & self._allowed:
            return
        if why := refusal(host):
            self._refuse(
                f"{why}; list {host_port(host, port)!r} under http.allow_private_hosts if that is "
                "meant"
            )

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if event in _EVENTS:
            self.vet(args[0].family, args[1])

    def _refuse(self, why: str) -> None:
        self.refused.append(f"refused to connect to {why}")
        raise RefusedError(self.refused[-1])


def _text(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
