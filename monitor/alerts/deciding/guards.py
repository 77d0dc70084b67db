"""What keeps an alert from being told though a rule fired: silences, mute times, inhibitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.alerts.deciding.firings import Firing
from monitor.alerts.deciding.past import Past
from monitor.alerts.rules.inhibit import Inhibit, inhibited_by
from monitor.alerts.rules.matchers import Matcher, matches_all
from monitor.alerts.rules.time_intervals import TimeInterval, holds


@dataclass(frozen=True, slots=True)
class ActiveSilence:
    """A silence in force: what matches all of `matchers` is kept and not told."""

    id: int
    matchers: tuple[Matcher, ...]
    comment: str


@dataclass(frozen=True, slots=True)
class Guards:
    """The silences in force, the configured inhibitions, and the time intervals by name."""

    silences: Sequence[ActiveSilence] = ()
    inhibit: Sequence[Inhibit] = ()
    intervals: Mapping[str, TimeInterval] = field(default_factory=dict)


def held_back(firing: Firing, guards: Guards, past: Past, now: datetime) -> str | None:
    """Return why `firing` is kept and not told at `now`, None when nothing holds it back."""
    for silence in guards.silences:
        if matches_all(silence.matchers, firing.labels):
            return f"silenced by silence {silence.id}: {silence.comment}"
    for name in firing.rule.mute:
        if name in guards.intervals and holds(guards.intervals[name], now):
            return f"muted by time interval {name}"
    source = inhibited_by(firing.labels, guards.inhibit, past.spoken, now)
    return None if source is None else f"inhibited by rule {source}"
