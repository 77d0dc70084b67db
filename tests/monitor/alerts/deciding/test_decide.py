from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.alerts.deciding.decide import Guards, horizon, schedule_draft, subject_keys
from monitor.alerts.rules import ScheduleRule
from monitor.alerts.rules.inhibit import Inhibit
from monitor.alerts.views import MoveView, SignalView, StandingView, Views
from tests.monitor.alerts.deciding.desk import a_rule, run

BuildSignal = Callable[..., SignalView]
BuildMove = Callable[..., MoveView]
BuildStanding = Callable[..., StandingView]


def test_a_story_is_told_once_for_many_outlets_and_themes(
    a_signal: BuildSignal, now: datetime
) -> None:
    views = [
        a_signal(signal_id="a", theme="ai-wearables", score=0.7),
        a_signal(signal_id="b", theme="chinese-model-leaderboard", score=0.9, series=("other",)),
    ]
    first = run([a_rule("signal")], now=now, signals=views)
    more_outlets = [a_signal(publishers=9, score=1.0, title="Another outlet says so")]

    again = run([a_rule("signal")], now=now, signals=more_outlets, told=first.drafts)

    (draft,) = first.drafts
    assert draft.theme == "chinese-model-leaderboard"
    assert draft.signal_ids == ("b", "a")
    assert draft.payload["series"] == ["other", "best-company-end-of-july"]
    assert again.drafts == ()
    assert [skip.reason for skip in again.skips] == ["already told"]


def test_each_rule_tells_a_story_to_its_own_channel(a_signal: BuildSignal, now: datetime) -> None:
    rules = [a_rule("signal", name="one"), a_rule("signal", name="two", channels=["phone"])]
    decision = run(rules, now=now, signals=[a_signal()])
    assert [(draft.rule, draft.channels) for draft in decision.drafts] == [
        ("one", ("console",)), ("two", ("phone",)),
    ]  # fmt: skip
    assert len({draft.dedup_key for draft in decision.drafts}) == 2
    assert {draft.about for draft in decision.drafts} == {"story:s1"}


def test_a_merged_story_is_not_told_again(a_signal: BuildSignal, now: datetime) -> None:
    rule = a_rule("signal")
    first = run([rule], now=now, signals=[a_signal(story_id="old")])
    merged = a_signal(story_id="new", merged=("old",))
    assert run([rule], now=now, signals=[merged], told=first.drafts).drafts == ()


@pytest.mark.parametrize(("changes", "reason"), [
    ({"alertable": False}, "not first seen by a live poll"),
    ({"background": True}, "background"),
    ({"published_at": -6.06}, "published more than 6 h before it was seen"),
    ({"published_at": -30.1, "precision": "day"}, "published more than 6 h before it was seen"),
])  # fmt: skip
def test_the_backlog_never_alerts(
    a_signal: BuildSignal, now: datetime, changes: dict[str, Any], reason: str
) -> None:
    if "published_at" in changes:
        hours = timedelta(hours=changes["published_at"])
        changes = {**changes, "observed_at": now, "published_at": now + hours}
    decision = run([a_rule("signal")], now=now, signals=[a_signal(**changes)])
    assert decision.drafts == ()
    assert [skip.reason for skip in decision.skips] == [reason]


@pytest.mark.parametrize(("hours", "precision"), [(-6.0, "second"), (-29.9, "day")])
def test_what_was_published_within_six_hours_alerts(
    a_signal: BuildSignal, now: datetime, hours: float, precision: str
) -> None:
    view = a_signal(observed_at=now, published_at=now + timedelta(hours=hours), precision=precision)
    assert len(run([a_rule("signal")], now=now, signals=[view]).drafts) == 1


def test_legs_of_one_series_seen_in_one_run_are_one_alert(a_move: BuildMove, now: datetime) -> None:
    legs = [
        a_move(),
        a_move(outcome_id=2, label="Moonshot", move=0.30, price_from=0.02, price_to=0.32),
    ]
    (draft,) = run([a_rule("move", min_pp=5)], now=now, moves=legs).drafts
    assert draft.title == (
        "best-company-end-of-july: Moonshot +30.0 pp (0.02 → 0.32), Alibaba −9.0 pp (0.92 → 0.83)"
    )
    assert draft.move_ids == ("2@12:00", "1@12:00")
    assert draft.size == pytest.approx(0.30)
    assert [entry["labels"]["outcome"] for entry in draft.payload["alerts"]] == [
        "Moonshot", "Alibaba",
    ]  # fmt: skip


