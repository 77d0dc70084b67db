"""Inhibitions that can never keep an alert quiet, and matchers no alert of the config can meet.

Checked on the plain values, as everything in references.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from monitor.alerts.rules.matchers import LABELS, Matcher, parse_matcher
from monitor.alerts.rules.view_labels import FIXED_LABELS, LABELS_OF
from monitor.checks.plain_values import entries, values
from monitor.problems import Problem, suggestion
from monitor.yaml_file import Path

_Rules = Sequence[dict[str, Any]]
_SIDES = ("source_matchers", "target_matchers")


def inhibit_problems(data: dict[str, Any]) -> Iterator[Problem]:
    """Yield what makes an inhibition of `alerts.inhibit` do nothing."""
    written = [rule for _, rule in entries(data, "alerts", "rules")]
    rules = [rule for rule in written if str(rule.get("on")) in LABELS_OF]
    known = {str(rule.get("name")) for rule in written}
    for index, inhibit in entries(data, "alerts", "inhibit"):
        path: Path = ("alerts", "inhibit", index)
        strangers = [p for side in _SIDES for p in _unknown_rules(inhibit, side, known, path)]
        yield from strangers
        is_readable = all(
            len(_matchers(inhibit, side)) == len(values(inhibit, side)) > 0 for side in _SIDES
        )
        if is_readable and not strangers and len(rules) == len(written):
            yield from _idle_problems(inhibit, rules, path)


def plain_matchers(holder: dict[str, Any], key: str) -> Iterator[tuple[int, Matcher]]:
    """Yield the matchers under `key` that can be read, each with its index."""
    for index, text in enumerate(values(holder, key)):
        try:
            yield index, parse_matcher(str(text))
        except ValueError:
            continue


def may_hold(matcher: Matcher, rule: dict[str, Any]) -> bool:
    """Return whether an alert of `rule`, as the config writes it, can answer `matcher`."""
    if matcher.label in FIXED_LABELS:
        return matcher.holds(_fixed(rule))
    return matcher.label in LABELS_OF[rule["on"]] or matcher.holds({})


def _fixed(rule: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {
        "rule": (str(rule.get("name")),),
        "on": (str(rule.get("on")),),
        "severity": (str(rule.get("severity", "info")),),
    }


def _unknown_rules(
    inhibit: dict[str, Any], side: str, known: set[str], path: Path
) -> Iterator[Problem]:
    for index, matcher in plain_matchers(inhibit, side):
        if matcher.label == "rule" and matcher.op == "=" and matcher.value not in known:
            close = suggestion(matcher.value, known)
            yield (*path, side, index), f"unknown rule {matcher.value!r}{close}"


def _idle_problems(inhibit: dict[str, Any], rules: _Rules, path: Path) -> Iterator[Problem]:
    meeting = [_meeting(_matchers(inhibit, side), rules) for side in _SIDES]
    for side, found in zip(_SIDES, meeting, strict=True):
        if not found:
            yield (*path, side), "no rule makes an alert that meets all of these"
    if all(meeting):
        yield from _pair_problems(inhibit, meeting[0], meeting[1], path)


def _pair_problems(
    inhibit: dict[str, Any], sources: _Rules, targets: _Rules, path: Path
) -> Iterator[Problem]:
    rest = [
        {matcher for matcher in _matchers(inhibit, side) if matcher.label not in FIXED_LABELS}
        for side in _SIDES
    ]
    if sources == targets and rest[0] == rest[1]:
        why = (
            "asks for the same alerts as source_matchers, and an alert does not inhibit its own "
            "like; name another rule, or use the rule's cooldown"
        )
        yield (*path, "target_matchers"), why
        return
    for index, label in enumerate(values(inhibit, "equal")):
        if label in LABELS and not _can_share(label, sources, targets):
            why = f"no alerts of the two sides can have the same {label}, so it never inhibits"
            yield (*path, "equal", index), why


def _matchers(inhibit: dict[str, Any], side: str) -> list[Matcher]:
    return [matcher for _, matcher in plain_matchers(inhibit, side)]


def _meeting(matchers: list[Matcher], rules: _Rules) -> list[dict[str, Any]]:
    return [rule for rule in rules if all(may_hold(matcher, rule) for matcher in matchers)]


def _can_share(label: str, sources: _Rules, targets: _Rules) -> bool:
    pairs = [(source, target) for source in sources for target in targets]
    if label in FIXED_LABELS:
        return any(_fixed(source)[label] == _fixed(target)[label] for source, target in pairs)
    return any(
        label in LABELS_OF[source["on"]] and label in LABELS_OF[target["on"]]
        for source, target in pairs
    )
