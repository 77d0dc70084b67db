"""Asking others than Gamma how a closed market was paid, when Gamma keeps silent about it.

First the CLOB's own market, which marks the winning token, then the Data API's payouts. Few
markets at a time, in turn, and only when a look-up is due anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.errors import ParseError, PermanentSourceError, SourceError, TransientSourceError
from monitor.http_response import Response
from monitor.sources.base import Fetcher, Page
from monitor.sources.polymarket.oracle import (
    Verdict,
    clob_markets_batch,
    resolutions_batch,
)

ASKED_AT_ONCE = 20
_UNKNOWN = frozenset({400, 404, 422})


@dataclass(frozen=True, slots=True)
class Silent:
    """A closed market whose result Gamma does not tell."""

    venue_id: str
    condition: str
    question: str
    outcomes: tuple[str, ...]


@dataclass(slots=True)
class Verdicts:
    """What was learnt: pages to store, verdicts by market id, who was asked last, what failed."""

    pages: list[Page] = field(default_factory=list)
    found: dict[str, Verdict] = field(default_factory=dict)
    asked: str = ""
    notes: list[tuple[str, str]] = field(default_factory=list)


async def ask_verdicts(
    clob_url: str, data_url: str, silent: Sequence[Silent], http: Fetcher, *, after: str
) -> Verdicts:
    """Return the verdicts on up to ASKED_AT_ONCE of `silent`, those after `after` first.

    A host that fails is not asked again in this poll; that is a note and no error.
    """
    verdicts = Verdicts(asked=after)
    down: set[str] = set()
    in_order = sorted(silent, key=lambda market: (market.venue_id <= after, market.venue_id))
    for market in in_order[:ASKED_AT_ONCE]:
        verdicts.asked = market.venue_id
        asks: tuple[tuple[str, str, Mapping[str, object]], ...] = (
            ("clob-market", f"{clob_url}/markets/{market.condition}", {}),
            ("resolutions", f"{data_url}/v2/resolutions", {"condition": market.condition}),
        )
        for shape, url, params in asks:
            if shape in down:
                continue
            try:
                if await _ask(shape, url, params, market, http, verdicts):
                    break
            except (SourceError, ParseError) as error:
                if isinstance(error, PermanentSourceError) and error.status in _UNKNOWN:
                    continue
                if isinstance(error, TransientSourceError):
                    down.add(shape)
                verdicts.notes.append((url, f"a result was not looked up: {error}"))
    return verdicts


async def _ask(
    shape: str,
    url: str,
    params: Mapping[str, object],
    market: Silent,
    http: Fetcher,
    verdicts: Verdicts,
) -> bool:
    """Return whether the answer tells how `market` was paid; only then it is worth a page."""
    response = await http.get(url, params=params)
    assert response is not None
    known = [market.venue_id, market.question, list(market.outcomes)]
    page = Page(
        shape, response.url, response.body, http.now, {"markets": {market.condition: known}}
    )
    paid = _paid(shape, response, page.context)
    if paid is None:
        return False
    verdicts.found[market.venue_id] = paid
    verdicts.pages.append(page)
    return True


def _paid(shape: str, response: Response, context: Mapping[str, object]) -> Verdict | None:
    read = clob_markets_batch if shape == "clob-market" else resolutions_batch
    for record in read(response.json(), context, what=response.url).markets:
        if record.resolution is not None:
            return Verdict(record.resolution, record.resolved_at)
    return None
