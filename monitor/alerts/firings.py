"""Rules times views: each subject a rule fires on, once, with the words and keys it needs.

A subject is a story, the moves of one series that began within an hour, or one change of one
board at one publish date. What may not be told is left out and said as a `Skip`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from monitor.alerts.payload import (
    Payload,
    move_payload,
    signal_payload,
    source_payload,
    standing_payload,
)
from monitor.alerts.rules import MoveRule, Rule, SignalRule, StandingRule, matches
from monitor.alerts.views import MoveView, SignalView, SourceView, StandingView, View
from storage.instants import format_instant

MAX_AGE = timedelta(hours=6)
TOGETHER = timedelta(hours=1)
_DAY = timedelta(days=1)
_Seen = TypeVar("_Seen", bound=View)
_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Firing:
    """One rule on one subject. `keys` are dedup keys, its own first, then those it grew from.

    `quiet` is what a cooldown is counted for: rule with theme and entity, series, or board.
    """

    rule: Rule
    keys: tuple[str, ...]
    quiet: str
    group_key: str
    why: tuple[str, ...]
    payload: Payload
    theme: str | None = None
    series: tuple[str, ...] = ()
    signal_ids: tuple[str, ...] = ()
    move_ids: tuple[str, ...] = ()
    size: float | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """A rule that matched and does not tell, with the reason."""

    rule: str
    subject: str
    reason: str


def dedup_key(rule: str, *subject: str) -> str:
    """Return the hash of a rule's name and its subject, 32 hex digits."""
    return hashlib.sha256("\0".join((rule, *subject)).encode()).hexdigest()[:32]


def signal_firings(
    rules: Iterable[Rule], views: Sequence[SignalView], skips: list[Skip]
) -> list[Firing]:
    """Return one firing for each (rule, story), best score first; refusals go to `skips`."""
    firings = []
    for rule in rules:
        if not isinstance(rule, SignalRule):
            continue
        for story, told in _grouped(views, lambda view: view.story_id).items():
            matched = [view for view in told if matches(rule, view) is not None]
            if allowed := _allowed(rule, story, matched, _signal_refusal, skips):
                firings.append(_signal_firing(rule, allowed))
    return sorted(firings, key=lambda firing: (-float(firing.payload["score"]), firing.keys))


def standing_firings(
    rules: Iterable[Rule], views: Sequence[StandingView], skips: list[Skip]
) -> list[Firing]:
    """Return one firing for each (rule, board, publish date, change)."""
    firings = []
    for rule in rules:
        if not isinstance(rule, StandingRule):
            continue
        for subject, told in _grouped(views, _standing_subject).items():
            matched = [view for view in told if matches(rule, view) is not None]
            if allowed := _allowed(rule, " ".join(subject), matched, _standing_refusal, skips):
                firings.append(_standing_firing(rule, allowed))
    return firings


def source_firings(rules: Iterable[Rule], views: Sequence[SourceView]) -> list[Firing]:
    """Return one firing for each (rule, source, state, since)."""
    return [
        Firing(
            rule=rule,
            keys=(source_key(rule, view),),
            quiet=view.source,
            group_key=f"source:{view.source}",
            why=why,
            payload=source_payload(rule, view),
        )
        for rule in rules
        for view in views
        if (why := matches(rule, view)) is not None
    ]


def move_legs(
    rules: Iterable[Rule], views: Sequence[MoveView], now: datetime, skips: list[Skip]
) -> list[tuple[MoveRule, list[MoveView]]]:
    """Return for each rule the matching legs that belong together, the largest move first.

    Together are legs of one series that began within an hour of the first of them.
    """
    grouped = []
    for rule in rules:
        if not isinstance(rule, MoveRule):
            continue
        for series, legs in _grouped(views, lambda view: view.subject).items():
            matched = [leg for leg in legs if matches(rule, leg) is not None]
            allowed = _allowed(rule, series, matched, lambda leg: _move_refusal(leg, now), skips)
            for cluster in _clusters(allowed):
                grouped.append((rule, sorted(cluster, key=lambda leg: -abs(leg.move))))
    return grouped


def move_firing(rule: MoveRule, legs: Sequence[MoveView]) -> Firing:
    """Return the firing of `legs` told as one, the largest first; size is its change, 0..1."""
    start = format_instant(min(leg.start_at for leg in legs))
    subject = legs[0].subject
    why = matches(rule, legs[0])
    assert why is not None
    return Firing(
        rule=rule,
        keys=(dedup_key(rule.name, subject, start),),
        quiet=subject,
        group_key=f"move:{subject}:{start}",
        why=why,
        payload=move_payload(rule, legs),
        theme=next(iter(legs[0].themes), None),
        series=(legs[0].series,) if legs[0].series else (),
        move_ids=tuple(leg.move_key for leg in legs),
        size=abs(legs[0].move),
    )


