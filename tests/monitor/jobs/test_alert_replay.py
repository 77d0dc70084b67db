"""A replay decides as the live runs did: the same alerts, at the same instants, and writes none."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from monitor.alerts.rules import ScheduleRule, SourceRule
from monitor.config import AlertsSection
from monitor.jobs.alert_replay import Replayed, replay
from monitor.jobs.retag import retag
from monitor.topics import Topics
from storage import alert_repo, silence_repo
from storage.alert_repo import AlertDraft
from storage.models import Alert, Delivery
from storage.records import Batch
from tests.builders import NOON
from tests.desk import CONFIG, Desk, StubSource, news, open_desk, prices

Told = tuple[str, str, str, int, str | None, datetime]

HEAD, _, _ = CONFIG.partition("alerts:")
CHANNELS = "  channels: [{name: console, kind: console}, {name: desk, kind: console}]\n"
PLAIN = (
    HEAD
    + "alerts:\n"
    + CHANNELS
    + """
  inhibit:
    - {source_matchers: ["rule=big"], target_matchers: ["rule=jump"], equal: [series], within: 1h}
  time_intervals:
    - {name: tea, times: [{start_time: "15:00", end_time: "16:00"}]}
  rules:
    - {name: news, on: signal, channels: [console], cooldown: 20m}
    - {name: loud, on: signal, min_score: 0.7, severity: warning, channels: [console, desk]}
    - {name: big, on: move, min_pp: 9, channels: [desk]}
    - {name: jump, on: move, min_pp: 5, channels: [console], cooldown: 30m, mute: [tea]}
    - {name: after, on: link, channels: [console]}
    - {name: board, on: standing, channels: [console]}
    - {name: venue, on: market, states: [listed, rules_changed, resolved], channels: [console]}
"""
)
TIMED = (
    PLAIN
    + """
    - {name: lasting, on: move, min_pp: 5, for: 25m, channels: [desk]}
    - {name: unexplained, on: move, verdict: no_public_cause_found, channels: [console]}
    - {name: closing, on: market, states: [closing], within: 20h, repeat_interval: 3h,
       channels: [console]}
