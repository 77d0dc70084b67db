"""Which told story a move follows: the likeliest candidate, or one that may well be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from monitor.alerts.deciding.firings import TOGETHER, Beginning, Firing
from monitor.alerts.views import Candidate, MoveView
from signals.causes import clock_error_min
from storage.alert_repo import PastAlert

# A venue's own news comes with its price; it never leads to one.
VENUE_NEWS = frozenset({"market_listed", "rule_change", "dispute", "market_resolved"})
_STORIES = ("signal", "standing")
_PENDING = "pending"


def beginning(legs: Sequence[MoveView]) -> Beginning:
    """Return how a move began, its largest leg first in `legs`."""
    known = [candidate for leg in legs for candidate in leg.explained_by]
    is_open = not known and any(leg.verdict == _PENDING for leg in legs)
    # One leg that nobody knows may be about anything.
    is_known = all(leg.entities for leg in legs)
    return Beginning(
        start_at=min(leg.start_at for leg in legs),
        candidates=tuple(dict.fromkeys(_names(one) for one in known if not _is_after(one))),
        is_open=is_open,
        entities=frozenset(name for leg in legs for name in leg.entities if is_known),
    )


def story_of(firing: Firing, past: Iterable[PastAlert], now: datetime) -> PastAlert | None:
    """Return the alert of the story that a move follows, `past` oldest first; None for none.

    The best candidate that was told. While none is known, the last story told to one of the
    move's channels within the hour that may have led to it.
    """
    began = firing.beginning
    if began is None:
        return None
    told = [alert for alert in past if _is_story(alert) and set(alert.channels) & _heard(firing)]
    for names in began.candidates:
        for alert in reversed(told):
            if names & {alert.about, *alert.signal_ids}:
                return alert
    fits = (alert for alert in reversed(told) if began.is_open and _may_lead(alert, firing, now))
    return next(fits, None)


def _names(candidate: Candidate) -> frozenset[str]:
    stories = (candidate.story_id, *candidate.merged)
    return frozenset(filter(None, (candidate.signal_id, *(f"story:{s}" for s in stories if s))))


def _is_after(candidate: Candidate) -> bool:
    error = candidate.clock_error_min
    return error is not None and candidate.minutes_before < -error


def _heard(firing: Firing) -> frozenset[str]:
    return frozenset(firing.rule.channels)


def _is_story(alert: PastAlert) -> bool:
    is_news = alert.kind == "signal" and VENUE_NEWS >= set(alert.labels.get("kind", ())) != set()
    return alert.kind in _STORIES and alert.suppressed is None and not is_news


def _may_lead(alert: PastAlert, firing: Firing, now: datetime) -> bool:
    began = firing.beginning
    if began is None or now - alert.at > TOGETHER or not set(firing.series) & set(alert.series):
        return False
    named = set(alert.labels.get("entity", ()))
    if named and began.entities and not named & began.entities:
        return False
    error = timedelta(minutes=clock_error_min(alert.precision))
    return alert.public_at is not None and alert.public_at - began.start_at <= error
