"""Signals become links: what each related price did after them, judged once the window closed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from monitor.jobs import series
from monitor.jobs.series import Watched
from monitor.topics import Topics
from signals import links as rules
from signals.episodes import Occurrence, episodes
from signals.links import LinkResult
from storage import market_repo, signal_repo
from storage.instants import to_ms
from storage.market_news import ORIGIN_KIND
from storage.market_repo import Leg
from storage.models import Signal
from storage.records import Precision

HORIZON = timedelta(days=8)
# The run-up of 2 h and the longest chain of an episode that may reach into it.
RUN_UP = timedelta(hours=2)
AROUND = timedelta(hours=9)
PRIMARY = timedelta(seconds=rules.PRIMARY_WINDOW_S)
MANY = 10_000  # ids that one query names
WINDOWS_S = (rules.PRIMARY_WINDOW_S, *rules.DESCRIBED_WINDOWS_S)
PRECISE = {Precision.SECOND, Precision.MINUTE}


@dataclass(frozen=True, slots=True)
class _Focus:
    """A signal and the leg it is tested on."""

    signal: Signal
    leg: Leg
    relation: str


def link_signals(
    session: Session,
    topics: Topics,
    *,
    now: datetime,
    horizon: timedelta = HORIZON,
    changed: Iterable[Signal] = (),
) -> int:
    """Return how many link rows changed: one test for each story and outcome, the rest described.

    First every due signal gets its focal legs, so that each test knows the other episodes on its
    outcome; then the windows that can be read are judged. `changed` signals are due, too: their
    instant may be another one.
    """
    unlinked = signal_repo.unlinked(session, now=now, horizon=now - horizon, windows_s=WINDOWS_S)
    again = [signal for signal in changed if now - horizon <= signal.at <= now]
    found = {signal.signal_id: signal for signal in (*unlinked, *again) if _may_lead(signal)}
    due = sorted(found.values(), key=lambda signal: (signal.at, signal.signal_id))
    if not due:
        return 0
    book = _Book(session, topics, since=min(signal.at for signal in due), now=now)
    focused = [focus for signal in due for focus in book.focuses(signal)]
    book.note(focused)
    return sum(_link(session, book, focus, now=now) for focus in focused)


class _Book:
    """The legs, prices and focal signals that one run needs, each read once."""

    def __init__(self, session: Session, topics: Topics, *, since: datetime, now: datetime) -> None:
        self._session, self._topics, self._since, self._now = session, topics, since, now
        self._by_series: dict[tuple[str, str], list[Leg]] = defaultdict(list)
        for leg in market_repo.legs(session):
            self._by_series[(leg.venue, leg.series)].append(leg)
        self._watched: dict[int, Watched] = {}
        self._focal: dict[int, dict[str, Signal]] = defaultdict(dict)
        self._tested: dict[tuple[str, int], str] = {}
        self._load_known()

    def _load_known(self) -> None:
        signals = {
            signal.signal_id: signal
            for signal in signal_repo.signals(self._session, since=self._since - AROUND)
        }
        wanted = list(signals) if len(signals) <= MANY else None
        for link in signal_repo.links(self._session, signal_ids=wanted):
            signal = signals.get(link.signal_id)
            if link.focal and signal and link.window_s == rules.PRIMARY_WINDOW_S:
                self._focal[link.outcome_id][signal.signal_id] = signal
                self._tested[(signal.origin_id, link.outcome_id)] = signal.signal_id

    def watched(self, leg: Leg) -> Watched:
        """Return a leg's prices over every due signal's windows."""
        if leg.outcome_id not in self._watched:
            self._watched[leg.outcome_id] = series.load(self._session, leg, since=self._since)
        return self._watched[leg.outcome_id]

    def focuses(self, signal: Signal) -> list[_Focus]:
        """Return the leg of each series that `signal` is tested on, own markets first."""
        found = []
        for legs in self._by_series.values():
            relation = _relation(legs, signal.theme)
            focal = self._focal_leg(legs, signal) if relation else None
            if relation and focal:
                found.append(_Focus(signal, focal, relation))
        return sorted(found, key=lambda focus: (focus.relation != "own", focus.leg.outcome_id))

    def siblings(self, focus: _Focus) -> list[Leg]:
        """Return the other legs of the focal leg's series."""
        legs = self._by_series[(focus.leg.venue, focus.leg.series)]
        return [leg for leg in legs if leg.outcome_id != focus.leg.outcome_id]

    def note(self, focused: list[_Focus]) -> None:
        """Remember which signals are focal where; the first theme of a story keeps the test."""
        for focus in sorted(focused, key=_testing_order):
            key = (focus.signal.origin_id, focus.leg.outcome_id)
            if self._tested.setdefault(key, focus.signal.signal_id) == focus.signal.signal_id:
                self._focal[focus.leg.outcome_id][focus.signal.signal_id] = focus.signal

    def is_test(self, focus: _Focus) -> bool:
        """Return whether this signal, not its twin in another theme, tests this outcome."""
        key = (focus.signal.origin_id, focus.leg.outcome_id)
        return self._tested.get(key) == focus.signal.signal_id

    def others(self, focus: _Focus) -> tuple[str, list[Signal]]:
        """Return the episode of `focus` and the focal signals of the other episodes near it."""
        near = [
            signal
            for signal in self._focal[focus.leg.outcome_id].values()
            if signal.precision in PRECISE and abs(signal.at - focus.signal.at) <= AROUND
        ]
        found = episodes(
            Occurrence(s.signal_id, to_ms(s.at), s.origin_id, frozenset(s.entities or ()))
            for s in near
        )
        mine = found.get(focus.signal.signal_id, focus.signal.signal_id)
        return str(mine), [s for s in near if found.get(s.signal_id) != mine]

    def _focal_leg(self, legs: list[Leg], signal: Signal) -> Leg | None:
        found = rules.focal_leg(
            [
                rules.Leg(
                    str(leg.outcome_id),
                    leg.owner,
                    series.price_at(self._session, leg, signal.at) if len(legs) > 1 else None,
                )
                for leg in legs
            ],
            entities=set(signal.entities or ()),
            owners=self._topics.owners(signal.entities),
        )
        named = {str(leg.outcome_id): leg for leg in legs}
        return named[found.outcome] if found else None


