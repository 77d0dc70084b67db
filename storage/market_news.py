"""What happened to markets themselves lately: first sights and consecutive wordings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage import versions
from storage.models import Market, MarketRevision, Signal, ThemeMarket

ORIGIN_KIND = "market"


@dataclass(frozen=True, slots=True)
class Revised:
    """Two consecutive wordings of a market; `after` was first seen at its `observed_at`."""

    market: Market
    before: MarketRevision
    after: MarketRevision


def first_seen(session: Session, *, since: datetime) -> list[Market]:
    """Return the markets first seen at or after `since`, oldest first."""
    query = select(Market).where(col(Market.first_seen_at) >= since)
    return list(session.exec(query.order_by(col(Market.first_seen_at), col(Market.id))))


def revised(session: Session, *, since: datetime) -> list[Revised]:
    """Return every change of a market's wording or state seen at or after `since`, by instant."""
    recent = select(MarketRevision.market_id).where(col(MarketRevision.observed_at) >= since)
    query = (
        select(Market, MarketRevision)
        .join(MarketRevision, col(MarketRevision.market_id) == Market.id)
        .where(col(Market.id).in_(recent))
        .order_by(col(MarketRevision.market_id), col(MarketRevision.observed_at))
    )
    pairs = pairwise(session.exec(query))
    found = [
        Revised(market, before, after)
        for (market, before), (_, after) in pairs
        if before.market_id == after.market_id and after.observed_at >= since
    ]
    return sorted(found, key=lambda each: (each.after.observed_at, each.after.market_id))


def series_since(session: Session, markets: Iterable[Market]) -> dict[tuple[str, str], datetime]:
    """Return when the first market of each of the markets' (venue, series) was first seen."""
    named = {market.series for market in markets if market.series}
    query = (
        select(Market.venue, Market.series, func.min(col(Market.first_seen_at)))
        .where(col(Market.series).in_(named))
        .group_by(col(Market.venue), col(Market.series))
    )
    return {(venue, series or ""): since for venue, series, since in session.exec(query)}


def owners_of(session: Session, market_ids: Iterable[int]) -> dict[int, list[ThemeMarket]]:
    """Return the themes that follow each market as their own."""
    query = (
        select(ThemeMarket)
        .where(col(ThemeMarket.market_id).in_(set(market_ids)), ThemeMarket.relation == "own")
        .order_by(col(ThemeMarket.theme))
    )
    found: dict[int, list[ThemeMarket]] = {}
    for row in session.exec(query):
        found.setdefault(row.market_id, []).append(row)
    return found


def told(session: Session, *, since: datetime) -> list[Signal]:
    """Return the current signals of markets themselves whose instant is at or after `since`."""
    query = select(Signal).where(
        Signal.origin_kind == ORIGIN_KIND, col(Signal.known_to).is_(None), col(Signal.at) >= since
    )
    return list(session.exec(query))


def disputes(session: Session, *, since: datetime, at: datetime) -> list[Signal]:
    """Return the disputes since `since` as they were known at `at`, oldest first."""
    query = (
        select(Signal)
        .where(Signal.origin_kind == ORIGIN_KIND, Signal.kind == "dispute")
        .where(versions.known_at(Signal, at), col(Signal.at) >= since)
        .order_by(col(Signal.at), col(Signal.id))
    )
    return list(session.exec(query))
