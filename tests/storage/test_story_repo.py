from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from storage import Store, item_repo, signal_repo, story_repo
from storage.item_repo import ItemKeys, TagRecord
from storage.models import Item, Link, Signal, Story
from storage.records import Origin
from tests.builders import a_link, a_market, a_signal, an_item, at, keep

WINDOW_MIN = 72 * 60


def told(
    session: Session,
    guid: str,
    minute: float,
    story: str | None = None,
    *,
    url: str = "https://wire.example/1",
    key: str = "t",
    theme: str | None = None,
    **given: Any,
) -> Item:
    """Add an item seen at a minute; with a theme it is tagged."""
    seen = at(minute)
    item = item_repo.add(
        session,
        an_item(guid, **{"published_at": seen, **given}),
        ItemKeys(url, key),
        observed_at=seen,
        stored_at=seen,
        origin=Origin.LIVE,
    )
    assert item is not None
    item.story_id = story
    session.add(item)
    if theme is not None:
        tag = TagRecord(theme, 0.8, "launch", ["zetacorp"], [], [], {}, False, [])
        item_repo.put_tags(session, item, [tag], catalog_version="c1", known_from=seen)
    return item


def a_story(name: str, seen: datetime, **given: Any) -> Story:
    return Story(id=name, first_observed_at=seen, items=1, publishers=1, **given)


def test_candidates_share_url_or_title_within_72_hours(store: Store) -> None:
    with store.begin() as session:
        told(session, "old", -1, "s0")
        told(session, "same-url", 10, "s1", key="x")
        told(session, "same-title", 11, "s2", url="https://other.example/9")
        told(session, "again", 12, "s1")
        told(session, "neither", 12, "s3", url="https://other.example/8", key="y")
        told(session, "no-story", 12)
        new = told(session, "new", WINDOW_MIN)

        found = story_repo.candidates(session, new, ItemKeys("https://wire.example/1", "t"))

        assert found == ["s1", "s2"]


def test_themed_stories_were_public_around_the_batch(store: Store) -> None:
    with store.begin() as session:
        told(session, "early", -1, "s0", theme="glasses")
        told(session, "first", 0, "s1", theme="glasses")
        told(session, "plain", 1, "s2")
        told(session, "last", 2 * WINDOW_MIN, "s3", theme="glasses")
        told(session, "late", 2 * WINDOW_MIN + 1, "s4", theme="glasses")
        around = at(WINDOW_MIN)

        found = story_repo.themed_stories(session, since=around, until=around)

        assert sorted(found) == ["s1", "s3"]


def test_wordings_are_the_latest_with_the_beginning_of_their_text(store: Store) -> None:
    with store.begin() as session:
        told(session, "a", 0, "s1", title="First", summary="A long summary")
        told(session, "b", 1, "s1", title="Other", content="Only content")
        told(session, "c", 2, "s2")
        item_repo.add(
            session,
            an_item("a", title="Second", summary="Another summary"),
            ItemKeys(None, "t"),
            observed_at=at(5),
            stored_at=at(5),
            origin=Origin.LIVE,
        )

        found = story_repo.wordings(session, ["s1"], lead_chars=7)

        assert [(w.guid, w.title, w.lead) for w in found] == [
            ("a", "Second", "Another"),
            ("b", "Other", "Only co"),
        ]


def test_more_stories_than_a_statement_holds_are_read(store: Store) -> None:
    with store.begin() as session:
        told(session, "a", 0, "s7")
        names = [f"s{n}" for n in range(1_200)]

        assert len(story_repo.wordings(session, names, lead_chars=10)) == 1


def test_a_merge_moves_items_closes_signals_and_links_and_keeps_the_row(store: Store) -> None:
    market = a_market()
    (outcome,) = keep(store, [market]).values()
    with store.begin() as session:
        told(session, "a", 0, "old")
        told(session, "b", 1, "young")
        story_repo.put(session, a_story("old", at(0), reason="wire a: first of its story"))
        story_repo.put(session, a_story("young", at(1), reason="wire b: first of its story"))
        story_repo.put(session, a_story("before", at(1), merged_into="young"))
        for name in ("old", "young"):
            values = a_signal(f"sig-{name}", at(1), origin_id=name)
            signal_repo.put_signal(session, values, known_from=at(2))
        signal_repo.put_link(session, a_link("sig-young", outcome), known_from=at(2))

        story_repo.merge(session, "young", "old", reason="same title", at=at(3))

        assert [item.guid for item in story_repo.items(session, "old")] == ["a", "b"]
        known = {signal.signal_id: signal.known_to for signal in session.exec(select(Signal))}
        assert known == {"sig-old": None, "sig-young": at(3)}
        assert [link.known_to for link in session.exec(select(Link))] == [at(3)]
        young, before = story_repo.get(session, "young"), story_repo.get(session, "before")
        assert young is not None
        assert before is not None
        assert (young.merged_into, before.merged_into) == ("old", "old")
        assert (young.reason or "").splitlines()[-1] == "merged into old: same title"
        assert story_repo.was_told(session, "old", "glasses")
        assert not story_repo.was_told(session, "old", "other")
        assert not story_repo.was_told(session, "young", "glasses")


def test_a_story_is_replaced_under_its_id(store: Store) -> None:
    with store.begin() as session:
        for items in (1, 2):
            story = Story(id="s1", first_observed_at=at(0), items=items, publishers=1)
            story_repo.put(session, story)
        assert [story.items for story in session.exec(select(Story))] == [2]


def test_of_many_reasons_the_first_and_the_last_stay() -> None:
    reason = story_repo.logged(None, [f"line\n{n}" for n in range(100)])

    lines = reason.splitlines()
    assert len(lines) == story_repo.LOG_LINES
    assert (lines[0], lines[1], lines[-1]) == ("line 0", "line 41", "line 99")


def test_a_story_names_what_was_merged_into_it_only_from_then_on(store: Store) -> None:
    with store.begin() as session:
        for name in ("old", "young"):
            story_repo.put(session, Story(id=name, first_observed_at=at(0), items=1, publishers=1))
            values = a_signal(name, origin_id=name)
            signal_repo.put_signal(session, values, known_from=at(0))
        story_repo.merge(session, "young", "old", reason="alike", at=at(10))

        assert story_repo.merged_by(session, "old", at=at(9)) == []
        assert story_repo.merged_by(session, "old", at=at(10)) == ["young"]
        assert story_repo.merged_by(session, "young", at=at(10)) == []


def test_the_headline_of_a_story_is_its_first_event_as_known_then(store: Store) -> None:
    with store.begin() as session:
        for number in (0, 1):
            values = a_signal(f"event-{number}", event_no=number, title="first")
            signal_repo.put_signal(session, values, known_from=at(0))
        later = a_signal("event-0", title="second")
        signal_repo.put_signal(session, later, known_from=at(10))

        def headline(minute: float, theme: str = "glasses") -> str | None:
            found = story_repo.headline_signal(session, "story-1", theme, at=at(minute))
            return None if found is None else found.title

        assert [headline(-1), headline(0), headline(10)] == [None, "first", "second"]
        assert headline(10, "wearables") is None
