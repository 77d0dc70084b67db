"""Settings of a rule that cannot work together, each with why and what to do instead.

Checked on the plain values, as everything in references.py, so that each is refused at
its own key.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args

from monitor.alerts.channels.base import ChannelModel
from monitor.alerts.rules.models import SEVERITIES, MarketState, RuleModel, SourceCondition
from monitor.checks.plain_values import values
from monitor.durations import format_duration, parse_duration
from monitor.problems import Problem
from monitor.yaml_file import Path
from signals.causes import SEARCH_MS

_KINDS = ("signal", "move", "link", "standing", "market", "source", "schedule")
_GROUPING = ("group_by", "group_wait", "group_interval")
_ONE_MESSAGE = (*_GROUPING, "digest", "matchers")
# The states that last, by kind of rule: what is over at once cannot be told again.
_LASTING = {
    "market": ("closing", "dispute"),
    "source": tuple(state for state in get_args(SourceCondition) if state != "recovered"),
}
_ALL_STATES = {"market": get_args(MarketState), "source": _LASTING["source"]}
_HOLDING = ("move", "source")
_SEARCH = timedelta(milliseconds=SEARCH_MS)
_WAKE_FOR: str = ChannelModel.model_fields["wake_for"].default
_GROUP_INTERVAL: timedelta = RuleModel.model_fields["group_interval"].default


def combination_problems(rule: dict[str, Any], path: Path) -> Iterator[Problem]:
    """Yield what in one rule, the plain mapping at `path`, cannot work."""
    if rule.get("on") not in _KINDS:
        return
    for key, why in (
        *_repeat_problems(rule),
        *_hold_problems(rule),
        *_gather_problems(rule),
        *_field_problems(rule),
    ):
        yield (*path, key), why
    yield from _told_twice(rule, path)


def channel_problems(channel: dict[str, Any], path: Path) -> Iterator[Problem]:
    """Yield what in one channel, the plain mapping at `path`, asks nothing."""
    # What is the default anyway may be written out, as `config show` does.
    wakes = channel.get("wake_for", _WAKE_FOR)
    if wakes in SEVERITIES and wakes != _WAKE_FOR and not channel.get("quiet"):
        why = "nothing is held back without quiet hours; name intervals in quiet, or take this out"
        yield (*path, "wake_for"), why


def _told_twice(rule: dict[str, Any], path: Path) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(values(rule, "channels")):
        if isinstance(name, str) and name in seen:
            why = f"the channel {name!r} stands here twice; it is told once, take one of them out"
            yield (*path, "channels", index), why
        elif isinstance(name, str):
            seen.add(name)


def _repeat_problems(rule: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "repeat_interval" not in rule:
        return
    on = str(rule["on"])
    why = None
    if on not in _LASTING:
        why = (
            f"a {on} rule tells each thing once, so nothing repeats; take it out (only source "
            "rules, and market rules on closing or dispute, tell again what lasts)"
        )
    elif not set(_states(rule)) & set(_LASTING[on]):
        lasting = ", ".join(_LASTING[on])
        why = f"none of these states lasts; take it out, or add one of {lasting} to states"
    elif (repeat := _duration(rule, "repeat_interval")) is not None:
        why = _too_soon(rule, repeat)
    if why is not None:
        yield "repeat_interval", why


def _too_soon(rule: dict[str, Any], repeat: timedelta) -> str | None:
    for key, least in (
        ("group_interval", _group_interval(rule)),
        ("digest", _duration(rule, "digest")),
    ):
        if least is not None and repeat < least:
            shown = format_duration(least)
            return (
                f"{format_duration(repeat)} is shorter than {key}, {shown}, so a repeat could not "
                f"be sent when it is due; write at least {shown}"
            )
    return None


def _hold_problems(rule: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "for" not in rule:
        return
    on, hold = str(rule["on"]), _duration(rule, "for")
    is_unexplained = on == "move" and rule.get("verdict") == "no_public_cause_found"
    why = None
    if on not in _HOLDING:
        why = (
            f"what a {on} rule tells of happens at once and does not last; take it out (only "
            "moves and the states of sources last)"
        )
    elif is_unexplained and hold is not None and hold <= _SEARCH:
        why = (
            f"this verdict is written {format_duration(_SEARCH)} after the move ended at the "
            f"earliest, so {format_duration(hold)} asks nothing; take it out or make it longer"
        )
    if why is not None:
        yield "for", why


def _gather_problems(rule: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if rule["on"] == "schedule":
        for key in _ONE_MESSAGE:
            if key in rule:
                yield key, "a schedule rule makes one message at its time; take it out"
        return
    if "digest" in rule:
        for key in _GROUPING:
            if key in rule:
                yield key, "the digest gathers all alerts of the rule already; take out one of them"
    elif "group_interval" in rule and not _is_grouped(rule):
        why = "nothing is grouped without group_by or a group_wait; add one, or take this out"
        yield "group_interval", why
    elif "group_interval" in rule:
        yield from _interval_too_short(rule)


def _interval_too_short(rule: dict[str, Any]) -> Iterator[tuple[str, str]]:
    wait, interval = _duration(rule, "group_wait"), _duration(rule, "group_interval")
    if wait is not None and interval is not None and timedelta(0) < interval < wait:
        shown = format_duration(wait)
        why = f"{format_duration(interval)} is shorter than group_wait, {shown}, so it asks nothing"
        yield "group_interval", f"{why}; write at least {shown}, or take it out"


def _field_problems(rule: dict[str, Any]) -> Iterator[tuple[str, str]]:
    on = rule["on"]
    spread = rule.get("max_spread_pp")
    if on == "move" and isinstance(spread, (int, float)) and spread == 0:
        yield "max_spread_pp", "a book always has a spread, so the rule never fires; write more"
    if on == "market" and "within" in rule and "closing" not in _states(rule):
        yield "within", "asks only markets that are closing; add closing to states, or take it out"
    if on == "link" and rule.get("direction") in ("up", "down"):
        verdicts = values(rule, "verdicts")
        against = "moved_down" if rule["direction"] == "up" else "moved_up"
        if verdicts and set(map(str, verdicts)) == {against}:
            yield "direction", f"no link that {against.replace('_', ' ')} went that way"


def _states(rule: dict[str, Any]) -> list[str]:
    return [str(state) for state in values(rule, "states") or _ALL_STATES[str(rule["on"])]]


def _is_grouped(rule: dict[str, Any]) -> bool:
    wait = _duration(rule, "group_wait")
    return bool(rule.get("group_by")) or bool(wait)


def _group_interval(rule: dict[str, Any]) -> timedelta | None:
    if not _is_grouped(rule):
        return None
    return _duration(rule, "group_interval") if "group_interval" in rule else _GROUP_INTERVAL


def _duration(rule: dict[str, Any], key: str) -> timedelta | None:
    """Return what `key` holds; None when it is absent or wrong, which the types say."""
    try:
        return parse_duration(rule[key])
    except (KeyError, ValueError):
        return None
