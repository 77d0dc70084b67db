"""Rules on the states of markets and sources; what lasts may be told again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
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
from monitor.alerts.words.plain_text import clean
from monitor.durations import format_duration
from storage.instants import format_instant, parse_instant

LASTING = ("closing", "dispute")
_CLOSING, _LISTED, _RECOVERED = "closing", "listed", "recovered"
_AT_ONCE = timedelta(minutes=1)


def source_firings(
    rules: Iterable[Rule],
    views: Sequence[SourceView],
    past: Past,
    now: datetime,
    skips: list[Skip],
) -> list[Firing]:
    """Return one firing for each (rule, source, state, since)."""
    return [
        _source_firing(rule, view)
        for rule in rules
        if isinstance(rule, SourceRule)
        for found in matched(rule, views)
        for view in allowed(
            rule, found.source, [found], partial(_young, rule, past, now=now), skips
        )
    ]


def due_markets(
    rules: Iterable[Rule],
    views: Sequence[MarketView],
    past: Past,
    now: datetime,
    skips: list[Skip],
) -> list[Due]:
    """Return what is news of markets: one for each (rule, series, state), and what still lasts."""
    # A listing also says that the market closes, so it comes first.
    ordered = sorted(views, key=lambda view: view.state != _LISTED)
    states = grouped(ordered, lambda view: (view.subject, view.state))
    found = []
    for rule in rules:
        if not isinstance(rule, MarketRule):
            continue
        said: set[str] = set()
        for subject, markets in states.items():
            told = [view for view in matched(rule, markets) if _last(rule, view, past)]
            fresh = [view for view in matched(rule, markets) if not _last(rule, view, past)]
            fresh = [view for view in fresh if _market_about(view) not in said]
            refusal = partial(_stale, rule, past, now=now)
            fresh = allowed(rule, " ".join(subject), fresh, refusal, skips)
            if fresh:
                firing = _market_firing(rule, fresh, past, now)
                said.update(firing.abouts)
                found.append(Due(firing))
            found += _again(rule, told, past, now, skips)
    return found


def source_key(rule: Rule, view: SourceView) -> str:
    """Return the dedup key of a source's state since an instant."""
    since = format_instant(view.since) if view.since else ""
    return dedup_key(rule.name, "source", view.source, view.state, since)


def source_keys(rule: SourceRule, view: SourceView) -> tuple[str, ...]:
    """Return the dedup keys asked for of a source: its state's, and those of what it got over."""
    ill = (replace(view, state=state) for state in rule.states if view.state == _RECOVERED)
    return tuple(dict.fromkeys(source_key(rule, each) for each in (view, *ill)))


def market_key(rule: Rule, view: MarketView) -> str:
    """Return the dedup key of a market's state when it is told alone or as the first."""
    return dedup_key(rule.name, "market", _market_about(view))


def _source_firing(rule: SourceRule, view: SourceView) -> Firing:
    since = format_instant(view.since) if view.since else ""
    is_over = view.state == _RECOVERED
    hold_for = None if is_over else rule.hold_for
    lasted = () if hold_for is None else (f"lasted at least {format_duration(hold_for)}",)
    return Firing(
        rule=rule,
        keys=(source_key(rule, view),),
        abouts=(f"source:{view.source}:{view.state}:{since}",),
        quiet=view.source,
        group_key=f"source:{view.source}",
        why=(*(matches(rule, view) or ()), *lasted),
        payload=source_payload(rule, view),
        labels=labels_of(rule, [view]),
        lasting=None if is_over else view.state,
    )


def _young(rule: SourceRule, past: Past, view: SourceView, *, now: datetime) -> str | None:
    if rule.hold_for is not None and view.state == _RECOVERED:
        return _unheard(rule, past, view)
    # Without an instant it never worked, as far as anybody knows.
    if rule.hold_for is None or view.since is None or now - view.since >= rule.hold_for:
        return None
    until = format_instant(view.since + rule.hold_for)
    return f"for {format_duration(rule.hold_for)}: waits until {until}"


def _unheard(rule: SourceRule, past: Past, view: SourceView) -> str | None:
    """Return why a recovery is no news: it waits for nothing, but ends only what was told."""
    if set(rule.states) == {_RECOVERED}:
        return None
    last = past.last_of(rule.name, view.source)
    is_told = last is not None and f":{_RECOVERED}:" not in last.about
    words = f"for {format_duration(rule.hold_for or timedelta(0))}"
    return None if is_told else f"{words}: was ill for less, which was not told"


def _market_firing(
    rule: MarketRule, views: Sequence[MarketView], past: Past, now: datetime
) -> Firing:
    closing = _closing_too(rule, views, now)
    shown = (*views, *closing)
    abouts = tuple(dict.fromkeys(_market_about(view) for view in shown))
    # A rule on signals may tell the venue's news too.
    stories = tuple(dict.fromkeys(story_about(view.story_id) for view in views if view.story_id))
    first = views[0]
    return Firing(
        rule=rule,
        keys=(market_key(rule, first),),
        abouts=abouts,
        quiet=f"{first.subject}/{first.state}",
        group_key=abouts[0],
        why=(*(matches(rule, first) or ()), *_changed(rule, shown, past)),
        payload=market_payload(rule, views),
        labels=labels_of(rule, shown, (*abouts, *stories)),
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
        firing, previous = _market_firing(rule, same, past, now), past.last([key])
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


def _closing_too(rule: MarketRule, views: Sequence[MarketView], now: datetime) -> list[MarketView]:
    """Return those that are listed and already close soon, as closing: one message says both."""
    found = [
        replace(view, state=_CLOSING, state_id=format_instant(view.closes_at), observed_at=now)
        for view in views
        if view.state == _LISTED and view.closes_at is not None
    ]
    return matched(rule, found)


def _changed(rule: MarketRule, views: Sequence[MarketView], past: Past) -> Iterator[str]:
    """Yield which closings were told with another date."""
    several = len(views) > 1
    for view in views:
        told = past.last_closing(rule.name, _market(view)) if view.state == _CLOSING else None
        if told is None or told[0] == _market_about(view) or view.closes_at is None:
            continue
        was = parse_instant(told[0].removeprefix(f"{_market(view)}:{_CLOSING}:"))
        name = f" {clean(view.label or view.question, 60)}" if several else ""
        yield f"told again:{name} closes at {_minute(view.closes_at)}, was {_minute(was)}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _market(view: MarketView) -> str:
    return f"market:{view.venue}/{view.market_id}"


def _market_about(view: MarketView) -> str:
    return f"{_market(view)}:{view.state}:{view.state_id}"


def _stale(rule: MarketRule, past: Past, view: MarketView, *, now: datetime) -> str | None:
    if not view.alertable:
        return "not first seen by a live poll"
    told = past.last_closing(rule.name, _market(view)) if view.state == _LISTED else None
    if told is not None and abs(told[1].at - view.observed_at) <= _AT_ONCE:
        return "told as closing within a minute"
    # A market is closing for as long as the rule says; all else is news for a while only.
    is_late = view.state != "closing" and now - view.observed_at > MAX_AGE
    return "seen more than 6 h ago" if is_late else None
