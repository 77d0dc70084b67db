"""Why a table is empty: nothing was known then, or all of it lies further back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage.instants import format_instant
from storage.models import Link, Market, Move, Signal
from storage.tables import Selection

ANEW = "`link --fresh --as-of` judges from what had been observed by then"


def no_links(session: Session, selection: Selection) -> str | None:
    """Return in a sentence why a selection has no stored link; None when there is none at all."""
    of_links = select(Link.signal_id).where(col(Link.known_to).is_(None))
    newest = select(func.max(Signal.at)).where(
        col(Signal.known_to).is_(None), col(Signal.signal_id).in_(of_links)
    )
    words = _unknown(session, Link.known_from, "link", selection)
    return f"{words}; {ANEW}" if words else _older(session, newest, "signal with a link", selection)


def no_fresh_links(session: Session, selection: Selection, *, now: datetime) -> str | None:
    """Return in a sentence why nothing can be judged as of the selection's instant."""
    at = selection.as_of or now
    since = Selection(since=selection.since, as_of=at)
    words = _unknown(session, Signal.observed_at, "signal", since)
    if words:
        return f"{words}; a column observed_at tells an import when each item was seen"
    newest = select(func.max(Signal.at)).where(col(Signal.observed_at) <= at, Signal.at <= at)
    return _older(session, newest, "signal known then", selection)


def no_moves(session: Session, selection: Selection) -> str | None:
    """Return in a sentence why a selection has no move; None when there is none at all."""
    newest = select(func.max(Move.start_at)).where(col(Move.known_to).is_(None))
    return _unknown(session, Move.known_from, "move", selection) or _older(
        session, newest, "move", selection
    )


def no_markets(
    session: Session, boards: Iterable[Mapping[str, Any]], as_of: datetime
) -> str | None:
    """Return in a sentence why nothing settles on `boards` as of an instant; None when it does.

    None, too, when no market that settles on a list was first seen after it.
    """
    if any(board["markets"] for board in boards):
        return None
    later = select(func.count(), func.min(Market.first_seen_at)).where(
        col(Market.board).is_not(None), Market.first_seen_at > as_of
    )
    count, first = session.exec(later).one()
    if not count:
        return None
    return (
        f"no market that settles on a list was known at {format_instant(as_of)}: {count} now known "
        f"were first seen from {format_instant(first)} on, when they were listed or imported; "
        "`export distance` has their distances"
    )


def _unknown(session: Session, column: Any, what: str, selection: Selection) -> str | None:
    first = session.exec(select(func.min(column))).one()
    if selection.as_of is None or first is None or first <= selection.as_of:
        return None
    return (
        f"no {what} was known at {format_instant(selection.as_of)}: what is stored was first "
        f"known at {format_instant(first)}, when it was found or imported"
    )


def _older(session: Session, newest: Any, what: str, selection: Selection) -> str | None:
    found = session.exec(newest).one()
    if selection.since is None or found is None or found >= selection.since:
        return None
    return (
        f"nothing since {format_instant(selection.since)}; the newest {what} is of "
        f"{format_instant(found)}: --since {found:%Y-%m-%d} shows it"
    )
