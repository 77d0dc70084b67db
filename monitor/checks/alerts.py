"""What alerts name that must exist elsewhere in the config, and rules that can never fire.

Checked on the plain values, as everything in references.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from pydantic import ValidationError

from monitor.alerts.rules.matchers import LABELS
from monitor.alerts.rules.time_intervals import (
    TimeInterval,
    always_holds,
    end_of,
    holds,
    never_holds,
)
from monitor.alerts.rules.view_labels import LABELS_OF
from monitor.checks.combinations import channel_problems, combination_problems
from monitor.checks.inhibit import inhibit_problems, may_hold, plain_matchers
from monitor.checks.plain_values import entries, names, unknown, values
from monitor.problems import Problem
from monitor.sources.base import MarketRef
from monitor.yaml_file import Path
from signals.standings import Kind

_VENUES = frozenset(get_args(MarketRef.model_fields["venue"].annotation))
_SOME_DAY, _TWO_YEARS = datetime(2024, 1, 1, tzinfo=UTC), timedelta(days=731)
_MARKET_FIELDS = ("venues", "series", "markets", "min_volume_24h")


def alert_problems(data: dict[str, Any], entities: Collection[str]) -> Iterator[Problem]:
    """Yield what cannot work under `alerts`; `entities` are the ids of all that are known."""
    intervals = dict(_intervals(data))
    for index, channel in entries(data, "alerts", "channels"):
        path: Path = ("alerts", "channels", index)
        yield from _time_problems(data, channel, "quiet", intervals, path)
        yield from channel_problems(channel, path)
    yield from _interval_problems(intervals)
    for index, rule in entries(data, "alerts", "rules"):
        path = ("alerts", "rules", index)
        yield from _name_problems(data, rule, entities, path)
        yield from _time_problems(data, rule, "mute", intervals, path)
        yield from combination_problems(rule, path)
        yield from _label_problems(rule, path)
        why = _never_fires(data, rule)
        if why:
            yield (*path, "themes"), why
    yield from inhibit_problems(data)


def _name_problems(
    data: dict[str, Any], rule: dict[str, Any], entities: Collection[str], path: Path
) -> Iterator[Problem]:
    # A source of a third party brings a venue of its own kind.
    kinds = {str(source.get("kind")) for _, source in entries(data, "sources")}
    for key, known, noun in (
        ("channels", names(data, "alerts", "channels"), "channel"),
        ("themes", names(data, "themes"), "theme"),
        ("entities", entities, "entity"),
        ("sources", names(data, "sources"), "source"),
        ("venues", _VENUES | kinds, "venue"),
    ):
        yield from unknown(rule, key, known, noun, path)
    if rule.get("on") == "standing":
        yield from unknown(rule, "changes", get_args(Kind), "change", path)


def _intervals(data: dict[str, Any]) -> Iterator[tuple[int, TimeInterval]]:
    for index, entry in entries(data, "alerts", "time_intervals"):
        try:
            yield index, TimeInterval.model_validate(entry)
        except ValidationError:
            continue


def _interval_problems(intervals: Mapping[int, TimeInterval]) -> Iterator[Problem]:
    for index, interval in intervals.items():
        path: Path = ("alerts", "time_intervals", index)
        if always_holds(interval):
            fields = "times, weekdays, days_of_month or months"
            yield path, f"holds at every instant, so nothing would ever be told; name {fields}"
        elif never_holds(interval):
            yield (*path, "days_of_month"), "no month of this interval has such a day"


def _time_problems(
    data: dict[str, Any],
    holder: dict[str, Any],
    key: str,
    intervals: Mapping[int, TimeInterval],
    path: Path,
) -> Iterator[Problem]:
    """Yield the intervals under `key` that are unknown, or that leave no time between them."""
    yield from unknown(holder, key, names(data, "alerts", "time_intervals"), "time interval", path)
    named = [each for each in intervals.values() if each.name in values(holder, key)]
    alone = any(always_holds(interval) for interval in named)
    if len(named) > 1 and not alone and _leave_no_time(named):
        yield (*path, key), "together these hold at every instant, so nothing would ever be told"


def _leave_no_time(intervals: Sequence[TimeInterval]) -> bool:
    at = _SOME_DAY
    while at < _SOME_DAY + _TWO_YEARS:
        held = next((interval for interval in intervals if holds(interval, at)), None)
        if held is None:
            return False
        at = end_of(held, at)
    return True


def _label_problems(rule: dict[str, Any], path: Path) -> Iterator[Problem]:
    """Yield the labels that no alert of `rule` has, and matchers that refuse all its alerts."""
    kind = str(rule.get("on"))
    if kind not in LABELS_OF or kind == "schedule":
        return
    for index, label in enumerate(values(rule, "group_by")):
        if label in LABELS and label not in LABELS_OF[kind]:
            yield (*path, "group_by", index), _not_carried(kind, label)
    for index, matcher in plain_matchers(rule, "matchers"):
        if matcher.label not in LABELS_OF[kind]:
            yield (*path, "matchers", index), _not_carried(kind, matcher.label)
        elif not may_hold(matcher, rule):
            yield (*path, "matchers", index), "no alert of this rule has that, so it never fires"


def _not_carried(kind: str, label: str) -> str:
    own = ", ".join(LABELS_OF[kind])
    return f"alerts of {kind} rules have no label {label}; one of {own}"


def _never_fires(data: dict[str, Any], rule: dict[str, Any]) -> str | None:
    """Return why a rule over its themes can never fire; None when it can, or is wrong anyway."""
    named = values(rule, "themes")
    chosen = [theme for _, theme in entries(data, "themes") if theme.get("name") in named]
    if not named or len(chosen) < len(named):
        return None
    on = rule.get("on")
    asks_markets = on in ("move", "link", "market") or (
        on == "signal" and any(rule.get(key) for key in _MARKET_FIELDS)
    )
    followed = any(theme.get("markets") or theme.get("related_markets") for theme in chosen)
    if asks_markets and not followed:
        return "none of these themes follows a market, so the rule can never fire"
    kinds = values(rule, "kinds")
    if on in ("signal", "link") and kinds and all(theme.get("kinds") for theme in chosen):
        taken = {str(kind) for theme in chosen for kind in values(theme, "kinds")}
        if not taken.intersection(map(str, kinds)):
            return "none of these themes takes one of the rule's kinds, so it can never fire"
    return None
