"""Alerts as they are listed: told and not told, to whom, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from monitor.alerts.rules import Rule
from monitor.reports.deliveries import alert_row, delivery_row, nowhere
from storage import alert_repo
from storage.models import Alert

Report = dict[str, Any]
NO_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts are listed; None asks nothing. `state` is of a delivery, or `suppressed`."""

    since: datetime | None = None
    rule: str | None = None
    theme: str | None = None
    state: str | None = None


def alert_rows(
    session: Session, rules: Sequence[Rule], wanted: Wanted, *, now: datetime
) -> list[Report]:
    """Return alerts, oldest first, each with its `deliveries` by channel.

    With a state only the deliveries in it are among them. One that was not told has a single
    delivery to nowhere, whose state is `suppressed`.
    """
    by_name = {rule.name: rule for rule in rules}
    rows = []
    found = alert_repo.list_alerts(session, since=wanted.since, limit=NO_LIMIT)
    for alert, deliveries in reversed(found):
        if not _is_wanted(alert, wanted):
            continue
        went = [delivery_row(alert, each, now=now, rules=by_name) for each in deliveries]
        kept = [row for row in went or [nowhere()] if wanted.state in (None, row["state"])]
        if kept:
            rows.append({**alert_row(alert), "deliveries": kept})
    return rows


def flat_rows(rows: Sequence[Report]) -> list[Report]:
    """Return one row for each alert and channel, with the names of the exported columns."""
    return [
        {**{name: value for name, value in row.items() if name != "deliveries"}, **delivery}
        for row in rows
        for delivery in row["deliveries"]
    ]


def known_rules(session: Session) -> list[str]:
    """Return the names of all rules that ever raised an alert."""
    return sorted(session.exec(select(Alert.rule).distinct()))


def _is_wanted(alert: Alert, wanted: Wanted) -> bool:
    themes = (alert.theme, *(alert.labels or {}).get("theme", ()))
    return wanted.rule in (None, alert.rule) and (wanted.theme is None or wanted.theme in themes)
