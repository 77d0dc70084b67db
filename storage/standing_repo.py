"""Leaderboard rows: versions of each model's row, and boards as they stood at a date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from storage.models import Standing
from storage.records import Origin, StandingRecord

BoardKey = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class BoardVersion:
    """One publication of one board: (source, board, category, style_control) at a date."""

    key: BoardKey
    publish_date: date
    rows: tuple[Standing, ...]

    @property
    def observed_at(self) -> datetime:
        """Return when the newest of its rows was first seen."""
        return max(row.observed_at for row in self.rows)

    @property
    def page_rows(self) -> int:
        """Return how many rows the page had; the rows kept when the page did not say."""
        return max((row.page_rows or len(self.rows)) for row in self.rows)


def add(
    session: Session,
    records: Sequence[StandingRecord],
    *,
    observed_at: datetime,
    origin: Origin,
) -> int:
    """Return how many rows were new or re-fitted; a row seen before with equal values adds none.

    Of two rows for one model observed at the same instant the first speaks.
    """
    added = 0
    for (source, board, category, style, day), group in _by_page(records).items():
        known = {
            row.model: row
            for row in _newest(session, (source, board, category, style), day, until=observed_at)
        }
        for record in group:
            values = _values(record)
            before = known.get(record.model)
            if before is not None and (
                before.observed_at == observed_at
                or all(getattr(before, k) == v for k, v in values.items())
            ):
                continue
            known[record.model] = Standing(
                source=source,
                board=board,
                category=category,
                style_control=style,
                publish_date=day,
                model=record.model,
                observed_at=observed_at,
                origin=origin.value,
                **values,
            )
            session.add(known[record.model])
            added += 1
    session.flush()
    return added


def boards(session: Session) -> list[BoardKey]:
    """Return every board that has rows."""
    query = select(
        col(Standing.source),
        col(Standing.board),
        col(Standing.category),
        col(Standing.style_control),
    ).distinct()
    return sorted((a, b, c, d) for a, b, c, d in session.exec(query))


def publish_dates(
    session: Session, key: BoardKey, *, until: datetime | None = None
) -> list[tuple[date, datetime]]:
    """Return (publish date, first observed) of a board, oldest date first."""
    query = (
        select(col(Standing.publish_date), func.min(col(Standing.observed_at)))
        .where(*_is(key))
        .group_by(col(Standing.publish_date))
        .order_by(col(Standing.publish_date))
    )
    if until is not None:
        query = query.where(col(Standing.observed_at) <= until)
    return [(day, seen) for day, seen in session.exec(query)]


def board_at(
    session: Session, key: BoardKey, day: date, *, until: datetime | None = None
) -> BoardVersion | None:
    """Return one publication with each model's newest version known at `until`."""
    rows = _newest(session, key, day, until=until)
    if not rows:
        return None
    return BoardVersion(key, day, tuple(sorted(rows, key=lambda r: (r.rank, r.model))))


def latest_board(
    session: Session, key: BoardKey, *, until: datetime | None = None
) -> BoardVersion | None:
    """Return the newest publication known at `until`; None when there is none."""
    dates = publish_dates(session, key, until=until)
    return board_at(session, key, dates[-1][0], until=until) if dates else None


def models_before(session: Session, key: BoardKey, day: date) -> set[str]:
    """Return every model name that stood on the board at an earlier publish date."""
    query = select(col(Standing.model)).where(*_is(key), col(Standing.publish_date) < day)
    return set(session.exec(query.distinct()))


def _by_page(
    records: Sequence[StandingRecord],
) -> dict[tuple[str, str, str, str, date], list[StandingRecord]]:
    pages: dict[tuple[str, str, str, str, date], list[StandingRecord]] = {}
    for record in records:
        key = (
            record.source,
            record.board,
            record.category,
            record.style_control,
            record.publish_date,
        )
        pages.setdefault(key, []).append(record)
    return pages


def _values(record: StandingRecord) -> dict[str, Any]:
    return {
        "organization": record.organization,
        "rank": record.rank,
        "score": str(record.score),
        "ci_low": _text(record.ci_low),
        "ci_high": _text(record.ci_high),
        "votes": record.votes,
        "page_rows": record.page_rows,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _newest(
    session: Session, key: BoardKey, day: date, *, until: datetime | None
) -> list[Standing]:
    query = (
        select(Standing)
        .where(*_is(key), Standing.publish_date == day)
        .order_by(col(Standing.observed_at))
    )
    if until is not None:
        query = query.where(col(Standing.observed_at) <= until)
    return list({row.model: row for row in session.exec(query)}.values())


def _is(key: BoardKey) -> tuple[ColumnElement[bool], ...]:
    source, board, category, style = key
    return (
        col(Standing.source) == source,
        col(Standing.board) == board,
        col(Standing.category) == category,
        col(Standing.style_control) == style,
    )
