"""When a series was really watched: spans of successful reads and the reason each one ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage.instants import from_ms, to_ms
from storage.models import Coverage
from storage.quotes import raw_connection

# What was wrong passed before it made a gap, so its reason goes.
_EXTEND = (
    "UPDATE coverage SET to_at = ?, reads = reads + 1, gap_reason = NULL WHERE subject = ? "
    "AND from_at = (SELECT max(from_at) FROM coverage WHERE subject = ? AND reads > 0) "
    "AND to_at >= ? AND to_at < ?"
)


# The first reason is why it ended; a later one only keeps it so.
_NOTE = (
    "UPDATE coverage SET gap_reason = ? WHERE subject = ? AND gap_reason IS NULL "
    "AND from_at = (SELECT max(from_at) FROM coverage WHERE subject = ? AND reads > 0) "
    "AND to_at >= ?"
)
UNEXPLAINED = "not polled in time"
# A price that nobody confirmed for so long is told to nobody. Source: design contract, panel.
MAX_PRICE_AGE = timedelta(minutes=20)
WHOLE_PAST = "end of the venue's whole history"


@dataclass(frozen=True, slots=True)
class Span:
    """One watched stretch; both ends are instants of successful reads.

    `reads` is 0 for a stretch that was not watched live but imported or backfilled: there the
    stored prices are all that is known.
    """

    from_at: datetime
    to_at: datetime
    gap_reason: str | None = None
    reads: int = 0

    @property
    def confirms(self) -> bool:
        """Return whether a price is known to have stood throughout, its rows aside.

        Polls read it, or the venue told every change of it, so that without one nothing changed.
        """
        return bool(self.reads) or self.gap_reason == WHOLE_PAST


def extend(session: Session, subjects: Iterable[str], *, at: datetime, max_gap: timedelta) -> None:
    """Note a successful read of each subject at `at`; a pause over `max_gap` starts a new span.

    A span that was imported or backfilled is never made longer: what it holds was not read live.
    """
    wanted = sorted(set(subjects))
    session.flush()
    now, oldest = to_ms(at), to_ms(at - max_gap)
    rows = [(now, subject, subject, oldest, now) for subject in wanted]
    if raw_connection(session).executemany(_EXTEND, rows).rowcount == len(wanted):
        return
    session.expire_all()  # the statement above went past the rows this session may hold
    last = _latest_spans(session, wanted)
    for subject in wanted:
        span = last.get(subject)
        if span is not None and at <= span.to_at:
            continue
        if span is not None:
            span.gap_reason = span.gap_reason or UNEXPLAINED
            session.add(span)
        _begin(session, subject, at)
    session.flush()


def note_gap(
    session: Session, subjects: Iterable[str], *, reason: str, since: datetime | None = None
) -> None:
    """Write down why the newest span of each subject is not being extended.

    A reason that stands is kept, and so is a span that ended before `since`.
    """
    oldest = 0 if since is None else to_ms(since)
    rows = [(reason, subject, subject, oldest) for subject in sorted(set(subjects))]
    session.flush()
    if rows and raw_connection(session).executemany(_NOTE, rows).rowcount:
        session.expire_all()  # the statement above went past the rows this session may hold


def add_span(
    session: Session, subject: str, *, from_at: datetime, to_at: datetime, reason: str | None
) -> None:
    """Write a span that is known as a whole, as an import does; again changes nothing.

    A span from the same instant is kept, made longer when `to_at` lies after its end.
    """
    span = session.get(Coverage, (subject, from_at))
    if span is None:
        span = Coverage(subject=subject, from_at=from_at, to_at=to_at, reads=0, gap_reason=reason)
    elif span.to_at < to_at:
        span.to_at, span.gap_reason = to_at, reason
    session.add(span)
    session.flush()


def add_points(
    session: Session, subject: str, instants: Sequence[int], *, max_gap: timedelta, of: str
) -> None:
    """Write the spans that known prices of the past make, split where `max_gap` is passed.

    `instants` are ms, ascending, not empty; `of` names what they came from, for the reasons.
    """
    gap, start = max_gap // timedelta(milliseconds=1), instants[0]
    for before, at in pairwise(instants):
        if at - before > gap:
            ends = from_ms(before)
            add_span(session, subject, from_at=from_ms(start), to_at=ends, reason=f"gap in {of}")
            start = at
    ends = from_ms(instants[-1])
    add_span(session, subject, from_at=from_ms(start), to_at=ends, reason=f"end of {of}")


def spans(session: Session, subject: str, *, since: datetime | None = None) -> list[Span]:
    """Return the spans of `subject` that end at `since` or later, oldest first; None: every one.

    A live one may overlap one of the past.
    """
    of_span = (Coverage.from_at, Coverage.to_at, col(Coverage.gap_reason), Coverage.reads)
    query = select(*of_span).where(Coverage.subject == subject).order_by(col(Coverage.from_at))
    if since is not None:
        query = query.where(col(Coverage.to_at) >= since)
    return [Span(*row) for row in session.exec(query)]


def overlapping(
    session: Session,
    outcome_ids: Iterable[int],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Span]:
    """Return the spans of outcomes that touch [since, until), oldest first."""
    found: list[Span] = []
    for outcome_id in outcome_ids:
        found += spans(session, outcome_subject(outcome_id), since=since)
    kept = (span for span in found if until is None or span.from_at < until)
    return sorted(kept, key=lambda span: span.from_at)


def outcome_subject(outcome_id: int) -> str:
    """Return the subject under which an outcome's price reads are noted."""
    return f"outcome:{outcome_id}"


def _begin(session: Session, subject: str, at: datetime) -> None:
    span = session.get(Coverage, (subject, at))
    if span is None:
        span = Coverage(subject=subject, from_at=at, to_at=at, reads=0)
    span.reads += 1
    session.add(span)


def _latest_spans(session: Session, subjects: list[str]) -> dict[str, Coverage]:
    newest = (
        select(Coverage.subject, func.max(Coverage.from_at).label("from_at"))
        .where(col(Coverage.subject).in_(subjects), Coverage.reads > 0)
        .group_by(Coverage.subject)
        .subquery()
    )
    query = select(Coverage).join(
        newest,
        (col(Coverage.subject) == newest.c.subject) & (col(Coverage.from_at) == newest.c.from_at),
    )
    return {row.subject: row for row in session.exec(query)}
