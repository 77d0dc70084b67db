"""Where alerts went: the state of each delivery in words, and why what waits waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from monitor.alerts.rules import Rule
from storage.delivery_repo import DEAD, QUEUED, SENDING, SENT
from storage.models import Alert, Delivery

Report = dict[str, Any]
SUPPRESSED = "suppressed"
STATES = ("queued", "sending", "sent", "dead", "cancelled", SUPPRESSED)
_TICK = timedelta(seconds=1)


def alert_row(alert: Alert) -> Report:
    """Return what is listed of an alert; `not_told` is None for one that was to be told."""
    payload = alert.payload or {}
    return {
        "alert_id": alert.id,
        "at": alert.at,
        "rule": alert.rule,
        "kind": alert.kind,
        "severity": alert.severity,
        "theme": alert.theme,
        "series": alert.series,
        "title": alert.title,
        "headline": payload.get("headline") or None,
        "reason": list(alert.reason or ()),
        "signal_ids": list(alert.signal_ids or ()),
        "move_ids": list(alert.move_ids or ()),
        "group_key": alert.group_key,
        "escalation": alert.escalation,
        "labels": dict(alert.labels or {}),
        "not_told": payload.get("suppressed"),
        "acked_at": alert.acked_at,
        "ack_note": alert.ack_note,
        "grade": alert.grade,
    }


def delivery_row(
    alert: Alert, delivery: Delivery, *, now: datetime, rules: Mapping[str, Rule]
) -> Report:
    """Return a delivery and, while it waits, until when and for what."""
    waits = delivery.state == QUEUED
    return {
        "channel": delivery.channel,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "sent_at": delivery.sent_at,
        "maybe_sent": delivery.maybe_sent,
        "next_attempt_at": delivery.next_attempt_at if waits else None,
        "waits_for": waits_for(alert, delivery, now=now, rules=rules),
        "last_error": delivery.last_error,
    }


def nowhere() -> Report:
    """Return the row of an alert that was kept and not told."""
    return {
        "channel": None,
        "state": SUPPRESSED,
        "attempts": 0,
        "sent_at": None,
        "maybe_sent": False,
        "next_attempt_at": None,
        "waits_for": None,
        "last_error": None,
    }


def waits_for(
    alert: Alert, delivery: Delivery, *, now: datetime, rules: Mapping[str, Rule]
) -> str | None:
    """Return what a delivery waits for; None when it is at its end."""
    if delivery.state == SENDING:
        return "an answer; an attempt is under way"
    if delivery.state != QUEUED:
        return None
    if delivery.next_attempt_at <= now:
        return "the daemon, which sends what is due"
    if delivery.attempts:
        return f"another try after {_times(delivery.attempts)} without success (backoff)"
    if delivery.bundle:
        return _gathering(alert, delivery, rules)
    return "the channel, where another message failed (backoff)"


def outcome_words(row: Report, *, now: datetime) -> str:
    """Return in a few words what came of a delivery; empty when it just arrived."""
    said = [_state_words(row, now)]
    if row["state"] == QUEUED and row["last_error"]:
        said.append(f"last error {row['last_error']}")
    if row["maybe_sent"]:
        said.append("an attempt may have arrived")
    return "; ".join(filter(None, said))


def _state_words(row: Report, now: datetime) -> str:
    error, due = row["last_error"], row["next_attempt_at"]
    if row["state"] == QUEUED:
        return "due now" if due <= now else f"until {_clock(due, now)}: {row['waits_for']}"
    if row["state"] == DEAD:
        tried = _times(row["attempts"]) if row["attempts"] else "no try"
        return f"given up after {tried}: {error or 'no reason kept'}"
    if row["state"] == SENT:
        return f"on try {row['attempts']}" if row["attempts"] > 1 else ""
    return str(row["waits_for"] or error or "")


def _gathering(alert: Alert, delivery: Delivery, rules: Mapping[str, Rule]) -> str:
    kind, _, name = (delivery.bundle or "").partition(":")
    if kind == "digest":
        return f"the digest of rule {name}"
    if kind == "quiet":
        return f"the end of quiet hours {name}"
    if kind == "storm":
        return "the digest of a storm: the channel got too many messages"
    rule = rules.get(alert.rule)
    first = rule is not None and delivery.next_attempt_at <= alert.at + rule.group_wait + _TICK
    return f"others of its group ({'group_wait' if first else 'group_interval'})"


def _times(number: int) -> str:
    return "1 try" if number == 1 else f"{number} tries"


def _clock(at: datetime, now: datetime) -> str:
    return f"{at:%H:%M:%S}Z" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}Z"
