"""Which series were not watched, and why: every way in which a read can fail to happen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import timedelta

from sqlmodel import Session

from monitor.sources.base import Source
from monitor.sources.pace import is_venue, planned_pause
from storage import coverage, market_repo, source_repo
from storage.market_repo import Leg, OutcomeKey
from storage.models import SourceState
from storage.records import MarketStatus, Reject

MIN_GAP = timedelta(minutes=5)
POLLS_MISSED = 2.5
MAX_REASON = 200
STOPPED = "the daemon was not running"
NOT_BROUGHT = "the poll worked but did not bring this price"


def source_subject(source: Source) -> str:
    """Return the subject under which the successful polls of a source are noted."""
    return f"source:{source.name}"


def max_gap(source: Source, state: SourceState) -> timedelta:
    """Return the longest pause between two reads that still counts as watching."""
    planned = planned_pause(
        source, last_ok_at=state.last_ok_at, next_due=state.next_due, failures=state.failures
    )
    return max(planned * POLLS_MISSED, MIN_GAP)


def note_failure(session: Session, source: Source, reason: str) -> None:
    """Write down that nothing of `source` was read."""
    coverage.note_gap(session, _subjects(session, source), reason=reason[:MAX_REASON])


def note_unread(
    session: Session, source: Source, read: Collection[OutcomeKey], rejects: Sequence[Reject]
) -> None:
    """Write down why followed prices are missing from a poll that worked."""
    if not is_venue(source):
        return
    by_reason: dict[str, list[str]] = {}
    for leg in _legs(session, source):
        if (leg.venue, leg.venue_id, leg.venue_outcome_id) not in read:
            subject = coverage.outcome_subject(leg.outcome_id)
            by_reason.setdefault(_why_unread(leg, rejects), []).append(subject)
    for reason, subjects in by_reason.items():
        coverage.note_gap(session, subjects, reason=reason[:MAX_REASON])


def note_stop(session: Session, sources: Iterable[Source]) -> None:
    """Write down, at a start, that until now nobody watched what was watched at the end."""
    states = source_repo.load_all(session)
    for source in sources:
        state = states.get(source.name)
        if state is not None and state.last_ok_at is not None:
            since = state.last_ok_at - max_gap(source, state)
            subjects = list(_subjects(session, source))
            coverage.note_gap(session, subjects, reason=STOPPED, since=since)


def _subjects(session: Session, source: Source) -> Iterator[str]:
    yield source_subject(source)
    if is_venue(source):
        for leg in _legs(session, source):
            if leg.status == MarketStatus.OPEN:
                yield coverage.outcome_subject(leg.outcome_id)


def _legs(session: Session, source: Source) -> Iterator[Leg]:
    kind = getattr(source, "kind", None)
    return (leg for leg in market_repo.legs(session) if leg.venue == kind)


def _why_unread(leg: Leg, rejects: Sequence[Reject]) -> str:
    if leg.status != MarketStatus.OPEN:
        return f"the market is {leg.status}"
    unread = [reject.reason for reject in rejects if "not read" in reject.reason]
    named = [
        reject.reason
        for reject in rejects
        if leg.series in reject.reason or leg.venue_id in (*reject.reason.split(), reject.excerpt)
    ]
    return next(iter((*named, *unread)), NOT_BROUGHT)
