"""How often a feed asks to be polled: ttl, skipHours, skipDays and the syndication module.

Source: RSS 2.0 (`ttl` in minutes, hours 0 to 23 GMT, English day names), RSS 1.0 `syndication`
module (`updatePeriod` and `updateFrequency`: times per period). Both are often left at what the
publishing program came with, so whoever polls decides how far to follow.
"""

from __future__ import annotations

import re
from datetime import timedelta

from storage.records import Pace

LONGEST_WAIT = timedelta(days=7)
_HEAD, _TAIL = 65_536, 16_384
_FIRST_ITEM = re.compile(r"<(?:item|entry)(?=[\s>])")
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _value(name: str) -> re.Pattern[str]:
    return re.compile(
        rf"<{name}(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[\s*)?([^<>\]]{{1,40}})", re.IGNORECASE
    )


_TTL, _HOUR, _DAY = _value("ttl"), _value("hour"), _value("day")
_PERIOD, _FREQUENCY = _value(r"\w{1,20}:updatePeriod"), _value(r"\w{1,20}:updateFrequency")
_HOURS = re.compile(r"<skipHours>(.{0,4000}?)</skipHours>", re.IGNORECASE | re.DOTALL)
_SKIPPED_DAYS = re.compile(r"<skipDays>(.{0,2000}?)</skipDays>", re.IGNORECASE | re.DOTALL)


def feed_pace(text: str) -> Pace | None:
    """Return what the feed `text` asks for outside its items; None when it asks for nothing.

    Numbers that make no sense are as good as none: a wait that is not positive or beyond
    LONGEST_WAIT, every hour of the day, every day of the week.
    """
    head = _around_items(text)
    waits = [wait for wait in (_ttl(head), _syndication(head)) if wait is not None]
    pace = Pace(max(waits, default=None), _skip_hours(head), _skip_days(head))
    return None if pace == Pace() else pace


def _around_items(text: str) -> str:
    first = _FIRST_ITEM.search(text)
    if first is None:
        return text[:_HEAD]
    last = max(text.rfind("</item>"), text.rfind("</entry>"))
    return text[: min(first.start(), _HEAD)] + (text[last:][:_TAIL] if last >= 0 else "")


def _ttl(head: str) -> timedelta | None:
    match = _TTL.search(head)
    minutes = _whole(match[1]) if match else None
    return _sensible(timedelta(minutes=minutes)) if minutes is not None else None


def _syndication(head: str) -> timedelta | None:
    period = _PERIOD.search(head)
    every = _PERIODS.get(period[1].strip().lower()) if period else None
    if every is None:
        return None
    frequency = _FREQUENCY.search(head)
    times = _whole(frequency[1]) if frequency else 1
    return _sensible(every / times) if times else None


def _sensible(wait: timedelta) -> timedelta | None:
    return wait if timedelta(0) < wait <= LONGEST_WAIT else None


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else None


def _skip_hours(head: str) -> frozenset[int]:
    found = _HOURS.search(head)
    hours = [_whole(text) for text in _HOUR.findall(found[1])] if found else []
    # RSS 0.91 counted to 24.
    skipped = frozenset(hour % 24 for hour in hours if hour is not None and hour <= 24)
    return frozenset() if len(skipped) == 24 else skipped


def _skip_days(head: str) -> frozenset[int]:
    found = _SKIPPED_DAYS.search(head)
    names = [text.strip().lower() for text in _DAY.findall(found[1])] if found else []
    skipped = frozenset(_DAYS.index(name) for name in names if name in _DAYS)
    return frozenset() if len(skipped) == 7 else skipped
