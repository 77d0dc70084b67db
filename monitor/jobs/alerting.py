"""From what one run found to stored alerts: views, what holds them back, the decision, telling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from sqlmodel import Session

from monitor.alerts.deciding.decide import (
    ActiveSilence,
    Decision,
    Guards,
    decide,
    horizon,
    subject_keys,
)
from monitor.alerts.rules import Rule
from monitor.alerts.rules.matchers import parse_matcher
from monitor.alerts.views import SourceView, Views
from monitor.config import AlertsSection
from monitor.jobs.candidates import candidates
from monitor.jobs.tell import tell
from monitor.topics import Topics
from storage import alert_repo, silence_repo
from storage.models import Move, Signal

log = structlog.get_logger()


def raise_alerts(
    session: Session,
    topics: Topics,
    rules: Sequence[Rule],
    *,
    signals: Sequence[Signal],
    moves: Sequence[Move],
    sources: Sequence[SourceView] = (),
    section: AlertsSection,
    now: datetime,
) -> int:
    """Return how many alerts were raised for what a run added or changed, and for what lasts."""
    if not rules:
        return 0
    views = candidates(session, topics, rules, signals=signals, moves=moves, now=now)
    return tell_views(session, rules, replace(views, sources=sources), section=section, now=now)


def tell_views(
    session: Session,
    rules: Sequence[Rule],
    views: Views,
    *,
    section: AlertsSection,
    now: datetime,
) -> int:
    """Return how many alerts were stored to be told of `views`; the rest is kept with its reason.

    `section` says what holds alerts back, and how they are told.
    """
    if views == Views() or not _is_any(views):
        return 0
    held = guards(session, section, now=now)
    decision = _decided(session, rules, views, held, now)
    for skip in decision.skips:
        log.debug("not told", rule=skip.rule, subject=skip.subject, reason=skip.reason)
    return tell(session, decision, rules, section, now=now)


def guards(session: Session, section: AlertsSection, *, now: datetime) -> Guards:
    """Return what holds alerts back at `now`: stored silences, inhibitions, time intervals."""
    return Guards(
        silences=tuple(_silences(session, now)),
        inhibit=section.inhibit,
        intervals={interval.name: interval for interval in section.time_intervals},
    )


def _decided(
    session: Session, rules: Sequence[Rule], views: Views, held: Guards, now: datetime
) -> Decision:
    history = alert_repo.history(
        session, subject_keys(rules, views), since=now - horizon(rules, held)
    )
    return decide(rules, views, now=now, history=history, guards=held)


def _silences(session: Session, now: datetime) -> Iterator[ActiveSilence]:
    for row in silence_repo.active(session, now):
        try:
            matchers = tuple(parse_matcher(text) for text in row.matchers)
        except ValueError as error:
            # Written by another release: to silence everything or nothing would both be wrong.
            log.warning("silence not understood", silence=row.id, error=str(error))
            continue
        yield ActiveSilence(id=row.id or 0, matchers=matchers, comment=row.comment)


def _is_any(views: Views) -> bool:
    kinds = (views.signals, views.moves, views.links, views.standings, views.markets)
    return any((*kinds, views.sources))
