"""Stored quotes and coverage as the arrays that moves and links are computed from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from sqlmodel import Session

from signals.prices import HOUR_MS, Coverage, PriceSeries, price_series
from signals.prices import coverage as joined_coverage
from storage import coverage, quotes
from storage.coverage import Span
from storage.instants import from_ms, to_ms
from storage.market_repo import Leg
from storage.quotes import QuoteArrays
from storage.records import PriceBasis

WORDS = np.array([basis.word for basis in PriceBasis])
ESTIMATION = timedelta(hours=76)
_BEFORE_MS = 76 * HOUR_MS
_AFTER_MS = 26 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Watched:
    """One leg's prices, when they were followed and when really read."""

    leg: Leg
    quotes: QuoteArrays
    series: PriceSeries
    coverage: Coverage


def load(session: Session, leg: Leg, *, since: datetime, until: datetime | None = None) -> Watched:
    """Return what is known of a leg from 76 h before `since`, so that noise can be estimated.

    With the row that was in force then, so that a price looks the same however much is loaded.
    The newest basis speaks; `on_basis_at` gives the prices on another.
    """
    first = quotes.latest(session, leg.outcome_id, at=since - ESTIMATION).at
    start = from_ms(int(first[0])) if len(first) else since - ESTIMATION
    found = quotes.read(session, leg.outcome_id, since=start, until=until)
    subject = coverage.outcome_subject(leg.outcome_id)
    spans = coverage.spans(session, subject, since=start)
    read = _joined(span for span in spans if span.confirms)
    return Watched(
        leg=leg,
        quotes=found,
        series=_series(found),
        coverage=replace(_joined(spans), read=read),
    )


def on_basis_at(watched: Watched, at: int) -> PriceSeries:
    """Return the prices on the basis that was in force at `at`, ms; before the first, on its.

    A venue's history that was read later and the book watched since are two kinds of price.
    """
    if not len(watched.quotes.at) or not np.any(np.diff(watched.quotes.basis)):
        return watched.series
    return _series(watched.quotes, as_of=at)


def around(prices: PriceSeries, t0: int) -> PriceSeries:
    """Return the rows that windows at `t0`, ms, and the noise before it can need."""
    first = int(np.searchsorted(prices.at, t0 - _BEFORE_MS, side="right")) - 1
    last = int(np.searchsorted(prices.at, t0 + _AFTER_MS, side="right"))
    part = slice(max(first, 0), last)
    return replace(prices, at=prices.at[part], price=prices.price[part], spread=prices.spread[part])


def price_at(session: Session, leg: Leg, at: datetime) -> float | None:
    """Return the gated price of a leg in force at `at`; None when there is none."""
    return _series(quotes.latest(session, leg.outcome_id, at=at)).as_of(to_ms(at)).value


def resolved_ms(leg: Leg) -> int | None:
    """Return when the leg's market resolved, in ms; None while it has not."""
    return None if leg.resolved_at is None else to_ms(leg.resolved_at)


def closes_ms(leg: Leg) -> int | None:
    """Return when the leg's market is to close, in ms; None when nobody says."""
    return None if leg.closes_at is None else to_ms(leg.closes_at)


def _joined(spans: Iterable[Span]) -> Coverage:
    ends = [(to_ms(span.from_at), to_ms(span.to_at)) for span in spans]
    covered = np.array(ends, dtype=np.int64).reshape(-1, 2)
    return joined_coverage(covered[:, 0], covered[:, 1])


def _series(found: QuoteArrays, *, as_of: int | None = None) -> PriceSeries:
    bases = WORDS[found.basis]
    is_one = not np.any(np.diff(found.basis))
    basis = str(bases[0]) if is_one and len(bases) else bases
    return price_series(found.at, found.bid, found.ask, found.value, basis, as_of=as_of)
