from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from storage import Store, item_repo
from storage.item_repo import ItemKeys, TagRecord
from storage.models import Item, ItemRevision, Tag
from storage.records import Origin
from tests.builders import an_item, at

KEYS = ItemKeys(canonical_url="https://wire.example/1", title_key="zetacorp shows its glasses")


def add(session: Session, seen: datetime, keys: ItemKeys = KEYS, **given: Any) -> Item | None:
    return item_repo.add(
        session, an_item(**given), keys, observed_at=seen, stored_at=seen, origin=Origin.LIVE
    )


def a_tag(theme: str = "glasses", score: float = 0.8) -> TagRecord:
    return TagRecord(theme, score, "launch", ["zetacorp"], [], [], {}, False, ["alias zetacorp"])


def put(session: Session, item: Item, known_from: datetime, *tags: TagRecord) -> None:
    item_repo.put_tags(session, item, tags, catalog_version="c1", known_from=known_from)


def tag_rows(session: Session) -> list[tuple[str, float, datetime, datetime | None]]:
    found = session.exec(select(Tag).order_by(col(Tag.known_from), col(Tag.theme)))
    return [(tag.theme, tag.score, tag.known_from, tag.known_to) for tag in found]


def test_the_first_wording_stays_and_a_later_one_is_a_revision(store: Store) -> None:
    with store.begin() as session:
        item = add(session, at(0), title="Zetacorp to show glasses")
        assert item is not None
        assert add(session, at(5), title="Zetacorp delays glasses", summary="By a month") is None
        session.refresh(item)
        assert item.title == "Zetacorp to show glasses"
        wording = ("Zetacorp delays glasses", "By a month", None)
        assert item_repo.latest_wording(session, item) == wording
        assert [r.observed_at for r in session.exec(select(ItemRevision))] == [at(5)]


def test_the_same_wording_again_writes_nothing(store: Store) -> None:
    with store.begin() as session:
        for minute in (0, 1, 2):
            add(session, at(minute))
        assert len(session.exec(select(Item)).all()) == 1
        assert session.exec(select(ItemRevision)).all() == []


def test_an_old_wording_read_again_later_is_no_news(store: Store) -> None:
    with store.begin() as session:
        item = add(session, at(0), title="First")
        add(session, at(5), title="Second")
        add(session, at(0), title="First")
        assert item is not None
        assert item_repo.latest_wording(session, item)[0] == "Second"
        assert len(session.exec(select(ItemRevision)).all()) == 1


def test_two_sources_may_use_one_guid(store: Store) -> None:
    with store.begin() as session:
        assert add(session, at(0), source="wire") is not None
        assert add(session, at(0), source="mirror") is not None


def test_an_item_is_due_for_tagging_until_it_was_read(store: Store) -> None:
    with store.begin() as session:
        second, first = add(session, at(1), guid="b"), add(session, at(0), guid="a")
        assert first is not None
        assert second is not None
        due = item_repo.untagged(session, "c1", limit=10)
        assert [item.guid for item in due] == ["a", "b"]
        assert [item.guid for item in item_repo.untagged(session, "c1", limit=1)] == ["a"]
        put(session, first, at(2), a_tag())
        put(session, second, at(2))
        assert item_repo.untagged(session, "c1", limit=10) == []


def test_an_item_reworded_since_is_due_again_once(store: Store) -> None:
    with store.begin() as session:
        item = add(session, at(0))
        assert item is not None
        put(session, item, at(1), a_tag())
        add(session, at(2), title="Zetacorp delays its glasses")
        assert item_repo.untagged(session, "c1", limit=10) == [item]
        put(session, item, at(3), a_tag())
        assert item_repo.untagged(session, "c1", limit=10) == []


def test_tags_are_closed_and_added_never_changed(store: Store) -> None:
    with store.begin() as session:
        item = add(session, at(0))
        assert item is not None
        put(session, item, at(1), a_tag("glasses", 0.8), a_tag("boards", 0.6))
        put(session, item, at(4), a_tag("glasses", 0.9))
        assert tag_rows(session) == [
            ("boards", 0.6, at(1), at(4)),
            ("glasses", 0.8, at(1), at(4)),
            ("glasses", 0.9, at(4), None),
        ]
        assert item.id is not None
        assert [tag.score for tag in item_repo.current_tags(session, [item.id])] == [0.9]


def test_two_readings_at_one_instant_leave_the_second(store: Store) -> None:
    with store.begin() as session:
        item = add(session, at(0))
        assert item is not None
        put(session, item, at(1), a_tag("glasses", 0.8))
        put(session, item, at(1), a_tag("glasses", 0.9))
        assert tag_rows(session) == [("glasses", 0.9, at(1), None)]


def test_that_no_theme_matched_is_kept_but_is_no_tag(store: Store) -> None:
    with store.begin() as session:
        item = add(session, at(0))
        assert item is not None
        assert item.id is not None
        put(session, item, at(1))
        assert tag_rows(session) == [(item_repo.NO_THEME, 0.0, at(1), None)]
        assert item_repo.current_tags(session, [item.id]) == []
