"""When things happen. The monotonic clock decides; APScheduler is only the timer.

APScheduler sleeps until a wall time, so after a step of the wall clock it would wait the step
out or fire every missed run. Here each job is a one-shot timer that is set anew after each run,
and a watcher compares wall and monotonic time every second and moves the timers after a step.
Every job runs under its own deadline; what hangs is cut, counted and started again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from monitor.clock import Clock
from monitor.metrics import Metrics

log = structlog.get_logger()

STEP_S = 2.0
WATCH_EVERY_S = 1.0
AFTER_CRASH_S = 5.0
EARLY_S = 0.05
LONGEST_TIMER_S = 3600.0

Work = Callable[[], Awaitable[float]]


@dataclass
class Job:
    """Work that returns the seconds until it wants to run again."""

    name: str
    work: Work
    deadline_s: float
    due: float = 0.0
    last_end: float | None = None
    last_error: str | None = None
    woken: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class Timetable:
    """The jobs of one daemon. Use `start`, then `stop`; `wake` runs a job at once."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock, self._metrics = clock, metrics
        self._timer = AsyncIOScheduler(timezone=UTC)
        self._jobs: dict[str, Job] = {}
        self._watcher: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def jobs(self) -> list[Job]:
        """Return every job, for the health endpoint."""
        return list(self._jobs.values())

    def add(self, name: str, work: Work, *, deadline_s: float, in_s: float = 0.0) -> None:
        """Register a job whose first run is due in `in_s` seconds."""
        self._jobs[name] = Job(name, work, deadline_s, self._clock.monotonic() + in_s)

    def start(self) -> None:
        """Begin; the running event loop is the timer's."""
        self._timer.start()
        for job in self._jobs.values():
            self._set_timer(job)
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    def wake(self, name: str) -> None:
        """Make a job due now; one that is running runs once more right after."""
        job = self._jobs[name]
        if self._stopping:
            return
        if job.task is not None:
            job.woken = True
        elif job.due > self._clock.monotonic():
            job.due = self._clock.monotonic()
            self._set_timer(job)

    def late(self) -> list[str]:
        """Return jobs that should have run or ended by now, in words."""
        now = self._clock.monotonic()
        return [
            f"{job.name} is {now - job.due:.0f} s late"
            for job in self._jobs.values()
            if now - job.due > job.deadline_s + 2 * AFTER_CRASH_S
        ]

    async def stop(self, grace_s: float) -> None:
        """Start nothing more, give running work `grace_s` seconds, then cut it."""
        self._stopping = True
        if self._watcher is not None:
            self._watcher.cancel()
        self._timer.pause()
        running = {job.task for job in self._jobs.values() if job.task is not None}
        if running:
            _, late = await asyncio.wait(running, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._timer.shutdown(wait=False)

    def _set_timer(self, job: Job) -> None:
        wait_s = min(max(job.due - self._clock.monotonic(), 0.0), LONGEST_TIMER_S)
        self._timer.add_job(
            self._fire,
            "date",
            args=[job],
            id=job.name,
            replace_existing=True,
            run_date=datetime.now(UTC) + timedelta(seconds=wait_s),
            misfire_grace_time=None,
        )

    async def _fire(self, job: Job) -> None:
        if self._stopping or job.task is not None:
            return
        if job.due - self._clock.monotonic() > EARLY_S:
            self._set_timer(job)  # the wall clock ran ahead; the time has not come
            return
        # A task of our own: APScheduler cancels the coroutines it runs itself when it stops.
        job.task = asyncio.get_running_loop().create_task(self._run(job))

    async def _run(self, job: Job) -> None:
        job.woken, wait_s = False, AFTER_CRASH_S
        limit = asyncio.timeout(job.deadline_s)
        try:
            async with limit:
                wait_s = await job.work()
            job.last_error = None
        except (Exception, asyncio.CancelledError) as error:
            if self._stopping and isinstance(error, asyncio.CancelledError):
                raise
            self._note_failure(job, error, cut=limit.expired())
        finally:
            job.task = None
            job.last_end = self._clock.monotonic()
        job.due = job.last_end if job.woken else job.last_end + wait_s
        if not self._stopping:
            self._set_timer(job)

    def _note_failure(self, job: Job, error: BaseException, *, cut: bool) -> None:
        self._metrics.restarts.labels(job.name).inc()
        if cut:
            job.last_error = f"cut after {job.deadline_s:g} s"
            log.warning("job cut at its deadline", job=job.name, deadline_s=job.deadline_s)
            return
        job.last_error = f"{type(error).__name__}: {error}"
        log.error("job failed", job=job.name, exc_info=error)

    async def _watch(self) -> None:
        offset = self._offset()
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(WATCH_EVERY_S)
                step_s = self._offset() - offset
                if abs(step_s) > STEP_S:
                    offset += step_s
                    self._metrics.clock_steps.inc()
                    log.warning("clock stepped", step_s=round(step_s, 3))
                    for job in self._jobs.values():
                        if job.task is None:
                            self._set_timer(job)

    def _offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
