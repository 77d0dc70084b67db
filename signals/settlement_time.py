"""When a market is settled: at one check or by a last instant, and that instant in UTC.

Venues write local times ("12:00 PM ET"); ET is New York's clock, summer time included. A day
without a time of day is no instant and stays unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from signals.settlement_texts import ASSUMED, CONTRADICTED, Part, Texts, agreed

# A venue's own closing time and the check of the rules lie within a day or two of each other.
NEAR_CLOSE = timedelta(days=4)
_ZONES = {
    **dict.fromkeys(("et", "est", "edt", "eastern", "eastern time"), "America/New_York"),
    **dict.fromkeys(("pt", "pst", "pdt", "pacific", "pacific time"), "America/Los_Angeles"),
    **dict.fromkeys(("ct", "central time"), "America/Chicago"),
    **dict.fromkeys(("utc", "gmt", "z"), "UTC"),
    "beijing time": "Asia/Shanghai",
}
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul",
            "august aug", "september sept sep", "october oct", "november nov", "december dec",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DATE = re.compile(
    rf"\b(?:(?P<month>{_MONTH})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<year>20\d\d)\b)?|"
    r"(?P<iso>20\d\d-\d\d-\d\d)\b|"
    rf"end of (?:the )?(?:(?P<endmonth>{_MONTH})\b(?:,? (?P<endyear>20\d\d)\b)?|"
    r"(?P<wholeyear>20\d\d)\b)|in (?P<inyear>20\d\d)\b|(?<=before )(?P<nextyear>20\d\d)\b)",
    re.I,
)
_TIME = re.compile(
    r"\b(?:(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?(?::\d\d)? ?(?P<half>am|pm)?|(?P<noon>noon))"
    rf",? ?\(?(?P<zone>{'|'.join(sorted(_ZONES, key=len, reverse=True))})\b",
    re.I,
)
_BARE_TIME = re.compile(r"\b\d{1,2}:\d\d ?(?:am|pm)?\b", re.I)
_BY = re.compile(r"\b(?:by|before|until|through|no later than|prior to|on or before)\W*$", re.I)
_ANY_TIME = re.compile(r"\bat any (?:point|time|moment)\b", re.I)
_FIRST_TO = re.compile(r"\bfirst (?:to )?(?:hit|reach)\b|\bthis year\b|\bin 20\d\d\b", re.I)
_CHECKED = re.compile(
    r"\b(?:is|are) checked\b|\bwhen (?:it is )?checked\b|\bat (?:the|this) check", re.I
)


class _Day(NamedTuple):
    """A day as written: without a year where none stands; `start` is its place in the text."""

    month: int
    day: int
    year: int | None
    start: int


@dataclass(frozen=True, slots=True)
class _Moment:
    day: _Day | None
    clock: time | None
    zone: str | None


def read_when(texts: Texts) -> Part[str]:
    """Return `at` (one check) or `by` (at any time until then)."""
    return agreed(_when(texts.titles), _when(texts.main), silent="at or by is not said")


def read_check_at(texts: Texts, closes_at: datetime | None) -> Part[datetime]:
    """Return the instant of the check, or the last one that counts, in UTC."""
    rules, titles = _moment(texts.main), _first_day(texts.titles)
    day = rules.day or titles
    if rules.clock is None or rules.zone is None:
        return Part(None, 0.0, _without_clock(texts, day, closes_at))
    resolved = _dated(day, closes_at)
    if resolved is None:
        return Part(None, 0.0, "the day has no year, and the venue no closing time")
    local = datetime.combine(resolved, rules.clock, tzinfo=ZoneInfo(_ZONES[rules.zone]))
    instant = local.astimezone(UTC)
    if conflict := _contradiction(rules.day, titles, resolved, closes_at):
        return Part(instant, CONTRADICTED, conflict=conflict)
    return Part(instant, 1.0 if rules.day is not None else ASSUMED)


def _when(text: str) -> str | None:
    if _ANY_TIME.search(text):
        return "by"
    if _CHECKED.search(text):
        return "at"
    day = _first_day(text)
    if day is not None and _BY.search(text[: day.start]):
        return "by"
    if _FIRST_TO.search(text):
        return "by"
    return "at" if day is not None else None


def _moment(text: str) -> _Moment:
    """Return the first day that has a time of day near it, else the first of each."""
    day, clock = _first_day(text), _TIME.search(text)
    for found in _DATE.finditer(text):
        near = _TIME.search(text[max(found.start() - 40, 0) : found.end() + 30])
        if near is not None:
            day, clock = _day(found), near
            break
    if clock is None or _clock(clock) is None:
        return _Moment(day, None, None)
    return _Moment(day, _clock(clock), clock["zone"].lower())


def _first_day(text: str) -> _Day | None:
    return next((day for found in _DATE.finditer(text) if (day := _day(found))), None)


def _day(found: re.Match[str]) -> _Day | None:
    if found["iso"]:
        year, month, day = map(int, found["iso"].split("-"))
        return _checked_day(month, day, year, found.start())
    if whole := found["wholeyear"] or found["inyear"]:
        return _Day(12, 31, int(whole), found.start())
    if found["nextyear"]:
        return _Day(12, 31, int(found["nextyear"]) - 1, found.start())
    if found["endmonth"]:
        end_year = int(found["endyear"]) if found["endyear"] else None
        month = _MONTHS[found["endmonth"].lower()]
        return _Day(month, _last_day(month, end_year), end_year, found.start())
    named = int(found["year"]) if found["year"] else None
    return _checked_day(_MONTHS[found["month"].lower()], int(found["day"]), named, found.start())


def _checked_day(month: int, day: int, year: int | None, start: int) -> _Day | None:
    try:
        date(year or 2024, month, day)
    except ValueError:
        return None
    return _Day(month, day, year, start)


def _last_day(month: int, year: int | None) -> int:
    if month == 12:
        return 31
    return (date(year or 2025, month + 1, 1) - timedelta(days=1)).day


def _clock(found: re.Match[str]) -> time | None:
    if found["noon"]:
        return time(12)
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    half = (found["half"] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    elif not found["minute"]:
        return None
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _dated(day: _Day | None, closes_at: datetime | None) -> date | None:
    """Return the day with its year; without one the year that is nearest to the close."""
    if day is None:
        return None if closes_at is None else closes_at.date()
    if day.year is not None:
        return date(day.year, day.month, day.day)
    if closes_at is None:
        return None
    years = range(closes_at.year - 1, closes_at.year + 2)
    candidates = [found for year in years if (found := _in_year(day, year))]
    return min(candidates, key=lambda each: abs(each - closes_at.date()))


def _in_year(day: _Day, year: int) -> date | None:
    try:
        return date(year, day.month, day.day)
    except ValueError:
        return None


def _contradiction(
    rules: _Day | None, titles: _Day | None, resolved: date, closes_at: datetime | None
) -> str | None:
    if rules and titles and _differ(rules, titles):
        said = f"{titles.month:02}-{titles.day:02}"
        return f"the title's day is {said}, the rules' {resolved}; the rules count"
    if rules and closes_at is not None and abs(resolved - closes_at.date()) > NEAR_CLOSE:
        return f"the rules say {resolved}, the venue closes {closes_at.date()}; the rules count"
    return None


def _differ(a: _Day, b: _Day) -> bool:
    # The end of February has two days.
    leap = a.month == b.month == 2 and min(a.day, b.day) >= 28
    return (a.month, a.day) != (b.month, b.day) and not leap


def _without_clock(texts: Texts, day: _Day | None, closes_at: datetime | None) -> str:
    if _BARE_TIME.search(texts.main):
        return "a time of day without a known zone"
    resolved = _dated(day, closes_at) if day is not None else None
    if resolved is not None:
        return f"the day is {resolved}, without a time of day"
    return "a day without a year and a time" if day is not None else "no day is named"