"""
)
TITLES = (
    "Zetacorp launches Zeta glasses",
    "Omegacorp launches Omega glasses for everyone",
    "Zetacorp delays its glasses by a year",
    "Zetacorp and Omegacorp raise money for smart glasses",
    "Omegacorp cuts the price of its glasses to 299 dollars",
)
SECOND = timedelta(seconds=1)
CLOSES = NOON + timedelta(hours=26)


@dataclass
class Live:
    """What the runs of a desk told, and when each of them was."""

    desk: Desk
    runs: list[datetime] = field(default_factory=list)

    async def step(self, minutes: float, *batches: Batch, wire: Sequence[Batch] = ()) -> None:
        """Turn the clock, poll what came in and run once."""
        now = self.desk.after(minutes)
        report = await self.desk.poll(*batches)
        for batch in wire:
            await self.desk.poll(batch, source=StubSource("wire"))
        self.desk.process(outcome_ids=report.changed_outcomes)
        self.runs.append(now)

    def told(self, since: datetime = NOON) -> list[Told]:
        rows = [row for row in self.desk.rows(Alert) if row.at >= since]
        return in_order(
            (row.rule, row.payload["about"], row.payload["stage"], row.escalation,
             row.payload.get("suppressed"), row.at)
            for row in rows
        )  # fmt: skip


def replayed(desk: Desk, *, section: AlertsSection | None = None, **given: Any) -> Replayed:
    values = {"since": NOON, "now": desk.clock.now(), **given}
    with desk.store.read() as session:
        return replay(session, desk.app.topics, section or desk.app.config.alerts, **values)


def as_told(found: Replayed) -> list[Told]:
    return in_order(map(_told, (*found.drafts, *found.suppressed)))


def in_order(told: Iterable[Told]) -> list[Told]:
    return sorted(told, key=lambda one: (one[-1], str(one)))


def _told(draft: AlertDraft) -> Told:
    return (
        draft.rule, draft.about, draft.stage, draft.escalation, draft.suppressed, draft.at
    )  # fmt: skip


def book(desk: Desk, zeta: float, omega: float, *, minutes: float, **given: Any) -> Batch:
    """Return the prices of both legs as polled `minutes` from now."""
    at = desk.clock.now() + timedelta(minutes=minutes)
    mids: dict[str, str | None] = {"Zetacorp": f"{zeta:.3f}", "Omegacorp": f"{omega:.3f}"}
    return prices(at, mids, closes_at=CLOSES, **given)


def run_history(seed: int, text: str, steps: int) -> tuple[list[Told], list[Told]]:
    """Return what a random history told live and its replay; that of its second half fits, too."""

    async def play() -> tuple[list[Told], list[Told]]:
        with TemporaryDirectory() as folder:
            async with open_desk(Path(folder), text) as desk:
                live = await random_history(desk, random.Random(seed), steps)
                half = live.runs[len(live.runs) // 2]
                whole = as_told(replayed(desk, runs=live.runs))
                rest = as_told(replayed(desk, since=half, runs=live.runs))
                assert [one for one in live.told() if one[-1] >= half] == rest
                return live.told(), whole

    return asyncio.run(play())


async def random_history(desk: Desk, rng: random.Random, steps: int) -> Live:
    """Let a day of prices, news, boards and rules happen, and decide on each of them live."""
    live = Live(desk)
    await desk.start("stub", "wire")
    zeta, omega, told, rules = 0.40, 0.30, 0, "Old rules."
    for _ in range(steps):
        minutes = rng.choice([1, 1, 2, 5, 10, 31, 65])
        if rng.random() < 0.25:
            zeta += rng.choice([-0.12, -0.07, 0.06, 0.11])
            omega += rng.choice([-0.08, 0.0, 0.06])
        zeta, omega = (min(max(price, 0.06), 0.94) for price in (zeta, omega))
        if rng.random() < 0.06:
            rules = rng.choice(["Old rules.", "New rules: the text board decides."])
        pages = [book(desk, zeta, omega, minutes=minutes, rules=rules)]
        wire = []
        if rng.random() < 0.3:
            told += 1
            at = desk.clock.now() + timedelta(minutes=minutes - rng.choice([0.5, 30, 400]))
            wire.append(news(f"n{told}", rng.choice(TITLES), published_at=at))
        if rng.random() < 0.08:
            with desk.session() as session:
                silence_repo.add(
                    session, matchers=[rng.choice(["rule=news", "series=zeta-race"])],
                    comment="lunch", starts_at=desk.clock.now() + SECOND, now=desk.clock.now(),
                    ends_at=desk.clock.now() + timedelta(minutes=45),
                )  # fmt: skip
        await live.step(minutes, *pages, wire=wire)
        if rng.random() < 0.15:
            acknowledge(desk, rng)
    return live


def acknowledge(desk: Desk, rng: random.Random) -> None:
    """Let everything told arrive at once, and one alert be acknowledged."""
    with desk.session() as session:
        for waiting in session.exec(select(Delivery).where(Delivery.state == "queued")):
            waiting.state, waiting.sent_at = "sent", session.get_one(Alert, waiting.alert_id).at
        ids = session.exec(select(Alert.id).order_by(col(Alert.id))).all()
        if ids:
            alert_repo.ack(session, rng.choice(ids) or 0, "seen", now=desk.clock.now() + SECOND)


@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(seed=st.integers(0, 10**6))
def test_a_replay_of_what_left_a_trace_tells_what_was_told_live(seed: int) -> None:
    live, whole = run_history(seed, PLAIN, steps=20)

    assert whole == live


@settings(max_examples=2, deadline=None, phases=[Phase.generate])
@given(seed=st.integers(0, 10**6))
def test_so_does_one_of_rules_that_wait_when_it_knows_when_somebody_looked(seed: int) -> None:
    live, whole = run_history(seed, TIMED, steps=20)

    assert whole == live


async def opened(live: Live) -> None:
    """Let both legs be polled for a while, so that what follows was seen live."""
    await live.desk.start("stub", "wire")
    for _ in range(3):
        await live.step(1, book(live.desk, 0.40, 0.30, minutes=1))


async def jumped(live: Live, price: float = 0.50) -> None:
    for wiggle in (0.0, 0.001, 0.0, 0.001):
        await live.step(1, book(live.desk, price + wiggle, 0.30, minutes=1))


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with open_desk(tmp_path, TIMED) as desk:
        yield Live(desk)


def only(desk: Desk, *names: str, **changed: Any) -> AlertsSection:
    """Return the desk's rules of these names, changed."""
    section = desk.app.config.alerts
    rules = [rule.model_copy(update=changed) for rule in section.rules if rule.name in names]
    return section.model_copy(update={"rules": tuple(rules), "inhibit": ()})


