"""New quotes become moves, and moves get what was public around them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlmodel import Session

from monitor.jobs import series
from monitor.jobs.series import Watched
from monitor.topics import Topics
from signals import causes
from signals.moves import Move as FoundMove
from signals.moves import detect_moves
from signals.prices import MINUTE_MS
from storage import market_repo, signal_repo
from storage.instants import from_ms, to_ms
from storage.market_news import ORIGIN_KIND
from storage.market_repo import Leg
from storage.models import Move, Signal
from storage.records import Precision

LOOK_BACK = timedelta(hours=8)
AMENDABLE = timedelta(hours=48)
LIVE_LAG_MS = 10 * MINUTE_MS
# How wrong a signal's instant may be, beside the poll that observed the price.
CLOCK_ERROR_MIN = {Precision.SECOND: 0.1, Precision.MINUTE: 1.0, Precision.DAY: 720.0}
NOON_MS = 12 * 60 * MINUTE_MS
POLL_ERROR_MIN = 1.0


def find_moves(
    session: Session,
    topics: Topics,
    *,
    now: datetime,
    outcome_ids: Iterable[int] | None = None,
    has_news: bool = True,
) -> list[Move]:
    """Return the move rows that changed.

    Looked at are `outcome_ids` (None: every leg), those whose recent move time alone may still
    settle, and with `has_news` (signals changed since the last look) all that moved recently.
    """
    legs = {leg.outcome_id: leg for leg in market_repo.legs(session)}
    recent = signal_repo.moves(session, since=now - AMENDABLE)
    unsettled = {move.outcome_id for move in recent if has_news or _is_open(move)}
    wanted = set(legs) if outcome_ids is None else set(outcome_ids) | unsettled
    signals = signal_repo.signals(session, since=now - AMENDABLE - timedelta(hours=12))
    changed = []
    for outcome_id in sorted(wanted & set(legs)):
        began = [move.start_at for move in recent if move.outcome_id == outcome_id]
        since = min([now - LOOK_BACK, *began])
        watched = series.load(session, legs[outcome_id], since=since)
        changed += _leg_moves(session, topics, watched, signals, since=since, now=now)
    return changed


def _leg_moves(
    session: Session,
    topics: Topics,
    watched: Watched,
    signals: list[Signal],
    *,
    since: datetime,
    now: datetime,
) -> list[Move]:
    found = detect_moves(
        watched.series,
        watched.coverage,
        after=to_ms(since) - 1,
        now=to_ms(now),
        resolved_at=series.resolved_ms(watched.leg),
    )
    changed = []
    for move in found:
        candidates = _candidates(topics, watched.leg, move, signals)
        verdict = causes.judge(move, candidates, to_ms(now))
        row, is_new = signal_repo.put_move(
            session, _values(watched, move, verdict, signals), known_from=now
        )
        if is_new:
            changed.append(row)
    return changed


def _is_open(move: Move) -> bool:
    is_unexplained = move.state == "persisted" and move.verdict == "pending"
    return move.state == "pending" or is_unexplained


def _candidates(
    topics: Topics, leg: Leg, move: FoundMove, signals: list[Signal]
) -> list[causes.Candidate]:
    themes = {theme for theme, _ in leg.themes}
    stories: dict[str, Signal] = {}
    for signal in signals:
        # A market's own listing or ruling is no public cause of its price.
        is_cause = not signal.background and signal.origin_kind != ORIGIN_KIND
        if signal.theme in themes and is_cause:
            best = stories.setdefault(signal.origin_id, signal)
            if signal.score > best.score:
                stories[signal.origin_id] = signal
    return [
        causes.Candidate(
            signal_id=signal.signal_id,
            minutes=(_middle_ms(signal) - move.start_at) / MINUTE_MS,
            clock_error_min=_clock_error_min(signal, move),
            score=signal.score,
            novelty=signal.novelty or 0.0,
            entity_match=leg.owner is not None and leg.owner in topics.owners(signal.entities),
        )
        for signal in stories.values()
    ]


def _clock_error_min(signal: Signal, move: FoundMove) -> float:
    """Return how far off the minutes between them may be: both clocks, and what nobody read."""
    unread = (move.crossed_at - move.start_at) / MINUTE_MS
    return CLOCK_ERROR_MIN.get(Precision(signal.precision), 60.0) + POLL_ERROR_MIN + unread


def _middle_ms(signal: Signal) -> int:
    """Return the middle of the time in which the signal became public: a date means that day."""
    at = to_ms(signal.at)
    return at + NOON_MS if signal.precision == Precision.DAY else at


def _values(
    watched: Watched, move: FoundMove, verdict: causes.MoveVerdict, signals: list[Signal]
) -> dict[str, Any]:
    by_id = {signal.signal_id: signal for signal in signals}
    return {
        "outcome_id": watched.leg.outcome_id,
        "start_at": from_ms(move.start_at),
        "end_at": from_ms(move.end_at),
        "crossed_at": from_ms(move.crossed_at),
        "price_from": move.price_from,
        "price_to": move.price_to,
        "move": round(move.delta, 9),
        "z": None if move.z is None else round(move.z, 4),
        "state": move.state,
        "verdict": verdict.verdict,
        "explained_by": [
            {
                "signal_id": candidate.signal_id,
                "title": by_id[str(candidate.signal_id)].title,
                "url": by_id[str(candidate.signal_id)].url,
                "minutes_before": round(-candidate.minutes, 1),
                "clock_error_min": round(candidate.clock_error_min, 1),
                "rank_score": round(candidate.rank_score, 3),
            }
            for candidate in verdict.candidates
        ],
        "live": _is_live(watched, move),
    }


def _is_live(watched: Watched, move: FoundMove) -> bool:
    """Return whether a live poll saw the quotes that made the move."""
    at = watched.quotes.at
    inside = (at >= move.start_at) & (at <= move.crossed_at)
    return bool(np.all(watched.quotes.observed_lag[inside] <= LIVE_LAG_MS))
