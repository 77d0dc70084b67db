"""The socket beside the polls: it wakes them, politely, and never stands in their way."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import PrivateAttr
from structlog.testing import capture_logs

from monitor import daemon as daemon_module
from monitor.daemon import DRAIN_S, Daemon
from monitor.errors import TransientSourceError
from monitor.hints import HintPace, Hints, open_hints
from monitor.sources.base import Cursor, Fetcher, Page
from monitor.sources.polymarket.source import PolymarketSource
from monitor.ws_lines import LinePace
from storage.models import Quote
from storage.records import Batch, MarketStatus
from tests.desk import PATIENCE_S, Desk, SteppedClock, a_leg, open_desk, prices, until
from tests.venue_socket import VenueSocket, best, book, resolved, trade, venue_socket

LINE = LinePace(ping_s=0.05, first_wait_s=0.005, longest_wait_s=0.02)
FAST = HintPace(floor_s=0.0, settle_s=0.0, refresh_s=0.02, line=LINE)
ONCE = HintPace(floor_s=3600.0, settle_s=0.0, refresh_s=3600.0, line=LINE)
TOKEN = "zetacorp-yes"


class PlayedSource(PolymarketSource):
    """Polymarket, whose polls are counted and read nothing, or fail."""

    every: Any = timedelta(hours=1)
    hints: bool = True
    _polls: list[float] = PrivateAttr(default_factory=list)
    _error: Exception | None = PrivateAttr(default=None)

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        self._polls.append(time.monotonic())
        if self._error is not None:
            raise self._error
        return []


@dataclass
class Woken:
    """Whom the hints woke."""

    names: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> None:
        self.names.append(name)


@asynccontextmanager
async def hinted(
    desk: Desk, venue: VenueSocket, pace: HintPace = FAST
) -> AsyncIterator[tuple[Hints, Woken]]:
    """Yield running hints of a source whose last poll went well."""
    desk.app.http.allowed = frozenset({venue.host})
    source, woken = PlayedSource(name="polymarket", ws_url=venue.url), Woken()
    hints = Hints(desk.app, source, woken, random.Random(7), pace=pace)
    hints.start()
    hints.poll_ended(ok=True)
    try:
        yield hints, woken
    finally:
        await hints.stop()


def hinted_polls(desk: Desk) -> float | None:
    name = "signal_monitor_hints_total"
    return desk.app.metrics.registry.get_sample_value(name, {"source": "polymarket"})


async def follow(desk: Desk, *labels: str) -> None:
    await desk.poll(prices(desk.clock.now(), dict.fromkeys(labels, "0.41")))


async def test_a_burst_wakes_the_poll_once_and_stores_nothing(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk, venue_socket() as venue:
        await follow(desk, "Zetacorp")
        stored = len(desk.rows(Quote))
        async with hinted(desk, venue, ONCE) as (_, woken):
            await until(lambda: venue.listening(TOKEN))
            await venue.say([book(TOKEN, "0.40", "0.42")])
            await venue.say(*(best(TOKEN, f"0.{n}", "0.99") for n in range(45, 65)))
            await venue.say(trade(TOKEN, "0.10"), "PONG")
            await until(lambda: bool(woken.names))
            await venue.say(best(TOKEN, "0.10", "0.12"))

        assert woken.names == ["polymarket"]
        assert hinted_polls(desk) == 1.0
        assert len(desk.rows(Quote)) == stored


async def test_a_small_move_and_a_stranger_wake_nothing(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk, venue_socket() as venue:
        await follow(desk, "Zetacorp")
        async with hinted(desk, venue) as (hints, woken):
            await until(lambda: venue.listening(TOKEN))
            await venue.say(book(TOKEN, "0.40", "0.42"), best(TOKEN, "0.409", "0.42"))
            await venue.say(best("stranger", "0.90", "0.92"), resolved("stranger"), "INVALID")
            before = len(venue.heard[0])
            await until(lambda: len(venue.heard[0]) > before + 1)

            assert not hints._moved.is_set()
            assert woken.names == []
            assert hints._movement._latest.keys() == {TOKEN}


async def test_a_poll_is_woken_again_once_the_floor_is_over(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk, venue_socket() as venue:
        pace = HintPace(floor_s=0.1, settle_s=0.0, line=LINE)
        async with hinted(desk, venue, pace) as (hints, woken):
            began = time.monotonic()
            for polls in (1, 2, 3):
                hints._moved.set()
                await until(lambda n=polls: len(woken.names) == n)

    assert time.monotonic() - began >= 0.2


async def test_a_poll_that_began_after_a_move_has_read_it(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk, venue_socket() as venue:
        async with hinted(desk, venue) as (hints, woken):
            hints._moved.set()
            hints.poll_began()
            hints.poll_ended(ok=True)

            assert not hints._moved.is_set()
        assert woken.names == []


async def test_the_floor_counts_from_a_poll_that_began_by_itself(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk, venue_socket() as venue:
        pace = HintPace(floor_s=0.2, settle_s=0.05, line=LINE)
        async with hinted(desk, venue, pace) as (hints, woken):
            hints._moved.set()
            await _turns(5)
            began = time.monotonic()
            hints.poll_began()
            hints.poll_ended(ok=True)
            hints._moved.set()
            await until(lambda: bool(woken.names))

    assert time.monotonic() - began >= 0.2


async def test_a_hint_during_a_poll_waits_for_its_end(tmp_path: Path) -> None:
    async with (
        open_desk(tmp_path) as desk,
        venue_socket() as venue,
        hinted(desk, venue) as (hints, woken),
    ):
        hints.poll_began()
        hints._moved.set()
        await _turns(20)
        assert woken.names == []

        hints.poll_ended(ok=True)
        await until(lambda: len(woken.names) == 1)


async def test_a_source_that_fails_keeps_its_backoff_whatever_moves(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk, venue_socket() as venue:
        async with hinted(desk, venue) as (hints, woken):
            hints.poll_began()
            hints._moved.set()
            hints.poll_ended(ok=False)
            await until(lambda: not hints._moved.is_set())
            hints._moved.set()
            await until(lambda: not hints._moved.is_set())

        assert woken.names == []
        assert hinted_polls(desk) is None


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_followed_and_open_is_what_is_listened_to(tmp_path: Path) -> None:
    async with (
        open_desk(tmp_path) as desk,
        venue_socket() as venue,
        hinted(desk, venue) as (hints, _),
    ):
        await follow(desk, "Zetacorp", "Omegacorp")
        hints.poll_ended(ok=True)
        await until(lambda: venue.listening("zetacorp-yes", "omegacorp-yes"))

        await follow(desk, "Sigmacorp")
        await until(lambda: len(venue.requests()) == 2)
        legs = (a_leg("Zetacorp", status=MarketStatus.CLOSED), a_leg("Omegacorp"))
        await desk.poll(Batch(markets=legs))
        await until(lambda: venue.listening("omegacorp-yes", "sigmacorp-yes"))

    assert venue.requests()[1]["assets_ids"] == ["sigmacorp-yes"]
    assert venue.requests()[1]["operation"] == "subscribe"


async def test_a_store_that_cannot_be_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_desk(tmp_path) as desk, venue_socket() as venue:
        await follow(desk, "Zetacorp")
        read, refuse = desk.app.read, asyncio.Event()

        async def fragile(work: Any) -> Any:
            if not refuse.is_set():
                refuse.set()
                raise OSError("disk I/O error")
            return await read(work)

        monkeypatch.setattr(desk.app, "read", fragile)
        with capture_logs() as said:
            async with hinted(desk, venue) as (hints, _):
                await until(refuse.is_set)
                hints.poll_ended(ok=True)
                await until(lambda: venue.listening(TOKEN))

    assert said[0]["event"] == "what to listen to is not known"


async def test_without_the_package_one_warning_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    sources = [PlayedSource(name=name) for name in ("polymarket", "second")]
    async with open_desk(tmp_path, sources=sources, clock=SteppedClock()) as desk:
        with capture_logs() as said:
            async with running(desk):
                await until(lambda: all(source._polls for source in sources))

    assert [line["event"] for line in said if line["log_level"] == "warning"] == [
        "hints need the package websockets: pip install 'signal-monitor[hints]'"
    ]


async def test_only_sources_that_want_hints_have_them(tmp_path: Path) -> None:
    sources = [PlayedSource(name="a"), PlayedSource(name="b", hints=False)]
    async with open_desk(tmp_path, sources=sources) as desk:
        assert open_hints(desk.app, Woken(), random.Random(7)).keys() == {"a"}


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[Daemon]:
    daemon, stopped = Daemon(desk.app, rng=random.Random(7)), asyncio.Event()
    task = asyncio.create_task(daemon.run(serve=False, stopped=stopped))
    try:
        yield daemon
    finally:
        stopped.set()
        await asyncio.wait_for(task, PATIENCE_S)


async def test_the_daemon_polls_at_once_when_the_socket_tells_a_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_module, "open_hints", partial(open_hints, pace=FAST))
    async with venue_socket() as venue:
        source = PlayedSource(name="polymarket", ws_url=venue.url)
        async with open_desk(tmp_path, sources=[source], clock=SteppedClock()) as desk:
            desk.app.http.allowed = frozenset({venue.host})
            await follow(desk, "Zetacorp")
            async with running(desk) as daemon:
                await until(lambda: venue.listening(TOKEN) and idle(daemon))
                polls = len(source._polls)
                assert daemon._hints["polymarket"]._began_at > 0
                await venue.say(book(TOKEN, "0.40", "0.42"), best(TOKEN, "0.50", "0.52"))
                await until(lambda: len(source._polls) == polls + 1)
            assert not venue.open
            metrics = daemon.metrics().decode()

    assert 'signal_monitor_hints_total{source="polymarket"} 1.0' in metrics


def idle(daemon: Daemon) -> bool:
    """Return whether every poll has run and none is running."""
    polls = [job for job in daemon.timetable.jobs if job.name.startswith("poll:")]
    return all(job.task is None and job.last_end is not None for job in polls)


async def test_a_poll_that_failed_is_not_woken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_module, "open_hints", partial(open_hints, pace=FAST))
    async with venue_socket() as venue:
        source = PlayedSource(name="polymarket", ws_url=venue.url)
        source._error = TransientSourceError("HTTP 429", retry_after_s=900)
        async with open_desk(tmp_path, sources=[source], clock=SteppedClock()) as desk:
            desk.app.http.allowed = frozenset({venue.host})
            await follow(desk, "Zetacorp")
            async with running(desk) as daemon:
                await until(lambda: venue.listening(TOKEN) and idle(daemon))
                hints = daemon._hints["polymarket"]
                await venue.say(resolved(TOKEN))
                await until(lambda: TOKEN in hints._movement._over and not hints._moved.is_set())

    assert len(source._polls) == 1


@pytest.mark.parametrize("answers", [False, True])
async def test_a_socket_that_never_opens_disturbs_neither_polls_nor_health_nor_the_stop(
    tmp_path: Path, answers: bool
) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answers:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\nnot a socket")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        source = PlayedSource(
            name="polymarket", ws_url=f"ws://{host}", every=timedelta(milliseconds=1000)
        )
        async with open_desk(tmp_path, sources=[source], clock=SteppedClock()) as desk:
            desk.app.http.allowed = frozenset({host})
            await follow(desk, "Zetacorp")
            async with running(desk) as daemon:
                await until(lambda: len(source._polls) >= 2)
                assert daemon.late() == []
                assert await daemon.sources() == {"polymarket": None}
                began = time.monotonic()

    assert time.monotonic() - began < DRAIN_S


async def test_a_private_socket_is_refused_and_polls_go_on(tmp_path: Path) -> None:
    async with venue_socket() as venue:
        source = PlayedSource(name="polymarket", ws_url=venue.url)
        async with open_desk(tmp_path, sources=[source], clock=SteppedClock()) as desk:
            await follow(desk, "Zetacorp")
            with capture_logs() as said:
                async with running(desk):
                    await until(
                        lambda: (
                            any(line["event"] == "socket down, polling goes on" for line in said)
                            and bool(source._polls)
                        )
                    )

    lost = next(line["error"] for line in said if line["event"] == "socket down, polling goes on")
    assert lost == (
        "refused to connect to 127.0.0.1: it leads to 127.0.0.1, which is not a public address; "
        f'list "{venue.host}" under http.allow_private_hosts if that is meant'
    )
    assert venue.heard == []
