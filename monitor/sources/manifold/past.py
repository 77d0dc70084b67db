"""Asking for the bets that the past prices of a Manifold leg are rebuilt from.

Both ends of a time window are exclusive, and the answers of one question may trade in the same
millisecond, so each further page asks for the last one's last millisecond again; what comes twice
is stored once. Where answers sum to one, a bet on one moves its siblings by redemptions of zero
shares, which are left out unless `includeZeroShareRedemptions` asks for them. Source:
manifoldmarkets/manifold, backend/shared/src/supabase/bets.ts, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from monitor.errors import ParseError, PermanentSourceError
from monitor.http_response import Response
from monitor.sources.base import Chunk, Fetcher, Page, Target, grid
from monitor.sources.manifold.wire import YES, refuse_error

STRETCH = timedelta(days=30)
BETS_PER_PAGE = 1000
MOST_PAGES = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def bet_chunks(targets: Iterable[Target], *, since: datetime, until: datetime) -> list[Chunk]:
    """Return one chunk a leg and stretch, newest first. Without a bet nothing moved: complete."""
    legs = list(targets)
    return [
        Chunk(
            key=f"bets/{leg.venue_id}/{leg.venue_outcome_id}/{start:%Y-%m-%d}",
            since=start,
            until=end,
            target=leg,
            is_complete=True,
        )
        for start, end in grid(since, until, STRETCH)
        for leg in legs
    ]


async def read_bets(api_url: str, chunk: Chunk, http: Fetcher) -> list[Page]:
    """Return every bet page of a chunk, oldest first.

    Raises ParseError for an answer that is no list of bets, and PermanentSourceError for more
    bets than MOST_PAGES hold.
    """
    leg = chunk.target
    if leg is None:
        raise ParseError(f"{chunk.key}: a chunk of bets needs its leg")
    is_answer = leg.venue_outcome_id != YES
    context = {"venue_id": leg.venue_id, "outcome_id": leg.venue_outcome_id}
    after, pages = _ms(chunk.since) - 1, list[Page]()
    for _ in range(MOST_PAGES):
        response = await http.get(
            f"{api_url}/bets",
            params={
                "contractId": leg.venue_id,
                "answerId": leg.venue_outcome_id if is_answer else None,
                "afterTime": after,
                "beforeTime": _ms(chunk.until),
                "limit": BETS_PER_PAGE,
                "order": "asc",
                "includeZeroShareRedemptions": True if is_answer else None,
            },
        )
        assert response is not None
        times = _times(response)
        pages.append(Page("bets", response.url, response.body, http.now, context))
        if len(times) < BETS_PER_PAGE:
            return pages
        last = max(times)
        after = last - 1 if last - 1 > after else last
    most = MOST_PAGES * BETS_PER_PAGE
    raise PermanentSourceError(f"{chunk.key}: more than {most} bets in {STRETCH.days} days")


def _times(response: Response) -> list[int]:
    """Return when each bet was made, ms; a row that does not say so counts with time 0."""
    payload = response.json()
    refuse_error(payload, what=response.url)
    if not isinstance(payload, list):
        raise ParseError(f"{response.url}: expected bets, got {type(payload).__name__}")
    made = [row.get("createdTime") if isinstance(row, dict) else None for row in payload]
    return [time if isinstance(time, int) and time < 10**15 else 0 for time in made]


def _ms(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)
