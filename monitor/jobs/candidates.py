"""What the rules may look at in one run, live or as of a past one; deciding is idempotent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from monitor.alerts.rules import LinkRule, MarketRule, MoveRule, Rule
from monitor.alerts.views import LinkView, MarketView, MoveView, Views
from monitor.jobs.views import Viewer
from monitor.reports.tested import PRIMARY_WINDOW_S
from monitor.topics import Topics
from storage import final_links, signal_repo
from storage.instants import to_ms
from storage.market_news import ORIGIN_KIND
from storage.models import Move, Signal

# A link becomes final an hour after its signal; what a price did half a day ago is history.
LINKS_FOR = timedelta(hours=12)
# A verdict comes 30 min after a move's end, and waits for other legs half an hour more.
MOVES_FOR = timedelta(hours=2)
# A move goes on while its pauses are short; one that began before this is not looked up again.
LONGEST_MOVE = timedelta(hours=24)


def candidates(
    session: Session,
    topics: Topics,
    rules: Sequence[Rule],
    *,
    signals: Sequence[Signal],
    moves: Sequence[Move],
    now: datetime,
) -> Views:
    """Return the views of what one run at `now` added or changed, and of what lasts.

    `signals` and `moves` are the versions that became known in the run. Links that became final
    in it are read here; so are moves that a rule with `for` may wait for, markets that close
    soon, and disputes that a rule tells again.
    """
    fresh = [row for row in signals if row.alertable and not row.background]
    viewer = Viewer(session, topics, now=now)
    return Views(
        signals=[viewer.signal(row) for row in fresh if row.origin_kind != "standing"],
        standings=[viewer.standing(row) for row in fresh if row.origin_kind == "standing"],
        moves=_moves(session, viewer, rules, moves, now),
        links=_links(session, viewer, rules, now),
        markets=_markets(viewer, rules, fresh, now),
    )


def _moves(
    session: Session, viewer: Viewer, rules: Sequence[Rule], changed: Sequence[Move], now: datetime
) -> list[MoveView]:
    rows = {(row.outcome_id, to_ms(row.start_at)): row for row in changed}
    waiting = [rule for rule in rules if isinstance(rule, MoveRule) and _waits(rule)]
    if waiting:
        ended_since = now - max(rule.hold_for or timedelta(0) for rule in waiting) - MOVES_FOR
        known = signal_repo.moves(session, since=ended_since - LONGEST_MOVE, as_of=now)
        for row in known:
            if row.end_at >= ended_since:
                rows.setdefault((row.outcome_id, to_ms(row.start_at)), row)
    return [view for row in rows.values() if row.live and (view := viewer.move(row)) is not None]


def _waits(rule: MoveRule) -> bool:
    """Return whether a rule may fire by time alone, or when another leg changes."""
    return rule.hold_for is not None or rule.verdict is not None


def _links(
    session: Session, viewer: Viewer, rules: Sequence[Rule], now: datetime
) -> list[LinkView]:
    if not any(isinstance(rule, LinkRule) for rule in rules):
        return []
    final = final_links.became_final(
        session, window_s=PRIMARY_WINDOW_S, since=now - LINKS_FOR, at=now
    )
    views = (viewer.link(link, signal) for link, signal in final)
    return [view for view in views if view is not None]


def _markets(
    viewer: Viewer, rules: Sequence[Rule], fresh: Sequence[Signal], now: datetime
) -> list[MarketView]:
    wanted = [rule for rule in rules if isinstance(rule, MarketRule)]
    if not wanted:
        return []
    found = viewer.markets(row for row in fresh if row.origin_kind == ORIGIN_KIND)
    if any("dispute" in rule.states and rule.repeat_interval for rule in wanted):
        seen = {(view.venue, view.market_id, view.state, view.state_id) for view in found}
        found += [
            view
            for view in viewer.disputed()
            if (view.venue, view.market_id, view.state, view.state_id) not in seen
        ]
    within = [rule.within for rule in wanted if "closing" in rule.states]
    return found + (viewer.closing(now + max(within)) if within else [])
