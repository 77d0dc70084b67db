"""Publication dates as feeds write them, with how exactly each is known.

Read: RFC 822 in its many spellings, RFC 3339, `2026-06-13 16:37:21  +0800`, Chinese dates and
epoch numbers. A weekday is never believed. What cannot be the publication time of a fetched
document (epoch zero, the future) gives no time and a reason, so it neither pins an item on top
nor opens a price window that has not happened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from storage.records import Precision

FUTURE_SLACK = timedelta(minutes=15)
_EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
_MAX_CHARS = 80
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_ZONES_H = {
    "UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "BST": 1, "CET": 1, "CEST": 2,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "JST": 9, "KST": 9, "HKT": 8, "SGT": 8,
}  # fmt: skip
_TIME = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]{1,9})?)?"
_ZONE = r"(?:\s*(?P<zone>[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2}|[A-Za-z]{1,5}))?"
_CLOCK = rf"(?:{_TIME}{_ZONE})"
_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        # 13 Jun 2026 16:37:21 +0800, with or without a weekday before it
        r"(?:[A-Za-z]{2,9}\.?,?\s+)?(?P<day>[0-9]{1,2})[\s-](?P<name>[A-Za-z]{3,9})\.?,?[\s-]"
        rf"(?P<year>[0-9]{{4}}|[0-9]{{2}})(?:[\s,]+{_CLOCK})?",
        # 2026-06-13T16:37:21.5Z and 2026-06-13 16:37:21  +0800
        rf"(?P<year>[0-9]{{4}})[-/](?P<month>[0-9]{{1,2}})[-/](?P<day>[0-9]{{1,2}})(?:[Tt\s]\s*{_CLOCK})?",
        # Jun 13, 2026 16:37
        r"(?:[A-Za-z]{2,9}\.?,\s+)?(?P<name>[A-Za-z]{3,9})\.?\s(?P<day>[0-9]{1,2}),?\s"
        rf"(?P<year>[0-9]{{4}})(?:[\s,]+{_CLOCK})?",
        # 2026年6月13日 16:37
        rf"(?P<year>[0-9]{{4}})年(?P<month>[0-9]{{1,2}})月(?P<day>[0-9]{{1,2}})日(?:\s*{_CLOCK})?",
    )
)
_EPOCH = re.compile(r"[0-9]{9,10}|[0-9]{13}", re.ASCII)
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class FeedDate:
    """One date: the instant (aware UTC) and its precision, or None with why it is suspect.

    `is_midnight` tells an instant written as 00:00:00 in its own zone.
    """

    at: datetime | None = None
    precision: Precision = Precision.UNKNOWN
    suspect: str | None = None
    is_midnight: bool = False


def read_date(raw: str | None, *, zone: tzinfo, fetched_at: datetime) -> FeedDate:
    """Return what `raw` says; `zone` holds for dates that name none.

    A missing date is unknown without being suspect.
    """
    text = " ".join((raw or "")[: _MAX_CHARS + 1].split())
    if not text:
        return FeedDate()
    try:
        local, precision = _read(text, zone)
        at = local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        return FeedDate(suspect=f"date_suspect: {text[:60]!r}: {error}")
    if at < _EARLIEST:
        return FeedDate(suspect=f"date_suspect: {text[:60]!r} lies before 1995")
    if at > fetched_at + FUTURE_SLACK:
        return FeedDate(suspect=f"date_suspect: {text[:60]!r} lies in the future")
    is_midnight = (local.hour, local.minute, local.second) == (0, 0, 0)
    return FeedDate(at, precision, is_midnight=is_midnight)


def zone_of(name: str) -> tzinfo:
    """Return the zone of a name such as Asia/Shanghai or an offset such as +08:00.

    Raises ValueError when it is neither.
    """
    match = _OFFSET.fullmatch(name.strip())
    if match is not None:
        return _offset(match)
    try:
        return UTC if name.strip().upper() in ("UTC", "Z", "GMT") else ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no zone; write Asia/Shanghai or +08:00") from error


def _read(text: str, zone: tzinfo) -> tuple[datetime, Precision]:
    if _EPOCH.fullmatch(text):
        seconds = int(text) / (1000 if len(text) == 13 else 1)
        return datetime.fromtimestamp(seconds, UTC), Precision.SECOND
    if text == "0":
        return datetime.fromtimestamp(0, UTC), Precision.SECOND
    if len(text) > _MAX_CHARS:
        raise ValueError("too long for a date")
    for form in _FORMS:
        match = form.fullmatch(text)
        if match is not None:
            return _assembled(match.groupdict(), zone)
    raise ValueError("not a date in any known form")


def _assembled(parts: dict[str, str | None], zone: tzinfo) -> tuple[datetime, Precision]:
    year, day = int(parts["year"] or 0), int(parts["day"] or 0)
    if len(parts["year"] or "") == 2:
        year += 2000 if year < 50 else 1900
    if parts.get("name"):
        month = _MONTHS.get((parts["name"] or "")[:3].lower(), 0)
    else:
        month = int(parts.get("month") or 0)
    if parts["hour"] is None:
        return datetime(year, month, day, tzinfo=zone), Precision.DAY
    # Leap seconds are real in feeds and unknown to datetime.
    second = min(int(parts["second"] or 0), 59)
    local = datetime(
        year, month, day, int(parts["hour"]), int(parts["minute"] or 0), second,
        tzinfo=_named_zone(parts["zone"], zone),
    )  # fmt: skip
    precision = Precision.MINUTE if parts["second"] is None else Precision.SECOND
    return local, precision


def _named_zone(name: str | None, default: tzinfo) -> tzinfo:
    if name is None:
        return default
    match = _OFFSET.fullmatch(name)
    if match is not None:
        return _offset(match)
    if name.upper() == "CST" and default is not UTC:
        # A source with a zone of its own writes China Standard Time, not Chicago's.
        return default
    hours = _ZONES_H.get(name.upper())
    return default if hours is None else timezone(timedelta(hours=hours))


def _offset(match: re.Match[str]) -> tzinfo:
    minutes = int(match["hours"]) * 60 + int(match["minutes"] or 0)
    signed = -minutes if match["sign"] == "-" else minutes
    if not -12 * 60 <= signed <= 14 * 60:
        raise ValueError(f"offset {match[0]} is on no map")
    return timezone(timedelta(minutes=signed))
