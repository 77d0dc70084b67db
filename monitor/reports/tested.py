"""Focal links of the tested window, and which of them are one observation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from storage import market_repo, versions
from storage.market_repo import Leg
from storage.models import Link, Signal

PRIMARY_WINDOW_S = 3600


@dataclass(frozen=True, slots=True)
class Tested:
    """A focal link of the primary window with its signal and leg."""

    link: Link
    signal: Signal
    leg: Leg


def tested_links(
    session: Session, signals: Iterable[Signal], *, as_of: datetime | None
) -> list[Tested]:
    """Return the focal links of `signals` on followed legs, as known at `as_of` (None: now)."""
    by_id = {signal.signal_id: signal for signal in signals}
    legs = {leg.outcome_id: leg for leg in market_repo.legs(session)}
    known = col(Link.known_to).is_(None) if as_of is None else versions.known_at(Link, as_of)
    query = (
        select(Link)
        .where(known, col(Link.focal).is_(True), Link.window_s == PRIMARY_WINDOW_S)
        .order_by(col(Link.id))
    )
    return [
        Tested(link, by_id[link.signal_id], legs[link.outcome_id])
        for link in session.exec(query)
        if link.signal_id in by_id and link.outcome_id in legs
    ]


def observations(tested: Iterable[Tested]) -> dict[str, str]:
    """Return the observation of each tested signal: what a story or a link's episode connects.

    By signal id; an observation is named by its earliest signal.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    signals: dict[str, Signal] = {}
    for each in tested:
        name = each.signal.signal_id
        signals[name] = each.signal
        for tie in (f"story:{each.signal.origin_id}", f"episode:{each.link.episode or name}"):
            parent[root(tie)] = root(name)
    groups: dict[str, list[Signal]] = defaultdict(list)
    for name, signal in signals.items():
        groups[root(name)].append(signal)
    return {
        signal.signal_id: min(group, key=lambda one: (one.at, one.signal_id)).signal_id
        for group in groups.values()
        for signal in group
    }
