"""Markets as they were known then: what a revision said of one before a later one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage.models import Market, MarketRevision, Outcome
from storage.records import MarketStatus

Revisions = dict[int, MarketRevision]


def revisions_at(
    session: Session, market_ids: Iterable[int], at: datetime | None = None
) -> Revisions:
    """Return the newest revision of each market that had been observed by `at`, or of all."""
    query = (
        select(MarketRevision)
        .where(col(MarketRevision.market_id).in_(list(market_ids)))
        .order_by(col(MarketRevision.observed_at))
    )
    if at is not None:
        query = query.where(col(MarketRevision.observed_at) <= at)
    return {revision.market_id: revision for revision in session.exec(query)}


def revised_at(session: Session, market_ids: Iterable[int]) -> dict[int, datetime]:
    """Return when each market's texts or state last changed after it was first seen."""
    query = (
        select(MarketRevision.market_id, func.max(col(MarketRevision.observed_at)))
        .where(col(MarketRevision.market_id).in_(list(market_ids)))
        .group_by(col(MarketRevision.market_id))
        .having(func.count() > 1)
    )
    return dict(session.exec(query).all())


def closing(session: Session, *, at: datetime, until: datetime) -> list[MarketRevision]:
    """Return what open markets that close in (at, until] said of themselves at `at`."""
    newest = (
        select(MarketRevision.market_id, func.max(col(MarketRevision.observed_at)).label("seen"))
        .where(col(MarketRevision.observed_at) <= at)
        .group_by(col(MarketRevision.market_id))
        .subquery()
    )
    query = (
        select(MarketRevision)
        .join(
            newest,
            (col(MarketRevision.market_id) == newest.c.market_id)
            & (col(MarketRevision.observed_at) == newest.c.seen),
        )
        .where(MarketRevision.status == MarketStatus.OPEN.value)
        .where(col(MarketRevision.closes_at) > at, col(MarketRevision.closes_at) <= until)
        .order_by(col(MarketRevision.closes_at), col(MarketRevision.market_id))
    )
    return list(session.exec(query))


def outcomes_as_known(
    session: Session, found: Sequence[tuple[Market, Outcome]], at: datetime
) -> list[tuple[Market, Outcome]]:
    """Return outcomes with their markets as those were known at `at`."""
    revisions = revisions_at(session, {m.id for m, _ in found if m.id is not None}, at)
    return [(as_known(market, revisions.get(market.id or 0)), o) for market, o in found]


def as_known(market: Market, revision: MarketRevision | None) -> Market:
    """Return `market` as `revision` said it; a copy that is not stored.

    Without one (it was first seen later) its texts stay. How it settles stays as it is now:
    that is read from the texts.
    """
    known = Market(**market.model_dump())
    if revision is not None:
        for name in ("question", "closes_at", "status", "resolution", "oracle"):
            setattr(known, name, getattr(revision, name))
    if known.status != MarketStatus.RESOLVED.value:
        known.resolved_at = None
    return known
