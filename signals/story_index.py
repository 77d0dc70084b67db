"""The stories of the last days, found by what their items share with a new one.

Cost: an item is compared with those in the window that share rare words, a name, a figure, an
address or a title; what is older is forgotten, so that history costs nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime

from signals.stories import WINDOW, KnownStory, StoryKey, representatives
from signals.story_matching import FIGURES

# Titles that share less are matched by a name, a figure, an address or the whole title.
SHARE = 0.15
SHARED = 3
LISTS = 16
LIST_CAP = 100


class WordIndex:
    """Sets of words by position, found again by the share of words in common.

    Exact for lists no longer than `cap` when `lists` does not bind: a set that shares the part
    `share` with another has one of its `n - ceil(share * n) + 1` rarest words in it.
    """

    def __init__(self, *, lists: int = LISTS, cap: int = LIST_CAP) -> None:
        self._lists, self._cap = lists, cap
        self._words: dict[int, frozenset[str]] = {}
        self._places: dict[str, list[int]] = {}
        self._first = self._next = 0

    def __len__(self) -> int:
        return len(self._words)

    def add(self, words: frozenset[str]) -> int:
        """Return the position of a set; positions ascend."""
        place, self._next = self._next, self._next + 1
        self._words[place] = words
        for word in words:
            places = self._places.get(word)
            if places is None:
                self._places[word] = [place]
            else:
                places.append(place)
        return place

    def near(
        self, words: frozenset[str], share: float, *, shared: int = 1
    ) -> Iterator[tuple[int, float]]:
        """Yield (position, share of words in common) of sets with `share` and `shared` at least."""
        size = len(words)
        least = max(math.ceil(share * size), shared)
        if size < least:
            return
        lists = sorted((p for word in words if (p := self._places.get(word))), key=len)
        wanted = min(size - least + 1, self._lists)
        found: set[int] = set()
        # Words that nobody else has come first in order of rarity, and cost no list.
        for places in lists[: max(0, wanted - (size - len(lists)))]:
            found.update(places if len(places) <= self._cap else places[-self._cap :])
        for place in found:
            other = self._words.get(place)
            if other is None:
                continue
            common = len(words & other)
            if common >= least and common >= share * (size + len(other) - common):
                yield place, common / (size + len(other) - common)

    def forget_before(self, place: int) -> None:
        """Forget every set added before `place`."""
        for old in range(self._first, min(place, self._next)):
            self._words.pop(old, None)
        self._first = max(self._first, min(place, self._next))

    def sweep(self) -> None:
        """Drop forgotten positions from the lists; to be called now and then."""
        swept = ((word, p[bisect_left(p, self._first) :]) for word, p in self._places.items())
        self._places = {word: places for word, places in swept if places}


class StoryIndex:
    """Stories with items of the window behind the newest item that was added."""

    def __init__(self) -> None:
        self._words = WordIndex()
        self._items: dict[int, tuple[StoryKey, str]] = {}
        self._order: deque[tuple[datetime, int]] = deque()
        self._blocks: dict[str, list[int]] = {}
        self._stories: dict[str, KnownStory] = {}
        self._merged: dict[str, str] = {}
        self._newest: datetime | None = None
        self._swept_at = 0

    def add(self, item: StoryKey, story_id: str, *, since: datetime | None = None) -> None:
        """Add an item of a story; `since` is when the story was first had, if known."""
        place = self._words.add(item.telling.words)
        self._items[place] = (item, story_id)
        self._order.append((item.at, place))
        for block in _blocks(item):
            self._blocks.setdefault(block, []).append(place)
        known = self._stories.get(story_id)
        stand = representatives((*known.representatives, item) if known else (item,))
        first = min(x for x in (known.since if known else None, since or item.at) if x)
        self._stories[story_id] = KnownStory(story_id, first, stand)
        self._newest = max(self._newest or item.at, item.at)
        self._forget()

    def near(self, item: StoryKey) -> list[KnownStory]:
        """Return the stories that an item may belong to, each once."""
        told = item.telling.words
        places = {place for place, _ in self._words.near(told, SHARE, shared=SHARED)}
        for block in _blocks(item):
            places.update(self._blocks.get(block, ())[-LIST_CAP:])
        found = (self._items[place][1] for place in sorted(places) if place in self._items)
        named = dict.fromkeys(self._home(story) for story in found)
        return [self._stories[story] for story in named if story in self._stories]

    def put(self, story: KnownStory) -> None:
        """Replace what stands for a story, after one of its items changed or left."""
        self._stories[story.story_id] = story

    def merge(self, younger: str, into: str) -> None:
        """Let a story's items belong to another one."""
        self._merged[younger] = into
        gone, kept = self._stories.pop(younger, None), self._stories[into]
        if gone is not None:
            stand = representatives((*kept.representatives, *gone.representatives))
            self._stories[into] = KnownStory(into, min(kept.since, gone.since), stand)

    def _home(self, story: str) -> str:
        while story in self._merged:
            story = self._merged[story]
        return story

    def _forget(self) -> None:
        assert self._newest is not None
        horizon = self._newest - WINDOW
        while self._order and self._order[0][0] < horizon:
            _, place = self._order.popleft()
            del self._items[place]
            self._words.forget_before(place + 1)
            self._swept_at += 1
        if self._swept_at > len(self._items) + LIST_CAP:
            self._sweep()

    def _sweep(self) -> None:
        self._swept_at = 0
        self._words.sweep()
        first = self._order[0][1] if self._order else 0
        swept = ((block, p[bisect_left(p, first) :]) for block, p in self._blocks.items())
        self._blocks = {block: places for block, places in swept if places}
        living = {self._home(story) for _, story in self._items.values()}
        self._stories = {story: self._stories[story] for story in living if story in self._stories}


def _blocks(item: StoryKey) -> Iterable[str]:
    """Yield what an item is found by beside its words."""
    telling = item.telling
    if item.url:
        yield f"url {item.url}"
    yield f"key {telling.key}"
    yield from (f"name {name}" for name in telling.names)
    for kind, unit, value in telling.facts:
        if kind in FIGURES:
            yield f"fact {kind} {unit} {value}"
