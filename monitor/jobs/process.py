"""Everything that follows from stored rows, in one transaction: what is found is also told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlmodel import Session

from monitor.alerts.decide import decide, horizon, schedule_draft, subject_keys
from monitor.alerts.rules import Rule, ScheduleRule, latest_run
from monitor.jobs.boards import signal_boards
from monitor.jobs.distances import measure
from monitor.jobs.items import tag_items
from monitor.jobs.links import HORIZON, link_signals
from monitor.jobs.markets import signal_markets
from monitor.jobs.moves import HORIZON as MOVES_HORIZON
from monitor.jobs.moves import find_moves
from monitor.jobs.releases import signal_releases
from monitor.jobs.source_alerts import raise_source_alerts
from monitor.jobs.views import Viewer
from monitor.reports.brief import brief_lines
from monitor.sources.base import Source
from monitor.topics import Topics
from storage import alert_repo
from storage.models import Move, Signal

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Processed:
    """How many rows one run changed; `more` says that items are left for the next run."""

    signals: int
    moves: int
    links: int
    alerts: int
    more: bool = False


def process(
    session: Session,
    topics: Topics,
    rules: Sequence[Rule],
    *,
    now: datetime,
    outcome_ids: Iterable[int] | None = None,
    boards: bool = True,
    schedules_since: datetime | None = None,
    sources: Sequence[Source] = (),
    link_horizon: timedelta = HORIZON,
) -> Processed:
    """Return what was found; signals, moves, links and alerts commit with the caller's session.

    `outcome_ids` are those whose price changed (None: look at all); `boards` False leaves the
    leaderboards out. Schedule rules fire only for runs due after `schedules_since`, when this
    process began to poll `sources`. Signals older than `link_horizon` are not linked.
    """
    tagged = tag_items(session, topics, now=now)
    signals = [*tagged.signals, *signal_releases(session, topics, tagged.seen, now=now)]
    if boards:
        signals += signal_boards(session, topics, now=now)
        measure(session, topics, now=now)
    signals += signal_markets(session, topics, now=now)
    moves = find_moves(
        session,
        topics,
        now=now,
        outcome_ids=outcome_ids,
        changed=signals,
        # As with links below, the last of many runs sees all of a past that came in.
        horizon=link_horizon if link_horizon > HORIZON and not tagged.more else MOVES_HORIZON,
    )
    links = link_signals(
        session,
        topics,
        now=now,
        horizon=link_horizon,
        changed=signals,
        # What came of the past may complete old links; the last of many runs sees it all.
        with_history=link_horizon > HORIZON and not tagged.more,
    )
    alerts = _raise_alerts(session, topics, rules, signals, moves, now=now)
    alerts += raise_source_alerts(session, rules, sources, now=now, watched_since=schedules_since)
    if schedules_since is not None:
        alerts += _raise_schedules(session, topics, rules, since=schedules_since, now=now)
    found = Processed(len(signals), len(moves), links, alerts, tagged.more)
    if any((found.signals, found.moves, found.alerts)):
        log.info("processed", **asdict(found))
    return found


def test_payload(channel: str, *, now: datetime) -> dict[str, Any]:
    """Return the payload of a message that only says that `channel` works."""
    rule = ScheduleRule(name="test", on="schedule", at="00:00", channels=(channel,))
    lines = ["This is a test; nothing happened."]
    draft = schedule_draft(rule, due_at=now, now=now, title="[TEST] Signal Monitor", lines=lines)
    return dict(draft.payload)


def _raise_alerts(
    session: Session,
    topics: Topics,
    rules: Sequence[Rule],
    signals: Sequence[Signal],
    moves: Sequence[Move],
    *,
    now: datetime,
) -> int:
    fresh = [signal for signal in signals if signal.alertable and not signal.background]
    live = [move for move in moves if move.live]
    if not fresh and not live:
        return 0
    viewer = Viewer(session, topics, now=now)
    stories = [viewer.signal(row) for row in fresh if row.origin_kind != "standing"]
    standings = [viewer.standing(row) for row in fresh if row.origin_kind == "standing"]
    legs = [view for row in live if (view := viewer.move(row)) is not None]
    decision = decide(
        rules,
        stories,
        legs,
        standings,
        now=now,
        history=alert_repo.history(
            session, subject_keys(rules, stories, legs, standings), since=now - horizon(rules)
        ),
    )
    for skip in decision.skips:
        log.debug("not told", rule=skip.rule, subject=skip.subject, reason=skip.reason)
    drafts = (*decision.drafts, *decision.suppressed)
    added = [alert_repo.add_alert(session, draft) for draft in drafts]
    return sum(alert is not None for alert in added[: len(decision.drafts)])


def _raise_schedules(
    session: Session, topics: Topics, rules: Sequence[Rule], *, since: datetime, now: datetime
) -> int:
    raised = 0
    for rule in rules:
        if not isinstance(rule, ScheduleRule):
            continue
        due_at = latest_run(rule, now)
        if due_at <= since or _is_told(session, rule, due_at, now=now):
            continue
        lines = brief_lines(session, topics, now=now)
        draft = schedule_draft(rule, due_at=due_at, now=now, title="The brief", lines=lines)
        raised += alert_repo.add_alert(session, draft) is not None
    return raised


def _is_told(session: Session, rule: ScheduleRule, due_at: datetime, *, now: datetime) -> bool:
    key = schedule_draft(rule, due_at=due_at, now=now, title="", lines=()).dedup_key
    return key in alert_repo.history(session, [key], since=now).previous
