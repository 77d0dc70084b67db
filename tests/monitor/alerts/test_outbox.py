from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from monitor.alerts.channels.base import Channel, Poster
from monitor.alerts.outbox import (
    DeliveryPolicy,
    DeliveryReport,
    Outbox,
    backoff,
    deliver_channel,
    deliver_due,
    delivery_key,
)
from monitor.alerts.words.message import REPEAT_NOTE, Message
from monitor.clock import ManualClock
from monitor.errors import DeliveryError
from storage import Store, delivery_repo, open_store
from storage.alert_repo import AlertDraft, add_alert, attempts
from storage.delivery_repo import Planned
from storage.models import Delivery

START = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)
NO_NETWORK = cast(Poster, None)
Result = TypeVar("Result")
Answer = Callable[[Message], None]


class Recorder:
    """A channel that keeps what it is sent and answers as told; the last answer stays."""

    def __init__(self, name: str, *answers: Exception | None) -> None:
        self.name = name
        self.answers = list(answers)
        self.sent: list[Message] = []

    async def send(self, message: Message, http: Poster) -> None:
        self.sent.append(message)
        answer = self.answers.pop(0) if len(self.answers) > 1 else (self.answers or [None])[0]
        if answer is not None:
            raise answer


class Hanging:
    """A channel that never answers, and says when it was asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked = asyncio.Event()

    async def send(self, message: Message, http: Poster) -> None:
        self.asked.set()
        await asyncio.Event().wait()


class FullJitter(random.Random):
    """Always the whole span."""

    def random(self) -> float:
        return 1.0


async def directly(work: Callable[[], Result], /) -> Result:
    return work()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def queue(
    store: Store,
    *channels: str,
    key: str = "k1",
    payload: object = None,
    bundle: str | None = None,
    due_at: datetime = START,
) -> None:
    entry = {
        "labels": {"alertname": "r", "key": key}, "annotations": {"summary": f"alert {key}"},
        "startsAt": "2025-11-27T12:00:00.000Z", "generatorURL": "",
    }  # fmt: skip
    words = {
        "kind": "schedule", "rule": "r", "severity": "info", "title": f"alert {key}", "why": [],
        "at": "2025-11-27T12:00:00.000Z", "group_key": key, "lines": [], "alerts": [entry],
    }  # fmt: skip
    draft = AlertDraft(
        dedup_key=key, escalation=0, rule="r", kind="schedule", severity="info", at=START,
        title=key, group_key=key, reason=(), channels=channels,
        payload=cast(Mapping[str, object], payload if payload is not None else words),
    )  # fmt: skip
    with store.begin() as session:
        planned = [Planned(channel, due_at, bundle) for channel in channels]
        assert add_alert(session, draft, planned) is not None


def members(message: Message) -> list[str]:
    return sorted(entry["labels"]["key"] for entry in message.alerts)


def outbox(store: Store, clock: ManualClock, **policy: timedelta) -> Outbox:
    return Outbox(store, NO_NETWORK, clock, directly, FullJitter(), DeliveryPolicy(**policy))


async def deliver(store: Store, clock: ManualClock, *channels: Channel) -> DeliveryReport:
    return await deliver_due(
        store,
        {channel.name: channel for channel in channels},
        http=NO_NETWORK,
        clock=clock,
        run_in_store=directly,
        rng=FullJitter(),
    )


def states(store: Store) -> dict[str, str]:
    with store.read() as session:
        return {row.channel: row.state for row in session.exec(select(Delivery))}


def the_row(store: Store) -> Delivery:
    with store.read() as session:
        row = session.exec(select(Delivery)).one()
        session.expunge(row)
        return row


async def test_what_is_due_is_sent_once_to_each_channel(store: Store, clock: ManualClock) -> None:
    queue(store, "a", "b")
    a, b = Recorder("a"), Recorder("b")
    first = await deliver(store, clock, a, b)
    second = await deliver(store, clock, a, b)
    assert (first.sent, second.sent) == (2, 0)
    assert [len(a.sent), len(b.sent)] == [1, 1]
    assert a.sent[0].key != b.sent[0].key
    assert not a.sent[0].may_repeat
    assert the_states_and_time(store) == {("sent", START)}


def the_states_and_time(store: Store) -> set[tuple[str, datetime | None]]:
    with store.read() as session:
        return {(row.state, row.sent_at) for row in session.exec(select(Delivery))}


async def test_alerts_of_one_channel_keep_their_order(store: Store, clock: ManualClock) -> None:
    for key in ("k1", "k2", "k3"):
        queue(store, "a", key=key)
    channel = Recorder("a")
    await deliver(store, clock, channel)
    assert [message.first_line for message in channel.sent] == ["alert k1", "alert k2", "alert k3"]


async def test_failed_send_is_retried_then_marked_dead(store: Store, clock: ManualClock) -> None:
    queue(store, "a")
    channel = Recorder("a", DeliveryError("connection refused", recoverable=True))
    pauses = []
    while the_row(store).state != "dead":
        await deliver(store, clock, channel)
        pause = the_row(store).next_attempt_at - clock.now()
        pauses.append(pause.total_seconds())
        clock.advance(max(pause, timedelta(seconds=1)))
    assert pauses[:9] == [5, 10, 20, 40, 80, 160, 320, 640, 900]
    assert the_row(store).last_error == "given up: connection refused"
    age = clock.now() - START
    assert timedelta(hours=24) < age < timedelta(hours=24, minutes=16)
    assert not channel.sent[-1].may_repeat


async def test_a_refusal_is_permanent(store: Store, clock: ManualClock) -> None:
    queue(store, "a")
    channel = Recorder("a", DeliveryError("refused with HTTP 400", recoverable=False))
    report = await deliver(store, clock, channel)
    clock.advance(timedelta(days=1))
    await deliver(store, clock, channel)
    assert (report.dead, report.errors) == (1, (("a", "refused with HTTP 400"),))
    assert (the_row(store).state, len(channel.sent)) == ("dead", 1)


@pytest.mark.parametrize(("asked_s", "waits_s"), [(600, 600), (1, 5), (10**6, 86_400)])
async def test_the_receivers_pause_is_honoured_up_to_a_day(
    store: Store, clock: ManualClock, asked_s: float, waits_s: float
) -> None:
    queue(store, "a")
    busy = DeliveryError("HTTP 429", recoverable=True, retry_after_s=asked_s)
    channel = Recorder("a", busy, None)
    await deliver(store, clock, channel)
    clock.advance(timedelta(seconds=waits_s - 1))
    await deliver(store, clock, channel)
    assert len(channel.sent) == 1
    clock.advance(timedelta(seconds=1))
    await deliver(store, clock, channel)
    assert len(channel.sent) == 2
    assert the_row(store).state == "sent"


async def test_a_timeout_may_have_been_sent_and_the_repeat_says_so(
    store: Store, clock: ManualClock
) -> None:
    queue(store, "a")
    report = await deliver_channel(outbox(store, clock, deadline=timedelta(0)), Hanging("a"))
    clock.advance(timedelta(seconds=5))
    channel = Recorder("a")
    await deliver(store, clock, channel)
    assert report.errors == (("a", "no answer before the deadline"),)
    (message,) = channel.sent
    assert message.may_repeat
    assert message.lines[-1] == REPEAT_NOTE


async def test_a_crash_between_claim_and_record_repeats_once_and_says_so(
    store: Store, clock: ManualClock
) -> None:
    queue(store, "a")
    hanging = Hanging("a")
    attempt = asyncio.create_task(deliver(store, clock, hanging))
    await hanging.asked.wait()
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    channel = Recorder("a")

    early = await deliver(store, clock, channel)
    with store.begin() as session:
        delivery_repo.requeue_interrupted(session, now=clock.now())
    await deliver(store, clock, channel)
    await deliver(store, clock, channel)

    assert early.sent == 0
    (message,) = channel.sent
    assert message.may_repeat
    assert message.key == delivery_key("k1", 0, "a")


async def test_without_a_restart_the_lease_ends_the_wait(store: Store, clock: ManualClock) -> None:
    queue(store, "a")
    with store.begin() as session:
        lease = DeliveryPolicy().lease
        delivery_repo.claim_due(session, now=clock.now(), limit=1, lease=lease)
    clock.advance(lease)
    channel = Recorder("a")
    await deliver(store, clock, channel)
    assert channel.sent[0].may_repeat


async def test_a_hanging_channel_delays_no_other(store: Store, clock: ManualClock) -> None:
    queue(store, "a", "b", key="k1")
    hanging, healthy = Hanging("a"), Recorder("b")
    round_ = asyncio.create_task(deliver(store, clock, hanging, healthy))
    await hanging.asked.wait()
    queue(store, "a", "b", key="k2")

    report = await deliver_channel(outbox(store, clock), healthy)

    assert report.sent >= 1
    assert len(healthy.sent) == 2
    assert not round_.done()
    round_.cancel()
    await asyncio.gather(round_, return_exceptions=True)


async def test_a_failing_channel_is_asked_once_a_round(store: Store, clock: ManualClock) -> None:
    for number in range(20):
        queue(store, "a", key=f"k{number}")
    channel = Recorder("a", DeliveryError("down", recoverable=True))
    asked = []
    for _ in range(4):
        await deliver(store, clock, channel)
        await deliver(store, clock, channel)
        asked.append(len(channel.sent))
        clock.advance(timedelta(seconds=5 * 2 ** len(asked)))
    assert asked == [1, 2, 3, 4]
    assert len({message.key for message in channel.sent}) == 4


async def test_one_bad_message_does_not_stand_before_the_others(
    store: Store, clock: ManualClock
) -> None:
    queue(store, "a", key="bad")
    queue(store, "a", key="good")
    channel = Recorder("a", DeliveryError("HTTP 500", recoverable=True), None)
    await deliver(store, clock, channel)
    clock.advance(timedelta(seconds=5))
    await deliver(store, clock, channel)
    assert [message.first_line for message in channel.sent] == [
        "alert bad",
        "alert good",
        "alert bad",
    ]


async def test_what_waits_under_one_bundle_is_one_message_and_stays_so(
    store: Store, clock: ManualClock
) -> None:
    for key in ("k1", "k2"):
        queue(store, "a", key=key, bundle="digest:r", due_at=START + timedelta(hours=1))
    channel = Recorder("a", DeliveryError("HTTP 502", recoverable=True, maybe_sent=True), None)
    early = await deliver(store, clock, channel)
    clock.advance(timedelta(hours=1))
    failed = await deliver(store, clock, channel)
    queue(store, "a", key="k3", bundle="digest:r", due_at=clock.now())
    clock.advance(timedelta(seconds=5))
    done = await deliver(store, clock, channel)

    assert (early, failed.retried, done.sent) == (DeliveryReport(), 1, 2)
    assert [(members(message), message.may_repeat) for message in channel.sent] == [
        (["k1", "k2"], False),
        (["k3"], False),
        (["k1", "k2"], True),
    ]
    assert channel.sent[0].key == channel.sent[2].key
    assert {message.held for message in channel.sent} == {"digest"}


async def test_every_message_of_a_group_has_its_key_and_labels(
    store: Store, clock: ManualClock
) -> None:
    channel = Recorder("a", None, None)
    for keys in (("k1",), ("k2", "k3")):
        for key in keys:
            queue(store, "a", key=key, bundle="group:r:theme=x", due_at=clock.now())
        await deliver(store, clock, channel)

    assert [members(message) for message in channel.sent] == [["k1"], ["k2", "k3"]]
    assert {message.group_key for message in channel.sent} == {"group:r:theme=x"}
    assert [message.group_labels for message in channel.sent] == [{"theme": "x"}] * 2


async def test_a_digest_of_a_long_weekend_is_tried_for_a_day_like_any_other(
    store: Store, clock: ManualClock
) -> None:
    queue(store, "a", bundle="quiet:weekend", due_at=START + timedelta(days=3))
    clock.advance(timedelta(days=3))
    channel = Recorder("a", DeliveryError("HTTP 500", recoverable=True), None)
    await deliver(store, clock, channel)
    assert the_row(store).state == "queued"
    clock.advance(timedelta(seconds=5))
    await deliver(store, clock, channel)
    assert the_row(store).state == "sent"


async def test_a_channel_that_names_a_pause_gets_nothing_new_either(
    store: Store, clock: ManualClock
) -> None:
    queue(store, "a", key="k1")
    busy = DeliveryError("HTTP 429", recoverable=True, retry_after_s=120)
    a, b, box = Recorder("a", busy, None), Recorder("b"), outbox(store, clock)
    await deliver_channel(box, a)
    queue(store, "a", "b", key="k2")
    for _ in range(2):
        clock.advance(timedelta(seconds=59))
        await deliver_channel(box, a)
        await deliver_channel(box, b)
    asked = len(a.sent)
    clock.advance(timedelta(seconds=2))
    report = await deliver_channel(box, a)
    assert (asked, len(b.sent), report.sent) == (1, 1, 2)


async def test_every_attempt_is_on_record_with_what_came_of_it(
    store: Store, clock: ManualClock
) -> None:
    queue(store, "a")
    lost = DeliveryError("no answer before the deadline", recoverable=True, maybe_sent=True)
    channel = Recorder("a", lost, None)
    await deliver(store, clock, channel)
    clock.advance(timedelta(seconds=5))
    await deliver(store, clock, channel)
    with store.read() as session:
        kept = [
            (tried.number, tried.result, tried.error, tried.may_repeat)
            for tried in attempts(session, 1)
        ]
    assert kept == [
        (1, "retry", "no answer before the deadline", False),
        (2, "sent", None, True),
    ]


async def test_a_channel_nobody_knows_is_given_up_with_the_reason(
    store: Store, clock: ManualClock
) -> None:
    queue(store, "gone", "a")
    report = await deliver(store, clock, Recorder("a"))
    assert (report.sent, report.dead) == (1, 1)
    assert states(store) == {"gone": "dead", "a": "sent"}


async def test_a_broken_channel_loses_nothing_and_quotes_nothing(
    store: Store, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    queue(store, "a", "b")
    broken = Recorder("a", RuntimeError("https://hooks.example/T0K3N failed"))
    with caplog.at_level(logging.DEBUG):
        report = await deliver(store, clock, broken, Recorder("b"))
    assert states(store) == {"a": "queued", "b": "sent"}
    assert report.errors == (("a", "the channel broke with RuntimeError"),)
    assert "T0K3N" not in caplog.text + repr(report)


async def test_an_alert_that_cannot_be_put_in_words_is_dead_not_stuck(
    store: Store, clock: ManualClock
) -> None:
    queue(store, "a", key="k1", payload={"kind": "nonsense"})
    queue(store, "a", key="k2")
    channel = Recorder("a")
    report = await deliver(store, clock, channel)
    assert (report.sent, report.dead) == (1, 1)
    assert "cannot be put in words" in report.errors[0][1]


async def test_two_rounds_at_once_send_nothing_twice(store: Store, clock: ManualClock) -> None:
    for number in range(5):
        queue(store, "a", key=f"k{number}")
    channel = Recorder("a")
    await asyncio.gather(*(deliver(store, clock, channel) for _ in range(3)))
    assert len(channel.sent) == len({message.key for message in channel.sent}) == 5


async def test_a_store_that_fails_is_reported_after_the_other_channels_are_done(
    store: Store, clock: ManualClock
) -> None:
    queue(store, "a", "b")
    full = asyncio.Event()

    class Filling(Recorder):
        async def send(self, message: Message, http: Poster) -> None:
            full.set()

    async def until_full(work: Callable[[], Result], /) -> Result:
        if full.is_set():
            full.clear()
            raise OSError("disk full")
        return work()

    healthy = Recorder("b")
    with pytest.raises(OSError, match="disk full"):
        await deliver_due(
            store,
            {"a": Filling("a"), "b": healthy},
            http=NO_NETWORK,
            clock=clock,
            run_in_store=until_full,
            rng=FullJitter(),
        )
    assert states(store) == {"a": "sending", "b": "sent"}


def test_the_idempotency_key_differs_by_alert_escalation_and_channel() -> None:
    keys = {
        delivery_key(dedup, escalation, channel)
        for dedup in ("k1", "k2")
        for escalation in (0, 1)
        for channel in ("a", "b")
    }
    assert len(keys) == 8


@settings(max_examples=60)
@given(failures=st.integers(0, 10_000), seed=st.integers(0, 2**32))
def test_the_backoff_lies_within_its_doubling_span(failures: int, seed: int) -> None:
    pause = backoff(failures, DeliveryPolicy(), random.Random(seed)).total_seconds()
    assert 0 <= pause <= min(5 * 2 ** min(max(failures - 1, 0), 20), 900)
