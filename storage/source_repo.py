"""Reading and writing what is remembered of each source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from storage.models import Item, SourceState
from storage.records import Reject


@dataclass(frozen=True, slots=True)
class Learned:
    """What a successful poll taught: new homes of addresses, the usual look and its drift."""

    moved: Mapping[str, str]
    fingerprint: Mapping[str, Any]
    drift: Mapping[str, Any] | None = None


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
    learned: Learned | None = None,
    requests: int = 0,
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
    state.last_error = state.circuit_until = state.disabled = None
    state.polls += 1
    state.requests += requests
    if learned is not None:
        state.moved = dict(learned.moved) or None
        state.fingerprint = dict(learned.fingerprint) or None
        state.drift = dict(learned.drift) if learned.drift else None
    session.add(state)


def record_failure(
    session: Session,
    source: str,
    *,
    at: datetime,
    next_due: datetime,
    error: str,
    circuit_until: datetime | None = None,
    moved: Mapping[str, str] | None = None,
    requests: int = 0,
) -> int:
    """Return the consecutive failures of `source` after counting this one.

    `moved` None keeps the learned homes as they are.
    """
    state = load(session, source)
    state.failures += 1
    state.polls += 1
    state.requests += requests
    state.last_error = error
    state.last_try_at = at
    state.next_due = next_due
    state.circuit_until = circuit_until
    if moved is not None:
        state.moved = dict(moved) or None
    session.add(state)
    return state.failures


def disable(session: Session, source: str, *, reason: str, addresses: Collection[str]) -> None:
    """Poll `source` no more, for `reason`, as long as the config gives it these `addresses`.

    They take the place of its validators, which nothing will be asked with any more.
    """
    state = load(session, source)
    state.disabled = reason
    state.next_due = state.circuit_until = None
    state.validators = {address: {} for address in addresses}
    session.add(state)


def is_disabled(state: SourceState, addresses: Collection[str]) -> bool:
    """Return whether a source is polled no more; other addresses in the config revive it."""
    return state.disabled is not None and set(state.validators or {}) == set(addresses)


def entries_since(session: Session, source: str, since: datetime) -> int:
    """Return how many items `source` published since an instant (an undated one: was seen)."""
    query = (
        select(func.count())
        .select_from(Item)
        .where(
            Item.source == source,
            col(Item.observed_at) >= since,
            or_(col(Item.published_at).is_(None), col(Item.published_at) >= since),
        )
    )
    return session.exec(query).one()
