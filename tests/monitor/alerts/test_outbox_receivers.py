"""Receivers that misbehave, over real sockets: each ends in its own state and delays no other."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr
from sqlmodel import select

from monitor.alerts.channels.webhook import Webhook
from monitor.alerts.outbox import Outbox, deliver_channel
from monitor.clock import ManualClock
from monitor.http_client import HttpClient
from storage import Store, open_store
from storage.alert_repo import AlertDraft, add_alert
from storage.models import Delivery

START = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)
Result = TypeVar("Result")
Reply = Callable[["Request"], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """What arrived and the way back."""

    headers: dict[str, str]
    body: dict[str, Any]
    writer: asyncio.StreamWriter

    @property
    def may_repeat(self) -> bool:
        return "x-signal-monitor-may-repeat" in self.headers


@dataclass
class Receiver:
    """A server on loopback that takes each request whole and answers with the next reply."""

    replies: list[Reply]
    got: list[Request] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    host: str = ""
    stop: Callable[[], None] = lambda: None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in head)
            }
            body = json.loads(await reader.readexactly(int(headers["content-length"])))
            request = Request(headers, body, writer)
            self.got.append(request)
            self.times.append(monotonic())
            self.asked.set()
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
            await reply(request)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def says(status: str, *headers: str) -> Reply:
    async def reply(request: Request) -> None:
        lines = [f"HTTP/1.1 {status}", "Content-Length: 0", "Connection: close", *headers, "", ""]
        request.writer.write("\r\n".join(lines).encode())
        await request.writer.drain()

    return reply


async def hangs(request: Request) -> None:
    await asyncio.Event().wait()


async def resets(request: Request) -> None:
    sock: socket.socket = request.writer.get_extra_info("socket")
    # Zero linger makes the close a reset, as a killed process or a firewall sends it.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.writer.transport.abort()


async def breaks_off_after_200(request: Request) -> None:
    request.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    await request.writer.drain()
    request.writer.close()


OK = says("200 OK")


@asynccontextmanager
async def served(*replies: Reply) -> AsyncIterator[Receiver]:
    receiver = Receiver(list(replies))
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await receiver.serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    receiver.stop = server.close
    receiver.host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


class Desk:
    """An outbox over a store, a real client and channels to receivers."""

    def __init__(self, store: Store, http: HttpClient, clock: ManualClock) -> None:
        self.store, self.clock = store, clock
        self.box = Outbox(store, http, clock, self._write, random.Random(0))
        self.channels: dict[str, Webhook] = {}
        self.queued = 0

    def channel(self, name: str, receiver: Receiver, *, deadline_s: float = 30.0) -> None:
        url = SecretStr(f"http://{receiver.host}/alerts")
        self.channels[name] = Webhook(name, url, deadline=timedelta(seconds=deadline_s))

    def queue(self, *channels: str) -> None:
        key, self.queued = f"k{self.queued}", self.queued + 1
        entry = {
            "labels": {"alertname": "r"}, "annotations": {"summary": key},
            "startsAt": "2025-11-27T12:00:00.000Z", "generatorURL": "",
        }  # fmt: skip
        payload = {
            "kind": "schedule", "rule": "r", "severity": "info", "title": key, "why": [],
            "at": "2025-11-27T12:00:00.000Z", "group_key": key, "lines": [], "alerts": [entry],
        }  # fmt: skip
        draft = AlertDraft(
            dedup_key=key, escalation=0, rule="r", kind="schedule", severity="info",
            at=self.clock.now(), title=key, group_key=key, reason=(), payload=payload,
            channels=channels or tuple(self.channels),
        )  # fmt: skip
        with self.store.begin() as session:
            assert add_alert(session, draft) is not None

    async def deliver(self, *names: str) -> None:
        rounds = (
            deliver_channel(self.box, channel)
            for name, channel in self.channels.items()
            if name in (names or self.channels)
        )
        await asyncio.gather(*rounds)

    def rows(self, channel: str) -> list[Delivery]:
        with self.store.read() as session:
            query = select(Delivery).where(Delivery.channel == channel)
            return list(session.exec(query.order_by(Delivery.alert_id)))  # type: ignore[arg-type]

    def row(self, channel: str) -> Delivery:
        (found,) = self.rows(channel)
        return found

    async def _write(self, work: Callable[[], Result], /) -> Result:
        return work()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


@asynccontextmanager
async def a_desk(store: Store, **replies: tuple[Reply, ...]) -> AsyncIterator[tuple[Desk, Any]]:
    """Yield a desk with a channel for each receiver, and the receivers by name."""
    clock = ManualClock(START)
    async with AsyncExitStack() as stack:
        receivers = {
            name: await stack.enter_async_context(served(*each)) for name, each in replies.items()
        }
        http = await stack.enter_async_context(
            HttpClient(
                clock,
                contact="desk@example.org",
                deadline=timedelta(seconds=30),
                max_bytes=1 << 20,
                allow_private_hosts=frozenset(each.host for each in receivers.values()),
            )
        )
        desk = Desk(store, http, clock)
        for name, receiver in receivers.items():
            desk.channel(name, receiver)
        yield desk, receivers


async def test_one_that_hangs_is_maybe_sent_and_delays_nobody(store: Store) -> None:
    async with a_desk(store, hung=(hangs, OK), well=(OK,)) as (desk, receivers):
        desk.channel("hung", receivers["hung"], deadline_s=0.3)
        desk.queue()
        stuck = asyncio.create_task(desk.deliver("hung"))
        await receivers["hung"].asked.wait()
        assert desk.row("hung").state == "sending"
        await desk.deliver("well")
        await stuck
        failed = desk.row("hung")
        desk.clock.advance(timedelta(seconds=5))
        desk.channel("hung", receivers["hung"])
        await desk.deliver("hung")
    assert desk.row("well").state == "sent"
    assert (failed.state, failed.maybe_sent) == ("queued", True)
    assert "no answer before the deadline" in str(failed.last_error)
    assert [request.may_repeat for request in receivers["hung"].got] == [False, True]
    assert (desk.row("hung").state, desk.row("hung").attempts) == ("sent", 2)


async def test_one_that_resets_instead_of_answering_is_maybe_sent(store: Store) -> None:
    async with a_desk(store, reset=(resets, OK)) as (desk, receivers):
        desk.queue()
        await desk.deliver()
        failed = desk.row("reset")
        desk.clock.advance(timedelta(seconds=5))
        await desk.deliver()
    assert (failed.state, failed.maybe_sent) == ("queued", True)
    first, second = receivers["reset"].got
    key = "x-signal-monitor-key"
    assert (second.may_repeat, first.headers[key]) == (True, second.headers[key])
    assert desk.row("reset").state == "sent"


async def test_one_that_breaks_off_after_its_200_has_taken_it(store: Store) -> None:
    async with a_desk(store, broken=(breaks_off_after_200,)) as (desk, receivers):
        desk.queue()
        await desk.deliver()
        desk.clock.advance(timedelta(hours=1))
        await desk.deliver()
    assert len(receivers["broken"].got) == 1
    assert (desk.row("broken").state, desk.row("broken").maybe_sent) == ("sent", False)


async def test_one_that_was_never_reached_is_not_maybe_sent(store: Store) -> None:
    async with a_desk(store, closed=(OK,)) as (desk, receivers):
        receivers["closed"].stop()
        desk.queue()
        await desk.deliver()
    row = desk.row("closed")
    assert (row.state, row.maybe_sent, row.attempts) == ("queued", False, 1)


async def test_one_that_is_busy_is_left_alone_for_as_long_as_it_asked(store: Store) -> None:
    busy = says("429 Too Many Requests", "Retry-After: 120")
    async with a_desk(store, busy=(busy, OK), well=(OK,)) as (desk, receivers):
        desk.queue()
        await desk.deliver()
        failed = desk.row("busy")
        desk.clock.advance(timedelta(seconds=119))
        desk.queue()
        await desk.deliver()
        asked = len(receivers["busy"].got)
        desk.clock.advance(timedelta(seconds=1))
        await desk.deliver()
    assert (failed.state, failed.maybe_sent) == ("queued", False)
    assert failed.next_attempt_at == START + timedelta(seconds=120)
    assert (asked, len(receivers["well"].got)) == (1, 2)
    assert [row.state for row in desk.rows("busy")] == ["sent", "sent"]
    assert not any(request.may_repeat for request in receivers["busy"].got)


async def test_one_that_fails_for_an_hour_gets_all_of_it_in_the_end(store: Store) -> None:
    async with a_desk(store, down=(says("500 Oops"),), well=(OK,)) as (desk, receivers):
        for minute in range(60):
            if minute % 6 == 0:
                desk.queue()
            await desk.deliver()
            assert len(receivers["well"].got) == desk.queued
            desk.clock.advance(timedelta(minutes=1))
        states = {(row.state, row.maybe_sent) for row in desk.rows("down")}
        tried = len(receivers["down"].got)
        receivers["down"].replies = [OK]
        desk.clock.advance(timedelta(minutes=15))
        await desk.deliver()
    assert states == {("queued", False)}
    # Every minute would be 60; the pauses double up to 15 min and ten newcomers knock once each.
    assert 10 <= tried < 50
    assert {row.state for row in desk.rows("down")} == {"sent"}
    arrived = [request.headers["x-signal-monitor-key"] for request in receivers["down"].got]
    assert len(set(arrived)) == 10
    assert arrived[tried:] == list(dict.fromkeys(arrived[tried:]))


@pytest.mark.parametrize("status", ["410 Gone", "400 Bad Request", "404 Not Found"])
async def test_one_that_refuses_for_good_is_a_dead_letter_at_once(
    store: Store, status: str
) -> None:
    async with a_desk(store, gone=(says(status),)) as (desk, receivers):
        desk.queue()
        await desk.deliver()
        desk.clock.advance(timedelta(days=1))
        await desk.deliver()
    row = desk.row("gone")
    assert (row.state, row.attempts, row.maybe_sent) == ("dead", 1, False)
    assert status[:3] in str(row.last_error)
    assert len(receivers["gone"].got) == 1


async def test_beside_five_that_misbehave_a_healthy_one_is_served_within_two_seconds(
    store: Store,
) -> None:
    waits = says("429 Too Many Requests", "Retry-After: 60")
    async with a_desk(
        store,
        hung=(hangs,),
        reset=(resets,),
        busy=(waits,),
        down=(says("500 Oops"),),
        gone=(says("410 Gone"),),
        well=(OK,),
    ) as (desk, receivers):
        hung = None
        delays = []
        for _ in range(20):
            desk.queue()
            queued_at, before = monotonic(), len(receivers["well"].got)
            hung = hung or asyncio.create_task(desk.deliver("hung"))
            await desk.deliver("reset", "busy", "down", "gone", "well")
            assert len(receivers["well"].got) == before + 1
            delays.append(receivers["well"].times[-1] - queued_at)
            desk.clock.advance(timedelta(seconds=2))
        assert hung is not None
        assert not hung.done()
        hung.cancel()
        await asyncio.gather(hung, return_exceptions=True)
    assert max(delays) < 2.0
    states = {name: {row.state for row in desk.rows(name)} for name in desk.channels}
    assert states == {
        "hung": {"sending", "queued"},
        "reset": {"queued"},
        "busy": {"queued"},
        "down": {"queued"},
        "gone": {"dead"},
        "well": {"sent"},
    }
    assert len(receivers["hung"].got) == len(receivers["busy"].got) == 1
