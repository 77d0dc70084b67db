"""Alerts graded in hindsight, once their horizon has passed: live ones and replayed ones alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b

from sqlmodel import Session, col, select

from monitor.jobs import series
from monitor.jobs.grade_targets import GRADED_KINDS, Target, Targets, Told, of_row, series_key
from monitor.jobs.link_book import LinkBook
from monitor.topics import Topics
from signals import grading
from signals.grade_report import Graded, Report, recall, repeats, report
from signals.grading import HORIZON_MS, Base, Direction, Outcome
from signals.moves import together
from storage import signal_repo
from storage.instants import to_ms
from storage.market_repo import Leg
from storage.models import Alert, Move

HORIZON = timedelta(milliseconds=HORIZON_MS)
# Price rows may still come in late; after a week nothing that was missing does.
PATIENCE = timedelta(days=7)
# What a taker pays at each end, as a share of p(1-p). Source: Kalshi's fee schedule, general
# markets. Polymarket's takes none in most markets and the rest are not stored; Manifold none.
TAKER_FEES = {"kalshi": 0.07}
NOTHING_SAID = Outcome(None, "no_market")
NOT_TOLD = Outcome(None, "not_told")
# A grade that more prices, read late, may still change.
OPEN = ("stale", "no_price")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class GradedAlert:
    """An alert beside its target (None: no market) and its grade.

    `graded` counts it among its rule's alerts; `repeat_of_all`: another rule had told the episode,
    so that over all rules it counts no more.
    """

    told: Told
    target: Target | None
    graded: Graded
    repeat_of_all: bool = False

    @property
    def overall(self) -> Graded:
        """Return its grade among the alerts of all rules."""
        return replace(self.graded, repeat=self.repeat_of_all)


@dataclass(frozen=True, slots=True)
class Grades:
    """The grades of a period: each alert, and the reports of all rules and of each one.

    In `overall` alerts of several rules on one series within one horizon are one observation.
    """

    since: datetime
    until: datetime
    alerts: Sequence[GradedAlert]
    overall: Report
    by_rule: Mapping[str, Report] = field(default_factory=dict)


def grades(
    session: Session,
    topics: Topics,
    alerts: Sequence[Told],
    *,
    since: datetime,
    now: datetime,
    themes: Mapping[str, Sequence[str]] | None = None,
    progress: Progress | None = None,
) -> Grades:
    """Return how `alerts` told in [since, now] did, with what is known now.

    `themes` names the themes that a rule listens to: its recall is over their markets only, that
    of others over every followed market. `progress` gets the number of alerts done and of all.
    """
    grader = _Grader(session, topics, since=since, now=now)
    found = []
    for done, told in enumerate(sorted(alerts, key=lambda each: each.at)):
        if progress is not None:
            progress(done, len(alerts))
        found.append(grader.grade(told))
    if progress is not None:
        progress(len(alerts), len(alerts))
    found = _marked(found)
    moves = list(grader.moves())
    names = sorted({each.told.rule for each in found})
    return Grades(
        since=since,
        until=now,
        alerts=found,
        overall=_report(grader, found, [each.overall for each in found], moves),
        by_rule={
            name: _report(
                grader,
                of_rule := [each for each in found if each.told.rule == name],
                [each.graded for each in of_rule],
                [move for move in moves if grader.concerns(move[0], (themes or {}).get(name, ()))],
            )
            for name in names
        },
    )


def stored(session: Session, *, since: datetime) -> list[Told]:
    """Return the alerts of the store since `since`, oldest first."""
    query = select(Alert).where(col(Alert.at) >= since).order_by(col(Alert.at), col(Alert.id))
    return [of_row(alert) for alert in session.exec(query)]


def grade_due(session: Session, topics: Topics, *, now: datetime) -> int:
    """Return how many stored alerts got a grade: their horizon has passed since the last look.

    `hit`, `miss`, `resolved` and `no_market` stay. `stale` and `no_price` are looked at again for
    a week, in case the prices come in late.
    """
    query = (
        select(Alert)
        .where(col(Alert.kind).in_(GRADED_KINDS), col(Alert.at) <= now - HORIZON)
        .where(
            col(Alert.grade).is_(None)
            | (col(Alert.grade).in_(OPEN) & (col(Alert.at) > now - PATIENCE))
        )
        .order_by(col(Alert.at), col(Alert.id))
    )
    due = list(session.exec(query))
    if not due:
        return 0
    grader = _Grader(session, topics, since=due[0].at, now=now)
    changed = 0
    for alert in due:
        # What a cooldown kept quiet is graded, too: it says what was missed.
        word = grader.outcome(replace(of_row(alert), suppressed=None)).word
        changed += word != alert.grade
        alert.grade = word
        session.add(alert)
    return changed


class _Grader:
    """Targets, prices and base rates of one period, each worked out once."""

    def __init__(self, session: Session, topics: Topics, *, since: datetime, now: datetime) -> None:
        self._session, self._since, self._now = session, since, now
        self._book = LinkBook(session, topics, since=since, until=now + timedelta(milliseconds=1))
        self._targets = Targets(session, topics, self._book)
        self._bases: dict[tuple[int, str, Direction | None], Base] = {}
        self._crossed: dict[int, list[tuple[int, int]]] | None = None

    def outcome(self, told: Told) -> Outcome:
        """Return what came of an alert."""
        return self.grade(told, with_base=False).graded.outcome

    def grade(self, told: Told, *, with_base: bool = True) -> GradedAlert:
        """Return an alert with its target and its grade."""
        at = to_ms(told.at)
        target = self._targets.of(told)
        if told.suppressed is not None or target is None:
            found = NOT_TOLD if told.suppressed is not None else NOTHING_SAID
            key = target.key if target else ""
            return GradedAlert(told, target, Graded(key, at, None, found))
        path = self._path(target.leg, told.at)
        found = grading.outcome(path, at=at, direction=target.direction, now=to_ms(self._now))
        graded = Graded(target.key, at, target.direction, found)
        if with_base and found.hit is not None:
            graded = replace(
                graded,
                base=self._base(target, path),
                fee=_fee(target.leg, found),
                lead_ms=grading.lead_ms(path, found, at=at, moves=self._moves_of(target.leg)),
            )
        return GradedAlert(told, target, graded)

    def moves(self) -> Iterator[tuple[str, int]]:
        """Yield the moves of the period that lasted, legs of one series that went together once."""
        by_series: dict[str, list[int]] = {}
        for outcome_id, crossed in self._crossings().items():
            leg = self._targets.legs.get(outcome_id)
            if leg is not None:
                by_series.setdefault(series_key(leg), []).extend(at for at, _ in crossed)
        since = to_ms(self._since)
        for key, instants in by_series.items():
            for group in together(instants):
                if (first := instants[group[0]]) >= since:
                    yield key, first

    def concerns(self, key: str, themes: Sequence[str]) -> bool:
        """Return whether one of `themes` follows a series; every one does when none is named."""
        followers = {
            theme
            for leg in self._targets.legs.values()
            if series_key(leg) == key
            for theme, _ in leg.themes
        }
        return not themes or bool(followers & set(themes))

    def keys(self, told: Told, target: Target | None) -> set[str]:
        """Return the series that an alert bears on."""
        named = {
            series_key(leg) for leg in self._targets.legs.values() if leg.series in told.series
        }
        return named | ({target.key} if target else set())

    def _path(self, leg: Leg, at: datetime) -> grading.Path:
        watched = self._book.watched(leg)
        prices = series.on_basis_at(watched, to_ms(at))
        return grading.Path(prices, watched.coverage, series.resolved_ms(leg))

    def _base(self, target: Target, path: grading.Path) -> Base:
        """Return what random times score on the same kind of price."""
        key = (target.leg.outcome_id, path.series.basis, target.direction)
        if key not in self._bases:
            self._bases[key] = grading.base_rate(
                path,
                direction=target.direction,
                since=to_ms(self._since),
                until=to_ms(self._now),
                seed=_seed(target.leg),
            )
        return self._bases[key]

    def _moves_of(self, leg: Leg) -> list[tuple[int, int]]:
        return self._crossings().get(leg.outcome_id, [])

    def _crossings(self) -> dict[int, list[tuple[int, int]]]:
        """Return (crossing, sign) of each outcome's moves that lasted, as they stand now."""
        if self._crossed is None:
            self._crossed = {}
            for move in signal_repo.moves(self._session, since=self._since - HORIZON):
                if move.state == "persisted" and move.crossed_at <= self._now:
                    self._crossed.setdefault(move.outcome_id, []).append(_crossing(move))
        return self._crossed


