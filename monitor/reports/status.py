"""Is everything watched? Read from the store alone, so that it works beside the daemon."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session

from monitor.config import PLACEHOLDER_CONTACT, Config
from monitor.reports.prices import market_prices
from monitor.reports.sources import source_rows
from monitor.topics import open_topics
from storage import alert_repo, delivery_repo, lock, outdated
from storage.instants import parse_instant


def status(
    session: Session, config: Config, database: Path | None, *, now: datetime
) -> dict[str, Any]:
    """Return the daemon, themes, sources, alerts and database; `problems` says what is wrong."""
    holder = lock.holder(database) if database else None
    sources = source_rows(session, config, now=now)
    themes = [_theme(session, theme.name, now=now) for theme in config.themes]
    latest = alert_repo.list_alerts(session, limit=1)
    size = _size(database)
    report = {
        "at": now,
        "daemon": _daemon(holder, now),
        "themes": themes,
        "sources": sources,
        "last_alert": {"at": latest[0][0].at, "title": latest[0][0].title} if latest else None,
        "outbox_pending": delivery_repo.pending_count(session),
        "outdated_items": outdated.count(session, open_topics(config).version),
        "database": {"path": str(database), "bytes": size, "max_bytes": config.storage.max_size},
    }
    return {**report, "problems": _problems(report, config)}


def _daemon(holder: dict[str, object] | None, now: datetime) -> dict[str, Any]:
    if holder is None:
        return {"running": False, "pid": None, "uptime_s": None}
    since = holder.get("since")
    uptime = (now - parse_instant(str(since))).total_seconds() if since else None
    return {"running": True, "pid": holder.get("pid"), "uptime_s": uptime}


def _theme(session: Session, name: str, *, now: datetime) -> dict[str, Any]:
    markets = [row for row in market_prices(session, name, now=now) if row["status"] == "open"]
    return {"theme": name, "open_markets": markets}


def _problems(report: dict[str, Any], config: Config) -> list[str]:
    found = []
    if not report["daemon"]["running"]:
        found.append("the daemon is not running")
    for source in report["sources"]:
        name = source["source"]
        for problem in source["problems"]:
            state = "has drifted" if problem["state"] == "drift" else f"is {problem['state']}"
            found.append(f"source {name} {state}: {problem['said']}")
        if source["same_as"]:
            found.append(f"source {name} moved to the address of {source['same_as']}; remove one")
    for theme in report["themes"]:
        if not theme["open_markets"]:
            found.append(f"theme {theme['theme']} has no open market")
    size, limit = report["database"]["bytes"], report["database"]["max_bytes"]
    if size is not None and size > limit:
        found.append(f"the database has {size} bytes, more than storage.max_size")
    if config.http.contact == PLACEHOLDER_CONTACT:
        found.append("http.contact is still the placeholder; put your address there")
    return found


def _size(database: Path | None) -> int | None:
    if database is None or not database.exists():
        return None
    parts = [database, database.with_name(database.name + "-wal")]
    return sum(part.stat().st_size for part in parts if part.exists())
