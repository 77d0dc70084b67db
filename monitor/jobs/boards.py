"""New publications of leaderboards become signals of the themes that watch models."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from sqlmodel import Session

from monitor.jobs.items import novelty, signal_id
from monitor.reports.boards import as_board
from monitor.topics import Topics
from signals.standings import (
    Board,
    StandingChange,
    changes,
    missing_inside,
    summary,
)
from storage import signal_repo, standing_repo
from storage.models import Signal
from storage.records import Origin, Precision
from storage.standing_repo import BoardVersion

CHANGE_SCORE = {"new_number_one": 1.0, "new_model": 0.7}
DEFAULT_SCORE = 0.9
BASE_PAGES = 6


def signal_boards(session: Session, topics: Topics, *, now: datetime) -> list[Signal]:
    """Return the signals that the newest publication of each board added or changed."""
    themes = topics.model_themes
    added = []
    for key in standing_repo.boards(session):
        current = standing_repo.latest_board(session, key)
        previous = _base(session, key, current)
        if current is None or previous is None or not themes:
            continue
        found = changes(
            previous,
            as_board(current),
            is_chinese=topics.is_chinese,
            known=standing_repo.models_before(session, key, current),
        )
        for theme in themes:
            for change in found:
                values = _values(session, topics, theme, current, change)
                row, changed = signal_repo.put_signal(session, values, known_from=now)
                if changed:
                    added.append(row)
    return added


def _base(
    session: Session, key: standing_repo.BoardKey, current: BoardVersion | None
) -> Board | None:
    """Return the newest sound page before `current`; a page with holes is no base."""
    base: Board | None = None
    if current is None:
        return None
    day = current.publish_date
    earlier = [p for p in standing_repo.pages(session, key) if p.shows <= day and p.day != day]
    for each in earlier[-BASE_PAGES:]:
        page = standing_repo.board_at(session, key, each.day)
        if page is not None and (base is None or not missing_inside(base, as_board(page))):
            base = as_board(page)
    return base


def _values(
    session: Session, topics: Topics, theme: str, board: BoardVersion, change: StandingChange
) -> dict[str, Any]:
    source, name, category, style = board.key
    origin = "/".join(
        (source, name, category, style, board.publish_date.isoformat(), change.kind, change.model)
    )
    row = next(row for row in board.rows if row.model == change.model)
    entities = topics.catalog.entity_ids(change.model) or topics.catalog.entity_ids(
        change.organization or ""
    )
    gap = summary(as_board(board), topics.is_chinese).gap
    values: dict[str, Any] = {
        "signal_id": signal_id("standing", origin, theme, 0),
        "origin_kind": "standing",
        "origin_id": origin,
        "theme": theme,
        "event_no": 0,
        "kind": "rank_change",
        "at": datetime.combine(board.publish_date, time.min, tzinfo=UTC),
        "precision": Precision.DAY.value,
        "observed_at": board.observed_at,
        "title": change.title,
        "url": None,
        "source": source,
        "lang": "en",
        "tier": 1,
        "entities": list(entities),
        "facts": _facts(change, board, gap),
        "score": CHANGE_SCORE.get(change.kind, DEFAULT_SCORE),
        "publishers": 1,
        "polarity": {},
        "background": False,
        "alertable": row.origin == Origin.LIVE,
        "reason": [f"{change.kind.replace('_', ' ')} on {name}, style control {style}"],
    }
    return {**values, "novelty": novelty(session, values)}


def _facts(change: StandingChange, board: BoardVersion, gap: float | None) -> list[dict[str, Any]]:
    _, name, category, style = board.key
    return [
        {
            "kind": "standing",
            "change": change.kind,
            "board": name,
            "category": category,
            "style_control": style,
            "publish_date": board.publish_date.isoformat(),
            "model": change.model,
            "organization": change.organization,
            "rank": change.rank,
            "previous_rank": change.previous_rank,
            "score": change.score,
            "gap_to_first": change.gap_to_first,
            "best_chinese_gap": gap,
        }
    ]
