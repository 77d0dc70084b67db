"""Silences as a person reads them, and what one matches or would have matched."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from monitor.alerts.rules.matchers import Labels, Matcher, matches_all, parse_matcher
from storage import alert_repo, silence_repo
from storage.models import Alert, Silence

Report = dict[str, Any]
_NO_LIMIT = 1_000_000
_HELD = re.compile(r"silenced by silence ([0-9]+):")


def silence_rows(session: Session, *, now: datetime, over: bool = False) -> list[Report]:
    """Return the silences that hold or will, those that end first first; `over`: all of them.

    `kept_back` counts the alerts that were not told because of it.
    """
    if over:
        found = silence_repo.everything(session, limit=_NO_LIMIT)
    else:
        found = silence_repo.unexpired(session, now)
    since = min((silence.created_at for silence in found), default=now)
    kept = Counter(_held_back(session, since))
    return [
        {**silence_row(silence, now=now), "kept_back": kept[silence.id or 0]} for silence in found
    ]


def silence_row(silence: Silence, *, now: datetime) -> Report:
    """Return a silence with its `state` at `now`: holds, ahead or over."""
    return {
        "silence_id": silence.id,
        "state": state_of(silence, now),
        "matchers": list(silence.matchers),
        "comment": silence.comment,
        "created_at": silence.created_at,
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
    }


def state_of(silence: Silence, now: datetime) -> str:
    """Return whether a silence holds at `now`, is ahead, or over."""
    if silence.ends_at <= now:
        return "over"
    return "holds" if silence.starts_at <= now else "ahead"


def that_match(session: Session, labels: Mapping[str, Sequence[str]]) -> list[Silence]:
    """Return all silences, newest first, whose matchers an alert with `labels` answers."""
    asked = labels_of(labels)
    return [
        silence
        for silence in silence_repo.everything(session, limit=_NO_LIMIT)
        if (matchers := _parsed(silence)) and matches_all(matchers, asked)
    ]


def labelled(session: Session, *, since: datetime) -> list[tuple[Alert, bool]]:
    """Return the alerts that have labels, newest first, each with whether a delivery waits."""
    return [
        (alert, any(delivery.state == "queued" for delivery in deliveries))
        for alert, deliveries in alert_repo.list_alerts(session, since=since, limit=_NO_LIMIT)
        if alert.labels
    ]


def labels_of(labels: Mapping[str, Sequence[str]]) -> Labels:
    """Return stored labels as matchers ask them."""
    return {name: tuple(values) for name, values in labels.items()}


def _parsed(silence: Silence) -> tuple[Matcher, ...]:
    try:
        return tuple(parse_matcher(text) for text in silence.matchers)
    except ValueError:
        return ()


def _held_back(session: Session, since: datetime) -> Iterator[int]:
    found: Iterable[tuple[Alert, Any]] = alert_repo.list_alerts(
        session, since=since, limit=_NO_LIMIT
    )
    for alert, _ in found:
        written = _HELD.match(str((alert.payload or {}).get("suppressed") or ""))
        if written is not None:
            yield int(written[1])
