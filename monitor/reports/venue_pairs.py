"""Which of two venues moves first on the same question, with every pair that was looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from sqlmodel import Session

from monitor.config import Config
from monitor.reports.histories import History, history
from signals.hayashi_yoshida import DAY_MS, MIN_CHANGES, Increments, Lead, increments, lead
from signals.multiple import q_values
from signals.prices import MINUTE_MS
from storage import market_repo
from storage.instants import EPOCH, from_ms
from storage.market_repo import Leg

# A shift null over years of changes would take hours.
LONGEST_MS = 90 * DAY_MS
NOWHERE = (1, 0)
SAME_CLOSE = timedelta(days=7)
MAX_Q = 0.05
UNKNOWN = "simultaneous or unknown"


@dataclass(slots=True)
class _Pair:
    """Two legs that are one question, and the themes in which they are."""

    a: Leg
    b: Leg
    themes: list[str] = field(default_factory=list)


def venue_pairs(
    session: Session,
    config: Config,
    *,
    now: datetime,
    theme: str | None = None,
    since: datetime | None = None,
) -> list[dict[str, Any]]:
    """Return every pair of legs that two venues price alike, once, and which of them comes first.

    A pair has the same owner, or is each venue's only leg of a theme, and closes within a week of
    each other; `themes` names those it is in. Both need 50 changes in the span that both have
    changes in, of which the last 90 days count (or all from `since` on): `from` to `to`, None
    without one. `verdict` says `first` of a venue only when no shift of the
    clocks by a day or more does as well (q <= 0.05 over all pairs), the ratio of both sides
    agrees, and the lag is longer than both venues' reads are apart.
    """
    pairs: dict[tuple[int, int], _Pair] = {}
    for name in [theme] if theme else [each.name for each in config.themes]:
        for a, b in _pairs(market_repo.legs(session, themes=[name])):
            pairs.setdefault((a.outcome_id, b.outcome_id), _Pair(a, b)).themes.append(name)
    known = {
        outcome_id: history(session, outcome_id, since=since or EPOCH, known_at=now)
        for outcome_id in dict.fromkeys(outcome_id for key in pairs for outcome_id in key)
    }
    longest = LONGEST_MS if since is None else None
    return _judged([_row(each, known[a], known[b], longest) for (a, b), each in pairs.items()])


def _pairs(legs: list[Leg]) -> list[tuple[Leg, Leg]]:
    by_venue: dict[str, list[Leg]] = {}
    for leg in sorted(legs, key=lambda each: each.outcome_id):
        by_venue.setdefault(leg.venue, []).append(leg)
    found = []
    for first, second in combinations(sorted(by_venue), 2):
        taken: set[int] = set()
        for leg in by_venue[first]:
            alike = [other for other in by_venue[second] if other.outcome_id not in taken]
            alone = len(by_venue[first]) == len(by_venue[second]) == 1
            partner = _partner(leg, alike, alone=alone)
            if partner is not None:
                taken.add(partner.outcome_id)
                found.append((leg, partner))
    return found


def _partner(leg: Leg, others: list[Leg], *, alone: bool) -> Leg | None:
    fitting = [
        other
        for other in others
        if (alone or (leg.owner is not None and leg.owner == other.owner))
        and _apart(leg, other) <= SAME_CLOSE
    ]
    return min(fitting, key=lambda other: (_apart(leg, other), other.outcome_id), default=None)


def _apart(a: Leg, b: Leg) -> timedelta:
    if a.closes_at is None or b.closes_at is None:
        return timedelta(0)
    return abs(a.closes_at - b.closes_at)


def _row(pair: _Pair, known_a: History, known_b: History, longest_ms: int | None) -> dict[str, Any]:
    a, b, x, y = pair.a, pair.b, _changes(known_a), _changes(known_b)
    span = _common(x, y, longest_ms)
    x, y = (each.between(*(span or NOWHERE)) for each in (x, y))
    enough = min(len(x), len(y)) >= MIN_CHANGES
    found = lead(x, y) if enough else None
    return {
        "themes": pair.themes,
        "venues": [a.venue, b.venue],
        "market_ids": [a.venue_id, b.venue_id],
        "questions": [a.question, b.question],
        "from": None if span is None else from_ms(span[0]),
        "to": None if span is None else from_ms(span[1]),
        "changes": [len(x), len(y)],
        "lag_minutes": None if found is None else found.lag_ms / MINUTE_MS,
        "clock_error_minutes": round((_error_ms(known_a, x) + _error_ms(known_b, y)) / MINUTE_MS, 2)
        if enough
        else None,
        "rho": None if found is None else round(found.rho, 4),
        "rho_at_0": None if found is None else round(found.rho_at_0, 4),
        "lead_lag_ratio": None if found is None or found.ratio is None else round(found.ratio, 4),
        "p_value": None if found is None else found.p,
        "shifts": None if found is None else found.shifts,
        "verdict": _without_test(x, y, found),
    }


def _changes(known: History) -> Increments:
    series = known.series(known.basis_at(known.known_at))
    return increments(series.at, series.price, live=known.live, pause_ms=known.pause_ms or 0)


def _common(x: Increments, y: Increments, longest_ms: int | None) -> tuple[int, int] | None:
    """Return the span in which both have changes, the end of it when it is too long."""
    if not len(x) or not len(y):
        return None
    start = max(int(x.start[0]), int(y.start[0]))
    end = min(int(x.end[-1]), int(y.end[-1]))
    if longest_ms is not None:
        start = max(start, end - longest_ms)
    return (start, end) if start < end else None


def _error_ms(known: History, found: Increments) -> float:
    if known.pause_ms is not None:
        return known.pause_ms
    lengths = sorted((found.end - found.start).tolist())
    return float(lengths[len(lengths) // 2])


def _without_test(x: Increments, y: Increments, found: Lead | None) -> str:
    if found is None:
        return f"not evaluated: {len(x)} and {len(y)} changes in common, {MIN_CHANGES} are needed"
    return f"{UNKNOWN}: less than two days in common" if found.p is None else UNKNOWN


def _judged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    tested = [row for row in rows if row["p_value"] is not None]
    qs = q_values([row["p_value"] for row in tested]).tolist()
    q_of = {id(row): q for row, q in zip(tested, qs, strict=True)}
    return [_with_verdict(row, q_of.get(id(row))) for row in rows]


def _with_verdict(row: dict[str, Any], q: float | None) -> dict[str, Any]:
    verdict = row["verdict"] if q is None else _verdict(row, q)
    return {**row, "q_value": q, "verdict": verdict}


def _verdict(row: dict[str, Any], q: float) -> str:
    lag, ratio = row["lag_minutes"], row["lead_lag_ratio"]
    if q > MAX_Q:
        return "no common movement beyond chance"
    # No ratio: nothing at all at negative lags.
    agrees = ratio is None or ratio > 1 if lag > 0 else ratio is not None and ratio < 1
    if abs(lag) <= row["clock_error_minutes"] or not agrees:
        return UNKNOWN
    return f"{row['venues'][0 if lag > 0 else 1]} first"
