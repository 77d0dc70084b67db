"""Who led: each source against the prices its stories moved, and venues against each other.

"First" says what came first by clocks that can tell, never what caused what.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import mean
from typing import Any

from sqlmodel import Session

from monitor.config import Config
from monitor.reports.episodes import Episode, episodes
from monitor.sources.pace import is_venue, planned_pause
from signals import leaders
from signals.leaders import Passage
from signals.moves import Move, detect_moves
from signals.multiple import q_values
from signals.prices import HOUR_MS
from signals.study import exclusion
from signals.windows import RUN_UP_MS, measure
from storage import source_repo, story_repo
from storage.instants import to_ms
from storage.models import Item, Signal, SourceState
from storage.records import Precision

WINDOW_MS = HOUR_MS
# How wrong a stated instant may be; what has only a date has no place in any order.
PRECISION_MS = {Precision.SECOND.value: 6_000, Precision.MINUTE.value: 60_000}


@dataclass(frozen=True, slots=True)
class _Told:
    """When a source first told of an episode (ms) and how wrong its own stamp may be."""

    at: int
    error_ms: int | None


@dataclass(frozen=True, slots=True)
class _Read:
    """An episode whose price could be read: the response, how long unread, and chance alone."""

    told: dict[str, _Told]
    move: Move | None
    unread_ms: int
    chance: float | None


def source_leads(
    session: Session,
    config: Config,
    *,
    now: datetime,
    theme: str | None = None,
    since: datetime | None = None,
) -> dict[str, Any]:
    """Return, for every source of items, how its first items of stories stand to the prices.

    `sources`: one row for each, also for those without any episode. `excluded` counts the
    episodes that could not be read, by reason. Minutes are from the source's first item of an
    episode to the first crossing of the largest lasting move of the focal leg between 2 h before
    and 1 h after t0; below 0 the price was first.
    """
    found = _episodes(session, config, now=now, theme=theme, since=since)
    excluded: Counter[str] = Counter()
    reads: list[_Read] = []
    moves: dict[tuple[int, str], list[Move]] = {}
    for each in found:
        reason = _unreadable(each, now)
        if reason is None:
            reads.append(_read(session, each, _moves(each, moves, now), now))
        else:
            excluded[reason] += 1
    states = source_repo.load_all(session)
    names = dict.fromkeys(source.name for source in config.sources if not is_venue(source))
    names |= dict.fromkeys(sorted({name for read in reads for name in read.told}))
    rows = [_row(name, reads, config, states.get(name)) for name in names]
    return {
        "theme": theme,
        "since": since,
        "episodes": len(reads),
        "excluded": dict(sorted(excluded.items())),
        "sources": _with_q(sorted(rows, key=_best_first)),
    }


def _episodes(
    session: Session, config: Config, *, now: datetime, theme: str | None, since: datetime | None
) -> list[Episode]:
    """Return each episode once, on an own leg before a related one."""
    found: dict[str, Episode] = {}
    for name in [theme] if theme else [each.name for each in config.themes]:
        for each in episodes(session, name, now=now, since=since).found:
            known = found.get(each.key)
            if known is None or (known.relation, each.relation) == ("related", "own"):
                found[each.key] = each
    return list(found.values())


def _unreadable(episode: Episode, now: datetime) -> str | None:
    case = episode.case
    window = measure(
        case.series, case.coverage, case.t0, WINDOW_MS // 1000, to_ms(now), case.resolved_at
    )
    return exclusion(case, window)


def _moves(episode: Episode, known: dict[tuple[int, str], list[Move]], now: datetime) -> list[Move]:
    """Return every move of the episode's prices, found once for each outcome and basis."""
    case = episode.case
    key = (episode.leg.outcome_id, case.series.basis)
    if key not in known:
        known[key] = detect_moves(
            case.series, case.coverage, after=-1, now=to_ms(now), resolved_at=case.resolved_at
        )
    return known[key]


