"""What a scenario's prices were and what was traded, as histories of the venue are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from monitor.fake_upstream.scenario import Leg, Price, Scenario

LONGEST_S = 15 * 24 * 3600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade. `index` is the outcome's."""

    at: datetime
    index: int
    price: Decimal
    size: Decimal
    side: str
    transaction: str


def seconds(instant: datetime) -> int:
    """Return whole epoch seconds."""
    return (instant - _EPOCH) // timedelta(seconds=1)


def instant_of(epoch_s: int) -> datetime:
    """Return the instant of epoch seconds."""
    return _EPOCH + timedelta(seconds=epoch_s)


def value(price: Price | None, index: int) -> Decimal | None:
    """Return what a history shows for an outcome: the middle of a two-sided book, else the last."""
    shown = None if price is None else price.last if price.mid is None else price.mid
    return None if shown is None else 1 - shown if index else shown


def points(
    scenario: Scenario, leg: Leg, index: int, *, since: int, until: int, bucket_s: int
) -> Iterator[tuple[int, Decimal]]:
    """Yield epoch seconds and price at each multiple of `bucket_s` in [since, until)."""
    rows = scenario.prices.get(leg.token_ids[0], ())
    if not rows:
        return
    first = max(since, seconds(rows[0].at))
    for at in range(-(-first // bucket_s) * bucket_s, until, bucket_s):
        shown = value(scenario.price(leg, instant_of(at)), index)
        if shown is not None and not leg.closed(instant_of(at)):
            yield at, shown


def fills(scenario: Scenario, leg: Leg, now: datetime) -> list[Fill]:
    """Return the leg's trades up to `now`, newest first: one whenever its price changed.

    Every second one is of the other outcome, at the complement.
    """
    made: list[Fill] = []
    before: Decimal | None = None
    for price in scenario.prices.get(leg.token_ids[0], ()):
        shown = value(price, 0)
        if price.at > now or leg.closed(price.at) or shown is None or shown == before:
            continue
        index = len(made) % 2
        digest = hashlib.sha256(f"{leg.id} {price.at.isoformat()}".encode()).hexdigest()
        made.append(
            Fill(
                at=price.at,
                index=index,
                price=1 - shown if index else shown,
                size=Decimal(int(digest[:4], 16) + 100) / 100,
                side="BUY" if (before is None or shown > before) is (index == 0) else "SELL",
                transaction=f"0x{digest}",
            )
        )
        before = shown
    return made[::-1]
