"""Sources as rules read them: down, stale, changed or gone, and well again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from monitor.alerts.rules import Rule, SourceRule
from monitor.alerts.views import SourceView
from monitor.reports.source_health import illnesses
from monitor.sources.base import Source
from storage import source_repo
from storage.instants import parse_instant
from storage.models import Alert

MEMORY = timedelta(days=30)
RECOVERED = "recovered"


def source_views(
    session: Session,
    rules: Sequence[Rule],
    sources: Sequence[Source],
    *,
    now: datetime,
    watched_since: datetime | None,
) -> list[SourceView]:
    """Return what is wrong with `sources` at `now`, in each run for as long as it lasts.

    And, where a rule asks for it, which work again since they were last told to be ill. Nothing
    when no rule is on sources. `watched_since` is when this daemon began to poll: what is older
    says nothing of a source.
    """
    wanted = [rule for rule in rules if isinstance(rule, SourceRule)]
    if not wanted:
        return []
    views = list(_sick(session, sources, now, watched_since))
    if any(RECOVERED in rule.states for rule in wanted):
        views += _recovered(session, sources, {view.source for view in views}, now)
    return views


def _sick(
    session: Session, sources: Sequence[Source], now: datetime, watched_since: datetime | None
) -> Iterator[SourceView]:
    states = source_repo.load_all(session)
    for source in sources:
        state = states.get(source.name)
        for found in illnesses(source, state, now=now, watched_since=watched_since):
            yield SourceView(
                source=source.name,
                kind=str(getattr(source, "kind", "")),
                state=found.state,
                since=found.since,
                said=found.said,
                observed_at=now,
            )


def _recovered(
    session: Session, sources: Sequence[Source], sick: set[str], now: datetime
) -> Iterator[SourceView]:
    """Yield the sources that work again after the last alert that said they did not."""
    states = source_repo.load_all(session)
    query = (
        select(Alert)
        .where(Alert.kind == "source", col(Alert.at) >= now - MEMORY)
        .order_by(col(Alert.at), col(Alert.id))
    )
    last = {alert.payload["subject"]: alert for alert in session.exec(query)}
    for source in sources:
        alert, state = last.get(source.name), states.get(source.name)
        if alert is None or state is None or source.name in sick or state.failures:
            continue
        was, since = alert.payload["state"], alert.payload["since"]
        if was == RECOVERED or state.last_ok_at is None or state.last_ok_at <= alert.at:
            continue
        yield SourceView(
            source=source.name,
            kind=str(getattr(source, "kind", "")),
            state=RECOVERED,
            since=parse_instant(since) if since else None,
            said=f"read again at {state.last_ok_at:%Y-%m-%d %H:%M}Z, was {was}",
            observed_at=now,
        )
