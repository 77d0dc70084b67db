"""The followed legs as their venues had described them at one instant, and how they settle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from sqlmodel import Session

from monitor.reports.settles import settles_sentence
from monitor.settlements import known_markets, leg_settlement
from monitor.topics import Topics
from storage import market_repo, market_versions
from storage.market_repo import Leg
from storage.models import Market, MarketRevision
from storage.records import MarketStatus


class KnownLegs:
    """Legs at `now`; those of markets first seen later are left out. Each row is read once.

    Which themes follow a market has no versions, nor have labels and series.
    """

    def __init__(self, session: Session, topics: Topics, *, now: datetime) -> None:
        self._session, self._topics, self._now = session, topics, now
        self._said: dict[int, MarketRevision | None] = {}
        self._settles: dict[int, str | None] = {}

    @cached_property
    def by_outcome(self) -> dict[int, Leg]:
        """Return the legs by outcome id, by series, as they are described today."""
        return {leg.outcome_id: leg for leg in market_repo.legs(self._session)}

    def of_outcome(self, outcome_id: int) -> Leg | None:
        """Return one leg; None when no theme follows it."""
        leg = self.by_outcome.get(outcome_id)
        return None if leg is None else next(iter(self._known([leg])), None)

    def own(self, theme: str) -> list[Leg]:
        """Return the legs of a theme's own markets, by series."""
        return self._known(
            [leg for leg in self.by_outcome.values() if (theme, "own") in leg.themes]
        )

    def of_markets(self, venue: str, venue_ids: Iterable[str]) -> list[Leg]:
        """Return the legs of markets by the venue's ids, in the order of these."""
        order = {venue_id: place for place, venue_id in enumerate(venue_ids)}
        found = [
            leg for leg in self.by_outcome.values() if leg.venue == venue and leg.venue_id in order
        ]
        return self._known(sorted(found, key=lambda leg: order[leg.venue_id]))

    def closing(self, until: datetime) -> list[Leg]:
        """Return the legs of own markets that are open and close by `until`, the next first."""
        said = market_versions.closing(self._session, at=self._now, until=until)
        self._said.update((revision.market_id, revision) for revision in said)
        order = {revision.market_id: place for place, revision in enumerate(said)}
        found = [leg for leg in self.by_outcome.values() if leg.market_id in order and _is_own(leg)]
        return self._known(sorted(found, key=lambda leg: order[leg.market_id]))

    def said(self, leg: Leg) -> MarketRevision | None:
        """Return what the venue had last said of a leg's market."""
        self._read([leg])
        return self._said[leg.market_id]

    def settles(self, leg: Leg) -> str | None:
        """Return the settlement rule in a sentence; None when the venue gave none."""
        if leg.outcome_id not in self._settles:
            market = self._session.get_one(Market, leg.market_id)
            known = known_markets(self._session, self._topics, [market], at=self._now)
            said = self.said(leg)
            self._settles[leg.outcome_id] = settles_sentence(
                self._topics,
                leg_settlement(known[0], leg) if known else None,
                said.rules if said else None,
            )
        return self._settles[leg.outcome_id]

    def _known(self, legs: Sequence[Leg]) -> list[Leg]:
        self._read(legs)
        pairs = ((leg, self._said[leg.market_id]) for leg in legs)
        return [_as_said(leg, said) for leg, said in pairs if said is not None]

    def _read(self, legs: Iterable[Leg]) -> None:
        missing = {leg.market_id for leg in legs} - self._said.keys()
        if missing:
            found = market_versions.revisions_at(self._session, missing, self._now)
            self._said.update((market_id, found.get(market_id)) for market_id in missing)


def _as_said(leg: Leg, said: MarketRevision) -> Leg:
    is_over = said.status == MarketStatus.RESOLVED.value
    return replace(
        leg,
        question=said.question,
        status=said.status,
        closes_at=said.closes_at,
        resolved_at=leg.resolved_at if is_over else None,
    )


def _is_own(leg: Leg) -> bool:
    return any(relation == "own" for _, relation in leg.themes)
