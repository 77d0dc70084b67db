from __future__ import annotations

from typing import Any

import pytest

from signals.causes import Candidate, judge
from signals.moves import Move, State
from signals.prices import MINUTE_MS

START = 1_000 * MINUTE_MS
END = START + 10 * MINUTE_MS


def a_move(state: State = "persisted") -> Move:
    return Move(START, END, START + MINUTE_MS, 0.24, 0.33, 0.09, 18.0, state, ended=False)


def near(signal_id: str, minutes: float, **more: Any) -> Candidate:
    return Candidate(signal_id, minutes, **{"clock_error_min": 1.0, "score": 0.7, **more})


def test_move_without_signals_is_unexplained_only_half_an_hour_after_its_end() -> None:
    assert judge(a_move(), [], END + 30 * MINUTE_MS - 1).verdict == "pending"
    assert judge(a_move(), [], END + 30 * MINUTE_MS).verdict == "no_public_cause_found"


def test_persisted_move_with_a_signal_has_candidates_at_once() -> None:
    verdict = judge(a_move(), [near("a", -5)], END)

    assert verdict.verdict == "candidates"
    assert verdict.reason == "1 near it, the best 5 min before its start (clock error 1 min)"


@pytest.mark.parametrize("state", ["pending", "reverted"])
def test_move_that_did_not_persist_is_never_explained(state: State) -> None:
    late = END + 600 * MINUTE_MS

    assert judge(a_move(state), [near("a", -5)], late).verdict == "pending"


def test_signals_far_from_the_move_do_not_count() -> None:
    far = [near("early", -121.5), near("late", 41.5)]

    assert judge(a_move(), far, END + 60 * MINUTE_MS).verdict == "no_public_cause_found"


def test_clock_error_widens_what_counts() -> None:
    verdict = judge(a_move(), [near("early", -125, clock_error_min=5)], END)

    assert verdict.verdict == "candidates"


def test_signal_before_the_move_ranks_above_one_as_long_after() -> None:
    verdict = judge(a_move(), [near("after", 10), near("before", -10)], END)

    assert [one.signal_id for one in verdict.candidates] == ["before", "after"]


def test_date_only_signal_never_ranks_as_near() -> None:
    verdict = judge(a_move(), [near("day", 0, clock_error_min=1440), near("exact", -20)], END)

    assert [one.signal_id for one in verdict.candidates] == ["exact", "day"]


@pytest.mark.parametrize(
    ("days", "words"),
    [(-2, "2 days before"), (-1, "the day before"), (0, "the same day"), (1, "the day after")],
)
def test_a_date_without_a_time_supports_no_lead_however_far_away(days: int, words: str) -> None:
    (found,) = judge(
        a_move(), [near("a", days * 1440, clock_error_min=9999, days=days)], END
    ).candidates

    assert found.order == "unknown"
    reason = judge(a_move(), [found], END).reason
    assert reason == f"1 near it, the best {words}, by date only"


def test_rank_is_the_documented_sum() -> None:
    # 0 min away: near 1; 0.4 * 1 + 0.3 * 0.5 + 0.2 + 0.1 * 0.5
    one = near("a", 0, clock_error_min=0, score=0.5, novelty=0.5, entity_match=True)

    assert judge(a_move(), [one], END).candidates[0].rank_score == pytest.approx(0.8)


def test_equal_rank_is_ordered_by_id() -> None:
    verdict = judge(a_move(), [near("b", -5), near("a", -5)], END)

    assert [one.signal_id for one in verdict.candidates] == ["a", "b"]


@pytest.mark.parametrize(
    ("minutes", "order"),
    [(-5, "before"), (-1, "simultaneous"), (1, "simultaneous"), (5, "after")],
)
def test_within_the_error_of_the_clocks_the_order_is_not_told(minutes: float, order: str) -> None:
    (found,) = judge(a_move(), [near("a", minutes)], END).candidates

    assert found.order == order


def test_a_best_candidate_within_the_clock_error_is_said_to_be_at_the_start() -> None:
    verdict = judge(a_move(), [near("a", -4, clock_error_min=6)], END)

    assert verdict.reason == (
        "1 near it, the best at its start as far as the clocks tell (clock error 6 min)"
    )
