"""Times of the week, month and year at which nothing is told, in Alertmanager's words.

All that is named must be so at once; an empty list asks nothing. Ranges hold both their ends, but
`end_time` is the first minute outside. Beyond Alertmanager, a range of weekdays or months may run
over the end of the week or year. Source: Alertmanager's configuration, `<time_interval>`.
"""

from __future__ import annotations

import re
from calendar import day_name, month_name
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from monitor.problems import suggestion
from monitor.timezones import Zone

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_WEEKDAYS = tuple(name.lower() for name in day_name)
_MONTHS = tuple(name.lower() for name in month_name)[1:]
_DAY_MIN = 24 * 60
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=800)
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _written(value: Any) -> Any:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value


def _checked_weekdays(text: str) -> str:
    _named_range(text, _WEEKDAYS, "weekday, as in saturday or monday:friday")
    return text


def _checked_months(text: str) -> str:
    _named_range(text, _MONTHS, "month, as in march, 3 or march:may", numbered=True)
    return text


def _checked_days(text: str) -> str:
    found = re.fullmatch(r"(-?\d{1,2})(?::(-?\d{1,2}))?", text.strip())
    if found is None or not all(1 <= abs(int(day)) <= 31 for day in found.groups() if day):
        raise ValueError(
            f"{text[:40]!r} is no day of a month, 1 to 31 or -1 (the last) to -31, as in 1:5"
        )
    first, last = _days_range(text, 31)
    if first > last or (found[1].startswith("-") and not (found[2] or "-").startswith("-")):
        raise ValueError(f"{text[:40]!r} begins after it ends")
    return text


WeekdayRange = Annotated[str, AfterValidator(_checked_weekdays)]
MonthRange = Annotated[str, BeforeValidator(_written), AfterValidator(_checked_months)]
DayRange = Annotated[str, BeforeValidator(_written), AfterValidator(_checked_days)]


class TimeRange(BaseModel):
    """From `start_time` up to, and not at, `end_time` of one day, HH:MM; 24:00 is its end."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    start_time: str
    end_time: str

    @field_validator("start_time", "end_time")
    @classmethod
    def _a_time_of_day(cls, text: str, info: ValidationInfo) -> str:
        if re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00", text) is None:
            raise ValueError(f"{text[:40]!r} is no time of day, as in 22:00 or 24:00")
        start = info.data.get("start_time")
        if start is not None and _minute(text) <= _minute(start):
            raise ValueError(
                f"{text} is not after start_time {start}; over midnight write two times, one up "
                "to 24:00 and one from 00:00"
            )
        return text


class TimeInterval(BaseModel):
    """When something holds: at `times` of `weekdays`, `days_of_month` and `months` in `location`.

    Days of a month below 0 count from its end, -1 is the last.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    times: tuple[TimeRange, ...] = ()
    weekdays: tuple[WeekdayRange, ...] = ()
    days_of_month: tuple[DayRange, ...] = ()
    months: tuple[MonthRange, ...] = ()
    location: Zone = "UTC"


def holds(interval: TimeInterval, at: datetime) -> bool:
    """Return whether `interval` holds at `at` (aware)."""
    local = at.astimezone(ZoneInfo(interval.location))
    minute = local.hour * 60 + local.minute
    return _holds_on(interval, local.date()) and (
        not interval.times
        or any(_minute(t.start_time) <= minute < _minute(t.end_time) for t in interval.times)
    )


def end_of(interval: TimeInterval, at: datetime) -> datetime:
    """Return the first instant from `at` on at which `interval` does not hold, UTC.

    That is `at` itself when it does not hold then, and NEVER when it always holds. Days on which
    the clocks change are as long as they are.
    """
    at = at.astimezone(UTC)
    if not holds(interval, at):
        return at
    zone, start = ZoneInfo(interval.location), at
    while start - at < _LONGEST:
        for instant in sorted(_changes(interval, zone, start, start + _DAY)):
            if not holds(interval, instant):
                return instant
        start += _DAY
    return NEVER


def always_holds(interval: TimeInterval) -> bool:
    """Return whether `interval` leaves no instant out."""
    minutes = {m for t in interval.times for m in range(_minute(t.start_time), _minute(t.end_time))}
    lengths = range(28, 32)
    return (
        (not interval.times or len(minutes) == _DAY_MIN)
        and len(weekday_numbers(interval.weekdays)) == len(_WEEKDAYS)
        and len(_month_numbers(interval.months)) == len(_MONTHS)
        and all(len(_days(interval.days_of_month, length)) == length for length in lengths)
    )


