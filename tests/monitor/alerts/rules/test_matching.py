from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from monitor.alerts.rules import AnyRule, MarketState, Rule, matches
from monitor.alerts.views import MoveView, SignalView, StandingView

Build = Callable[..., Any]
NOW = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)


def a_rule(on: str, **changes: Any) -> Rule:
    adapter: TypeAdapter[Rule] = TypeAdapter(AnyRule)
    return adapter.validate_python({"name": "r", "channels": ["console"], "on": on, **changes})


@pytest.fixture
def down(a_link: Build) -> Build:
    """A link of a related market that fell from 92 to 83 %, with all its figures."""
    return partial(
        a_link, tier=2, verdict="moved_down", relation="related", market_id="516", move=0.83 - 0.92,
        z=-5.0, p_value=0.016, volume_24h=5000.0,
    )  # fmt: skip


@pytest.fixture
def closing(a_market: Build) -> Build:
    """A market that closes in 18 h, of two themes."""
    return partial(
        a_market, state="closing", observed_at=NOW, closes_at=NOW + timedelta(hours=18),
        themes=("ai-wearables", "chinese-model-leaderboard"), volume_24h=5000.0,
    )  # fmt: skip


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
    ({"sources": ["example-feed"]}, True),
    ({"sources": ["other-feed"]}, False),
    ({"venues": ["polymarket"]}, True),
    ({"venues": ["kalshi"]}, False),
    ({"series": ["best-company-end-of-july"]}, True),
    ({"series": ["other"]}, False),
    ({"markets": ["516"]}, True),
    ({"markets": ["517"]}, False),
    ({"min_novelty": 0.7}, True),
    ({"min_novelty": 0.71}, False),
    ({"min_volume_24h": 5000}, True),
    ({"min_volume_24h": 5001}, False),
    ({"min_publishers": 2}, True),
    ({"min_publishers": 3}, False),
    ({"matchers": ["venue=polymarket", 'kind=~"launch|rumor"']}, True),
    ({"matchers": ["venue=polymarket", "kind=rumor"]}, False),
])  # fmt: skip
def test_a_signal_rule_asks_all_it_names(
    a_signal: Callable[..., SignalView], changes: dict[str, Any], fires: bool
) -> None:
    view = a_signal(venues=("polymarket",), markets=("516",), novelty=0.7, volume_24h=5000.0)
    reasons = matches(a_rule("signal", **changes), view)
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
    ({"venues": ["kalshi", "polymarket"]}, True),
    ({"venues": ["kalshi"]}, False),
    ({"series": ["best-company-end-of-july"]}, True),
    ({"series": ["other"]}, False),
    ({"markets": ["516"]}, True),
    ({"markets": ["517"]}, False),
    ({"min_volume_24h": 5000}, True),
    ({"min_volume_24h": 5001}, False),
    ({"max_spread_pp": 7}, True),
    ({"max_spread_pp": 6.9}, False),
    ({"matchers": ["direction=down"]}, True),
    ({"matchers": ["direction!=down"]}, False),
    ({"for": "2h"}, True),
])  # fmt: skip
def test_a_move_rule_asks_all_it_names(
    a_move: Callable[..., MoveView], changes: dict[str, Any], fires: bool
) -> None:
    view = a_move(z=-5.0, market_id="516", volume_24h=5000.0, spread=0.07)
    reasons = matches(a_rule("move", **changes), view)
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


