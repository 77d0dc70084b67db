"""Rules run over the past as it was known then: what they would have told, nothing written.

Every version of a signal, move or link says when it became known, and so when a run of the daemon
made it. Each of those runs is decided again with what it saw, by what decides live. Time alone
may also make something due; the instants at which it did are added.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlmodel import Session

from monitor.alerts.deciding.decide import AlertDraft, Guards, decide, horizon, subject_keys
from monitor.alerts.rules import (
    LinkRule,
    MarketRule,
    MoveRule,
    Rule,
    ScheduleRule,
    SourceRule,
    latest_run,
)
from monitor.config import AlertsSection
from monitor.jobs import alert_runs
from monitor.jobs.alert_memory import Memory
from monitor.jobs.alert_runs import Run
from monitor.jobs.alerting import guards
from monitor.jobs.candidates import candidates
from monitor.topics import Topics
from storage import silence_repo

# A daemon looks every 20 s; what time alone makes due is told in the next run it left a trace of.
SLACK = timedelta(minutes=1)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What rules would have told in [since, until], oldest first, and what was not replayed.

    `runs` were decided; `not_replayed` counts by reason what no history is kept of.
    """

    since: datetime
    until: datetime
    runs: int
    drafts: tuple[AlertDraft, ...]
    suppressed: tuple[AlertDraft, ...]
    not_replayed: Mapping[str, int] = field(default_factory=dict)


def replay(
    session: Session,
    topics: Topics,
    section: AlertsSection,
    *,
    since: datetime,
    now: datetime,
    as_live: bool = True,
    runs: Iterable[datetime] | None = None,
    progress: Progress | None = None,
) -> Replayed:
    """Return what the rules of `section` would have told from `since` to `now`, aware UTC.

    `as_live`: what these very rules had told before `since` counts as told. Other rules begin
    as far back as they remember, and what they tell before `since` is left out. `runs` are the
    further instants at which somebody looked; None: whenever time alone made something due.
    Stored silences and acks hold as they did then. `progress` gets the runs done and all.
    """
    rules = [rule for rule in section.rules if not isinstance(rule, (SourceRule, ScheduleRule))]
    held = guards(session, section, now=now)
    start = since if as_live else since - horizon(rules, held)
    memory = Memory.of(session, section.rules, before=start if as_live else None)
    found = alert_runs.runs(session, since=start, until=now)
    timeline = _Timeline(found.runs, since=start, until=now)
    if runs is None:
        timeline.add_due(alert_runs.due_times(session, rules, since=start, until=now))
    else:
        timeline.add(runs)
    drafts: list[AlertDraft] = []
    decided = 0
    for done, run in enumerate(timeline):
        if progress is not None:
            progress(done, max(done, timeline.total))
        if not _is_worth(run, rules):
            continue
        decided += run.at >= since
        for draft in _decided(session, topics, section, rules, run, memory):
            drafts.append(draft)
            if runs is None:
                timeline.add_due(_repeats(draft, rules))
    if progress is not None:
        progress(timeline.total, timeline.total)
    told = [draft for draft in drafts if draft.at >= since]
    return Replayed(
        since=since,
        until=now,
        runs=decided,
        drafts=tuple(draft for draft in told if draft.suppressed is None),
        suppressed=tuple(draft for draft in told if draft.suppressed is not None),
        not_replayed=_not_replayed(section.rules, found.left_out, since=since, now=now),
    )


class _Timeline:
    """Runs in order of time; more may be added while they pass."""

    def __init__(self, runs: Sequence[Run], *, since: datetime, until: datetime) -> None:
        self._by_instant = {run.at: run for run in runs}
        self._known = sorted(self._by_instant)
        self._waiting = list(self._known)
        self._since, self._until, self._passed = since, until, since

    @property
    def total(self) -> int:
        """Return how many runs there are by now."""
        return len(self._by_instant)

    def add_due(self, instants: Iterable[datetime]) -> None:
        """Add when something is due: the known run soon after each, else the instant itself."""
        for at in instants:
            place = bisect_left(self._known, at)
            if place == len(self._known) or self._known[place] - at > SLACK:
                self.add([at])

    def add(self, instants: Iterable[datetime]) -> None:
        """Add instants at which somebody looked; what lies outside or has passed is left out."""
        for at in instants:
            is_ahead = max(self._since, self._passed) <= at <= self._until
            if is_ahead and at not in self._by_instant:
                self._by_instant[at] = Run(at)
                heapq.heappush(self._waiting, at)

    def __iter__(self) -> Iterator[Run]:
        while self._waiting:
            self._passed = heapq.heappop(self._waiting)
            yield self._by_instant[self._passed]


def _decided(
    session: Session,
    topics: Topics,
    section: AlertsSection,
    rules: Sequence[Rule],
    run: Run,
    memory: Memory,
) -> list[AlertDraft]:
    now = run.at
    held = _guards(session, section, now)
    views = candidates(session, topics, rules, signals=run.signals, moves=run.moves, now=now)
    history = memory.history(subject_keys(rules, views), since=now - horizon(rules, held), now=now)
    decision = decide(rules, views, now=now, history=history, guards=held)
    fresh = [
        draft
        for draft in sorted((*decision.drafts, *decision.suppressed), key=lambda one: one.dedup_key)
        if memory.add(draft)
    ]
    return fresh


def _guards(session: Session, section: AlertsSection, now: datetime) -> Guards:
    """Return what held alerts back then: no silence that was made later."""
    held = guards(session, section, now=now)
    rows = {row.id: row.created_at for row in silence_repo.active(session, now)}
    known = [each for each in held.silences if rows[each.id] <= now]
    return replace(held, silences=tuple(known))


def _is_worth(run: Run, rules: Sequence[Rule]) -> bool:
    """Return whether a run can tell anything; where time alone may, every run can."""
    fresh = any(signal.alertable and not signal.background for signal in run.signals)
    moved = any(move.live for move in run.moves)
    linked = run.links and any(isinstance(rule, LinkRule) for rule in rules)
    return bool(fresh or moved or linked) or any(map(_is_timed, rules))


def _is_timed(rule: Rule) -> bool:
    if isinstance(rule, MarketRule):
        return "closing" in rule.states or rule.repeat_interval is not None
    return isinstance(rule, MoveRule) and not (rule.hold_for is None and rule.verdict is None)


def _repeats(draft: AlertDraft, rules: Sequence[Rule]) -> Iterator[datetime]:
    """Yield when an alert is to be told again, if what it tells still lasts then."""
    for rule in rules:
        if rule.name == draft.rule and rule.repeat_interval is not None:
            yield draft.at + rule.repeat_interval


def _not_replayed(
    rules: Sequence[Rule], left_out: Mapping[str, int], *, since: datetime, now: datetime
) -> dict[str, int]:
    counts: Counter[str] = Counter(left_out)
    for rule in rules:
        if isinstance(rule, SourceRule):
            counts[f"rule {rule.name}: no history is kept of how sources were"] += 1
        elif isinstance(rule, ScheduleRule):
            counts[f"rule {rule.name}: briefs, which say nothing to grade"] += _briefs(
                rule, since=since, now=now
            )
    return dict(counts)


def _briefs(rule: ScheduleRule, *, since: datetime, now: datetime) -> int:
    count, due = 0, latest_run(rule, now)
    while due >= since:
        count += 1
        due = latest_run(rule, due - timedelta(seconds=1))
    return count
