from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.jobs.cadence import auto_interval, next_pause
from monitor.sources.base import SourceModel
from monitor.sources.pace import CEILING, FLOOR, Hints

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
# A Monday.
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Feed(SourceModel):
    kind: Literal["feed"] = "feed"


class Venue(SourceModel):
    kind: Literal["kalshi"] = "kalshi"


class Middle(random.Random):
    def random(self) -> float:
        return 0.5


AUTO = Feed(name="wire", every="auto")


def pause(
    source: object = AUTO,
    *,
    entries: int = 84,
    hints: Hints | None = None,
    now: datetime = NOON,
    rng: random.Random | None = None,
) -> timedelta:
    return next_pause(source, entries=entries, hints=hints, now=now, rng=rng or Middle())


@pytest.mark.parametrize("every", ["1s", "5m", "1d"])
def test_an_explicit_pace_is_kept_whatever_the_publisher_asks(every: str) -> None:
    source = Feed(name="wire", every=every)
    asks = Hints(ttl=HOUR, fresh_for=6 * HOUR, skip_hours=frozenset(range(24)))
    assert pause(source, hints=asks) == source.every


@pytest.mark.parametrize(
    ("entries", "minutes"), [(0, 120), (1, 120), (84, 120), (168, 60), (1008, 10), (10_000, 2)]
)
def test_auto_asks_as_often_as_the_source_speaks(entries: int, minutes: int) -> None:
    assert pause(entries=entries) == minutes * MINUTE


@pytest.mark.parametrize(
    ("hints", "minutes"),
    [
        (Hints(ttl=30 * MINUTE), 30),
        (Hints(fresh_for=30 * MINUTE), 30),
        (Hints(ttl=30 * MINUTE, fresh_for=45 * MINUTE), 45),
        (Hints(ttl=MINUTE), 10),
        (Hints(ttl=timedelta(days=300)), 120),
    ],
)
def test_auto_is_slower_when_the_publisher_asks_and_never_beyond_the_ceiling(
    hints: Hints, minutes: int
) -> None:
    assert pause(entries=1008, hints=hints) == minutes * MINUTE


def test_auto_is_a_tenth_earlier_or_later_so_that_sources_do_not_march_in_step() -> None:
    found = {pause(entries=1008, rng=random.Random(seed)) / MINUTE for seed in range(50)}
    assert 9.0 <= min(found) < 9.5
    assert 10.5 < max(found) <= 11.0


def test_a_venue_is_asked_each_minute() -> None:
    asks = Hints(fresh_for=HOUR)
    found = pause(Venue(name="k", every="auto"), entries=0, hints=asks, rng=random.Random(1))
    assert found == MINUTE


def test_a_pause_that_ends_in_skipped_hours_is_waited_out() -> None:
    night = Hints(skip_hours=frozenset({22, 23, 0, 1}))
    at = NOON.replace(hour=21, minute=55)
    assert pause(entries=1008, hints=night, now=at) == 4 * HOUR + 5 * MINUTE
    assert pause(entries=1008, hints=night, now=NOON) == 10 * MINUTE


def test_skipped_days_are_waited_out_for_a_day_at_most() -> None:
    saturday = NOON + timedelta(days=5)
    weekend = Hints(skip_days=frozenset({5, 6}))
    sunday = saturday + timedelta(days=1)
    assert pause(hints=weekend, now=saturday) == 24 * HOUR
    assert pause(hints=weekend, now=sunday.replace(hour=21)) == 3 * HOUR


def test_a_publisher_that_skips_every_hour_is_asked_once_a_day() -> None:
    assert pause(hints=Hints(skip_hours=frozenset(range(24)))) == 24 * HOUR


@given(
    entries=st.integers(0, 10**6),
    ttl=st.none() | st.timedeltas(timedelta(0), timedelta(days=9000)),
)
@settings(max_examples=60)
def test_auto_stays_between_its_floor_and_ceiling(entries: int, ttl: timedelta | None) -> None:
    assert FLOOR <= auto_interval(AUTO, entries=entries, hints=Hints(ttl=ttl)) <= CEILING
