"""Links judged anew are what the jobs stored, and look at nothing that came later."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.jobs import link_replay
from storage.records import Batch
from storage.tables import LINKS_IN_FULL, Selection
from tests.builders import NOON
from tests.desk import Desk, StubSource, a_story, joined, prices

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


async def play(desk: Desk) -> None:
    """Watch 45 h with a story every 14 h, the third of them before a jump that stays."""
    started = desk.clock.now()
    told = 0
    while desk.clock.now() < started + 45 * HOUR:
        now = desk.after(20)
        level = "0.300" if now < started + 28 * HOUR + 25 * MINUTE else "0.400"
        await desk.poll(joined(prices(now, {"Zetacorp": "0.400", "Omegacorp": level})))
        if now - started >= told * 14 * HOUR:
            story = a_story(f"o{told}", f"Omegacorp launches product {told}", published_at=now)
            await desk.poll(Batch(items=(story,)), source=StubSource("wire"))
            told += 1
    desk.process(outcome_ids=())


def replayed(desk: Desk, now: datetime, **given: Any) -> list[dict[str, Any]]:
    with desk.store.read() as session:
        rows = link_replay.replayed_links(session, desk.app.topics, since=None, now=now, **given)
    return [dict(zip(LINKS_IN_FULL.columns, row, strict=True)) for row in rows]


def stored(desk: Desk) -> list[dict[str, Any]]:
    with desk.store.read() as session:
        rows = list(LINKS_IN_FULL.rows(session, Selection()))
    return [dict(zip(LINKS_IN_FULL.columns, row, strict=True)) for row in rows]


def compared(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    wanted = ("signal_id", "outcome_id", "verdict", "p_value", "n_placebo", "q_value")
    return [tuple(row[n] for n in wanted) for row in rows if row["p_value"] is not None]


async def test_judged_anew_is_what_was_stored(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await play(desk)
    now, steps = desk.clock.now(), list[tuple[int, int]]()

    anew = replayed(desk, now, progress=lambda done, total: steps.append((done, total)))

    assert anew == stored(desk)
    assert len(compared(anew)) >= 1
    assert "moved_up" in {row["verdict"] for row in anew}
    assert steps[0] == (0, len(steps) - 1)
    assert steps[-1] == (len(steps) - 1, len(steps) - 1)
    monkeypatch.setattr(link_replay, "MANY", 1)
    in_bulk = replayed(desk, now)
    assert [row["verdict"] for row in in_bulk] == [row["verdict"] for row in anew]


async def test_a_replay_looks_at_nothing_that_came_later(desk: Desk) -> None:
    await play(desk)
    then = NOON + 31 * HOUR

    before = replayed(desk, then)
    rows = await _append_a_day(desk)

    assert rows
    assert replayed(desk, then) == before
    assert max(row["at"] for row in before) <= then


async def _append_a_day(desk: Desk) -> list[dict[str, Any]]:
    for _ in range(24):
        now = desk.after(60)
        await desk.poll(joined(prices(now, {"Zetacorp": "0.100", "Omegacorp": "0.900"})))
    late = a_story("late", "Omegacorp raises funding", published_at=NOON + 28 * HOUR)
    await desk.poll(Batch(items=(late,)), source=StubSource("wire"))
    desk.process(outcome_ids=())
    return stored(desk)
