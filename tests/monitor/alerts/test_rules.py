from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.alerts.rules import AnyRule, Rule, ScheduleRule, latest_run, matches
from monitor.alerts.views import MoveView, SignalView, StandingView

Build = Callable[..., Any]


def a_rule(on: str, **changes: Any) -> Rule:
    adapter: TypeAdapter[Rule] = TypeAdapter(AnyRule)
    return adapter.validate_python({"name": "r", "channels": ["console"], "on": on, **changes})


@pytest.mark.parametrize(("changes", "fires"), [
    ({}, True),
    ({"themes": ["ai-wearables"]}, True),
    ({"themes": ["other"]}, False),
    ({"kinds": ["launch", "rumor"]}, True),
    ({"kinds": ["rumor"]}, False),
    ({"entities": ["quark-glasses"]}, True),
    ({"entities": ["meta-glasses"]}, False),
    ({"min_score": 0.8}, True),
    ({"min_score": 0.81}, False),
    ({"min_tier": 1}, True),
])  # fmt: skip
def test_a_signal_rule_asks_all_it_names(
    a_signal: Callable[..., SignalView], changes: dict[str, Any], fires: bool
) -> None:
    reasons = matches(a_rule("signal", **changes), a_signal())
    assert (reasons is not None) == fires


def test_min_tier_counts_downwards_because_one_is_best(
    a_signal: Callable[..., SignalView],
) -> None:
    rule = a_rule("signal", min_tier=2)
    assert matches(rule, a_signal(tier=2)) is not None
    assert matches(rule, a_signal(tier=3)) is None


@pytest.mark.parametrize(("changes", "fires"), [
    ({"min_pp": 9}, True),
    ({"min_pp": 9.1}, False),
    ({"direction": "down"}, True),
    ({"direction": "up"}, False),
    ({"min_z": 3}, True),
    ({"min_z": 6}, False),
    ({"verdict": "no_public_cause_found"}, False),
    ({"themes": ["ai-wearables"]}, False),
])  # fmt: skip
def test_a_move_rule_asks_all_it_names(
    a_move: Callable[..., MoveView], changes: dict[str, Any], fires: bool
) -> None:
    reasons = matches(a_rule("move", **changes), a_move(z=-5.0))
    assert (reasons is not None) == fires


@pytest.mark.parametrize("z", [None, float("nan")])
def test_an_unknown_z_never_passes_a_z_bound(
    a_move: Callable[..., MoveView], z: float | None
) -> None:
    assert matches(a_rule("move", min_z=0), a_move(z=z)) is None


def test_a_move_that_did_not_persist_fires_nothing(a_move: Callable[..., MoveView]) -> None:
    assert matches(a_rule("move"), a_move(persisted=False)) is None


def test_a_verdict_rule_fires_when_its_verdict_is_written(
    a_move: Callable[..., MoveView],
) -> None:
    rule = a_rule("move", verdict="no_public_cause_found")
    reasons = matches(rule, a_move(verdict="no_public_cause_found"))
    assert reasons is not None
    assert "verdict no public cause found" in reasons


def test_a_standing_rule_asks_board_and_change(
    a_standing: Callable[..., StandingView],
) -> None:
    view = a_standing()
    assert matches(a_rule("standing", boards=["text"], changes=["new_leader"]), view)
    assert matches(a_rule("standing", boards=["vision"]), view) is None
    assert matches(a_rule("standing", changes=["new_model"]), view) is None


def test_a_rule_never_fires_on_another_kind_of_view(a_signal: Build, a_move: Build) -> None:
    assert matches(a_rule("move"), a_signal()) is None
    assert matches(a_rule("signal"), a_move()) is None
    assert matches(a_rule("schedule", at="08:00"), a_signal()) is None


@pytest.mark.parametrize(("on", "changes", "says"), [
    ("link", {}, "does not match any of the expected tags"),
    ("signal", {"channels": []}, "at least 1 item"),
    ("signal", {"kinds": ["lunch"]}, "launch"),
    ("signal", {"min_pp": 3}, "Extra inputs"),
    ("move", {"cooldown": "soon"}, "is not a duration"),
    ("schedule", {"at": "25:00"}, "is no time of day"),
    ("schedule", {"at": "08:00", "tz": "Mars/Base"}, "is no zone name"),
])  # fmt: skip
def test_a_wrong_rule_is_refused_and_says_why(on: str, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        a_rule(on, **changes)


@pytest.mark.parametrize(("now", "due"), [
    (datetime(2025, 6, 1, 0, 0, tzinfo=UTC), datetime(2025, 6, 1, 0, 0, tzinfo=UTC)),
    (datetime(2025, 6, 1, 23, 59, tzinfo=UTC), datetime(2025, 6, 1, 0, 0, tzinfo=UTC)),
    (datetime(2025, 5, 31, 23, 59, tzinfo=UTC), datetime(2025, 5, 31, 0, 0, tzinfo=UTC)),
])  # fmt: skip
def test_a_schedule_is_due_at_the_wall_clock_of_its_zone(now: datetime, due: datetime) -> None:
    rule = a_rule("schedule", at="08:00", tz="Asia/Shanghai")
    assert isinstance(rule, ScheduleRule)
    assert latest_run(rule, now) == due


def test_a_schedule_follows_summer_time() -> None:
    rule = a_rule("schedule", at="08:00", tz="Europe/Berlin")
    assert isinstance(rule, ScheduleRule)
    winter = latest_run(rule, datetime(2025, 3, 29, 12, tzinfo=UTC))
    summer = latest_run(rule, datetime(2025, 3, 30, 12, tzinfo=UTC))
    assert (winter.hour, summer.hour) == (7, 6)