def _crossing(move: Move) -> tuple[int, int]:
    return to_ms(move.crossed_at), 1 if move.move > 0 else -1


def _marked(found: Sequence[GradedAlert]) -> list[GradedAlert]:
    """Return the alerts with those marked that tell an episode again, in their rule and in all."""
    in_rule = _repeats(found, lambda each: each.told.rule)
    in_all = _repeats(found, lambda each: "")
    marked = [replace(each.graded, repeat=place in in_rule) for place, each in enumerate(found)]
    return [
        replace(each, graded=graded, repeat_of_all=place in in_all)
        for place, (each, graded) in enumerate(zip(found, marked, strict=True))
    ]


def _repeats(found: Sequence[GradedAlert], group: Callable[[GradedAlert], str]) -> set[int]:
    """Return the places of those within one horizon of one of their group that counts."""
    places = [place for place, each in enumerate(found) if each.graded.outcome.hit is not None]
    graded = [found[place] for place in places]
    again = repeats([(f"{group(each)}\n{each.graded.key}", each.graded.at) for each in graded])
    return {place for place, is_again in zip(places, again, strict=True) if is_again}


def _report(
    grader: _Grader,
    found: Sequence[GradedAlert],
    graded: Sequence[Graded],
    moves: Iterable[tuple[str, int]],
) -> Report:
    told = [
        (key, each.graded.at)
        for each in found
        if each.told.suppressed is None
        for key in grader.keys(each.told, each.target)
    ]
    return report(graded, recalled=recall(moves, told))


def _fee(leg: Leg, found: Outcome) -> float:
    ends = [price for price in (found.entry, found.exit) if price is not None]
    return sum(TAKER_FEES.get(leg.venue, 0.0) * price * (1 - price) for price in ends)


def _seed(leg: Leg) -> int:
    """Return a number of the outcome alone, so that its random times are always the same."""
    name = "\n".join(("grades", leg.venue, leg.venue_id, leg.venue_outcome_id))
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
