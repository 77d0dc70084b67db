"""What rules look at: plain values of signals, moves, links, boards, markets, sources; aware UTC.

Prices are probabilities 0..1, moves signed changes of them (0.09 is 9 pp). `alertable` and `live`
are decided where rows are made: only what a live poll saw first may be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class MarketPrice:
    """One leg beside a story: prices just before the story's t0, now and 24 h ago.

    None is unknown. `settles` is the settlement rule in a sentence.
    """

    label: str
    before: float | None
    now: float | None
    url: str | None = None
    day_ago: float | None = None
    settles: str | None = None


@dataclass(frozen=True, slots=True)
class SignalView:
    """One signal of one theme.

    `story_id` is the story, or the origin's id where there is none; `merged` are stories that
    were folded into it, so that a merge tells nothing twice. `entities` are catalog ids,
    `entity_names` and `facts` the same in English as they are shown ("Alibaba", "CNY 1,899").
    `series`, `venues` and `markets` (venue ids) are those of the theme's own markets,
    `volume_24h` the largest of theirs, in the venue's money. `similar` is what earlier signals of
    the kind did, in a sentence with its n.
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
    novelty: float | None = None
    venues: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    publisher_names: tuple[str, ...] = ()
    volume_24h: float | None = None
    similar: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A signal near a move: `minutes_before` its start (negative: after), give or take the clocks.

    `clock_error_min` is None when the clocks' error is unknown. `story_id` is as a SignalView's,
    and `merged` are the stories folded into it.
    """

    title: str
    minutes_before: float
    clock_error_min: float | None = None
    url: str | None = None
    signal_id: str = ""
    story_id: str = ""
    merged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MoveView:
    """One move of one leg. `move_key` names it across versions; `persisted` is past pending.

    `crossed_at` is when it became a move, `now` its price at the time of looking, `spread` and
    `volume_24h` the market's then; None is unknown. `entities` are the catalog ids of whom the leg
    is about and of all that is theirs; none when nobody knows.
    """

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
    market_id: str | None = None
    crossed_at: datetime | None = None
    now: float | None = None
    day_ago: float | None = None
    spread: float | None = None
    volume_24h: float | None = None
    entities: tuple[str, ...] = ()

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
class LinkView:
    """One measured response: what one focal outcome's price did after one signal.

    Windows in seconds, prices 0..1, moves signed; `at` is the story's t0. `label` is the leg's
    name. `alertable` as its signal's. Prices and p are None where nothing was measured.
    """

    signal_id: str
    story_id: str
    theme: str
    kind: str
    title: str
    source: str
    tier: int
    score: float
    at: datetime
    observed_at: datetime
    alertable: bool
    venue: str
    series: str | None
    market_id: str
    outcome_id: int
    label: str
    question: str
    relation: str
    window_s: int
    verdict: str
    final: bool
    thin: bool
    known_from: datetime
    background: bool = False
    precision: str = "second"
    entities: tuple[str, ...] = ()
    entity_names: tuple[str, ...] = ()
    novelty: float | None = None
    price_before: float | None = None
    price_after: float | None = None
    move: float | None = None
    abnormal_move: float | None = None
    z: float | None = None
    p_value: float | None = None
    n_placebo: int | None = None
    spread: float | None = None
    volume_24h: float | None = None
    url: str | None = None
    market_url: str | None = None
    settles: str | None = None

    @property
    def subject(self) -> str:
        """Return what its legs share: venue and series, or the question's own outcome."""
        return f"{self.venue}/{self.series or f'outcome:{self.outcome_id}'}"


@dataclass(frozen=True, slots=True)
class MarketView:
    """One state of one market: listed, closing, rules_changed, dispute or resolved.

    `state_id` tells one time of that state from the next: the venue's event, or when it closes.
    `said` is what happened, in words (the changed rule, the resolution). `story_id` is that of the
    signal which says the same, if there is one.
    """

    venue: str
    market_id: str
    series: str | None
    question: str
    state: str
    state_id: str
    said: str
    observed_at: datetime
    alertable: bool
    signal_id: str | None = None
    story_id: str | None = None
    themes: tuple[str, ...] = ()
    series_title: str | None = None
    label: str | None = None
    url: str | None = None
    closes_at: datetime | None = None
    entities: tuple[str, ...] = ()
    price: float | None = None
    volume_24h: float | None = None
    settles: str | None = None

    @property
    def subject(self) -> str:
        """Return what is told together: venue and series, or the market alone."""
        return f"{self.venue}/{self.series or self.market_id}"


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


View = SignalView | MoveView | LinkView | StandingView | MarketView | SourceView


@dataclass(frozen=True, slots=True)
class Views:
    """Everything rules may look at in one run."""

    signals: Sequence[SignalView] = ()
    moves: Sequence[MoveView] = ()
    links: Sequence[LinkView] = ()
    standings: Sequence[StandingView] = ()
    markets: Sequence[MarketView] = ()
    sources: Sequence[SourceView] = ()
