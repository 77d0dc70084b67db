from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts.channels.console import ConsoleChannel
from monitor.alerts.plan import plan
from monitor.alerts.rules import MoveRule, Storm
from monitor.alerts.rules.time_intervals import TimeInterval, end_of, holds
from storage.alert_repo import AlertDraft
from storage.delivery_load import Load
from storage.delivery_repo import Planned

NOON = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)  # a Thursday
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NIGHTS = TimeInterval.model_validate(
    {
        "name": "nights",
        "times": [
            {"start_time": "22:00", "end_time": "24:00"},
            {"start_time": "00:00", "end_time": "07:00"},
        ],
    }
)
WEEKEND = TimeInterval(name="weekend", weekdays=("saturday", "sunday"))
INTERVALS = {"nights": NIGHTS, "weekend": WEEKEND}
NOTHING = Load()
GUARD = Storm()
ALONE = {"name": "jump", "on": "move", "channels": ["desk"]}


def a_draft(**changes: Any) -> AlertDraft:
    values: dict[str, Any] = {
        "dedup_key": "k1", "escalation": 0, "rule": "jump", "kind": "move", "severity": "info",
        "at": NOON, "title": "t", "group_key": "move:series-x", "reason": (), "payload": {},
        "channels": ("desk",), "labels": {"theme": ("ai-wearables",), "venue": ("polymarket",)},
    }  # fmt: skip
    return AlertDraft(**{**values, **changes})


def planned(
    rule: Mapping[str, Any] | None = None,
    *,
    quiet: tuple[str, ...] = (),
    now: datetime = NOON,
    load: Load = NOTHING,
    storm: Storm = GUARD,
    **draft: Any,
) -> Planned:
    channel = ConsoleChannel(name="desk", kind="console", quiet=quiet)
    (found,) = plan(
        a_draft(**draft),
        MoveRule.model_validate({**ALONE, **(rule or {})}),
        {"desk": channel},
        intervals=INTERVALS,
        storm=storm,
        now=now,
        load=load,
    )
    return found


def test_without_a_wish_each_channel_is_sent_the_alert_alone_and_at_once() -> None:
    rule = MoveRule.model_validate({**ALONE, "channels": ["desk", "phone"]})
    found = plan(
        a_draft(channels=("desk", "phone", "desk")),
        rule,
        {},
        intervals={},
        storm=Storm(),
        now=NOON,
        load=Load(),
    )
    assert found == (Planned("desk", NOON), Planned("phone", NOON))


def test_a_digest_gathers_from_its_first_alert_on() -> None:
    rule = {"digest": "1h"}
    waits = Load({("desk", "digest:jump"): NOON + 20 * MINUTE})
    assert planned(rule) == Planned("desk", NOON + HOUR, "digest:jump")
    assert planned(rule, load=waits) == Planned("desk", NOON + 20 * MINUTE, "digest:jump")


def test_alerts_of_one_group_wait_for_each_other_and_then_for_the_interval() -> None:
    rule = {"group_by": ["theme"], "group_wait": "30s", "group_interval": "5m"}
    bundle = "group:jump:theme=ai-wearables"
    first = planned(rule)
    joins = planned(rule, load=Load({("desk", bundle): NOON + timedelta(seconds=10)}))
    soon = planned(rule, load=Load(last={("desk", bundle): NOON - 2 * MINUTE}))
    later = planned(rule, load=Load(last={("desk", bundle): NOON - 5 * MINUTE}))
    assert first == later == Planned("desk", NOON + timedelta(seconds=30), bundle)
    assert joins == Planned("desk", NOON + timedelta(seconds=10), bundle)
    assert soon == Planned("desk", NOON + 3 * MINUTE, bundle)


def test_groups_differ_by_every_label_and_without_one_by_what_is_told() -> None:
    by_two = {"group_by": ["venue", "theme"]}
    many = {"venue": ("kalshi", "polymarket")}
    bundles = [
        planned(by_two).bundle,
        planned(by_two, labels=many).bundle,
        planned({"group_wait": "30s"}).bundle,
    ]
    assert bundles == [
        "group:jump:venue=polymarket;theme=ai-wearables",
        "group:jump:venue=kalshi,polymarket;theme=",
        "group:jump:move:series-x",
    ]


def test_quiet_hours_hold_until_their_end_and_a_severe_alert_passes() -> None:
    late = NOON.replace(hour=23)
    morning = datetime(2025, 11, 28, 7, 0, tzinfo=UTC)
    held = planned(quiet=("nights",), now=late)
    urgent = planned(quiet=("nights",), now=late, severity="critical")
    assert held == Planned("desk", morning, "quiet:nights")
    assert urgent == Planned("desk", late)
    assert planned(quiet=("nights",)) == Planned("desk", NOON)


def test_quiet_hours_that_follow_each_other_are_one_wait() -> None:
    friday_night = datetime(2025, 11, 28, 23, 0, tzinfo=UTC)
    held = planned(quiet=("nights", "weekend"), now=friday_night)
    assert held == Planned("desk", datetime(2025, 12, 1, 7, 0, tzinfo=UTC), "quiet:nights")


def test_a_digest_that_would_come_in_quiet_hours_waits_with_the_rest() -> None:
    evening = NOON.replace(hour=21, minute=30)
    held = planned({"digest": "1h"}, quiet=("nights",), now=evening)
    assert held == Planned("desk", datetime(2025, 11, 28, 7, 0, tzinfo=UTC), "quiet:nights")


