"""Silences, mute times, inhibitions and acknowledgements keep an alert and say why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from monitor.alerts.deciding.decide import ActiveSilence, Guards
from monitor.alerts.rules.inhibit import Inhibit
from monitor.alerts.rules.matchers import parse_matcher
from monitor.alerts.rules.time_intervals import TimeInterval
from monitor.alerts.views import LinkView, MoveView, SignalView, SourceView
from tests.monitor.alerts.deciding.desk import Desk, a_rule, run

BuildSignal = Callable[..., SignalView]
BuildMove = Callable[..., MoveView]
BuildLink = Callable[..., LinkView]
BuildSource = Callable[..., SourceView]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def silence(*matchers: str) -> Guards:
    asked = tuple(parse_matcher(text) for text in matchers)
    return Guards(silences=[ActiveSilence(3, asked, "maintenance")])


def inhibiting(source: str, target: str) -> Guards:
    rule = Inhibit(source_matchers=(source,), target_matchers=(target,), equal=("series",))  # type: ignore[arg-type]
    return Guards(inhibit=[rule])


@pytest.mark.parametrize(("matchers", "is_silenced"), [
    (("venue=polymarket",), True),
    (("venue=kalshi",), False),
    (("series=~best-.*", "direction=down"), True),
    (("series=~best-.*", "direction=up"), False),
])  # fmt: skip
def test_a_silence_keeps_what_all_its_matchers_meet(
    a_move: BuildMove, now: datetime, matchers: tuple[str, ...], is_silenced: bool
) -> None:
    decision = run([a_rule("move")], now=now, moves=[a_move()], guards=silence(*matchers))
    assert len(decision.drafts) == (0 if is_silenced else 1)
    assert [draft.suppressed for draft in decision.suppressed] == (
        ["silenced by silence 3: maintenance"] if is_silenced else []
    )


def test_a_silenced_rule_does_not_speak_for_another(a_move: BuildMove, now: datetime) -> None:
    rules = [a_rule("move", name="one"), a_rule("move", name="two")]
    decision = run(rules, now=now, moves=[a_move()], guards=silence("rule=one"))
    assert [draft.rule for draft in decision.drafts] == ["two"]
    assert decision.drafts[0].payload["rules"] == ["two"]


def test_what_was_silenced_stays_quiet_once_the_silence_is_over(
    a_move: BuildMove, now: datetime
) -> None:
    desk = Desk([a_rule("move")], silence("venue=polymarket"))
    desk.look(now, moves=[a_move()])
    desk.guards = Guards()
    after = desk.look(now + HOUR, moves=[a_move()])
    assert (after.drafts, after.suppressed) == ((), ())


def test_a_rule_is_mute_in_its_time_intervals(a_move: BuildMove, now: datetime) -> None:
    noon = TimeInterval.model_validate(
        {"name": "noon", "times": [{"start_time": "12:00", "end_time": "12:30"}]}
    )
    guards = Guards(intervals={"noon": noon})
    rules = [a_rule("move", mute=["noon"]), a_rule("move", name="always", channels=["phone"])]

    mute = run(rules, now=now, moves=[a_move()], guards=guards)
    later = run(rules, now=now + 30 * MINUTE, moves=[a_move()], guards=guards)

    assert [draft.suppressed for draft in mute.suppressed] == ["muted by time interval noon"]
    assert [draft.rule for draft in mute.drafts] == ["always"]
    assert len(later.drafts) == 2


def test_an_alert_inhibits_what_it_explains_though_it_is_settled_in_the_same_run(
    a_move: BuildMove, now: datetime
) -> None:
    rules = [
        a_rule("move", name="small", severity="warning", channels=["phone"]),
        a_rule("move", name="big", min_pp=5),
    ]
    decision = run(
        rules, now=now, moves=[a_move(), a_move(outcome_id=2, series="x-y", move=0.04)],
        guards=inhibiting("rule=big", "rule=small"),
    )  # fmt: skip
    assert {(draft.rule, draft.series) for draft in decision.drafts} == {
        ("big", "best-company-end-of-july"), ("small", "x-y"),
    }  # fmt: skip
    assert [draft.suppressed for draft in decision.suppressed] == ["inhibited by rule big"]


def test_an_inhibition_elsewhere_leaves_one_message_for_one_thing(
    a_signal: BuildSignal, now: datetime
) -> None:
    """The milder of two rules inhibits something, but nothing of this."""
    rules = [
        a_rule("signal", name="mild"),
        a_rule("signal", name="urgent", severity="critical"),
        a_rule("move", name="other"),
    ]
    decision = run(
        rules, now=now, signals=[a_signal()], guards=inhibiting("rule=mild", "rule=other")
    )
    assert [(draft.rule, draft.payload["rules"]) for draft in decision.drafts] == [
        ("urgent", ["urgent", "mild"])
    ]


def test_a_rule_that_another_spoke_for_inhibits_all_the_same(
    a_signal: BuildSignal, a_move: BuildMove, now: datetime
) -> None:
    rules = [
        a_rule("signal", name="mild"),
        a_rule("signal", name="urgent", severity="critical"),
        a_rule("move", name="other"),
    ]
    decision = run(
        rules, now=now, signals=[a_signal()], moves=[a_move()],
        guards=inhibiting("rule=mild", "rule=other"),
    )  # fmt: skip
    assert [draft.rule for draft in decision.drafts] == ["urgent"]
    assert [draft.suppressed for draft in decision.suppressed] == [
        "told by rule urgent", "inhibited by rule mild",
    ]  # fmt: skip


def test_inhibitions_in_a_circle_leave_one(a_move: BuildMove, now: datetime) -> None:
    rules = [a_rule("move", name=name, channels=[name]) for name in ("a", "b", "c")]
    ring = [("a", "b"), ("b", "c"), ("c", "a")]
    guards = Guards(inhibit=[inhibiting(f"rule={x}", f"rule={y}").inhibit[0] for x, y in ring])
    decision = run(rules, now=now, moves=[a_move()], guards=guards)
    assert [draft.rule for draft in decision.drafts] == ["a", "c"]


def test_an_inhibition_ends_with_its_time(a_move: BuildMove, now: datetime) -> None:
    rules = [a_rule("move", name="small", channels=["phone"]), a_rule("move", name="big", min_pp=5)]
    guards = inhibiting("rule=big", "rule=small")
    first = run(rules, now=now, moves=[a_move()], guards=guards)

    def at(later: timedelta) -> list[str | None]:
        view = a_move(outcome_id=7, move=0.04, start_at=now + later, end_at=now + later)
        found = run(rules, now=now + later, moves=[view], told=first.drafts, guards=guards)
        return [draft.suppressed for draft in (*found.drafts, *found.suppressed)]

    assert at(59 * MINUTE) == ["inhibited by rule big"]
    assert at(60 * MINUTE) == [None]


def test_an_acknowledged_story_gets_no_follow_up_and_says_so(
    a_signal: BuildSignal, a_link: BuildLink, now: datetime
) -> None:
    desk = Desk([a_rule("signal"), a_rule("link")])
    (story,) = desk.look(now, signals=[a_signal()]).drafts
    desk.ack("story:s1")
    later = desk.look(now + 10 * MINUTE, links=[a_link()])
    assert later.drafts == ()
    assert [draft.suppressed for draft in later.suppressed] == [
        f"acknowledged: {story.title} (told 10 min earlier)"
    ]


def test_an_acknowledged_story_swallows_no_move_that_follows_it(
    a_signal: BuildSignal, a_move: BuildMove, now: datetime
) -> None:
    desk = Desk([a_rule("signal"), a_rule("move")])
    desk.look(now, signals=[a_signal()])
    desk.ack("story:s1")
    later = desk.look(now + 10 * MINUTE, moves=[a_move(start_at=now)])
    assert [(draft.kind, draft.group_key) for draft in later.drafts] == [("move", "story:s1")]


def test_an_acknowledged_move_is_told_again_when_it_doubles(
    a_move: BuildMove, now: datetime
) -> None:
    desk = Desk([a_rule("move")])
    (first,) = desk.look(now, moves=[a_move()]).drafts
    desk.ack(first.group_key)

    leg = desk.look(now + MINUTE, moves=[a_move(), a_move(outcome_id=2, move=0.03)])
    grown = desk.look(now + 2 * MINUTE, moves=[a_move(move=-0.18)])

    assert [draft.suppressed for draft in leg.suppressed] == [
        f"acknowledged: {first.title} (told 1 min earlier)"
    ]
    assert [draft.escalation for draft in grown.drafts] == [1]


def test_an_acknowledged_outage_is_not_repeated_and_the_next_one_is_told(
    a_source: BuildSource, now: datetime
) -> None:
    desk = Desk([a_rule("source", repeat_interval="1h")])
    desk.look(now, sources=[a_source()])
    desk.ack("source:wire")

    repeat = desk.look(now + HOUR, sources=[a_source()])
    other = desk.look(now + 2 * HOUR, sources=[a_source(since=now + HOUR)])

    assert repeat.drafts == ()
    assert [draft.suppressed for draft in repeat.suppressed] == [
        "acknowledged: source wire is down: HTTP 503 (told 60 min earlier)"
    ]
    assert len(other.drafts) == 1


def test_a_cooldown_also_counts_what_another_rule_told_for_it(
    a_move: BuildMove, now: datetime
) -> None:
    rules = [
        a_rule("move", name="one", cooldown="30m", min_pp=5),
        a_rule("move", name="two", cooldown="30m"),
    ]
    desk = Desk(rules)
    desk.look(now, moves=[a_move()])
    later = a_move(outcome_id=2, start_at=now + 5 * MINUTE, end_at=now + 6 * MINUTE)
    again = desk.look(now + 10 * MINUTE, moves=[later])
    assert again.drafts == ()
    assert [draft.suppressed for draft in again.suppressed] == ["cooldown", "cooldown"]
