"""What is wrong with a source, from what is stored of it: down, stale, drift, disabled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from monitor.sources.fingerprint import drift_words
from monitor.sources.pace import OPEN_AFTER, addresses, planned_pause
from storage.instants import parse_instant
from storage.models import SourceState
from storage.source_repo import is_disabled

STALE_POLLS = 3
STALE_FLOOR = timedelta(minutes=15)

SickState = Literal["down", "stale", "drift", "disabled"]


@dataclass(frozen=True, slots=True)
class Illness:
    """One thing wrong with a source: since when (None: it never worked) and in words."""

    state: SickState
    since: datetime | None
    said: str


def illnesses(
    source: object, state: SourceState | None, *, now: datetime, watched_since: datetime | None
) -> list[Illness]:
    """Return all that is wrong with an enabled `source` at `now`.

    Down: it failed OPEN_AFTER times running, or fails and was not read for three polls.
    Stale: not read for as long though nothing failed. Neither counts before `watched_since`,
    from when on somebody polled; None leaves the age out.
    """
    known = state or SourceState(source=str(getattr(source, "name", "")))
    return list(_illnesses(source, known, now, watched_since))


def is_open(state: SourceState) -> bool:
    """Return whether so many polls failed that the source is only probed."""
    return state.failures >= OPEN_AFTER


def _illnesses(
    source: object, state: SourceState, now: datetime, watched_since: datetime | None
) -> Iterator[Illness]:
    if is_disabled(state, addresses(source)):
        yield Illness("disabled", state.last_try_at, str(state.disabled))
        return
    late = watched_since is not None and _is_late(source, state, now, watched_since)
    if is_open(state) or (state.failures and late):
        yield Illness("down", state.last_ok_at, failing_text(state))
    elif late:
        read = f"last read {_clock(state.last_ok_at)}" if state.last_ok_at else "never read"
        yield Illness("stale", state.last_ok_at, read)
    if state.drift:
        yield Illness("drift", parse_instant(state.drift["since"]), drift_text(state))


def failing_text(state: SourceState) -> str:
    """Return the last error, how many failures since the last good read, and the next try."""
    count = f"{state.failures} failure{'' if state.failures == 1 else 's'}"
    since = f" since {_clock(state.last_ok_at)}" if state.last_ok_at else ", never read"
    due = f", next try {_clock(state.next_due)}" if state.next_due else ""
    return f"{state.last_error}; {count}{since}{due}"


def drift_text(state: SourceState) -> str:
    """Return in which way the pages changed, and since when."""
    if not state.drift:
        return ""
    since = _clock(parse_instant(state.drift["since"]))
    return "; ".join(drift_words(state.drift)) + f", since {since}"


def _is_late(source: object, state: SourceState, now: datetime, watched_since: datetime) -> bool:
    planned = planned_pause(
        source, last_ok_at=state.last_ok_at, next_due=state.next_due, failures=state.failures
    )
    limit = max(planned * STALE_POLLS, STALE_FLOOR)
    return now - max(filter(None, (state.last_ok_at, watched_since))) > limit


def _clock(instant: datetime | None) -> str:
    return "–" if instant is None else f"{instant:%Y-%m-%d %H:%M}Z"
