"""Jobs run when the monotonic clock says so, whatever the wall clock, other jobs or hangs do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from monitor import scheduler
from monitor.clock import Clock, ManualClock
from monitor.metrics import Metrics
from monitor.scheduler import Job, Timetable
from tests.builders import NOON
from tests.desk import PATIENCE_S, SteppedClock, until

YEAR = timedelta(days=365)


class Runs:
    """Work that counts its runs and wants to run again in `again_s`."""

    def __init__(self, again_s: float = 3600.0) -> None:
        self.count = 0
        self.again_s = again_s

    async def __call__(self) -> float:
        self.count += 1
        return self.again_s


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "AFTER_CRASH_S", 0.01)
    monkeypatch.setattr(scheduler, "WATCH_EVERY_S", 0.02)


@asynccontextmanager
async def running(timetable: Timetable) -> AsyncIterator[Timetable]:
    timetable.start()
    try:
        yield timetable
    finally:
        await timetable.stop(0.0)


def a_timetable(clock: Clock | None = None) -> Timetable:
    return Timetable(clock or SteppedClock(), Metrics())


def job_of(timetable: Timetable, name: str) -> Job:
    return next(job for job in timetable.jobs if job.name == name)


def step(timetable: Timetable, clock: SteppedClock, by: timedelta) -> None:
    """Step the wall clock; to the timer its set times then lie `by` nearer."""
    for timer in timetable._timer.get_jobs():
        timer.modify(next_run_time=timer.next_run_time - by)
    clock.offset += by


def steps_seen(timetable: Timetable) -> float:
    value = timetable._metrics.registry.get_sample_value("signal_monitor_clock_steps_total")
    assert value is not None
    return value


async def test_a_job_runs_again_after_the_seconds_it_asked_for() -> None:
    timetable, quick = a_timetable(), Runs(again_s=0.01)
    timetable.add("quick", quick, deadline_s=1)

    async with running(timetable):
        await until(lambda: quick.count >= 3)


async def test_a_first_run_waits_until_it_is_due() -> None:
    timetable, now, later = a_timetable(), Runs(), Runs()
    timetable.add("later", later, deadline_s=1, in_s=3600)
    timetable.add("now", now, deadline_s=1)

    async with running(timetable):
        await until(lambda: now.count == 1)

    assert later.count == 0


async def test_a_hanging_job_is_cut_at_its_deadline_and_started_again() -> None:
    timetable, starts = a_timetable(), []

    async def hang() -> float:
        starts.append(1)
        await asyncio.Event().wait()
        raise AssertionError

    timetable.add("hang", hang, deadline_s=0.02)

    async with running(timetable):
        await until(lambda: len(starts) >= 2)
        assert job_of(timetable, "hang").last_error == "cut after 0.02 s"


async def test_a_failing_job_is_started_again_and_stops_no_other() -> None:
    timetable, other, tries = a_timetable(), Runs(again_s=0.01), []

    async def fail() -> float:
        tries.append(1)
        raise ValueError("no")

    timetable.add("fail", fail, deadline_s=1)
    timetable.add("other", other, deadline_s=1)

    async with running(timetable):
        await until(lambda: len(tries) >= 2 and other.count >= 3)
        assert job_of(timetable, "fail").last_error == "ValueError: no"
        assert job_of(timetable, "other").last_error is None


async def test_a_timeout_of_the_work_itself_is_not_called_a_cut() -> None:
    timetable = a_timetable()

    async def fail() -> float:
        raise TimeoutError("the receiver is slow")

    timetable.add("fail", fail, deadline_s=60)

    async with running(timetable):
        await until(lambda: job_of(timetable, "fail").last_error is not None)
        assert job_of(timetable, "fail").last_error == "TimeoutError: the receiver is slow"


async def test_a_job_that_is_cancelled_from_within_is_started_again() -> None:
    timetable, tries = a_timetable(), []

    async def cancelled() -> float:
        tries.append(1)
        raise asyncio.CancelledError

    timetable.add("cancelled", cancelled, deadline_s=1)

    async with running(timetable):
        await until(lambda: len(tries) >= 2)


async def test_an_error_is_forgotten_after_a_good_run() -> None:
    timetable, tries = a_timetable(), []

    async def once() -> float:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("no")
        return 3600.0

    timetable.add("once", once, deadline_s=1)

    async with running(timetable):
        await until(lambda: len(tries) == 2 and job_of(timetable, "once").task is None)
        assert job_of(timetable, "once").last_error is None


async def test_wake_runs_a_waiting_job_at_once() -> None:
    timetable, sleeper = a_timetable(), Runs()
    timetable.add("sleeper", sleeper, deadline_s=1, in_s=3600)

    async with running(timetable):
        timetable.wake("sleeper")
        await until(lambda: sleeper.count == 1)


async def test_a_wake_during_a_run_leads_to_one_more_run_right_after() -> None:
    timetable, go, starts = a_timetable(), asyncio.Event(), []

    async def busy() -> float:
        starts.append(1)
        await go.wait()
        return 3600.0

    timetable.add("busy", busy, deadline_s=5)

    async with running(timetable):
        await until(lambda: len(starts) == 1)
        timetable.wake("busy")
        timetable.wake("busy")
        go.set()
        await until(lambda: len(starts) == 2 and job_of(timetable, "busy").task is None)
        assert job_of(timetable, "busy").due - time.monotonic() > 3000


@pytest.mark.parametrize("by", [timedelta(hours=-1), timedelta(hours=1), 10 * YEAR, -YEAR])
async def test_a_step_of_the_wall_clock_neither_stalls_nor_bursts(by: timedelta) -> None:
    clock = SteppedClock()
    timetable, often, seldom = a_timetable(clock), Runs(again_s=0.05), Runs()
    timetable.add("often", often, deadline_s=1)
    timetable.add("seldom", seldom, deadline_s=1, in_s=600)

    async with running(timetable):
        await until(lambda: often.count >= 1)
        before = often.count
        step(timetable, clock, by)
        await until(lambda: steps_seen(timetable) == 1 and often.count >= before + 3)
        assert timetable.late() == []

    assert seldom.count == 0
    assert job_of(timetable, "seldom").due - time.monotonic() > 590


async def test_small_corrections_of_the_clock_are_no_step() -> None:
    clock = SteppedClock()
    timetable, often = a_timetable(clock), Runs(again_s=0.02)
    timetable.add("often", often, deadline_s=1)

    async with running(timetable):
        clock.offset += timedelta(seconds=0.5)
        await until(lambda: often.count >= 4)

    assert steps_seen(timetable) == 0


async def test_stop_lets_running_work_end() -> None:
    timetable, ended, started = a_timetable(), [], asyncio.Event()

    async def finish() -> float:
        started.set()
        await asyncio.sleep(0)
        ended.append(1)
        return 0.0

    timetable.add("finish", finish, deadline_s=5)
    timetable.start()
    await asyncio.wait_for(started.wait(), PATIENCE_S)

    await timetable.stop(PATIENCE_S)

    assert ended == [1]


async def test_stop_cuts_what_does_not_end_in_time_and_starts_nothing_more() -> None:
    timetable, started, cut, other = a_timetable(), asyncio.Event(), [], Runs()

    async def hang() -> float:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut.append(1)
            raise
        raise AssertionError

    timetable.add("hang", hang, deadline_s=60)
    timetable.add("other", other, deadline_s=60, in_s=3600)
    timetable.start()
    await asyncio.wait_for(started.wait(), PATIENCE_S)
    began = time.monotonic()

    await timetable.stop(0.05)
    timetable.wake("other")
    await asyncio.sleep(0)

    assert cut == [1]
    assert time.monotonic() - began < PATIENCE_S
    assert other.count == 0
    assert all(job.task is None for job in timetable.jobs)


def test_a_loop_that_did_not_run_is_reported_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "AFTER_CRASH_S", 5.0)
    clock = ManualClock(NOON)
    timetable = a_timetable(clock)
    timetable.add("poll:wire", Runs(), deadline_s=20)
    timetable.add("process", Runs(), deadline_s=20, in_s=60)

    clock.advance(timedelta(seconds=30))
    in_time = timetable.late()
    clock.advance(timedelta(seconds=1))

    assert in_time == []
    assert timetable.late() == ["poll:wire is 31 s late"]


def test_a_step_of_the_wall_clock_makes_nothing_late() -> None:
    clock = SteppedClock()
    timetable = a_timetable(clock)
    timetable.add("poll:wire", Runs(), deadline_s=20)

    clock.offset += 10 * YEAR

    assert timetable.late() == []
