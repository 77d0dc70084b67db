"""From what was seen to what is told: which firings are new, quiet, louder or a follow-up.

A story is told once by each rule, however many outlets and themes; a move once it persisted (or
once the verdict its rule waits for is written), its legs together; what prices did after a story
once its window has closed; a board's change and a market's state once. No channel is told one
thing twice, whichever rules ask for it. Only a higher severity, twice the size or a rule's
`repeat_interval` tells a subject again. Pure: the past comes as `History`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.alerts.deciding.drafts import naming, schedule_draft
from monitor.alerts.deciding.escalation import louder, repeated
from monitor.alerts.deciding.firings import MAX_AGE, Due, Firing, Skip
from monitor.alerts.deciding.guards import ActiveSilence, Guards
from monitor.alerts.deciding.move_firings import due_moves, leg_keys
from monitor.alerts.deciding.past import TOLD_BY, Past, as_past, parts_of
from monitor.alerts.deciding.settling import settle
from monitor.alerts.deciding.state_firings import (
    due_markets,
    market_key,
    source_firings,
    source_keys,
)
from monitor.alerts.deciding.story_firings import (
    link_firings,
    link_key,
    signal_firings,
    standing_firings,
    standing_key,
    story_key,
    story_keys,
)
from monitor.alerts.deciding.turns import in_turn
from monitor.alerts.rules import (
    LinkRule,
    MarketRule,
    MoveRule,
    Rule,
    SignalRule,
    SourceRule,
    StandingRule,
)
from monitor.alerts.views import Views
from storage.alert_repo import AlertDraft, History, PastAlert

__all__ = [
    "ActiveSilence",
    "AlertDraft",
    "Decision",
    "Guards",
    "History",
    "PastAlert",
    "Skip",
    "decide",
    "horizon",
    "schedule_draft",
    "subject_keys",
]

MEMORY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to tell, what is kept and not told, and what else matched and is not told.

    `suppressed` drafts are stored too (without deliveries), so that they stay told once what held
    them back is over and can be explained.
    """

    drafts: tuple[AlertDraft, ...]
    suppressed: tuple[AlertDraft, ...]
    skips: tuple[Skip, ...]


def decide(
    rules: Sequence[Rule],
    views: Views,
    *,
    now: datetime,
    history: History,
    guards: Guards = Guards(),  # noqa: B008
) -> Decision:
    """Return the decision at `now` (aware UTC).

    `views` hold all that may be told now, not only what changed: a move that a rule's `for` or
    verdict waits for is looked at until it may be told. `history` holds the last alert of each of
    `subject_keys(...)` and all since `now - horizon(...)`. Stories come before moves and links,
    so that those can follow one of the same run.
    """
    skips: list[Skip] = []
    past = Past(history)
    drafts: list[AlertDraft] = []
    for due in in_turn(rules, _due(rules, _sorted(views), past, now, skips), guards):
        draft = settle(due, past, guards, now)
        if draft.suppressed is not None and draft.suppressed.startswith(TOLD_BY):
            drafts = [_naming(told, draft, due.firing) for told in drafts]
        drafts.append(draft)
        past.add(draft)
    return Decision(
        drafts=tuple(draft for draft in drafts if draft.suppressed is None),
        suppressed=tuple(draft for draft in drafts if draft.suppressed is not None),
        skips=tuple(dict.fromkeys(skips)),
    )


def subject_keys(rules: Iterable[Rule], views: Views) -> frozenset[str]:
    """Return the dedup keys whose last alert `decide` wants to know."""
    keys: set[str] = set()
    for rule in rules:
        if isinstance(rule, SignalRule):
            keys.update(key for view in views.signals for key in story_keys(rule, view))
            keys.update(story_key(rule, view.story_id) for view in views.links)
            keys.update(story_key(rule, story) for story in _candidate_stories(views))
        elif isinstance(rule, MoveRule):
            keys.update(key for leg in views.moves for key in leg_keys(rule, leg))
        elif isinstance(rule, LinkRule):
            keys.update(link_key(rule, view) for view in views.links)
        elif isinstance(rule, StandingRule):
            keys.update(standing_key(rule, view) for view in views.standings)
        elif isinstance(rule, MarketRule):
            keys.update(market_key(rule, view) for view in views.markets)
        elif isinstance(rule, SourceRule):
            keys.update(key for view in views.sources for key in source_keys(rule, view))
    return frozenset(keys)


def _candidate_stories(views: Views) -> set[str]:
    near = (candidate for leg in views.moves for candidate in leg.explained_by)
    return {story for one in near for story in (one.story_id, *one.merged) if story}


def horizon(rules: Iterable[Rule], guards: Guards = Guards()) -> timedelta:  # noqa: B008
    """Return how far back `history.recent` must reach."""
    spans = [MEMORY, *(inhibit.within for inhibit in guards.inhibit)]
    for rule in rules:
        spans += [rule.cooldown, rule.repeat_interval or MEMORY]
        if rule.hold_for is not None:
            spans.append(MAX_AGE + rule.hold_for + MEMORY)
        if isinstance(rule, MarketRule):
            spans.append(rule.within)
    return max(spans)


def _sorted(views: Views) -> Views:
    """Return the views in an order of their own, so that theirs does not matter."""
    return Views(
        signals=sorted(views.signals, key=lambda v: (v.story_id, v.theme, v.signal_id)),
        moves=sorted(views.moves, key=lambda v: (v.subject, v.start_at, v.move_key)),
        links=sorted(views.links, key=lambda v: (v.signal_id, v.outcome_id, v.window_s)),
        standings=sorted(
            views.standings, key=lambda v: (v.board, v.rank, v.model, v.theme, v.signal_id)
        ),
        markets=sorted(views.markets, key=lambda v: (v.subject, v.market_id, v.state, v.state_id)),
        sources=sorted(views.sources, key=lambda v: (v.source, v.state)),
    )


def _due(
    rules: Sequence[Rule], views: Views, past: Past, now: datetime, skips: list[Skip]
) -> list[Due]:
    firings = [
        *signal_firings(rules, views.signals, skips),
        *standing_firings(rules, views.standings, skips),
        *source_firings(rules, views.sources, past, now, skips),
        *link_firings(rules, views.links, now, skips),
    ]
    found = [due for firing in firings if (due := _news(firing, past, now, skips)) is not None]
    found += due_markets(rules, views.markets, past, now, skips)
    return found + due_moves(rules, views.moves, past, now, skips)


def _news(firing: Firing, past: Past, now: datetime, skips: list[Skip]) -> Due | None:
    previous = past.last(firing.keys)
    if previous is None:
        return Due(firing)
    if grown := louder(firing, previous):
        return Due(firing, previous, grown)
    if lasts := repeated(firing, previous, now):
        return Due(firing, previous, lasts, is_repeat=True)
    skips.append(Skip(firing.rule.name, firing.abouts[0], "already told"))
    return None


def _naming(told: AlertDraft, kept: AlertDraft, firing: Firing) -> AlertDraft:
    names = (kept.suppressed or "").removeprefix(TOLD_BY).split(", ")
    is_same = set(parts_of(as_past(told))) & {*firing.parts, *firing.aliases}
    if told.suppressed is None and told.rule in names and is_same:
        return naming(told, firing)
    return told
