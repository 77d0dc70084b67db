"""The settings of each kind of rule; `on` names what a rule looks at. An empty list asks nothing.

Which combinations cannot work is checked beside the types, in monitor/checks/combinations.py, so
that each is refused at its own line.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from monitor.alerts.rules.matchers import AnyMatcher, Label
from monitor.alerts.rules.time_intervals import WeekdayRange
from monitor.durations import Duration, PositiveDuration
from monitor.timezones import Zone

Severity = Literal["info", "warning", "critical"]
SignalKind = Literal[
    "launch", "preorder", "release", "rank_change", "price_change", "funding", "partnership",
    "regulation", "delay_cancel", "rumor", "market_listed", "rule_change", "dispute",
    "market_resolved", "other",
]  # fmt: skip
SourceCondition = Literal["down", "stale", "drift", "disabled", "recovered"]
MarketState = Literal["listed", "closing", "rules_changed", "dispute", "resolved"]
Verdict = Literal["pending", "candidates", "no_public_cause_found"]
LinkVerdict = Literal[
    "moved_up", "moved_down", "moved_before", "no_detectable_move", "confounded"
]  # fmt: skip
Direction = Literal["up", "down"]
SEVERITIES: tuple[str, ...] = get_args(Severity)


class Storm(BaseModel):
    """A channel gets at most `messages` within `per`, the rest as one digest; 0 turns it off."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    messages: int = Field(default=20, ge=0)
    per: PositiveDuration = timedelta(minutes=10)


class RuleModel(BaseModel):
    """What all rules share.

    `cooldown` is how long one subject of a rule stays quiet once told; `mute` names time intervals
    in which nothing is told; `matchers` ask the labels of what was seen. Alerts with equal
    `group_by` labels wait `group_wait` for each other, and later ones `group_interval`, to be one
    message; `digest` gathers all of the rule's for so long. `repeat_interval` tells again what
    still lasts, `for` (here `hold_for`) waits until it has lasted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    channels: tuple[str, ...] = Field(min_length=1)
    severity: Severity = "info"
    cooldown: Duration = timedelta(0)
    matchers: tuple[AnyMatcher, ...] = ()
    mute: tuple[str, ...] = ()
    group_by: tuple[Label, ...] = ()
    group_wait: Duration = timedelta(0)
    group_interval: PositiveDuration = timedelta(minutes=5)
    repeat_interval: PositiveDuration | None = None
    digest: PositiveDuration | None = None
    hold_for: PositiveDuration | None = Field(default=None, alias="for")

    @property
    def is_grouped(self) -> bool:
        """Return whether its alerts wait for each other."""
        return bool(self.group_by) or self.group_wait > timedelta(0)


class SignalRule(RuleModel):
    """Fires on a signal. `min_tier: 2` asks for a source of tier 1 or 2 (1 is best).

    `venues`, `series`, `markets` and `min_volume_24h` (in the venue's money) ask the markets of the
    signal's theme, `min_novelty` 0..1 how new the story is.
    """

    on: Literal["signal"]
    themes: tuple[str, ...] = ()
    kinds: tuple[SignalKind, ...] = ()
    entities: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    min_score: float = Field(default=0.0, ge=0, le=1)
    min_tier: int | None = Field(default=None, ge=1)
    min_novelty: float | None = Field(default=None, ge=0, le=1)
    min_volume_24h: float | None = Field(default=None, ge=0)
    min_publishers: int | None = Field(default=None, ge=1)


class MoveRule(RuleModel):
    """Fires on a move of at least `min_pp`: once it persisted, or once it has `verdict`.

    With `for` it must still stand, by at least half, so long after it became a move.
    """

    on: Literal["move"]
    themes: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    min_pp: float = Field(default=0.0, ge=0, le=100)
    min_z: float | None = Field(default=None, ge=0)
    direction: Direction | None = None
    verdict: Verdict | None = None
    min_volume_24h: float | None = Field(default=None, ge=0)
    max_spread_pp: float | None = Field(default=None, ge=0, le=100)


class LinkRule(RuleModel):
    """Fires on what a price did after a signal, once its window has closed.

    `min_pp` and `direction` ask the move in the window, `max_p` its p over placebo windows,
    `relation` whether the market is the theme's own or a related one.
    """

    on: Literal["link"]
    themes: tuple[str, ...] = ()
    kinds: tuple[SignalKind, ...] = ()
    entities: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    relation: Literal["own", "related"] | None = None
    verdicts: tuple[LinkVerdict, ...] = ("moved_up", "moved_down")
    min_pp: float = Field(default=0.0, ge=0, le=100)
    min_z: float | None = Field(default=None, ge=0)
    max_p: float | None = Field(default=None, gt=0, le=1)
    direction: Direction | None = None
    min_volume_24h: float | None = Field(default=None, ge=0)
    min_score: float = Field(default=0.0, ge=0, le=1)
    min_tier: int | None = Field(default=None, ge=1)


class StandingRule(RuleModel):
    """Fires on a change on a leaderboard."""

    on: Literal["standing"]
    themes: tuple[str, ...] = ()
    boards: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()


class MarketRule(RuleModel):
    """Fires when a market gets into one of `states`; `closing` is less than `within` before it."""

    on: Literal["market"]
    themes: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    states: tuple[MarketState, ...] = Field(default=get_args(MarketState), min_length=1)
    within: PositiveDuration = timedelta(hours=24)
    min_volume_24h: float | None = Field(default=None, ge=0)


class SourceRule(RuleModel):
    """Fires when a source gets into one of `states`; `recovered` is told only when it is listed.

    With `for` the state must have lasted so long.
    """

    on: Literal["source"]
    sources: tuple[str, ...] = ()
    states: tuple[SourceCondition, ...] = ("down", "stale", "drift", "disabled")


class ScheduleRule(RuleModel):
    """Fires at `at` (HH:MM) in zone `tz`, each day or on `weekdays` (as in monday:friday)."""

    on: Literal["schedule"]
    at: str
    tz: Zone = "UTC"
    weekdays: tuple[WeekdayRange, ...] = ()

    @field_validator("at")
    @classmethod
    def _a_time_of_day(cls, at: str) -> str:
        if re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", at) is None:
            raise ValueError(f"{at!r} is no time of day, as in 08:00")
        return at
