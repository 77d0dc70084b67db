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

    A date without its year is read by the nearest word of tense around it: the next such day
    after "will" or 将, the last one after "launched" or 已, else the last one unless the next is
    nearer and at most SOON ahead. A weekday likewise, the last one if nothing says otherwise.
    Chinese words like 今天 count in China's time, others in UTC.
    """
    found: list[DateFound] = []
    if not (_ANY.search(normal.text) or _MONTH_HINT.search(normal.text)):
        return ()
    for reading in (_full_dates, _months, _relative_days, _bare_months):
        for candidate in reading(normal, published_at):
            if not any(candidate.start < f.end and candidate.end > f.start for f in found):
                found.append(candidate)
    return tuple(sorted(found, key=lambda item: item.start))


def _full_dates(normal: Normal, published_at: datetime | None) -> Iterator[DateFound]:
    has_month = _MONTH_HINT.search(normal.text) is not None
    for pattern in (_ISO, _HAN_DAY, _DAY_MONTH, _MONTH_DAY) if has_month else (_ISO, _HAN_DAY):
        for found in pattern.finditer(normal.text):
            if pattern in (_DAY_MONTH, _MONTH_DAY) and _is_verb(normal, found):
                continue
            month = found["month"]
            number = int(month) if month.isdigit() else _MONTHS[month[:3]]
            tense = "" if found["year"] else _tense(normal.text, *found.span())
            day = _day(found["year"], number, int(found["day"]), published_at, tense)
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
        ahead = _tense(normal.text, *found.span()) == _FUTURE
        day = _weekday(today, number, ahead=ahead) if today else None
        yield DateFound(found.start(), found.end(), day, "day" if day else "relative")
    for found in _RELATIVE_SPAN.finditer(normal.text):
        precision = "month" if "month" in found.group() or "月" in found.group() else "year"
        today = _local_day(published_at, found.group())
        step = 1 if found.group()[0] in "n下明" else -1
        first = _span_start(today, precision, step) if today else None
        yield DateFound(found.start(), found.end(), first, precision if first else "relative")


def _bare_months(normal: Normal, published_at: datetime | None) -> Iterator[DateFound]:
    if published_at is None:
        return
    for pattern in (_BARE_MONTH, _HAN_BARE_MONTH):
        for found in pattern.finditer(normal.text):
            month = found["month"]
            if _is_verb(normal, found):
                continue
            number = int(month) if month.isdigit() else _MONTHS[month[:3]]
            if not 1 <= number <= _MONTHS_A_YEAR:
                continue
            first = published_at.astimezone(UTC).date().replace(day=1)
            tense = _tense(normal.text, *found.span())
            day = _nearest(
                [first.replace(year=first.year + n, month=number) for n in _NEAR_YEARS],
                first,
                tense,
            )
            yield DateFound(found.start("month"), found.end(), day, "month")


def _day(
    year: str | None, month: int, day: int, published_at: datetime | None, tense: str
) -> date | None:
    if year is not None:
        return _valid(int(year), month, day)
    if published_at is None:
        return None
    near = published_at.astimezone(UTC).date()
    years = [_valid(near.year + shift, month, day) for shift in _NEAR_YEARS]
    return _nearest([candidate for candidate in years if candidate is not None], near, tense)


def _nearest(candidates: list[date], near: date, tense: str) -> date | None:
    past = max((c for c in candidates if c <= near + _CLOCKS), default=None)
    coming = min((c for c in candidates if c >= near), default=None)
    if past is None or coming is None:
        return past or coming
    if tense:
        return coming if tense == _FUTURE else past
    ahead = coming - near
    return coming if ahead <= SOON and ahead < near - past else past


def _weekday(today: date, number: int, *, ahead: bool) -> date:
    if ahead:
        return today + timedelta(days=(number - today.weekday()) % 7)
    return today - timedelta(days=(today.weekday() - number) % 7)


def _span_start(today: date, precision: str, step: int) -> date:
    if precision == "year":
        return date(today.year + step, 1, 1)
    month = today.year * 12 + today.month - 1 + step
    return date(month // 12, month % 12 + 1, 1)


def _tense(text: str, start: int, end: int) -> str:
    """Return future or past by the word of tense nearest to a date in its clause or sentence."""
    for edge in (_CLAUSE_EDGE, _SENTENCE_EDGE):
        first = max((found.end() for found in edge.finditer(text, 0, start)), default=0)
        stop = edge.search(text, end)
        last = stop.start() if stop else len(text)
        words = [
            (max(start - f.end(), f.start() - end), f) for f in _TENSE.finditer(text, first, last)
        ]
        if words:
            found = min(words, key=lambda item: item[0])[1]
            return _FUTURE if found["future"] or found["han"] else _PAST
    return ""


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


SOON = timedelta(days=45)
_CLOCKS = timedelta(days=1)
_NEAR_YEARS = (-1, 0, 1)
_FUTURE, _PAST = "future", "past"
_CLAUSE_EDGE = re.compile(r"[,;:!?\u3002\n]|\.(?=\s)")
_SENTENCE_EDGE = re.compile(r"[;!?\u3002\n]|\.(?=\s)")
_TENSE = re.compile(
    r"(?<![a-z])(?P<future>will|would|upcoming|coming|due|slated|scheduled|expected|starting|starts?"
    r"|begins?|opens|shipping|arriving|launching|opening|until|plans?|by"
    r"|to (?:launch|release|ship|debut|start|begin|open|unveil|go|be|arrive|announce|hit|host|hold"
    r"|introduce|sell|become|come|happen))(?![a-z])"
    r"|(?<![a-z])(?:[a-z]{2,}ed|was|were|had|began|went|sold|came|won|said|since|after|last)(?![a-z])"
    r"|(?P<han>将|拟|预计|定档|计划|即将|有望|或于|定于|截止|起开|前可)|已|[^为]了|曾|于昨|刚刚"
)
_CHINA = timezone(timedelta(hours=8))
_MONTHS_A_YEAR = 12
_MONTH_HINT = re.compile("jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec")
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
_BARE_MONTH = re.compile(
    rf"(?<!\w)(?:in|by|until|this|next|since|late|early|mid|end of)[ -]{_NAME}(?! ?\d)(?!\w)"
)
_HAN_BARE_MONTH = re.compile(
    r"(?<![\d.年])(?P<month>\d{1,2})月(?:份|底|初|[上中下]旬|内|末)?(?!\d)"
)
_RELATIVE_SPAN = re.compile(
    r"(?<!\w)(?:next|last) (?:month|year)(?!\w)|[下上]个?月(?!球|[初中末底]?\d)|[明去]年"
)
_ANY = re.compile(r"[\d今昨明去周星月]|day|tonight|tomorrow|month|year")
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
