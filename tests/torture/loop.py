"""The kill loop: a daemon under load is killed again and again, then left in peace and judged."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from monitor.fake_upstream import FakeUpstream
from tests.torture import judge
from tests.torture.births import births
from tests.torture.forked import KILLED, ForkedDaemons
from tests.torture.newsroom import (
    SLOW,
    SOURCES,
    Newsroom,
    a_scenario,
    write_config,
)
from tests.torture.receiver import CallRecorder

# A kill comes so long after the daemon is ready; one time in EARLY so long after its fork; and one
# time in LATE much later, because what it does first, with what was left to do, takes a second.
AFTER_READY_S = (0.05, 1.5)
AFTER_FORK_S = (0.0, 0.4)
MUCH_LATER_S = (1.5, 4.0)
EARLY = 5
LATE = 8
LEGS = 24
JUMP_EVERY_S = 3.0
# Of the last kills none is refused any more, so that backoffs are over at the end.
REFUSING = 0.02
REFUSED_OF_KILLS = 0.8
FIRST_POLL_S = 30.0
SETTLE_S = 90.0
LOOK_EVERY_S = 0.5


@dataclass
class Outcome:
    """What one run showed. `findings` are broken promises in words, empty when all were kept."""

    findings: list[str] = field(default_factory=list)
    counts: judge.Counts = field(default_factory=judge.Counts)
    kills: int = 0
    births: int = 0
    starts_s: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.findings + other.findings,
            self.counts + other.counts,
            self.kills + other.kills,
            self.births + other.births,
            self.starts_s + other.starts_s,
            self.seconds + other.seconds,
        )

    def summary(self) -> str:
        """Return the run in one line."""
        counts = self.counts
        slowest = max(self.starts_s, default=0.0)
        return (
            f"{self.kills} kills under load and {self.births} amid migrations in "
            f"{self.seconds:.0f} s (slowest start {slowest:.2f} s): "
            f"{counts.stories} stories and {counts.moves} moves published, {counts.alerts} alerts, "
            f"{counts.messages} messages in {counts.calls} calls ({counts.refused} refused), "
            f"{counts.interrupted} attempts cut by a kill, {counts.repeats} repeats taken, "
            f"all marked: {'yes' if counts.unmarked == 0 else f'NO, {counts.unmarked} are not'}, "
            f"lost {counts.lost}, invented {counts.invented}"
        )


def torture(
    folder: Path,
    *,
    kills: int,
    seed: int,
    calm_s: float = 0.0,
) -> Outcome:
    """Return the outcome of `kills` kills, after `calm_s` seconds of load without any.

    `folder` takes the config and the database and is kept for who wants to look.
    """
    rng, began, outcome = random.Random(seed), time.monotonic(), Outcome()
    database = folder / "torture.db"
    with (
        CallRecorder(random.Random(seed + 1), SLOW, REFUSING) as receiver,
        FakeUpstream(a_scenario(LEGS), lambda: datetime.now(UTC)) as upstream,
        ForkedDaemons(write_config(folder, upstream, receiver.place, LEGS)) as daemons,
    ):
        outcome.births = kills // 10
        outcome.findings += births(daemons, database, outcome.births, rng)
        _start_and_poll(daemons)
        with Newsroom(
            upstream,
            random.Random(seed + 2),
            LEGS,
            jump_every_s=JUMP_EVERY_S,
            read=lambda: judge.stories_read(database),
        ) as newsroom:
            time.sleep(calm_s)
            for number in range(kills):
                if number >= REFUSED_OF_KILLS * kills:
                    receiver.refusing = 0.0
                outcome.findings += _one_kill(daemons, number, kills, rng, outcome)
            newsroom.quiet()
            receiver.refusing = 0.0
            outcome.findings += _settle(daemons, database, newsroom)
    outcome.findings += [f"the daemon complained: {line}" for line in daemons.complaints]
    ruling = judge.judge(database, newsroom.stories, len(newsroom.jumped), receiver.calls)
    outcome.counts, outcome.seconds = ruling.counts, time.monotonic() - began
    outcome.findings += ruling.findings
    return outcome


def _start_and_poll(daemons: ForkedDaemons) -> None:
    """Let every source be read once before anything is published: a backlog is never told."""
    daemons.start()
    daemons.wait_started()
    if not _until(lambda: daemons.has_polled(set(SOURCES)), FIRST_POLL_S):
        raise AssertionError(f"the sources were not read: {daemons.complaints[-5:]}")


def _one_kill(
    daemons: ForkedDaemons, number: int, kills: int, rng: random.Random, outcome: Outcome
) -> Iterator[str]:
    """Kill the running daemon after a while and start it anew; yield what was wrong.

    Before an early kill it is not waited for until it is ready.
    """
    time.sleep(rng.uniform(*_span(number)))
    if (status := daemons.kill()) != KILLED:
        yield f"before kill {number} the daemon had ended with status {status}"
    outcome.kills += 1
    daemons.start()
    if not _is_early(number + 1) or number + 1 == kills:
        outcome.starts_s.append(daemons.wait_started())


def _span(number: int) -> tuple[float, float]:
    if _is_early(number):
        return AFTER_FORK_S
    return MUCH_LATER_S if number % LATE == LATE - 1 else AFTER_READY_S


def _is_early(number: int) -> bool:
    return number % EARLY == EARLY - 1


def _settle(daemons: ForkedDaemons, database: Path, newsroom: Newsroom) -> Iterator[str]:
    """Let the last daemon work in peace until nothing is left to do, then stop it in order."""
    left = ""

    def is_done() -> bool:
        nonlocal left
        left = judge.unfinished(database, newsroom.stories, len(newsroom.jumped))
        return not left

    if not _until(is_done, SETTLE_S):
        yield f"after {SETTLE_S:g} s in peace there is still left: {left}"
    if (status := daemons.stop()) != 0:
        yield f"SIGTERM ended the last daemon with status {status}"


def _until(condition: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY_S)
    return True