def _read(session: Session, episode: Episode, moves: Sequence[Move], now: datetime) -> _Read:
    case, known = episode.case, episode.history
    move = leaders.response(moves, t0=case.t0, run_up_ms=RUN_UP_MS, window_ms=WINDOW_MS)
    unread = (
        0 if move is None else leaders.unread_ms(case.series, known.live, known.pause_ms or 0, move)
    )
    return _Read(
        told=_told(session, episode.signals, now),
        move=move,
        unread_ms=unread,
        chance=leaders.chance(moves, case.coverage, WINDOW_MS),
    )


def _told(session: Session, signals: Iterable[Signal], now: datetime) -> dict[str, _Told]:
    """Return when each source first told of an episode: a stamped time before a date alone."""
    tellings: dict[str, list[_Told]] = defaultdict(list)
    stories = dict.fromkeys(s.origin_id for s in signals if s.origin_kind == "story")
    for story in stories:
        for item in story_repo.items(session, story):
            if item.observed_at <= now:
                tellings[item.source].append(_item_told(item))
    for signal in signals:
        if signal.origin_kind != "story":
            error = PRECISION_MS.get(signal.precision)
            tellings[signal.source].append(_Told(to_ms(signal.at), error))
    return {
        source: min(each, key=lambda told: (told.error_ms is None, told.at))
        for source, each in tellings.items()
    }


def _item_told(item: Item) -> _Told:
    if item.published_at is None:
        # It was public at some time before the poll that found it; the poll's pause says when.
        return _Told(to_ms(item.observed_at), 0)
    at = min(item.published_at, item.observed_at)
    return _Told(to_ms(at), PRECISION_MS.get(item.precision))


def _row(
    name: str, reads: Sequence[_Read], config: Config, state: SourceState | None
) -> dict[str, Any]:
    source = next((each for each in config.sources if each.name == name), None)
    pause = timedelta(0) if source is None else _pause(source, state)
    mine = [read for read in reads if name in read.told]
    found = leaders.record([_passage(read, read.told[name], pause) for read in mine])
    chances = [read.chance for read in mine if read.chance is not None]
    base = mean(chances) if chances else None
    polls = None if state is None else state.polls
    requests = None if state is None else state.requests
    return {
        "source": name,
        "kind": getattr(source, "kind", None),
        "episodes": found.episodes,
        "responses": found.responses,
        "price_followed": found.followed,
        "price_led": found.led,
        "simultaneous_or_unknown": found.unknown,
        "median_minutes": _rounded(found.median_min),
        "hit_rate": _rounded(found.hit_rate),
        "hit_rate_low": _rounded(found.interval and found.interval[0]),
        "hit_rate_high": _rounded(found.interval and found.interval[1]),
        "base_rate": _rounded(base),
        "p_value": None
        if base is None
        else leaders.binomial_p(found.followed, found.episodes, base),
        "polls": polls,
        "requests": requests,
        "requests_per_episode": _rounded(requests / found.episodes) if requests and mine else None,
    }


def _pause(source: object, state: SourceState | None) -> timedelta:
    known = state or SourceState(source="")
    return planned_pause(
        source, last_ok_at=known.last_ok_at, next_due=known.next_due, failures=known.failures or 0
    )


def _passage(read: _Read, told: _Told, pause: timedelta) -> Passage | None:
    if read.move is None:
        return None
    pause_ms = pause // timedelta(milliseconds=1)
    error = None if told.error_ms is None else told.error_ms + pause_ms
    return leaders.passage(told.at, error_ms=error, move=read.move, unread=read.unread_ms)


def _with_q(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    tested = [row for row in rows if row["p_value"] is not None]
    qs = q_values([row["p_value"] for row in tested]).tolist()
    by_name = {row["source"]: q for row, q in zip(tested, qs, strict=True)}
    return [{**row, "q_value": by_name.get(row["source"])} for row in rows]


def _best_first(row: dict[str, Any]) -> tuple[float, int, str]:
    return -(row["hit_rate_low"] or 0.0), -row["episodes"], row["source"]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4) + 0.0  # without a minus before a zero
