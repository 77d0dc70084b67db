"""No channel is told one thing twice, whichever rules ask for it; what belongs together says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from monitor.alerts.deciding.decide import Decision
from monitor.alerts.views import LinkView, MarketView, MoveView, SignalView
from tests.monitor.alerts.deciding.desk import Desk, a_rule, run

BuildSignal = Callable[..., SignalView]
BuildMove = Callable[..., MoveView]
BuildLink = Callable[..., LinkView]
MINUTE = timedelta(minutes=1)
UNEXPLAINED = "no_public_cause_found"
JUMP = a_rule("move", name="jump", min_pp=5, cooldown="30m")
VERDICT = a_rule("move", name="unexplained", verdict=UNEXPLAINED)


def test_the_shipped_pair_tells_a_move_once_and_its_verdict_once_under_the_same_group(
    a_move: BuildMove, now: datetime
) -> None:
    desk = Desk([JUMP, VERDICT])

    first = desk.look(now, moves=[a_move()])
    between = desk.look(now + 10 * MINUTE, moves=[a_move()])
    second = desk.look(now + 30 * MINUTE, moves=[a_move(verdict=UNEXPLAINED)])
    third = desk.look(now + 31 * MINUTE, moves=[a_move(verdict=UNEXPLAINED)])

    (jump,), (verdict,) = first.drafts, second.drafts
    assert (jump.rule, jump.stage) == ("jump", "")
    assert (verdict.rule, verdict.stage) == ("unexplained", UNEXPLAINED)
    assert verdict.about == jump.about
    assert verdict.group_key == jump.group_key
    assert verdict.payload["follows"] == f"{jump.title} (told 30 min earlier)"
    for quiet in (between, third):
        assert (quiet.drafts, quiet.suppressed) == ((), ())


def test_a_move_first_told_with_its_verdict_is_one_message_that_names_both_rules(
    a_move: BuildMove, now: datetime
) -> None:
    decision = run([JUMP, VERDICT], now=now, moves=[a_move(verdict=UNEXPLAINED)])

    (draft,), (kept,) = decision.drafts, decision.suppressed
    assert draft.payload["rules"] == ["jump", "unexplained"]
    assert draft.reason[-1] == (
        "also rule unexplained: the move persisted, verdict no public cause found"
    )
    assert draft.payload["why"] == list(draft.reason)
    assert (kept.rule, kept.suppressed) == ("unexplained", "told by rule jump")


def test_an_unexplained_move_of_three_legs_is_one_alert(a_move: BuildMove, now: datetime) -> None:
    """Each leg has its own end, so its own half hour of search."""
    desk = Desk([VERDICT])
    ends = [now - 31 * MINUTE, now - 29 * MINUTE, now - 25 * MINUTE]

    def seen(at: datetime) -> list[MoveView]:
        return [
            a_move(
                outcome_id=leg, label=name, move=size, end_at=end, start_at=now - 40 * MINUTE,
                verdict=UNEXPLAINED if at >= end + 30 * MINUTE else "pending",
            )
            for leg, (name, size, end) in enumerate(
                zip(("Alibaba", "Baidu", "Moonshot"), (-0.09, -0.04, 0.30), ends, strict=True)
            )
        ]  # fmt: skip

    runs = [desk.look(at, moves=seen(at)) for at in (now, now + MINUTE, now + 5 * MINUTE)]

    assert [len(each.drafts) for each in runs] == [0, 0, 1]
    assert [skip.reason for skip in runs[0].skips] == ["waits until the other legs have a verdict"]
    assert len(runs[2].drafts[0].move_ids) == 3


def test_a_leg_that_moves_on_and_on_does_not_keep_the_verdict_of_the_others_back(
    a_move: BuildMove, now: datetime
) -> None:
    done = a_move(verdict=UNEXPLAINED, end_at=now, start_at=now - 10 * MINUTE)
    restless = a_move(outcome_id=2, start_at=now - 10 * MINUTE)

    waits = run([VERDICT], now=now + 60 * MINUTE, moves=[done, restless])
    told = run([VERDICT], now=now + 61 * MINUTE, moves=[done, restless])

    assert waits.drafts == ()
    assert [draft.move_ids for draft in told.drafts] == [(done.move_key,)]


def test_two_rules_see_one_move_though_one_asks_for_more_of_each_leg(
    a_move: BuildMove, now: datetime
) -> None:
    """The small leg began first: the move is called by it in both."""
    small = a_move(outcome_id=2, move=0.03, start_at=now - 30 * MINUTE)
    every = a_rule("move", name="every", channels=["phone"])

    decision = run([JUMP, every], now=now, moves=[a_move(), small])

    assert [len(draft.move_ids) for draft in decision.drafts] == [1, 2]
    assert len({draft.about for draft in decision.drafts}) == 1


def test_a_later_leg_with_the_very_same_beginning_is_not_lost(
    a_move: BuildMove, now: datetime
) -> None:
    desk = Desk([a_rule("move")])
    desk.look(now, moves=[a_move()])
    later = a_move(outcome_id=2, label="Baidu", move=0.06)

    second = desk.look(now + MINUTE, moves=[later])
    third = desk.look(now + 2 * MINUTE, moves=[a_move(), later])

    (draft,) = second.drafts
    assert draft.move_ids == (later.move_key,)
    assert draft.payload["follows"].endswith("(told 1 min earlier)")
    assert (third.drafts, third.suppressed) == ((), ())


def test_two_rules_on_one_story_to_one_channel_are_one_message(
    a_signal: BuildSignal, now: datetime
) -> None:
    rules = [
        a_rule("signal", name="all", channels=["desk", "phone"]),
        a_rule("signal", name="best", channels=["desk"], min_score=0.5),
    ]
    decision = run(rules, now=now, signals=[a_signal()])
    assert [draft.payload["rules"] for draft in decision.drafts] == [["all", "best"]]
    assert [draft.suppressed for draft in decision.suppressed] == ["told by rule all"]


def test_the_severest_of_two_rules_tells_for_both(a_signal: BuildSignal, now: datetime) -> None:
    rules = [a_rule("signal", name="any"), a_rule("signal", name="grave", severity="critical")]
    decision = run(rules, now=now, signals=[a_signal()])
    assert [draft.rule for draft in decision.drafts] == ["grave"]
    assert [draft.suppressed for draft in decision.suppressed] == ["told by rule grave"]


def test_only_the_channels_that_do_not_know_it_are_told(
    a_signal: BuildSignal, now: datetime
) -> None:
    desk = Desk([
        a_rule("signal", name="all", channels=["desk"]),
        a_rule("signal", name="many", channels=["desk", "phone"], min_publishers=5),
    ])  # fmt: skip
    desk.look(now, signals=[a_signal()])
    (draft,) = desk.look(now + MINUTE, signals=[a_signal(publishers=5)]).drafts
    assert (draft.rule, draft.channels) == ("many", ("phone",))
    assert "follows" not in draft.payload


def test_a_severer_rule_tells_a_channel_again_and_says_so(a_move: BuildMove, now: datetime) -> None:
    rules = [
        a_rule("move", name="any", min_pp=3),
        a_rule("move", name="big", min_pp=15, severity="critical"),
    ]
    desk = Desk(rules)
    (first,) = desk.look(now, moves=[a_move(move=-0.09)]).drafts
    (second,) = desk.look(now + MINUTE, moves=[a_move(move=-0.16)]).drafts
    assert (second.rule, second.escalation, second.group_key) == ("big", 0, first.group_key)
    assert second.reason[-1] == "told again: severity rose from info to critical"


def test_a_move_that_doubles_is_told_again_by_one_rule_of_two(
    a_move: BuildMove, now: datetime
) -> None:
    desk = Desk([JUMP, a_rule("move", name="every")])
    desk.look(now, moves=[a_move(move=-0.09)])

    second = desk.look(now + MINUTE, moves=[a_move(move=-0.18)])

    assert [(draft.rule, draft.escalation) for draft in second.drafts] == [("jump", 1)]
    assert [draft.suppressed for draft in second.suppressed] == ["told by rule jump"]


def test_a_story_that_another_rule_told_under_its_former_name_is_not_told_again(
    a_signal: BuildSignal, now: datetime
) -> None:
    one = a_rule("signal", name="one")
    first = run([one], now=now, signals=[a_signal(story_id="old")])
    merged = a_signal(story_id="new", merged=("old",))
    second = run([a_rule("signal", name="two")], now=now, signals=[merged], told=first.drafts)
    assert [draft.suppressed for draft in second.suppressed] == ["told by rule one"]


def test_what_a_price_did_follows_the_story_that_was_told(
    a_signal: BuildSignal, a_link: BuildLink, now: datetime
) -> None:
    desk = Desk([a_rule("signal"), a_rule("link")])
    (story,) = desk.look(now, signals=[a_signal()]).drafts

    found = desk.look(now + 65 * MINUTE, links=[a_link(known_from=now + 65 * MINUTE)])
    again = desk.look(now + 66 * MINUTE, links=[a_link(known_from=now + 65 * MINUTE)])

    (link,) = found.drafts
    assert link.about == "link:s1:polymarket/best-company-end-of-july"
    assert link.group_key == story.group_key
    assert link.payload["follows"] == f"{story.title} (told 65 min earlier)"
    assert (again.drafts, again.suppressed) == ((), ())


def test_legs_of_one_response_are_one_alert_and_another_series_is_another(
    a_link: BuildLink, now: datetime
) -> None:
    links = [
        a_link(),
        a_link(outcome_id=2, label="Baidu", move=-0.08, verdict="moved_down"),
        a_link(theme="chinese-model-leaderboard", signal_id="sig-2"),
        a_link(outcome_id=3, series="another-series"),
    ]
    decision = run([a_rule("link")], now=now, links=links)
    shown = [[leg["label"] for leg in draft.payload["legs"]] for draft in decision.drafts]
    assert sorted(shown, key=len) == [["Alibaba"], ["Baidu", "Alibaba"]]


@pytest.mark.parametrize(("changes", "reason"), [
    ({"alertable": False}, "not first seen by a live poll"),
    ({"background": True}, "background"),
    ({"at": -600}, "published more than 6 h before it was seen"),
    ({"known_from": -361}, "measured more than 6 h ago"),
])  # fmt: skip
def test_links_of_the_backlog_are_not_told(
    a_link: BuildLink, now: datetime, changes: dict[str, int], reason: str
) -> None:
    given = {
        name: now + value * MINUTE if name in ("at", "known_from") else value
        for name, value in changes.items()
    }
    decision = run([a_rule("link")], now=now, links=[a_link(**given)])
    assert decision.drafts == ()
    assert [skip.reason for skip in decision.skips] == [reason]


@pytest.mark.parametrize(("later", "price", "reason"), [
    (4, 0.83, "for 10m: waits until 2025-11-27T12:05:00.000Z"),
    (10, 0.89, "for 10m: went back by more than half"),
    (10, None, "for 10m: its price is unknown"),
    (10, 0.875, None),
])  # fmt: skip
def test_for_waits_until_a_move_has_stood_so_long(
    a_move: BuildMove, now: datetime, later: int, price: float | None, reason: str | None
) -> None:
    view = a_move(crossed_at=now - 5 * MINUTE, now=price)
    decision = run([a_rule("move", **{"for": "10m"})], now=now + later * MINUTE, moves=[view])
    assert [skip.reason for skip in decision.skips] == ([reason] if reason else [])
    assert [draft.reason[-1] for draft in decision.drafts] == (
        [] if reason else ["still stands after 10m"]
    )


def test_the_labels_of_an_alert_are_those_of_all_its_legs(a_move: BuildMove, now: datetime) -> None:
    legs = [a_move(market_id="m1"), a_move(outcome_id=2, market_id="m2", move=0.3)]
    (draft,) = run([a_rule("move")], now=now, moves=legs).drafts
    assert draft.labels["market"] == ("m2", "m1")
    assert draft.labels["direction"] == ("up", "down")
    assert draft.labels["rule"] == ("move",)


@pytest.mark.parametrize("first", ["signal", "market"])
def test_a_venue_s_news_is_one_message_to_a_rule_on_signals_and_one_on_markets(
    a_signal: BuildSignal, a_market: Callable[..., MarketView], now: datetime, first: str
) -> None:
    listed = a_market(story_id="listing-1", signal_id="s1")
    told = a_signal(story_id="listing-1", kind="market_listed")
    desk = Desk([a_rule("signal", name="news"), a_rule("market", name="venue")])

    def look(kind: str, at: datetime) -> Decision:
        seen = {"signals": [told]} if kind == "signal" else {"markets": [listed]}
        return desk.look(at, **seen)

    one = look(first, now)
    two = look("market" if first == "signal" else "signal", now + MINUTE)

    assert len(one.drafts) == 1
    assert [draft.suppressed for draft in two.suppressed] == [f"told by rule {one.drafts[0].rule}"]
    assert two.drafts == ()
