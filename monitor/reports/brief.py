"""The brief: what an analyst wants first after a night away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from monitor.reports.leaderboard import headline, leaderboards
from monitor.reports.prices import market_prices
from monitor.topics import Topics
from storage import market_repo, signal_repo, source_repo
from storage.models import Move, Signal

DAY = timedelta(hours=24)
TOP_SIGNALS = 5
SICK_FAILURES = 3


def brief(
    session: Session,
    topics: Topics,
    *,
    now: datetime,
    theme: str | None = None,
    since: timedelta = DAY,
) -> dict[str, Any]:
    """Return prices, boards, top signals, moves explained and not, and sick sources."""
    names = [each.name for each in topics.themes if theme in (None, each.name)]
    return {
        "at": now,
        "since": now - since,
        "boards": leaderboards(session, topics, now=now),
        "themes": [_theme(session, name, now=now, since=now - since) for name in names],
        "sick_sources": [
            {
                "source": name,
                "error": state.last_error,
                "failures": state.failures,
                "last_ok_at": state.last_ok_at,
            }
            for name, state in sorted(source_repo.load_all(session).items())
            if state.disabled or state.failures >= (SICK_FAILURES if state.last_ok_at else 1)
        ],
    }


def brief_lines(session: Session, topics: Topics, *, now: datetime) -> list[str]:
    """Return the brief of the last day as plain lines, as an alert carries it."""
    return list(_lines(brief(session, topics, now=now)))


def _lines(report: dict[str, Any]) -> Iterator[str]:
    yield from map(headline, report["boards"])
    for theme in report["themes"]:
        yield f"{theme['theme']}:"
        for market in theme["markets"][:6]:
            price = "no price" if market["price"] is None else f"{market['price'] * 100:.1f} %"
            change = market["change_24h_pp"]
            moved = "" if change is None else f" ({change:+.1f} pp in 24 h)"
            yield f"  {market['label']}: {price}{moved}"
        for signal in theme["signals"]:
            yield f"  {signal['kind']} {signal['score']:.2f} {signal['title']}"
        for move in theme["moves"]:
            yield f"  {move['label']} {move['move_pp']:+.1f} pp, {move['verdict']}"
    for source in report["sick_sources"]:
        times = "once" if source["failures"] == 1 else f"{source['failures']} times"
        unread = "" if source["last_ok_at"] else " and was never read"
        yield f"{source['source']} failed {times}{unread}: {source['error']}"


def _theme(session: Session, name: str, *, now: datetime, since: datetime) -> dict[str, Any]:
    found = signal_repo.signals(session, since=since, themes=[name])
    legs = {leg.outcome_id: leg for leg in market_repo.legs(session, themes=[name])}
    moves = signal_repo.moves(session, since=since, outcome_ids=list(legs))
    best = sorted(
        (signal for signal in found if not signal.background), key=lambda s: (-s.score, s.at)
    )
    return {
        "theme": name,
        "markets": market_prices(session, name, now=now),
        "signals": [_signal(signal) for signal in best[:TOP_SIGNALS]],
        "moves": [
            _move(move, legs[move.outcome_id].label or legs[move.outcome_id].question)
            for move in moves
            if move.state == "persisted"
        ],
    }


def _signal(signal: Signal) -> dict[str, Any]:
    return {
        "signal_id": signal.signal_id,
        "at": signal.at,
        "kind": signal.kind,
        "score": signal.score,
        "publishers": signal.publishers,
        "title": signal.title,
        "source": signal.source,
        "url": signal.url,
    }


def _move(move: Move, label: str) -> dict[str, Any]:
    return {
        "start_at": move.start_at,
        "label": label,
        "price_from": move.price_from,
        "price_to": move.price_to,
        "move_pp": round(move.move * 100, 4),
        "verdict": move.verdict,
        "near": [found["title"] for found in move.explained_by or ()][:3],
    }
