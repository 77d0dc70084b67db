"""How each source of the config is doing: pace, lag, state and what was refused."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from monitor.config import Config
from monitor.durations import format_duration
from monitor.http_status import safe_url
from monitor.reports.source_health import (
    Illness,
    drift_text,
    failing_text,
    illnesses,
    is_open,
)
from monitor.sources.pace import (
    addresses,
    from_plain,
    is_auto,
    is_venue,
    planned_pause,
)
from storage import lags, market_repo, source_repo
from storage.instants import EPOCH
from storage.market_repo import Leg
from storage.models import SourceState
from storage.records import MarketStatus

# What a kind's upstream itself takes; an arena's boards come when they are published.
OWN_DELAY = {"gdelt": timedelta(minutes=15)}
BY_PUBLISH = frozenset({"arena"})


def source_rows(session: Session, config: Config, *, now: datetime) -> list[dict[str, Any]]:
    """Return how each source of the config is doing at `now`."""
    states = source_repo.load_all(session)
    legs = market_repo.legs(session)
    return [
        _row(session, config, source, states.get(source.name), legs, now)
        for source in config.sources
    ]


def _row(
    session: Session,
    config: Config,
    source: Any,
    state: SourceState | None,
    legs: list[Leg],
    now: datetime,
) -> dict[str, Any]:
    known = state or SourceState(source=source.name)
    ill = illnesses(source, known, now=now, watched_since=EPOCH) if source.enabled else []
    planned = planned_pause(
        source, last_ok_at=known.last_ok_at, next_due=known.next_due, failures=known.failures or 0
    )
    measured = _measured_lag(session, source, legs)
    return {
        "source": source.name,
        "kind": source.kind,
        "enabled": source.enabled,
        "every": "auto" if is_auto(source) else format_duration(source.every),
        "every_s": planned.total_seconds(),
        "asks_s": _asked_s(known),
        "last_ok_at": known.last_ok_at,
        "next_due": known.next_due,
        "failures": known.failures or 0,
        "state": _state(source, known, ill),
        "said": _said(source, known, ill),
        "problems": [{"state": each.state, "said": each.said} for each in ill],
        "last_error": known.last_error,
        "circuit_until": known.circuit_until,
        "disabled": known.disabled,
        "drift": drift_text(known) or None,
        "rejects": known.rejects or {},
        "refused": sum((known.rejects or {}).values()),
        "expected_lag_s": None
        if source.kind in BY_PUBLISH
        else (planned / 2 + OWN_DELAY.get(source.kind, timedelta(0))).total_seconds(),
        "measured_lag_s": None if measured is None else measured.total_seconds(),
        "moved": {safe_url(old): safe_url(new) for old, new in (known.moved or {}).items()},
        "same_as": _twin(config, source, known),
        "stale": any(each.state in ("down", "stale") for each in ill),
    }


def _state(source: Any, state: SourceState, ill: Iterable[Illness]) -> str:
    """Return one word or two: off, new, disabled, circuit open, failing, stale, drift or ok."""
    sick = {each.state for each in ill}
    if not source.enabled:
        return "off"
    if "disabled" in sick:
        return "disabled"
    if is_open(state):
        return "circuit open"
    if state.failures:
        return "failing"
    if state.last_try_at is None:
        return "new"
    return next((word for word in ("stale", "drift") if word in sick), "ok")


def _said(source: Any, state: SourceState, ill: Iterable[Illness]) -> str:
    """Return everything that is wrong, in words; nothing of a source that is off."""
    if not source.enabled:
        return ""
    said = [each.said for each in ill]
    if not said and state.failures:
        said = [failing_text(state)]
    return "; ".join(said)


def _asked_s(state: SourceState) -> float | None:
    hints = from_plain((state.fingerprint or {}).get("pace"))
    wait = hints.wait if hints else None
    return None if wait is None else wait.total_seconds()


def _measured_lag(session: Session, source: Any, legs: Iterable[Leg]) -> timedelta | None:
    if not is_venue(source):
        return lags.item_lag(session, source.name)
    mine = [
        leg.outcome_id
        for leg in legs
        if leg.venue == source.kind and leg.status == MarketStatus.OPEN
    ]
    return lags.quote_lag(session, mine)


def _twin(config: Config, source: Any, state: SourceState) -> str | None:
    """Return the other source whose address is the new home of one of this source's."""
    homes = set((state.moved or {}).values())
    others = (other for other in config.sources if other.enabled and other.name != source.name)
    return next((other.name for other in others if homes & set(addresses(other))), None)
