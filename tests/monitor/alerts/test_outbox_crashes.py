"""Nothing queued is lost and nothing sent twice, but an attempt whose end nobody saw."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from monitor.alerts.channels.base import Poster
from monitor.alerts.outbox import Outbox, deliver_channel
from monitor.alerts.words.message import Message
from monitor.clock import ManualClock
from monitor.errors import DeliveryError
from storage import Store, delivery_repo, open_store
from storage.alert_repo import AlertDraft, add_alert
from storage.delivery_repo import Planned
from storage.models import Alert, Attempt, Delivery

START = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)
NO_NETWORK = cast(Poster, None)
Result = TypeVar("Result")
# What becomes of an attempt. A crash comes before or after the receiver has it, or once it is
# answered and before that is on record.
FATES = (
    "taken", "refused", "busy", "wait", "lost_answer", "lost_request", "crash_before",
    "crash_after", "crash_unrecorded",
)  # fmt: skip
ALERTS = st.tuples(st.sampled_from([None, "digest:r", "storm"]), st.sampled_from([0, 0, 60]))
# What is queued, how the attempts then end, and the seconds until the next of it.
STEPS = st.lists(
    st.tuples(
        st.lists(ALERTS, max_size=3),
        st.lists(st.sampled_from(FATES), min_size=1, max_size=4),
        st.sampled_from([1, 5, 30, 100]),
    ),
    min_size=4,
    max_size=8,
)
Step = tuple[list[tuple[str | None, int]], list[str], int]


class Killed(BaseException):
    """The process is gone at this instant."""


@dataclass
class Receiver:
    """A channel whose attempts end as told, then all well, and what arrived there."""

    name: str = "desk"
    fates: list[str] = field(default_factory=list)
    arrived: list[Message] = field(default_factory=list)
    doubtful: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    refused: set[str] = field(default_factory=set)
    dying: bool = False

    async def send(self, message: Message, http: Poster) -> None:
        fate = self.fates.pop(0) if self.fates else "taken"
        if fate in ("taken", "lost_answer", "crash_after", "crash_unrecorded"):
            self.arrived.append(message)
        if fate in ("lost_answer", "lost_request") or fate.startswith("crash"):
            self.doubtful[message.key] += 1
        if fate in ("crash_before", "crash_after"):
            raise Killed
        self.dying = fate == "crash_unrecorded"
        if fate == "refused":
            self.refused.add(message.key)
            raise DeliveryError("HTTP 410", recoverable=False)
        if fate in ("busy", "wait"):
            asked = 30.0 if fate == "wait" else None
            raise DeliveryError("HTTP 503", recoverable=True, retry_after_s=asked)
        if fate.startswith("lost"):
            raise DeliveryError("no answer", recoverable=True, maybe_sent=True)


class Newsroom:
    """The outbox over a store, killed and started again as told."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock, self.receiver = store, ManualClock(START), Receiver()
        self.queued: set[str] = set()
        self.box = self._start()

    def step(self, alerts: list[tuple[str | None, int]], fates: list[str], wait_s: int) -> None:
        for bundle, due_in_s in alerts:
            self.queue(bundle, due_in_s)
        self.deliver(fates)
        self.clock.advance(timedelta(seconds=wait_s))

    def queue(self, bundle: str | None, wait_s: int) -> None:
        key, now = f"k{len(self.queued)}", self.clock.now()
        self.queued.add(key)
        entry = {
            "labels": {"key": key}, "annotations": {}, "startsAt": "2025-11-27T12:00:00.000Z",
            "generatorURL": "",
        }  # fmt: skip
        payload = {
            "kind": "schedule", "rule": "r", "severity": "info", "title": key, "why": [],
            "at": "2025-11-27T12:00:00.000Z", "group_key": key, "lines": [], "alerts": [entry],
        }  # fmt: skip
        draft = AlertDraft(
            dedup_key=key, escalation=0, rule="r", kind="schedule", severity="info", at=now,
            title=key, group_key=key, reason=(), payload=payload, channels=("desk",),
        )  # fmt: skip
        due_at = now + timedelta(seconds=wait_s if bundle else 0)
        with self.store.begin() as session:
            assert add_alert(session, draft, [Planned("desk", due_at, bundle)]) is not None

    def deliver(self, fates: Sequence[str]) -> None:
        self.receiver.fates, self.receiver.dying = list(fates), False
        try:
            asyncio.run(deliver_channel(self.box, self.receiver))
        except Killed:
            self.box = self._start()

    def drain(self) -> None:
        for _ in range(50):
            self.deliver(())
            with self.store.read() as session:
                if delivery_repo.pending_count(session) == 0:
                    return
            self.clock.advance(timedelta(minutes=15))
        pytest.fail("the outbox does not get empty")

    def _start(self) -> Outbox:
        self.receiver.dying = False
        with self.store.begin() as session:
            delivery_repo.requeue_interrupted(session, now=self.clock.now())
        return Outbox(self.store, NO_NETWORK, self.clock, self._write, random.Random(0))

    async def _write(self, work: Callable[[], Result], /) -> Result:
        if self.receiver.dying:
            raise Killed
        return work()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("crashes") / "store.db"
    opened = open_store(f"sqlite:///{path}")
    yield opened
    opened.close()


