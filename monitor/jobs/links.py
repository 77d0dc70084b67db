"""Signals become links: what each related price did after them, judged once the window closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from monitor.jobs import series
from monitor.jobs.link_book import PRECISE, Focus, LinkBook, may_lead
from monitor.topics import Topics
from signals import links as rules
from signals.links import LinkResult
from signals.placebo import Placebo
from signals.shape import NO_SHAPE, Interval
from storage import signal_repo
from storage.instants import to_ms
from storage.market_repo import Leg
from storage.models import Signal

HORIZON = timedelta(days=8)
RUN_UP = timedelta(hours=2)
PRIMARY = timedelta(seconds=rules.PRIMARY_WINDOW_S)
ROWS_AT_ONCE = 2_000
WINDOWS_S = (rules.PRIMARY_WINDOW_S, *rules.DESCRIBED_WINDOWS_S)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Judged:
    """One link as it stands: the leg, its window, whether it is the focal one, what was found."""

    focus: Focus
    leg: Leg
    window_s: int
    focal: bool
    result: LinkResult
    episode: str
    confounders: tuple[str, ...] = ()
    reversal: float | None = None


def link_signals(
    session: Session,
    topics: Topics,
    *,
    now: datetime,
    horizon: timedelta = HORIZON,
    changed: Iterable[Signal] = (),
    with_history: bool = False,
    progress: Progress | None = None,
) -> int:
    """Return how many link rows changed: one test for each story and outcome, the rest described.

    Due are signals whose window has closed, that are new, or that `changed` (their instant may be
    another one), and those that stand close to a new one on the same outcome. First every due
    signal gets its focal legs, so that each test knows the other episodes; then the windows that
    can be read are judged. Beyond HORIZON also old signals that never found a leg are due, and
    `with_history` all of them: prices that came of the past may lie in any window and among the
    hours it is compared with, so that what is stored does not depend on what was read in first.
    `progress` gets the number of pairs done and of all.
    """
    due = _due(session, now, horizon, changed, with_history=with_history)
    if not due:
        return 0
    book = LinkBook(session, topics, since=min(signal.at for signal in due))
    focused = [focus for signal in due for focus in book.focuses(signal)]
    focused += [focus for focus in book.note(focused) if now - horizon <= focus.signal.at]
    if with_history:
        book.compare_all(focused)
    written, found = 0, []
    for done, focus in enumerate(focused):
        if progress is not None:
            progress(done, len(focused))
        found += [link_values(one) for one in judged(book, focus, now=now)]
        if len(found) >= ROWS_AT_ONCE:
            written += signal_repo.put_links(session, found, known_from=now)
            found = []
    written += signal_repo.put_links(session, found, known_from=now)
    if progress is not None:
        progress(len(focused), len(focused))
    return written


def judged(book: LinkBook, focus: Focus, *, now: datetime) -> Iterator[Judged]:
    """Yield what a signal's focal leg did, window by window, and the other legs that moved.

    Nothing for the twin of a signal that tests the outcome already.
    """
    if not book.is_test(focus):
        return
    episode, others = book.others(focus)
    instants = [to_ms(other.at) for other in others]
    found = _evaluate(book, focus, focus.leg, instants, now, lambda: book.placebo(focus))
    primary = Judged(
        focus,
        focus.leg,
        rules.PRIMARY_WINDOW_S,
        focal=True,
        result=found,
        episode=episode,
        confounders=_confounders(focus, found, others),
    )
    yield primary
    for window_s in rules.DESCRIBED_WINDOWS_S:
        described = _describe(book, focus, window_s, now)
        reversal = rules.reversal(found, described) if window_s > rules.PRIMARY_WINDOW_S else None
        yield replace(
            primary, window_s=window_s, result=described, confounders=(), reversal=reversal
        )
    if found.final:
        for leg in book.siblings(focus):
            other = _evaluate(book, focus, leg, [], now)
            if other.verdict.startswith("moved_"):
                yield replace(primary, leg=leg, focal=False, result=other, confounders=())


def link_values(found: Judged) -> dict[str, Any]:
    """Return the columns of a link; what was not evaluated has no figures."""
    result = found.result if found.result.is_evaluated else _untold(found.result)
    shape = result.shape
    return {
        "signal_id": found.focus.signal.signal_id,
        "outcome_id": found.leg.outcome_id,
        "window_s": found.window_s,
        "focal": found.focal,
        "relation": found.focus.relation,
        "price_before": _rounded(result.price_before),
        "price_after": _rounded(result.price_after),
        "pre_move": _rounded(result.pre_move),
        "move": _rounded(result.move),
        "abnormal_move": _rounded(result.abnormal_move),
        "z": _rounded(result.z),
        "p_value": _rounded(result.p_value),
        "n_placebo": result.n_placebo,
        "placebo_days": result.placebo_days,
        "n_updates": result.n_updates,
        "quote_age_s": result.quote_age_s,
        "thin": result.thin,
        "verdict": result.verdict,
        "reason": result.reason,
        "episode": found.episode,
        "confounded_by": list(found.confounders),
        "log_odds_move": _rounded(shape.log_odds),
        "room_share": _rounded(shape.room),
        **_interval("response", shape.first),
        **_interval("half", shape.half),
        "reversal": _rounded(found.reversal),
        "final": result.final,
    }


def _due(
    session: Session,
    now: datetime,
    horizon: timedelta,
    changed: Iterable[Signal],
    *,
    with_history: bool,
) -> list[Signal]:
    patience = {} if horizon <= HORIZON else {"patience": None}
    found = signal_repo.unlinked(
        session, now=now, horizon=now - horizon, windows_s=WINDOWS_S, **patience
    )
    if with_history:
        found += signal_repo.signals(session, since=now - horizon)
    found += [signal for signal in changed if now - horizon <= signal.at]
    due = {one.signal_id: one for one in found if one.at <= now and may_lead(one)}
    return sorted(due.values(), key=lambda signal: (signal.at, signal.signal_id))


def _evaluate(
    book: LinkBook,
    focus: Focus,
    leg: Leg,
    others: list[int],
    now: datetime,
    test: Callable[[], Placebo] | None = None,
) -> LinkResult:
    watched, t0 = book.watched(leg), to_ms(focus.signal.at)
    return rules.evaluate(
        series.around(series.on_basis_at(watched, t0), t0),
        watched.coverage,
        t0=t0,
        now=to_ms(now),
        resolved_at=series.resolved_ms(leg),
        precise=focus.signal.precision in PRECISE,
        focal_t0s_of_other_episodes=others,
        test=test,
    )


def _describe(book: LinkBook, focus: Focus, window_s: int, now: datetime) -> LinkResult:
    watched, t0 = book.watched(focus.leg), to_ms(focus.signal.at)
    return rules.describe(
        series.around(series.on_basis_at(watched, t0), t0),
        watched.coverage,
        t0=t0,
        window_s=window_s,
        now=to_ms(now),
        resolved_at=series.resolved_ms(focus.leg),
        precise=focus.signal.precision in PRECISE,
    )


def _confounders(focus: Focus, result: LinkResult, others: list[Signal]) -> tuple[str, ...]:
    if result.verdict != "confounded":
        return ()
    t0 = focus.signal.at
    near = [other for other in others if t0 - RUN_UP <= other.at < t0 + PRIMARY]
    return tuple(o.signal_id for o in sorted(near, key=lambda each: (each.at, each.signal_id)))


def _untold(result: LinkResult) -> LinkResult:
    """Return a result without its figures: a zero would average in as "no effect"."""
    return replace(
        result,
        price_after=None,
        pre_move=None,
        move=None,
        abnormal_move=None,
        z=None,
        p_value=None,
        n_placebo=None,
        placebo_days=None,
        shape=NO_SHAPE,
    )


def _interval(name: str, found: Interval | None) -> dict[str, float | None]:
    after, by = (None, None) if found is None else (found.after_ms / 1000, found.by_ms / 1000)
    return {f"{name}_after_s": after, f"{name}_by_s": by}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 9) + 0.0  # no -0.0
