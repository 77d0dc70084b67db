"""Stories are found again by what their items share, and forgotten when they are old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from signals.stories import StoryKey, Telling
from signals.story_index import StoryIndex, WordIndex

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def item(guid: str, words: str, at: datetime = NOON, **more: object) -> StoryKey:
    url = more.pop("url", None)
    told = Telling(key=words, words=frozenset(words.split()), language="en", **more)  # type: ignore[arg-type]
    return StoryKey("wire", guid, at, told, url=url)  # type: ignore[arg-type]


def near(index: StoryIndex, key: StoryKey) -> set[str]:
    return {story.story_id for story in index.near(key)}


@settings(max_examples=60, deadline=None)
@given(
    sets=st.lists(st.frozensets(st.sampled_from("abcdefghij"), max_size=6), max_size=25),
    asked=st.frozensets(st.sampled_from("abcdefghij"), min_size=1, max_size=6),
    share=st.sampled_from((0.2, 0.5, 0.8, 1.0)),
)
def test_every_set_that_shares_enough_words_is_found(
    sets: list[frozenset[str]], asked: frozenset[str], share: float
) -> None:
    index = WordIndex()
    for words in sets:
        index.add(words)

    expected = {
        place: len(words & asked) / len(words | asked)
        for place, words in enumerate(sets)
        if len(words & asked) >= share * len(words | asked)
    }
    assert dict(index.near(asked, share)) == expected


def test_a_list_longer_than_the_cap_gives_its_newest() -> None:
    index = WordIndex(cap=3)
    for _ in range(10):
        index.add(frozenset({"same"}))

    assert {place for place, _ in index.near(frozenset({"same"}), 0.5)} == {7, 8, 9}


def test_stories_are_found_by_words_address_title_name_and_figure() -> None:
    index = StoryIndex()
    index.add(item("1", "a b c d e f"), "by-words")
    index.add(item("2", "g", url="https://example.com/x"), "by-address")
    index.add(item("3", "h", names=frozenset({"glm:5.2"})), "by-name")
    index.add(item("4", "i", facts=frozenset({("amount", "USD", "2000000000")})), "by-figure")
    index.add(item("5", "j", facts=frozenset({("date", "day", "2026-03-02")})), "by-nothing")

    asked = item(
        "6",
        "a b c d x y z",
        url="https://example.com/x",
        names=frozenset({"glm:5.2"}),
        facts=frozenset({("amount", "USD", "2000000000"), ("date", "day", "2026-03-02")}),
    )

    assert near(index, asked) == {"by-words", "by-address", "by-name", "by-figure"}


def test_items_older_than_72_hours_behind_the_newest_are_forgotten() -> None:
    index = StoryIndex()
    index.add(item("1", "a b c"), "old")
    assert near(index, item("2", "a b c")) == {"old"}

    index.add(item("3", "x y z", NOON + 73 * HOUR), "new")

    assert near(index, item("4", "a b c", NOON + 73 * HOUR)) == set()


def test_what_is_kept_does_not_grow_with_history() -> None:
    index = StoryIndex()
    for n in range(2_000):
        index.add(item(str(n), f"word{n} other{n}", NOON + n * HOUR), f"story{n}")

    assert len(index._items) == 73
    assert len(index._stories) < 400
    assert len(index._blocks) < 400


def test_a_merged_story_is_found_under_the_one_it_became() -> None:
    index = StoryIndex()
    index.add(item("1", "a b c", NOON - HOUR), "old")
    index.add(item("2", "x y z"), "young")

    index.merge("young", "old")

    assert near(index, item("3", "x y z")) == {"old"}
    (story,) = index.near(item("3", "x y z"))
    assert story.since == NOON - HOUR
    assert [key.guid for key in story.representatives] == ["1"]
