"""Which items tell one story, and how many publishers tell it on their own.

Merging is careful: a wrong merge hides news, a missed one repeats it. Two items tell one story
when they share an address or a telling title, when their titles are alike, or when they claim
the same happening of one particular thing with figures that agree: that bridges languages.
Facts that contradict keep them apart, and a digest never joins the stories that it lists. An
item joins a story only when it fits every representative of it, so that nothing chains.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from signals.story_matching import FIGURES, Match, contradiction, match
from signals.story_publishers import (
    attributed_to,
    is_outlet,
    publisher_family,
    publisher_house,
    speaker,
    voices,
)
from signals.story_tellings import StoryReader, Telling
from signals.story_titles import canonical_url, language, title_key

__all__ = [
    "FIRST", "WINDOW", "Joined", "KnownStory", "Match", "StoryKey", "StoryReader", "Telling",
    "attributed_to", "canonical_url", "contradiction", "independent_publishers", "is_outlet",
    "join", "language", "publisher_family", "publisher_house", "representatives", "same_story",
    "speaker", "story_id", "title_key", "voices",
]  # fmt: skip

WINDOW = timedelta(hours=72)
FIRST = "first of its story"


@dataclass(frozen=True, slots=True)
class StoryKey:
    """What an item is compared by. `at` is its public or observed instant, aware UTC.

    `url` is canonical. `publisher` is an outlet's name or host; `attributed_to` who the item
    says it repeats.
    """

    source: str
    guid: str
    at: datetime
    telling: Telling
    url: str | None = None
    publisher: str | None = None
    attributed_to: str | None = None

    @property
    def name(self) -> str:
        """Return the item as reasons name it."""
        return f"{self.source} {self.guid}"


@dataclass(frozen=True, slots=True)
class KnownStory:
    """A story with the items that stand for it; `since` is when we first had it."""

    story_id: str
    since: datetime
    representatives: tuple[StoryKey, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """Where an item belongs and why; `merged` are younger stories that it shows to be this one."""

    story_id: str
    reason: str
    merged: tuple[tuple[str, str], ...] = ()


def story_id(source: str, guid: str, split: int = 0) -> str:
    """Return the id of a story that begins with this item; stable, never reused.

    `split` counts the stories that the item has begun before and left.
    """
    text = f"{source}\0{guid}" + (f"\0{split}" if split else "")
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def same_story(one: StoryKey, other: StoryKey) -> Match | None:
    """Return why two items tell one story, or None.

    Items that both name entities must share one, owners and families counted.
    """
    gap = abs(one.at - other.at)
    if gap > WINDOW:
        return None
    same_address = one.url is not None and one.url == other.url
    return match(one.telling, other.telling, gap=gap, same_address=same_address)


def representatives(items: Sequence[StoryKey]) -> tuple[StoryKey, ...]:
    """Return the items that stand for a story.

    Its first, the first of another language, and the first that states a figure: a vague first
    item would else hold together what its followers say of different prices or ranks.
    """
    ordered = sorted(items, key=lambda item: (item.at, item.name))
    spoken = ordered[0].telling.language
    foreign = [i for i in ordered if i.telling.language not in (None, spoken) and _is_plain(i)]
    exact = [i for i in ordered if any(fact[0] in FIGURES for fact in i.telling.facts)]
    return tuple(dict.fromkeys((ordered[0], *foreign[:1], *exact[:1])))


def join(item: StoryKey, stories: Iterable[KnownStory], *, own_id: str | None = None) -> Joined:
    """Return the oldest story that the item fits, else one of its own, `own_id` if given.

    It fits a story when it matches one representative and stands against none. When it fits
    several, the younger ones are merged into the oldest if their representatives agree too.
    """
    fitting = [fit for story in stories if (fit := _fit(item, story)) is not None]
    if not fitting:
        return Joined(own_id or story_id(item.source, item.guid), FIRST)
    oldest = min(fitting, key=lambda fit: (fit.story.since, fit.story.story_id))
    merged = tuple(
        (fit.story.story_id, f"{fit.found.reason}, by {item.name}")
        for fit in fitting
        if fit is not oldest and _bridges(oldest, fit)
    )
    reason = f"{oldest.found.reason} as {oldest.beside.name}"
    return Joined(oldest.story.story_id, reason, merged)


def independent_publishers(items: Iterable[StoryKey]) -> int:
    """Return how many publishers speak for themselves; a copy counts as whom it repeats."""
    return voices(
        speaker(item.publisher, item.url, item.source, item.attributed_to) for item in items
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    story: KnownStory
    beside: StoryKey
    found: Match


def _fit(item: StoryKey, story: KnownStory) -> _Fit | None:
    """Return the representative that an item matches best, if it stands against none."""
    known = story.representatives
    found = [_Fit(story, other, m) for other in known if (m := same_story(item, other))]
    if not found or any(contradiction(item.telling, other.telling) for other in known):
        return None
    return max(found, key=lambda fit: fit.found.score)


def _bridges(oldest: _Fit, other: _Fit) -> bool:
    """Return whether an item that fits two stories shows them to be one: both matches strong."""
    strong = oldest.found.is_strong and other.found.is_strong
    return strong and _agree(oldest.story.representatives, other.story.representatives)


def _agree(one: Sequence[StoryKey], other: Sequence[StoryKey]) -> bool:
    """Return whether nothing that stands for two stories speaks against their being one."""
    pairs = [(a.telling, b.telling) for a in one for b in other]
    if any(contradiction(a, b) for a, b in pairs):
        return False
    return not any(
        a.entities and b.entities and a.entities.isdisjoint(b.entities) for a, b in pairs
    )


def _is_plain(item: StoryKey) -> bool:
    return not item.telling.is_digest
