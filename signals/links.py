"""Links: what a price did around a signal, said with the first verdict that applies.

t0 is the signal's earliest public time. Half-open spans that share the price just before t0:
the run-up [t0-2h, t0) and the response [t0, t0+window]. A final result never changes with
later quotes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from signals.placebo import Placebo
from signals.prices import EPSILON, HOUR_MS, MINUTE_MS, POLLED_BASES, Coverage, PriceSeries
from signals.shape import NO_SHAPE, Shape, reversal_ratio, shape_of
from signals.windows import RUN_UP_MS, SIGHT_MS, Refusal, Window, lasting, measure, refusal

PRIMARY_WINDOW_S = 3600
DESCRIBED_WINDOWS_S = (900, 21_600, 86_400)
MIN_CHANGES = 30
MIN_Z = 4.0
MAX_P = 0.05
LASTED = ("moved_up", "moved_down", "confounded")


@dataclass(frozen=True, slots=True)
class LinkResult:
    """What one outcome did around one signal; None where it cannot be said.

    Prices and moves are probabilities, not points. `abnormal_move` is the move: the benchmark is
    zero. `n_updates` counts price changes in the estimation span, `thin` says they are fewer
    than 30. `quote_age_s` is the age at t0 of the last read (book, amm) or last change (trade,
    venue_history; None when there was none in the 72 h before). `p_value`, `n_placebo` and
    `placebo_days` are the placebo test's, None where it was not asked. `final`: no later quote can
    change it. `reason` is one English sentence.
    """

    price_before: float | None
    price_after: float | None
    pre_move: float | None
    move: float | None
    abnormal_move: float | None
    z: float | None
    n_updates: int
    quote_age_s: float | None
    thin: bool
    verdict: str
    final: bool
    reason: str
    p_value: float | None = None
    n_placebo: int | None = None
    placebo_days: int | None = None
    shape: Shape = NO_SHAPE

    @property
    def is_evaluated(self) -> bool:
        """Return whether anything is said of the response."""
        return not self.verdict.startswith("not_evaluated")


@dataclass(frozen=True, slots=True)
class Leg:
    """One market of a series at t0: the outcome's key, whose it is, its mid (None: no price)."""

    outcome: str
    owner: str | None
    price: float | None


def evaluate(
    series: PriceSeries,
    coverage: Coverage,
    *,
    t0: int,
    window_s: int = PRIMARY_WINDOW_S,
    now: int,
    resolved_at: int | None = None,
    precise: bool,
    focal_t0s_of_other_episodes: Sequence[int] = (),
    test: Callable[[], Placebo] | None = None,
) -> LinkResult:
    """Return the verdict on the response of one outcome to a signal at `t0`, as known at `now`.

    The first that applies of: `not_evaluated:` no_price, wide_book, stale, coverage, resolved,
    open_window, imprecise_time; `moved_before`; `no_detectable_move`; `confounded`;
    `moved_up` or `moved_down`. A market that resolved at or before t0 is `resolved` whatever
    else it lacks. `stale`: the last read before t0, of histories and trades the last change, is
    older than min(6 h, half the window). `coverage`: that limit is passed by a gap between reads
    anywhere in [t0 - limit, t0 + window]; a stored row is a read, too. While persistence is open
    a move is `open_window`. `precise` is False for dates without a time. `test` is asked only of
    a response that can be judged; where it has no p, |z| >= 4 decides. q never does.

    Source: event study reference, sections 2 and 3.
    """
    window = measure(series, coverage, t0, window_s, now, resolved_at)
    reason = refusal(window, precise)
    if reason is not None:
        return _result(window, f"not_evaluated:{reason}", _refusal_words(window, reason))
    placebo = Placebo(None, 0, 0) if test is None else test()
    verdict, words = _moved_before(window) or _undetected(window, placebo) or ("", "")
    if not verdict:
        verdict, words = _lasting_verdict(window, focal_t0s_of_other_episodes)
    final = not verdict.endswith(":open_window")
    return replace(
        _result(window, verdict, words, final=final),
        shape=shape_of(window, lasted=verdict in LASTED),
        p_value=placebo.p,
        n_placebo=None if test is None else placebo.n,
        placebo_days=None if test is None else placebo.days,
    )


def describe(
    series: PriceSeries,
    coverage: Coverage,
    t0: int,
    window_s: int,
    now: int,
    *,
    resolved_at: int | None = None,
    precise: bool = True,
) -> LinkResult:
    """Return the move over a window that is described, not tested: verdict `described`.

    The same reasons as in `evaluate` make it `not_evaluated`; there is no persistence test.
    """
    window = measure(series, coverage, t0, window_s, now, resolved_at)
    reason = refusal(window, precise)
    if reason is not None:
        return _result(window, f"not_evaluated:{reason}", _refusal_words(window, reason))
    assert window.post is not None
    found = _result(window, "described", f"{_pp(window.post)}, described, not tested")
    return replace(found, shape=shape_of(window, lasted=False))


