"""What one run of linking needs of the store: legs, prices and focal signals, each read once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

import numpy as np
from sqlmodel import Session

from monitor.jobs import series
from monitor.jobs.series import Watched
from monitor.topics import Topics
from signals import links as rules
from signals.episodes import Occurrence, episodes
from signals.placebo import Placebo, placebos
from signals.placebo_pools import LOOKBACK_MS
from signals.window_arrays import Track, track
from storage import market_repo, signal_repo
from storage.instants import to_ms
from storage.market_news import ORIGIN_KIND
from storage.market_repo import Leg
from storage.models import Signal
from storage.records import Precision

# The run-up of 2 h and the longest chain of an episode that may reach into it.
AROUND = timedelta(hours=9)
LOOKBACK = timedelta(milliseconds=LOOKBACK_MS)
PRECISE = {Precision.SECOND, Precision.MINUTE}


@dataclass(frozen=True, slots=True)
class Focus:
    """A signal and the leg it is tested on."""

    signal: Signal
    leg: Leg
    relation: str


class LinkBook:
    """The legs, prices and focal signals around signals since `since`.

    `until` leaves out prices from then on. With `anew` nothing that was judged before counts.
    """

    def __init__(
        self,
        session: Session,
        topics: Topics,
        *,
        since: datetime,
        until: datetime | None = None,
        anew: bool = False,
    ) -> None:
        # Tests that stand close to a new one are judged again with it, and need what they needed.
        self._session, self._topics, self._since = session, topics, since - AROUND
        self._until, self._anew = until, anew
        self._by_series: dict[tuple[str, str], list[Leg]] = defaultdict(list)
        for leg in market_repo.legs(session):
            self._by_series[(leg.venue, leg.series)].append(leg)
        self._watched: dict[int, Watched] = {}
        self._tracks: dict[tuple[int, str], Track] = {}
        self._focal: dict[int, dict[str, Focus]] = defaultdict(dict)
        self._in_time: dict[int, tuple[list[int], list[Focus]]] = {}
        self._tested: dict[tuple[str, int], str] = {}
        self._compared: dict[tuple[str, int], Placebo] = {}

    def watched(self, leg: Leg) -> Watched:
        """Return a leg's prices over every due signal's windows."""
        if leg.outcome_id not in self._watched:
            self._watched[leg.outcome_id] = series.load(
                self._session, leg, since=self._since, until=self._until
            )
        return self._watched[leg.outcome_id]

    def placebo(self, focus: Focus) -> Placebo:
        """Return how the response to a signal compares with the hours before it."""
        key = (focus.signal.signal_id, focus.leg.outcome_id)
        if key not in self._compared:
            self.compare([focus], stop_at=None)
        return self._compared[key]

    def compare_all(self, focused: Sequence[Focus]) -> None:
        """Work out the placebo tests of many signals, leg by leg; the same as one by one."""
        by_leg: dict[int, list[Focus]] = defaultdict(list)
        for focus in focused:
            by_leg[focus.leg.outcome_id].append(focus)
        for alike in by_leg.values():
            self.compare(alike, stop_at=None)

    def compare(self, focused: Sequence[Focus], *, stop_at: int | None) -> None:
        """Work out the placebo tests of signals on one leg at once."""
        by_basis: dict[str, list[Focus]] = defaultdict(list)
        for focus in focused:
            watched = self._long(focus.leg)
            by_basis[series.on_basis_at(watched, to_ms(focus.signal.at)).basis].append(focus)
        for basis, alike in by_basis.items():
            leg = alike[0].leg
            found = placebos(
                self._track(leg, basis, to_ms(alike[0].signal.at)),
                np.array([to_ms(focus.signal.at) for focus in alike], dtype=np.int64),
                window_ms=rules.PRIMARY_WINDOW_S * 1000,
                focal_t0s=self._by_time(leg.outcome_id)[0],
                closes_at=series.closes_ms(leg),
                seeds=[_seed(focus) for focus in alike],
                stop_at=stop_at,
            )
            keys = [(focus.signal.signal_id, leg.outcome_id) for focus in alike]
            self._compared.update(zip(keys, found, strict=True))

    def focuses(self, signal: Signal) -> Iterator[Focus]:
        """Yield the leg of each series that `signal` is tested on."""
        for legs in self._by_series.values():
            relation = _relation(legs, signal.theme)
            focal = self._focal_leg(legs, signal) if relation else None
            if relation and focal:
                yield Focus(signal, focal, relation)

    def siblings(self, focus: Focus) -> list[Leg]:
        """Return the other legs of the focal leg's series."""
        legs = self._by_series[(focus.leg.venue, focus.leg.series)]
        return [leg for leg in legs if leg.outcome_id != focus.leg.outcome_id]

    def note(self, focused: Sequence[Focus]) -> list[Focus]:
        """Remember what tests what; return the earlier tests that stand close to a new one.

        The first theme of a story keeps the test, its headline before its other events.
        """
        if not self._anew:
            self._load(focused)
        noted = []
        for focus in sorted(focused, key=_testing_order):
            outcome_id, name = focus.leg.outcome_id, focus.signal.signal_id
            if self._tested.setdefault((focus.signal.origin_id, outcome_id), name) == name:
                self._focal[outcome_id][name] = focus
                noted.append(focus)
        self._in_time.clear()
        given = {(focus.signal.signal_id, focus.leg.outcome_id) for focus in focused}
        near = {
            (other.signal.signal_id, other.leg.outcome_id): other
            for focus in noted
            for other in self._around(focus)
        }
        return [focus for key, focus in near.items() if key not in given]

    def is_test(self, focus: Focus) -> bool:
        """Return whether this signal, not its twin in another theme, tests this outcome."""
        key = (focus.signal.origin_id, focus.leg.outcome_id)
        return self._tested.get(key) == focus.signal.signal_id

    def others(self, focus: Focus) -> tuple[str, list[Signal]]:
        """Return the episode of `focus` and the focal signals of the other episodes near it."""
        near = [other.signal for other in self._around(focus) if other.signal.precision in PRECISE]
        found = episodes(
            Occurrence(s.signal_id, to_ms(s.at), s.origin_id, frozenset(s.entities or ()))
            for s in near
        )
        mine = found.get(focus.signal.signal_id, focus.signal.signal_id)
        return str(mine), [s for s in near if found.get(s.signal_id) != mine]

    def _around(self, focus: Focus) -> list[Focus]:
        """Return the tests of the same outcome within AROUND of one, itself among them."""
        instants, tests = self._by_time(focus.leg.outcome_id)
        at, reach = to_ms(focus.signal.at), AROUND // timedelta(milliseconds=1)
        return tests[bisect_left(instants, at - reach) : bisect_right(instants, at + reach)]

    def _by_time(self, outcome_id: int) -> tuple[list[int], list[Focus]]:
        if outcome_id not in self._in_time:
            tests = sorted(self._focal[outcome_id].values(), key=lambda focus: focus.signal.at)
            self._in_time[outcome_id] = [to_ms(focus.signal.at) for focus in tests], tests
        return self._in_time[outcome_id]

    def _track(self, leg: Leg, basis: str, at: int) -> Track:
        key = (leg.outcome_id, basis)
        if key not in self._tracks:
            watched = self._long(leg)
            self._tracks[key] = track(series.on_basis_at(watched, at), watched.coverage)
        return self._tracks[key]

    def _long(self, leg: Leg) -> Watched:
        # Most signals of a daemon have an open window and no use for three months of quotes.
        key = -leg.outcome_id
        if key not in self._watched:
            since = self._since - LOOKBACK
            self._watched[key] = series.load(self._session, leg, since=since, until=self._until)
        return self._watched[key]

    def _load(self, focused: Sequence[Focus]) -> None:
        legs = {focus.leg.outcome_id: focus.leg for focus in focused}
        since = self._since - LOOKBACK
        known = signal_repo.focal(
            self._session, list(legs), window_s=rules.PRIMARY_WINDOW_S, since=since
        )
        for outcome_id, found in known.items():
            for relation, signal in found:
                self._tested.setdefault((signal.origin_id, outcome_id), signal.signal_id)
                self._focal[outcome_id][signal.signal_id] = Focus(
                    signal, legs[outcome_id], relation
                )

    def _focal_leg(self, legs: list[Leg], signal: Signal) -> Leg | None:
        entities = set(signal.entities or ())
        owners = self._topics.owners(signal.entities)
        named = sum(leg.owner in entities or leg.owner in owners for leg in legs)
        is_plain = len(legs) == 1 or named == 1
        found = rules.focal_leg(
            [
                rules.Leg(
                    str(leg.outcome_id),
                    leg.owner,
                    None if is_plain else series.price_at(self._session, leg, signal.at),
                )
                for leg in legs
            ],
            entities=entities,
            owners=owners,
        )
        by_id = {str(leg.outcome_id): leg for leg in legs}
        return by_id[found.outcome] if found else None


def may_lead(signal: Signal) -> bool:
    """Return whether a signal is tested at all."""
    # A venue's own news comes with its price and never leads it.
    return not signal.background and signal.origin_kind != ORIGIN_KIND


def _seed(focus: Focus) -> int:
    """Return a number of the pair alone, whatever else a run looks at."""
    leg = focus.leg
    pair = (focus.signal.signal_id, leg.venue, leg.venue_id, leg.venue_outcome_id)
    return int.from_bytes(blake2b("\n".join(pair).encode(), digest_size=8).digest(), "big")


def _testing_order(focus: Focus) -> tuple[bool, int, str, str]:
    signal = focus.signal
    return focus.relation != "own", signal.event_no, signal.theme, signal.signal_id


def _relation(legs: list[Leg], theme: str) -> str | None:
    relations = {relation for leg in legs for name, relation in leg.themes if name == theme}
    return "own" if "own" in relations else ("related" if relations else None)
