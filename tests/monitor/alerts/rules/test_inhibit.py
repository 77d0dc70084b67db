from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.alerts.rules.inhibit import Inhibit, inhibited_by
from storage.alert_repo import PastAlert

NOW = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)
UNEXPLAINED = {"rule": ("unexplained",), "on": ("move",), "series": ("best-ai",)}


def an_inhibit(**given: Any) -> Inhibit:
    values = {
        "source_matchers": ["rule=jump"],
        "target_matchers": ["rule=unexplained"],
        "equal": ["series"],
        "within": "1h",
    }
    return Inhibit.model_validate({**values, **given})


def a_told(minutes_ago: float = 10, **changes: Any) -> PastAlert:
    values = {
        "dedup_key": "k",
        "escalation": 0,
        "rule": "jump",
        "kind": "move",
        "severity": "info",
        "at": NOW - timedelta(minutes=minutes_ago),
        "title": "t",
        "group_key": "g",
        "subject": "s",
        "labels": {"rule": ("jump",), "on": ("move",), "series": ("best-ai",)},
    }
    return PastAlert(**{**values, **changes})


def test_an_alert_of_the_source_keeps_the_target_quiet_and_is_named() -> None:
    assert inhibited_by(UNEXPLAINED, [an_inhibit()], [a_told()], NOW) == "jump"


@pytest.mark.parametrize(("minutes_ago", "inhibits"), [
    (0, True), (59.9, True), (60, False), (-1, False),
])  # fmt: skip
def test_it_does_so_for_as_long_as_within_says(minutes_ago: float, inhibits: bool) -> None:
    found = inhibited_by(UNEXPLAINED, [an_inhibit()], [a_told(minutes_ago)], NOW)
    assert (found == "jump") == inhibits


def test_an_hour_is_meant_when_nothing_is_said() -> None:
    values = {"source_matchers": ["rule=a"], "target_matchers": ["rule=b"]}
    assert Inhibit.model_validate(values).within == timedelta(hours=1)


def test_an_alert_that_was_not_told_inhibits_nothing() -> None:
    past = a_told(suppressed="cooldown")
    assert inhibited_by(UNEXPLAINED, [an_inhibit()], [past], NOW) is None


def test_only_targets_are_inhibited() -> None:
    labels = {**UNEXPLAINED, "rule": ("other",)}
    assert inhibited_by(labels, [an_inhibit()], [a_told()], NOW) is None


def test_only_sources_inhibit() -> None:
    past = a_told(labels={"rule": ("other",), "series": ("best-ai",)})
    assert inhibited_by(UNEXPLAINED, [an_inhibit()], [past], NOW) is None


def test_both_must_share_a_value_of_each_equal_label() -> None:
    past = a_told(labels={"rule": ("jump",), "series": ("other", "best-ai"), "theme": ("t",)})
    labels = {**UNEXPLAINED, "series": ("best-ai", "third")}
    assert inhibited_by(labels, [an_inhibit()], [past], NOW) == "jump"
    assert inhibited_by(labels, [an_inhibit(equal=["series", "theme"])], [past], NOW) is None
    assert inhibited_by({**labels, "series": ("third",)}, [an_inhibit()], [past], NOW) is None


def test_two_markets_without_a_series_are_not_of_one_series() -> None:
    labels = {"rule": ("unexplained",)}
    past = a_told(labels={"rule": ("jump",)})
    assert inhibited_by(labels, [an_inhibit()], [past], NOW) is None
    assert inhibited_by(labels, [an_inhibit(equal=[])], [past], NOW) == "jump"


def test_an_alert_that_meets_both_sides_does_not_inhibit_its_own_like() -> None:
    both = an_inhibit(source_matchers=["on=move"], target_matchers=["series=~best.*"], equal=[])
    like = a_told(labels={"on": ("move",), "series": ("best-b",)})
    assert inhibited_by(UNEXPLAINED, [both], [like], NOW) is None
    only_source = a_told(labels={"on": ("move",), "series": ("worst",)}, rule="moves")
    assert inhibited_by(UNEXPLAINED, [both], [like, only_source], NOW) == "moves"


def test_the_latest_source_of_the_first_inhibition_that_applies_is_named() -> None:
    first = a_told(30, rule="jump", labels={"rule": ("jump",), "series": ("best-ai",)})
    last = a_told(5, rule="jump-2", labels={"rule": ("jump-2",), "series": ("best-ai",)})
    rules = [an_inhibit(source_matchers=["rule=other"]), an_inhibit(source_matchers=["rule=~j.*"])]
    assert inhibited_by(UNEXPLAINED, rules, [first, last], NOW) == "jump-2"


@pytest.mark.parametrize("changes", [
    {"source_matchers": []},
    {"target_matchers": []},
    {"equal": ["publisher"]},
    {"within": "0s"},
    {"sources": ["rule=jump"]},
])  # fmt: skip
def test_a_wrong_inhibition_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        an_inhibit(**changes)
