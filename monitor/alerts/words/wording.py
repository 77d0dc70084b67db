"""One alert in words: two lines for a phone, then facts; the same for every form of message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from storage.instants import parse_instant

LATE = timedelta(hours=1)
_DAYS = timedelta(hours=48)
_CLOCKS = {"minute": "%Y-%m-%d %H:%M UTC", "day": "%Y-%m-%d"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of evidence: what it is about, what is so, and where it can be seen."""

    term: str = ""
    text: str = ""
    url: str | None = None

    @property
    def host(self) -> str:
        """Return the name of the site that `url` leads to."""
        return site(self.url)


@dataclass(frozen=True, slots=True)
class Wording:
    """One alert. `title` is in English, `headline` as it was published; `url` its main link.

    `payload` is what is stored of it, for templates that want a value of their own.
    """

    title: str
    headline: str
    rule: str
    kind: str
    severity: str
    at: datetime
    facts: tuple[Fact, ...] = ()
    url: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Return the name of the site that `url` leads to."""
        return site(self.url)


def site(url: str | None) -> str:
    """Return the host of a link without `www.`; empty when there is none."""
    try:
        host = urlsplit(url or "").hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.")


def clock(instant: str | datetime, precision: str = "second") -> str:
    """Return an instant in UTC as exactly as it is known, its zone named."""
    at = parse_instant(instant) if isinstance(instant, str) else instant
    return at.strftime(_CLOCKS.get(precision, "%Y-%m-%d %H:%M:%S UTC"))


def ago(age: timedelta) -> str:
    """Return how long ago: `5 min ago`, `1 hour ago`, `3 days ago`."""
    if age < LATE:
        return f"{max(int(age.total_seconds() // 60), 0)} min ago"
    if age < _DAYS:
        return _counted(int(age.total_seconds() // 3600), "hour")
    return _counted(age.days, "day")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'} ago"
