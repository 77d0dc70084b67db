"""Items whose current tags were written by another version of the rules."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, tuple_
from sqlmodel import Session, col, select

from storage.models import Item, Tag

Place = tuple[datetime, int]


def items(
    session: Session,
    version: str,
    *,
    limit: int,
    since: datetime | None = None,
    after: Place | None = None,
) -> list[Item]:
    """Return items that another version than `version` read, in the order we saw them.

    `since` leaves out what was published before it; `after` begins behind an item's place.
    """
    query = select(Item).where(*_conditions(version, since)).limit(limit)
    if after is not None:
        query = query.where(tuple_(col(Item.observed_at), col(Item.id)) > after)
    return list(session.exec(query.order_by(col(Item.observed_at), col(Item.id))))


def count(session: Session, version: str, *, since: datetime | None = None) -> int:
    """Return how many items `items` would give in all."""
    query = select(func.count()).select_from(Item).where(*_conditions(version, since))
    return session.exec(query).one()


def with_stories(session: Session, some: Iterable[Item], version: str) -> list[Item]:
    """Return `some` and the outdated rest of their stories, by publication."""
    found = {item.id: item for item in some}
    stories = {item.story_id for item in found.values() if item.story_id is not None}
    query = select(Item).where(col(Item.story_id).in_(stories), *_conditions(version, None))
    found |= {item.id: item for item in session.exec(query)}
    return sorted(found.values(), key=lambda item: (item.published_at or item.observed_at, item.id))


def place(item: Item) -> Place:
    """Return where an item stands in the order of `items`."""
    assert item.id is not None
    return item.observed_at, item.id


def _conditions(version: str, since: datetime | None) -> list[Any]:
    other = (
        select(Tag.id)
        .where(
            col(Tag.item_id) == col(Item.id),
            col(Tag.known_to).is_(None),
            Tag.catalog_version != version,
        )
        .exists()
    )
    if since is None:
        return [other]
    return [other, func.coalesce(col(Item.published_at), col(Item.observed_at)) >= since]
