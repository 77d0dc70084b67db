"""One alert explained: why it was told or not, what it rests on, where it went, what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from monitor.alerts.rules import Rule
from monitor.alerts.rules.matchers import LABELS, Matcher
from monitor.config import AlertsSection
from monitor.durations import format_duration
from monitor.reports.alert_evidence import links_of, moves_of, signals_of
from monitor.reports.deliveries import alert_row, delivery_row
from monitor.reports.silences import silence_row, that_match
from storage import alert_repo
from storage.models import Alert, Attempt, Delivery

Report = dict[str, Any]
_GRADES = {
    "hit": "a move in the stated direction followed",
    "miss": "no such move followed",
    "stale": "the price was not read, or nobody traded, for hours: too old to grade on",
    "no_price": "no two-sided price to grade on",
    "resolved": "the market settled meanwhile",
    "no_market": "no market to grade on",
}


def explained(
    session: Session, section: AlertsSection, alert_id: int, *, now: datetime
) -> Report | None:
    """Return all that is known of an alert at `now`; None when there is none of this id.

    `section` is what the config says of alerts today; the rest is as it was stored.
    """
    found = alert_repo.get(session, alert_id)
    if found is None:
        return None
    alert, deliveries = found
    payload = alert.payload or {}
    rules = {rule.name: rule for rule in section.rules}
    rule = rules.get(alert.rule)
    return {
        **alert_row(alert),
        "about": payload.get("about"),
        "stage": payload.get("stage") or None,
        "follows": payload.get("follows"),
        "asked_by": payload.get("rules") or [alert.rule],
        "rule_is_configured": rule is not None,
        "matchers": _matchers(alert.labels or {}),
        "signals": signals_of(session, alert),
        "moves": moves_of(session, alert),
        "links": links_of(session, list(alert.signal_ids or ()), then=alert.at),
        "prices": payload.get("prices") or [],
        "lines": payload.get("lines") or [],
        "url": payload.get("url"),
        "deliveries": _deliveries(session, alert, deliveries, section, now=now),
        "left_out": _left_out(alert, deliveries, rule),
        "repeats": _repeats(alert, rule),
        "silences": [
            silence_row(silence, now=now) for silence in that_match(session, alert.labels or {})
        ],
        "same_thing": _same_thing(session, alert),
        "grade_words": _GRADES.get(alert.grade or ""),
    }


def _matchers(labels: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        str(Matcher(label, "=", value))
        for label in LABELS
        for value in labels.get(label, ())
    ]  # fmt: skip


def _deliveries(
    session: Session,
    alert: Alert,
    deliveries: Sequence[Delivery],
    section: AlertsSection,
    *,
    now: datetime,
) -> list[Report]:
    assert alert.id is not None
    kinds = {channel.name: channel.kind for channel in section.channels}
    rules = {rule.name: rule for rule in section.rules}
    tries: dict[str, list[Report]] = {}
    for attempt in alert_repo.attempts(session, alert.id):
        tries.setdefault(attempt.channel, []).append(_attempt(attempt))
    return [
        {
            **delivery_row(alert, delivery, now=now, rules=rules),
            "channel_kind": kinds.get(delivery.channel),
            "bundle": delivery.bundle,
            "sent_with": _sent_with(session, delivery),
            "tries": tries.get(delivery.channel, []),
        }
        for delivery in deliveries
    ]


def _attempt(attempt: Attempt) -> Report:
    took = None if attempt.ended_at is None else attempt.ended_at - attempt.began_at
    return {
        "number": attempt.number,
        "began_at": attempt.began_at,
        "ended_at": attempt.ended_at,
        "took_s": None if took is None else took.total_seconds(),
        "result": attempt.result,
        "error": attempt.error,
        "may_repeat": attempt.may_repeat,
    }


def _sent_with(session: Session, delivery: Delivery) -> list[int]:
    """Return the other alerts of the message it was tried in, or will be."""
    query = select(Delivery.alert_id).where(
        Delivery.channel == delivery.channel, Delivery.alert_id != delivery.alert_id
    )
    if delivery.message_key is not None:
        query = query.where(Delivery.message_key == delivery.message_key)
    elif delivery.bundle is not None and delivery.state == "queued":
        query = query.where(
            Delivery.bundle == delivery.bundle,
            Delivery.state == "queued",
            col(Delivery.message_key).is_(None),
        )
    else:
        return []
    return list(session.exec(query.order_by(col(Delivery.alert_id))))


def _left_out(alert: Alert, deliveries: Sequence[Delivery], rule: Rule | None) -> list[str]:
    """Return the channels that the rule names and that were not to get this alert."""
    if rule is None or (alert.payload or {}).get("suppressed"):
        return []
    went = {delivery.channel for delivery in deliveries}
    return [channel for channel in rule.channels if channel not in went]


def _repeats(alert: Alert, rule: Rule | None) -> str | None:
    if rule is None or rule.repeat_interval is None or alert.acked_at is not None:
        return None
    return f"told again every {format_duration(rule.repeat_interval)} while it lasts"


def _same_thing(session: Session, alert: Alert) -> list[Report]:
    """Return the other alerts under its group key, oldest first."""
    query = (
        select(Alert)
        .where(Alert.group_key == alert.group_key, Alert.id != alert.id)
        .order_by(col(Alert.at), col(Alert.id))
    )
    names = ("alert_id", "at", "rule", "severity", "title", "escalation", "not_told")
    return [{name: alert_row(row)[name] for name in names} for row in session.exec(query)]