def _may_lead(signal: Signal) -> bool:
    # A venue's own news comes with its price and never leads it.
    return not signal.background and signal.origin_kind != ORIGIN_KIND


def _testing_order(focus: _Focus) -> tuple[bool, int, str]:
    return focus.relation != "own", focus.signal.event_no, focus.signal.theme


def _relation(legs: list[Leg], theme: str) -> str | None:
    relations = {relation for leg in legs for name, relation in leg.themes if name == theme}
    return "own" if "own" in relations else ("related" if relations else None)


def _link(session: Session, book: _Book, focus: _Focus, *, now: datetime) -> int:
    if not book.is_test(focus):
        return 0
    episode, others = book.others(focus)
    result = _evaluate(book, focus, focus.leg, [to_ms(other.at) for other in others], now)
    changed = _put(session, focus, focus.leg, result, now, episode, others, focal=True)
    for window_s in rules.DESCRIBED_WINDOWS_S:
        described = _describe(book, focus, window_s, now)
        changed += _put(
            session, focus, focus.leg, described, now, episode, [], focal=True, window_s=window_s
        )
    if result.final:
        for leg in book.siblings(focus):
            other = _evaluate(book, focus, leg, [], now)
            if other.verdict.startswith("moved_"):
                changed += _put(session, focus, leg, other, now, episode, [], focal=False)
    return changed


def _evaluate(book: _Book, focus: _Focus, leg: Leg, others: list[int], now: datetime) -> LinkResult:
    watched = book.watched(leg)
    return rules.evaluate(
        watched.series,
        watched.coverage,
        t0=to_ms(focus.signal.at),
        now=to_ms(now),
        resolved_at=series.resolved_ms(leg),
        precise=focus.signal.precision in PRECISE,
        focal_t0s_of_other_episodes=others,
    )


def _describe(book: _Book, focus: _Focus, window_s: int, now: datetime) -> LinkResult:
    watched = book.watched(focus.leg)
    return rules.describe(
        watched.series,
        watched.coverage,
        t0=to_ms(focus.signal.at),
        window_s=window_s,
        now=to_ms(now),
        resolved_at=series.resolved_ms(focus.leg),
        precise=focus.signal.precision in PRECISE,
    )


def _put(
    session: Session,
    focus: _Focus,
    leg: Leg,
    result: LinkResult,
    now: datetime,
    episode: str,
    others: list[Signal],
    *,
    focal: bool,
    window_s: int = rules.PRIMARY_WINDOW_S,
) -> int:
    # What was not evaluated has no move; a zero would average in as "no effect".
    is_evaluated = not result.verdict.startswith("not_evaluated")
    values: dict[str, Any] = {
        "signal_id": focus.signal.signal_id,
        "outcome_id": leg.outcome_id,
        "window_s": window_s,
        "focal": focal,
        "relation": focus.relation,
        "price_before": _rounded(result.price_before),
        "price_after": _rounded(result.price_after) if is_evaluated else None,
        "pre_move": _rounded(result.pre_move) if is_evaluated else None,
        "move": _rounded(result.move) if is_evaluated else None,
        "abnormal_move": _rounded(result.abnormal_move) if is_evaluated else None,
        "z": _rounded(result.z) if is_evaluated else None,
        "n_updates": result.n_updates,
        "quote_age_s": result.quote_age_s,
        "thin": result.thin,
        "verdict": result.verdict,
        "reason": result.reason,
        "episode": episode,
        "confounded_by": _confounders(focus, result, others),
        "final": result.final,
    }
    return int(signal_repo.put_link(session, values, known_from=now))


def _confounders(focus: _Focus, result: LinkResult, others: list[Signal]) -> list[str]:
    if result.verdict != "confounded":
        return []
    t0 = focus.signal.at
    near = [other for other in others if t0 - RUN_UP <= other.at < t0 + PRIMARY]
    return [other.signal_id for other in sorted(near, key=lambda each: (each.at, each.signal_id))]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 9)
