"""What was measured of signals once their windows had closed: focal links with their signals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from storage import versions
from storage.instants import to_ms
from storage.models import Link, Signal

_IDS_A_QUERY = 500


def became_final(
    session: Session, *, window_s: int, since: datetime, at: datetime
) -> list[tuple[Link, Signal]]:
    """Return the focal links of `window_s` whose final version became known just at `at`.

    Each with its signal as known then; only of signals since `since` that may alert.
    """
    query = (
        select(Signal)
        .where(versions.known_at(Signal, at), col(Signal.at) >= since, col(Signal.at) <= at)
        .where(col(Signal.alertable), col(Signal.background).is_(False))
    )
    found = _with_links(session, session.exec(query), window_s=window_s, at=at)
    return [(link, signal) for link, signal in found if to_ms(link.known_from) == to_ms(at)]


def answers(
    session: Session,
    theme: str,
    kind: str,
    *,
    since: datetime,
    window_s: int,
    as_of: datetime,
    limit: int,
) -> list[tuple[Link, Signal]]:
    """Return the final focal links of own markets to a theme's signals of a kind since `since`.

    Both as known at `as_of`, of the newest `limit` signals that are no background, oldest first.
    """
    query = (
        select(Signal)
        .where(versions.known_at(Signal, as_of), col(Signal.at) >= since, col(Signal.at) <= as_of)
        .where(Signal.theme == theme, Signal.kind == kind, col(Signal.background).is_(False))
        .order_by(col(Signal.at).desc(), col(Signal.id).desc())
        .limit(limit)
    )
    found = _with_links(session, session.exec(query), window_s=window_s, at=as_of)
    return [(link, signal) for link, signal in found if link.relation == "own"]


def _with_links(
    session: Session, signals: Iterable[Signal], *, window_s: int, at: datetime
) -> list[tuple[Link, Signal]]:
    """Return the final focal links of `window_s` of signals, known at `at`, by their instants.

    The signals first and then their links: joined, SQLite would read every link there is.
    """
    by_id = {signal.signal_id: signal for signal in signals}
    names, found = list(by_id), []
    for start in range(0, len(names), _IDS_A_QUERY):
        query = (
            select(Link)
            .where(col(Link.signal_id).in_(names[start : start + _IDS_A_QUERY]))
            .where(versions.known_at(Link, at))
            .where(col(Link.focal), col(Link.final), Link.window_s == window_s)
        )
        found += [(link, by_id[link.signal_id]) for link in session.exec(query)]
    return sorted(found, key=lambda pair: (pair[1].at, pair[0].id or 0))
