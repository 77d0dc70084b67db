"""A study of a theme: what its markets did around its signals, own and related ones apart."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from monitor.reports.episodes import Episode, Episodes, episodes
from monitor.reports.tested import PRIMARY_WINDOW_S
from signals.prices import MINUTE_MS
from signals.study import study
from signals.study_result import Bin, Excluded, Observation, Study
from signals.study_sentences import reason_words, sentences, why_excluded
from signals.study_tests import Interval, SignFlip, TTest
from storage.instants import to_ms

RELATIONS = ("own", "related")
PRIMARY = timedelta(seconds=PRIMARY_WINDOW_S)


def theme_study(
    session: Session,
    theme: str,
    *,
    now: datetime,
    kind: str | None = None,
    since: datetime | None = None,
    as_of: datetime | None = None,
    window: timedelta = PRIMARY,
) -> dict[str, Any]:
    """Return the study of a theme's signals (of `kind`, since an instant) as known at `as_of`.

    `studies` holds one for own and one for related markets, the latter only when there are
    related episodes. Moves are in points (`_pp`), None where n does not carry a figure; each
    episode left out is listed with its reason.
    """
    at = now if as_of is None else min(as_of, now)
    window_s = int(window.total_seconds())
    found = episodes(session, theme, now=at, window_s=window_s, as_of=as_of, since=since, kind=kind)
    has_related = any(each.relation == "related" for each in found.found)
    return {
        "theme": theme,
        "kind": kind,
        "since": since,
        "as_of": at,
        "window_s": window_s,
        "signals": found.signals,
        "left_out": {reason: {"signals": n, "why": _LEFT_OUT[reason]}
                     for reason, n in sorted(found.left_out.items())},
        "studies": [
            _family(found, relation, now=at, window_s=window_s)
            for relation in RELATIONS
            if relation == "own" or has_related
        ],
    }  # fmt: skip


_LEFT_OUT = {
    "background": "tells of something long past",
    "venue_news": "a venue's own news, which comes with its price",
    "no_market": "no market to measure it on",
}


def _family(found: Episodes, relation: str, *, now: datetime, window_s: int) -> dict[str, Any]:
    mine = {each.key: each for each in found.found if each.relation == relation}
    result = study([each.case for each in mine.values()], now=to_ms(now), window_ms=window_s * 1000)
    reasons = Counter(each.reason for each in result.excluded)
    return {
        "relation": relation,
        "episodes": result.n,
        "days": result.days,
        "signals_in_episodes": sum(len(mine[each.key].signals) for each in result.observations),
        "excluded": {
            reason: {"episodes": n, "why": reason_words(reason)}
            for reason, n in sorted(reasons.items())
        },
        "sentences": list(sentences(result)),
        "mean_pp": _pp(result.mean),
        "sd_pp": _pp(result.sd),
        "range_pp": _range(result),
        "interval": _interval(result.interval),
        "tests": _tests(result),
        "detectable_pp": _pp(result.detectable),
        "detectable_sd": result.detectable_sd,
        "curve": [_bin(each) for each in result.curve],
        "observations": [_observation(mine[one.key], one) for one in result.observations],
        "not_evaluated": [_left_out(mine[each.key], each) for each in result.excluded],
    }


def _tests(result: Study) -> dict[str, Any]:
    """Return every test of the primary window; one event has none, other windows have none."""
    placebo = result.placebo
    return {
        "sign_flip": _flip(result.flip),
        "sign_flip_by_day": _flip(result.day_flip),
        "t": _t(result.t),
        "bmp": _t(result.bmp),
        "placebo": None
        if placebo is None
        else {
            "p": placebo.p,
            "episodes": placebo.episodes,
            "hours": placebo.hours,
            "days": placebo.days,
            "draws": placebo.draws,
        },
    }


def _flip(flip: SignFlip | None) -> dict[str, Any] | None:
    if flip is None:
        return None
    return {"p": flip.p, "smallest_p": flip.smallest, "exact": flip.exact}


def _t(test: TTest | None) -> dict[str, Any] | None:
    return None if test is None else {"t": test.t, "df": test.df, "p": test.p}


def _interval(found: Interval | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "low_pp": _pp(found.low),
        "high_pp": _pp(found.high),
        "method": found.method,
        "level": found.level,
    }


def _range(result: Study) -> list[float] | None:
    moves = [round(100 * each.move, 4) for each in result.observations]
    return [min(moves), max(moves)] if moves else None


def _bin(each: Bin) -> dict[str, Any]:
    return {
        "minutes": each.offset_ms // MINUTE_MS,
        "n": each.n,
        "caam_pp": _pp(each.mean),
        "placebo_low_pp": _pp(each.low),
        "placebo_high_pp": _pp(each.high),
    }


def _observation(episode: Episode, one: Observation) -> dict[str, Any]:
    return {
        **_named(episode),
        "price_before": round(one.before, 9),
        "price_after": round(one.after, 9),
        "pre_move_pp": _pp(one.pre),
        "move_pp": _pp(one.move),
        "z": round(one.z, 6),
        "n_updates": one.n_updates,
        "thin": one.thin,
        "n_placebo": one.n_placebo,
        "placebo_days": one.placebo_days,
        "larger_than": one.larger_than,
    }


def _left_out(episode: Episode, excluded: Excluded) -> dict[str, Any]:
    return {**_named(episode), "reason": excluded.reason, "why": why_excluded(excluded)}


def _named(episode: Episode) -> dict[str, Any]:
    first, leg = episode.first, episode.leg
    return {
        "episode": episode.key,
        "at": first.at,
        "title": first.title,
        "kind": first.kind,
        "signal_ids": [signal.signal_id for signal in episode.signals],
        "venue": leg.venue,
        "series": leg.series,
        "market_id": leg.venue_id,
        "outcome_id": leg.venue_outcome_id,
        "question": leg.question,
        "legs": episode.legs,
    }


def _pp(move: float | None) -> float | None:
    return None if move is None else round(100 * move, 4) + 0.0  # without a minus before a zero