def test_moves_of_other_series_are_alerts_of_their_own(a_move: BuildMove, now: datetime) -> None:
    moves = [a_move(), a_move(outcome_id=2, series="another-series")]
    assert len(run([a_rule("move")], now=now, moves=moves).drafts) == 2


def test_the_same_move_seen_again_tells_nothing(a_move: BuildMove, now: datetime) -> None:
    rule = a_rule("move")
    first = run([rule], now=now, moves=[a_move()])
    grown = a_move(move=-0.17, price_to=0.75)
    again = run([rule], now=now, moves=[grown], told=first.drafts)
    assert again.drafts == ()


def test_twice_the_size_tells_again_as_an_escalation(a_move: BuildMove, now: datetime) -> None:
    rule = a_rule("move", cooldown="1h")
    first = run([rule], now=now, moves=[a_move()])

    second = run([rule], now=now, moves=[a_move(move=-0.18)], told=first.drafts)
    third = run([rule], now=now, moves=[a_move(move=-0.19)], told=second.drafts)

    (before,), (draft,) = first.drafts, second.drafts
    assert (draft.dedup_key, draft.group_key) == (before.dedup_key, before.group_key)
    assert (before.escalation, draft.escalation) == (0, 1)
    assert draft.reason[-1] == "told again: from 9.0 to 18.0 pp"
    assert third.drafts == ()


def test_a_higher_severity_tells_again_and_a_lower_does_not(
    a_signal: BuildSignal, now: datetime
) -> None:
    first = run([a_rule("signal", severity="warning")], now=now, signals=[a_signal()])
    up = run(
        [a_rule("signal", severity="critical")], now=now, signals=[a_signal()], told=first.drafts
    )
    down = run(
        [a_rule("signal", severity="info")], now=now, signals=[a_signal()], told=first.drafts
    )
    assert [draft.escalation for draft in up.drafts] == [1]
    assert down.drafts == ()


def test_a_leg_that_comes_later_is_told_under_the_same_group(
    a_move: BuildMove, now: datetime
) -> None:
    rule = a_rule("move")
    first = run([rule], now=now, moves=[a_move()])
    later = a_move(outcome_id=2, label="Baidu", start_at=now - timedelta(minutes=25), move=0.06)

    second = run([rule], now=now, moves=[a_move(), later], told=first.drafts)
    third = run([rule], now=now, moves=[a_move(), later], told=[*first.drafts, *second.drafts])

    (draft,) = second.drafts
    assert draft.move_ids == (later.move_key,)
    assert draft.group_key == first.drafts[0].group_key
    assert third.drafts == ()


def test_moves_more_than_an_hour_apart_are_not_one_subject(
    a_move: BuildMove, now: datetime
) -> None:
    early = a_move(start_at=now - timedelta(hours=3), move_key="1@09:00")
    decision = run([a_rule("move")], now=now, moves=[early, a_move()])
    assert len(decision.drafts) == 2


@pytest.mark.parametrize(("changes", "reason"), [
    ({"live": False}, "not seen live"),
    ({"end_at": -361}, "ended more than 6 h ago"),
])  # fmt: skip
def test_an_old_or_backfilled_move_never_alerts(
    a_move: BuildMove, now: datetime, changes: dict[str, Any], reason: str
) -> None:
    if "end_at" in changes:
        end = now + timedelta(minutes=changes["end_at"])
        changes = {"end_at": end, "start_at": end - timedelta(minutes=5)}
    decision = run([a_rule("move")], now=now, moves=[a_move(**changes)])
    assert decision.drafts == ()
    assert [skip.reason for skip in decision.skips] == [reason]


def test_a_move_within_an_hour_of_a_story_follows_it(
    a_signal: BuildSignal, a_move: BuildMove, now: datetime
) -> None:
    rules = [a_rule("signal"), a_rule("move")]
    story = run(rules, now=now, signals=[a_signal()])
    move = a_move(start_at=now)

    soon = run(rules, now=now + timedelta(minutes=59), moves=[move], told=story.drafts)
    late = run(rules, now=now + timedelta(minutes=61), moves=[move], told=story.drafts)
    elsewhere = run(rules, now=now, moves=[replace(move, series="x-y")], told=story.drafts)

    assert soon.drafts[0].group_key == story.drafts[0].group_key == "story:s1"
    assert soon.drafts[0].payload["follows"].endswith("(told 59 min earlier)")
    assert late.drafts[0].group_key != "story:s1"
    assert elsewhere.drafts[0].group_key != "story:s1"


