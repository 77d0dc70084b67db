"""Items join stories, stay apart, and show two stories to be one. All sentences are our own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.catalog import Catalog
from signals.stories import (
    FIRST,
    KnownStory,
    StoryKey,
    StoryReader,
    Telling,
    independent_publishers,
    join,
    representatives,
    same_story,
    story_id,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RING = "Alibaba launches a second Qwen ring for deep sleepers"


@pytest.fixture(scope="module")
def reader(catalog: Catalog) -> StoryReader:
    return StoryReader(catalog)


def telling(*words: str, **more: object) -> Telling:
    """Return a wording of an owner that we know, made of plain words."""
    fields = {"owners": frozenset({"zeta"}), "entities": frozenset({"zeta"}), "language": "en"}
    told = frozenset(words)
    return Telling(key=" ".join(words), words=told, **{**fields, **more})  # type: ignore[arg-type]


def item(guid: str, told: Telling, at: datetime = NOON, **more: object) -> StoryKey:
    return StoryKey("wire", guid, at, told, **more)  # type: ignore[arg-type]


def story(name: str, *items: StoryKey, since: datetime = NOON) -> KnownStory:
    return KnownStory(name, since, representatives(items))


def test_one_address_is_one_story_for_72_hours() -> None:
    one = item("1", telling("a"), url="https://example.com/x")
    other = item("2", telling("b"), url="https://example.com/x")

    found = same_story(one, other)

    assert found is not None
    assert found.reason == "same address"
    assert same_story(one, replace(other, at=NOON + 72 * HOUR)) is not None
    assert same_story(one, replace(other, at=NOON + 72 * HOUR + timedelta(seconds=1))) is None


def test_disjoint_entities_never_merge() -> None:
    one = item("1", telling("a", entities=frozenset({"qwen"})), url="https://example.com/x")
    other = item("2", telling("a", entities=frozenset({"kimi"})), url="https://example.com/x")

    assert same_story(one, other) is None


def test_an_item_joins_the_oldest_story_that_it_fits_or_begins_one() -> None:
    told = telling("zeta", "unveils", "second", "ring")
    older = story("old", item("1", told), since=NOON - 2 * HOUR)
    newer = story("new", item("2", told), since=NOON - HOUR)

    joined = join(item("3", told), [newer, older])

    assert (joined.story_id, joined.reason) == ("old", "same title as wire 1")
    assert join(item("3", told), []).reason == FIRST
    assert join(item("3", told), []).story_id == story_id("wire", "3")


def test_an_item_that_fits_two_stories_strongly_merges_the_younger() -> None:
    one = item("1", telling("a", "b", "c", "d", "e", "f"))
    other = item("2", telling("c", "d", "e", "f", "g", "h"))
    bridge = item("3", telling("b", "c", "d", "e", "f", "g"))
    assert same_story(one, bridge)
    stories = [story("young", other, since=NOON), story("old", one, since=NOON - HOUR)]

    joined = join(bridge, stories)

    assert joined.story_id == "old"
    assert [name for name, _ in joined.merged] == ["young"]
    assert "by wire 3" in joined.merged[0][1]


def test_stories_whose_facts_contradict_are_not_merged_by_an_item_between_them() -> None:
    said = ("a", "b", "c", "d", "e", "f")
    low = item("1", telling(*said, facts=frozenset({("price", "CNY", "1899")})))
    high = item("2", telling(*said, "g", facts=frozenset({("price", "CNY", "2199")})))
    bridge = item("3", telling(*said, "h"))

    joined = join(bridge, [story("old", low, since=NOON - HOUR), story("young", high)])

    assert (joined.story_id, joined.merged) == ("old", ())


def test_an_item_must_not_stand_against_any_representative() -> None:
    english = item("1", telling("a", "b", "c", "d", "e"))
    chinese = item(
        "2", telling("x", language="zh", facts=frozenset({("price", "CNY", "1899")})), NOON + HOUR
    )
    dearer = item(
        "3", telling("a", "b", "c", "d", "e", facts=frozenset({("price", "CNY", "2199")}))
    )

    assert same_story(english, dearer)
    assert join(dearer, [story("s", english, chinese)]).reason == FIRST


def test_nothing_chains_from_item_to_item() -> None:
    """Each title shares half with the one before; none shares anything with the one after that."""
    titles = [tuple("abcdefghijklmnopqrstuvwxyz"[n : n + 6]) for n in range(0, 18, 2)]
    stories: dict[str, tuple[StoryKey, ...]] = {}
    for n, words in enumerate(titles):
        new = item(str(n), telling(*words), NOON + n * timedelta(minutes=1))
        known = [story(name, *items, since=items[0].at) for name, items in stories.items()]
        joined = join(new, known)
        assert not joined.merged
        stories[joined.story_id] = (*stories.get(joined.story_id, ()), new)

    for items in stories.values():
        assert all(set(items[0].telling.words) & set(one.telling.words) for one in items)


def test_a_story_is_represented_by_its_first_item_another_language_and_a_figure() -> None:
    first = item("1", telling("a"))
    second = item("2", telling("b"), NOON + HOUR)
    chinese = item("3", telling("c", language="zh"), NOON + 2 * HOUR)
    digest = item("4", telling("d", language="zh", is_digest=True), NOON + HOUR)
    priced = item("5", telling("e", facts=frozenset({("price", "CNY", "1899")})), NOON + 3 * HOUR)

    assert representatives([priced, chinese, digest, second, first]) == (first, chinese, priced)
    assert representatives([first]) == (first,)


def test_a_vague_first_item_does_not_hold_two_ranks_together(reader: StoryReader) -> None:
    vague = item("1", reader.read("Kimi K3 appears on the Text Arena leaderboard"))
    code = item("2", reader.read("Kimi K3 takes #1 on the code board of the Arena"), NOON + HOUR)
    text = item("3", reader.read("Kimi K3 ranks #9 on the Text Arena leaderboard"), NOON + HOUR)

    assert join(text, [story("s", vague)]).story_id == "s"
    assert join(text, [story("s", vague, code)]).reason == FIRST


def test_the_same_launch_in_two_languages_is_one_story_of_two_publishers(
    reader: StoryReader,
) -> None:
    english = item(
        "1", reader.read("Alibaba launches Quark AI glasses from 1,899 yuan"), publisher="Reuters"
    )
    chinese = item(
        "2", reader.read("阿里巴巴发布夸克AI眼镜，售价1899元起"), NOON + HOUR, publisher="IT之家"
    )

    joined = join(chinese, [story("s", english)])

    assert joined.story_id == "s"
    assert independent_publishers([english, chinese]) == 2


def test_a_translated_copy_stays_one_publisher(reader: StoryReader) -> None:
    chinese = item("1", reader.read("阿里巴巴发布夸克AI眼镜，售价1899元起"), publisher="36氪")
    translated = item(
        "2",
        reader.read("Alibaba launches Quark AI glasses from 1,899 yuan"),
        NOON + HOUR,
        publisher="The Wide World Post",
        attributed_to="36Kr",
    )

    assert join(translated, [story("s", chinese)]).story_id == "s"
    assert independent_publishers([chinese, translated]) == 1


def test_two_launches_of_one_company_on_one_day_stay_two(reader: StoryReader) -> None:
    glasses = item("1", reader.read("Alibaba launches Quark AI glasses in China"))

    for title in ("Alibaba launches Qwen3.5-Plus in China", "阿里巴巴发布Qwen3.5-Plus"):
        assert join(item("2", reader.read(title)), [story("s", glasses)]).reason == FIRST


def test_a_roundup_joins_none_of_its_stories(reader: StoryReader) -> None:
    known = [
        story("a", item("1", reader.read("月之暗面发布Kimi K2.6并开源"))),
        story("b", item("2", reader.read("智谱发布GLM-5.2"))),
    ]
    roundup = reader.read("月之暗面发布Kimi K2.6并开源；智谱发布GLM-5.2")

    assert join(item("3", roundup), known).reason == FIRST


def test_story_ids_differ_by_source_guid_and_split() -> None:
    ids = [story_id("a", "1"), story_id("b", "1"), story_id("a", "2"), story_id("a", "1", 1)]

    assert len(set(ids)) == 4


@settings(max_examples=60, deadline=None)
@given(title=st.text(max_size=60), other=st.text(max_size=60))
def test_any_text_is_read_and_compared_alike_from_both_sides(
    reader: StoryReader, title: str, other: str
) -> None:
    one, two = item("1", reader.read(title)), item("2", reader.read(other))

    assert same_story(one, two) == same_story(two, one)
