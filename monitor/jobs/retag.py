"""Stored items read again with today's catalog and themes; what was known before stays known then.

The work is a query: items whose current tags another version of the rules wrote. Each batch
commits whole stories, so killing the process anywhere and starting again is correct. Nothing of
it alerts: what only a new rule finds in an old text is no news.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from monitor.jobs.items import read_items, story_values
from monitor.jobs.links import link_signals
from monitor.jobs.releases import origin_of, release_values
from monitor.topics import Topics
from storage import outdated, signal_repo, versions
from storage.models import Item, Signal
from storage.outdated import Place

BATCH_ITEMS = 200
EVER = timedelta(days=36_500)
OUTCOMES = ("new", "changed", "closed", "unchanged")


@dataclass(frozen=True, slots=True)
class Retagged:
    """What one batch did: `items` read again, and how many signals ended as each of OUTCOMES.

    `next` is where the next batch begins; None when nothing is left.
    """

    items: int
    next: Place | None
    signals: Counter[str] = field(default_factory=Counter)
    links: int = 0


def retag(
    session: Session,
    topics: Topics,
    *,
    now: datetime,
    since: datetime | None = None,
    after: Place | None = None,
) -> Retagged:
    """Return what reading the next BATCH_ITEMS items and the rest of their stories changed.

    `since` leaves older news as it is, by publication. All is known from `now` on; one run keeps
    one, so that no version lives from one of its batches to the next.
    """
    due = outdated.items(session, topics.version, since=since, after=after, limit=BATCH_ITEMS)
    if not due:
        return Retagged(0, None)
    items = outdated.with_stories(session, due, topics.version)
    seen = [item for item in items if item.seen_as is not None]
    told = [item for item in items if item.seen_as is None]
    stories = read_items(session, topics, told, now=now)
    known = _known(session, stories, seen)
    counts: Counter[str] = Counter()
    changed = []
    for values in _values(session, topics, stories, seen, now=now):
        row, outcome = _put(session, values, known.pop(values["signal_id"], None), now=now)
        counts[outcome] += 1
        changed += [row] if outcome != "unchanged" else []
    for row in known.values():
        _close(session, row, now=now)
        counts["closed"] += 1
    links = link_signals(session, topics, now=now, horizon=EVER, changed=changed) if changed else 0
    return Retagged(len(items), outdated.place(due[-1]), counts, links)


def _known(session: Session, stories: Iterable[str], seen: Iterable[Item]) -> dict[str, Signal]:
    """Return the current signals of stories and of items seen by machines, by id."""
    origins = [("story", story) for story in stories]
    origins += [("item", origin_of(item)) for item in seen]
    return {
        signal.signal_id: signal
        for kind, name in origins
        for signal in signal_repo.of_origin(session, kind, name)
    }


def _values(
    session: Session, topics: Topics, stories: Iterable[str], seen: Iterable[Item], *, now: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the values of the signals that hold now."""
    for story in stories:
        yield from story_values(session, topics, story)
    yield from release_values(session, topics, seen, now=now)


def _put(
    session: Session, values: dict[str, Any], known: Signal | None, *, now: datetime
) -> tuple[Signal, str]:
    """Return the current row and its outcome; one that holds as it was is left untouched.

    How new a signal was is not asked again of one that says the same: signals that came later
    stand beside it by now.
    """
    if known is None:
        row, _ = signal_repo.put_signal(session, {**values, "alertable": False}, known_from=now)
        return row, "new"
    row, changed = signal_repo.put_signal(
        session, {**values, "novelty": known.novelty}, known_from=now
    )
    if not changed:
        return row, "unchanged"
    return signal_repo.put_signal(session, values, known_from=now)[0], "changed"


def _close(session: Session, signal: Signal, *, now: datetime) -> None:
    """End a signal that no longer holds, and what was said of prices after it."""
    for link in signal_repo.links(session, signal_ids=[signal.signal_id]):
        versions.close(session, link, at=now)
    versions.close(session, signal, at=now)