@pytest.mark.parametrize(("changes", "fires"), [
    ({}, True),
    ({"themes": ["ai-wearables"]}, True),
    ({"themes": ["other"]}, False),
    ({"kinds": ["launch"]}, True),
    ({"kinds": ["rumor"]}, False),
    ({"entities": ["alibaba", "meta"]}, True),
    ({"entities": ["meta"]}, False),
    ({"venues": ["kalshi"]}, False),
    ({"series": ["best-company-end-of-july"]}, True),
    ({"series": ["other"]}, False),
    ({"markets": ["516"]}, True),
    ({"markets": ["517"]}, False),
    ({"relation": "related"}, True),
    ({"relation": "own"}, False),
    ({"verdicts": ["moved_up"]}, False),
    ({"min_pp": 9}, True),
    ({"min_pp": 9.1}, False),
    ({"min_z": 5}, True),
    ({"min_z": 5.1}, False),
    ({"max_p": 0.016}, True),
    ({"max_p": 0.015}, False),
    ({"direction": "down"}, True),
    ({"direction": "up"}, False),
    ({"min_volume_24h": 5001}, False),
    ({"min_score": 0.8}, True),
    ({"min_score": 0.81}, False),
    ({"min_tier": 2}, True),
    ({"min_tier": 1}, False),
    ({"matchers": ["verdict=moved_down", "source=example-feed"]}, True),
    ({"matchers": ["verdict=moved_up"]}, False),
])  # fmt: skip
def test_a_link_rule_asks_all_it_names(down: Build, changes: dict[str, Any], fires: bool) -> None:
    assert (matches(a_rule("link", **changes), down()) is not None) == fires


def test_a_link_fires_once_its_window_has_closed_and_says_why(down: Build) -> None:
    rule = a_rule("link", min_pp=5, max_p=0.05, min_z=4)
    assert matches(rule, down(final=False)) is None
    assert matches(rule, down()) == (
        "theme ai-wearables",
        "the window of 1h has closed",
        "verdict moved down",
        "moved 9.0 pp, at least 5 pp",
        "|z| 5.0, at least 4",
        "p 0.016, at most 0.05",
    )


@pytest.mark.parametrize("verdict", ["no_detectable_move", "moved_before", "confounded"])
def test_a_link_without_a_move_is_told_only_when_it_is_asked_for(down: Build, verdict: str) -> None:
    view = down(verdict=verdict)
    assert matches(a_rule("link"), view) is None
    assert matches(a_rule("link", verdicts=[verdict]), view) is not None


@pytest.mark.parametrize(("changes", "fires"), [
    ({}, True),
    ({"themes": ["chinese-model-leaderboard"]}, True),
    ({"themes": ["other"]}, False),
    ({"venues": ["polymarket"]}, True),
    ({"venues": ["kalshi"]}, False),
    ({"series": ["other"]}, False),
    ({"markets": ["m1"]}, True),
    ({"markets": ["m2"]}, False),
    ({"states": ["closing", "resolved"]}, True),
    ({"states": ["resolved"]}, False),
    ({"within": "18h"}, True),
    ({"within": "17h59m"}, False),
    ({"min_volume_24h": 5000}, True),
    ({"min_volume_24h": 5001}, False),
    ({"matchers": ["state=closing", "theme=ai-wearables"]}, True),
    ({"matchers": ["theme!=ai-wearables"]}, False),
])  # fmt: skip
def test_a_market_rule_asks_all_it_names(
    closing: Build, changes: dict[str, Any], fires: bool
) -> None:
    assert (matches(a_rule("market", **changes), closing()) is not None) == fires


@pytest.mark.parametrize("state", get_args(MarketState))
def test_a_market_rule_takes_every_state_unless_it_names_some(closing: Build, state: str) -> None:
    assert matches(a_rule("market"), closing(state=state)) is not None


def test_only_a_closing_market_is_asked_when_it_closes(closing: Build) -> None:
    resolved = closing(state="resolved", closes_at=NOW + timedelta(days=90))
    assert matches(a_rule("market"), resolved) == ("state resolved",)
    assert matches(a_rule("market"), closing()) == ("state closing", "closes within 1d")


@pytest.mark.parametrize("closes_at", [None, NOW, NOW - timedelta(hours=1)])
def test_a_market_that_has_closed_or_may_never_is_not_closing(
    closing: Build, closes_at: datetime | None
) -> None:
    assert matches(a_rule("market"), closing(closes_at=closes_at)) is None


