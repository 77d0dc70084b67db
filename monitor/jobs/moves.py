"""New quotes become moves, and moves get what was public around them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
from storage import coverage, market_repo, signal_repo
from storage.instants import from_ms, to_ms
from storage.market_news import ORIGIN_KIND
from storage.market_repo import Leg
from storage.models import Move, Signal
from storage.records import Precision

LOOK_BACK = timedelta(hours=8)
HORIZON = timedelta(hours=48)
# Further from a move no signal counts, however vague its clock: a mere date and the search of 2 h.
REACH = timedelta(hours=30)
LIVE_LAG_MS = 10 * MINUTE_MS
DAY_MS = 24 * 60 * MINUTE_MS
# How wrong a signal's instant may be, beside the poll that observed the price.


def find_moves(
    session: Session,
    topics: Topics,
    *,
    now: datetime,
    outcome_ids: Iterable[int] | None = None,
    changed: Sequence[Signal] = (),
    horizon: timedelta = HORIZON,
) -> list[Move]:
    """Return the move rows that changed.

    Looked at are `outcome_ids` (None: every leg), those whose move of the last 48 h time alone
    may still settle, with signals `changed` since the last look all that moved in 48 h, and older
    moves that one of them stands near. Beyond HORIZON, as after history came in, prices are
    searched that far back.
    """
    legs = {leg.outcome_id: leg for leg in market_repo.legs(session)}
    known = _known(session, changed, now=now, horizon=horizon)
    unsettled = {
        move.outcome_id
        for move in known
        if changed or (_is_open(move) and move.start_at >= now - HORIZON)
    }
    wanted = set(legs) if outcome_ids is None else set(outcome_ids) | unsettled
    earliest = now - LOOK_BACK if horizon <= HORIZON else now - horizon
    first = min([earliest, *(move.start_at for move in known)])
    near = _Near(signal_repo.signals(session, since=first - REACH))
    found = []
    for outcome_id in sorted(wanted & set(legs)):
        mine = [move for move in known if move.outcome_id == outcome_id]
        since = min([earliest, *(move.start_at for move in mine)])
        watched = series.load(session, legs[outcome_id], since=since)
        found += _leg_moves(session, topics, watched, near, mine, since=since, now=now)
    return found


@dataclass(frozen=True, slots=True)
class _Near:
    """Signals that may be a cause, by instant."""

    signals: list[Signal]

    def around(self, move: FoundMove) -> list[Signal]:
        first = bisect_left(self.signals, from_ms(move.start_at) - REACH, key=lambda s: s.at)
        last = bisect_left(self.signals, from_ms(move.end_at) + REACH, key=lambda s: s.at)
        return [signal for signal in self.signals[first:last] if _is_cause(signal)]


def _known(
    session: Session, changed: Sequence[Signal], *, now: datetime, horizon: timedelta
) -> list[Move]:
    """Return the moves to judge again: the recent ones, and old ones that news stands near."""
    causes_at = [signal.at for signal in changed if _is_cause(signal)]
    recent = now - max(horizon, HORIZON)
    found = signal_repo.moves(session, since=min([recent, *(at - REACH for at in causes_at)]))
    return [
        move
        for move in found
        if move.start_at >= recent
        or any(move.start_at - REACH <= at <= move.end_at + REACH for at in causes_at)
    ]


def _is_cause(signal: Signal) -> bool:
    # A market's own listing or ruling is no public cause of its price.
    return not signal.background and signal.origin_kind != ORIGIN_KIND


def _leg_moves(
    session: Session,
    topics: Topics,
    watched: Watched,
    near: _Near,
    known: Sequence[Move],
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
    live = _live_spans(session, watched.leg) if found else []
    changed = []
    for move in _as_written(found, known):
        signals = near.around(move)
        verdict = causes.judge(move, _candidates(topics, watched.leg, move, signals), to_ms(now))
        values = _values(watched, move, verdict, signals)
        row, is_new = signal_repo.put_move(
            session, {**values, "live": _is_live(watched, move, live)}, known_from=now
        )
        if is_new:
            changed.append(row)
    return changed


def _as_written(found: Sequence[FoundMove], known: Sequence[Move]) -> list[FoundMove]:
    """Return the moves, each with the beginning that was once written of it.

    Finer prices of the past may show an earlier or later beginning of a move that is known.
    """
    begun = {to_ms(move.start_at): move for move in known}
    exact = {move.start_at for move in found if move.start_at in begun}
    free = [move for start, move in begun.items() if start not in exact]
    fixed = []
    for move in found:
        same = next((old for old in free if _is_same(move, old)), None)
        if move.start_at in exact or same is None:
            fixed.append(move)
            continue
        free.remove(same)
        fixed.append(
            replace(
                move,
                start_at=to_ms(same.start_at),
                crossed_at=to_ms(same.crossed_at),
                price_from=same.price_from,
                delta=move.price_to - same.price_from,
            )
        )
    return fixed


def _is_same(found: FoundMove, old: Move) -> bool:
    overlaps = found.start_at <= to_ms(old.end_at) and to_ms(old.start_at) <= found.end_at
    return overlaps and (found.delta > 0) == (old.move > 0)


def _is_open(move: Move) -> bool:
    is_unexplained = move.state == "persisted" and move.verdict == "pending"
    return move.state == "pending" or is_unexplained


def _candidates(
    topics: Topics, leg: Leg, move: FoundMove, signals: list[Signal]
) -> list[causes.Candidate]:
    themes = {theme for theme, _ in leg.themes}
    stories: dict[str, Signal] = {}
    for signal in signals:
        if signal.theme in themes:
            best = stories.setdefault(signal.origin_id, signal)
            if signal.score > best.score:
                stories[signal.origin_id] = signal
    return [
        causes.Candidate(
            signal_id=signal.signal_id,
            minutes=_minutes(signal, move),
            clock_error_min=_clock_error_min(signal, move),
            days=_days(signal, move),
            score=signal.score,
            novelty=signal.novelty or 0.0,
            entity_match=leg.owner is not None and leg.owner in topics.owners(signal.entities),
        )
        for signal in stories.values()
    ]


def _minutes(signal: Signal, move: FoundMove) -> float:
    """Return the minutes between the middle of the times in which each may have been.

    The move began after the price was last read as it had been and before it was read as it
    became; a date means that day.
    """
    at = to_ms(signal.at) + (DAY_MS // 2 if signal.precision == Precision.DAY else 0)
    return (at - (move.start_at + move.crossed_at) / 2) / MINUTE_MS


def _clock_error_min(signal: Signal, move: FoundMove) -> float:
    """Return how far off these minutes may be: both clocks, and half of what nobody read."""
    unread = (move.crossed_at - move.start_at) / 2 / MINUTE_MS
    return causes.clock_error_min(signal.precision) + unread


def _days(signal: Signal, move: FoundMove) -> int | None:
    """Return how many days after the move's a signal is dated that has no time of day (UTC)."""
    if signal.precision != Precision.DAY:
        return None
    return to_ms(signal.at) // DAY_MS - move.start_at // DAY_MS


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
            _explanation(each, by_id[str(each.signal_id)]) for each in verdict.candidates
        ],
    }


