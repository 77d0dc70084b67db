"""Items become tags, stories and signals; each news is a signal once, and alerts once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.jobs import items
from storage.models import Alert, Item, ItemRevision, Signal, Story, Tag
from storage.records import Batch, ItemRecord, Origin, Precision
from tests.builders import NOON
from tests.desk import Desk, StubSource, a_story, news, prices

HOUR = timedelta(hours=1)
TITLE = "Omegacorp launches Omega glasses for everyone"


async def told(desk: Desk, *records: ItemRecord) -> list[Signal]:
    """Poll and process `records`; return the current signals."""
    await desk.poll(Batch(items=records))
    desk.process()
    return desk.current(Signal)


def omega(guid: str = "o1", **given: Any) -> ItemRecord:
    return a_story(guid, TITLE, **given)


async def test_an_item_of_a_theme_is_a_signal_and_an_alert(desk: Desk) -> None:
    await desk.start()

    (signal,) = await told(desk, omega())

    assert (signal.theme, signal.kind, signal.title) == ("glasses", "launch", TITLE)
    assert (signal.at, signal.precision) == (NOON, "second")
    assert signal.alertable
    assert [alert.rule for alert in desk.rows(Alert)] == ["news"]


async def test_an_item_of_no_theme_is_read_once_and_is_no_signal(desk: Desk) -> None:
    assert await told(desk, a_story(title="Rain is expected on Tuesday")) == []
    assert await told(desk) == []
    assert [tag.theme for tag in desk.rows(Tag)] == [""]


async def test_two_outlets_with_one_title_are_one_story_and_one_alert(desk: Desk) -> None:
    await desk.start()
    await told(desk, omega("a", source="wire", publisher="The Wire"))
    desk.after(5)

    (signal,) = await told(desk, omega("b", source="post", publisher="The Post"))

    (story,) = desk.rows(Story)
    assert (story.items, story.publishers) == (2, 2)
    assert signal.publishers == 2
    assert len(desk.rows(Alert)) == 1


async def test_two_outlets_in_one_poll_are_one_alert(desk: Desk) -> None:
    await desk.start()

    await told(desk, omega("a", publisher="The Wire"), omega("b", publisher="The Post"))

    assert [story.publishers for story in desk.rows(Story)] == [2]
    assert len(desk.rows(Alert)) == 1


async def test_the_backlog_of_a_first_poll_never_alerts(desk: Desk) -> None:
    (signal,) = await told(desk, omega())

    assert not signal.alertable
    assert desk.rows(Alert) == []


async def test_a_backlog_story_that_another_outlet_repeats_does_not_alert(desk: Desk) -> None:
    await told(desk, omega("a"))
    desk.after(5)

    await told(desk, omega("b", publisher="The Post"))

    assert desk.rows(Alert) == []


@pytest.mark.parametrize(("age", "alerts"), [(6 * HOUR, 1), (6 * HOUR + timedelta(seconds=1), 0)])
async def test_an_item_older_than_six_hours_does_not_alert(
    desk: Desk, age: timedelta, alerts: int
) -> None:
    await desk.start()

    await told(desk, omega(published_at=NOON - age))

    assert len(desk.rows(Alert)) == alerts


async def test_an_item_known_by_its_day_alerts_on_that_day(desk: Desk) -> None:
    await desk.start()

    (signal,) = await told(desk, omega(published_at=NOON - 12 * HOUR, precision=Precision.DAY))

    assert signal.precision == "day"
    assert len(desk.rows(Alert)) == 1


async def test_an_old_event_told_again_is_background_and_never_alerts(desk: Desk) -> None:
    await desk.start()

    (signal,) = await told(desk, a_story(title="Omegacorp launched Omega glasses in 2019"))

    assert signal.background
    assert not signal.alertable
    assert desk.rows(Alert) == []


async def test_a_reworded_item_is_tagged_again_and_alerts_no_second_time(desk: Desk) -> None:
    await desk.start()
    await told(desk, omega())
    desk.after(10)

    (signal,) = await told(desk, a_story("o1", "Omegacorp delays Omega glasses"))

    assert signal.kind == "delay_cancel"
    assert signal.title == TITLE
    assert len(desk.rows(ItemRevision)) == 1
    assert [(tag.kind, tag.known_to is None) for tag in desk.rows(Tag)] == [
        ("launch", False),
        ("delay_cancel", True),
    ]
    assert [row.kind for row in desk.rows(Signal)] == ["launch", "delay_cancel"]
    assert len(desk.rows(Alert)) == 1


async def test_t0_is_the_earliest_precise_publication(desk: Desk) -> None:
    await desk.start()
    desk.after(60)
    day = omega("day", published_at=NOON - 12 * HOUR, precision=Precision.DAY)

    (signal,) = await told(
        desk, omega("late"), day, omega("first", published_at=NOON - 0.5 * HOUR), omega("last")
    )

    assert (signal.at, signal.precision) == (NOON - 0.5 * HOUR, "second")


async def test_a_later_found_earlier_publication_moves_t0_and_keeps_what_was_known(
    desk: Desk,
) -> None:
    await desk.start()
    await told(desk, omega("a"))
    first = desk.after(5)

    (signal,) = await told(desk, omega("b", published_at=NOON - HOUR))

    assert (signal.at, signal.known_from) == (NOON - HOUR, first)
    assert signal.observed_at == NOON
    assert desk.rows(Signal)[0].at == NOON


async def test_a_publisher_whose_clock_runs_ahead_is_not_believed(desk: Desk) -> None:
    await desk.start()

    (signal,) = await told(desk, omega(published_at=NOON + timedelta(minutes=10)))

    assert (signal.at, signal.precision) == (NOON, "unknown")


async def test_a_clock_a_few_seconds_ahead_is_believed_to_the_minute(desk: Desk) -> None:
    await desk.start()

    (signal,) = await told(desk, omega(published_at=NOON + timedelta(seconds=20)))

    assert (signal.at, signal.precision) == (NOON, "minute")


async def test_an_undated_item_is_public_when_we_saw_it(desk: Desk) -> None:
    await desk.start()

    (signal,) = await told(desk, omega(published_at=None, precision=Precision.UNKNOWN))

    assert (signal.at, signal.precision) == (NOON, "unknown")


async def test_a_vague_date_in_the_text_claims_no_instant(desk: Desk) -> None:
    await desk.start()
    text = "Omegacorp raised funding in February 2026. Zetacorp delays a watch to April 5, 2026."

    signals = await told(desk, a_story(title="Zetacorp launches Zeta glasses", summary=text))

    glasses = {s.event_no: (s.kind, s.at, s.precision) for s in signals if s.theme == "glasses"}
    assert glasses == {
        0: ("launch", NOON, "second"),
        1: ("funding", NOON, "unknown"),
        2: ("delay_cancel", NOON, "second"),
    }


async def test_a_past_day_in_the_text_is_the_day_of_that_event(desk: Desk) -> None:
    await desk.start()
    text = "Omegacorp raised funding on February 27, 2026."

    signals = await told(desk, a_story(title="Zetacorp launches Zeta glasses", summary=text))

    (funding,) = [s for s in signals if s.kind == "funding"]
    assert (funding.at, funding.precision) == (datetime(2026, 2, 27, tzinfo=UTC), "day")


async def test_novelty_falls_with_each_signal_alike(desk: Desk) -> None:
    await desk.start()
    titles = [f"Omegacorp launches Omega product number {n}" for n in (1, 2, 3)]

    signals = await told(
        desk,
        *(a_story(f"n{n}", title, published_at=NOON - n * HOUR) for n, title in enumerate(titles)),
    )

    assert {s.at: s.novelty for s in signals} == {
        NOON - 2 * HOUR: 1.0,
        NOON - HOUR: 1 / 2,
        NOON: 1 / 3,
    }


async def test_more_items_than_a_batch_are_left_for_the_next_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "BATCH_ITEMS", 2)
    await desk.start()
    await desk.poll(Batch(items=tuple(omega(f"o{n}") for n in range(3))))

    first, second = desk.process(), desk.process()

    assert (first.more, second.more) == (True, False)
    assert all(item.story_id for item in desk.rows(Item))


async def test_a_restart_between_poll_and_process_loses_nothing(desk: Desk) -> None:
    await desk.start()
    await desk.poll(news())
    desk.after(30)  # nobody processed: the process was killed; the next one starts later

    found = desk.process()

    assert found.signals == 2
    assert {s.theme: s.alertable for s in desk.current(Signal)} == {
        "glasses": True,
        "wearables": True,
    }
    assert len(desk.rows(Alert)) == 1


async def test_a_story_of_two_themes_is_one_alert(desk: Desk) -> None:
    await desk.start()

    await told(desk, a_story())

    (alert,) = desk.rows(Alert)
    assert len(alert.signal_ids) == 2


async def test_processing_again_changes_nothing(desk: Desk) -> None:
    await desk.start()
    await desk.poll(prices(NOON, {"Zetacorp": "0.40", "Omegacorp": "0.30"}), news())
    desk.process()
    before = [len(desk.rows(model)) for model in (Tag, Story, Signal, Alert)]
    desk.after(0.1)

    found = desk.process()

    assert (found.signals, found.moves, found.links, found.alerts) == (0, 0, 0, 0)
    assert [len(desk.rows(model)) for model in (Tag, Story, Signal, Alert)] == before


async def test_origins_of_two_sources_are_told_apart(desk: Desk) -> None:
    await desk.start("first")
    await desk.poll(news("a", TITLE), source=StubSource("first"))
    await desk.poll(news("b", "Zetacorp launches Zeta glasses"), source=StubSource("second"))

    assert {item.guid: item.origin for item in desk.rows(Item)} == {
        "a": Origin.LIVE,
        "b": Origin.FIRST_POLL,
    }
