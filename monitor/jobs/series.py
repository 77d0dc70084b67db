"""Stored quotes and coverage as the arrays that moves and links are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlmodel import Session

from signals.prices import Coverage, PriceSeries, price_series
from signals.prices import coverage as joined_coverage
from storage import coverage, quotes
from storage.instants import to_ms
from storage.market_repo import Leg
from storage.quotes import QuoteArrays
from storage.records import PriceBasis

WORDS = np.array([basis.word for basis in PriceBasis])
ESTIMATION = timedelta(hours=76)


@dataclass(frozen=True, slots=True)
class Watched:
    """One leg's prices and when they were really read."""

    leg: Leg
    quotes: QuoteArrays
    series: PriceSeries
    coverage: Coverage


def load(session: Session, leg: Leg, *, since: datetime, until: datetime | None = None) -> Watched:
    """Return what is known of a leg from 76 h before `since`, so that noise can be estimated."""
    found = quotes.read(session, leg.outcome_id, since=since - ESTIMATION, until=until)
    spans = coverage.spans(session, coverage.outcome_subject(leg.outcome_id))
    return Watched(
        leg=leg,
        quotes=found,
        series=price_series(
            found.at, found.bid, found.ask, found.value, WORDS[found.basis].tolist()
        ),
        coverage=joined_coverage(
            np.array([to_ms(span.from_at) for span in spans], dtype=np.int64),
            np.array([to_ms(span.to_at) for span in spans], dtype=np.int64),
        ),
    )


def price_at(session: Session, leg: Leg, at: datetime) -> float | None:
    """Return the gated price of a leg in force at `at`; None when there is none."""
    found = quotes.latest(session, leg.outcome_id, at=at)
    prices = price_series(found.at, found.bid, found.ask, found.value, WORDS[found.basis].tolist())
    return prices.as_of(to_ms(at)).value


def resolved_ms(leg: Leg) -> int | None:
    """Return when the leg's market resolved, in ms; None while it has not."""
    return None if leg.resolved_at is None else to_ms(leg.resolved_at)
