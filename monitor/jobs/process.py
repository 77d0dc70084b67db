"""Everything that follows from stored rows, in one transaction: what is found is also told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlmodel import Session

from monitor.alerts.deciding.decide import schedule_draft
from monitor.alerts.rules import Rule, ScheduleRule
from monitor.config import AlertsSection
from monitor.jobs.alerting import raise_alerts
from monitor.jobs.boards import signal_boards
from monitor.jobs.distances import measure
from monitor.jobs.items import tag_items
from monitor.jobs.links import HORIZON, link_signals
from monitor.jobs.markets import signal_markets
from monitor.jobs.moves import HORIZON as MOVES_HORIZON
from monitor.jobs.moves import find_moves
from monitor.jobs.releases import signal_releases
from monitor.jobs.schedules import raise_schedules
from monitor.jobs.source_alerts import source_views
from monitor.sources.base import Source
from monitor.topics import Topics

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
    section: AlertsSection | None = None,
    items_at_once: int | None = None,
) -> Processed:
    """Return what was found; signals, moves, links and alerts commit with the caller's session.

    `outcome_ids` are those whose price changed (None: look at all); `boards` False leaves the
    leaderboards out. Schedule rules fire only for runs due after `schedules_since`, when this
    process began to poll `sources`. Signals older than `link_horizon` are not linked. `section`
    says what holds the alerts of `rules` back and how they are told (None: at once, all of them).
    At most `items_at_once` items are read, which bounds the transaction (None: many).
    """
    tagged = tag_items(session, topics, now=now, at_once=items_at_once)
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
    told = section or AlertsSection()
    sick = source_views(session, rules, sources, now=now, watched_since=schedules_since)
    alerts = raise_alerts(
        session, topics, rules, signals=signals, moves=moves, sources=sick, section=told, now=now
    )
    if schedules_since is not None:
        alerts += raise_schedules(
            session, topics, rules, section=told, since=schedules_since, now=now
        )
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
