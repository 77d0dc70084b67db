"""Moves as a person reads them: the legs of a series that went together are one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlmodel import Session

from signals.moves import together
from storage import market_repo, tables
from storage.instants import to_ms
from storage.models import Market, Move, Outcome
from storage.tables import Selection

Report = dict[str, Any]
VERDICTS = ("candidates", "pending", "no_public_cause_found")


def series_moves(session: Session, selection: Selection) -> list[Report]:
    """Return moves by start, one for each series that moved, with its `legs`, largest first.

    Those known at the selection's `as_of`. Figures of the whole are of the largest leg, in
    points; its verdict is the first of VERDICTS that a leg has, `explained_by` what any leg has,
    best first. `lasted` is False when every leg came back at once, None while that is not known.
    """
    by_series: dict[tuple[str, str], list[tuple[Move, Report]]] = {}
    for move, market, outcome in tables.selected_moves(session, selection):
        key = (market.venue, market.series or market.venue_id)
        by_series.setdefault(key, []).append((move, _leg(move, market, outcome)))
    rows = [
        _row(venue, series, [found[place] for place in group])
        for (venue, series), found in by_series.items()
        for group in together([to_ms(move.crossed_at) for move, _ in found])
    ]
    return sorted(rows, key=lambda row: (row["start_at"], row["venue"], row["series"]))


def _leg(move: Move, market: Market, outcome: Outcome) -> Report:
    return {
        "label": market_repo.label_of(market, outcome) or market.question,
        "market_id": market.venue_id,
        "outcome_id": outcome.venue_outcome_id,
        "outcome": outcome.name,
        "question": market.question,
        "series_title": market.series_title,
        "start_at": move.start_at,
        "end_at": move.end_at,
        "price_from": move.price_from,
        "price_to": move.price_to,
        "move_pp": round(move.move * 100, 6),
        "z": move.z,
        "state": move.state,
        "verdict": move.verdict,
        "explained_by": [_told(found) for found in move.explained_by or ()],
        "known_from": move.known_from,
    }


def _told(found: Report) -> Report:
    """Return a candidate; what has a date and no time is so many days away, and no minutes."""
    days = found.get("days_before")
    unsaid = {} if days is None else {"minutes_before": None, "clock_error_min": None}
    return {**found, "days_before": days, **unsaid}


def _row(venue: str, series: str, found: Sequence[tuple[Move, Report]]) -> Report:
    legs = sorted((leg for _, leg in found), key=lambda leg: (-abs(leg["move_pp"]), leg["label"]))
    states = {leg["state"] for leg in legs}
    # A leg that came back at once has nothing to explain and speaks for no other.
    verdicts = {leg["verdict"] for leg in legs if leg["state"] != "reverted"}
    first = legs[0]
    return {
        "start_at": min(leg["start_at"] for leg in legs),
        "end_at": max(leg["end_at"] for leg in legs),
        "venue": venue,
        "series": series,
        "series_title": first["series_title"],
        "price_from": first["price_from"],
        "price_to": first["price_to"],
        "move_pp": first["move_pp"],
        "lasted": False if states == {"reverted"} else None if states <= _OPEN else True,
        "verdict": next((word for word in VERDICTS if word in verdicts), first["verdict"]),
        "explained_by": _ranked(leg["explained_by"] for leg in legs),
        "known_from": max(leg["known_from"] for leg in legs),
        "legs": [{k: v for k, v in leg.items() if k != "series_title"} for leg in legs],
    }


def _ranked(explained: Iterable[list[Report]]) -> list[Report]:
    best: dict[str, Report] = {}
    for found in (found for legs in explained for found in legs):
        name = str(found.get("signal_id", found["title"]))
        kept = best.setdefault(name, found)
        if found.get("rank_score", 0.0) > kept.get("rank_score", 0.0):
            best[name] = found
    return sorted(best.values(), key=lambda one: (-one.get("rank_score", 0.0), one["title"]))


_OPEN = {"pending", "reverted"}