@pytest.mark.parametrize(("changes", "fires"), [
    ({}, True),
    ({"sources": ["wire"]}, True),
    ({"sources": ["other"]}, False),
    ({"states": ["stale"]}, False),
    ({"matchers": ["kind=rss"]}, True),
    ({"matchers": ["kind!=rss"]}, False),
    ({"for": "10m"}, True),
])  # fmt: skip
def test_a_source_rule_asks_all_it_names(
    a_source: Build, changes: dict[str, Any], fires: bool
) -> None:
    assert (matches(a_rule("source", **changes), a_source()) is not None) == fires


def test_a_source_that_recovered_is_told_only_when_it_is_asked_for(a_source: Build) -> None:
    view = a_source(state="recovered")
    assert matches(a_rule("source"), view) is None
    assert matches(a_rule("source", states=["recovered"]), view) == (
        "source wire",
        "state recovered",
    )


def test_what_is_unknown_never_passes_a_bound(
    down: Build, closing: Build, a_signal: Build, a_move: Build
) -> None:
    assert matches(a_rule("signal", min_novelty=0), a_signal(novelty=None)) is None
    assert matches(a_rule("signal", min_volume_24h=0), a_signal(volume_24h=None)) is None
    assert matches(a_rule("move", min_volume_24h=0), a_move(volume_24h=None)) is None
    assert matches(a_rule("move", max_spread_pp=100), a_move(spread=None)) is None
    assert matches(a_rule("move", series=["x"]), a_move(series=None)) is None
    assert matches(a_rule("link", max_p=1), down(p_value=None)) is None
    assert matches(a_rule("link", min_z=0), down(z=None)) is None
    assert matches(a_rule("link", direction="up"), down(move=None)) is None
    assert matches(a_rule("link", min_pp=1), down(move=None)) is None
    assert matches(a_rule("market", min_volume_24h=0), closing(volume_24h=None)) is None


def test_reasons_give_the_figure_and_what_was_asked(a_signal: Build, a_move: Build) -> None:
    view = a_signal(novelty=0.7, volume_24h=12_500.4, venues=("polymarket", "kalshi"))
    rule = a_rule(
        "signal", min_score=0.6, min_novelty=0.5, min_volume_24h=1000, min_publishers=2,
        entities=["alibaba"], venues=["kalshi"], min_tier=1, matchers=["theme != other"],
    )  # fmt: skip
    assert matches(rule, view) == (
        "theme ai-wearables",
        "score 0.80, at least 0.60",
        "entity alibaba",
        "venue kalshi",
        "source of tier 1",
        "novelty 0.70, at least 0.50",
        "volume in 24 h 12,500, at least 1,000",
        "publishers 2, at least 2",
        'theme!="other"',
    )
    assert matches(a_rule("move", min_pp=4.5, max_spread_pp=10), a_move(spread=0.025)) == (
        "moved 9.0 pp, at least 4.5 pp",
        "the move persisted",
        "spread in pp 2.5, at most 10",
    )


def test_reasons_name_no_bound_that_nobody_set(a_signal: Build, a_move: Build, down: Build) -> None:
    assert matches(a_rule("signal"), a_signal()) == ("theme ai-wearables",)
    assert matches(a_rule("move"), a_move()) == ("the move persisted",)
    assert matches(a_rule("move", min_z=0), a_move(z=-5.0)) == (
        "the move persisted",
        "|z| 5.0, at least 0",
    )
    assert not [reason for reason in matches(a_rule("link"), down()) or () if "at least" in reason]


def test_a_matcher_may_ask_which_rule_it_is(a_move: Build) -> None:
    assert matches(a_rule("move", matchers=["rule=r", "severity=info", "on=move"]), a_move())
    assert matches(a_rule("move", matchers=["severity=critical"]), a_move()) is None


def test_a_rule_never_fires_on_another_kind_of_view(
    down: Build, closing: Build, a_source: Build, a_signal: Build, a_move: Build
) -> None:
    assert matches(a_rule("link"), a_move()) is None
    assert matches(a_rule("move"), down()) is None
    assert matches(a_rule("market"), a_source()) is None
    assert matches(a_rule("source"), closing()) is None
    assert matches(a_rule("move"), a_signal()) is None
    assert matches(a_rule("signal"), a_move()) is None
    assert matches(a_rule("schedule", at="08:00"), a_signal()) is None
