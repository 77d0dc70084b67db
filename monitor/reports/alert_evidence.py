"""What an alert rests on, as it was known when it was decided and as it is known now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from storage import market_repo, versions
from storage.instants import from_ms
from storage.models import Alert, Link, Market, Move, Outcome, Signal
from storage.records import Precision

Report = dict[str, Any]
PRIMARY_WINDOW_S = 3600
_CHANGING = ("kind", "theme", "score", "novelty", "publishers", "title")


def signals_of(session: Session, alert: Alert) -> list[Report]:
    """Return the alert's signals as known then; `now` holds what differs, None once withdrawn."""
    found = []
    for signal_id in alert.signal_ids or ():
        current = versions.current_row(session, Signal, {"signal_id": signal_id})
        then = _then(session, Signal, Signal.signal_id == signal_id, alert.at) or current
        if then is None:
            found.append({"signal_id": signal_id, "title": None, "now": None})
            continue
        found.append({**_signal(then), "now": _changes(then, current)})
    return found


def moves_of(session: Session, alert: Alert) -> list[Report]:
    """Return the alert's moves, each as known `then` and `now` (None: no move any more)."""
    found = []
    for name in alert.move_ids or ():
        outcome_id, _, start_ms = str(name).partition("/")
        if not (outcome_id.isdigit() and start_ms.lstrip("-").isdigit()):
            continue
        start_at = from_ms(int(start_ms))
        key = {"outcome_id": int(outcome_id), "start_at": start_at}
        current = versions.current_row(session, Move, key)
        same = (col(Move.outcome_id) == key["outcome_id"]) & (col(Move.start_at) == start_at)
        then = _then(session, Move, same, alert.at) or current
        found.append(
            {
                **_place(session, int(outcome_id)),
                "start_at": start_at,
                "then": then and _move(then),
                "now": current and _move(current),
                "amended": _is_amended(then, current),
            }
        )
    return found


def links_of(session: Session, signal_ids: Sequence[str], *, then: datetime) -> list[Report]:
    """Return what the tested markets did in the hour after the signals, as known now.

    `verdict_then` is None for what was not known yet.
    """
    query = (
        select(Link, Outcome, Market)
        .join(Outcome, col(Outcome.id) == Link.outcome_id)
        .join(Market, col(Market.id) == Outcome.market_id)
        .where(col(Link.signal_id).in_(signal_ids), col(Link.known_to).is_(None))
        .where(col(Link.focal), Link.window_s == PRIMARY_WINDOW_S)
        .order_by(col(Link.id))
    )
    rows = []
    for link, outcome, market in session.exec(query):
        same = (
            (Link.signal_id == link.signal_id)
            & (Link.outcome_id == link.outcome_id)
            & (Link.window_s == link.window_s)
        )
        known = _then(session, Link, same, then)
        rows.append(
            {
                "signal_id": link.signal_id,
                "market": market_repo.label_of(market, outcome) or market.question,
                "series": market.series,
                "url": market.url,
                "relation": link.relation,
                "price_before": link.price_before,
                "price_after": link.price_after,
                "move_pp": _points(link.move),
                "verdict": link.verdict,
                "verdict_then": known and known.verdict,
                "reason": link.reason,
                "final": link.final,
            }
        )
    return rows


def _then(session: Session, model: Any, same: Any, at: datetime) -> Any:
    return session.exec(select(model).where(same, versions.known_at(model, at))).first()


def _signal(signal: Signal) -> Report:
    return {
        "signal_id": signal.signal_id,
        "title": signal.title,
        "theme": signal.theme,
        "kind": signal.kind,
        "score": signal.score,
        "novelty": signal.novelty,
        "publishers": signal.publishers,
        "source": signal.source,
        "tier": signal.tier,
        "at": signal.at,
        "published_at": _published_at(signal),
        "precision": signal.precision,
        "observed_at": signal.observed_at,
        "url": signal.url,
        "reasons": list(signal.reason or ()),
    }


def _published_at(signal: Signal) -> datetime | None:
    """Return when it was public; None where only when it was seen is known, as of a venue's news.

    `Signal.at` holds the latter then.
    """
    if signal.origin_kind == "story":
        return None if signal.precision == Precision.UNKNOWN.value else signal.at
    return signal.at if signal.origin_kind == "item" and signal.at != signal.observed_at else None


def _changes(then: Signal, now: Signal | None) -> Report | None:
    if now is None:
        return None
    return {
        name: getattr(now, name)
        for name in _CHANGING
        if getattr(now, name) != getattr(then, name)
    }  # fmt: skip


def _move(move: Move) -> Report:
    return {
        "end_at": move.end_at,
        "price_from": move.price_from,
        "price_to": move.price_to,
        "move_pp": _points(move.move),
        "z": move.z,
        "state": move.state,
        "verdict": move.verdict,
        "explained_by": list(move.explained_by or ()),
        "known_from": move.known_from,
    }


def _is_amended(then: Move | None, now: Move | None) -> bool:
    if then is None or now is None:
        return then is not now
    named = [[each.get("signal_id") for each in move.explained_by or ()] for move in (then, now)]
    return then.verdict != now.verdict or named[0] != named[1]


def _place(session: Session, outcome_id: int) -> Report:
    outcome = session.get(Outcome, outcome_id)
    market = session.get(Market, outcome.market_id) if outcome else None
    if outcome is None or market is None:
        return {"market": f"outcome {outcome_id}", "question": None, "series": None, "url": None}
    return {
        "market": market_repo.label_of(market, outcome) or market.question,
        "question": market.question,
        "series": market.series,
        "url": market.url,
    }


def _points(move: float | None) -> float | None:
    return None if move is None else round(move * 100, 6)
