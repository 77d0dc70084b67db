"""The open markets that a leaderboard decides, with their prices and distances to flip."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from monitor.reports.prices import gated
from monitor.settlements import market_distance, stored_settlement
from monitor.topics import Topics
from signals.settlement_distance import settles_on
from signals.standings import Board
from storage import market_repo, quotes
from storage.market_repo import Leg
from storage.models import Market


def settling_markets(
    session: Session, topics: Topics, board: Board, *, at: datetime
) -> list[dict[str, Any]]:
    """Return one row for each leg that was open at `at` and settles on `board`, best price first.

    `gap` is in points of the board, positive while the leg would pay; it is None with a `reason`
    where the rules could not be read. A market whose rules leave the style state open is listed on
    both boards, and `style_control` says `unstated`.
    """
    query = select(Market).where(Market.board == board.board, Market.category == board.category)
    found = {market.id: market for market in session.exec(query.order_by(col(Market.id)))}
    legs = market_repo.legs(session) if found else []
    rows = [
        _row(session, topics, board, market, leg, at=at)
        for leg in legs
        if (market := found.get(leg.market_id)) and _is_open(market, at) and _settles(market, board)
    ]
    best: dict[str, float] = {}
    for row in rows:
        best[row["series"]] = max(best.get(row["series"], -1.0), row["price"] or 0.0)
    return sorted(rows, key=lambda r: (-best[r["series"]], r["series"], -(r["price"] or 0.0)))


def settling_elsewhere(session: Session, board: Board, *, at: datetime) -> dict[str, int]:
    """Return how many open series settle on each other list, such as `text, style control off`."""
    found: dict[str, set[str]] = {}
    for leg in market_repo.legs(session):
        market = session.get_one(Market, leg.market_id)
        if market.board is None or not _is_open(market, at) or _settles(market, board):
            continue
        category = "" if market.category in (None, "overall") else f", {market.category}"
        name = f"{market.board}{category}, style control {market.style_control or 'unstated'}"
        found.setdefault(name, set()).add(leg.series)
    return {name: len(series) for name, series in sorted(found.items())}


def _is_open(market: Market, at: datetime) -> bool:
    ends_later = market.resolved_at is not None and market.resolved_at > at
    return market.first_seen_at <= at and (market.status == "open" or ends_later)


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
    spec = stored_settlement(market)
    if not spec.owners and leg.owner is not None and leg.label != market.label:
        # An answer of a multi-answer question: the question names nobody, the answer does.
        spec = replace(spec, owners=(leg.owner,))
    far = market_distance(topics, spec, board, now=at, closes_at=market.closes_at)
    return {
        "venue": leg.venue,
        "series": leg.series,
        "series_title": leg.series_title or leg.question,
        "label": leg.label or leg.question,
        "price": gated(quotes.latest(session, leg.outcome_id, at=at)),
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
