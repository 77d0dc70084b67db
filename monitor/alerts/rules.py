"""Rules of the config and what they ask of a view. `on` names what a rule looks at.

Kinds: signal, move, standing, source, schedule. A list that is empty asks nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from monitor.alerts.views import MoveView, SignalView, SourceView, StandingView, View
from monitor.durations import Duration
from monitor.timezones import Zone

Severity = Literal["info", "warning", "critical"]
SignalKind = Literal[
    "launch", "preorder", "release", "rank_change", "price_change", "funding", "partnership",
    "regulation", "delay_cancel", "rumor", "market_listed", "rule_change", "dispute",
    "market_resolved", "other",
]  # fmt: skip
SourceCondition = Literal["down", "stale", "drift", "disabled", "recovered"]
Verdict = Literal["pending", "candidates", "no_public_cause_found"]


class RuleModel(BaseModel):
    """What all rules share. `cooldown` is how long one subject of a rule stays quiet once told."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    channels: tuple[str, ...] = Field(min_length=1)
    severity: Severity = "info"
    cooldown: Duration = timedelta(0)


class SignalRule(RuleModel):
    """Fires on a signal. `min_tier: 2` asks for a source of tier 1 or 2 (1 is best)."""

    on: Literal["signal"]
    themes: tuple[str, ...] = ()
    kinds: tuple[SignalKind, ...] = ()
    entities: tuple[str, ...] = ()
    min_score: float = Field(default=0.0, ge=0, le=1)
    min_tier: int | None = Field(default=None, ge=1)


class MoveRule(RuleModel):
    """Fires on a move of at least `min_pp`: once it persisted, or once it has `verdict`."""

    on: Literal["move"]
    themes: tuple[str, ...] = ()
    min_pp: float = Field(default=0.0, ge=0, le=100)
    min_z: float | None = Field(default=None, ge=0)
    direction: Literal["up", "down"] | None = None
    verdict: Verdict | None = None


class StandingRule(RuleModel):
    """Fires on a change on a leaderboard."""

    on: Literal["standing"]
    themes: tuple[str, ...] = ()
    boards: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()


class SourceRule(RuleModel):
    """Fires when a source gets into one of `states`; `recovered` is told only when it is listed."""

    on: Literal["source"]
    sources: tuple[str, ...] = ()
    states: tuple[SourceCondition, ...] = ("down", "stale", "drift", "disabled")


class ScheduleRule(RuleModel):
    """Fires each day at `at` (HH:MM) in zone `tz`."""

    on: Literal["schedule"]
    at: str
    tz: Zone = "UTC"

    @field_validator("at")
    @classmethod
    def _a_time_of_day(cls, at: str) -> str:
        if re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", at) is None:
            raise ValueError(f"{at!r} is no time of day, as in 08:00")
        return at


Rule = SignalRule | MoveRule | StandingRule | SourceRule | ScheduleRule
AnyRule = Annotated[Rule, Field(discriminator="on")]
SEVERITIES: tuple[str, ...] = get_args(Severity)


def matches(rule: Rule, view: View) -> tuple[str, ...] | None:
    """Return the reasons why `rule` fires on `view`, None when it does not.

    A rule never fires on a view of another kind; a schedule rule on none.
    """
    if isinstance(rule, SignalRule) and isinstance(view, SignalView):
        return _signal_reasons(rule, view)
    if isinstance(rule, MoveRule) and isinstance(view, MoveView):
        return _move_reasons(rule, view)
    if isinstance(rule, StandingRule) and isinstance(view, StandingView):
        return _standing_reasons(rule, view)
    if isinstance(rule, SourceRule) and isinstance(view, SourceView):
        return _source_reasons(rule, view)
    return None


def latest_run(rule: ScheduleRule, now: datetime) -> datetime:
    """Return the last instant at or before `now` at which `rule` was due, aware UTC."""
    zone = ZoneInfo(rule.tz)
    today = now.astimezone(zone).date()
    hour, minute = map(int, rule.at.split(":"))
    days = (today - timedelta(days=back) for back in range(3))
    due = (datetime.combine(day, time(hour, minute), tzinfo=zone) for day in days)
    return next(local.astimezone(UTC) for local in due if local.astimezone(UTC) <= now)


def _signal_reasons(rule: SignalRule, view: SignalView) -> tuple[str, ...] | None:
    shared = [entity for entity in view.entities if entity in rule.entities]
    if (
        (rule.themes and view.theme not in rule.themes)
        or (rule.kinds and view.kind not in rule.kinds)
        or (rule.entities and not shared)
        or view.score < rule.min_score
        or (rule.min_tier is not None and view.tier > rule.min_tier)
    ):
        return None
    reasons = [f"theme {view.theme}", f"score {view.score:.2f}, at least {rule.min_score:.2f}"]
    if rule.kinds:
        reasons.append(f"kind {view.kind}")
    if shared:
        reasons.append("entity " + ", ".join(shared))
    if rule.min_tier is not None:
        reasons.append(f"source of tier {view.tier}")
    return tuple(reasons)


def _move_reasons(rule: MoveRule, view: MoveView) -> tuple[str, ...] | None:
    size_pp = round(abs(view.move) * 100, 6)
    if (
        not view.persisted
        or (rule.themes and not set(rule.themes) & set(view.themes))
        or size_pp < rule.min_pp
        or (rule.min_z is not None and not (view.z is not None and abs(view.z) >= rule.min_z))
        or (rule.direction is not None and (view.move > 0) != (rule.direction == "up"))
        or (rule.verdict is not None and view.verdict != rule.verdict)
    ):
        return None
    reasons = [f"moved {size_pp:.1f} pp, at least {rule.min_pp:g} pp", "the move persisted"]
    if rule.min_z is not None and view.z is not None:
        reasons.append(f"|z| {abs(view.z):.1f}, at least {rule.min_z:g}")
    if rule.verdict is not None:
        reasons.append("verdict " + rule.verdict.replace("_", " "))
    return tuple(reasons)


def _standing_reasons(rule: StandingRule, view: StandingView) -> tuple[str, ...] | None:
    if (
        (rule.themes and view.theme not in rule.themes)
        or (rule.boards and view.board not in rule.boards)
        or (rule.changes and view.change not in rule.changes)
    ):
        return None
    return (f"theme {view.theme}", f"board {view.board}", "change " + view.change.replace("_", " "))


def _source_reasons(rule: SourceRule, view: SourceView) -> tuple[str, ...] | None:
    if view.state not in rule.states or (rule.sources and view.source not in rule.sources):
        return None
    return (f"source {view.source}", f"state {view.state}")
