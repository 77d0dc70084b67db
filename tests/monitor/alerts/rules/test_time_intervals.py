from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.alerts.rules.time_intervals import (
    NEVER,
    TimeInterval,
    always_holds,
    end_of,
    holds,
    never_holds,
)

NIGHTS = [
    {"start_time": "22:00", "end_time": "24:00"},
    {"start_time": "00:00", "end_time": "07:00"},
]


def an_interval(**given: Any) -> TimeInterval:
    return TimeInterval.model_validate({"name": "nights", **given})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("at", "held"), [
    ("2025-11-27T13:59:59.999", False),  # 21:59:59 in Shanghai
    ("2025-11-27T14:00", True),
    ("2025-11-27T15:59:59", True),
    ("2025-11-27T16:00", True),  # midnight
    ("2025-11-27T22:59:59.999", True),
    ("2025-11-27T23:00", False),  # 07:00
])  # fmt: skip
def test_nights_hold_by_the_wall_clock_of_their_place(at: str, held: bool) -> None:
    assert holds(an_interval(times=NIGHTS, location="Asia/Shanghai"), utc(at)) == held


@pytest.mark.parametrize(("fields", "at", "held"), [
    ({"weekdays": ["monday:friday"]}, "2025-11-28", True),  # a Friday
    ({"weekdays": ["monday:friday"]}, "2025-11-29", False),
    ({"weekdays": ["Saturday", "sunday"]}, "2025-11-29", True),
    ({"weekdays": ["friday:monday"]}, "2025-11-30", True),
    ({"weekdays": ["friday:monday"]}, "2025-11-26", False),
    ({"days_of_month": ["1:5"]}, "2025-11-05", True),
    ({"days_of_month": ["1:5"]}, "2025-11-06", False),
    ({"days_of_month": [28]}, "2025-11-28", True),
    ({"days_of_month": ["-1"]}, "2025-11-30", True),
    ({"days_of_month": ["-1"]}, "2024-02-29", True),
    ({"days_of_month": ["-1"]}, "2025-02-27", False),
    ({"days_of_month": ["-3:-1"]}, "2025-02-26", True),
    ({"days_of_month": ["-3:-1"]}, "2025-02-25", False),
    ({"days_of_month": ["29:31"]}, "2025-02-28", False),
    ({"days_of_month": ["20:-5"]}, "2025-02-24", True),
    ({"days_of_month": ["20:-5"]}, "2025-02-25", False),
    ({"months": ["december"]}, "2025-12-01", True),
    ({"months": [12]}, "2025-12-01", True),
    ({"months": ["3:5", "july"]}, "2025-04-01", True),
    ({"months": ["november:february"]}, "2025-01-01", True),
    ({"months": ["november:february"]}, "2025-03-01", False),
    ({"weekdays": ["monday"], "months": ["june"]}, "2025-06-02", True),
    ({"weekdays": ["monday"], "months": ["june"]}, "2025-06-03", False),
    ({"weekdays": ["monday"], "months": ["june"]}, "2025-05-05", False),
    ({}, "2025-06-03", True),
])  # fmt: skip
def test_all_that_is_named_must_be_so_and_an_empty_list_asks_nothing(
    fields: dict[str, Any], at: str, held: bool
) -> None:
    assert holds(an_interval(**fields), utc(at)) == held


@pytest.mark.parametrize(("at", "ends"), [
    ("2025-11-27T12:00", "2025-11-27T12:00"),  # it does not hold then
    ("2025-11-27T14:00", "2025-11-27T23:00"),
    ("2025-11-27T22:59:59", "2025-11-27T23:00"),
    ("2025-11-27T23:00", "2025-11-27T23:00"),
])  # fmt: skip
def test_a_night_ends_in_the_morning_and_not_at_midnight(at: str, ends: str) -> None:
    interval = an_interval(times=NIGHTS, location="Asia/Shanghai")
    assert end_of(interval, utc(at)) == utc(ends)


def test_the_night_after_the_last_weekday_ends_at_midnight() -> None:
    interval = an_interval(times=NIGHTS, weekdays=["monday:friday"])
    assert end_of(interval, utc("2025-11-28T23:00")) == utc("2025-11-29T00:00")


@pytest.mark.parametrize(("zone", "at", "ends"), [
    # 30 March 2025 in Berlin: 02:00 becomes 03:00, so the night is an hour shorter.
    ("Europe/Berlin", "2025-03-29T22:00", "2025-03-30T05:00"),
    # 26 October 2025: 03:00 becomes 02:00, an hour longer.
    ("Europe/Berlin", "2025-10-25T21:00", "2025-10-26T06:00"),
    ("America/New_York", "2025-03-09T04:00", "2025-03-09T11:00"),
    ("America/New_York", "2025-11-02T03:00", "2025-11-02T12:00"),
])  # fmt: skip
def test_a_night_on_which_the_clocks_change_ends_by_the_new_clock(
    zone: str, at: str, ends: str
) -> None:
    assert end_of(an_interval(times=NIGHTS, location=zone), utc(at)) == utc(ends)


def test_an_end_that_the_clocks_step_over_is_the_step() -> None:
    until = [{"start_time": "01:00", "end_time": "02:30"}]
    interval = an_interval(times=until, location="Europe/Berlin")
    assert end_of(interval, utc("2025-03-30T00:30")) == utc("2025-03-30T01:00")


def test_an_hour_that_comes_twice_is_held_twice() -> None:
    interval = an_interval(
        times=[{"start_time": "02:00", "end_time": "02:30"}], location="Europe/Berlin"
    )
    assert end_of(interval, utc("2025-10-26T00:10")) == utc("2025-10-26T00:30")
    assert end_of(interval, utc("2025-10-26T01:10")) == utc("2025-10-26T01:30")


