"""Dates in a text, with the precision they were given in; relative ones need a publication."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

from signals.text import HAN, Normal


@dataclass(frozen=True, slots=True)
class DateFound:
    """A date at `[start, end)` of a normalised text.

    `precision` is day, month or year; `relative` when a word like "today" could not be
    resolved, and then `day` is None.
    """

    start: int
    end: int
    day: date | None
    precision: str

    @property
    def iso(self) -> str:
        """Return `2025-11-27`, `2025-11`, `2025`, or an empty text when unresolved."""
        length = {"day": 10, "month": 7, "year": 4}.get(self.precision, 0)
        return self.day.isoformat()[:length] if self.day else ""

    @property
    def last_day(self) -> date | None:
        """Return the last day that the date may mean."""
        if self.day is None or self.precision == "day":
            return self.day
        if self.precision == "year":
            return date(self.day.year, 12, 31)
        return (self.day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def find_dates(normal: Normal, published_at: datetime | None) -> tuple[DateFound, ...]:
    """Return the dates of a normalised text in order, the first reading of each place.

    A day without a year takes the year nearest to publication; a weekday is the last such day
    at or before it. Chinese words like 今天 count in China's time, others in UTC.
    """
    found: list[DateFound] = []
    if not _ANY.search(normal.text):
        return ()
    for reading in (_full_dates, _months, _relative_days):
        for candidate in reading(normal, published_at):
            if not any(candidate.start < f.end and candidate.end > f.start for f in found):
                found.append(candidate)
    return tuple(sorted(found, key=lambda item: item.start))


def _full_dates(normal: Normal, published_at: datetime | None) -> Iterator[DateFound]:
    for pattern in (_ISO, _HAN_DAY, _DAY_MONTH, _MONTH_DAY):
        for found in pattern.finditer(normal.text):
            if pattern in (_DAY_MONTH, _MONTH_DAY) and _is_verb(normal, found):
                continue
            month = found["month"]
            number = int(month) if month.isdigit() else _MONTHS[month[:3]]
            day = _day(found["year"], number, int(found["day"]), published_at)
            if day is not None:
                yield DateFound(found.start(), found.end(), day, "day")


def _months(normal: Normal, _: datetime | None) -> Iterator[DateFound]:
    for found in _MONTH_YEAR.finditer(normal.text):
        day = date(int(found["year"]), _MONTHS[found["month"][:3]], 1)
        yield DateFound(found.start(), found.end(), day, "month")
    for found in _HAN_MONTH.finditer(normal.text):
        if 1 <= int(found["month"]) <= _MONTHS_A_YEAR:
            day = date(int(found["year"]), int(found["month"]), 1)
            yield DateFound(found.start(), found.end(), day, "month")
    for found in _YEAR.finditer(normal.text):
        yield DateFound(found.start(), found.end(), date(int(found["year"]), 1, 1), "year")


def _relative_days(normal: Normal, published_at: datetime | None) -> Iterator[DateFound]:
    for found in _RELATIVE.finditer(normal.text):
        today = _local_day(published_at, found.group())
        day = today + timedelta(days=_SHIFT[found.group()]) if today else None
        yield DateFound(found.start(), found.end(), day, "day" if day else "relative")
    for found in _WEEKDAY.finditer(normal.text):
        name = found["name"] or found["han"]
        today = _local_day(published_at, name)
        number = _HAN_WEEK.index(name[-1]) if name[0] in "本周星" else _WEEK.index(name[:3])
        day = today - timedelta(days=(today.weekday() - number) % 7) if today else None
        yield DateFound(found.start(), found.end(), day, "day" if day else "relative")


def _day(year: str | None, month: int, day: int, published_at: datetime | None) -> date | None:
    if year is not None:
        return _valid(int(year), month, day)
    if published_at is None:
        return None
    near = published_at.astimezone(UTC).date()
    years = [_valid(near.year + shift, month, day) for shift in (0, -1, 1)]
    dates = [candidate for candidate in years if candidate is not None]
    return min(dates, key=lambda candidate: abs(candidate - near), default=None)


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _local_day(published_at: datetime | None, word: str) -> date | None:
    if published_at is None:
        return None
    return published_at.astimezone(_CHINA if re.search(f"[{HAN}]", word) else UTC).date()


def _is_verb(normal: Normal, found: re.Match[str]) -> bool:
    """Return whether "may 5" or "march 3" is written small, which no month is."""
    if found["month"] not in ("may", "march"):
        return False
    place = normal.origin(found.start("month"), found.end("month"))[0]
    return normal.original[place].islower()


_CHINA = timezone(timedelta(hours=8))
_MONTHS_A_YEAR = 12
_MONTHS = {
    name: number + 1
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
    )
}
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HAN_WEEK = "一二三四五六日"
_NAME = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_Y = r"(?P<year>(?:19|20)\d\d)"
_ISO = re.compile(rf"(?<!\d){_Y}(?P<sep>[-/])(?P<month>\d{{1,2}})(?P=sep)(?P<day>\d{{1,2}})(?!\d)")
_HAN_DAY = re.compile(rf"(?:{_Y}年)?(?<!\d)(?P<month>\d{{1,2}})月(?P<day>\d{{1,2}})[日号]")
_DAY_MONTH = re.compile(
    rf"(?<![\w.])(?P<day>\d{{1,2}})(?:st|nd|rd|th)? {_NAME}\b\.?(?:,? {_Y})?(?!\d)"
)
_MONTH_DAY = re.compile(
    rf"(?<!\w){_NAME}\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\d.:%])(?:,? {_Y})?(?!\w)"
)
_MONTH_YEAR = re.compile(rf"(?<!\w){_NAME}\.?,? {_Y}(?!\w)")
_HAN_MONTH = re.compile(rf"{_Y}年(?P<month>\d{{1,2}})月(?!\d)")
_YEAR = re.compile(
    r"(?:(?<!\w)(?:in|since|during|by|of|late|early|mid) (?=\d{4}(?!\w))|(?=\d{4}年))"
    rf"{_Y}年?"
)
_ANY = re.compile(r"\d|day|tonight|tomorrow|[今昨明][日天晚早]|周|星期")
_SHIFT = (
    dict.fromkeys(["today", "tonight", "今日", "今天", "今晚", "今早"], 0)
    | dict.fromkeys(["yesterday", "昨日", "昨天", "昨晚"], -1)
    | dict.fromkeys(["tomorrow", "明日", "明天"], 1)
)
_RELATIVE = re.compile(
    r"(?<!\w)(?:today|tonight|yesterday|tomorrow)(?!\w)|[今昨明][日天]|[今昨]晚|今早"
)
_WEEKDAY = re.compile(
    r"(?<!\w)(?:on|this|last|by) "
    r"(?P<name>(?:mon|tues|wednes|thurs|fri|satur|sun)day)(?!\w)"
    r"|(?<![下上每])(?P<han>(?:本周|周|星期)[一二三四五六日])(?!末)"
)