def never_holds(interval: TimeInterval) -> bool:
    """Return whether no day is in `interval`, as with the 30th of February."""
    months = _month_numbers(interval.months)
    return not any(_days(interval.days_of_month, _MONTH_DAYS[month - 1]) for month in months)


def weekday_numbers(ranges: tuple[str, ...]) -> frozenset[int]:
    """Return the weekdays of `ranges`, Monday is 0; all of them when there are none."""
    return _numbers(ranges, _WEEKDAYS)


def _month_numbers(ranges: tuple[str, ...]) -> frozenset[int]:
    return frozenset(index + 1 for index in _numbers(ranges, _MONTHS, numbered=True))


def _holds_on(interval: TimeInterval, day: date) -> bool:
    next_month = day.replace(day=28) + timedelta(days=4)
    length = (next_month - timedelta(days=next_month.day)).day
    return (
        day.weekday() in weekday_numbers(interval.weekdays)
        and day.month in _month_numbers(interval.months)
        and (not interval.days_of_month or day.day in _days(interval.days_of_month, length))
    )


def _changes(
    interval: TimeInterval, zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[datetime]:
    """Yield all instants after `start` up to `end` at which `interval` may begin or stop to hold.

    They are its minutes of the wall clock, twice where the clocks go back, and the instants at
    which the clocks change, since those may step over such a minute.
    """
    minutes = {0, *(_minute(w) for t in interval.times for w in (t.start_time, t.end_time))}
    day, last = start.astimezone(zone).date() - _DAY, end.astimezone(zone).date() + _DAY
    while day <= last:
        # Adding to an aware instant moves its wall clock, which is what is meant here.
        midnight = datetime.combine(day, time(), tzinfo=zone)
        for minute in minutes:
            wall = midnight + timedelta(minutes=minute)
            for fold in (0, 1):
                instant = wall.replace(fold=fold).astimezone(UTC)
                if start < instant <= end:
                    yield instant
        day += _DAY
    if start.astimezone(zone).utcoffset() != end.astimezone(zone).utcoffset():
        yield _clock_change(zone, start, end)


def _clock_change(zone: ZoneInfo, start: datetime, end: datetime) -> datetime:
    """Return the second between `start` and `end` from which the offset of `end` holds."""
    before = start.astimezone(zone).utcoffset()
    low, high = int(start.timestamp()), int(end.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        is_before = datetime.fromtimestamp(middle, zone).utcoffset() == before
        low, high = (middle, high) if is_before else (low, middle)
    return datetime.fromtimestamp(high, UTC)


def _minute(text: str) -> int:
    hour, minute = map(int, text.split(":"))
    return hour * 60 + minute


def _days(ranges: tuple[str, ...], length: int) -> frozenset[int]:
    """Return the days of a month of `length` days that `ranges` name."""
    if not ranges:
        return frozenset(range(1, length + 1))
    spans = [_days_range(text, length) for text in ranges]
    return frozenset(
        day for first, last in spans for day in range(max(first, 1), min(last, length) + 1)
    )


def _days_range(text: str, length: int) -> tuple[int, int]:
    numbers = [int(part) for part in text.strip().split(":")]
    first, last = (day if day > 0 else length + day + 1 for day in (numbers[0], numbers[-1]))
    return first, last


def _numbers(
    ranges: tuple[str, ...], names: tuple[str, ...], *, numbered: bool = False
) -> frozenset[int]:
    found: set[int] = set(() if ranges else range(len(names)))
    for text in ranges:
        first, last = _named_range(text, names, "", numbered=numbered)
        found.update((first + step) % len(names) for step in range((last - first) % len(names) + 1))
    return frozenset(found)


def _named_range(
    text: str, names: tuple[str, ...], noun: str, *, numbered: bool = False
) -> tuple[int, int]:
    parts = [part.strip().lower() for part in text.split(":")]
    for part in parts:
        is_number = numbered and re.fullmatch(r"0?[1-9]|1[0-2]", part) is not None
        if len(parts) > 2 or (part not in names and not is_number):
            close = suggestion(part, names)
            raise ValueError(f"{text[:40]!r} is no {noun}{close}")
    first, last = (int(p) - 1 if p.isdecimal() else names.index(p) for p in (parts[0], parts[-1]))
    return first, last
