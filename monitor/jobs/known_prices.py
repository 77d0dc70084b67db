"""Prices and volumes as they were known at one instant; what came in later is not looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlmodel import Session

from monitor.reports.prices import CONFIRMED, DAY, gated
from storage import coverage, quotes
from storage.coverage import Span
from storage.instants import from_ms
from storage.market_repo import Leg
from storage.quotes import QuoteArrays

# Volumes come with the venue's lists, not with each price.
VOLUME_AGE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class LegState:
    """A leg's price now and a day ago (0..1), spread and volume of a day; None is unknown."""

    price: float | None
    day_ago: float | None
    spread: float | None
    volume_24h: float | None


class KnownPrices:
    """What had been read of legs by `now`, each leg once."""

    def __init__(self, session: Session, *, now: datetime) -> None:
        self._session, self._now = session, now
        self._newest: dict[int, QuoteArrays] = {}
        self._spans: dict[int, list[Span]] = {}
        self._states: dict[int, LegState] = {}

    def state(self, leg: Leg) -> LegState:
        """Return how a leg stands."""
        if leg.outcome_id not in self._states:
            self._states[leg.outcome_id] = LegState(
                price=self.at(leg, self._now),
                day_ago=self.at(leg, self._now - DAY),
                spread=self._spread(leg),
                volume_24h=self.volume_24h(leg),
            )
        return self._states[leg.outcome_id]

    def at(self, leg: Leg, instant: datetime) -> float | None:
        """Return the price in force at an instant, of the kind that is in force now.

        None when the book was too wide, and when nobody looked in the hour before: missing is
        not unchanged.
        """
        newest = self._latest(leg)
        if not len(newest.at):
            return None
        found = quotes.latest(
            self._session,
            leg.outcome_id,
            at=min(instant, self._now),
            known_by=self._now,
            basis=int(newest.basis[0]),
        )
        return gated(found) if self._is_confirmed(leg, found, instant) else None

    def volume_24h(self, leg: Leg) -> float | None:
        """Return what was traded in a day, as last told, in the venue's money."""
        since = self._now - VOLUME_AGE
        return quotes.volume_24h(self._session, leg.outcome_id, since=since, at=self._now)

    def is_watched(self, leg: Leg) -> bool:
        """Return whether polls had read the leg's price by now."""
        return any(span.from_at <= self._now for span in self._live_spans(leg))

    def _latest(self, leg: Leg) -> QuoteArrays:
        if leg.outcome_id not in self._newest:
            self._newest[leg.outcome_id] = quotes.latest(
                self._session, leg.outcome_id, at=self._now, known_by=self._now
            )
        return self._newest[leg.outcome_id]

    def _spread(self, leg: Leg) -> float | None:
        newest = self._latest(leg)
        if not self._is_confirmed(leg, newest, self._now) or np.isnan(newest.spread[0]):
            return None
        return max(round(float(newest.spread[0]), 9), 0.0)

    def _is_confirmed(self, leg: Leg, found: QuoteArrays, instant: datetime) -> bool:
        if not len(found.at):
            return False
        return instant - from_ms(int(found.at[0])) <= CONFIRMED or any(
            span.from_at <= instant <= span.to_at + CONFIRMED for span in self._live_spans(leg)
        )

    def _live_spans(self, leg: Leg) -> list[Span]:
        """Return when polls read the leg; a span of the past may have come in after `now`."""
        if leg.outcome_id not in self._spans:
            subject = coverage.outcome_subject(leg.outcome_id)
            found = coverage.spans(self._session, subject)
            self._spans[leg.outcome_id] = [span for span in found if span.reads]
        return self._spans[leg.outcome_id]
