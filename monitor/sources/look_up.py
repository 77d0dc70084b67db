"""When a venue is asked again what its references match, and what it said the last time.

Cursor: `refs` (keys of the references), `discovered_at` (ISO), `found` (name to reference keys).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from monitor.sources.base import Cursor
from monitor.sources.instants import instant_or_none

LOOK_UP_EVERY = timedelta(minutes=15)


def is_due(cursor: Cursor, refs: Sequence[str], now: datetime) -> bool:
    """Return whether to look up anew: it is time, or the references are others."""
    try:
        last = instant_or_none(cursor.get("discovered_at"))
    except ValueError:
        last = None
    if last is None or cursor.get("refs") != list(refs):
        return True
    # A clock that stepped back must not postpone the look-up for as long.
    return not timedelta() <= now - last < LOOK_UP_EVERY


def remembered(cursor: Cursor, refs: Sequence[str]) -> dict[str, list[str]]:
    """Return what was found for references that are still there."""
    found = cursor.get("found")
    if not isinstance(found, dict):
        return {}
    kept = {
        str(name): [str(key) for key in keys if key in refs]
        for name, keys in found.items()
        if isinstance(keys, list)
    }
    return {name: keys for name, keys in kept.items() if keys}


def add(names: dict[str, list[str]], name: str, key: str) -> None:
    """Note that the reference `key` brought `name` in."""
    keys = names.setdefault(name, [])
    if key not in keys:
        keys.append(key)
