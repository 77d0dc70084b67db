"""What rules look at: plain values of a signal, a move and a leaderboard row, instants aware UTC.

Prices are probabilities 0..1, moves signed changes of them (0.09 is 9 pp). `alertable` and `live`
are decided where rows are made: only what a live poll saw first may be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class MarketPrice:
    """One leg beside a story: its price just before the story's t0 and now; None is unknown."""

    label: str
    before: float | None
    now: float | None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class SignalView:
    """One signal of one theme.

    `story_id` is the story, or the origin's id where there is none; `merged` are stories that
    were folded into it, so that a merge tells nothing twice. `entities` are catalog ids,
    `entity_names` and `facts` the same in English as they are shown ("Alibaba", "CNY 1,899").
    `series` are the venue series of the theme's markets.
    """

    signal_id: str
    story_id: str
    theme: str
    kind: str
    title: str
    source: str
    tier: int
    score: float
    publishers: int
    observed_at: datetime
    alertable: bool
    published_at: datetime | None = None
    precision: str = "second"
    url: str | None = None
    lang: str | None = None
    entities: tuple[str, ...] = ()
    entity_names: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    background: bool = False
    reasons: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    prices: tuple[MarketPrice, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A signal near a move: `minutes_before` its start (negative: after), give or take the clocks.

    `clock_error_min` is None when the clocks' error is unknown.
    """

    title: str
    minutes_before: float
    clock_error_min: float | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class MoveView:
    """One move of one leg. `move_key` names it across versions; `persisted` is past pending."""

    move_key: str
    outcome_id: int
    venue: str
    series: str | None
    label: str
    question: str
    start_at: datetime
    end_at: datetime
    price_from: float
    price_to: float
    move: float
    verdict: str
    persisted: bool
    live: bool
    series_title: str | None = None
    outcome: str | None = None
    market_url: str | None = None
    themes: tuple[str, ...] = ()
    z: float | None = None
    explained_by: tuple[Candidate, ...] = ()
    rules_text: str | None = None

    @property
    def subject(self) -> str:
        """Return what its legs share: venue and series, or the question's own outcome."""
        return f"{self.venue}/{self.series or f'outcome:{self.outcome_id}'}"


@dataclass(frozen=True, slots=True)
class StandingView:
    """One change on one leaderboard at one publish date. `gap` in points of the board's score."""

    signal_id: str
    theme: str
    board: str
    style_control: str
    publish_date: date
    change: str
    model: str
    rank: int
    score: float
    title: str
    observed_at: datetime
    alertable: bool
    organization: str | None = None
    gap: float | None = None
    url: str | None = None
    background: bool = False
    series: tuple[str, ...] = ()
    prices: tuple[MarketPrice, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceView:
    """One state of one source: down, stale, drift, disabled or recovered, and why in words.

    `since` is its last good read, or when the drift began; None when it never worked.
    """

    source: str
    kind: str
    state: str
    since: datetime | None
    said: str
    observed_at: datetime


View = SignalView | MoveView | StandingView | SourceView
