"""Which stretches of Polymarket's past to ask for.

Prices lie on one grid of five days from 1970 on, so that every instant belongs to one chunk and
is asked at one width. Trades have no window upstream, so one chunk a market walks back from now
until it is older than was asked for. Neither is asked for before a market opened or after it
closed, which Gamma tells along with the condition id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from monitor.http_response import load_json
from monitor.sources.base import Chunk, Fetcher, Page, Target, grid
from monitor.sources.polymarket.discovery import Plan
from monitor.sources.polymarket.fields import Json, instant, text, text_id
from monitor.sources.polymarket.reading import read_gamma
from monitor.sources.polymarket.wire import markets_of

WINDOW = timedelta(days=5)
DAY = timedelta(days=1)
# The venue keeps no price from before; trades of an older market are not worth a walk.
FIRST_PRICE = datetime(2022, 11, 18, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Life:
    """When a market could be traded, and what its trades are asked by."""

    condition: str | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None


async def history_chunks(
    gamma_url: str, http: Fetcher, targets: Sequence[Target], *, since: datetime, until: datetime
) -> list[Chunk]:
    """Return the chunks of prices and trades of `targets` that touch [since, until), newest first.

    Raises the first error when Gamma cannot be asked about the markets.
    """
    plan = Plan(refs=[], markets={target.venue_id: [] for target in targets})
    reading = await read_gamma(gamma_url, plan, http)
    if reading.errors:
        raise reading.errors[0]
    lives = dict(_lives(reading.pages))
    chunks = [
        chunk
        for target in targets
        for chunk in _chunks_of(target, lives.get(target.venue_id, _Life()), since, until)
    ]
    return sorted(chunks, key=lambda chunk: chunk.until, reverse=True)


def _lives(pages: Iterable[Page]) -> Iterator[tuple[str, _Life]]:
    for page in pages:
        for market in markets_of(load_json(page.body, what=page.url), what=page.url):
            if isinstance(market, dict):
                try:
                    yield text_id(market), _life_of(market)
                except ValueError:
                    continue


def _life_of(market: Json) -> _Life:
    starts = [instant(market, "createdAt"), instant(market, "startDate")]
    closed_at = instant(market, "closedTime") if market.get("closed") is True else None
    return _Life(
        condition=text(market, "conditionId"),
        opened_at=min((start for start in starts if start is not None), default=None),
        closed_at=closed_at,
    )


def _chunks_of(target: Target, life: _Life, since: datetime, until: datetime) -> Iterator[Chunk]:
    since = max(since, FIRST_PRICE, life.opened_at or since)
    # The last trades settle a little after the close.
    until = min(until, life.closed_at + DAY) if life.closed_at else until
    if since >= until:
        return
    token = target.venue_outcome_id
    for start, end in grid(since, until, WINDOW):
        yield Chunk(f"prices:{token}:{start:%Y-%m-%d}", start, end, target, {"what": "prices"})
    if life.condition is not None:
        days = grid(since, until, DAY)
        start, end = days[-1][0], days[0][1]
        key = f"trades:{token}:{start:%Y-%m-%d}:{end:%Y-%m-%d}"
        context = {"what": "trades", "condition": life.condition}
        yield Chunk(key, start, end, target, context)
