"""The life of the process: open, poll, process, deliver, answer about health, stop in order."""

from __future__ import annotations

import asyncio
import random
import signal
from datetime import datetime

import structlog
from sqlmodel import Session

from monitor.alerts.channels.base import Channel
from monitor.alerts.channels.feed import Feed, atom
from monitor.alerts.outbox import Outbox, deliver_channel
from monitor.app import App
from monitor.hints import open_hints
from monitor.jobs import circuit, gaps
from monitor.jobs.dead_man import ping_while_well
from monitor.jobs.follow import follow_known
from monitor.jobs.grades import grade_due
from monitor.jobs.poll import left_alone, poll_source
from monitor.jobs.poll_report import PollReport
from monitor.jobs.process import Processed, process
from monitor.reports.source_health import illnesses
from monitor.scheduler import Timetable, Work
from monitor.sources.base import Source
from monitor.web.server import HealthServer
from storage import delivery_repo, source_repo
from storage.models import SourceState

log = structlog.get_logger()

SIGNALS = (signal.SIGTERM, signal.SIGINT)
DRAIN_S = 3.0
PROCESS_EVERY_S = 20.0
DELIVER_EVERY_S = 2.0
PROCESS_DEADLINE_S = 120.0
# Less than a second of work where each item is a story of its own: nothing is sent meanwhile, and
# a daemon that dies sooner than that would never get on.
ITEMS_AT_ONCE = 25
# A full outbox takes longer than one message, and each attempt has a deadline of its own.
DELIVER_DEADLINE_S = 300.0
PING_DEADLINE_S = 30.0
GRADE_EVERY_S = 600.0
SPREAD_S = 0.2


class Daemon:
    """Jobs of one App: a poll for each source, one process, one delivery for each channel."""

    def __init__(self, app: App, *, rng: random.Random) -> None:
        self._app, self._rng = app, rng
        self.timetable = Timetable(app.clock, app.metrics)
        self._changed: set[int] = set()
        self._boards = True
        self._looked_at_all = False
        self._started_at = app.clock.now()
        self._hints = open_hints(app, lambda name: self.timetable.wake(f"poll:{name}"), rng)
        self._outbox = Outbox(app.store, app.http, app.clock, app.in_store_thread, rng)

    async def run(self, *, serve: bool, stopped: asyncio.Event) -> None:
        """Work until `stopped` is set, then drain within DRAIN_S seconds."""
        await self._schedule()
        server = HealthServer(self, listen=self._app.config.web.listen) if serve else None
        if server is not None:
            await server.start()
        self.timetable.start()
        for hints in self._hints.values():
            hints.start()
        log.info("started", sources=len(self._app.sources), web=server.url if server else None)
        try:
            await stopped.wait()
        finally:
            log.info("stopping")
            hushed = (hints.stop() for hints in self._hints.values())
            await asyncio.gather(self.timetable.stop(DRAIN_S), *hushed)
            if server is not None:
                await server.stop()
            log.info("stopped")

    def late(self) -> list[str]:
        """Return loops that should have run by now, in words."""
        return self.timetable.late()

    def jobs(self) -> list[dict[str, object]]:
        """Return each job with its last error."""
        return [
            {"job": job.name, "running": job.task is not None, "last_error": job.last_error}
            for job in self.timetable.jobs
        ]

    async def sources(self) -> dict[str, str | None]:
        """Return each polled source with what is wrong with it, None when it works."""
        states, now = await self._app.read(source_repo.load_all), self._app.clock.now()
        return {
            source.name: _illness(source, states.get(source.name), now)
            for source in self._app.sources
        }

    def metrics(self) -> bytes:
        """Return Prometheus' exposition format."""
        return self._app.metrics.text()

    async def feed(self, name: str, *, url: str) -> tuple[bytes, datetime] | None:
        """Return the Atom document of a feed channel and its last change; None without one."""
        channel = self._app.channels.get(name)
        if not isinstance(channel, Feed):
            return None
        entries = await self._app.read(channel.entries)
        document = atom(name, entries, url=url, since=self._started_at)
        return document, entries[0].sent_at if entries else self._started_at

    async def _schedule(self) -> None:
        """Set every first run: at once what fell due while we were away."""
        await self._app.write(self._take_up)
        states = await self._app.read(source_repo.load_all)
        now = self._app.clock.now()
        for number, source in enumerate(self._app.sources):
            pause = circuit.wait_left(source, states.get(source.name), now=now).total_seconds()
            deadline_s = self._app.http.deadline.total_seconds() * 6
            self.timetable.add(
                f"poll:{source.name}",
                self._poll_work(source),
                deadline_s=deadline_s,
                in_s=max(pause, number * SPREAD_S),
            )
        self.timetable.add("process", self._process, deadline_s=PROCESS_DEADLINE_S)
        for channel in self._app.channels.values():
            self.timetable.add(
                f"deliver:{channel.name}",
                self._deliver_work(channel),
                deadline_s=DELIVER_DEADLINE_S,
            )
        # Nothing is graded for hours; the first minutes belong to what cannot wait.
        self.timetable.add("grades", self._grade, deadline_s=PROCESS_DEADLINE_S, in_s=GRADE_EVERY_S)
        if switch := self._app.dead_man:
            # Not at once: a daemon that dies and starts again and again should not look alive.
            self.timetable.add(
                "dead-man",
                lambda: ping_while_well(self._app, switch, self.late()),
                deadline_s=PING_DEADLINE_S,
                in_s=switch.every.total_seconds(),
            )

    def _take_up(self, session: Session) -> None:
        """Take up what was left: deliveries in flight, markets already stored, series unwatched."""
        delivery_repo.requeue_interrupted(session, now=self._app.clock.now())
        delivery_repo.bury_unknown(session, self._app.channels)
        follow_known(session, self._app.topics)
        gaps.note_stop(session, self._app.sources)

    def _poll_work(self, source: Source) -> Work:
        hints = self._hints.get(source.name)

        async def work() -> float:
            began = self._app.clock.monotonic()
            if hints is not None:
                hints.poll_began()
            report = await poll_source(self._app, source, rng=self._rng)
            if hints is not None:
                hints.poll_ended(ok=report.error is None)
            self._note(report)
            wait_s = report.pause.total_seconds()
            if report.error is None:
                wait_s -= self._app.clock.monotonic() - began
            return max(wait_s, 0.0)

        return work

    def _note(self, report: PollReport) -> None:
        self._changed.update(report.changed_outcomes)
        self._boards = self._boards or bool(report.rows["standings"])
        if report.brought_news:
            self.timetable.wake("process")

    async def _process(self) -> float:
        changed, self._changed = self._changed, set()
        boards, self._boards = self._boards, False
        try:
            found = await self._app.write(
                lambda session: process(
                    session,
                    self._app.topics,
                    self._app.rules,
                    now=self._app.clock.now(),
                    outcome_ids=changed if self._looked_at_all else None,
                    boards=boards,
                    schedules_since=self._started_at,
                    sources=self._app.sources,
                    section=self._app.config.alerts,
                    items_at_once=ITEMS_AT_ONCE,
                )
            )
        except BaseException:
            # What was not looked at is still to be looked at.
            self._changed |= changed
            self._boards = self._boards or boards
            raise
        self._looked_at_all = True
        self._wake_channels(found)
        return 0.0 if found.more else PROCESS_EVERY_S

    async def _grade(self) -> float:
        topics, now = self._app.topics, self._app.clock.now()
        await self._app.write(lambda session: grade_due(session, topics, now=now))
        return GRADE_EVERY_S

    def _wake_channels(self, found: Processed) -> None:
        if found.alerts:
            for channel in self._app.channels.values():
                self.timetable.wake(f"deliver:{channel.name}")

    def _deliver_work(self, channel: Channel) -> Work:
        async def work() -> float:
            report = await deliver_channel(self._outbox, channel)
            for result in ("sent", "retried", "dead"):
                count = getattr(report, result)
                self._app.metrics.sent.labels(channel.name, result).inc(count)
            for name, error in report.errors:
                log.warning("delivery failed", channel=name, error=error)
            pending = await self._app.read(delivery_repo.pending_count)
            self._app.metrics.outbox.set(pending)
            return DELIVER_EVERY_S

        return work


