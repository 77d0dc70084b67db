"""The card of one signal: headline, context, evidence, reasons, key points, what to watch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from monitor.reports.facts import fact_texts
from monitor.reports.leaderboard import headline, leaderboards
from monitor.reports.prices import market_prices
from monitor.topics import Topics
from storage import signal_repo, story_repo
from storage.models import Link, Market, Outcome, Signal

PRIMARY_WINDOW_S = 3600


def card(
    session: Session, topics: Topics, signal_id: str, *, now: datetime
) -> dict[str, Any] | None:
    """Return the card of a signal; None when there is no such signal."""
    signal = signal_repo.signal(session, signal_id)
    if signal is None:
        return None
    items = story_repo.items(session, signal.origin_id) if signal.origin_kind == "story" else []
    story = story_repo.get(session, signal.origin_id) if items else None
    open_markets = [
        row for row in market_prices(session, signal.theme, now=now) if row["status"] == "open"
    ]
    return {
        "signal_id": signal.signal_id,
        "headline": signal.title,
        "theme": signal.theme,
        "kind": signal.kind,
        "at": signal.at,
        "precision": signal.precision,
        "observed_at": signal.observed_at,
        "score": signal.score,
        "novelty": signal.novelty,
        "background": signal.background,
        "entities": _names(topics, signal),
        "key_points": fact_texts(signal.facts or ()),
        "context": [
            {
                "source": item.publisher or item.source,
                "title": item.title,
                "published_at": item.published_at,
                "observed_at": item.observed_at,
                "url": item.url,
                "summary": item.summary,
                "attributed_to": item.attributed_to,
            }
            for item in items
        ],
        "story": (story.reason or "").splitlines() if story else [],
        "evidence": _evidence(session, signal),
        "reasons": list(signal.reason or ()),
        "watch": [
            *(headline(report) for report in leaderboards(session, topics, now=now)),
            *(_watch_line(row) for row in open_markets[:6]),
        ],
    }


def _names(topics: Topics, signal: Signal) -> list[str]:
    known = topics.catalog.entities
    return [known[e].name_en or e if e in known else e for e in signal.entities or ()]


def _evidence(session: Session, signal: Signal) -> list[dict[str, Any]]:
    query = (
        select(Link, Outcome, Market)
        .join(Outcome, Outcome.id == Link.outcome_id)  # type: ignore[arg-type]
        .join(Market, Market.id == Outcome.market_id)  # type: ignore[arg-type]
        .where(Link.signal_id == signal.signal_id, Link.known_to.is_(None))  # type: ignore[union-attr]
    )
    rows = sorted(session.exec(query), key=lambda row: (not row[0].focal, row[0].window_s))
    return [
        {
            "market": market.label or market.question,
            "series": market.series,
            "window_s": link.window_s,
            "focal": link.focal,
            "relation": link.relation,
            "price_before": link.price_before,
            "price_after": link.price_after,
            "move_pp": None if link.move is None else round(link.move * 100, 4),
            "z": link.z,
            "thin": link.thin,
            "verdict": link.verdict,
            "reason": link.reason,
        }
        for link, _, market in rows
    ]


def _watch_line(row: dict[str, Any]) -> str:
    price = "no price" if row["price"] is None else f"{row['price'] * 100:.1f} %"
    closes = f", closes {row['closes_at']:%Y-%m-%d}" if row["closes_at"] else ""
    return f"{row['label']}: {price}{closes}"
