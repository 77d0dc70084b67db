"""The runs of the past that left a trace, with what each made known, and what time made due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col, select

from monitor.alerts.deciding.firings import TOGETHER
from monitor.alerts.rules import MarketRule, MoveRule, Rule
from storage.models import Alert, ItemRevision, Link, MarketRevision, Move, Signal, Tag
from storage.records import MarketStatus

MOMENT = timedelta(milliseconds=1)
Row = TypeVar("Row", bound=SQLModel)
RETAGGED = "signals that `retag` changed, which never alerts"


@dataclass(slots=True)
class Run:
    """One run at `at` with the versions it made known; `links` says that links were among them."""

    at: datetime
    signals: list[Signal] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    links: bool = False


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs by time, and how many rows were left out, by reason."""

    runs: Sequence[Run]
    left_out: Mapping[str, int]


def runs(session: Session, *, since: datetime, until: datetime) -> Runs:
    """Return the runs in [since, until] that left a trace: a new version, or an alert."""
    found: dict[datetime, Run] = {}

    def at(instant: datetime) -> Run:
        return found.setdefault(instant, Run(instant))

    retagged, left_out = _retagged(session, since, until), 0
    for instant, signal in _known(session, Signal, since, until):
        if instant in retagged:
            left_out += 1
        else:
            at(instant).signals.append(signal)
    for instant, move in _known(session, Move, since, until):
        at(instant).moves.append(move)
    for instant in _instants(session, col(Link.known_from), since, until):
        if instant not in retagged:
            at(instant).links = True
    for instant in _instants(session, col(Alert.at), since, until):
        at(instant)
    counts = {RETAGGED: left_out} if left_out else {}
    return Runs([found[instant] for instant in sorted(found)], counts)


def due_times(
    session: Session, rules: Sequence[Rule], *, since: datetime, until: datetime
) -> Iterator[datetime]:
    """Yield the instants at which time alone made something due to one of `rules`."""
    moving = [rule for rule in rules if isinstance(rule, MoveRule)]
    holds = {rule.hold_for for rule in moving if rule.hold_for is not None}
    waiting = any(rule.verdict == "no_public_cause_found" for rule in moving)
    if holds or waiting:
        moves = select(Move.crossed_at, Move.end_at).where(col(Move.live)).distinct()
        for crossed_at, end_at in session.exec(moves.where(col(Move.crossed_at) <= until)):
            yield from (crossed_at + hold for hold in holds)
            if waiting:
                # Longer than that no leg is kept back until the others have a verdict.
                yield end_at + TOGETHER + MOMENT
    within = {r.within for r in rules if isinstance(r, MarketRule) and "closing" in r.states}
    if within:
        closing = select(MarketRevision.closes_at).where(
            MarketRevision.status == MarketStatus.OPEN.value, col(MarketRevision.closes_at) > since
        )
        for closes_at in session.exec(closing.distinct()):
            if closes_at is not None:
                yield from (closes_at - span for span in within)


def _known(
    session: Session, model: type[Row], since: datetime, until: datetime
) -> Iterator[tuple[datetime, Row]]:
    """Yield the versions that became known, each with when that was, in its order."""
    table: Any = model
    query = select(model).where(table.known_from >= since, table.known_from <= until)
    for row in session.exec(query.order_by(table.known_from, table.id)):
        yield getattr(row, "known_from"), row  # noqa: B009


def _instants(session: Session, column: Any, since: datetime, until: datetime) -> list[datetime]:
    query = select(column).where(column >= since, column <= until).distinct()
    return list(session.exec(query))


def _retagged(session: Session, since: datetime, until: datetime) -> set[datetime]:
    """Return the instants at which items were read again though nothing about them was new.

    A poll reads an item again when it was reworded; `retag` when the catalog changed.
    """
    old: Any = aliased(Tag)
    new: Any = aliased(Tag)
    reworded = select(ItemRevision.item_id).where(
        col(ItemRevision.item_id) == old.item_id,
        col(ItemRevision.observed_at) > old.known_from,
        col(ItemRevision.observed_at) <= new.known_from,
    )
    query = (
        select(new.known_from)
        .join(old, (old.item_id == new.item_id) & (old.known_to == new.known_from))
        .where(old.catalog_version != new.catalog_version, ~reworded.exists())
        .where(new.known_from >= since, new.known_from <= until)
        .distinct()
    )
    return set(session.exec(query))