async def run_until_signal(app: App, *, serve: bool) -> None:
    """Run the daemon until SIGTERM or SIGINT; a second one stops at once."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()

    def stop() -> None:
        if stopped.is_set() and main is not None:
            main.cancel()
        stopped.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        await Daemon(app, rng=random.Random()).run(serve=serve, stopped=stopped)  # noqa: S311
    except asyncio.CancelledError:
        if not stopped.is_set():
            raise
        log.warning("stopped at once")
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


async def run_round(
    app: App, names: list[str] | None, *, rng: random.Random
) -> tuple[list[PollReport], Processed]:
    """Return what one round did: the named sources (all when None), then every job once.

    A source that is named is asked by hand, whatever its circuit says.
    """
    chosen = [source for source in app.sources if names is None or source.name in names]
    by_hand = names is not None
    polls = (_ask(app, source, by_hand=by_hand, rng=rng) for source in chosen)
    reports = list(await asyncio.gather(*polls))
    changed = {outcome for report in reports for outcome in report.changed_outcomes}
    boards = names is None or any(report.rows["standings"] for report in reports)
    found = await app.write(
        lambda session: process(
            session,
            app.topics,
            app.rules,
            now=app.clock.now(),
            outcome_ids=None if names is None else changed,
            boards=boards,
            sources=app.sources,
            section=app.config.alerts,
        )
    )
    outbox = Outbox(app.store, app.http, app.clock, app.in_store_thread, rng)
    await asyncio.gather(*(deliver_channel(outbox, channel) for channel in app.channels.values()))
    return reports, found


async def _ask(app: App, source: Source, *, by_hand: bool, rng: random.Random) -> PollReport:
    state = await app.read(lambda session: source_repo.load(session, source.name))
    wait = circuit.wait_left(source, state, now=app.clock.now())
    if wait and state.circuit_until is not None and not by_hand:
        until = f"{app.clock.now() + wait:%Y-%m-%d %H:%M}Z"
        return left_alone(app, source, f"not asked before {until}: {state.last_error}", wait)
    return await poll_source(app, source, rng=rng, by_hand=by_hand)


def _illness(source: Source, state: SourceState | None, now: datetime) -> str | None:
    if state is None or (state.last_ok_at is None and state.last_error is None):
        return "not polled yet"
    found = illnesses(source, state, now=now, watched_since=state.last_ok_at)
    return state.last_error or "; ".join(each.said for each in found) or None
