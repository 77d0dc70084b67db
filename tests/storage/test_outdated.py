"""Items that another version of the rules read: found in order, in parts, with their stories."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session

from storage import Store, item_repo, outdated
from storage.item_repo import ItemKeys
from storage.models import Item
from storage.records import Origin
from tests.builders import NOON, an_item, at


def read(
    session: Session, guid: str, version: str | None, *, minute: float = 0, story: str = "s",
    published_at: datetime | None = NOON,
) -> Item:  # fmt: skip
    """Store an item seen at `minute`; `version` says which rules read it, None that none did."""
    item = item_repo.add(
        session,
        an_item(guid, published_at=published_at),
        ItemKeys(None, guid),
        observed_at=at(minute),
        stored_at=at(minute),
        origin=Origin.LIVE,
    )
    assert item is not None
    item.story_id = story
    session.add(item)
    if version is not None:
        item_repo.put_tags(session, item, [], catalog_version=version, known_from=at(minute))
    return item


def guids(items: list[Item]) -> list[str]:
    return [item.guid for item in items]


def test_only_items_that_other_rules_read_are_outdated(store: Store) -> None:
    with store.begin() as session:
        read(session, "old", "v1")
        read(session, "new", "v2")
        read(session, "never", None)

        assert guids(outdated.items(session, "v2", limit=9)) == ["old"]
        assert outdated.count(session, "v2") == 1


def test_a_later_reading_makes_an_item_up_to_date(store: Store) -> None:
    with store.begin() as session:
        item = read(session, "a", "v1")
        item_repo.put_tags(session, item, [], catalog_version="v2", known_from=at(5))

        assert outdated.items(session, "v2", limit=9) == []
        assert guids(outdated.items(session, "v1", limit=9)) == ["a"]


def test_they_come_in_the_order_we_saw_them_part_by_part(store: Store) -> None:
    with store.begin() as session:
        for guid, minute in (("c", 3), ("a", 1), ("b", 1), ("d", 4)):
            read(session, guid, "v1", minute=minute)

        first = outdated.items(session, "v2", limit=2)
        rest = outdated.items(session, "v2", limit=9, after=outdated.place(first[-1]))

        assert (guids(first), guids(rest)) == (["a", "b"], ["c", "d"])


def test_older_news_is_left_out_by_publication_and_without_one_by_sight(store: Store) -> None:
    with store.begin() as session:
        read(session, "old", "v1", published_at=NOON - timedelta(days=3))
        read(session, "fresh", "v1")
        read(session, "undated", "v1", minute=-10, published_at=None)

        since = NOON - timedelta(minutes=5)

        assert guids(outdated.items(session, "v2", limit=9, since=since)) == ["fresh"]
        assert outdated.count(session, "v2", since=since) == 1


def test_a_story_comes_whole(store: Store) -> None:
    with store.begin() as session:
        read(session, "a", "v1", minute=1, story="one")
        read(session, "b", "v1", minute=2, story="two")
        read(session, "c", "v1", minute=3, story="one", published_at=NOON - timedelta(hours=1))
        read(session, "d", "v2", minute=4, story="one")

        first = outdated.items(session, "v2", limit=1)

        assert guids(outdated.with_stories(session, first, "v2")) == ["c", "a"]
