"""Signals, links and moves: versioned writes and the queries that say what is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, or_
from sqlmodel import Session, col, select

from storage import versions
from storage.models import Link, Move, Signal

UNLINKED_FOR = timedelta(hours=2)
IDS_A_QUERY = 500
_LINK_KEY = ("signal_id", "outcome_id", "window_s")
_SIGNAL_KEY = ("signal_id", "origin_kind", "origin_id", "theme", "event_no")


def put_signal(
    session: Session, values: dict[str, Any], *, known_from: datetime
) -> tuple[Signal, bool]:
    """Return the current row and whether `values` added a version. First sight stays first.

    `observed_at` and `alertable` of the first version are kept: a later item of the story does
    not move the moment we knew, nor make an old signal alert.
    """
    values = dict(values)
    current = versions.current_row(session, Signal, {"signal_id": values["signal_id"]})
    if current is not None:
        values["observed_at"] = min(current.observed_at, values["observed_at"])
        values["alertable"] = current.alertable
    key = {name: values.pop(name) for name in _SIGNAL_KEY}
    return versions.put(session, Signal, key=key, values=values, known_from=known_from)


def signals(
    session: Session,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    themes: Sequence[str] | None = None,
    as_of: datetime | None = None,
) -> list[Signal]:
    """Return signals by instant, oldest first: current ones, or those known at `as_of`."""
    query = select(Signal).where(_known(Signal, as_of)).order_by(col(Signal.at), col(Signal.id))
    if as_of is not None:
        query = query.where(col(Signal.observed_at) <= as_of)
    if since is not None:
        query = query.where(col(Signal.at) >= since)
    if until is not None:
        query = query.where(col(Signal.at) < until)
    if themes is not None:
        query = query.where(col(Signal.theme).in_(themes))
    return list(session.exec(query))


def entities_of(
    session: Session, *, theme: str, kind: str, since: datetime, until: datetime
) -> dict[str, list[str]]:
    """Return the entities of each current signal of this theme and kind, by signal id."""
    query = select(Signal.signal_id, Signal.entities).where(
        col(Signal.known_to).is_(None),
        col(Signal.at) >= since,
        col(Signal.at) < until,
        Signal.theme == theme,
        Signal.kind == kind,
    )
    return {signal_id: entities or [] for signal_id, entities in session.exec(query)}


def signal(session: Session, signal_id: str) -> Signal | None:
    """Return the current version of one signal."""
    return versions.current_row(session, Signal, {"signal_id": signal_id})


def origin_of(session: Session, signal_id: str) -> tuple[str, str] | None:
    """Return a signal's (origin kind, origin id), the same in all its versions."""
    query = select(Signal.origin_kind, Signal.origin_id).where(Signal.signal_id == signal_id)
    return session.exec(query.limit(1)).first()


def named(session: Session, start: str, *, limit: int) -> list[Signal]:
    """Return the current signals whose id begins with `start`; the one that is it stands alone."""
    exact = signal(session, start)
    if exact is not None:
        return [exact]
    query = (
        select(Signal)
        .where(
            col(Signal.known_to).is_(None), col(Signal.signal_id).startswith(start, autoescape=True)
        )
        .order_by(col(Signal.signal_id))
        .limit(limit)
    )
    return list(session.exec(query))


def of_origin(session: Session, origin_kind: str, origin_id: str) -> list[Signal]:
    """Return the current signals of one story or other origin."""
    query = select(Signal).where(
        Signal.origin_kind == origin_kind,
        Signal.origin_id == origin_id,
        col(Signal.known_to).is_(None),
    )
    return list(session.exec(query.order_by(col(Signal.id))))


def unlinked(
    session: Session,
    *,
    now: datetime,
    horizon: datetime,
    windows_s: Sequence[int],
    patience: timedelta | None = UNLINKED_FOR,
) -> list[Signal]:
    """Return current signals since `horizon` without a link, or with one that can be read now.

    A signal that found no leg within `patience` of being known is not tried again (None: always,
    as after history came in). A link that is not final can be read again once its window, one of
    `windows_s`, has closed. Oldest first.
    """
    linked = select(Link.signal_id).where(col(Link.known_to).is_(None))
    closed = or_(
        *(
            (col(Link.window_s) == window) & (col(Signal.at) <= now - timedelta(seconds=window))
            for window in windows_s
        )
    )
    readable = select(Link.signal_id).where(
        col(Link.known_to).is_(None),
        col(Link.final).is_(False),
        col(Link.signal_id) == col(Signal.signal_id),
        closed,
    )
    alone: Any = col(Signal.signal_id).not_in(linked)
    if patience is not None:
        alone = alone & (col(Signal.known_from) > now - patience)
    query = (
        select(Signal)
        .where(col(Signal.known_to).is_(None), col(Signal.at) >= horizon, col(Signal.at) <= now)
        .where(alone | readable.exists())
        .order_by(col(Signal.at), col(Signal.id))
    )
    return list(session.exec(query))


