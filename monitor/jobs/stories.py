"""Which story a tagged item belongs to: joined, split off, merged, and written with its reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import Session

from monitor.topics import Topics
from signals.stories import (
    FIRST,
    Joined,
    KnownStory,
    StoryKey,
    contradiction,
    join,
    representatives,
    speaker,
    story_id,
    voices,
)
from signals.story_index import StoryIndex
from signals.story_tellings import LEAD_CHARS
from storage import item_repo, story_repo
from storage.item_repo import ItemKeys
from storage.models import Item, Story
from storage.story_repo import Wording


class StoryRoom:
    """The stories around one batch of items, read once; what changes is written by `write`.

    `batch` are the items that `place` will be called with, which bound what is read.
    """

    def __init__(
        self, session: Session, topics: Topics, batch: Sequence[Item], *, now: datetime
    ) -> None:
        self._session, self._topics, self._now = session, topics, now
        self._instants = [_public(item) for item in batch]
        self._index: StoryIndex | None = None
        self._notes: dict[str, list[str]] = {}

    def place(self, item: Item, *, is_themed: bool) -> None:
        """Give a new item its story; let a reworded one leave a story that it contradicts.

        An item of no theme is never a signal: only its address or title finds it a story.
        """
        key = self._key_of(item)
        if item.story_id is not None:
            self._notes.setdefault(item.story_id, [])
            self._leave(item, key, is_themed=is_themed)
            return
        found = self._near(item, key, is_themed=is_themed)
        self._settle(item, key, join(key, found))

    def write(self) -> list[str]:
        """Write the stories that changed and return their ids, in the order they were touched."""
        for story, lines in self._notes.items():
            self._write(story, lines)
        return list(self._notes)

    def _leave(self, item: Item, key: StoryKey, *, is_themed: bool) -> None:
        left = item.story_id
        assert left is not None
        others = [other for other in self._keys([left]) if other.name != key.name]
        if not others:
            return
        stand = representatives(others)
        why = next((c for o in stand if (c := contradiction(key.telling, o.telling))), None)
        if why is None:
            return
        found = [s for s in self._near(item, key, is_themed=is_themed) if s.story_id != left]
        joined = join(key, found, own_id=self._unused_id(item))
        self._notes[left].append(f"{key.name}: reworded and left for {joined.story_id}, {why}")
        self._settle(item, key, joined)
        if self._index is not None:
            self._index.put(KnownStory(left, self._since(left, others), stand))

    def _settle(self, item: Item, key: StoryKey, joined: Joined) -> None:
        story_repo.move(self._session, item, joined.story_id)
        self._notes.setdefault(joined.story_id, []).append(f"{key.name}: {joined.reason}")
        if self._index is not None:
            self._index.add(key, joined.story_id, since=item.observed_at)
        for younger, reason in joined.merged:
            self._merge(younger, joined.story_id, reason)

    def _merge(self, younger: str, into: str, reason: str) -> None:
        self._write(younger, self._notes.pop(younger, []))
        story_repo.merge(self._session, younger, into, reason=reason, at=self._now)
        self._notes[into].append(f"story {younger} is merged into it: {reason}")
        if self._index is not None:
            self._index.merge(younger, into)

    def _near(self, item: Item, key: StoryKey, *, is_themed: bool) -> list[KnownStory]:
        keys = ItemKeys(item.canonical_url, item.title_key)
        named = story_repo.candidates(self._session, item, keys)
        known = {story.story_id: story for name in named if (story := self._story(name))}
        if is_themed:
            known = {story.story_id: story for story in self._themed().near(key)} | known
        if self._index is not None:
            for story in known.values():
                self._index.put(story)
        return list(known.values())

    def _themed(self) -> StoryIndex:
        if self._index is None:
            self._index = StoryIndex()
            since, until = min(self._instants), max(self._instants)
            stories = story_repo.themed_stories(self._session, since=since, until=until)
            for wording in self._wordings([*stories, *self._notes]):
                key = self._key(wording)
                self._index.add(key, wording.story_id, since=wording.observed_at)
        return self._index

    def _story(self, story: str) -> KnownStory | None:
        keys = self._keys([story])
        return KnownStory(story, self._since(story, keys), representatives(keys)) if keys else None

    def _since(self, story: str, keys: Sequence[StoryKey]) -> datetime:
        row = story_repo.get(self._session, story)
        return row.first_observed_at if row else min(key.at for key in keys)

    def _keys(self, stories: Iterable[str]) -> list[StoryKey]:
        return [self._key(wording) for wording in self._wordings(stories)]

    def _wordings(self, stories: Iterable[str]) -> list[Wording]:
        return story_repo.wordings(self._session, stories, lead_chars=LEAD_CHARS)

    def _key(self, wording: Wording) -> StoryKey:
        return StoryKey(
            source=wording.source,
            guid=wording.guid,
            at=wording.published_at or wording.observed_at,
            telling=self._topics.read_telling(
                wording.title, wording.lead, wording.publisher, wording.published_at
            ),
            url=wording.url,
            publisher=wording.publisher,
            attributed_to=wording.attributed_to,
        )

    def _key_of(self, item: Item) -> StoryKey:
        title, summary, content = item_repo.latest_wording(self._session, item)
        lead = (summary if summary is not None else content or "")[:LEAD_CHARS] or None
        return self._key(
            Wording(
                item_id=item.id or 0,
                story_id=item.story_id or "",
                source=item.source,
                guid=item.guid,
                title=title,
                lead=lead,
                url=item.canonical_url,
                publisher=item.publisher,
                attributed_to=item.attributed_to,
                published_at=item.published_at,
                observed_at=item.observed_at,
            )
        )

    def _unused_id(self, item: Item) -> str:
        """Return an id for the story of an item that left one; ids are never used again."""
        splits = 0
        while story_repo.get(self._session, story_id(item.source, item.guid, splits)) is not None:
            splits += 1
        return story_id(item.source, item.guid, splits)

    def _write(self, story: str, lines: Sequence[str]) -> None:
        items = story_repo.items(self._session, story)
        known = story_repo.get(self._session, story)
        if not items:
            return
        tags = item_repo.current_tags(self._session, [item.id for item in items if item.id])
        published = [item.published_at for item in items if item.published_at]
        story_repo.put(
            self._session,
            Story(
                id=story,
                first_published_at=min(published, default=None),
                first_observed_at=min(item.observed_at for item in items),
                items=len(items),
                publishers=voices(map(_speaker, items)),
                entities=sorted({entity for tag in tags for entity in tag.entities or ()}),
                merged_into=known.merged_into if known else None,
                reason=story_repo.logged(known.reason if known else None, lines) or FIRST,
            ),
        )


def _speaker(item: Item) -> str:
    return speaker(item.publisher, item.url, item.source, item.attributed_to)


def _public(item: Item) -> datetime:
    return item.published_at or item.observed_at
