"""States of markets and sources: told once, listed together, and again only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.alerts.views import MarketView, SourceView
from storage.instants import format_instant
from tests.monitor.alerts.deciding.desk import Desk, a_rule, run

BuildMarket = Callable[..., MarketView]
BuildSource = Callable[..., SourceView]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_markets_of_a_series_in_one_state_are_one_alert(
    a_market: BuildMarket, now: datetime
) -> None:
    markets = [
        a_market(),
        a_market(market_id="m2"),
        a_market(state="rules_changed"),
        a_market(market_id="m3", series="another-series"),
    ]
    decision = run([a_rule("market")], now=now, markets=markets)
    told = [draft.labels["market"] for draft in decision.drafts]
    assert sorted(told) == [("m1",), ("m1", "m2"), ("m3",)]


def test_a_later_market_of_a_series_is_told_alone(a_market: BuildMarket, now: datetime) -> None:
    desk = Desk([a_rule("market")])
    desk.look(now, markets=[a_market(), a_market(market_id="m2")])
    later = [a_market(), a_market(market_id="m2"), a_market(market_id="m3")]

    second = desk.look(now + MINUTE, markets=later)
    third = desk.look(now + 2 * MINUTE, markets=later)

    assert [draft.labels["market"] for draft in second.drafts] == [("m3",)]
    assert (third.drafts, third.suppressed) == ((), ())


def test_another_time_of_the_same_state_is_told(a_market: BuildMarket, now: datetime) -> None:
    desk = Desk([a_rule("market")])
    desk.look(now, markets=[a_market(state="rules_changed", state_id="1")])
    second = desk.look(now + HOUR, markets=[a_market(state="rules_changed", state_id="2")])
    assert len(second.drafts) == 1


def test_two_market_rules_tell_a_channel_once(a_market: BuildMarket, now: datetime) -> None:
    rules = [a_rule("market", name="one"), a_rule("market", name="two", states=["listed"])]
    decision = run(rules, now=now, markets=[a_market(), a_market(market_id="m2")])
    assert [draft.payload["rules"] for draft in decision.drafts] == [["one", "two"]]


def test_a_closing_market_is_remembered_for_as_long_as_it_closes(
    a_market: BuildMarket, now: datetime
) -> None:
    """Told with another, three days ago, when its own key was never used."""
    desk = Desk([a_rule("market", within="7d", states=["closing"])])
    closes = now + timedelta(days=6)

    def seen(at: datetime) -> list[MarketView]:
        given = {"state": "closing", "state_id": "x", "closes_at": closes, "observed_at": at}
        return [a_market(**given), a_market(market_id="m2", **given)]

    desk.look(now, markets=seen(now))
    later = now + timedelta(days=3)
    again = desk.look(later, markets=seen(later))
    assert (again.drafts, again.suppressed) == ((), ())


@pytest.mark.parametrize(("changes", "reason"), [
    ({"alertable": False}, "not first seen by a live poll"),
    ({"observed_at": timedelta(minutes=-361)}, "seen more than 6 h ago"),
])  # fmt: skip
def test_states_of_the_past_are_not_told(
    a_market: BuildMarket, now: datetime, changes: dict[str, object], reason: str
) -> None:
    if isinstance(ago := changes.get("observed_at"), timedelta):
        changes = {"observed_at": now + ago}
    decision = run([a_rule("market")], now=now, markets=[a_market(**changes)])
    assert decision.drafts == ()
    assert [skip.reason for skip in decision.skips] == [reason]


def test_repeat_interval_is_measured_from_the_last_send(
    a_source: BuildSource, now: datetime
) -> None:
    desk = Desk([a_rule("source", repeat_interval="4h")])
    view = a_source()
    desk.look(now, sources=[view])
    desk.sent(after=30 * MINUTE)

    early = desk.look(now + 4 * HOUR, sources=[view])
    due = desk.look(now + 4 * HOUR + 30 * MINUTE, sources=[view])
    desk.sent()
    soon = desk.look(now + 8 * HOUR + 29 * MINUTE, sources=[view])
    next_one = desk.look(now + 8 * HOUR + 30 * MINUTE, sources=[view])

    assert early.drafts == soon.drafts == ()
    assert [draft.escalation for draft in (*due.drafts, *next_one.drafts)] == [1, 2]
    assert due.drafts[0].reason[-1] == "told again after 4h: still down (repeat_interval)"


def test_without_a_repeat_interval_a_state_is_told_once(
    a_source: BuildSource, now: datetime
) -> None:
    desk = Desk([a_rule("source")])
    runs = [desk.look(now + hours * HOUR, sources=[a_source()]) for hours in (0, 20, 80)]
    assert [len(each.drafts) for each in runs] == [1, 0, 0]


def test_a_recovery_is_not_repeated(a_source: BuildSource, now: datetime) -> None:
    desk = Desk([a_rule("source", states=["recovered"], repeat_interval="1h")])
    view = a_source(state="recovered")
    runs = [desk.look(now + hours * HOUR, sources=[view]) for hours in (0, 2)]
    assert [len(each.drafts) for each in runs] == [1, 0]


def test_two_rules_that_repeat_tell_a_channel_once_each_time(
    a_source: BuildSource, now: datetime
) -> None:
    desk = Desk([
        a_rule("source", name="one", repeat_interval="4h"),
        a_rule("source", name="two", repeat_interval="4h"),
    ])  # fmt: skip
    runs = [desk.look(now + hours * HOUR, sources=[a_source()]) for hours in (0, 4, 8)]
    assert [[draft.rule for draft in each.drafts] for each in runs] == [["one"]] * 3
    assert [len(each.suppressed) for each in runs] == [1, 1, 1]


def test_a_market_that_still_closes_is_told_again_with_its_series(
    a_market: BuildMarket, now: datetime
) -> None:
    desk = Desk([a_rule("market", states=["closing", "listed"], repeat_interval="6h")])

    def seen(at: datetime) -> list[MarketView]:
        given = {"state": "closing", "state_id": "x", "observed_at": at}
        closes = {"closes_at": now + 20 * HOUR}
        return [
            a_market(**given, **closes),
            a_market(market_id="m2", **given, **closes),
            a_market(market_id="m3"),
        ]

    desk.look(now, markets=seen(now))
    (draft,) = desk.look(now + 6 * HOUR, markets=seen(now + 6 * HOUR)).drafts
    assert draft.labels["market"] == ("m1", "m2")
    assert draft.reason[-1] == "told again after 6h: still closing (repeat_interval)"


def test_for_waits_until_a_source_has_been_ill_so_long(
    a_source: BuildSource, now: datetime
) -> None:
    rule = a_rule("source", **{"for": "30m"})
    early = run([rule], now=now, sources=[a_source()])
    late = run([rule], now=now + 10 * MINUTE, sources=[a_source()])
    never_read = run([rule], now=now, sources=[a_source(since=None)])
    assert [skip.reason for skip in early.skips] == [
        "for 30m: waits until 2025-11-27T12:10:00.000Z"
    ]
    assert [draft.reason[-1] for draft in late.drafts] == ["lasted at least 30m"]
    assert len(never_read.drafts) == 1


def test_a_recovery_ends_what_was_told_and_claims_no_time(
    a_source: BuildSource, now: datetime
) -> None:
    rule = a_rule("source", states=["down", "recovered"], **{"for": "10m"})
    desk = Desk([rule])
    desk.look(now, sources=[a_source()])

    (draft,) = desk.look(now + MINUTE, sources=[a_source(state="recovered")]).drafts
    again = desk.look(now + 2 * MINUTE, sources=[a_source(state="recovered")])

    assert draft.reason == ("source wire", "state recovered")
    assert (again.drafts, again.suppressed) == ((), ())


def test_for_tells_no_recovery_of_an_outage_too_short_to_be_told(
    a_source: BuildSource, now: datetime
) -> None:
    rule = a_rule("source", states=["down", "recovered"], **{"for": "30m"})
    desk = Desk([rule])
    desk.look(now, sources=[a_source()])

    found = desk.look(now + HOUR, sources=[a_source(state="recovered")])

    assert found.drafts == ()
    assert [skip.reason for skip in found.skips] == [
        "for 30m: was ill for less, which was not told"
    ]


def test_a_market_that_is_listed_and_closes_soon_is_one_message(
    a_market: BuildMarket, now: datetime
) -> None:
    desk = Desk([a_rule("market", repeat_interval="2h")])
    listed = a_market(closes_at=now + 20 * HOUR)
    closing = a_market(
        state="closing", state_id=format_instant(now + 20 * HOUR), closes_at=now + 20 * HOUR,
        observed_at=now,
    )  # fmt: skip

    first = desk.look(now, markets=[closing, listed])
    later = desk.look(now + MINUTE, markets=[replace(closing, observed_at=now + MINUTE)])
    lasts = desk.look(now + 2 * HOUR, markets=[replace(closing, observed_at=now + 2 * HOUR)])

    assert [draft.labels["state"] for draft in first.drafts] == [("listed", "closing")]
    assert first.suppressed == later.drafts == later.suppressed == ()
    (again,) = lasts.drafts
    assert again.reason[-1] == "told again after 2h: still closing (repeat_interval)"


def test_a_market_told_as_closing_is_not_listed_within_a_minute(
    a_market: BuildMarket, now: datetime
) -> None:
    desk = Desk([a_rule("market")])
    closes_at = now + 20 * HOUR
    closing = a_market(
        state="closing", state_id=format_instant(closes_at), closes_at=closes_at, observed_at=now
    )
    desk.look(now, markets=[closing])
    listed = a_market(closes_at=closes_at, observed_at=now - MINUTE)

    found = desk.look(now + MINUTE, markets=[listed])
    other = desk.look(now + MINUTE, markets=[replace(listed, market_id="m2")])

    assert found.drafts == found.suppressed == ()
    assert [skip.reason for skip in found.skips] == ["told as closing within a minute"]
    assert len(other.drafts) == 1


def test_a_changed_close_date_is_told_again_and_says_both(
    a_market: BuildMarket, now: datetime
) -> None:
    desk = Desk([a_rule("market", states=["closing"])])

    def closes(hours: int) -> MarketView:
        at = now + hours * HOUR
        return a_market(state="closing", state_id=format_instant(at), closes_at=at, observed_at=now)

    (first,) = desk.look(now, markets=[closes(20)]).drafts
    (again,) = desk.look(now + MINUTE, markets=[closes(22)]).drafts

    assert not any("told again" in why for why in first.reason)
    assert again.reason[-1] == (
        "told again: closes at 2025-11-28 10:00 UTC, was 2025-11-28 08:00 UTC"
    )
