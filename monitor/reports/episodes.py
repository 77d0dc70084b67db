"""Episodes of a theme: independent observations, each on the one leg it is measured on.

Signals of one story, and signals that links count to one episode, are one observation, however
many series and themes they were tested in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from monitor.reports.histories import History, history
from monitor.reports.tested import PRIMARY_WINDOW_S, Tested, observations, tested_links
from signals.prices import PriceSeries
from signals.study import Case, exclusion
from signals.study_result import Exclusion
from signals.windows import measure
from storage import signal_repo
from storage.instants import to_ms
from storage.market_news import ORIGIN_KIND
from storage.market_repo import Leg
from storage.models import MarketRevision, Signal
from storage.records import MarketStatus, Precision, PriceBasis

# Comparable hours lie up to 90 days back, and their noise 72 h before that.
LOOK_BACK = timedelta(days=94)
# A leg that can be read goes first, one that was over before the signal last.
_READING: dict[Exclusion | None, int] = {None: 0, "resolved": 2}
PRECISE = frozenset({Precision.SECOND.value, Precision.MINUTE.value})


@dataclass(frozen=True, slots=True)
class Episode:
    """One observation: its signals by instant, and the leg that the first readable one is on.

    `legs`: on how many legs it was tested. `signals` may belong to other themes, too.
    """

    key: str
    relation: str
    leg: Leg
    signals: tuple[Signal, ...]
    legs: int
    case: Case
    history: History

    @property
    def first(self) -> Signal:
        """Return the signal whose instant is t0."""
        return _first(self.signals)


@dataclass(frozen=True, slots=True)
class Episodes:
    """The episodes of a theme, and why the other signals of it are not in one.

    `signals`: how many signals of the theme were looked at; `left_out` counts those without an
    episode by reason (`background`, `venue_news`, `no_market`). `histories` by outcome id.
    """

    found: tuple[Episode, ...]
    signals: int
    left_out: dict[str, int]


def episodes(
    session: Session,
    theme: str,
    *,
    now: datetime,
    window_s: int = PRIMARY_WINDOW_S,
    as_of: datetime | None = None,
    since: datetime | None = None,
    kind: str | None = None,
) -> Episodes:
    """Return the episodes of a theme by t0: those with a signal of it (of `kind`) from `since` on.

    `as_of`: only rows known then count, else the current ones. Which leg stands for an episode is
    settled before its move is looked at: the earliest tested one, of those the one with more
    price changes; only when it cannot be read the next one.
    """
    return _Reader(session, theme, now, window_s, as_of, since).read(kind)


class _Reader:
    """The rows of one call, each read once."""

    def __init__(
        self,
        session: Session,
        theme: str,
        now: datetime,
        window_s: int,
        as_of: datetime | None,
        since: datetime | None,
    ) -> None:
        self._session, self._theme, self._now, self._window_s = session, theme, now, window_s
        self._wanted_since = since
        # Earlier focal signals keep comparable hours away from themselves.
        start = None if since is None else since - LOOK_BACK
        self._signals = signal_repo.signals(session, since=start, until=now, as_of=as_of)
        self._tested = tested_links(session, self._signals, as_of=as_of)
        self._home = observations(self._tested)
        self._members: dict[str, dict[str, Signal]] = defaultdict(dict)
        self._focal: dict[int, list[Tested]] = defaultdict(list)
        for each in self._tested:
            self._members[self._home[each.signal.signal_id]][each.signal.signal_id] = each.signal
            self._focal[each.leg.outcome_id].append(each)
        self._histories: dict[int, History] = {}
        self._series: dict[tuple[int, PriceBasis | None], PriceSeries] = {}
        self._since = min((each.signal.at for each in self._tested), default=now) - LOOK_BACK

    def read(self, kind: str | None) -> Episodes:
        wanted = [signal for signal in self._signals if self._is_wanted(signal, kind)]
        left_out: Counter[str] = Counter(filter(None, map(_not_a_signal, wanted)))
        usable = [signal for signal in wanted if _not_a_signal(signal) is None]
        origins = {signal.origin_id for signal in usable}
        groups: dict[tuple[str, str], list[Tested]] = defaultdict(list)
        linked = set()
        for each in self._tested:
            relation = _relation(each.leg, self._theme)
            is_mine = each.signal.origin_id in origins and kind in (None, each.signal.kind)
            if relation is not None and is_mine:
                linked.add(each.signal.origin_id)
                groups[(self._home[each.signal.signal_id], relation)].append(each)
        left_out["no_market"] = sum(signal.origin_id not in linked for signal in usable)
        found = [self._episode(*name, tested) for name, tested in groups.items()]
        ordered = sorted(found, key=lambda each: (each.case.t0, each.key, each.relation))
        return Episodes(tuple(ordered), len(wanted), +left_out)

    def _is_wanted(self, signal: Signal, kind: str | None) -> bool:
        is_recent = self._wanted_since is None or signal.at >= self._wanted_since
        return is_recent and signal.theme == self._theme and kind in (None, signal.kind)

    def _episode(self, key: str, relation: str, tested: Sequence[Tested]) -> Episode:
        members = self._members[key].values()
        ordered = tuple(sorted(members, key=lambda signal: (signal.at, signal.signal_id)))
        legs = _in_order(tested)
        first = _first(ordered)
        cases = [self._case(key, first, leg) for leg in legs]
        reasons = [self._exclusion(case) for case in cases]
        chosen = min(range(len(cases)), key=lambda i: _READING.get(reasons[i], 1))
        return Episode(
            key=key,
            relation=relation,
            leg=legs[chosen],
            signals=ordered,
            legs=len(legs),
            case=cases[chosen],
            history=self._history(legs[chosen]),
        )

    def _case(self, key: str, first: Signal, leg: Leg) -> Case:
        known, t0 = self._history(leg), to_ms(first.at)
        resolved_at, closes_at = _ends(self._session, leg, self._now)
        others = {
            to_ms(each.signal.at)
            for each in self._focal[leg.outcome_id]
            if self._home[each.signal.signal_id] != key and each.signal.precision in PRECISE
        }
        return Case(
            key=key,
            t0=t0,
            series=self._prices(leg, known.basis_at(t0 + self._window_s * 1000)),
            coverage=known.coverage,
            resolved_at=None if resolved_at is None else to_ms(resolved_at),
            precise=first.precision in PRECISE,
            other_t0s=tuple(sorted(others)),
            closes_at=None if closes_at is None else to_ms(closes_at),
        )

    def _exclusion(self, case: Case) -> Exclusion | None:
        now = to_ms(self._now)
        window = measure(case.series, case.coverage, case.t0, self._window_s, now, case.resolved_at)
        return exclusion(case, window)

    def _prices(self, leg: Leg, basis: PriceBasis | None) -> PriceSeries:
        key = (leg.outcome_id, basis)
        if key not in self._series:
            self._series[key] = self._history(leg).series(basis)
        return self._series[key]

    def _history(self, leg: Leg) -> History:
        if leg.outcome_id not in self._histories:
            self._histories[leg.outcome_id] = history(
                self._session, leg.outcome_id, since=self._since, known_at=self._now
            )
        return self._histories[leg.outcome_id]


def _not_a_signal(signal: Signal) -> str | None:
    # A venue's own news comes with its price and never leads it.
    if signal.background:
        return "background"
    return "venue_news" if signal.origin_kind == ORIGIN_KIND else None


def _relation(leg: Leg, theme: str) -> str | None:
    relations = {relation for name, relation in leg.themes if name == theme}
    return "own" if "own" in relations else ("related" if relations else None)


def _in_order(tested: Iterable[Tested]) -> list[Leg]:
    ordered = sorted(
        tested, key=lambda each: (each.signal.at, -(each.link.n_updates or 0), each.leg.outcome_id)
    )
    return list({each.leg.outcome_id: each.leg for each in ordered}.values())


def _first(signals: Sequence[Signal]) -> Signal:
    """Return the earliest signal with a time; of dates alone the earliest."""
    return next((signal for signal in signals if signal.precision in PRECISE), signals[0])


def _ends(session: Session, leg: Leg, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return when a leg resolved and when it is to close, as the venue had said by `now`."""
    said = session.exec(
        select(MarketRevision)
        .where(MarketRevision.market_id == leg.market_id, col(MarketRevision.observed_at) <= now)
        .order_by(col(MarketRevision.observed_at).desc())
    ).first()
    if said is None:
        return None, None
    return leg.resolved_at if said.status == MarketStatus.RESOLVED else None, said.closes_at
