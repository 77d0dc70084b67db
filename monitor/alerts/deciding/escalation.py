"""What tells a thing again: a higher severity, twice the size, or a state that still lasts."""

from __future__ import annotations

from datetime import datetime

from monitor.alerts.deciding.firings import Firing
from monitor.alerts.rules import SEVERITIES
from monitor.durations import format_duration
from storage.alert_repo import PastAlert


def louder(firing: Firing, previous: PastAlert) -> str | None:
    """Return why `firing` is told though `previous` was: severity rose or size doubled."""
    before, severity = previous.severity, firing.rule.severity
    if before in SEVERITIES and SEVERITIES.index(severity) > SEVERITIES.index(before):
        return f"told again: severity rose from {before} to {severity}"
    if not previous.size or firing.size is None:
        return None
    # Prices are floats; 0.18 is twice 0.09 only to the last bit.
    if firing.size + 1e-9 < 2 * previous.size:
        return None
    return f"told again: from {previous.size * 100:.1f} to {firing.size * 100:.1f} pp"


def repeated(firing: Firing, previous: PastAlert, now: datetime) -> str | None:
    """Return why a state that lasts is told again, None while its `repeat_interval` runs.

    It runs from the last send, or from the decision while nothing was sent.
    """
    pause = firing.rule.repeat_interval
    if pause is None or firing.lasting is None or now - last_told(previous) < pause:
        return None
    return f"told again after {format_duration(pause)}: still {firing.lasting} (repeat_interval)"


def last_told(alert: PastAlert) -> datetime:
    """Return when an alert was last sent, or decided while it was not."""
    return alert.told_at or alert.at
