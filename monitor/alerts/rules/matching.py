"""Whether a rule fires on a view, and why. What is unknown never passes a bound.

Each question of a rule gives its reasons, none when it asks nothing, or None when it is not met.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from monitor.alerts.rules.matchers import matches_all
from monitor.alerts.rules.models import (
    LinkRule,
    MarketRule,
    MoveRule,
    RuleModel,
    SignalRule,
    SourceRule,
    StandingRule,
)
from monitor.alerts.rules.view_labels import view_labels
from monitor.alerts.views import (
    LinkView,
    MarketView,
    MoveView,
    SignalView,
    SourceView,
    StandingView,
    View,
)
from monitor.durations import format_duration

_Reasons = tuple[str, ...] | None


def matches(rule: RuleModel, view: View) -> tuple[str, ...] | None:
    """Return the reasons why `rule` fires on `view`, None when it does not.

    A rule never fires on a view of another kind; a schedule rule on none. `for` is not asked here:
    a view does not say how long what it shows has lasted.
    """
    reasons = _reasons(rule, view)
    if reasons is None or not rule.matchers:
        return reasons
    if not matches_all(rule.matchers, view_labels(rule, view)):
        return None
    return (*reasons, *(str(matcher) for matcher in rule.matchers))


def _reasons(rule: RuleModel, view: View) -> _Reasons:
    if isinstance(rule, SignalRule) and isinstance(view, SignalView):
        return _of_signal(rule, view)
    if isinstance(rule, MoveRule) and isinstance(view, MoveView):
        return _of_move(rule, view)
    if isinstance(rule, LinkRule) and isinstance(view, LinkView):
        return _of_link(rule, view)
    if isinstance(rule, StandingRule) and isinstance(view, StandingView):
        return _of_standing(rule, view)
    if isinstance(rule, MarketRule) and isinstance(view, MarketView):
        return _of_market(rule, view)
    if isinstance(rule, SourceRule) and isinstance(view, SourceView):
        return _of_source(rule, view)
    return None


def _of_signal(rule: SignalRule, view: SignalView) -> _Reasons:
    return _all_met(
        _said(f"theme {view.theme}", _among("theme", [view.theme], rule.themes)),
        _at_least("score", view.score, rule.min_score or None, ".2f"),
        _among("kind", [view.kind], rule.kinds),
        _among("entity", view.entities, rule.entities),
        _among("source", [view.source], rule.sources),
        _among("venue", view.venues, rule.venues),
        _among("series", view.series, rule.series),
        _among("market", view.markets, rule.markets),
        _of_tier(view.tier, rule.min_tier),
        _at_least("novelty", view.novelty, rule.min_novelty, ".2f"),
        _at_least("volume in 24 h", view.volume_24h, rule.min_volume_24h, ",.0f"),
        _at_least("publishers", view.publishers, rule.min_publishers, "d"),
    )


def _of_move(rule: MoveRule, view: MoveView) -> _Reasons:
    return _all_met(
        _moved(view.move, rule.min_pp),
        ("the move persisted",) if view.persisted else None,
        _among("theme", view.themes, rule.themes),
        _among("venue", [view.venue], rule.venues),
        _among("series", [view.series], rule.series),
        _among("market", [view.market_id], rule.markets),
        _at_least("|z|", _size(view.z), rule.min_z, ".1f"),
        _towards(view.move, rule.direction),
        _among("verdict", [view.verdict], [rule.verdict] if rule.verdict else []),
        _at_least("volume in 24 h", view.volume_24h, rule.min_volume_24h, ",.0f"),
        _at_most("spread in pp", _pp(view.spread), rule.max_spread_pp, ".1f"),
    )


def _of_link(rule: LinkRule, view: LinkView) -> _Reasons:
    window = format_duration(timedelta(seconds=view.window_s))
    return _all_met(
        (f"theme {view.theme}", f"the window of {window} has closed") if view.final else None,
        _among("verdict", [view.verdict], rule.verdicts),
        _moved(view.move, rule.min_pp),
        _among("theme", [view.theme], rule.themes),
        _among("kind", [view.kind], rule.kinds),
        _among("entity", view.entities, rule.entities),
        _among("venue", [view.venue], rule.venues),
        _among("series", [view.series], rule.series),
        _among("market", [view.market_id], rule.markets),
        _among("relation", [view.relation], [rule.relation] if rule.relation else []),
        _at_least("|z|", _size(view.z), rule.min_z, ".1f"),
        _at_most("p", view.p_value, rule.max_p, ".3f"),
        _towards(view.move, rule.direction),
        _at_least("volume in 24 h", view.volume_24h, rule.min_volume_24h, ",.0f"),
        _at_least("score", view.score, rule.min_score or None, ".2f"),
        _of_tier(view.tier, rule.min_tier),
    )


def _of_standing(rule: StandingRule, view: StandingView) -> _Reasons:
    return _all_met(
        _said(f"theme {view.theme}", _among("theme", [view.theme], rule.themes)),
        _said(f"board {view.board}", _among("board", [view.board], rule.boards)),
        _said(f"change {_words(view.change)}", _among("change", [view.change], rule.changes)),
    )


def _of_market(rule: MarketRule, view: MarketView) -> _Reasons:
    return _all_met(
        _said(f"state {_words(view.state)}", _among("state", [view.state], rule.states)),
        _closes_within(view, rule.within) if view.state == "closing" else (),
        _among("theme", view.themes, rule.themes),
        _among("venue", [view.venue], rule.venues),
        _among("series", [view.series], rule.series),
        _among("market", [view.market_id], rule.markets),
        _at_least("volume in 24 h", view.volume_24h, rule.min_volume_24h, ",.0f"),
    )


def _of_source(rule: SourceRule, view: SourceView) -> _Reasons:
    return _all_met(
        _said(f"source {view.source}", _among("source", [view.source], rule.sources)),
        _said(f"state {view.state}", _among("state", [view.state], rule.states)),
    )


def _all_met(*answers: _Reasons) -> _Reasons:
    if any(answer is None for answer in answers):
        return None
    return tuple(reason for answer in answers if answer for reason in answer)


def _said(reason: str, answer: _Reasons) -> _Reasons:
    """Return `reason` for what is worth saying even when it was not asked."""
    return None if answer is None else (reason,)


def _among(noun: str, values: Iterable[str | None], wanted: Iterable[str]) -> _Reasons:
    asked = tuple(wanted)
    shared = [value for value in values if value is not None and value in asked]
    if not asked:
        return ()
    # Only verdicts are words; names of others may hold underscores of their own.
    shown = map(_words, shared) if noun == "verdict" else shared
    return (f"{noun} " + ", ".join(shown),) if shared else None


def _at_least(noun: str, value: float | None, bound: float | None, form: str) -> _Reasons:
    if bound is None:
        return ()
    # Written so that NaN is refused too.
    if value is None or not value >= bound:
        return None
    return (f"{noun} {value:{form}}, at least {_plain(bound, form)}",)


def _at_most(noun: str, value: float | None, bound: float | None, form: str) -> _Reasons:
    if bound is None:
        return ()
    if value is None or not value <= bound:
        return None
    return (f"{noun} {value:{form}}, at most {_plain(bound, form)}",)


def _plain(bound: float, form: str) -> str:
    """Return a bound as it was written, or as its value is shown when that has fixed digits."""
    return f"{bound:{form}}" if form in (".2f", ",.0f") else f"{bound:g}"


def _moved(move: float | None, min_pp: float) -> _Reasons:
    if not min_pp:
        return ()
    size_pp = _pp(_size(move))
    if size_pp is None or not size_pp >= min_pp:
        return None
    return (f"moved {size_pp:.1f} pp, at least {min_pp:g} pp",)


def _towards(move: float | None, direction: str | None) -> _Reasons:
    if direction is None:
        return ()
    is_met = move is not None and (move > 0 if direction == "up" else move < 0)
    return (f"direction {direction}",) if is_met else None


def _of_tier(tier: int, min_tier: int | None) -> _Reasons:
    if min_tier is None:
        return ()
    return (f"source of tier {tier}",) if tier <= min_tier else None


def _closes_within(view: MarketView, within: timedelta) -> _Reasons:
    """Return whether it closes so soon after it was looked at; what has closed is not closing."""
    if view.closes_at is None or not timedelta(0) < view.closes_at - view.observed_at <= within:
        return None
    return (f"closes within {format_duration(within)}",)


def _size(change: float | None) -> float | None:
    return None if change is None else abs(change)


def _pp(share: float | None) -> float | None:
    # Rounded, since 0.92 − 0.83 is 0.09 only to the last bit.
    return None if share is None else round(share * 100, 6)


def _words(name: str) -> str:
    return name.replace("_", " ")
