"""When a healthy source is polled next: as the config says, or as its own pace suggests. Pure."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from monitor.sources.base import interval
from monitor.sources.pace import CEILING, FLOOR, VENUE_EVERY, Hints, is_auto, is_venue

LONGEST_SKIP = timedelta(hours=24)
RATE_OVER = timedelta(days=7)
JITTER = 0.1


def next_pause(
    source: object, *, entries: int, hints: Hints | None, now: datetime, rng: random.Random
) -> timedelta:
    """Return the pause after a successful poll at `now` (aware UTC).

    An explicit `every` is kept as it is. `auto` takes a venue each minute and anything else as
    often as it brought `entries` in the last 7 days, not more often than `hints` ask, between
    FLOOR and CEILING, give or take a tenth; a stretch to be skipped is waited out.
    """
    if not is_auto(source):
        return interval(source)
    usual = auto_interval(source, entries=entries, hints=hints)
    if not is_venue(source):
        usual *= 1 - JITTER + 2 * JITTER * rng.random()
    return _past_skipped(now, usual, hints)


def auto_interval(source: object, *, entries: int, hints: Hints | None) -> timedelta:
    """Return what `auto` comes to before jitter and skipped hours.

    Source for the rate: miniflux' entry frequency, internal/model/feed.go.
    """
    if is_venue(source):
        return VENUE_EVERY
    rate = RATE_OVER / entries if entries > 0 else CEILING
    asked = (hints.wait if hints else None) or timedelta(0)
    return min(max(rate, asked, FLOOR), CEILING)


def _past_skipped(now: datetime, pause: timedelta, hints: Hints | None) -> timedelta:
    """Return `pause`, longer when it would end inside hours or days that are to be skipped."""
    if hints is None or not (hints.skip_hours or hints.skip_days):
        return pause
    due, limit = now + pause, now + LONGEST_SKIP
    while due < limit and (due.hour in hints.skip_hours or due.weekday() in hints.skip_days):
        due = due.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return min(due, limit) - now