def reversal(first: LinkResult, last: LinkResult) -> float | None:
    """Return how much of the first window's response the last one no longer shows.

    Only a response that counts and lasted can be taken back, else None.
    """
    if first.verdict not in LASTED or not last.is_evaluated:
        return None
    assert first.move is not None
    assert last.move is not None
    return reversal_ratio(first.move, last.move)


def focal_leg(
    legs: Sequence[Leg], *, entities: Collection[str], owners: Collection[str]
) -> Leg | None:
    """Return the leg that a signal about `entities` of `owners` is measured on.

    The leg whose owner is among the entities, then among the owners; else the only leg; else the
    highest price at t0. Ties go to the higher price, then the smaller key. None when no leg
    qualifies: none given, or no owner fits and none has a price.
    """
    for wanted in (entities, owners):
        named = [leg for leg in legs if leg.owner is not None and leg.owner in wanted]
        if named:
            return _highest(named)
    if len(legs) == 1:
        return legs[0]
    priced = [leg for leg in legs if leg.price is not None]
    return _highest(priced) if priced else None


def _moved_before(window: Window) -> tuple[str, str] | None:
    pre, post = window.pre, window.post
    if pre is None or post is None or abs(pre) < window.threshold(RUN_UP_MS) - EPSILON:
        return None
    if _is_small(window) or abs(pre) > abs(post) + EPSILON:
        return "moved_before", f"{_pp(pre)} in the 2 h before, {_pp(post)} after"
    return None


def _undetected(window: Window, placebo: Placebo) -> tuple[str, str] | None:
    move = _pp(window.post)
    if _is_small(window):
        return "no_detectable_move", f"{move}, below {_pp(window.threshold(window.window_ms))}"
    doubt = _doubt(window.z, placebo)
    return None if doubt is None else ("no_detectable_move", f"{move}, but {doubt}")


def _lasting_verdict(window: Window, other_t0s: Iterable[int]) -> tuple[str, str]:
    held, move = lasting(window), _pp(window.post)
    if isinstance(held, str):
        return f"not_evaluated:{held}", _refusal_words(window, held)
    if not held:
        return "no_detectable_move", f"{move}, but it did not last"
    others = sum(window.t0 - RUN_UP_MS <= t < window.end for t in other_t0s)
    if others:
        return "confounded", f"{move}, with {others} more signals from 2 h before to its end"
    verdict = "moved_up" if (window.post or 0.0) > 0 else "moved_down"
    return verdict, f"{move} against a threshold of {_pp(window.threshold(window.window_ms))}"


def _is_small(window: Window) -> bool:
    return abs(window.post or 0.0) < window.threshold(window.window_ms) - EPSILON


def _result(window: Window, verdict: str, reason: str, *, final: bool | None = None) -> LinkResult:
    age = window.age_ms
    is_closed = window.now >= window.end or window.resolved_at is not None
    return LinkResult(
        price_before=window.before.value,
        price_after=None if window.post is None else window.after.value,
        pre_move=window.pre,
        move=window.post,
        abnormal_move=window.post,
        z=window.z,
        n_updates=window.n_updates,
        quote_age_s=None if age is None else age / 1000,
        thin=window.n_updates < MIN_CHANGES,
        verdict=verdict,
        final=is_closed if final is None else final,
        reason=reason,
    )


def _refusal_words(window: Window, reason: Refusal) -> str:
    gap = window.gap_ms / MINUTE_MS
    words: dict[Refusal, str] = {
        "no_price": "no two-sided book at one end of the window",
        "wide_book": "bid and ask more than 10 pp apart at one end of the window",
        "stale": _age_words(window),
        "coverage": f"nobody watched the price for {gap:.0f} min",
        "resolved": "the market resolved before the response could be read",
        "open_window": "the response or its persistence cannot be read yet",
        "imprecise_time": "the signal has a date, not a time",
    }
    return f"not evaluated: {words[reason]}"


def _age_words(window: Window) -> str:
    if window.age_ms is None:
        return f"the price had not changed for more than {SIGHT_MS / HOUR_MS:.0f} h"
    age = f"{window.age_ms / MINUTE_MS:.0f} min"
    if window.series.basis in POLLED_BASES:
        return f"the price had last been read {age} before"
    return f"the price had not changed for {age}"


def _doubt(z: float | None, placebo: Placebo) -> str | None:
    if placebo.p is not None:
        as_large = round(placebo.p * (1 + placebo.n)) - 1
        words = f"{as_large} of {placebo.n} comparable hours without a signal moved as much"
        return words if placebo.p > MAX_P else None
    assert z is not None
    return f"|z| {abs(z):.1f} is below {MIN_Z:.0f}" if abs(z) < MIN_Z - EPSILON else None


def _highest(legs: Sequence[Leg]) -> Leg:
    return min(legs, key=lambda leg: (-1.0 if leg.price is None else -leg.price, leg.outcome))


def _pp(move: float | None) -> str:
    return "nothing" if move is None else f"{100 * move:+.1f} pp"
