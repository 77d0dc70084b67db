from __future__ import annotations

import random
from datetime import timedelta

import pytest

from monitor.errors import ParseError, PermanentSourceError, TransientSourceError
from monitor.jobs.circuit import OPEN_AFTER, attempts, backoff, holds, wait_left
from storage.models import SourceState
from tests.builders import NOON, at
from tests.desk import StubSource

MINUTE = timedelta(minutes=1)
DOWN = TransientSourceError("HTTP 503")


class Middle(random.Random):
    """Jitter of exactly nothing."""

    def random(self) -> float:
        return 0.5


def state(**given: object) -> SourceState:
    return SourceState(source="stub", **given)


def test_each_failure_doubles_the_pause_up_to_a_limit() -> None:
    pauses = [backoff(StubSource(), n, DOWN, Middle()) / MINUTE for n in (1, 2, 3, 40)]

    assert pauses == [1, 2, 4, 360]


def test_a_source_asked_daily_is_not_asked_more_often_when_it_fails() -> None:
    daily = StubSource(every=timedelta(days=1))

    assert backoff(daily, 1, DOWN, Middle()) == timedelta(days=1)


def test_an_open_circuit_rests_a_minute_at_least() -> None:
    eager = StubSource(every=timedelta(seconds=1))

    pauses = [backoff(eager, n, DOWN, Middle()).total_seconds() for n in (4, 5, 8)]

    assert pauses == [8, 60, 128]


def test_retry_after_is_honoured() -> None:
    busy = TransientSourceError("HTTP 429", retry_after_s=7200)

    assert backoff(StubSource(), 1, busy, Middle()) == timedelta(hours=2)


@pytest.mark.parametrize("seed", range(20))
def test_a_refusal_waits_an_hour_at_least(seed: int) -> None:
    refused = PermanentSourceError("HTTP 403", status=403)

    assert backoff(StubSource(), 1, refused, random.Random(seed)) >= timedelta(hours=1)


def test_a_bot_wall_is_left_alone_for_hours() -> None:
    wall = PermanentSourceError("a bot wall", pause_s=6 * 3600)

    assert backoff(StubSource(), 1, wall, Middle()) == timedelta(hours=6)


@pytest.mark.parametrize(
    ("failures", "feed", "venue"), [(0, 3, 3), (1, 1, 3), (4, 1, 3), (5, 1, 1), (50, 1, 1)]
)
def test_a_probe_is_one_attempt(failures: int, feed: int, venue: int) -> None:
    known = state(failures=failures)
    assert attempts(StubSource(kind="rss"), known) == feed
    assert attempts(StubSource(kind="kalshi"), known) == venue


@pytest.mark.parametrize(
    ("error", "failures", "held"),
    [
        (DOWN, 1, False),
        (DOWN, OPEN_AFTER, True),
        (ParseError("no feed"), 1, False),
        (TransientSourceError("HTTP 429", retry_after_s=60), 1, True),
        (PermanentSourceError("HTTP 404", status=404), 1, True),
    ],
)
def test_what_asked_for_a_pause_gets_it(error: Exception, failures: int, held: bool) -> None:
    assert holds(error, failures) is held  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "minutes"),
    [
        (None, 0),
        (state(), 0),
        (state(next_due=at(0.5), last_try_at=at(-0.5)), 0.5),
        (state(next_due=at(600), last_try_at=at(-1)), 1),
        (state(next_due=at(-5), last_try_at=at(-6)), 0),
        (state(failures=1, next_due=at(50), last_try_at=at(-10)), 50),
        (state(failures=1, next_due=at(5000), last_try_at=at(4940)), 60),
    ],
    ids=["new", "never", "healthy", "now faster", "overdue", "failing", "clock set back"],
)
def test_a_start_waits_what_is_left_of_the_pause_and_never_more_than_it_was(
    given: SourceState | None, minutes: float
) -> None:
    assert wait_left(StubSource(), given, now=NOON) == minutes * MINUTE