def test_a_move_follows_a_story_of_the_same_run(
    a_signal: BuildSignal, a_move: BuildMove, now: datetime
) -> None:
    rules = [a_rule("move"), a_rule("signal")]
    decision = run(rules, now=now, signals=[a_signal()], moves=[a_move(start_at=now)])
    assert [draft.group_key for draft in decision.drafts] == ["story:s1", "story:s1"]


def test_a_cooldown_keeps_the_subject_quiet_and_the_draft_explained(
    a_move: BuildMove, now: datetime
) -> None:
    rule = a_rule("move", cooldown="30m")
    first = run([rule], now=now, moves=[a_move()])
    other = a_move(outcome_id=2, start_at=now + timedelta(minutes=5), end_at=now)

    quiet = run([rule], now=now + timedelta(minutes=29), moves=[other], told=first.drafts)
    told = [*first.drafts, *quiet.suppressed]
    after = run([rule], now=now + timedelta(minutes=31), moves=[other], told=told)
    fresh = run([rule], now=now + timedelta(minutes=30), moves=[other], told=first.drafts)

    assert quiet.drafts == ()
    assert [draft.suppressed for draft in quiet.suppressed] == ["cooldown"]
    assert after.drafts == after.suppressed == ()
    assert len(fresh.drafts) == 1


def test_a_cooldown_of_a_signal_rule_counts_for_theme_and_leading_entity(
    a_signal: BuildSignal, now: datetime
) -> None:
    views = [
        a_signal(story_id="s1", score=0.9),
        a_signal(story_id="s2", score=0.8),
        a_signal(story_id="s3", entities=("meta",)),
    ]
    decision = run([a_rule("signal", cooldown="10m")], now=now, signals=views)
    assert [draft.signal_ids for draft in decision.drafts] == [("sig-s1",), ("sig-s3",)]
    assert [draft.signal_ids for draft in decision.suppressed] == [("sig-s2",)]


def test_a_boards_change_is_told_once_with_all_its_rows(
    a_standing: BuildStanding, now: datetime
) -> None:
    rule = a_rule("standing")
    rows = [
        a_standing(change="new_model", model="b", rank=4, organization=None),
        a_standing(change="new_model", model="a", rank=2, organization="Lab A"),
        a_standing(change="new_model", model="a", rank=2, theme="ai-wearables"),
    ]
    first = run([rule], now=now, standings=rows)
    again = run([rule], now=now, standings=rows[:1], told=first.drafts)
    next_day = a_standing(change="new_model", publish_date=now.date() + timedelta(days=1))

    (draft,) = first.drafts
    assert "a (Lab A) rank 2, score 1500, b rank 4, score 1500" in draft.title
    assert again.drafts == ()
    assert len(run([rule], now=now, standings=[next_day], told=first.drafts).drafts) == 1


def test_a_schedule_run_has_one_key_and_says_its_lines(now: datetime) -> None:
    rule = a_rule("schedule", at="08:00")
    assert isinstance(rule, ScheduleRule)
    due = now.replace(hour=8)
    one = schedule_draft(rule, due_at=due, now=now, title="Brief", lines=["a", "b"])
    same = schedule_draft(rule, due_at=due, now=now + timedelta(minutes=1), title="B", lines=[])
    assert one.dedup_key == same.dedup_key
    assert one.payload["lines"] == ["a", "b"]


def test_every_draft_key_is_among_the_keys_that_were_asked_for(
    a_signal: BuildSignal, a_move: BuildMove, a_standing: BuildStanding, now: datetime
) -> None:
    rules = [a_rule("signal"), a_rule("move"), a_rule("standing")]
    views = Views(
        signals=[a_signal()], moves=[a_move(), a_move(outcome_id=2)], standings=[a_standing()]
    )
    decision = run(
        rules, now=now, signals=views.signals, moves=views.moves, standings=views.standings
    )
    assert len(decision.drafts) == 3
    assert {draft.dedup_key for draft in decision.drafts} <= subject_keys(rules, views)


def test_the_horizon_covers_all_that_a_later_decision_asks_for() -> None:
    within = Inhibit(source_matchers=("rule=a",), target_matchers=("rule=b",), within="5d")  # type: ignore[arg-type]
    assert horizon([]) == timedelta(hours=24)
    assert horizon([a_rule("move", cooldown="3d")]) == timedelta(days=3)
    assert horizon([a_rule("source", repeat_interval="4d")]) == timedelta(days=4)
    assert horizon([a_rule("market", within="7d")]) == timedelta(days=7)
    assert horizon([], Guards(inhibit=[within])) == timedelta(days=5)
