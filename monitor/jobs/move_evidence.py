"""What a move may have come from, and whom its leg is about, as known at one instant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from monitor.alerts.views import Candidate
from monitor.topics import Topics
from storage import signal_repo, story_repo
from storage.market_repo import Leg
from storage.models import Move


class Causes:
    """What moves may have come from, as known at `now`; each story is looked up once.

    Many moves of a busy day have the same candidates.
    """

    def __init__(self, session: Session, *, now: datetime) -> None:
        self._session, self._now = session, now
        self._stories: dict[str, tuple[str, tuple[str, ...]]] = {}

    def of(self, row: Move) -> tuple[Candidate, ...]:
        """Return the candidates of a move's version, best first, each with its story."""
        return tuple(map(self._candidate, row.explained_by or ()))

    def _candidate(self, found: dict[str, Any]) -> Candidate:
        story, merged = self._story(found["signal_id"])
        return Candidate(
            title=found["title"],
            minutes_before=found["minutes_before"],
            clock_error_min=found["clock_error_min"],
            url=found["url"],
            signal_id=found["signal_id"],
            story_id=story,
            merged=merged,
        )

    def _story(self, signal_id: str) -> tuple[str, tuple[str, ...]]:
        if signal_id not in self._stories:
            kind, story = signal_repo.origin_of(self._session, signal_id) or ("", "")
            is_story = kind == "story"
            merged = story_repo.merged_by(self._session, story, at=self._now) if is_story else ()
            self._stories[signal_id] = story, tuple(merged)
        return self._stories[signal_id]


class LegOwners:
    """Whom legs are about; each owner is looked up once."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._theirs: dict[frozenset[str], tuple[str, ...]] = {}

    def entities(self, leg: Leg) -> tuple[str, ...]:
        """Return the owners of a leg, or of what it names, and all that is theirs in the catalog.

        None when it names nobody.
        """
        topics = self._topics
        texts = " ; ".join(filter(None, (leg.label, leg.question)))
        named = (leg.owner,) if leg.owner else topics.catalog.entity_ids(texts)
        owners = frozenset(map(topics.top_owner_id, named))
        if owners not in self._theirs:
            known = topics.catalog.entities
            theirs = {entity for entity in known if topics.top_owner_id(entity) in owners}
            self._theirs[owners] = tuple(sorted(owners | theirs))
        return self._theirs[owners]
