"""Seeded quotes of ten markets, by time, and stores that hold them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from storage import Store, open_store
from storage.market_repo import upsert
from storage.quotes import Row, insert_rows
from storage.records import MarketRecord, Origin, OutcomeRecord

MARKETS = 10
START = datetime(2026, 1, 1, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
STEP_MS = 6_000
BATCH_ROWS = 50_000


def an_empty_store(path: Path) -> Store:
    """Return a new store with ten markets of one outcome each, ids 1..10."""
    store = open_store(f"sqlite:///{path}")
    markets = [
        MarketRecord(
            venue="polymarket",
            venue_id=f"{516960 + n}",
            question=f"Will model number {n} lead the board at the end of the month?",
            outcomes=(OutcomeRecord(f"{n}{'7' * 76}", "Yes", 0),),
        )
        for n in range(MARKETS)
    ]
    with store.begin() as session:
        upsert(session, markets, observed_at=START, origin=Origin.LIVE, owner_of=lambda name: None)
    return store


def quotes(count: int, *, seed: int = 7) -> Iterator[Row]:
    """Yield `count` quotes ordered by time: books on a grid of cents, one side in 50 missing."""
    chance = random.Random(seed)
    bids = [chance.randrange(10, 90) for _ in range(MARKETS)]
    for n in range(count):
        leg = n % MARKETS
        bids[leg] = min(98, max(1, bids[leg] + chance.randrange(-1, 2)))
        bid = bids[leg] * 10_000
        ask = None if chance.random() < 0.02 else bid + 10_000
        at = START_MS + n // MARKETS * STEP_MS + leg * 37
        volume = 1_000_000 + n // MARKETS * 13
        yield (leg + 1, at, bid, ask, bid, None, 0, 0, None, volume)


def a_filled_store(path: Path, count: int) -> Store:
    """Return a store with `count` quotes, its write-ahead log folded in."""
    store = an_empty_store(path)
    rows = list(quotes(count))
    for start in range(0, count, BATCH_ROWS):
        with store.begin() as session:
            insert_rows(session, rows[start : start + BATCH_ROWS])
    return store
