"""What an upstream's head means for a source: status, Retry-After, bot walls, validators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from monitor.errors import PermanentSourceError, SourceError, TransientSourceError

LONGEST_PAUSE = timedelta(hours=24)
_MAX_EXCERPT = 120
_MAX_VALIDATOR_CHARS = 1000
_PASSING = frozenset({408, 421, 425, 429})
_ADVICE = {
    401: "the upstream wants a login",
    403: "the upstream refuses us",
    404: "nothing is there; check the address",
    410: "the upstream says it is gone for good; remove the source",
    429: "too many requests",
}


def failure(
    status: int, headers: Mapping[str, str], *, url: str, now: datetime, body: bytes = b""
) -> SourceError:
    """Return the error that `status` (not a 2xx) stands for, with what the upstream said."""
    place = safe_url(url)
    if headers.get("cf-mitigated", "").lower() == "challenge":
        return PermanentSourceError(
            f"{place}: a bot wall stands before it (HTTP {status}, Cloudflare challenge); "
            "disable the source or ask the publisher for access",
            status=status,
        )
    said = _excerpt(headers, body)
    advice = _ADVICE.get(status)
    message = f"{place}: HTTP {status}" + "".join(f", {part}" for part in (advice, said) if part)
    if status in _PASSING or status >= 500 or status < 200:
        pause = retry_after_s(headers.get("retry-after"), now=now)
        return TransientSourceError(message, retry_after_s=pause)
    return PermanentSourceError(message, status=status)


def retry_after_s(value: str | None, *, now: datetime) -> float | None:
    """Return the pause a Retry-After header asks for, at most 24 h; None for garbage.

    `value` is whole seconds or an HTTP date, which is read against `now`.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,30}", text):
        return float(min(int(text), int(LONGEST_PAUSE.total_seconds())))
    if not 20 <= len(text) <= 40:
        return None
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    pause = until - now
    return min(pause, LONGEST_PAUSE).total_seconds() if pause > timedelta() else None


def conditions(known: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that ask whether anything changed since the `known` validators."""
    names = {"etag": "if-none-match", "last_modified": "if-modified-since"}
    return {header: known[key] for key, header in names.items() if known.get(key)}


def validators_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the validators to send next time; none when the publisher forbids caching."""
    if headers.get("expires", "").strip() == "0":
        return {}
    found = {"etag": headers.get("etag"), "last_modified": headers.get("last-modified")}
    return {
        key: value
        for key, value in found.items()
        if value and len(value) <= _MAX_VALIDATOR_CHARS and value.isascii() and value.isprintable()
    }


def safe_url(url: str) -> str:
    """Return `url` fit for a message: no user info, no values in the query, no control bytes."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        names = "&".join(name for name, _ in parse_qsl(parts.query, keep_blank_values=True))
        cleaned = urlunsplit((parts.scheme, host, parts.path, names, ""))
    except ValueError:
        cleaned = "an address that is not a URL"
    return "".join(c for c in cleaned if c.isprintable())[:300]


def _excerpt(headers: Mapping[str, str], body: bytes) -> str | None:
    if "html" in headers.get("content-type", "").lower() or not body:
        return None
    text = body[: 4 * _MAX_EXCERPT].decode("utf-8", "replace")
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"it says {words[:_MAX_EXCERPT]!r}" if words else None
