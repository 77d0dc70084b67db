"""Delivering what is queued: claim, send, record; one attempt at a time for each channel.

At least once over any crash: an attempt is committed before it is made and its success after,
so only an attempt that was in flight is repeated, and the repeat says so and holds the same
alerts. A failing channel backs off alone: each channel has its own task and its own deadline.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from sqlmodel import Session

from monitor.alerts.channels.base import Channel, Poster
from monitor.alerts.words.message import Message, render
from monitor.clock import Clock
from monitor.errors import DeliveryError
from storage import delivery_repo
from storage.delivery_repo import MAX_WAIT, DueMessage, delivery_key
from storage.engine import Store

__all__ = [
    "DeliveryPolicy",
    "DeliveryReport",
    "Outbox",
    "RunInStore",
    "backoff",
    "deliver_channel",
    "deliver_due",
    "delivery_key",
]

Result = TypeVar("Result")


class RunInStore(Protocol):
    """Runs work on the one thread that writes to the store."""

    async def __call__(self, work: Callable[[], Result], /) -> Result:
        """Return what `work` returns; its exceptions pass through."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How often and how long. `deadline` bounds one attempt and is shorter than `lease`.

    A message that fails `give_up_after` its first attempt is dead.
    """

    base: timedelta = timedelta(seconds=5)
    cap: timedelta = timedelta(minutes=15)
    give_up_after: timedelta = timedelta(hours=24)
    deadline: timedelta = timedelta(seconds=30)
    lease: timedelta = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What one round did, in messages. `errors` are (channel, text) of every failed attempt."""

    sent: int = 0
    retried: int = 0
    dead: int = 0
    errors: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: DeliveryReport) -> DeliveryReport:
        return DeliveryReport(
            self.sent + other.sent,
            self.retried + other.retried,
            self.dead + other.dead,
            self.errors + other.errors,
        )


@dataclass(frozen=True, slots=True)
class Outbox:
    """What delivering needs besides the channels; `rng` gives the jitter.

    `left_alone` is until when (monotonic) a channel that named a pause gets nothing new either.
    """

    store: Store
    http: Poster
    clock: Clock
    run_in_store: RunInStore
    rng: random.Random
    policy: DeliveryPolicy = DeliveryPolicy()
    left_alone: dict[str, float] = field(default_factory=dict)

    async def write(self, work: Callable[[Session], Result]) -> Result:
        """Return what `work` returns, done in a transaction of its own on the writer's thread."""

        def unit() -> Result:
            with self.store.begin() as session:
                return work(session)

        return await self.run_in_store(unit)


async def deliver_due(
    store: Store,
    channels: Mapping[str, Channel],
    *,
    http: Poster,
    clock: Clock,
    run_in_store: RunInStore,
    rng: random.Random,
    policy: DeliveryPolicy = DeliveryPolicy(),
) -> DeliveryReport:
    """Return what a round over all channels did; it ends when the slowest of them has.

    What waits for a channel that is no longer configured is given up. A caller for whom one
    slow channel must not delay the next round runs `deliver_channel` for each instead.
    """
    outbox = Outbox(store, http, clock, run_in_store, rng, policy)
    buried = await outbox.write(lambda session: delivery_repo.bury_unknown(session, channels))
    rounds = (deliver_channel(outbox, channel) for channel in channels.values())
    results = await asyncio.gather(*rounds, return_exceptions=True)
    report = DeliveryReport(dead=buried)
    for result in results:
        if isinstance(result, BaseException):
            raise result
        report += result
    return report


async def deliver_channel(outbox: Outbox, channel: Channel) -> DeliveryReport:
    """Return what a round of one channel did: all that was due, or up to the first failure.

    Safe beside another round of the same channel; the second finds nothing to claim.
    """
    report = DeliveryReport()
    while outbox.left_alone.get(channel.name, 0.0) <= outbox.clock.monotonic():
        due = await outbox.write(lambda session: _claim(session, outbox, channel.name))
        if due is None:
            return report
        error = await _attempt(outbox, channel, due)
        report += await _record(outbox, due, error)
        if error is not None and error.recoverable:
            return report
    return report


def backoff(failures: int, policy: DeliveryPolicy, rng: random.Random) -> timedelta:
    """Return the pause after `failures` in a row: full jitter over a doubling span.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015, "full jitter".
    """
    doublings = min(max(failures - 1, 0), 30)
    span_s = min(policy.base.total_seconds() * 2.0**doublings, policy.cap.total_seconds())
    return timedelta(seconds=span_s * rng.random())


def _claim(session: Session, outbox: Outbox, channel: str) -> DueMessage | None:
    claimed = delivery_repo.claim_due(
        session, now=outbox.clock.now(), limit=1, lease=outbox.policy.lease, channel=channel
    )
    return next(iter(claimed), None)


async def _attempt(outbox: Outbox, channel: Channel, due: DueMessage) -> DeliveryError | None:
    try:
        message = _message(due, outbox.clock.now())
    except Exception as error:  # noqa: BLE001 - it would fail the same way for ever
        return DeliveryError(
            f"the stored alert cannot be put in words: {error!r}", recoverable=False
        )
    try:
        async with asyncio.timeout(outbox.policy.deadline.total_seconds()):
            await channel.send(message, outbox.http)
    except DeliveryError as error:
        return error
    except TimeoutError:
        return DeliveryError("no answer before the deadline", recoverable=True, maybe_sent=True)
    except Exception as error:  # noqa: BLE001 - a channel's bug must neither lose nor stop alerts
        # The name alone: such a message may quote a URL with its token.
        return DeliveryError(
            f"the channel broke with {type(error).__name__}", recoverable=True, maybe_sent=True
        )
    return None


def _message(due: DueMessage, now: datetime) -> Message:
    return render(
        [member.payload for member in due.members],
        now=now,
        key=due.message_key,
        may_repeat=due.maybe_sent,
        bundle=due.bundle,
    )


async def _record(outbox: Outbox, due: DueMessage, error: DeliveryError | None) -> DeliveryReport:
    now = outbox.clock.now()
    if error is None:
        await outbox.write(lambda session: delivery_repo.mark_sent(session, due, at=now))
        return DeliveryReport(sent=1)
    errors = ((due.channel, str(error)),)
    if not error.recoverable or now - due.first_at > outbox.policy.give_up_after:
        reason = str(error) if not error.recoverable else f"given up: {error}"
        await outbox.write(
            lambda session: delivery_repo.mark_dead(
                session, due, at=now, error=reason, maybe_sent=error.maybe_sent
            )
        )
        return DeliveryReport(dead=1, errors=errors)
    pause = _pause(outbox, due, error)
    await outbox.write(
        lambda session: delivery_repo.mark_retry(
            session,
            due,
            at=now,
            next_attempt_at=now + pause,
            error=str(error),
            maybe_sent=error.maybe_sent,
        )
    )
    return DeliveryReport(retried=1, errors=errors)


def _pause(outbox: Outbox, due: DueMessage, error: DeliveryError) -> timedelta:
    if error.retry_after_s is None:
        return backoff(due.failures, outbox.policy, outbox.rng)
    asked = timedelta(seconds=max(error.retry_after_s, outbox.policy.base.total_seconds()))
    pause = min(asked, MAX_WAIT)
    outbox.left_alone[due.channel] = outbox.clock.monotonic() + pause.total_seconds()
    return pause
