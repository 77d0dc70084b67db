"""Alerts that keep others quiet: what was told once explains what follows from it.

Words and rules of Alertmanager's `inhibit_rules`, with two differences. An alert here is an instant
and not a state, so it inhibits for `within`. And a label of `equal` that both lack is unknown, not
equal: two markets without a series are not of one series.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from monitor.alerts.rules.matchers import AnyMatcher, Label, Labels, matches_all
from monitor.durations import PositiveDuration
from storage.alert_repo import PastAlert


class Inhibit(BaseModel):
    """For `within` of an alert that meets `source_matchers`, none that meets the target's is told.

    The two must share a value of each label in `equal`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    source_matchers: tuple[AnyMatcher, ...] = Field(min_length=1)
    target_matchers: tuple[AnyMatcher, ...] = Field(min_length=1)
    equal: tuple[Label, ...] = ()
    within: PositiveDuration = timedelta(hours=1)


def inhibited_by(
    labels: Labels, rules: Iterable[Inhibit], recent: Sequence[PastAlert], now: datetime
) -> str | None:
    """Return the name of the rule whose alert keeps one with `labels` quiet at `now` (aware UTC).

    None when it may be told. Only alerts that were themselves not suppressed inhibit; and as in
    Alertmanager, one that meets both sides of an inhibition does not inhibit its own like.
    """
    for rule in rules:
        if not matches_all(rule.target_matchers, labels):
            continue
        is_source_too = matches_all(rule.source_matchers, labels)
        for past in reversed(recent):
            if _is_source(rule, past, labels, now) and not (
                is_source_too and matches_all(rule.target_matchers, past.labels)
            ):
                return past.rule
    return None


def _is_source(rule: Inhibit, past: PastAlert, labels: Labels, now: datetime) -> bool:
    return (
        past.suppressed is None
        and timedelta(0) <= now - past.at < rule.within
        and matches_all(rule.source_matchers, past.labels)
        and all(set(labels.get(name, ())) & set(past.labels.get(name, ())) for name in rule.equal)
    )
