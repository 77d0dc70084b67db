"""Items of one news are one story, over outlets, languages and time; reasons are kept."""

from __future__ import annotations

from datetime import timedelta

from monitor.jobs.stories import StoryRoom
from signals.stories import story_id
from storage import item_repo, story_repo
from storage.item_repo import ItemKeys
from storage.models import Alert, Item, Signal, Story
from storage.records import Batch, ItemRecord, Origin, Precision
from tests.builders import NOON, an_item
from tests.desk import Desk, a_story

HOUR = timedelta(hours=1)
ENGLISH = "Alibaba launches Qwen3.5-Plus for 0.8 yuan per million tokens"
CHINESE = "阿里巴巴发布Qwen3.5-Plus，每百万tokens 0.8元"


async def told(desk: Desk, *records: ItemRecord) -> list[Story]:
    """Poll and process `records`; return the stories."""
    await desk.poll(Batch(items=records))
    desk.process()
    return desk.rows(Story)


def stories(desk: Desk) -> dict[str, str | None]:
    return {item.guid: item.story_id for item in desk.rows(Item)}


def lines(story: Story) -> list[str]:
    return (story.reason or "").splitlines()


async def test_a_launch_in_two_languages_is_one_story_and_one_alert(desk: Desk) -> None:
    await desk.start()
    await told(desk, a_story("en", ENGLISH, publisher="Reuters"))
    desk.after(30)

    (story,) = await told(
        desk, a_story("zh", CHINESE, publisher="IT之家", published_at=NOON + HOUR / 2)
    )

    assert (story.items, story.publishers) == (2, 2)
    assert lines(story) == [
        "wire en: first of its story",
        "wire zh: launch of qwen 3.5plus in two languages as wire en",
    ]
    assert len(desk.rows(Alert)) == 1


async def test_a_translated_copy_adds_no_publisher(desk: Desk) -> None:
    await desk.start()

    (story,) = await told(
        desk,
        a_story("zh", CHINESE, publisher="36氪"),
        a_story(
            "en",
            ENGLISH,
            publisher="The Wide World Post",
            summary="This was originally published by 36Kr.",
            published_at=NOON + HOUR,
        ),
    )

    assert (story.items, story.publishers) == (2, 1)


async def test_two_launches_of_one_day_are_two_stories(desk: Desk) -> None:
    await desk.start()

    found = await told(desk, a_story("a", ENGLISH), a_story("b", "阿里巴巴发布Qwen3.6-Max"))

    assert len(found) == 2


async def test_t0_is_the_first_public_instant_of_either_language(desk: Desk) -> None:
    await desk.start()
    await told(desk, a_story("en", ENGLISH))
    desk.after(5)

    await told(desk, a_story("zh", CHINESE, published_at=NOON - HOUR))

    (signal,) = desk.current(Signal)
    assert (signal.at, signal.precision) == (NOON - HOUR, "second")
    assert signal.observed_at == NOON


async def test_an_item_of_72_hours_later_begins_a_story(desk: Desk) -> None:
    await desk.start()
    await told(desk, a_story("a", ENGLISH))
    later = desk.after(72 * 60 + 1)

    found = await told(desk, a_story("b", ENGLISH, published_at=later))

    assert len(found) == 2


async def test_an_item_of_no_theme_is_joined_by_its_title_only(desk: Desk) -> None:
    rain, late = "Rain is expected on Tuesday in the north", "Rain expected on Tuesday in the north"

    await told(desk, a_story("a", rain), a_story("b", rain.upper()), a_story("c", late))

    home = stories(desk)
    assert home["a"] == home["b"] != home["c"]


async def test_a_reworded_item_whose_facts_contradict_leaves_the_story(desk: Desk) -> None:
    await desk.start()
    await told(desk, a_story("a", ENGLISH), a_story("b", ENGLISH, source="post"))
    desk.after(10)

    await told(desk, a_story("b", ENGLISH.replace("0.8", "1.6"), source="post"))

    home, rows = stories(desk), {story.id: story for story in desk.rows(Story)}
    assert home == {"a": story_id("wire", "a"), "b": story_id("post", "b")}
    left = rows[story_id("wire", "a")]
    assert left.items == 1
    why = f"post b: reworded and left for {home['b']}, price 1.6 against 0.8 CNY/1M tokens"
    assert lines(left)[-1] == why
    assert len(desk.current(Signal)) == 2


