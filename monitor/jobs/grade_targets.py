"""Which price an alert is graded on, and which way it pointed, as was known when it was told.

The focal leg of a signal or a board's change, the largest leg of a move, the outcome of a link,
the market itself. Of a signal tested in several series one counts: an own market, open and priced
then, whose leg the news names; of several that with most room, nearest to a coin's toss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, col, select

from monitor.jobs import series
from monitor.jobs.link_book import Focus, LinkBook
from monitor.topics import Topics
from signals import links as rules
from signals.grading import Direction
from storage import market_repo
from storage.alert_repo import AlertDraft
from storage.instants import from_ms
from storage.market_news import ORIGIN_KIND
from storage.market_repo import Leg
from storage.models import Alert, Link, Move, Signal
from storage.versions import known_at

GRADED_KINDS = ("signal", "move", "link", "standing", "market")
_SIDES: Mapping[str, Direction] = {"positive": 1, "negative": -1}


@dataclass(frozen=True, slots=True)
class Told:
    """What grading needs of an alert, stored or replayed. `series` are those it bears on."""

    rule: str
    kind: str
    at: datetime
    title: str
    signal_ids: tuple[str, ...] = ()
    move_ids: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    suppressed: str | None = None
    alert_id: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The leg an alert is graded on; `direction` is None where the alert states none."""

    leg: Leg
    direction: Direction | None

    @property
    def key(self) -> str:
        """Return the series it belongs to, with its venue."""
        return series_key(self.leg)


def series_key(leg: Leg) -> str:
    """Return what the legs of one series share."""
    return f"{leg.venue}/{leg.series}"


def of_row(alert: Alert) -> Told:
    """Return a stored alert as it is graded."""
    payload = alert.payload or {}
    return Told(
        rule=alert.rule,
        kind=alert.kind,
        at=alert.at,
        title=alert.title,
        signal_ids=tuple(alert.signal_ids or ()),
        move_ids=tuple(alert.move_ids or ()),
        series=tuple(payload.get("series") or filter(None, (alert.series,))),
        labels=alert.labels or {},
        suppressed=payload.get("suppressed"),
        alert_id=alert.id,
    )


def of_draft(draft: AlertDraft) -> Told:
    """Return a replayed alert as it is graded."""
    return Told(
        rule=draft.rule,
        kind=draft.kind,
        at=draft.at,
        title=draft.title,
        signal_ids=draft.signal_ids,
        move_ids=draft.move_ids,
        series=tuple(draft.payload.get("series") or filter(None, (draft.series,))),
        labels=draft.labels,
        suppressed=draft.suppressed,
    )


class Targets:
    """Finds the legs of alerts; markets are read once."""

    def __init__(self, session: Session, topics: Topics, book: LinkBook) -> None:
        self._session, self._topics, self._book = session, topics, book
        self.legs = {leg.outcome_id: leg for leg in market_repo.legs(session)}

    def of(self, told: Told) -> Target | None:
        """Return what an alert is graded on; None when it tells of no market we follow."""
        if told.kind in ("signal", "standing"):
            return self._of_signals(told)
        if told.kind == "move":
            return self._of_move(told)
        if told.kind == "link":
            return self._of_link(told)
        if told.kind == "market":
            return self._of_markets(told, told.labels.get("market", ()))
        return None

    def _of_signals(self, told: Told) -> Target | None:
        signals = self._signals(told)
        news = [signal for signal in signals if signal.origin_kind == ORIGIN_KIND]
        if news:
            return self._of_markets(told, _market_ids(news))
        focused = [focus for signal in signals for focus in self._book.focuses(signal)]
        if not focused:
            return None
        focus = min(focused, key=lambda each: self._preference(each, told.at))
        return Target(focus.leg, _stated(self._topics, focus))

    def _of_move(self, told: Told) -> Target | None:
        if not told.move_ids:
            return None
        outcome, _, start = told.move_ids[0].partition("/")
        query = select(Move).where(
            Move.outcome_id == int(outcome),
            Move.start_at == from_ms(int(start)),
            known_at(Move, told.at),
        )
        move, leg = self._session.exec(query).first(), self.legs.get(int(outcome))
        if move is None or leg is None:
            return None
        return Target(leg, 1 if move.move > 0 else -1)

    def _of_link(self, told: Told) -> Target | None:
        query = (
            select(Link)
            .where(col(Link.signal_id).in_(told.signal_ids), col(Link.focal))
            .where(Link.window_s == rules.PRIMARY_WINDOW_S, known_at(Link, told.at))
            .order_by(col(Link.id))
        )
        for link in self._session.exec(query):
            leg = self.legs.get(link.outcome_id)
            if leg is not None and link.move and leg.series in (told.series or (leg.series,)):
                return Target(leg, 1 if link.move > 0 else -1)
        return None

    def _of_markets(self, told: Told, venue_ids: Iterable[str]) -> Target | None:
        """Return the likeliest leg of the markets told of: which way they go nobody says."""
        wanted = set(venue_ids)
        legs = [leg for leg in self.legs.values() if leg.venue_id in wanted]
        prices = {leg.outcome_id: series.price_at(self._session, leg, told.at) for leg in legs}
        found = rules.focal_leg(
            [rules.Leg(str(leg.outcome_id), leg.owner, prices[leg.outcome_id]) for leg in legs],
            entities=(),
            owners=(),
        )
        return None if found is None else Target(self.legs[int(found.outcome)], None)

    def _signals(self, told: Told) -> list[Signal]:
        """Return the signals as they stood when the alert was told, in its order."""
        query = select(Signal).where(
            col(Signal.signal_id).in_(told.signal_ids), known_at(Signal, told.at)
        )
        by_id = {signal.signal_id: signal for signal in self._session.exec(query)}
        return [by_id[name] for name in told.signal_ids if name in by_id]

    def _preference(self, focus: Focus, at: datetime) -> tuple[bool, bool, bool, float, int]:
        """Return what sorts first: own, open with a price, named by the news, with most room."""
        leg = focus.leg
        price = series.price_at(self._session, leg, at)
        settled = leg.resolved_at is not None and leg.resolved_at <= at
        room = -1.0 if price is None or settled else price * (1 - price)
        named = leg.owner is not None and leg.owner in self._topics.owners(focus.signal.entities)
        return focus.relation != "own", room < 0, not named, -room, leg.outcome_id


def _stated(topics: Topics, focus: Focus) -> Direction | None:
    """Return the way the news speaks of the leg's owner, None when it takes no side."""
    said = focus.signal.polarity or {}
    sides = {
        _SIDES[side]
        for entity, side in said.items()
        if side in _SIDES and focus.leg.owner in topics.owners([entity])
    }
    return next(iter(sides)) if len(sides) == 1 and focus.leg.owner is not None else None


def _market_ids(signals: Iterable[Signal]) -> list[str]:
    return [
        str(name)
        for signal in signals
        for fact in (signal.facts or ())[:1]
        for name in fact.get("market_ids", ())
    ]
