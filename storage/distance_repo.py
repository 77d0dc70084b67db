"""Distances to flip: versioned writes of one outcome's series, and what held at an instant."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from storage import versions
from storage.models import Distance, Market, Outcome

DISTANCE_COLUMNS = (
    "at", "venue", "market_id", "outcome_id", "outcome", "question", "board", "category",
    "style_control", "publish_date", "place", "universe", "gap", "interval_overlap", "days_left",
    "best_model", "against_model", "reason",
)  # fmt: skip
# A list: board, category, style control; all None where the rules name none.
ListKey = tuple[str | None, str | None, str | None]


def series(
    session: Session, outcome_ids: Sequence[int] | None = None, *, as_of: datetime | None = None
) -> dict[int, list[Distance]]:
    """Return each outcome's distances by `at`, oldest first, as known now or at `as_of`."""
    known = (
        col(Distance.known_to).is_(None)
        if as_of is None
        else versions.known_at(Distance, as_of) & (col(Distance.at) <= as_of)
    )
    query = select(Distance).where(known).order_by(col(Distance.at), col(Distance.id))
    if outcome_ids is not None:
        query = query.where(col(Distance.outcome_id).in_(outcome_ids))
    found: dict[int, list[Distance]] = {}
    for row in session.exec(query):
        found.setdefault(row.outcome_id, []).append(row)
    return found


def put(
    session: Session, outcome_id: int, values: Iterable[Mapping[str, Any]], *, known_from: datetime
) -> int:
    """Return how many rows of an outcome changed; each of `values` holds its list and `at`."""
    given = list(values)
    known = series(session, [outcome_id]).get(outcome_id, []) if given else []
    stored = {(list_of(row), row.at) for row in known}
    changed = 0
    for row in given:
        key = {name: row[name] for name in ("board", "category", "style_control", "at")}
        rest = {name: value for name, value in row.items() if name not in key}
        key["outcome_id"] = outcome_id
        if ((row["board"], row["category"], row["style_control"]), row["at"]) in stored:
            _, is_new = versions.put(session, Distance, key=key, values=rest, known_from=known_from)
            changed += is_new
        else:
            session.add(Distance(**key, **rest, known_from=known_from))
            changed += 1
    session.flush()
    return changed


def list_of(row: Distance) -> ListKey:
    """Return the list a distance was measured on."""
    return row.board, row.category, row.style_control


def held(rows: Sequence[Distance], at: datetime) -> float | None:
    """Return the distance that held at `at` on `rows` (ascending); None when none is known.

    Of a market that leaves the style control open, and so is measured on two lists, the smaller.
    """
    newest: dict[ListKey, Distance] = {}
    for row in rows[: bisect_right(rows, at, key=lambda row: row.at)]:
        newest[list_of(row)] = row
    return min((row.gap for row in newest.values() if row.gap is not None), default=None)


def distance_rows(
    found: Iterable[Distance], named: Mapping[int | None, tuple[Market, Outcome]]
) -> Iterator[tuple[Any, ...]]:
    """Yield the export's rows of distances whose outcome is named."""
    for d in found:
        if d.outcome_id in named:
            m, o = named[d.outcome_id]
            yield (
                *(d.at, m.venue, m.venue_id, o.venue_outcome_id, o.name, m.question, d.board),
                *(d.category, d.style_control, d.publish_date, d.place, d.universe, d.gap),
                *(d.intervals_overlap, d.days_left, d.model, d.rival, d.reason),
            )
