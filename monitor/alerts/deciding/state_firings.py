"""Rules on the states of markets and sources; what lasts may be told again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from monitor.alerts.deciding.escalation import louder, repeated
from monitor.alerts.deciding.firings import (
    MAX_AGE,
    Due,
    Firing,
    Skip,
    allowed,
    dedup_key,
    grouped,
    matched,
)
from monitor.alerts.deciding.labels import labels_of
from monitor.alerts.deciding.past import Past
from monitor.alerts.deciding.story_firings import story_about
from monitor.alerts.rules import MarketRule, Rule, SourceRule, matches
from monitor.alerts.views import MarketView, SourceView
from monitor.alerts.words.payload import market_payload, source_payload
from monitor.durations import format_duration
from storage.instants import format_instant

LASTING = ("closing", "dispute")
_RECOVERED = "recovered"


def source_firings(
    rules: Iterable[Rule], views: Sequence[SourceView], now: datetime, skips: list[Skip]
) -> list[Firing]:
    """Return one firing for each (rule, source, state, since)."""
    return [
        _source_firing(rule, view)
        for rule in rules
        if isinstance(rule, SourceRule)
        for found in matched(rule, views)
        for view in allowed(rule, found.source, [found], partial(_young, rule, now=now), skips)
    ]


def due_markets(
    rules: Iterable[Rule],
    views: Sequence[MarketView],
    past: Past,
    now: datetime,
    skips: list[Skip],
) -> list[Due]:
    """Return what is news of markets: one for each (rule, series, state), and what still lasts."""
    states = grouped(views, lambda view: (view.subject, view.state))
    found = []
    for rule in rules:
        if not isinstance(rule, MarketRule):
            continue
        for subject, markets in states.items():
            told = [view for view in matched(rule, markets) if _last(rule, view, past)]
            fresh = [view for view in matched(rule, markets) if not _last(rule, view, past)]
            fresh = allowed(rule, " ".join(subject), fresh, partial(_stale, now=now), skips)
            if fresh:
                found.append(Due(_market_firing(rule, fresh)))
            found += _again(rule, told, past, now, skips)
    return found


def source_key(rule: Rule, view: SourceView) -> str:
    """Return the dedup key of a source's state since an instant."""
    since = format_instant(view.since) if view.since else ""
    return dedup_key(rule.name, "source", view.source, view.state, since)


def market_key(rule: Rule, view: MarketView) -> str:
    """Return the dedup key of a market's state when it is told alone or as the first."""
    return dedup_key(rule.name, "market", _market_about(view))


def _source_firing(rule: SourceRule, view: SourceView) -> Firing:
    since = format_instant(view.since) if view.since else ""
    lasted = () if rule.hold_for is None else (f"lasted at least {format_duration(rule.hold_for)}",)
    return Firing(
        rule=rule,
        keys=(source_key(rule, view),),
        abouts=(f"source:{view.source}:{view.state}:{since}",),
        quiet=view.source,
        group_key=f"source:{view.source}",
        why=(*(matches(rule, view) or ()), *lasted),
        payload=source_payload(rule, view),
        labels=labels_of(rule, [view]),
        lasting=None if view.state == _RECOVERED else view.state,
    )


def _young(rule: SourceRule, view: SourceView, *, now: datetime) -> str | None:
    # Without an instant it never worked, as far as anybody knows.
    if rule.hold_for is None or view.since is None or now - view.since >= rule.hold_for:
        return None
    until = format_instant(view.since + rule.hold_for)
    return f"for {format_duration(rule.hold_for)}: waits until {until}"


def _market_firing(rule: MarketRule, views: Sequence[MarketView]) -> Firing:
    abouts = tuple(dict.fromkeys(_market_about(view) for view in views))
    # A rule on signals may tell the venue's news too.
    stories = tuple(dict.fromkeys(story_about(view.story_id) for view in views if view.story_id))
    first = views[0]
    return Firing(
        rule=rule,
        keys=(market_key(rule, first),),
        abouts=abouts,
        quiet=f"{first.subject}/{first.state}",
        group_key=abouts[0],
        why=matches(rule, first) or (),
        payload=market_payload(rule, views),
        labels=labels_of(rule, views, (*abouts, *stories)),
        aliases=stories,
        theme=next(iter(first.themes), None),
        series=(first.series,) if first.series else (),
        signal_ids=tuple(dict.fromkeys(view.signal_id for view in views if view.signal_id)),
        lasting=first.state if first.state in LASTING else None,
    )


def _again(
    rule: MarketRule,
    views: Sequence[MarketView],
    past: Past,
    now: datetime,
    skips: list[Skip],
) -> list[Due]:
    found = []
    for key, same in grouped(views, lambda view: _told_key(rule, view, past)).items():
        firing, previous = _market_firing(rule, same), past.last([key])
        assert previous is not None
        if grown := louder(firing, previous):
            found.append(Due(firing, previous, grown))
        elif lasts := repeated(firing, previous, now):
            found.append(Due(firing, previous, lasts, is_repeat=True))
        else:
            skips.append(Skip(rule.name, firing.group_key, "already told"))
    return found


def _last(rule: MarketRule, view: MarketView, past: Past) -> bool:
    return past.of_part(rule.name, _market_about(view)) is not None


def _told_key(rule: MarketRule, view: MarketView, past: Past) -> str:
    alert = past.of_part(rule.name, _market_about(view))
    assert alert is not None
    return alert.dedup_key


def _market_about(view: MarketView) -> str:
    return f"market:{view.venue}/{view.market_id}:{view.state}:{view.state_id}"


def _stale(view: MarketView, *, now: datetime) -> str | None:
    if not view.alertable:
        return "not first seen by a live poll"
    # A market is closing for as long as the rule says; all else is news for a while only.
    is_late = view.state != "closing" and now - view.observed_at > MAX_AGE
    return "seen more than 6 h ago" if is_late else None
