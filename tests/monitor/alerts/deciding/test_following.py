"""A move follows the story that may have led to it, and no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.alerts.views import Candidate, MoveView, SignalView
from tests.monitor.alerts.deciding.desk import a_rule, run

BuildSignal = Callable[..., SignalView]
BuildMove = Callable[..., MoveView]
MINUTE = timedelta(minutes=1)


def a_candidate(story: str, minutes_before: float = 5.0, **changes: Any) -> Candidate:
    values = {"signal_id": f"sig-{story}", "story_id": story, "clock_error_min": 1.0}
    return Candidate(f"title of {story}", minutes_before, **{**values, **changes})


@pytest.fixture
def group(a_signal: BuildSignal, a_move: BuildMove, now: datetime) -> Callable[..., str]:
    """The group of a move, a minute after stories were told, the last one last."""

    def tell(*stories: SignalView, channels: tuple[str, ...] = ("console",), **changes: Any) -> str:
        told = []
        for story in stories or (a_signal(),):
            found = run([a_rule("signal")], now=now + len(told) * timedelta(seconds=1),
                        signals=[story], told=told)  # fmt: skip
            told += found.drafts
        rule = a_rule("move", channels=channels)
        move = a_move(**{"start_at": now, "end_at": now + MINUTE, **changes})
        (draft,) = run([rule], now=now + MINUTE, moves=[move], told=told).drafts
        is_followed = draft.group_key.startswith("story:")
        assert ("follows" in draft.payload) is is_followed
        return draft.group_key if is_followed else "none"

    return tell


def test_the_best_candidate_wins_over_the_story_told_last(
    a_signal: BuildSignal, group: Callable[..., str]
) -> None:
    stories = [a_signal(story_id=name) for name in ("first", "second", "third")]
    near = (a_candidate("untold"), a_candidate("second"), a_candidate("first"))
    assert group(*stories, explained_by=near, verdict="candidates") == "story:second"
    assert group(*stories) == "story:third"


def test_a_story_that_is_no_candidate_is_not_followed(
    a_signal: BuildSignal, group: Callable[..., str]
) -> None:
    assert group(explained_by=(a_candidate("other"),), verdict="candidates") == "none"
    assert group(verdict="no_public_cause_found") == "none"


def test_a_candidate_is_known_by_its_signal_and_by_former_names(
    a_signal: BuildSignal, group: Callable[..., str]
) -> None:
    by_signal = a_candidate("renamed", signal_id="sig-s1")
    merged = a_candidate("whole", merged=("s1",))
    assert group(explained_by=(by_signal,)) == group(explained_by=(merged,)) == "story:s1"


def test_what_came_out_after_a_move_did_not_lead_to_it(
    a_signal: BuildSignal, now: datetime, group: Callable[..., str]
) -> None:
    assert group(explained_by=(a_candidate("s1", -3.0),)) == "none"
    assert group(explained_by=(a_candidate("s1", -0.5),)) == "story:s1"
    # A second's clock is off by a tenth of a minute, and the poll by one more.
    assert group(a_signal(published_at=now + 1.2 * MINUTE)) == "none"
    assert group(a_signal(published_at=now + 1.0 * MINUTE)) == "story:s1"
    assert group(a_signal(published_at=now + 40 * MINUTE, precision="unknown")) == "story:s1"


def test_a_story_of_somebody_else_is_not_followed(
    a_signal: BuildSignal, group: Callable[..., str]
) -> None:
    story = a_signal(entities=("omegacorp",))
    assert group(story, entities=("zeta-glasses", "zetacorp")) == "none"
    assert group(story, entities=("omega-glasses", "omegacorp")) == "story:s1"
    assert group(story, entities=()) == "story:s1"
    assert group(a_signal(entities=()), entities=("zetacorp",)) == "story:s1"


def test_a_story_told_to_other_channels_is_not_followed(group: Callable[..., str]) -> None:
    assert group(channels=("phone",)) == "none"
    assert group(channels=("phone", "console")) == "story:s1"


@pytest.mark.parametrize("kind", ["market_listed", "rule_change", "dispute", "market_resolved"])
def test_a_venue_s_own_news_is_never_followed(
    a_signal: BuildSignal, group: Callable[..., str], kind: str
) -> None:
    assert group(a_signal(kind=kind)) == "none"