def leg_key(rule: MoveRule, leg: MoveView) -> str:
    """Return the dedup key that `leg` has when it is told alone or began first."""
    return dedup_key(rule.name, leg.subject, format_instant(leg.start_at))


def story_keys(rule: Rule, view: SignalView) -> tuple[str, ...]:
    """Return the dedup keys of a story and of those merged into it."""
    stories = (view.story_id, *view.merged)
    return tuple(dedup_key(rule.name, "story", story) for story in stories)


def standing_key(rule: Rule, view: StandingView) -> str:
    """Return the dedup key of a board's change at its publish date."""
    return dedup_key(rule.name, "standing", *_standing_subject(view))


def source_key(rule: Rule, view: SourceView) -> str:
    """Return the dedup key of a source's state since an instant."""
    since = format_instant(view.since) if view.since else ""
    return dedup_key(rule.name, "source", view.source, view.state, since)


def _signal_firing(rule: SignalRule, views: Sequence[SignalView]) -> Firing:
    best = min(views, key=lambda view: (-view.score, view.theme, view.signal_id))
    themes = tuple(dict.fromkeys(view.theme for view in (best, *views)))
    why = matches(rule, best)
    assert why is not None
    series = tuple(dict.fromkeys(name for view in (best, *views) for name in view.series))
    return Firing(
        rule=rule,
        keys=tuple(dict.fromkeys(key for view in (best, *views) for key in story_keys(rule, view))),
        quiet="/".join((best.theme, *best.entities[:1])),
        group_key=f"story:{best.story_id}",
        why=why,
        payload={**signal_payload(rule, best, themes), "series": list(series)},
        theme=best.theme,
        series=series,
        signal_ids=tuple(dict.fromkeys(view.signal_id for view in (best, *views))),
    )


def _standing_firing(rule: StandingRule, views: Sequence[StandingView]) -> Firing:
    themes = tuple(dict.fromkeys(view.theme for view in views))
    rows = tuple({view.model: view for view in reversed(views)}.values())
    ranked = sorted(rows, key=lambda row: (row.rank, row.model))
    why = matches(rule, ranked[0])
    assert why is not None
    series = tuple(dict.fromkeys(name for view in views for name in view.series))
    return Firing(
        rule=rule,
        keys=(standing_key(rule, ranked[0]),),
        quiet=f"{ranked[0].board}/{ranked[0].style_control}",
        group_key="standing:" + ":".join(_standing_subject(ranked[0])),
        why=why,
        payload={**standing_payload(rule, ranked, themes), "series": list(series)},
        theme=ranked[0].theme,
        series=series,
        signal_ids=tuple(dict.fromkeys(view.signal_id for view in views)),
    )


def _standing_subject(view: StandingView) -> tuple[str, str, str, str]:
    return view.board, view.style_control, view.publish_date.isoformat(), view.change


def _grouped(views: Iterable[_Seen], key: Callable[[_Seen], _Key]) -> dict[_Key, list[_Seen]]:
    groups: dict[_Key, list[_Seen]] = defaultdict(list)
    for view in views:
        groups[key(view)].append(view)
    return groups


def _clusters(legs: Iterable[MoveView]) -> list[list[MoveView]]:
    clusters: list[list[MoveView]] = []
    for leg in sorted(legs, key=lambda leg: (leg.start_at, leg.move_key)):
        if clusters and leg.start_at - clusters[-1][0].start_at <= TOGETHER:
            clusters[-1].append(leg)
        else:
            clusters.append([leg])
    return clusters


def _allowed(
    rule: Rule,
    subject: str,
    views: Sequence[_Seen],
    refusal: Callable[[_Seen], str | None],
    skips: list[Skip],
) -> list[_Seen]:
    refusals = [refusal(view) for view in views]
    allowed = [view for view, reason in zip(views, refusals, strict=True) if reason is None]
    if not allowed:
        skips.extend(
            Skip(rule.name, subject, reason) for reason in sorted(set(filter(None, refusals)))
        )
    return allowed


def _signal_refusal(view: SignalView) -> str | None:
    if view.background:
        return "background"
    if not view.alertable:
        return "not first seen by a live poll"
    if view.published_at is None:
        return None
    span = _DAY if view.precision == "day" else timedelta(0)
    if view.observed_at - (view.published_at + span) > MAX_AGE:
        return "published more than 6 h before it was seen"
    return None


def _standing_refusal(view: StandingView) -> str | None:
    if view.background:
        return "background"
    return None if view.alertable else "not first seen by a live poll"


def _move_refusal(view: MoveView, now: datetime) -> str | None:
    if not view.live:
        return "not seen live"
    return "ended more than 6 h ago" if now - view.end_at > MAX_AGE else None
