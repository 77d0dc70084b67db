"""How long a failing source is left alone, in process and over a restart.

Each failure in a row doubles the pause. From OPEN_AFTER on the circuit is open: nothing is asked
until the pause is over, and then one probe, a single attempt without retries, decides. Pure.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from monitor.errors import MonitorError, PermanentSourceError, TransientSourceError
from monitor.http_session import ATTEMPTS
from monitor.http_status import LONGEST_PAUSE
from monitor.sources.pace import OPEN_AFTER, is_auto, is_venue, usual_pause
from storage.models import SourceState

MAX_BACKOFF = timedelta(hours=6)
MIN_OPEN = timedelta(minutes=1)
PERMANENT_BACKOFF = timedelta(hours=1)


def backoff(source: object, failures: int, error: MonitorError, rng: random.Random) -> timedelta:
    """Return the pause after `failures` in a row: doubling with jitter, Retry-After honoured."""
    usual = usual_pause(source)
    pause: timedelta = max(min(usual * 2 ** min(failures - 1, 16), MAX_BACKOFF), usual)
    pause = pause * (0.9 + 0.2 * rng.random())
    if failures >= OPEN_AFTER:
        pause = max(pause, MIN_OPEN)
    asked_s = None
    if isinstance(error, PermanentSourceError):
        pause, asked_s = max(pause, PERMANENT_BACKOFF), error.pause_s
    if isinstance(error, TransientSourceError):
        asked_s = error.retry_after_s
    return max(pause, timedelta(seconds=asked_s)) if asked_s else pause


def is_open(failures: int) -> bool:
    """Return whether so many failures in a row open the circuit."""
    return failures >= OPEN_AFTER


def holds(error: MonitorError, failures: int) -> bool:
    """Return whether nobody but a human may ask again before the pause is over."""
    asked = isinstance(error, TransientSourceError) and error.retry_after_s is not None
    return asked or isinstance(error, PermanentSourceError) or is_open(failures)


def attempts(source: object, state: SourceState) -> int:
    """Return how often one request of the next poll may be tried.

    Once when it probes an open circuit, and once already after a first failure; only a venue,
    whose poll is many requests, keeps its retries until the circuit opens.
    """
    once = is_open(state.failures) or (state.failures and not is_venue(source))
    return 1 if once else ATTEMPTS


def wait_left(source: object, state: SourceState | None, *, now: datetime) -> timedelta:
    """Return how long to wait at a start before `source` is asked, from what was stored.

    A failing source keeps its backoff, a healthy one its due time; neither waits longer than
    the pause was meant to be, so that a stepped clock postpones nothing.
    """
    if state is None or state.next_due is None:
        return timedelta(0)
    planned = usual_pause(source)
    if state.failures or (is_auto(source) and not is_venue(source)):
        began = state.last_try_at or state.next_due - LONGEST_PAUSE
        planned = max(state.next_due - began, planned)
    return min(max(state.next_due - now, timedelta(0)), planned)
