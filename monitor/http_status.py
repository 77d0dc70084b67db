"""What an upstream's head means for a source: status, Retry-After, bot walls, validators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from monitor.errors import PermanentSourceError, SourceError, TransientSourceError
from monitor.http_walls import BOT_WALL, wall

LONGEST_PAUSE = timedelta(hours=24)
WALL_PAUSE = timedelta(hours=6)
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
    if headers.get("cf-mitigated", "").lower() == "challenge" or wall(headers, body) == BOT_WALL:
        return walled(place, f"{BOT_WALL} (HTTP {status})", status=status)
    said = _excerpt(headers, body)
    advice = _ADVICE.get(status)
    message = f"{place}: HTTP {status}" + "".join(f", {part}" for part in (advice, said) if part)
    pause = _asked_pause_s(headers, now=now)
    used_up = status == 403 and headers.get("x-ratelimit-remaining", "").strip() == "0"
    if status in _PASSING or status >= 500 or status < 200 or used_up:
        return TransientSourceError(message, retry_after_s=pause)
    return PermanentSourceError(message, status=status)


def walled(place: str, what: str, *, status: int | None = None) -> PermanentSourceError:
    """Return the error of a `place` where `what` stands in the way; it is left alone for hours."""
    return PermanentSourceError(
        f"{place}: {what} stands before it; disable the source or ask the publisher for access",
        status=status,
        pause_s=WALL_PAUSE.total_seconds(),
    )


def retry_after_s(value: str | None, *, now: datetime) -> float | None:
    """Return the pause a Retry-After header asks for, at most 24 h; None for garbage.

    `value` is whole seconds or an HTTP date, which is read against `now`.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,30}", text):
        return float(min(int(text), int(LONGEST_PAUSE.total_seconds())))
    until = _http_date(text)
    if until is None:
        return None
    pause = until - now
    return min(pause, LONGEST_PAUSE).total_seconds() if pause > timedelta() else None


def fresh_for(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """Return how long an answer says it stays as it is, at most 24 h; None when it does not say.

    max-age beats Expires, which is read against the answer's own Date. Source: RFC 9111, 4.2.1.
    """
    rules = headers.get("cache-control", "").lower()
    if re.search(r"\bno-(?:cache|store)\b", rules):
        return None
    if age := re.search(r"(?<![\w-])max-age\s*=\s*\"?([0-9]{1,30})(?![0-9])", rules):
        seconds = min(int(age[1]), int(LONGEST_PAUSE.total_seconds()))
        return timedelta(seconds=seconds) or None
    until = _http_date(headers.get("expires"))
    if until is None:
        return None
    left = until - (_http_date(headers.get("date")) or now)
    return min(left, LONGEST_PAUSE) if left > timedelta() else None


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


def _asked_pause_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Return the pause that Retry-After asks for, or else the rest of the limit's window.

    `RateLimit: "api";r=0;t=42` is Hugging Face's, `x-ratelimit-reset` (Unix seconds) GitHub's.
    """
    pause = retry_after_s(headers.get("retry-after"), now=now)
    if pause is not None:
        return pause
    limit = headers.get("ratelimit", "")
    if re.search(r";\s*r=0(?![0-9])", limit) and (
        window := re.search(r";\s*t=([0-9]{1,30})", limit)
    ):
        return retry_after_s(window[1], now=now)
    reset = headers.get("x-ratelimit-reset", "").strip()
    spent = headers.get("x-ratelimit-remaining", "").strip() == "0"
    if not spent or re.fullmatch(r"[0-9]{1,11}", reset) is None:
        return None
    left = int(reset) - now.timestamp()
    return min(left, LONGEST_PAUSE.total_seconds()) if left > 0 else None


def _http_date(value: str | None) -> datetime | None:
    text = (value or "").strip()
    if not 20 <= len(text) <= 40:
        return None
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
