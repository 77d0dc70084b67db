"""Reading and writing what is remembered of each source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, select

from storage.models import SourceState
from storage.records import Reject


def load(session: Session, source: str) -> SourceState:
    """Return the state of `source`, a fresh one when it was never polled."""
    return session.get(SourceState, source) or SourceState(source=source)


def load_all(session: Session) -> dict[str, SourceState]:
    """Return every known state by source name."""
    return {state.source: state for state in session.exec(select(SourceState))}


def record_success(
    session: Session,
    source: str,
    *,
    at: datetime,
    next_due: datetime,
    validators: Mapping[str, object],
    cursor: Mapping[str, object],
    rejects: Sequence[Reject],
) -> None:
    """Save validators and cursor beside the rows of the same transaction; failures become 0."""
    state = load(session, source)
    state.validators = dict(validators)
    state.cursor = {**(state.cursor or {}), **cursor}
    state.rejects = dict(Counter(state.rejects or {}) + Counter(r.reason for r in rejects))
    state.first_ok_at = state.first_ok_at or at
    state.last_ok_at = state.last_try_at = at
    state.next_due = next_due
    state.failures = 0
    state.last_error = None
    state.polls += 1
    session.add(state)


def record_failure(
    session: Session, source: str, *, at: datetime, next_due: datetime, error: str
) -> int:
    """Return the consecutive failures of `source` after counting this one."""
    state = load(session, source)
    state.failures += 1
    state.polls += 1
    state.last_error = error
    state.last_try_at = at
    state.next_due = next_due
    session.add(state)
    return state.failures