def _explanation(found: causes.Candidate, signal: Signal) -> dict[str, Any]:
    """Return a candidate as it is stored; the error of a mere date is as wide as it lies away."""
    before, error = round(-found.minutes, 1) + 0.0, round(found.clock_error_min, 1)  # no -0.0
    return {
        "signal_id": found.signal_id,
        "title": signal.title,
        "url": signal.url,
        "minutes_before": before,
        "clock_error_min": error if found.days is None else max(error, abs(before)),
        "days_before": None if found.days is None else -found.days,
        "order": found.order,
        "score": round(found.score, 3),
        "novelty": round(found.novelty, 3),
        "entity_match": found.entity_match,
        "rank_score": round(found.rank_score, 3),
    }


def _live_spans(session: Session, leg: Leg) -> list[tuple[int, int]]:
    """Return when a live poll read a leg's price, ms; history that came in later is no reading."""
    spans = coverage.spans(session, coverage.outcome_subject(leg.outcome_id))
    return [(to_ms(span.from_at), to_ms(span.to_at)) for span in spans if span.reads]


def _is_live(watched: Watched, move: FoundMove, live: Sequence[tuple[int, int]]) -> bool:
    """Return whether a live poll saw the quotes that made the move."""
    at = watched.quotes.at
    inside = (at >= move.start_at) & (at <= move.crossed_at)
    is_prompt = bool(np.all(watched.quotes.observed_lag[inside] <= LIVE_LAG_MS))
    return is_prompt and any(start <= move.crossed_at <= end for start, end in live)
