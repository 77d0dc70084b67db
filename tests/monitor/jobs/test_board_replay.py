"""The recorded daily pages, polled in order as the daemon would have: history without ghosts."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from monitor.clock import ManualClock
from monitor.reports.boards import as_board
from monitor.sources.arena import ArenaSource
from monitor.sources.base import Page
from signals.standings import summary
from storage import standing_repo
from storage.models import Signal
from storage.records import Batch
from tests.desk import Desk, StubSource, open_desk

pytestmark = pytest.mark.recordings

START = datetime(2026, 3, 19, tzinfo=UTC)
KEY = ("arena-text", "text", "overall", "on")
# Reference: signal-feeds, section 5.4.
HISTORY = {
    date(2026, 3, 19): ("dola-seed-2.0-preview", 18),
    date(2026, 3, 20): ("qwen3.5-max-preview", 15),
    date(2026, 4, 8): ("glm-5.1", 14),
    date(2026, 5, 11): ("ernie-5.1", 14),
    date(2026, 5, 29): ("qwen3.7-max-preview", 15),
    date(2026, 7, 20): ("kimi-k3", 9),
}


@dataclass
class Replay:
    """What the replay found: the best Chinese model by day, and every new-model signal."""

    best: dict[date, tuple[str, int, float]]
    entries: set[tuple[date, str]]
    first_seen: dict[str, date]


@pytest.fixture(scope="module")
def replay(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Replay:
    folder = tmp_path_factory.mktemp("replay")
    days = sorted((recordings / "lmarena" / "arena-daily").glob("*.text.json"))
    return asyncio.run(_replayed(folder, {day.name: day.read_bytes() for day in days}))


async def _replayed(folder: Path, days: dict[str, bytes]) -> Replay:
    found, told = Replay({}, set(), {}), set[str]()
    async with open_desk(folder, clock=ManualClock(START)) as desk:
        for name, body in days.items():
            await _play_one_day(desk, name, body, found, told)
    return found


async def _play_one_day(desk: Desk, name: str, body: bytes, found: Replay, told: set[str]) -> None:
    seen = datetime.fromisoformat(json.loads(body)["meta"]["fetched_at"])
    desk.clock.set(seen)
    batch = ArenaSource(name="arena-text").parse(Page("arena-daily", name, body, seen))
    assert batch.rejects == ()
    await desk.poll(Batch(standings=batch.standings), source=StubSource("arena-text"))
    desk.process()
    for row in batch.standings:
        found.first_seen.setdefault(row.model, seen.date())
    for signal in desk.current(Signal, origin_kind="standing"):
        fact = signal.facts[0]
        if signal.signal_id not in told and fact["change"] == "new_model":
            found.entries.add((seen.date(), fact["model"]))
        told.add(signal.signal_id)
    _note_best(desk, found, seen.date())


def _note_best(desk: Desk, found: Replay, day: date) -> None:
    with desk.session() as session:
        board = standing_repo.latest_board(session, KEY)
    assert board is not None
    best = summary(as_board(board), desk.app.topics.is_chinese).best_chinese
    if best is not None:
        found.best[day] = (best.model, best.rank, best.score)


def test_the_best_chinese_model_of_each_turning_point(replay: Replay) -> None:
    assert {day: replay.best[day][:2] for day in HISTORY} == HISTORY
    assert replay.best[date(2026, 7, 20)][2] == 1486


def test_no_model_enters_twice_or_late(replay: Replay) -> None:
    late = {(day, model) for day, model in replay.entries if replay.first_seen[model] != day}

    assert late == set()
    assert (date(2026, 4, 8), "glm-5.1") in replay.entries
    assert (date(2026, 7, 17), "kimi-k3") in replay.entries


def test_the_list_that_grew_from_ten_rows_to_374_brought_nobody_in(replay: Replay) -> None:
    assert [model for day, model in replay.entries if day == date(2026, 7, 16)] == []
