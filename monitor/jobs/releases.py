"""What a machine saw itself becomes a signal directly: a public repository, a name on a roster.

No text tells of it, so nothing is weighed: the entities in its name decide whose themes it is
for. It joins no story; the news that follow are signals of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import Session

from monitor.config import ThemeConfig
from monitor.jobs.items import EXACT, first_public, is_fresh, novelty, signal_id
from monitor.sources.term_match import any_of
from monitor.topics import Topics
from signals.text import fold
from signals.themes import Theme, ThemePlan, plan_theme
from storage import item_repo, signal_repo
from storage.item_repo import TagRecord
from storage.models import Item, Signal
from storage.records import Precision

SCORES = {"release": 0.9, "rumor": 0.6}
DEFAULT_SCORE = 0.5
_PLACES = {
    "huggingface.co": "seen on Hugging Face as a new public model",
    "github.com": "seen on GitHub as newly published",
}


@dataclass(frozen=True, slots=True)
class _Watch:
    """A theme with what it implies over the catalog."""

    config: ThemeConfig
    plan: ThemePlan

    def wants(self, item: Item, entities: Sequence[str]) -> list[str]:
        """Return those of `entities` the theme watches; none when it wants no such item."""
        text = fold("\n".join((item.title, item.summary or "", item.content or "")))
        if not self.plan.accepts(item.seen_as or ""):
            return []
        if any_of(self.config.blocks).search(fold(item.title)):
            return []
        if self.config.cues and not any_of(self.config.cues).search(text):
            return []
        return [entity for entity in entities if entity in self.plan.subjects]


def signal_releases(
    session: Session, topics: Topics, items: Iterable[Item], *, now: datetime
) -> list[Signal]:
    """Return the signals that `items` seen by machines added or changed; each is marked as read.

    One for each theme that watches an entity of the item's name and takes its kind (`seen_as`).
    """
    signals = []
    for values in release_values(session, topics, items, now=now):
        row, changed = signal_repo.put_signal(session, values, known_from=now)
        if changed:
            signals.append(row)
    return signals


def release_values(
    session: Session, topics: Topics, items: Iterable[Item], *, now: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the values of the signals of `items` seen by machines; each is marked as read."""
    seen = list(items)
    watches = [_watch(theme, topics) for theme in topics.themes] if seen else []
    for item in seen:
        entities = _entities(item, topics)
        score = SCORES.get(item.seen_as or "", DEFAULT_SCORE)
        wanted = [(watch.config, watch.wants(item, entities)) for watch in watches]
        tags = [_tag(theme, item, found, score) for theme, found in wanted if found]
        item_repo.put_tags(session, item, tags, catalog_version=topics.version, known_from=now)
        for theme, found in wanted:
            if found and score >= theme.min_score:
                yield _values(session, item, theme.name, found, score)


def origin_of(item: Item) -> str:
    """Return what a signal of such an item names as its origin."""
    return f"{item.source}/{item.guid}"


def _watch(theme: ThemeConfig, topics: Topics) -> _Watch:
    kinds = theme.kinds or None
    plain = Theme(name=theme.name, entities=theme.entities, kinds=kinds, min_score=theme.min_score)
    return _Watch(theme, plan_theme(plain, topics.catalog))


def _entities(item: Item, topics: Topics) -> list[str]:
    """Return the entities of what came out; of who published it only where that says nothing.

    The organisation Qwen publishes an image model too, which is not the model Qwen. Notes are not
    read: they name whatever a release works with.
    """
    path = urlsplit(item.url or "").path.replace("/", " ")
    name = item.title.removeprefix(item.publisher or "")
    for text in (name, item.title, f"{item.publisher or ''} {path}"):
        if found := topics.catalog.entity_ids(text):
            return list(found)
    return []


def _tag(theme: ThemeConfig, item: Item, entities: list[str], score: float) -> TagRecord:
    return TagRecord(
        theme=theme.name,
        score=score,
        kind=item.seen_as,
        entities=entities,
        facts=[],
        events=[],
        polarity={},
        background=False,
        reason=_reason(item),
    )


def _values(
    session: Session, item: Item, theme: str, entities: list[str], score: float
) -> dict[str, Any]:
    origin = origin_of(item)
    at, precision = first_public([item])
    if precision not in EXACT:
        # A day would hide that we know to the second by when it was public.
        at, precision = item.observed_at, Precision.SECOND.value
    title, _, _ = item_repo.latest_wording(session, item)
    values: dict[str, Any] = {
        "signal_id": signal_id("item", origin, theme, 0),
        "origin_kind": "item",
        "origin_id": origin,
        "theme": theme,
        "event_no": 0,
        "kind": item.seen_as,
        "at": at,
        "precision": precision,
        "observed_at": item.observed_at,
        "title": title,
        "url": item.url,
        "source": item.publisher or item.source,
        "lang": item.lang,
        "tier": item.tier,
        "entities": entities,
        "facts": [],
        "score": score,
        "publishers": 1,
        "polarity": {},
        "background": False,
        "alertable": is_fresh(item),
        "reason": _reason(item),
    }
    return {**values, "novelty": novelty(session, values)}


def _reason(item: Item) -> list[str]:
    if item.seen_as == "rumor":
        return [f"a name seen by {item.source} before anyone published it"]
    host = (urlsplit(item.url or "").hostname or "").removeprefix("www.")
    return [_PLACES.get(host, f"seen by {item.source} as newly published")]
