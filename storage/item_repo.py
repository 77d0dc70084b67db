"""Items, their later wordings and their tags; stories: story_repo."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from storage import versions
from storage.models import Item, ItemRevision, Tag
from storage.records import ItemRecord, Origin

NO_THEME = ""


@dataclass(frozen=True, slots=True)
class ItemKeys:
    """What the tagger's side computed from an item's text for finding its story."""

    canonical_url: str | None
    title_key: str


@dataclass(frozen=True, slots=True)
class TagRecord:
    """One theme's verdict on an item, as it is kept."""

    theme: str
    score: float
    kind: str | None
    entities: list[str]
    facts: list[dict[str, Any]]
    events: list[dict[str, Any]]
    polarity: dict[str, str]
    background: bool
    reason: list[str]


def add(
    session: Session,
    record: ItemRecord,
    keys: ItemKeys,
    *,
    observed_at: datetime,
    stored_at: datetime,
    origin: Origin,
) -> Item | None:
    """Return the new item; None when it was known (a changed wording is kept as a revision)."""
    known = session.exec(
        select(Item).where(Item.source == record.source, Item.guid == record.guid)
    ).first()
    if known is not None:
        _revise(session, known, record, observed_at)
        return None
    item = Item(
        source=record.source,
        guid=record.guid,
        url=record.url,
        canonical_url=keys.canonical_url,
        title=record.title,
        title_key=keys.title_key,
        summary=record.summary,
        content=record.content,
        lang=record.lang,
        publisher=record.publisher,
        tier=record.tier,
        published_at=record.published_at,
        precision=record.precision.value,
        observed_at=observed_at,
        stored_at=stored_at,
        seen_as=record.seen_as,
        origin=origin.value,
    )
    session.add(item)
    session.flush()
    return item


def latest_wording(session: Session, item: Item) -> tuple[str, str | None, str | None]:
    """Return title, summary and content as last seen."""
    revision = _newest_revision(session, item)
    source = revision or item
    return source.title, source.summary, source.content


def untagged(session: Session, catalog_version: str, *, limit: int) -> list[Item]:
    """Return items without a tag of this catalog, and items reworded since, oldest first.

    Items known under an older catalog are left to `retag`.
    """
    tagged = select(Tag.item_id)
    reworded = (
        select(ItemRevision.item_id)
        .join(Tag, col(Tag.item_id) == col(ItemRevision.item_id))
        .where(col(Tag.known_to).is_(None), col(ItemRevision.observed_at) > col(Tag.known_from))
    )
    query = (
        select(Item)
        .where(col(Item.id).not_in(tagged) | col(Item.id).in_(reworded))
        .order_by(col(Item.observed_at), col(Item.id))
        .limit(limit)
    )
    del catalog_version
    return list(session.exec(query))


def put_tags(
    session: Session,
    item: Item,
    tags: Iterable[TagRecord],
    *,
    catalog_version: str,
    known_from: datetime,
) -> None:
    """Write the verdicts of one reading, closing those it replaces; none at all is kept too."""
    assert item.id is not None
    new = {tag.theme: tag for tag in tags} or {NO_THEME: _read_and_none(item)}
    current = session.exec(
        select(Tag).where(Tag.item_id == item.id, col(Tag.known_to).is_(None))
    ).all()
    for row in current:
        versions.close(session, row, at=known_from)
    session.flush()
    for tag in new.values():
        session.add(
            Tag(
                item_id=item.id,
                theme=tag.theme,
                catalog_version=catalog_version,
                score=tag.score,
                kind=tag.kind,
                entities=tag.entities,
                facts=tag.facts,
                events=tag.events,
                polarity=tag.polarity,
                background=tag.background,
                reason=tag.reason,
                known_from=known_from,
            )
        )
    session.flush()


def current_tags(session: Session, item_ids: Iterable[int]) -> list[Tag]:
    """Return the current tags of items, without the marks of items that belong to no theme."""
    query = select(Tag).where(
        col(Tag.item_id).in_(list(item_ids)), col(Tag.known_to).is_(None), Tag.theme != NO_THEME
    )
    return list(session.exec(query))


def _read_and_none(item: Item) -> TagRecord:
    del item
    return TagRecord(NO_THEME, 0.0, None, [], [], [], {}, False, ["no theme matched"])


def _newest_revision(session: Session, item: Item) -> ItemRevision | None:
    return session.exec(
        select(ItemRevision)
        .where(ItemRevision.item_id == item.id)
        .order_by(col(ItemRevision.observed_at).desc())
    ).first()


def _revise(session: Session, item: Item, record: ItemRecord, observed_at: datetime) -> None:
    newest = _newest_revision(session, item) or item
    given = (record.title, record.summary, record.content)
    if given == latest_wording(session, item) or observed_at <= newest.observed_at:
        return
    assert item.id is not None
    session.merge(
        ItemRevision(
            item_id=item.id,
            observed_at=observed_at,
            title=record.title,
            summary=record.summary,
            content=record.content,
        )
    )
    session.flush()