async def test_a_first_item_that_leaves_gets_an_id_never_used(desk: Desk) -> None:
    await desk.start()
    await told(desk, a_story("a", ENGLISH), a_story("b", ENGLISH, source="post"))
    desk.after(10)

    await told(desk, a_story("a", ENGLISH.replace("0.8", "1.6")))

    home = stories(desk)
    assert home == {"a": story_id("wire", "a", 1), "b": story_id("wire", "a")}


async def test_a_reworded_item_that_contradicts_nothing_stays(desk: Desk) -> None:
    await desk.start()
    await told(desk, a_story("a", ENGLISH), a_story("b", ENGLISH, source="post"))
    desk.after(10)

    (story,) = await told(desk, a_story("b", ENGLISH + " in Europe", source="post"))

    assert story.items == 2
    assert len(lines(story)) == 2


async def bridged(desk: Desk) -> dict[str, Story]:
    """Tell two stories that share too little, then one that shares half of each."""
    await desk.start()
    await told(desk, a_story("a", "Omegacorp launches one two three four five"))
    desk.after(5)
    await told(desk, a_story("b", "Omegacorp launches five six seven eight nine ten"))
    desk.after(5)
    assert len(desk.rows(Story)) == 2
    await told(desk, a_story("c", "Omegacorp launches two three four five six seven eight"))
    return {story.id: story for story in desk.rows(Story)}


async def test_an_item_between_two_stories_merges_the_younger_into_the_older(desk: Desk) -> None:
    rows = await bridged(desk)

    old, young = story_id("wire", "a"), story_id("wire", "b")
    assert set(stories(desk).values()) == {old}
    assert rows[young].merged_into == old
    assert (rows[old].items, rows[old].merged_into) == (3, None)
    assert any(line.startswith(f"story {young} is merged into it") for line in lines(rows[old]))
    assert lines(rows[young])[-1].startswith(f"merged into {old}: ")


async def test_a_merge_alerts_nothing_twice_and_closes_the_younger_signal(desk: Desk) -> None:
    await bridged(desk)

    (signal,) = desk.current(Signal)
    assert signal.origin_id == story_id("wire", "a")
    assert len(desk.rows(Alert)) == 2
    closed = [row for row in desk.rows(Signal) if row.origin_id == story_id("wire", "b")]
    assert [row.known_to is not None for row in closed] == [True]


async def test_processing_again_after_a_merge_changes_nothing(desk: Desk) -> None:
    before = await bridged(desk)
    signals = len(desk.rows(Signal))
    desk.after(1)

    found = desk.process()

    assert (found.signals, found.alerts) == (0, 0)
    assert {story.id: story.reason for story in desk.rows(Story)} == {
        name: story.reason for name, story in before.items()
    }
    assert len(desk.rows(Signal)) == signals


async def test_the_order_of_arrival_in_batches_gives_the_same_stories(desk: Desk) -> None:
    await desk.start()
    records = [a_story("a", ENGLISH), a_story("b", CHINESE), a_story("c", ENGLISH, source="post")]
    for record in records:
        await told(desk, record)
        desk.after(1)

    assert len(set(stories(desk).values())) == 1


async def test_an_items_language_is_read_from_its_script_when_nobody_says_it(desk: Desk) -> None:
    await told(
        desk,
        a_story("en", ENGLISH),
        a_story("zh", CHINESE),
        a_story("said", ENGLISH, lang="fr", precision=Precision.SECOND),
    )

    assert {item.guid: item.lang for item in desk.rows(Item)} == {
        "en": "en",
        "zh": "zh",
        "said": "fr",
    }


async def test_a_room_writes_only_what_was_placed(desk: Desk) -> None:
    with desk.session() as session:
        item = item_repo.add(
            session,
            an_item("x"),
            ItemKeys(None, "zetacorp shows its glasses"),
            observed_at=NOON,
            stored_at=NOON,
            origin=Origin.IMPORT,
        )
        assert item is not None
        room = StoryRoom(session, desk.app.topics, [item], now=NOON)
        assert room.write() == []

        room.place(item, is_themed=True)

        assert room.write() == [item.story_id]
        assert [one.guid for one in story_repo.items(session, item.story_id or "")] == ["x"]
