"""How often a source is asked: what the config says, what publishers ask, what was planned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitor.sources.base import interval
from storage.records import Batch

FLOOR = timedelta(minutes=2)
CEILING = timedelta(hours=2)
VENUE_EVERY = timedelta(minutes=1)
# From so many failures in a row on a source is only probed.
OPEN_AFTER = 5
VENUES = frozenset({"polymarket", "kalshi", "manifold"})


@dataclass(frozen=True, slots=True)
class Hints:
    """What a publisher asks of those who poll it.

    `ttl` is the document's own word, `fresh_for` the caching headers'. `skip_hours` are 0..23
    UTC, `skip_days` 0 (Monday) to 6.
    """

    ttl: timedelta | None = None
    fresh_for: timedelta | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()

    @property
    def wait(self) -> timedelta | None:
        """Return the pause asked for; None when nothing is asked."""
        return max(filter(None, (self.ttl, self.fresh_for)), default=None)


def is_venue(source: object) -> bool:
    """Return whether `source` brings prices of a market venue."""
    return getattr(source, "kind", None) in VENUES


def is_auto(source: object) -> bool:
    """Return whether the config leaves the pace to us."""
    return getattr(source, "every", None) == "auto"


def usual_pause(source: object) -> timedelta:
    """Return the pause that backoffs double: `every`, or where `auto` begins."""
    return VENUE_EVERY if is_auto(source) and is_venue(source) else interval(source)


def planned_pause(
    source: object, *, last_ok_at: datetime | None, next_due: datetime | None, failures: int
) -> timedelta:
    """Return how far apart two polls were meant to be, from what is stored of a source."""
    if not is_auto(source) or is_venue(source):
        return usual_pause(source)
    if failures or last_ok_at is None or next_due is None:
        return CEILING
    return max(next_due - last_ok_at, FLOOR)


def hints_of(
    batches: Iterable[Batch], fresh_for: timedelta | None, known: Hints | None
) -> Hints | None:
    """Return what this poll's documents ask for; an unchanged document asks what it asked before.

    `known` are the hints stored by an earlier poll.
    """
    read = list(batches)
    if not read:
        before = known or Hints()
        return _some(Hints(before.ttl, fresh_for, before.skip_hours, before.skip_days))
    paces = [batch.pace for batch in read if batch.pace is not None]
    return _some(
        Hints(
            max((pace.wait for pace in paces if pace.wait), default=None),
            fresh_for,
            frozenset().union(*(pace.skip_hours for pace in paces)),
            frozenset().union(*(pace.skip_days for pace in paces)),
        )
    )


def to_plain(hints: Hints | None) -> dict[str, Any] | None:
    """Return the hints as JSON keeps them."""
    if hints is None:
        return None
    plain = {
        "ttl_s": hints.ttl and hints.ttl.total_seconds(),
        "fresh_s": hints.fresh_for and hints.fresh_for.total_seconds(),
        "skip_hours": sorted(hints.skip_hours),
        "skip_days": sorted(hints.skip_days),
    }
    return {key: value for key, value in plain.items() if value}


def from_plain(plain: Mapping[str, Any] | None) -> Hints | None:
    """Return what `to_plain` wrote."""
    if not plain:
        return None
    ttl, fresh = (
        timedelta(seconds=plain[key]) if plain.get(key) else None for key in ("ttl_s", "fresh_s")
    )
    return Hints(
        ttl, fresh, frozenset(plain.get("skip_hours", ())), frozenset(plain.get("skip_days", ()))
    )


def addresses(source: object) -> tuple[str, ...]:
    """Return the web addresses that the config gives a source, sorted."""
    names = getattr(type(source), "model_fields", {})
    values = (getattr(source, name, None) for name in names)
    found = {str(value) for value in values if isinstance(value, str)}
    return tuple(sorted(text for text in found if text.startswith(("http://", "https://"))))


def _some(hints: Hints) -> Hints | None:
    return None if hints == Hints() else hints
