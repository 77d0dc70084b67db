from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.alerts.rules import AnyRule, LinkRule, MarketRule, Rule, ScheduleRule, latest_run


def a_rule(on: str, **changes: Any) -> Rule:
    adapter: TypeAdapter[Rule] = TypeAdapter(AnyRule)
    return adapter.validate_python({"name": "r", "channels": ["console"], "on": on, **changes})


def test_for_is_the_name_of_how_long_a_thing_must_last() -> None:
    rule = a_rule("source", **{"for": "10m"})
    assert rule.hold_for == timedelta(minutes=10)
    assert "for" in rule.model_json_schema()["properties"]
    assert "hold_for" not in rule.model_json_schema()["properties"]
    assert rule.model_dump(mode="json", by_alias=True)["for"] == "10m"
    with pytest.raises(ValidationError, match="Extra inputs"):
        a_rule("source", hold_for="10m")


def test_a_rule_is_grouped_by_labels_or_by_a_wait() -> None:
    assert not a_rule("move").is_grouped
    assert not a_rule("move", group_wait="0s").is_grouped
    assert a_rule("move", group_by=["theme"]).is_grouped
    assert a_rule("move", group_wait="30s").is_grouped
    assert a_rule("move").group_interval == timedelta(minutes=5)


def test_a_rule_on_links_or_markets_has_the_defaults_of_the_contract() -> None:
    link, market = a_rule("link"), a_rule("market")
    assert isinstance(link, LinkRule)
    assert isinstance(market, MarketRule)
    assert link.verdicts == ("moved_up", "moved_down")
    assert market.states == ("listed", "closing", "rules_changed", "dispute", "resolved")
    assert market.within == timedelta(hours=24)


@pytest.mark.parametrize(("on", "changes", "says"), [
    ("lnk", {}, "does not match any of the expected tags"),
    ("link", {"verdicts": ["moved"]}, "moved_up"),
    ("link", {"max_p": 0}, "greater than 0"),
    ("link", {"relation": "other"}, "own"),
    ("market", {"states": ["open"]}, "listed"),
    ("market", {"states": []}, "at least 1 item"),
    ("market", {"within": "0s"}, "longer than 0s"),
    ("source", {"for": "0s"}, "longer than 0s"),
    ("move", {"max_spread_pp": 101}, "less than or equal to 100"),
    ("move", {"matchers": ["venu=x"]}, r"unknown label 'venu' \(did you mean venue\?\)"),
    ("move", {"group_by": ["them"]}, "theme"),
    ("signal", {"min_novelty": 2}, "less than or equal to 1"),
    ("signal", {"min_publishers": 0}, "greater than or equal to 1"),
    ("schedule", {"at": "08:00", "weekdays": ["mon"]}, "is no weekday"),
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


@pytest.mark.parametrize(("now", "due"), [
    (datetime(2025, 11, 28, 9, tzinfo=UTC), datetime(2025, 11, 28, 8, tzinfo=UTC)),  # a Friday
    (datetime(2025, 11, 30, 9, tzinfo=UTC), datetime(2025, 11, 28, 8, tzinfo=UTC)),
    (datetime(2025, 12, 1, 7, tzinfo=UTC), datetime(2025, 11, 28, 8, tzinfo=UTC)),
    (datetime(2025, 12, 1, 8, tzinfo=UTC), datetime(2025, 12, 1, 8, tzinfo=UTC)),
])  # fmt: skip
def test_a_schedule_of_weekdays_skips_the_others(now: datetime, due: datetime) -> None:
    rule = a_rule("schedule", at="08:00", weekdays=["monday:friday"])
    assert isinstance(rule, ScheduleRule)
    assert latest_run(rule, now) == due


def test_a_schedule_of_one_weekday_reaches_back_a_week() -> None:
    rule = a_rule("schedule", at="08:00", weekdays=["monday"])
    assert isinstance(rule, ScheduleRule)
    before = datetime(2025, 12, 1, 7, 59, tzinfo=UTC)  # a Monday
    assert latest_run(rule, before) == datetime(2025, 11, 24, 8, tzinfo=UTC)


def test_a_schedule_follows_summer_time() -> None:
    rule = a_rule("schedule", at="08:00", tz="Europe/Berlin")
    assert isinstance(rule, ScheduleRule)
    winter = latest_run(rule, datetime(2025, 3, 29, 12, tzinfo=UTC))
    summer = latest_run(rule, datetime(2025, 3, 30, 12, tzinfo=UTC))
    assert (winter.hour, summer.hour) == (7, 6)
