"""The open markets of a theme with their last price, its age and what it did in a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlmodel import Session

from signals.prices import MAX_SPREAD
from storage import coverage, market_repo, quotes
from storage.coverage import Span
from storage.instants import from_ms
from storage.market_repo import Leg
from storage.quotes import QuoteArrays

DAY = timedelta(days=1)
# Quotes are repeated every 15 minutes while they are read, so an older one was not confirmed.
CONFIRMED = timedelta(hours=1)


def market_prices(session: Session, theme: str, *, now: datetime) -> list[dict[str, Any]]:
    """Return one row for each leg of a theme that is not resolved, by series and price."""
    legs = [leg for leg in market_repo.legs(session, themes=[theme]) if leg.status != "resolved"]
    rows = [_row(session, leg, now=now) for leg in legs]
    return sorted(
        rows, key=lambda row: (row["venue"], row["series"], -(row["price"] or 0.0), row["label"])
    )


def _row(session: Session, leg: Leg, *, now: datetime) -> dict[str, Any]:
    latest = quotes.latest(session, leg.outcome_id, at=now)
    watched = coverage.spans(session, coverage.outcome_subject(leg.outcome_id))
    read_at = max((span.to_at for span in watched), default=None)
    if read_at is None and len(latest.at):
        read_at = from_ms(int(latest.at[-1]))
    price = gated(latest)
    fresh = price is not None and read_at is not None and now - read_at < DAY
    before = _confirmed(session, leg.outcome_id, watched, now - DAY) if fresh else None
    change = None if price is None or before is None else (price - before) * 100
    return {
        "venue": leg.venue,
        "series": leg.series,
        "series_title": leg.series_title,
        "label": leg.label or leg.question,
        "relation": leg.themes[0][1],
        "status": leg.status,
        "price": price,
        "change_24h_pp": None if change is None else round(change, 4),
        "age_s": None if read_at is None else max((now - read_at).total_seconds(), 0.0),
        "closes_at": leg.closes_at,
        "url": leg.url,
        "market_id": leg.venue_id,
        "outcome_id": leg.outcome_id,
    }


def _confirmed(
    session: Session, outcome_id: int, watched: list[Span], at: datetime
) -> float | None:
    """Return the price at `at`; None when nobody looked near then, for missing is not unchanged."""
    found = quotes.latest(session, outcome_id, at=at)
    if not len(found.at):
        return None
    is_watched = any(span.from_at <= at <= span.to_at + CONFIRMED for span in watched)
    return gated(found) if is_watched or at - from_ms(int(found.at[0])) <= CONFIRMED else None


def gated(found: QuoteArrays) -> float | None:
    """Return the newest usable price: a book's mid up to 10 pp wide, or the venue's value."""
    if not len(found.at):
        return None
    price, spread = float(found.mid[-1]), float(found.spread[-1])
    return None if np.isnan(price) or spread > MAX_SPREAD else round(price, 9)