def sent(count: int, *, every: timedelta = timedelta(seconds=1)) -> tuple[datetime, ...]:
    return tuple(NOON - (count - number) * every for number in range(count))


def test_too_many_messages_become_one_when_the_window_is_over() -> None:
    storm = Storm(messages=3, per=10 * MINUTE)
    two, three = Load(messages={"desk": sent(2)}), Load(messages={"desk": sent(3)})
    end = NOON - timedelta(seconds=3) + 10 * MINUTE
    assert planned(storm=storm, load=two) == Planned("desk", NOON)
    assert planned(storm=storm, load=three) == Planned("desk", end, "storm")


def test_a_storm_is_joined_while_it_waits_and_over_once_the_window_has_room() -> None:
    storm = Storm(messages=3, per=10 * MINUTE)
    waits = Load({("desk", "storm"): NOON + MINUTE}, messages={"desk": (NOON + MINUTE,)})
    old = Load(messages={"desk": tuple(at - 10 * MINUTE for at in sent(3))})
    assert planned(storm=storm, load=waits) == Planned("desk", NOON + MINUTE, "storm")
    assert planned(storm=storm, load=old) == Planned("desk", NOON)


def test_what_joins_a_message_that_waits_anyway_makes_no_storm() -> None:
    storm = Storm(messages=1)
    full = Load({("desk", "digest:jump"): NOON + MINUTE}, messages={"desk": sent(9)})
    joined = planned({"digest": "1h"}, storm=storm, load=full)
    assert joined == Planned("desk", NOON + MINUTE, "digest:jump")


def test_no_storm_is_guarded_against_when_it_is_turned_off() -> None:
    assert planned(storm=Storm(messages=0), load=Load(messages={"desk": sent(99)})) == Planned(
        "desk", NOON
    )


def test_no_storm_holds_a_critical_alert() -> None:
    storm = Storm(messages=3, per=10 * MINUTE)
    full = Load({("desk", "storm"): NOON + MINUTE}, messages={"desk": sent(3)})
    assert planned(storm=storm, load=full, severity="warning").bundle == "storm"
    assert planned(storm=storm, load=full, severity="critical") == Planned("desk", NOON)


def test_a_storm_at_bedtime_breaks_no_quiet_hours() -> None:
    bedtime = NOON.replace(hour=21, minute=55)
    load = Load(messages={"desk": (bedtime - MINUTE,)})
    held = planned(quiet=("nights",), now=bedtime, load=load, storm=Storm(messages=1))
    assert held == Planned("desk", datetime(2025, 11, 28, 7, 0, tzinfo=UTC), "quiet:nights")


def test_what_waits_for_the_morning_joins_no_storm_of_the_night() -> None:
    late = NOON.replace(hour=23)
    storming = Load({("desk", "storm"): late + MINUTE})
    held = planned(quiet=("nights",), now=late, load=storming, storm=Storm(messages=1))
    assert held.bundle == "quiet:nights"


def test_a_channel_that_the_config_lost_is_planned_for_all_the_same() -> None:
    found = plan(
        a_draft(channels=("gone",)),
        MoveRule.model_validate(ALONE),
        {},
        intervals={},
        storm=Storm(messages=1),
        now=NOON,
        load=Load(messages={"gone": sent(9)}),
    )
    assert found == (Planned("gone", NOON),)


@settings(max_examples=80)
@given(
    minutes=st.integers(0, 7 * 24 * 60),
    rule=st.sampled_from([{}, {"digest": "3h"}, {"group_by": ["theme"], "group_wait": "1m"}]),
    ages_s=st.lists(st.integers(0, 900), max_size=6),
    severity=st.sampled_from(["info", "warning", "critical"]),
)
def test_nothing_is_early_and_nobody_is_woken(
    minutes: int, rule: dict[str, Any], ages_s: list[int], severity: str
) -> None:
    now = NOON + minutes * MINUTE
    load = Load(messages={"desk": tuple(now - timedelta(seconds=age) for age in sorted(ages_s))})
    found = planned(
        rule,
        quiet=("nights", "weekend"),
        now=now,
        load=load,
        storm=Storm(messages=3),
        severity=severity,
    )
    assert found.due_at >= now
    assert (found.bundle is None) <= (found.due_at == now)
    if severity != "critical":
        assert not any(holds(interval, found.due_at) for interval in INTERVALS.values())
    if found.bundle == "quiet:nights":
        assert end_of(NIGHTS, found.due_at - MINUTE) == found.due_at


@pytest.mark.parametrize("kept", [1, 5, 20])
def test_in_any_window_a_channel_gets_no_more_than_the_storm_guard_lets_by(kept: int) -> None:
    storm = Storm(messages=kept, per=10 * MINUTE)
    pending: dict[tuple[str, str], datetime] = {}
    messages: list[datetime] = []
    for second in range(0, 3600, 7):
        now = NOON + timedelta(seconds=second)
        pending = {key: due_at for key, due_at in pending.items() if due_at > now}
        found = planned(
            storm=storm, now=now, load=Load(pending, messages={"desk": tuple(messages)})
        )
        if found.bundle is None:
            messages.append(now)
        elif ("desk", "storm") not in pending:
            pending["desk", "storm"] = found.due_at
            messages.append(found.due_at)
    for start in messages:
        assert sum(start <= at < start + storm.per for at in messages) <= kept
