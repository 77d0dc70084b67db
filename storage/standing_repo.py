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
# Ways by which copies come; a row without a way is the publisher's.
MIRRORS = frozenset({"daily"})


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """One page of one board: its date, when it was first seen, and which publication it `shows`."""

    day: date
    seen_at: datetime
    is_dated: bool
    shows: date


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

    @property
    def is_dated(self) -> bool:
        """Return whether the publisher named the date; else it is the day the page was seen."""
        return any(row.is_dated is not False for row in self.rows)


def add(
    session: Session,
    records: Sequence[StandingRecord],
    *,
    observed_at: datetime,
    origin: Origin,
) -> int:
    """Return how many rows were new or re-fitted; a row seen before with equal values adds none.

    Of two rows for one model observed at the same instant the first speaks. A mirror fills the
    dates that the publisher did not tell, and no other. A page without a date of its own is
    no publication while its head equals the newest one.
    """
    added = 0
    for (source, board, category, style, day), group in _by_page(records).items():
        key = (source, board, category, style)
        rows = _newest(session, key, day, until=observed_at)
        if _is_told_better(rows, group) or _is_old_news(session, key, group, observed_at):
            continue
        known = {row.model: row for row in rows}
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
                adapter=record.adapter,
                is_dated=record.is_dated,
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


def pages(session: Session, key: BoardKey, *, until: datetime | None = None) -> list[PublishedPage]:
    """Return every page of a board by the publication it showed, oldest first.

    What was the newest at one time cannot have been replaced before it: an undated page that was
    seen before a publication with an earlier date showed that one or an older one.
    """
    query = (
        select(
            col(Standing.publish_date),
            func.min(col(Standing.observed_at)),
            func.max(func.coalesce(col(Standing.is_dated), True)),
        )
        .where(*_is(key))
        .group_by(col(Standing.publish_date))
    )
    if until is not None:
        query = query.where(col(Standing.observed_at) <= until)
    found = [(day, seen, bool(is_dated)) for day, seen, is_dated in session.exec(query)]
    dated = [(day, seen) for day, seen, is_dated in found if is_dated]
    shown = [
        PublishedPage(
            day,
            seen,
            is_dated,
            day if is_dated else min([day, *(d for d, later in dated if later > seen)]),
        )
        for day, seen, is_dated in found
    ]
    return sorted(shown, key=lambda page: (page.shows, page.is_dated, page.seen_at))


def publish_dates(
    session: Session, key: BoardKey, *, until: datetime | None = None
) -> list[tuple[date, datetime]]:
    """Return (publish date, first observed) of a board, oldest first, each publication once."""
    return [
        (page.day, page.seen_at)
        for page in pages(session, key, until=until)
        if page.shows == page.day
    ]


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


def models_before(session: Session, key: BoardKey, page: BoardVersion) -> set[str]:
    """Return every model name that stood on an earlier page: published or seen before `page`."""
    seen_at = min(row.observed_at for row in page.rows)
    earlier = (col(Standing.publish_date) < page.publish_date) | (
        (col(Standing.observed_at) < seen_at) & (col(Standing.publish_date) != page.publish_date)
    )
    return set(session.exec(select(col(Standing.model)).where(*_is(key), earlier).distinct()))


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


def _is_told_better(rows: Sequence[Standing], group: Sequence[StandingRecord]) -> bool:
    """Return whether a mirror repeats, rounded, what the publisher told itself."""
    if group[0].adapter not in MIRRORS:
        return False
    return any(row.adapter not in MIRRORS for row in rows)


def _is_old_news(
    session: Session, key: BoardKey, group: Sequence[StandingRecord], observed_at: datetime
) -> bool:
    """Return whether an undated page shows the newest publication once more."""
    if group[0].is_dated:
        return False
    newest = latest_board(session, key, until=observed_at)
    if newest is None:
        return False
    stored = [(row.model, round(Decimal(row.score))) for row in newest.rows]
    shown = [(r.model, round(r.score)) for r in sorted(group, key=lambda r: (r.rank, r.model))]
    depth = min(len(stored), len(shown))
    return sorted(stored[:depth]) == sorted(shown[:depth])


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
