"""Rules on stories, on the changes of boards, and on what prices did after a story."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from monitor.alerts.deciding.firings import (
    MAX_AGE,
    Firing,
    Skip,
    allowed,
    dedup_key,
    grouped,
    matched,
)
from monitor.alerts.deciding.labels import labels_of
from monitor.alerts.rules import LinkRule, Rule, SignalRule, StandingRule, matches
from monitor.alerts.views import LinkView, SignalView, StandingView
from monitor.alerts.words.payload import link_payload, signal_payload, standing_payload

_DAY = timedelta(days=1)
_BACKGROUND = "background"
_NOT_LIVE = "not first seen by a live poll"


def signal_firings(
    rules: Iterable[Rule], views: Sequence[SignalView], skips: list[Skip]
) -> list[Firing]:
    """Return one firing for each (rule, story)."""
    stories = grouped(views, lambda view: view.story_id)
    return [
        _signal_firing(rule, told)
        for rule in rules
        if isinstance(rule, SignalRule)
        for story, found in stories.items()
        if (told := allowed(rule, story, matched(rule, found), _signal_refusal, skips))
    ]


def standing_firings(
    rules: Iterable[Rule], views: Sequence[StandingView], skips: list[Skip]
) -> list[Firing]:
    """Return one firing for each (rule, board, publish date, change)."""
    changes = grouped(views, _standing_subject)
    return [
        _standing_firing(rule, told)
        for rule in rules
        if isinstance(rule, StandingRule)
        for change, found in changes.items()
        if (told := allowed(rule, " ".join(change), matched(rule, found), _standing_refusal, skips))
    ]


def link_firings(
    rules: Iterable[Rule], views: Sequence[LinkView], now: datetime, skips: list[Skip]
) -> list[Firing]:
    """Return one firing for each (rule, story, series); it follows the story's own alert."""
    responses = grouped(views, lambda view: (view.story_id, view.subject))
    refusal = partial(_link_refusal, now=now)
    return [
        _link_firing(rule, told)
        for rule in rules
        if isinstance(rule, LinkRule)
        for subject, found in responses.items()
        if (told := allowed(rule, " ".join(subject), matched(rule, found), refusal, skips))
    ]


def story_about(story_id: str) -> str:
    """Return the name of what a story's alert tells of."""
    return f"story:{story_id}"


def story_keys(rule: Rule, view: SignalView) -> tuple[str, ...]:
    """Return the dedup keys of a story and of those merged into it."""
    return tuple(story_key(rule, story) for story in (view.story_id, *view.merged))


def story_key(rule: Rule, story_id: str) -> str:
    """Return the dedup key of one story."""
    return dedup_key(rule.name, "story", story_id)


def standing_key(rule: Rule, view: StandingView) -> str:
    """Return the dedup key of a board's change at its publish date."""
    return dedup_key(rule.name, "standing", *_standing_subject(view))


def link_key(rule: Rule, view: LinkView) -> str:
    """Return the dedup key of what a series did after a story."""
    return dedup_key(rule.name, "link", view.story_id, view.subject)


def _signal_firing(rule: SignalRule, views: Sequence[SignalView]) -> Firing:
    ranked = sorted(views, key=lambda view: (-view.score, view.theme, view.signal_id))
    best = ranked[0]
    stories = dict.fromkeys(name for view in ranked for name in (view.story_id, *view.merged))
    series = tuple(dict.fromkeys(name for view in ranked for name in view.series))
    themes = tuple(dict.fromkeys(view.theme for view in ranked))
    return Firing(
        rule=rule,
        keys=tuple(story_key(rule, story) for story in stories),
        abouts=(story_about(best.story_id),),
        quiet="/".join((best.theme, *best.entities[:1])),
        group_key=story_about(best.story_id),
        why=matches(rule, best) or (),
        payload={**signal_payload(rule, best, themes), "series": list(series)},
        labels=labels_of(rule, ranked),
        theme=best.theme,
        series=series,
        signal_ids=tuple(dict.fromkeys(view.signal_id for view in ranked)),
        aliases=tuple(story_about(story) for story in stories)[1:],
    )


def _standing_firing(rule: StandingRule, views: Sequence[StandingView]) -> Firing:
    themes = tuple(dict.fromkeys(view.theme for view in views))
    rows = tuple({view.model: view for view in reversed(views)}.values())
    ranked = sorted(rows, key=lambda row: (row.rank, row.model))
    about = "standing:" + ":".join(_standing_subject(ranked[0]))
    series = tuple(dict.fromkeys(name for view in views for name in view.series))
    return Firing(
        rule=rule,
        keys=(standing_key(rule, ranked[0]),),
        abouts=(about,),
        quiet=f"{ranked[0].board}/{ranked[0].style_control}",
        group_key=about,
        why=matches(rule, ranked[0]) or (),
        payload={**standing_payload(rule, ranked, themes), "series": list(series)},
        labels=labels_of(rule, views),
        theme=ranked[0].theme,
        series=series,
        signal_ids=tuple(dict.fromkeys(view.signal_id for view in views)),
    )


def _link_firing(rule: LinkRule, views: Sequence[LinkView]) -> Firing:
    # One message speaks of one window; the others of the same response say no other thing.
    window_s = min(view.window_s for view in views)
    legs = [view for view in views if view.window_s == window_s]
    ranked = sorted(legs, key=lambda v: (-abs(v.move or 0.0), v.outcome_id, -v.score, v.theme))
    shown = tuple({view.outcome_id: view for view in reversed(ranked)}.values())[::-1]
    first = shown[0]
    return Firing(
        rule=rule,
        keys=(link_key(rule, first),),
        abouts=(f"link:{first.story_id}:{first.subject}",),
        quiet=first.subject,
        group_key=story_about(first.story_id),
        why=matches(rule, first) or (),
        payload=link_payload(rule, shown),
        labels=labels_of(rule, ranked),
        theme=first.theme,
        series=(first.series,) if first.series else (),
        signal_ids=tuple(dict.fromkeys(view.signal_id for view in ranked)),
        follows=(story_about(first.story_id),),
    )


def _standing_subject(view: StandingView) -> tuple[str, str, str, str]:
    return view.board, view.style_control, view.publish_date.isoformat(), view.change


def _signal_refusal(view: SignalView) -> str | None:
    if view.background:
        return _BACKGROUND
    if not view.alertable:
        return _NOT_LIVE
    if view.published_at is None:
        return None
    return _late(view.published_at, view.observed_at, view.precision)


def _standing_refusal(view: StandingView) -> str | None:
    if view.background:
        return _BACKGROUND
    return None if view.alertable else _NOT_LIVE


def _link_refusal(view: LinkView, *, now: datetime) -> str | None:
    if view.background:
        return _BACKGROUND
    if not view.alertable:
        return _NOT_LIVE
    if now - view.known_from > MAX_AGE:
        return "measured more than 6 h ago"
    return _late(view.at, view.observed_at, view.precision)


def _late(published_at: datetime, observed_at: datetime, precision: str) -> str | None:
    span = _DAY if precision == "day" else timedelta(0)
    if observed_at - (published_at + span) > MAX_AGE:
        return "published more than 6 h before it was seen"
    return None