@settings(max_examples=20, deadline=None)
@given(steps=STEPS)
def test_over_any_crashes_nothing_is_lost_and_every_repeat_says_so(
    store: Store, steps: list[Step]
) -> None:
    empty(store)
    room = Newsroom(store)
    for step in steps:
        room.step(*step)
    room.drain()

    arrived = room.receiver.arrived
    assert {key for message in arrived for key in members(message)} >= room.queued - refused(room)
    for key, copies in by_key(arrived).items():
        # One that is not doubtful ends the message, so all but the last had an unseen end.
        assert len(copies) <= 1 + room.receiver.doubtful[key]
        assert all(message.may_repeat for message in copies[1:])
        assert len({members(message) for message in copies}) == 1
    of_alert = {(key, message.key) for message in arrived for key in members(message)}
    assert len(of_alert) == len({key for key, _ in of_alert})
    attempts_are_whole(store)


@settings(max_examples=20, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from([None, "digest:r", "storm"]), st.integers(0, 90)), max_size=20
    ),
    fates=st.lists(st.sampled_from(["taken", "busy", "wait", "refused"]), max_size=20),
)
def test_without_a_crash_or_a_lost_answer_nothing_arrives_twice(
    store: Store, steps: list[tuple[str | None, int]], fates: list[str]
) -> None:
    empty(store)
    room = Newsroom(store)
    for number, step in enumerate(steps):
        room.queue(*step)
        room.deliver(fates[number : number + 1])
        room.clock.advance(timedelta(seconds=7))
    room.drain()
    keys = [key for message in room.receiver.arrived for key in members(message)]
    assert sorted(keys) == sorted(room.queued - refused(room))
    assert not any(message.may_repeat for message in room.receiver.arrived)


def empty(store: Store) -> None:
    with store.begin() as session:
        for table in (Attempt, Delivery, Alert):
            for row in session.exec(select(table)):
                session.delete(row)
            session.flush()


def members(message: Message) -> tuple[str, ...]:
    return tuple(sorted(entry["labels"]["key"] for entry in message.alerts))


def by_key(arrived: Sequence[Message]) -> dict[str, list[Message]]:
    found: dict[str, list[Message]] = {}
    for message in arrived:
        found.setdefault(message.key, []).append(message)
    return found


def refused(room: Newsroom) -> set[str]:
    """Return the alerts that are dead, all of them because the receiver refused their message."""
    with room.store.read() as session:
        query = select(Alert, Delivery).where(Delivery.alert_id == Alert.id)
        dead = [(a.dedup_key, d) for a, d in session.exec(query) if d.state == "dead"]
    assert {delivery.message_key for _, delivery in dead} <= room.receiver.refused
    return {key for key, _ in dead}


def attempts_are_whole(store: Store) -> None:
    with store.read() as session:
        rows = session.exec(select(Attempt)).all()
        counts = {row.alert_id: row.attempts for row in session.exec(select(Delivery))}
    numbers: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        assert row.result in ("sent", "retry", "dead")
        numbers[row.alert_id].append(row.number)
    assert {alert: sorted(each) for alert, each in numbers.items()} == {
        alert: list(range(1, count + 1)) for alert, count in counts.items()
    }
