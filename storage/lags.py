"""How long after the fact things reached us, measured on what is stored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from statistics import median

from sqlmodel import Session, col, select

from storage.models import Item
from storage.quotes import raw_connection
from storage.records import Origin, Precision

SAMPLE = 50
_NEWEST_QUOTE = (
    "SELECT observed_lag + venue_lag FROM quote WHERE outcome_id = ? ORDER BY at DESC LIMIT 1"
)


def item_lag(session: Session, source: str) -> timedelta | None:
    """Return the median of seen − published over the source's last 50 live items.

    Only of items whose publication is known to the minute; None when there are none.
    """
    query = (
        select(Item.observed_at, Item.published_at)
        .where(
            Item.source == source,
            Item.origin == Origin.LIVE.value,
            col(Item.precision).in_((Precision.SECOND.value, Precision.MINUTE.value)),
            col(Item.published_at).is_not(None),
        )
        .order_by(col(Item.id).desc())
        .limit(SAMPLE)
    )
    lags = [
        (seen - published).total_seconds()
        for seen, published in session.exec(query)
        if published is not None
    ]
    return timedelta(seconds=median(lags)) if lags else None


def quote_lag(session: Session, outcome_ids: Iterable[int]) -> timedelta | None:
    """Return the median of |seen − the venue's own instant| over the newest quote of each outcome.

    At most of 50 outcomes; None when no quote carries the venue's instant.
    """
    connection = raw_connection(session)
    lags = []
    for outcome_id in list(outcome_ids)[:SAMPLE]:
        row = connection.execute(_NEWEST_QUOTE, (outcome_id,)).fetchone()
        if row is not None and row[0] is not None:
            lags.append(abs(row[0]))
    return timedelta(milliseconds=median(lags)) if lags else None
