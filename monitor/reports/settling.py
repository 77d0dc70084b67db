"""The open markets that a leaderboard decides, with their prices and distances to flip."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from monitor.reports.prices import gated
from monitor.settlements import (
    known_markets,
    leg_settlement,
    market_distance,
    stored_settlement,
)
from monitor.topics import Topics
from signals.settlement_distance import settles_on
from signals.standings import Board
from storage import distance_repo, market_repo, quotes
from storage.market_repo import Leg
from storage.models import Distance, Market


def settling_markets(
    session: Session, topics: Topics, board: Board, *, at: datetime
) -> list[dict[str, Any]]:
    """Return one row for each leg that was open at `at` and settles on `board`, best price first.

    All as it was known at `at`: rules, state, price. `gap` is in points of the board, positive
    while the leg would pay; it is None with a `reason` where the rules could not be read.
    `gap_before` is what it was on the publication before, `date_before` its date. A market whose
    rules leave the style state open is listed on both boards, and `style_control` says so.
    """
    markets = _open_markets(session, topics, at=at)
    legs = [
        leg
        for leg in market_repo.legs(session)
        if leg.market_id in markets and _settles(markets[leg.market_id], board)
    ]
    series = distance_repo.series(session, [leg.outcome_id for leg in legs], as_of=at)
    rows = [
        _row(session, topics, board, markets[leg.market_id], leg, at=at)
        | _before(series.get(leg.outcome_id, []), board)
        for leg in legs
    ]
    best: dict[str, float] = {}
    for row in rows:
        best[row["series"]] = max(best.get(row["series"], -1.0), row["price"] or 0.0)
    return sorted(rows, key=lambda r: (-best[r["series"]], r["series"], -(r["price"] or 0.0)))


def settling_elsewhere(
    session: Session, topics: Topics, board: Board, *, at: datetime
) -> dict[str, int]:
    """Return how many open series settle on each other list, such as `text, style control off`."""
    found: dict[str, set[str]] = {}
    markets = _open_markets(session, topics, at=at)
    for leg in market_repo.legs(session):
        market = markets.get(leg.market_id)
        if market is None or market.board is None or _settles(market, board):
            continue
        category = "" if market.category in (None, "overall") else f", {market.category}"
        name = f"{market.board}{category}, style control {market.style_control or 'unstated'}"
        found.setdefault(name, set()).add(leg.series)
    return {name: len(series) for name, series in sorted(found.items())}


def _open_markets(session: Session, topics: Topics, *, at: datetime) -> dict[int, Market]:
    """Return the markets on a list that were open at `at`, as they were known then."""
    ordered = session.exec(select(Market).order_by(col(Market.id))).all()
    known = known_markets(session, topics, ordered, at=at)
    return {
        market.id: market
        for market in known
        if market.id is not None and market.board is not None and _is_open(market, at)
    }


def _is_open(market: Market, at: datetime) -> bool:
    ends_later = market.resolved_at is not None and market.resolved_at > at
    return market.status == "open" or ends_later


def _before(series: Sequence[Distance], board: Board) -> dict[str, Any]:
    """Return the distance on the publication before this one of the same list."""
    key = (board.board, board.category, board.style_control)
    earlier = [
        row
        for row in series
        if distance_repo.list_of(row) == key
        and row.publish_date is not None
        and board.publish_date is not None
        and row.publish_date < board.publish_date
    ]
    last = earlier[-1] if earlier else None
    return {
        "gap_before": None if last is None else last.gap,
        "date_before": None if last is None else last.publish_date,
    }


def _settles(market: Market, board: Board) -> bool:
    return settles_on(
        stored_settlement(market),
        board=board.board,
        category=board.category,
        style_control=board.style_control,
    )


def _row(
    session: Session, topics: Topics, board: Board, market: Market, leg: Leg, *, at: datetime
) -> dict[str, Any]:
    spec = leg_settlement(market, leg)
    far = market_distance(topics, spec, board, now=at, closes_at=market.closes_at)
    return {
        "venue": leg.venue,
        "series": leg.series,
        "series_title": leg.series_title or leg.question,
        "label": leg.label or leg.question,
        "price": gated(quotes.latest(session, leg.outcome_id, at=at, observed=True)),
        "gap": far.gap,
        "intervals_overlap": far.intervals_overlap,
        "days_left": None if far.days_left is None else round(far.days_left, 3),
        "model": far.model,
        "rank": far.rank,
        "rival": far.rival,
        "reason": far.reason,
        "style_control": spec.style_control,
        "place": spec.place,
        "threshold": None if spec.threshold is None else float(spec.threshold),
        "universe": spec.universe,
        "when": spec.when,
        "check_at": spec.check_at,
        "tie_rule": spec.tie_rule,
        "spec_confidence": market.spec_confidence,
        "market_id": leg.venue_id,
        "outcome_id": leg.outcome_id,
        "url": leg.url,
    }
