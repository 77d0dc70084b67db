"""Markets that are in the store already and that a theme names: imported ones, and old ones.

They are settled anew, too: the config's `spec` may be another, and the reader may have learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from sqlmodel import Session, select

from monitor.settlements import settler
from monitor.sources.base import MarketRef
from monitor.topics import Topics
from storage import market_repo, market_specs
from storage.models import Market, ThemeMarket


def follow_known(session: Session, topics: Topics) -> None:
    """Note which stored markets the themes follow; polls do it for what they read themselves.

    A search is the venue's answer and cannot be asked of the store, so it matches nothing here.
    """
    markets = session.exec(select(Market)).all()
    named = [
        (market, ref.key)
        for ref in topics.references()
        for market in markets
        if _names(ref, market)
    ]
    followers = topics.followers()
    # Two venues may call different markets by one id.
    for venue in sorted({market.venue for market, _ in named}):
        mine = [(market, key) for market, key in named if market.venue == venue]
        entries = [
            (theme, market.venue_id, relation, key)
            for market, key in mine
            for theme, relation in followers[key]
        ]
        ids = {market.venue_id: market.id for market, _ in mine if market.id is not None}
        market_repo.follow(session, sorted(entries, key=lambda entry: entry[2] != "own"), ids)
    _settle(session, topics, markets, named)


def _settle(
    session: Session,
    topics: Topics,
    markets: Sequence[Market],
    named: list[tuple[Market, str]],
) -> None:
    """Read how every stored market settles; what a search once matched is known by its row."""
    by_id = {market.id: market for market in markets}
    found = [
        (by_id[row.market_id].venue, by_id[row.market_id].venue_id, row.matched)
        for row in session.exec(select(ThemeMarket))
        if row.market_id in by_id
    ]
    found += [(market.venue, market.venue_id, key) for market, key in named]
    market_specs.settle_stored(session, settler(topics, found))


def _names(ref: MarketRef, market: Market) -> bool:
    if ref.venue != market.venue:
        return False
    if ref.id is not None:
        return ref.id == market.venue_id
    series = market.series or ""
    if ref.event is not None:
        return ref.event == series
    return ref.event_pattern is not None and fnmatchcase(series, ref.event_pattern)
