"""The daemon's jobs together: poll, process, deliver; started in order, stopped in time."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from monitor import daemon as module
from monitor.alerts.words.message import Message
from monitor.daemon import Daemon, run_round, run_until_signal
from monitor.errors import DeliveryError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.scheduler import Job
from storage import StorageError, coverage, delivery_repo, source_repo
from storage.models import Alert, Coverage, Delivery, Item, Move, Signal
from storage.records import Batch
from tests.builders import NOON
from tests.desk import PATIENCE_S, Desk, SteppedClock, StubSource, news, open_desk, prices, until

HOUR = timedelta(hours=1)


@dataclass
class StubChannel:
    """A channel that keeps what it is given, or fails."""

    name: str = "console"
    sent: list[Message] = field(default_factory=list)
    error: DeliveryError | None = None
    hangs: bool = False

    async def send(self, message: Message, http: Any) -> None:
        if self.hangs:
            self.sent.append(message)
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.sent.append(message)


@asynccontextmanager
async def desk_with(
    folder: Path, *sources: StubSource, channels: Sequence[StubChannel] = (), clock: Any = None
) -> AsyncIterator[Desk]:
    async with open_desk(folder, sources=sources, clock=clock) as desk:
        desk.app.channels = {channel.name: channel for channel in channels}
        yield desk


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[Daemon]:
    daemon, stopped = Daemon(desk.app, rng=random.Random(7)), asyncio.Event()
    task = asyncio.create_task(daemon.run(serve=False, stopped=stopped))
    try:
        yield daemon
    finally:
        stopped.set()
        await asyncio.wait_for(task, PATIENCE_S)


def job_of(daemon: Daemon, name: str) -> Job:
    return next(job for job in daemon.timetable.jobs if job.name == name)


async def scheduled(desk: Desk) -> Daemon:
    """Return a daemon whose jobs are set and not started."""
    daemon = Daemon(desk.app, rng=random.Random(7))
    await daemon._schedule()
    return daemon


async def test_news_goes_from_a_poll_to_a_channel_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROCESS_EVERY_S", 3600.0)
    monkeypatch.setattr(module, "DELIVER_EVERY_S", 3600.0)
    clock, channel = SteppedClock(), StubChannel()
    wire = StubSource("wire", every=timedelta(milliseconds=10))
    async with desk_with(tmp_path, wire, channels=[channel], clock=clock) as desk, running(desk):
        wire.answers.append(())
        await until(lambda: len(wire.cursors) >= 2)
        wire.answers.append((news(published_at=clock.now()),))
        await until(lambda: bool(channel.sent))

    assert [message.rule for message in channel.sent] == ["news"]


async def test_a_source_that_is_down_stops_no_other(tmp_path: Path) -> None:
    up = StubSource("up", every=timedelta(milliseconds=10))
    down = StubSource("down", answers=[TransientSourceError("connection refused")])
    clock = SteppedClock()
    async with desk_with(tmp_path, up, down, clock=clock) as desk, running(desk) as daemon:
        await until(lambda: len(up.cursors) >= 3 and len(down.cursors) == 1)
        await until(lambda: job_of(daemon, "poll:down").task is None)
        found = await daemon.sources()

    assert found == {"up": None, "down": "connection refused"}


async def test_a_healthy_poll_comes_again_after_the_interval_from_its_start(
    tmp_path: Path,
) -> None:
    async with desk_with(tmp_path, StubSource("wire"), clock=SteppedClock()) as desk:
        daemon = await scheduled(desk)

        wait_s = await job_of(daemon, "poll:wire").work()

    assert 55.0 < wait_s < 60.0


@pytest.mark.parametrize("by", [-HOUR, HOUR, timedelta(days=3650)])
async def test_a_clock_step_in_the_middle_of_a_poll_moves_no_due_time(
    tmp_path: Path, by: timedelta
) -> None:
    clock = SteppedClock()

    async def step(http: SourceSession) -> None:
        clock.offset += by

    wire = StubSource("wire", before=step)
    async with desk_with(tmp_path, wire, clock=clock) as desk:
        daemon = await scheduled(desk)

        wait_s = await job_of(daemon, "poll:wire").work()

    assert 55.0 < wait_s < 60.0


async def test_a_failing_source_waits_its_backoff(tmp_path: Path) -> None:
    wire = StubSource("wire", answers=[TransientSourceError("busy", retry_after_s=900)])
    async with desk_with(tmp_path, wire, clock=SteppedClock()) as desk:
        daemon = await scheduled(desk)

        assert await job_of(daemon, "poll:wire").work() == 900.0


@pytest.mark.parametrize(
    ("stored", "within_s"), [(timedelta(seconds=20), 20), (24 * HOUR, 60), (-HOUR, 0)]
)
async def test_a_stored_due_time_is_kept_up_to_one_interval(
    tmp_path: Path, stored: timedelta, within_s: float
) -> None:
    async with desk_with(tmp_path, StubSource("wire")) as desk:
        await desk.poll(source=StubSource("wire"))
        with desk.session() as session:
            state = source_repo.load(session, "wire")
            state.next_due = NOON + stored
            session.add(state)

        daemon = await scheduled(desk)

    assert job_of(daemon, "poll:wire").due == within_s


@pytest.mark.parametrize(
    "error", [TransientSourceError("HTTP 429", retry_after_s=7200), TransientSourceError("down")]
)
async def test_a_failing_source_is_left_alone_over_a_restart(
    tmp_path: Path, error: TransientSourceError
) -> None:
    wire = StubSource("wire", answers=[error] * 7)
    async with desk_with(tmp_path, wire) as desk:
        for _ in range(7):
            report = await desk.poll(error=error, source=wire)
        desk.after(1)

    async with desk_with(tmp_path, wire, clock=desk.clock) as again:
        daemon = await scheduled(again)

    wait_s = job_of(daemon, "poll:wire").due - desk.clock.monotonic()
    assert wait_s == pytest.approx(report.pause.total_seconds() - 60, abs=0.002)
    assert wait_s > 3000


async def test_a_clock_set_back_by_a_year_postpones_a_failing_source_by_its_pause_alone(
    tmp_path: Path,
) -> None:
    wire = StubSource("wire", answers=[TransientSourceError("busy", retry_after_s=900)])
    clock = SteppedClock()
    async with desk_with(tmp_path, wire, clock=clock) as desk:
        await run_round(desk.app, None, rng=random.Random(7))
        clock.offset = -timedelta(days=365)
        daemon = await scheduled(desk)

    assert 800 < job_of(daemon, "poll:wire").due - clock.monotonic() <= 900


async def test_a_round_leaves_an_open_circuit_alone_unless_it_is_named(tmp_path: Path) -> None:
    wire = StubSource("wire")
    async with desk_with(tmp_path, wire) as desk:
        await desk.poll(error=TransientSourceError("busy", retry_after_s=3600), source=wire)

        left, _ = await run_round(desk.app, None, rng=random.Random(7))
        asked, _ = await run_round(desk.app, ["wire"], rng=random.Random(7))

    assert left[0].error == "not asked before 2026-03-02 13:00Z: busy"
    assert asked[0].error is None
    assert len(wire.cursors) == 2


async def test_what_nobody_watched_while_the_daemon_was_down_is_said(tmp_path: Path) -> None:
    venue = StubSource("venue")
    async with desk_with(tmp_path, venue) as desk:
        await desk.poll(prices(NOON, {"Zetacorp": "0.40"}), source=venue)
        desk.after(120)

        await scheduled(desk)
        await desk.poll(prices(desk.clock.now(), {"Zetacorp": "0.40"}), source=venue)

        for subject in ("source:venue", coverage.outcome_subject(desk.outcome("zetacorp"))):
            spans = desk.rows(Coverage, subject=subject)
            assert [span.gap_reason for span in spans] == ["the daemon was not running", None]


async def test_first_polls_are_spread_a_little(tmp_path: Path) -> None:
    stubs = [StubSource(name) for name in ("a", "b", "c")]
    async with desk_with(tmp_path, *stubs) as desk:
        daemon = await scheduled(desk)

    assert [job_of(daemon, f"poll:{name}").due for name in "abc"] == [0.0, 0.2, 0.4]


async def test_a_failed_process_looks_again_at_what_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = StubSource("venue")
    async with desk_with(tmp_path, venue) as desk:
        daemon = await scheduled(desk)
        work = job_of(daemon, "process").work
        await work()
        for mid in ("0.400", "0.500", "0.501", "0.500"):
            venue.answers.append((prices(desk.after(1), {"Zetacorp": mid}),))
            await job_of(daemon, "poll:venue").work()
        with monkeypatch.context() as broken:
            broken.setattr(module, "process", _full)
            with pytest.raises(StorageError):
                await work()

        await work()

        assert [move.state for move in desk.current(Move)] == ["persisted"]


def _full(*given: object, **named: object) -> None:
    raise StorageError("the disk is full")


async def test_more_items_than_one_run_takes_are_not_left_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ITEMS_AT_ONCE", 1)
    async with desk_with(tmp_path) as desk:
        daemon = await scheduled(desk)
        await desk.poll(Batch(items=(*news("a").items, *news("b").items)))
        work = job_of(daemon, "process").work

        waits = [await work() for _ in range(3)]

    assert waits == [0.0, 0.0, module.PROCESS_EVERY_S]


async def test_what_was_in_flight_at_a_kill_is_sent_again_and_says_so(tmp_path: Path) -> None:
    channel = StubChannel()
    async with desk_with(tmp_path, channels=[channel]) as desk:
        await desk.start()
        await desk.poll(news())
        desk.process()
        with desk.session() as session:
            delivery_repo.claim_due(session, now=NOON, limit=1, lease=HOUR)

        daemon = await scheduled(desk)
        await job_of(daemon, "deliver:console").work()

    assert [message.may_repeat for message in channel.sent] == [True]


async def test_what_waits_for_a_channel_that_left_the_config_is_given_up(tmp_path: Path) -> None:
    async with desk_with(tmp_path) as desk:
        await desk.start()
        await desk.poll(news())
        desk.process()

        await scheduled(desk)

        assert [row.state for row in desk.rows(Delivery)] == ["dead"]


async def test_a_channel_that_fails_is_counted_and_shown_as_outbox_depth(tmp_path: Path) -> None:
    broken = StubChannel(error=DeliveryError("refused", recoverable=True))
    async with desk_with(tmp_path, channels=[broken]) as desk:
        await desk.start()
        await desk.poll(news())
        desk.process()
        daemon = await scheduled(desk)

        await job_of(daemon, "deliver:console").work()
        text = daemon.metrics().decode()

    assert 'signal_monitor_notifications_total{channel="console",result="retried"} 1.0' in text
    assert "signal_monitor_outbox_pending 1.0" in text


async def test_stop_does_not_wait_for_a_hanging_channel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRAIN_S", 0.1)
    hanging = StubChannel(hangs=True)
    async with desk_with(tmp_path, channels=[hanging], clock=SteppedClock()) as desk:
        await desk.start()
        await desk.poll(news(published_at=desk.clock.now()))
        desk.process()
        async with running(desk):
            await until(lambda: bool(hanging.sent))
            began = time.monotonic()

        assert time.monotonic() - began < 2.0
        assert [row.state for row in desk.rows(Delivery)] == ["sending"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_daemon_in_order(tmp_path: Path, number: signal.Signals) -> None:
    wire = StubSource("wire")
    async with desk_with(tmp_path, wire, clock=SteppedClock()) as desk:
        task = asyncio.create_task(run_until_signal(desk.app, serve=False))
        await until(lambda: len(wire.cursors) == 1)

        signal.raise_signal(number)

        await asyncio.wait_for(task, PATIENCE_S)


async def test_a_second_signal_does_not_wait_for_the_drain(tmp_path: Path) -> None:
    hanging = StubChannel(hangs=True)
    async with desk_with(tmp_path, channels=[hanging], clock=SteppedClock()) as desk:
        await desk.start()
        await desk.poll(news(published_at=desk.clock.now()))
        desk.process()
        with capture_logs() as said:
            task = asyncio.create_task(run_until_signal(desk.app, serve=False))
            await until(lambda: bool(hanging.sent))
            began = time.monotonic()

            signal.raise_signal(signal.SIGTERM)
            await until(lambda: any(line["event"] == "stopping" for line in said))
            signal.raise_signal(signal.SIGTERM)
            await asyncio.wait_for(task, PATIENCE_S)

    assert time.monotonic() - began < module.DRAIN_S


async def test_sources_tell_what_is_wrong_with_each(tmp_path: Path) -> None:
    stubs = {name: StubSource(name) for name in ("fresh", "failing", "stale", "new")}
    async with desk_with(tmp_path, *stubs.values()) as desk:
        daemon = Daemon(desk.app, rng=random.Random(7))
        await desk.poll(source=stubs["stale"])
        await desk.poll(source=StubSource("left-the-config"))
        desk.after(16)
        await desk.poll(source=stubs["fresh"])
        await desk.poll(source=stubs["failing"], error=TransientSourceError("HTTP 503"))

        found = await daemon.sources()

    assert found == {
        "fresh": None,
        "failing": "HTTP 503",
        "stale": "last read 2026-03-02 12:00Z",
        "new": "not polled yet",
    }


async def test_jobs_tell_their_last_error(tmp_path: Path) -> None:
    async with desk_with(tmp_path, StubSource("wire"), channels=[StubChannel()]) as desk:
        daemon = await scheduled(desk)
        job_of(daemon, "process").last_error = "cut after 120 s"

        assert daemon.jobs() == [
            {"job": "poll:wire", "running": False, "last_error": None},
            {"job": "process", "running": False, "last_error": "cut after 120 s"},
            {"job": "deliver:console", "running": False, "last_error": None},
            {"job": "grades", "running": False, "last_error": None},
        ]


async def test_one_round_polls_processes_and_delivers(tmp_path: Path) -> None:
    wire, channel = StubSource("wire"), StubChannel()
    async with desk_with(tmp_path, wire, channels=[channel]) as desk:
        await run_round(desk.app, None, rng=random.Random(7))
        wire.answers.append((news(),))

        reports, found = await run_round(desk.app, None, rng=random.Random(7))

    assert [report.rows["items"] for report in reports] == [1]
    assert (found.signals, found.alerts) == (2, 1)
    assert len(channel.sent) == 1


async def test_a_round_asks_only_the_named_sources(tmp_path: Path) -> None:
    wire, post = StubSource("wire"), StubSource("post")
    async with desk_with(tmp_path, wire, post) as desk:
        reports, _ = await run_round(desk.app, ["post"], rng=random.Random(7))

    assert [report.source for report in reports] == ["post"]
    assert wire.cursors == []


async def test_a_round_finds_what_a_killed_one_left(tmp_path: Path) -> None:
    venue = StubSource("venue")
    async with desk_with(tmp_path, venue) as desk:
        for mid in ("0.400", "0.500", "0.501", "0.500"):
            await desk.poll(prices(desk.after(1), {"Zetacorp": mid}), source=venue)
        await desk.poll(news(), source=StubSource("wire"))

        _, found = await run_round(desk.app, None, rng=random.Random(7))

        assert (found.moves, found.signals) == (1, 2)
        assert len(desk.rows(Item)) == 1
        assert {row.theme for row in desk.rows(Signal)} == {"glasses", "wearables"}
        assert [row.rule for row in desk.rows(Alert)] == ["jump"]
