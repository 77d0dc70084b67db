"""Rules of the config: all their kinds, whether one fires on a view, and when one is due.

Kinds: signal, move, link, standing, market, source, schedule.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from monitor.alerts.rules.matching import matches
from monitor.alerts.rules.models import (
    SEVERITIES,
    LinkRule,
    LinkVerdict,
    MarketRule,
    MarketState,
    MoveRule,
    RuleModel,
    ScheduleRule,
    Severity,
    SignalKind,
    SignalRule,
    SourceCondition,
    SourceRule,
    StandingRule,
    Storm,
    Verdict,
)
from monitor.alerts.rules.time_intervals import weekday_numbers

__all__ = [
    "SEVERITIES",
    "AnyRule",
    "LinkRule",
    "LinkVerdict",
    "MarketRule",
    "MarketState",
    "MoveRule",
    "Rule",
    "RuleModel",
    "ScheduleRule",
    "Severity",
    "SignalKind",
    "SignalRule",
    "SourceCondition",
    "SourceRule",
    "StandingRule",
    "Storm",
    "Verdict",
    "latest_run",
    "matches",
]

Rule = SignalRule | MoveRule | LinkRule | StandingRule | MarketRule | SourceRule | ScheduleRule
AnyRule = Annotated[Rule, Field(discriminator="on")]
_DAYS_BACK = 9


def latest_run(rule: ScheduleRule, now: datetime) -> datetime:
    """Return the last instant at or before `now` at which `rule` was due, aware UTC."""
    zone, weekdays = ZoneInfo(rule.tz), weekday_numbers(rule.weekdays)
    today = now.astimezone(zone).date()
    hour, minute = map(int, rule.at.split(":"))
    days = (today - timedelta(days=back) for back in range(_DAYS_BACK))
    due = (
        datetime.combine(day, time(hour, minute), tzinfo=zone).astimezone(UTC)
        for day in days
        if day.weekday() in weekdays
    )
    return next(instant for instant in due if instant <= now)