async def test_a_replay_writes_nothing(live: Live) -> None:
    await opened(live)
    await jumped(live)
    before = live.told()

    found = replayed(live.desk)

    assert {draft.rule for draft in found.drafts} >= {"big"}
    assert live.told() == before


async def test_other_rules_are_told_what_they_would_have_told(live: Live) -> None:
    await opened(live)
    await jumped(live, 0.46)

    small = replayed(live.desk, section=only(live.desk, "big", min_pp=6.0), as_live=False)
    large = replayed(live.desk, section=only(live.desk, "big"), as_live=False)

    assert [draft.rule for draft in small.drafts] == ["big"]
    assert large.drafts == ()


async def test_what_was_told_before_the_beginning_is_not_told_again(live: Live) -> None:
    await opened(live)
    await jumped(live)
    later = live.desk.clock.now()
    await jumped(live, 0.51)

    for as_live in (True, False):
        section = only(live.desk, "jump", mute=())
        found = replayed(live.desk, section=section, since=later, as_live=as_live)
        assert found.drafts == ()


async def test_what_time_alone_makes_due_is_told_when_it_is(live: Live) -> None:
    await opened(live)
    await jumped(live)
    crossed = NOON + timedelta(minutes=4)
    live.desk.after(7 * 60)

    found = replayed(live.desk, section=only(live.desk, "lasting", "closing"))

    # Closes at 14:00 the next day: 20 h before is 18:00, then every 3 h while it stays open.
    closing = NOON + timedelta(hours=6)
    assert [(draft.rule, draft.escalation, draft.at) for draft in found.drafts] == [
        ("lasting", 0, crossed + timedelta(minutes=25)),
        ("closing", 0, closing),
    ]
    live.desk.after(4 * 60)
    again = replayed(live.desk, section=only(live.desk, "closing")).drafts
    assert [(draft.escalation, draft.at) for draft in again] == [
        (0, closing), (1, closing + timedelta(hours=3)),
    ]  # fmt: skip


async def test_a_silence_holds_from_when_it_was_made(live: Live) -> None:
    await opened(live)
    await jumped(live)
    with live.desk.session() as session:
        now = live.desk.clock.now()
        silence_repo.add(
            session, matchers=["rule=big"], comment="too late", starts_at=NOON, now=now,
            ends_at=now + timedelta(hours=1),
        )  # fmt: skip

    found = replayed(live.desk, section=only(live.desk, "big"), as_live=False)

    assert len(found.drafts) == 1


async def test_what_retag_changed_is_not_told(live: Live) -> None:
    await opened(live)
    old = live.desk.app.topics
    newer = Topics(old.catalog, tuple(_eager(theme) for theme in old.themes))
    item = news("quiet", "Sigmacorp says nothing of note", published_at=live.desk.clock.now())
    await live.step(1, book(live.desk, 0.40, 0.30, minutes=1), wire=[item, news("n1")])
    with live.desk.session() as session:
        done = retag(session, newer, now=live.desk.after(5))
    assert done.items == 2

    found = replayed(live.desk, section=only(live.desk, "news"), as_live=False)

    assert [draft.at for draft in found.drafts] == [live.runs[-1]]


async def test_rules_without_a_history_are_counted(live: Live) -> None:
    await opened(live)
    live.desk.after(3 * 24 * 60)
    base = {"channels": ("console",)}
    rules = (
        SourceRule(name="sick", on="source", **base),
        ScheduleRule(name="morning", on="schedule", at="08:00", **base),
    )
    section = live.desk.app.config.alerts.model_copy(update={"rules": rules})

    found = replayed(live.desk, section=section)

    assert dict(found.not_replayed) == {
        "rule sick: no history is kept of how sources were": 1,
        "rule morning: briefs, which say nothing to grade": 3,
    }


async def test_progress_ends_with_all(live: Live) -> None:
    await opened(live)
    await jumped(live)
    seen: list[tuple[int, int]] = []

    replayed(live.desk, progress=lambda done, of: seen.append((done, of)))

    assert seen[0][0] == 0
    assert seen[-1][0] == seen[-1][1] > 0
    assert all(done <= of for done, of in seen)


def _eager(theme: Any) -> Any:
    return theme.model_copy(update={"min_score": 0.1, "entities": (*theme.entities, "sigmacorp")})
