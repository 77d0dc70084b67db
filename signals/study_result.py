"""What a study says, as values: observations, what was left out, the curve, the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from signals.prices import HOUR_MS
from signals.study_placebo import DAY_MS, DRAWS
from signals.study_tests import Interval, SignFlip, TTest
from signals.windows import Refusal

Exclusion = Refusal | Literal["confounded"]

PRIMARY_MS = HOUR_MS
THIN_BELOW = 30


@dataclass(frozen=True, slots=True)
class Observation:
    """What the price did around one episode.

    `move` over the window, `pre` over the 2 h before (None: unknown), `z` the move in units of
    its noise. `n_placebo` comparable hours on `placebo_days` days, `larger_than` of which the
    move is standing out from (in units of each hour's own noise).
    """

    key: str
    t0: int
    before: float
    after: float
    move: float
    pre: float | None
    z: float
    n_updates: int
    n_placebo: int
    placebo_days: int
    larger_than: int

    @property
    def thin(self) -> bool:
        """Return whether fewer than 30 price changes stand behind its noise."""
        return self.n_updates < THIN_BELOW


@dataclass(frozen=True, slots=True)
class Excluded:
    """An episode that is not in the figures; `age_ms`, `gap_ms`: how old, how long unwatched."""

    key: str
    t0: int
    reason: Exclusion
    age_ms: int | None
    gap_ms: int


@dataclass(frozen=True, slots=True)
class Bin:
    """One point of the curve: the mean move since t0 of the `n` episodes with a price there.

    `low`, `high`: between them lie 95 % of the means of as many comparable hours, None when too
    few episodes have those.
    """

    offset_ms: int
    n: int
    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class PlaceboTest:
    """The pooled placebo test over the `episodes` that have at least 20 comparable hours.

    `p` from `draws` draws of an hour for each, of `hours` on `days` distinct UTC days; it is
    never below 1 / (1 + days), because the days are what is independent.
    """

    p: float
    episodes: int
    hours: int
    days: int
    draws: int = DRAWS


@dataclass(frozen=True, slots=True)
class Study:
    """What `study` found. Figures are None where n does not carry them.

    `interval`: bootstrap from 15 episodes on, below it Student's t. `day_flip`: the sign-flip
    test over the means of the UTC days, when episodes share days. `detectable`: the smallest
    mean that n such episodes show with 80 % power, in probability; `detectable_sd` in sd of one.
    """

    window_ms: int
    observations: tuple[Observation, ...]
    excluded: tuple[Excluded, ...]
    curve: tuple[Bin, ...]
    mean: float | None
    sd: float | None
    interval: Interval | None
    flip: SignFlip | None
    day_flip: SignFlip | None
    t: TTest | None
    bmp: TTest | None
    placebo: PlaceboTest | None
    detectable: float | None
    detectable_sd: float | None

    @property
    def n(self) -> int:
        """Return the number of episodes in the figures."""
        return len(self.observations)

    @property
    def days(self) -> int:
        """Return on how many distinct UTC days they lie."""
        return len({each.t0 // DAY_MS for each in self.observations})

    @property
    def is_primary(self) -> bool:
        """Return whether the window is the one that is tested; others are described."""
        return self.window_ms == PRIMARY_MS
