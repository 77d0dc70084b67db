"""Many graded alerts taken together: precision, base rate, lift, recall, lead time, money.

One alert an episode counts; what is left out is counted by reason, and nothing is a zero that is
not known. Source: event study reference, section 7.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from signals.evaluation import Interval, wilson
from signals.grading import HORIZON_MS, Base, Direction, Outcome

FEWEST = 5
FEWEST_WINDOWS = 20


@dataclass(frozen=True, slots=True)
class Graded:
    """One alert with its outcome. `key` names the series it is graded in, `fee` what trading costs.

    `lead_ms` is how long before the move the alert was told, negative after it; None for what is
    no hit. `repeat`: an alert of the same series within one horizon before it counts instead.
    """

    key: str
    at: int
    direction: Direction | None
    outcome: Outcome
    base: Base | None = None
    fee: float = 0.0
    lead_ms: int | None = None
    repeat: bool = False

    @property
    def counts(self) -> bool:
        """Return whether it is one of the n."""
        return self.outcome.hit is not None and not self.repeat

    @property
    def word(self) -> str:
        """Return hit, miss, or why it is none of the n."""
        if self.repeat and self.outcome.hit is not None:
            return "same_episode"
        return self.outcome.word

    @property
    def money(self) -> float | None:
        """Return what a share bought on it made: change x direction - spread - fee."""
        change, spread = self.outcome.change, self.outcome.spread
        if self.direction is None or change is None or spread is None:
            return None
        return change * self.direction - spread - self.fee


@dataclass(frozen=True, slots=True)
class Recall:
    """How many of `moves` (episodes) had an alert in the horizon before them."""

    told: int = 0
    moves: int = 0

    @property
    def share(self) -> float | None:
        """Return the share told before; None without moves."""
        return self.told / self.moves if self.moves else None

    @property
    def interval(self) -> Interval | None:
        """Return the 95 % Wilson interval of the share."""
        return wilson(self.told, self.moves)


@dataclass(frozen=True, slots=True)
class Money:
    """What the alerts with a direction made each, after spread and fee."""

    n: int
    mean: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Report:
    """The grade of many alerts. None is not known, never zero.

    `n` alerts were graded, one an episode, `either` of them without a stated direction and
    `without_book` on last trades or a history; `hits` came true; `excluded` counts the rest by
    reason.
    `base` is what random times in the same markets would score, from at least `base_windows`
    windows a market. `lead_ms` is the median over the hits told before their move; `after` hits
    were told after it.
    """

    n: int
    hits: int
    excluded: Mapping[str, int] = field(default_factory=dict)
    base: float | None = None
    base_windows: int | None = None
    lead_ms: float | None = None
    before: int = 0
    after: int = 0
    money: Money | None = None
    recall: Recall = Recall()
    either: int = 0
    without_book: int = 0

    @property
    def precision(self) -> float | None:
        """Return TP / (TP + FP)."""
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> Interval | None:
        """Return the 95 % Wilson interval of the precision."""
        return wilson(self.hits, self.n)

    @property
    def lift(self) -> float | None:
        """Return precision / base rate; None where either lacks or random times never hit."""
        return self.precision / self.base if self.precision is not None and self.base else None

    @property
    def p(self) -> float | None:
        """Return how likely random times are to hit as often: P(X >= hits | n, base).

        Exact binomial, one-sided. None below 5 alerts, or when the base rate itself stands on
        fewer than 20 windows of a market that do not overlap.
        """
        if self.n < FEWEST or self.base is None or (self.base_windows or 0) < FEWEST_WINDOWS:
            return None
        tail = (
            math.comb(self.n, k) * self.base**k * (1 - self.base) ** (self.n - k)
            for k in range(self.hits, self.n + 1)
        )
        return min(sum(tail), 1.0)


def repeats(alerts: Sequence[tuple[str, int]], *, horizon_ms: int = HORIZON_MS) -> list[bool]:
    """Return, for each (key, at), whether one that counts stands less than a horizon before it.

    Their windows overlap: they tell one episode, and are one observation.
    """
    counted: dict[str, int] = {}
    found = [False] * len(alerts)
    for place in sorted(range(len(alerts)), key=lambda n: (alerts[n][1], n)):
        key, at = alerts[place]
        found[place] = key in counted and at - counted[key] < horizon_ms
        if not found[place]:
            counted[key] = at
    return found


def recall(
    moves: Iterable[tuple[str, int]],
    alerts: Iterable[tuple[str, int]],
    *,
    horizon_ms: int = HORIZON_MS,
) -> Recall:
    """Return how many moves (key, at) had an alert of their key in the horizon before them."""
    told: dict[str, list[int]] = {}
    for key, at in alerts:
        told.setdefault(key, []).append(at)
    found = [any(0 < moved - at <= horizon_ms for at in told.get(key, ())) for key, moved in moves]
    return Recall(sum(found), len(found))


def report(graded: Sequence[Graded], *, recalled: Recall = Recall()) -> Report:
    """Return the grade of many alerts, with what was left out and why."""
    counted = [each for each in graded if each.counts]
    excluded = Counter(each.word for each in graded if not each.counts)
    bases = [each.base for each in counted if each.base is not None]
    rates = [base.rate for base in bases if base.rate is not None]
    windows = [base.windows for base in bases if base.n]
    leads = [each.lead_ms for each in counted if each.lead_ms is not None]
    before = [lead for lead in leads if lead >= 0]
    return Report(
        n=len(counted),
        hits=sum(bool(each.outcome.hit) for each in counted),
        excluded=dict(sorted(excluded.items())),
        # Compared with some of the markets only, a lift would be of other alerts.
        base=sum(rates) / len(rates) if rates and len(rates) == len(counted) else None,
        base_windows=min(windows, default=None),
        lead_ms=median(before) if before else None,
        before=len(before),
        after=len(leads) - len(before),
        money=_money([money for each in counted if (money := each.money) is not None]),
        recall=recalled,
        either=sum(each.direction is None for each in counted),
        without_book=sum(each.outcome.without_book for each in counted),
    )


def _money(made: Sequence[float]) -> Money | None:
    if not made:
        return None
    return Money(len(made), sum(made) / len(made), min(made), max(made))
