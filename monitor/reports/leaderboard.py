"""One leaderboard as a person reads it: the head, the best Chinese model, and what it decides."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from monitor.reports.boards import as_board
from monitor.reports.settling import settling_elsewhere, settling_markets
from monitor.topics import Topics
from signals.standings import BoardRow, summary
from storage import standing_repo
from storage.standing_repo import BoardKey, BoardVersion

TOP_ROWS = 10


def leaderboards(
    session: Session,
    topics: Topics,
    *,
    now: datetime,
    board: str | None = None,
    style: str | None = None,
    as_of: datetime | None = None,
) -> list[dict[str, Any]]:
    """Return the newest publication of each board asked for, as known at `as_of`.

    `markets` of each are the open legs that settle on it (see `settling_markets`), `elsewhere`
    how many open series settle on which other list.
    """
    found = []
    for key in standing_repo.boards(session):
        if board in (None, key[1]) and style in (None, key[3]):
            version = standing_repo.latest_board(session, key, until=as_of)
            if version is not None:
                report = _report(session, topics, key, version, now=now, as_of=as_of)
                page = as_board(version)
                report["markets"] = settling_markets(session, topics, page, at=as_of or now)
                report["elsewhere"] = settling_elsewhere(session, topics, page, at=as_of or now)
                found.append(report)
    return found


def headline(report: dict[str, Any]) -> str:
    """Return who is first, the best Chinese model and the distance, in one line."""
    first, best = report["top"][0], report["best_chinese"]
    name = f"{report['board']}, style control {report['style_control']}"
    maker = first["organization"] or "maker unknown"
    lead = f"{name}: #{first['rank']} {first['model']} ({maker}) {first['score']:g}"
    if best is not None and best["model"] == first["model"]:
        return f"{lead}, a Chinese model"
    if best is None:
        return f"{lead}; no Chinese model among the {report['page_rows']} rows shown"
    overlap = {True: "intervals overlap", False: "intervals apart", None: "intervals unknown"}
    return (
        f"{lead}; best Chinese #{best['rank']} {best['model']} {best['score']:g}, "
        f"{report['gap']:g} points behind ({overlap[report['intervals_overlap']]})"
    )


def _report(
    session: Session,
    topics: Topics,
    key: BoardKey,
    version: BoardVersion,
    *,
    now: datetime,
    as_of: datetime | None,
) -> dict[str, Any]:
    source, board, category, style = key
    page = as_board(version)
    head = summary(page, topics.is_chinese)
    seen = dict(standing_repo.publish_dates(session, key, until=as_of))[version.publish_date]
    return {
        "source": source,
        "board": board,
        "category": category,
        "style_control": style,
        "publish_date": version.publish_date,
        "seen_at": seen,
        "age_s": max(((as_of or now) - seen).total_seconds(), 0.0),
        "page_rows": version.page_rows,
        "top": [_row(row, topics) for row in page.rows[:TOP_ROWS]],
        "best_chinese": _row(head.best_chinese, topics) if head.best_chinese else None,
        "gap": head.gap,
        "intervals_overlap": head.intervals_overlap,
    }


def _row(row: BoardRow, topics: Topics) -> dict[str, Any]:
    return {
        "rank": row.rank,
        "model": row.model,
        "organization": row.organization,
        "score": row.score,
        "ci_low": row.ci_low,
        "ci_high": row.ci_high,
        "votes": row.votes,
        "chinese": topics.is_chinese(row.model, row.organization),
    }
