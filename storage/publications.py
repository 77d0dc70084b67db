"""When each leaderboard said something new: its publications, and the re-fits of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage import standing_repo
from storage.models import Standing
from storage.records import Origin
from storage.standing_repo import BoardKey


@dataclass(frozen=True, slots=True)
class Publication:
    """One state of a list: what of `day` had been observed by `observed_at`, known from `at` on.

    `at` is when a poll saw it. What came in later (a first poll, backfill, import) is taken to
    have been public at the end of its day.
    """

    key: BoardKey
    day: date
    observed_at: datetime
    at: datetime


def publications(session: Session) -> dict[tuple[str, str, str], list[Publication]]:
    """Return the publications of each (board, category, style control) by `at`, oldest first.

    Of several sources of one list the one with the newest day speaks; of one day the first.
    """
    by_list: dict[tuple[str, str, str], list[Publication]] = {}
    for key in standing_repo.boards(session):
        by_list.setdefault(key[1:], []).extend(_of_source(session, key))
    return {key: _in_force(found) for key, found in by_list.items()}


def _in_force(found: Sequence[Publication]) -> list[Publication]:
    kept: list[Publication] = []
    for each in sorted(found, key=lambda p: (p.at, p.day, p.observed_at, p.key)):
        last = kept[-1] if kept else None
        if last is None or each.day > last.day or (each.day == last.day and each.key == last.key):
            if last is not None and last.at == each.at:
                kept.pop()
            kept.append(each)
    return kept


def _of_source(session: Session, key: BoardKey) -> list[Publication]:
    days = {day for day, _ in standing_repo.publish_dates(session, key)}
    source, board, category, style = key
    query = (
        select(
            col(Standing.publish_date), col(Standing.observed_at), func.min(col(Standing.origin))
        )
        .where(
            Standing.source == source,
            Standing.board == board,
            Standing.category == category,
            Standing.style_control == style,
        )
        .group_by(col(Standing.publish_date), col(Standing.observed_at))
        .order_by(col(Standing.publish_date), col(Standing.observed_at))
    )
    states = [(day, seen, origin) for day, seen, origin in session.exec(query) if day in days]
    found, first = [], set()
    for day, seen, origin in states:
        is_late = day not in first and origin != Origin.LIVE.value
        first.add(day)
        at = min(seen, _end_of(day)) if is_late else seen
        found.append(Publication(key, day, seen, at))
    return found


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC) + timedelta(days=1)
