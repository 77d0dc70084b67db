"""What is found is told in one transaction; a schedule fires once for each time it is due."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.jobs import schedules
from storage import StorageError, alert_repo
from storage.models import Alert, Delivery, Item, Signal, Tag
from tests.builders import NOON
from tests.desk import CONFIG, Desk, StubSource, news, open_desk, prices

HOUR = timedelta(hours=1)
MORNING = CONFIG + '    - {name: morning, on: schedule, at: "13:00", channels: [console]}\n'


@pytest.fixture
async def scheduled(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path, MORNING) as opened:
        yield opened


async def test_a_signal_its_alert_and_its_delivery_appear_together(desk: Desk) -> None:
    await desk.start()
    await desk.poll(news())

    found = desk.process()

    assert found.alerts == 1
    (delivery,) = desk.rows(Delivery)
    assert (delivery.channel, delivery.state) == ("console", "queued")


async def test_a_failure_on_the_way_keeps_nothing_and_the_next_run_finds_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.start()
    await desk.poll(news())

    def full(*given: Any) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(alert_repo, "add_alert", full)
        with pytest.raises(StorageError, match="full"):
            desk.process()
    kept = [len(desk.rows(model)) for model in (Tag, Signal, Alert)]
    found = desk.process()

    assert kept == [0, 0, 0]
    assert (found.signals, found.alerts) == (2, 1)


async def test_a_restart_over_the_same_folder_goes_on(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as before:
        await before.start()
        await before.poll(news())
    async with open_desk(tmp_path) as after:
        found = after.process()

        assert (found.signals, found.alerts) == (2, 1)
        assert len(after.rows(Item)) == 1


async def test_a_move_after_its_story_follows_it_under_one_group_key(desk: Desk) -> None:
    await desk.start()
    await desk.start("wire")
    for mid in ("0.400", "0.401"):
        await desk.poll(prices(desk.after(1), {"Zetacorp": mid}))
    await desk.poll(news("n", published_at=desk.clock.now()), source=StubSource("wire"))
    desk.process()
    for mid in ("0.500", "0.501", "0.500"):
        await desk.poll(prices(desk.after(1), {"Zetacorp": mid}))

    desk.process()

    story, move = desk.rows(Alert)
    assert (story.rule, move.rule) == ("news", "jump")
    assert move.group_key == story.group_key
    assert "follows" in move.payload


async def test_a_schedule_fires_once_for_each_due_time(scheduled: Desk) -> None:
    started = scheduled.clock.now()
    told = []
    for minutes in (30, 29, 1, 1, 60, 22 * 60, 60):
        scheduled.after(minutes)
        scheduled.process(schedules_since=started)
        told.append([alert.at for alert in scheduled.rows(Alert)])

    thirteen = datetime(2026, 3, 2, 13, tzinfo=UTC)
    assert [len(alerts) for alerts in told] == [0, 0, 1, 1, 1, 1, 2]
    assert told[-1] == [thirteen, NOON + timedelta(hours=24, minutes=61)]


async def test_a_time_that_passed_before_the_start_is_not_made_up_for(scheduled: Desk) -> None:
    scheduled.after(120)

    scheduled.process(schedules_since=scheduled.clock.now())

    assert scheduled.rows(Alert) == []


async def test_a_brief_that_was_sent_is_not_written_again(
    scheduled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def write(*given: object, **named: object) -> list[str]:
        written.append(1)
        return ["all quiet"]

    monkeypatch.setattr(schedules, "brief_lines", write)
    for _ in range(3):
        scheduled.after(61)
        scheduled.process(schedules_since=NOON)

    assert written == [1]


async def test_a_schedule_needs_the_daemon(scheduled: Desk) -> None:
    scheduled.after(120)

    scheduled.process()

    assert scheduled.rows(Alert) == []