def focal(
    session: Session, outcome_ids: Sequence[int], *, window_s: int, since: datetime
) -> dict[int, list[tuple[str, Signal]]]:
    """Return, for each outcome, the current signals since `since` that test it, oldest first.

    Each with the relation of its link.
    """
    query = (
        select(Link.outcome_id, Link.relation, Signal)
        .join(Signal, col(Signal.signal_id) == col(Link.signal_id))
        .where(col(Link.known_to).is_(None), col(Signal.known_to).is_(None), col(Link.focal))
        .where(Link.window_s == window_s, col(Link.outcome_id).in_(outcome_ids))
        .where(col(Signal.at) >= since)
        .order_by(col(Signal.at), col(Signal.id))
    )
    found: dict[int, list[tuple[str, Signal]]] = {}
    for outcome_id, relation, row in session.exec(query):
        found.setdefault(outcome_id, []).append((relation, row))
    return found


def put_link(session: Session, values: dict[str, Any], *, known_from: datetime) -> bool:
    """Return whether the link of (signal, outcome, window) changed."""
    values = dict(values)
    key = {name: values.pop(name) for name in _LINK_KEY}
    return versions.put(session, Link, key=key, values=values, known_from=known_from)[1]


def put_links(session: Session, given: Sequence[dict[str, Any]], *, known_from: datetime) -> int:
    """Return how many of the links given changed; the same as one by one, but in bulk."""
    names = sorted({values["signal_id"] for values in given})
    current = {
        (link.signal_id, link.outcome_id, link.window_s): link
        for start in range(0, len(names), IDS_A_QUERY)
        for link in links(session, signal_ids=names[start : start + IDS_A_QUERY])
    }
    changed, fresh = 0, []
    for values in given:
        key = {name: values[name] for name in _LINK_KEY}
        row = current.get((key["signal_id"], key["outcome_id"], key["window_s"]))
        if row is None:
            fresh.append({**values, "known_from": known_from})
        else:
            rest = {name: value for name, value in values.items() if name not in key}
            changed += versions.put_over(
                session, Link, row, key=key, values=rest, known_from=known_from
            )[1]
    if fresh:
        session.execute(insert(Link), fresh)
    return changed + len(fresh)


def links(
    session: Session,
    *,
    signal_ids: Sequence[str] | None = None,
    as_of: datetime | None = None,
) -> list[Link]:
    """Return links known at `as_of` (now when None)."""
    query = select(Link).where(_known(Link, as_of)).order_by(col(Link.id))
    if signal_ids is not None:
        query = query.where(col(Link.signal_id).in_(signal_ids))
    return list(session.exec(query))


def put_move(
    session: Session, values: dict[str, Any], *, known_from: datetime
) -> tuple[Move, bool]:
    """Return the current row of (outcome, start) and whether `values` added a version."""
    values = dict(values)
    key = {name: values.pop(name) for name in ("outcome_id", "start_at")}
    return versions.put(session, Move, key=key, values=values, known_from=known_from)


def moves(
    session: Session,
    *,
    since: datetime | None = None,
    outcome_ids: Sequence[int] | None = None,
    as_of: datetime | None = None,
) -> list[Move]:
    """Return moves by start, oldest first: current ones, or those known at `as_of`."""
    query = select(Move).where(_known(Move, as_of)).order_by(col(Move.start_at), col(Move.id))
    if since is not None:
        query = query.where(col(Move.start_at) >= since)
    if outcome_ids is not None:
        query = query.where(col(Move.outcome_id).in_(outcome_ids))
    return list(session.exec(query))


def _known(model: type[Signal] | type[Link] | type[Move], as_of: datetime | None) -> Any:
    if as_of is None:
        return col(model.known_to).is_(None)
    return versions.known_at(model, as_of)
