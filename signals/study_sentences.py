"""What may be said of a study, in sentences chosen by its numbers alone.

Never a p-value of one event, never p = 0.000, never that something almost was significant; a
null says what it could have missed. Source: event study reference, section 8.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from signals.prices import HOUR_MS, MINUTE_MS
from signals.study_placebo import FEWEST
from signals.study_result import Excluded, Observation, PlaceboTest, Study

MAX_P = 0.05
NO_REACTION = "This is absence of evidence, not evidence of no effect."
DESCRIPTION = "Treat as description."
_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five")
_WORDS = {
    "no_price": "no price at one end",
    "wide_book": "bid and ask more than 10 pp apart",
    "stale": "price too old",
    "coverage": "price not watched throughout",
    "resolved": "market resolved",
    "open_window": "window still open",
    "imprecise_time": "date without a time",
    "confounded": "another signal too near",
}


def sentences(study: Study) -> tuple[str, ...]:
    """Return what the study says, most important first."""
    if study.n == 0:
        return (_nothing(study.excluded),)
    if study.n == 1:
        return _one(study, study.observations[0])
    if not study.is_primary:
        return (_average(study) + _range(study) + ".", _not_tested(study), DESCRIPTION)
    if study.flip is None or study.flip.smallest > MAX_P:
        return _few(study)
    return (*_many(study, study.flip.p), *_notes(study))


def why_excluded(excluded: Excluded) -> str:
    """Return why one episode is not in the figures: `Not evaluated: ...`."""
    if excluded.reason == "stale" and excluded.age_ms is not None:
        return f"Not evaluated: last price {_span(excluded.age_ms)} before the signal."
    if excluded.reason == "coverage":
        return f"Not evaluated: price not watched for {_span(excluded.gap_ms)}."
    return f"Not evaluated: {reason_words(excluded.reason)}."


def reason_words(reason: str) -> str:
    """Return an exclusion in words."""
    return _WORDS.get(reason, reason.replace("_", " "))


def window_words(window_ms: int) -> str:
    """Return `hour`, `15 min` or `6 h`, as in `in the hour after`."""
    return "hour" if window_ms == HOUR_MS else _span(window_ms)


def p_words(p: float) -> str:
    """Return `p = 0.125` or `p < 0.001`; never a zero."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.9995 else "p = 1"


def points(move: float) -> str:
    """Return a probability difference in signed points, `+1.2 pp`."""
    return f"{_signed(move)} pp"


def _nothing(excluded: Sequence[Excluded]) -> str:
    if not excluded:
        return "Not evaluated: no signal had a market to be measured on."
    if len(excluded) == 1:
        return why_excluded(excluded[0])
    return f"Not evaluated: none of {len(excluded)} episodes ({_counted(excluded)})."


def _counted(excluded: Iterable[Excluded]) -> str:
    counts = Counter(each.reason for each in excluded)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{n} {reason_words(reason)}" for reason, n in ordered)


def _one(study: Study, one: Observation) -> tuple[str, ...]:
    move = f"{points(one.move)} in the {window_words(study.window_ms)} after one signal"
    cannot = "One event cannot be tested."
    if not one.n_placebo:
        return (f"{move}; no comparable hours.", cannot, DESCRIPTION)
    kind = "hours" if study.is_primary else "windows"
    pool = f"{one.n_placebo} comparable placebo {kind} on {_days(one.placebo_days)}"
    if one.n_placebo < FEWEST:
        larger = f"{move}, larger than {one.larger_than} of {pool}; too few {kind} to say more."
        return (larger, cannot, DESCRIPTION)
    inside = one.n_placebo - one.larger_than
    if 1 + inside > MAX_P * (1 + one.n_placebo):
        first = f"No detectable reaction: {move}; {inside} of {pool} moved as far."
        return (first, cannot, NO_REACTION)
    return (f"{move}, larger than {one.larger_than} of {pool}.", cannot, DESCRIPTION)


def _few(study: Study) -> tuple[str, ...]:
    limit = (
        f" Smaller than about {study.detectable_sd:.1f} sd would be missed."
        if study.detectable_sd is not None
        else ""
    )
    cannot = f"{_NUMBERS[study.n]} events cannot show significance at 5 %."
    return (_average(study) + _range(study) + ".", cannot + limit, DESCRIPTION, *_notes(study))


def _many(study: Study, p: float) -> tuple[str, ...]:
    figures = f"{_average(study)}{_interval(study)}; exact sign-flip {p_words(p)}"
    if study.flip is not None and not study.flip.exact:
        figures = figures.replace("exact sign-flip", "sign-flip")
    if p > MAX_P and study.placebo is not None and study.placebo.p <= MAX_P:
        apart = (
            "Comparable placebo hours rarely moved so far on average (placebo "
            f"{p_words(study.placebo.p)}): prices moved, but in no common direction."
        )
        return (f"{figures}.", apart, *_missed(study), DESCRIPTION)
    if p > MAX_P:
        figures = figures[0].lower() + figures[1:]
        return (f"No detectable average reaction: {figures}.", *_missed(study), NO_REACTION)
    if _placebo_denies(study.placebo):
        fragile = "Comparable placebo hours moved as far too often: fragile, treat as description."
        return (f"{figures}.", fragile, *_missed(study))
    return (f"{figures}.", *_missed(study), "What came first is not thereby the cause.")


def _missed(study: Study) -> tuple[str, ...]:
    if study.detectable is None or study.detectable_sd is None or not study.detectable:
        return ()
    size = f"{100 * study.detectable:.1f} pp ({study.detectable_sd:.1f} sd)"
    return (f"A mean below about {size} would be missed one time in five or more often.",)


def _placebo_denies(placebo: PlaceboTest | None) -> bool:
    return placebo is not None and placebo.p > MAX_P and _can_support(placebo)


def _can_support(placebo: PlaceboTest) -> bool:
    return 1 / (1 + placebo.days) <= MAX_P


def _notes(study: Study) -> tuple[str, ...]:
    notes = []
    if study.placebo is None:
        notes.append("No placebo test: fewer than 20 comparable hours each.")
    elif not _can_support(study.placebo):
        days = _days(study.placebo.days)
        notes.append(f"The placebo hours lie on {days}, too few to support p = 0.05.")
    if study.days < study.n:
        notes.append(f"The {study.n} episodes lie on {_days(study.days)}.")
    return tuple(notes)


def _average(study: Study) -> str:
    assert study.mean is not None
    window = window_words(study.window_ms)
    return f"Average move {points(study.mean)} in the {window} after {study.n} signals"


def _range(study: Study) -> str:
    moves = [each.move for each in study.observations]
    return f" (range {_signed(min(moves))} to {_signed(max(moves))})"


def _interval(study: Study) -> str:
    found = study.interval
    if found is None:
        return ""
    ends = f"{_signed(found.low)} to {_signed(found.high)}"
    return f" ({100 * found.level:.0f} % interval {ends})"


def _not_tested(study: Study) -> str:
    return f"The {window_words(study.window_ms)} window is described; only the hour is tested."


def _signed(move: float) -> str:
    return f"{round(100 * move, 1) + 0.0:+.1f}"


def _days(n: int) -> str:
    return "1 day" if n == 1 else f"{n} days"


def _span(ms: int) -> str:
    if ms >= 2 * HOUR_MS or ms == HOUR_MS:
        return f"{ms / HOUR_MS:.0f} h"
    return f"{ms / MINUTE_MS:.0f} min"
