"""Where a request goes: its full address, its `host:port`, and where a redirect may lead."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import httpx

from monitor.address import host_port
from monitor.errors import PermanentSourceError
from monitor.http_status import safe_url

_PLAIN_PORTS = frozenset({80, 443, 8080, 8443})


def with_params(url: str, params: Mapping[str, object] | None) -> str:
    """Return `url` with `params` added; a list repeats its key, None is left out."""
    if not params:
        return url
    pairs: list[tuple[str, str | int | float | bool | None]] = [
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, given in params.items()
        for value in (given if isinstance(given, list | tuple) else (given,))
        if value is not None
    ]
    return str(httpx.URL(url).copy_merge_params(httpx.QueryParams(pairs)))


def place(url: str) -> str:
    """Return the `host:port` a URL names."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        return url
    return host_port(parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80))


def next_hop(first: str, here: str, location: str, *, allowed: Collection[str]) -> str:
    """Return the address that `here` redirects to, of a chain that began at `first`.

    `allowed` lists `host:port` that may be on any port. Raises PermanentSourceError when a
    redirect may not lead there.
    """
    try:
        target = httpx.URL(here).join(location).copy_with(fragment=None)
        port = target.port or {"http": 80, "https": 443}.get(target.scheme, 0)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise PermanentSourceError(
            f"{safe_url(here)}: redirects to no address ({error})"
        ) from error
    same_place = host_port(target.host, port) in {place(first), *allowed}
    bad_port = port not in _PLAIN_PORTS and not same_place
    if target.scheme not in ("http", "https") or target.userinfo or bad_port:
        raise PermanentSourceError(
            f"{safe_url(here)}: refused its redirect to {safe_url(str(target))}; "
            "only plain http and https addresses on the usual ports are followed"
        )
    return str(target)