def test_a_day_that_a_place_left_out_is_not_waited_for() -> None:
    # Samoa had no 30 December 2011: it went from UTC-10 to UTC+14 at 10:00 UTC.
    interval = an_interval(days_of_month=["29:30"], location="Pacific/Apia")
    assert end_of(interval, utc("2011-12-30T09:00")) == utc("2011-12-30T10:00")


def test_an_interval_of_all_but_one_day_ends_on_it() -> None:
    interval = an_interval(months=["january:november"])
    assert end_of(interval, utc("2025-01-01T00:00")) == utc("2025-12-01T00:00")


def test_what_always_holds_never_ends() -> None:
    assert end_of(an_interval(), utc("2025-01-01")) == NEVER


times = st.integers(0, 1440).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
spans = st.tuples(times, times).filter(lambda span: span[0] < span[1])
WEEKDAYS = ["monday", "tuesday:thursday", "friday:saturday", "sunday:monday"]
intervals = st.builds(
    an_interval,
    times=st.lists(
        spans.map(lambda span: {"start_time": span[0], "end_time": span[1]}), max_size=2
    ),
    weekdays=st.lists(st.sampled_from(WEEKDAYS), max_size=2),
    days_of_month=st.lists(st.sampled_from(["1:15", "-9:-1", "25:31", "30"]), max_size=2),
    location=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Shanghai"]),
)
CHANGES = [
    "2025-03-09T07:00", "2025-11-02T06:00", "2025-03-30T01:00", "2025-10-26T01:00",
]  # fmt: skip
instants = st.builds(
    lambda near, minutes: utc(near) + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-3000, 3000),
)


@given(intervals, instants)
@example(an_interval(times=NIGHTS, location="Europe/Berlin"), utc("2025-03-29T23:59"))
@settings(max_examples=150, deadline=None)
def test_an_interval_ends_at_the_first_instant_at_which_it_does_not_hold(
    interval: TimeInterval, at: datetime
) -> None:
    ends = end_of(interval, at)
    assume(not always_holds(interval))
    assert at <= ends < NEVER
    assert not holds(interval, ends)
    minutes = min(int((ends - at).total_seconds() // 60), 4000)
    assert all(holds(interval, at + timedelta(minutes=n)) for n in range(minutes))
    if ends > at:
        assert holds(interval, ends - timedelta(microseconds=1))


@pytest.mark.parametrize(("fields", "always"), [
    ({}, True),
    ({"times": [{"start_time": "00:00", "end_time": "24:00"}]}, True),
    ({"times": [{"start_time": "00:00", "end_time": "23:59"}]}, False),
    ({"weekdays": ["wednesday:tuesday"]}, True),
    ({"weekdays": ["monday:saturday"]}, False),
    ({"days_of_month": ["1:-1"]}, True),
    ({"days_of_month": ["1:31"]}, True),
    ({"days_of_month": ["1:28"]}, False),
    ({"days_of_month": ["1:-2"]}, False),
    ({"months": ["1:12"]}, True),
    ({"months": ["1:12"], "weekdays": ["monday"]}, False),
])  # fmt: skip
def test_an_interval_that_leaves_nothing_out_is_known(fields: dict[str, Any], always: bool) -> None:
    assert always_holds(an_interval(**fields)) == always


@pytest.mark.parametrize(("fields", "never"), [
    ({"months": ["february"], "days_of_month": ["30"]}, True),
    ({"months": ["february"], "days_of_month": ["29"]}, False),
    ({"months": ["february:march"], "days_of_month": ["30"]}, False),
    ({}, False),
])  # fmt: skip
def test_an_interval_of_no_day_is_known(fields: dict[str, Any], never: bool) -> None:
    assert never_holds(an_interval(**fields)) == never


@pytest.mark.parametrize(("fields", "says"), [
    ({"times": [{"start_time": "9:00", "end_time": "10:00"}]}, "'9:00' is no time of day"),
    ({"times": [{"start_time": "09:00", "end_time": "24:01"}]}, "'24:01' is no time of day"),
    ({"times": [{"start_time": "22:00", "end_time": "07:00"}]}, "07:00 is not after start_time "
     "22:00; over midnight write two times, one up to 24:00 and one from 00:00"),
    ({"times": [{"start_time": "22:00"}]}, "Field required"),
    ({"weekdays": ["monday:fryday"]}, r"'monday:fryday' is no weekday, as in saturday or "
     r"monday:friday \(did you mean friday\?\)"),
    ({"weekdays": ["monday:friday:sunday"]}, "is no weekday"),
    ({"weekdays": ["1:5"]}, "is no weekday"),
    ({"weekdays": [1]}, "valid string"),
    ({"days_of_month": ["0"]}, "'0' is no day of a month, 1 to 31 or -1"),
    ({"days_of_month": ["1:32"]}, "is no day of a month"),
    ({"days_of_month": ["first"]}, "is no day of a month"),
    ({"days_of_month": [True]}, "valid string"),
    ({"days_of_month": ["5:1"]}, "'5:1' begins after it ends"),
    ({"days_of_month": ["-1:-5"]}, "'-1:-5' begins after it ends"),
    ({"days_of_month": ["-5:5"]}, "'-5:5' begins after it ends"),
    ({"days_of_month": ["31:-2"]}, "'31:-2' begins after it ends"),
    ({"months": ["13"]}, "'13' is no month, as in march, 3 or march:may"),
    ({"months": ["juny"]}, r"'juny' is no month.*\(did you mean jun"),
    ({"location": "Mars/Base"}, "is no zone name"),
    ({"name": "Nights"}, "pattern"),
    ({"weekday": ["monday"]}, "Extra inputs"),
])  # fmt: skip
def test_a_wrong_interval_is_refused_and_says_why(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        an_interval(**fields)
