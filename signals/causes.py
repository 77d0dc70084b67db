"""What was public around a move: candidates ranked, nothing found, or too early to say.

Nearness in time is not a cause; the words here never say more than "near it".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from signals.moves import Move
from signals.prices import MINUTE_MS

Verdict = Literal["pending", "candidates", "no_public_cause_found"]
Order = Literal["before", "after", "simultaneous", "unknown"]

SEARCH_MS = 30 * MINUTE_MS
BEFORE_MIN = 120.0
AFTER_MIN = 30.0
NEAR_MIN = 30.0
# How far off a time may be, by how exactly it is given, in minutes; a poll adds its own.
CLOCK_ERROR_MIN = {"second": 0.1, "minute": 1.0, "day": 720.0}
UNKNOWN_ERROR_MIN = 60.0
POLL_ERROR_MIN = 1.0
WEIGHTS = {"near": 0.4, "score": 0.3, "entity": 0.2, "novelty": 0.1}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A signal near a move: `minutes` from the move's beginning, negative when it came before.

    `clock_error_min` is how wrong `minutes` may be (the signal's precision, the poll, the stretch
    in which nobody saw the move begin). `days` is given for a signal that has a date and no time:
    how many days after the move's it is; `minutes` then only say how near it may have been.
    `score` and `novelty` 0..1. `rank_score` is filled by `judge`.
    """

    signal_id: int | str
    minutes: float
    clock_error_min: float
    score: float
    novelty: float = 1.0
    entity_match: bool = False
    rank_score: float = 0.0
    days: int | None = None

    @property
    def order(self) -> Order:
        """Return on which side of the move's beginning it lies, as far as the clocks can tell.

        A date without a time never supports an order.
        """
        if self.days is not None:
            return "unknown"
        return order(self.minutes, self.clock_error_min)


@dataclass(frozen=True, slots=True)
class MoveVerdict:
    """What may be said about a move now, the candidates best first, and why."""

    verdict: Verdict
    candidates: tuple[Candidate, ...]
    reason: str


def order(minutes: float, clock_error_min: float) -> Order:
    """Return the side of a signal `minutes` from a move's start; within the error, neither."""
    if abs(minutes) <= clock_error_min:
        return "simultaneous"
    return "before" if minutes < 0 else "after"


def clock_error_min(precision: str) -> float:
    """Return how far off a signal's time of that precision may be, in minutes, polls included."""
    return CLOCK_ERROR_MIN.get(precision, UNKNOWN_ERROR_MIN) + POLL_ERROR_MIN


def date_words(days: int) -> str:
    """Return where a date lies, `days` after the day of a move."""
    if days == 0:
        return "the same day"
    number = "the day" if abs(days) == 1 else f"{abs(days)} days"
    return f"{number} {'before' if days < 0 else 'after'}"


def judge(move: Move, candidates: Iterable[Candidate], now: int) -> MoveVerdict:
    """Return what explains `move` as of `now`: ranked signals, nothing public, or not yet known.

    Signals from 2 h before the start to 30 min after the end count, each stretched by its clock
    error. Rank: 0.4 nearness (half at 30 min, or at a clock error of 30 min; half again when
    surely after the start), 0.3 score, 0.2 entity, 0.1 novelty; a weighting by judgement, not a
    probability. Nothing is `no_public_cause_found` before 30 min after the move ended. A move
    that did not persist stays `pending`: there is nothing to explain.
    """
    length_min = (move.end_at - move.start_at) / MINUTE_MS
    ranked = _ranked(candidates, length_min)
    if move.state != "persisted":
        why = "has not persisted yet" if move.state == "pending" else "did not persist"
        return MoveVerdict("pending", ranked, f"the move {why}")
    if ranked:
        return MoveVerdict("candidates", ranked, _best_words(ranked))
    if now < move.end_at + SEARCH_MS:
        return MoveVerdict("pending", (), "less than 30 min since the move ended")
    return MoveVerdict(
        "no_public_cause_found", (), "no signal from 2 h before its start to 30 min after its end"
    )


def _ranked(candidates: Iterable[Candidate], length_min: float) -> tuple[Candidate, ...]:
    near = [
        replace(candidate, rank_score=_rank_score(candidate))
        for candidate in candidates
        if -BEFORE_MIN - candidate.clock_error_min
        <= candidate.minutes
        <= length_min + AFTER_MIN + candidate.clock_error_min
    ]
    return tuple(sorted(near, key=lambda one: (-one.rank_score, str(one.signal_id))))


def _rank_score(candidate: Candidate) -> float:
    distance = max(abs(candidate.minutes), candidate.clock_error_min)
    near = NEAR_MIN / (NEAR_MIN + distance)
    if candidate.order == "after":
        near /= 2
    return (
        WEIGHTS["near"] * near
        + WEIGHTS["score"] * candidate.score
        + WEIGHTS["entity"] * candidate.entity_match
        + WEIGHTS["novelty"] * candidate.novelty
    )


def _best_words(ranked: Sequence[Candidate]) -> str:
    best = ranked[0]
    if best.days is not None:
        return f"{len(ranked)} near it, the best {date_words(best.days)}, by date only"
    error = f"(clock error {best.clock_error_min:.0f} min)"
    if best.order == "simultaneous":
        return f"{len(ranked)} near it, the best at its start as far as the clocks tell {error}"
    side = f"{abs(best.minutes):.0f} min {best.order} its start"
    return f"{len(ranked)} near it, the best {side} {error}"
