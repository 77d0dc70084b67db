"""What Polymarket's Gamma pages say: events with their markets, lists of markets, searches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from monitor.http_response import load_json
from monitor.sources.base import MAX_EXCERPT, Page, parse_each
from monitor.sources.polymarket.fields import VENUE, Json, an_object, text
from monitor.sources.polymarket.oracle import Verdict, verdicts_of
from monitor.sources.polymarket.wire import (
    events_of,
    gamma_quote,
    legs,
    market_record,
    markets_of,
    parent_of,
    trading_token,
)
from storage.records import Batch, MarketRecord, QuoteRecord, Reject

_LABEL = "groupItemTitle"
_Row = tuple[object, Json | None]


def events_batch(page: Page) -> Batch:
    """Return the markets of one event, a list of them or a search.

    Context: `refs` (keys of the references that asked), `booked` (tokens that have a book),
    `verdicts`; for a search `words`, which all must occur in a title, and `at_most`.
    """
    events = events_of(load_json(page.body, what=page.url), what=page.url)
    rejects = [_not_an_object(event) for event in events if not isinstance(event, dict)]
    known = [event for event in events if isinstance(event, dict)]
    rows: list[_Row] = [(leg, event) for event in known for leg in legs(event)]
    rejects += [
        Reject("an event whose markets are no list", repr(event.get("slug"))[:MAX_EXCERPT])
        for event in known
        if not isinstance(event.get("markets"), list | None)
    ]
    if "words" in page.context:
        rows = matching(rows, page.context)
    return _markets_batch(rows, page, rejects)


def markets_batch(page: Page) -> Batch:
    """Return one market or a list of them. Context as for events; `refs_of` by market id.

    A market that `refs_of` does not name is refused: a filter that the venue overlooked must not
    bring in strangers.
    """
    markets = markets_of(load_json(page.body, what=page.url), what=page.url)
    rejects = [_not_an_object(market) for market in markets if not isinstance(market, dict)]
    rows: list[_Row] = [
        (market, parent_of(market)) for market in markets if isinstance(market, dict)
    ]
    return _markets_batch(rows, page, rejects)


def matching(rows: Iterable[_Row], context: Mapping[str, object]) -> list[_Row]:
    """Return the first `at_most` open markets whose titles hold all `words`."""
    words, at_most = context.get("words"), context.get("at_most")
    needed = [str(word) for word in words] if isinstance(words, list | tuple) else []
    found: list[_Row] = []
    for market, event in rows:
        if not isinstance(market, dict) or market.get("closed") is True:
            continue
        titles = (text(event or {}, "title"), text(market, "question"), text(market, _LABEL))
        said = " ".join(filter(None, titles)).casefold()
        if all(word in said for word in needed):
            found.append((market, event))
    return found[:at_most] if isinstance(at_most, int) else found


def _markets_batch(rows: list[_Row], page: Page, rejects: list[Reject]) -> Batch:
    """Return the markets of `rows` and Gamma's price where the CLOB has no book."""
    verdicts = verdicts_of(page.context.get("verdicts"))
    refs_of = page.context.get("refs_of")
    asked = refs_of if isinstance(refs_of, dict) else None
    records, refused = parse_each(rows, lambda row: _record(row, verdicts, asked))
    unique: dict[str, MarketRecord] = {}
    for record in records:
        if unique.setdefault(record.venue_id, record) is not record:
            refused.append(Reject("repeated market", record.venue_id[:MAX_EXCERPT]))
    booked = page.context.get("booked")
    skip = frozenset(booked) if isinstance(booked, list | tuple) else frozenset()
    prices, mispriced = parse_each(
        (row[0] for row in rows if isinstance(row[0], dict)),
        lambda market: _stand_in(market, unique, skip, page.fetched_at),
    )
    quotes = {quote.venue_id: quote for quote in prices if quote is not None}.values()
    refs = page.context.get("refs")
    keys = [str(key) for key in refs] if isinstance(refs, list | tuple) else []
    return Batch(
        markets=tuple(unique.values()),
        quotes=tuple(quotes),
        read_outcomes=tuple((VENUE, q.venue_id, q.venue_outcome_id) for q in quotes),
        followed=tuple(
            (VENUE, venue_id, key)
            for venue_id in unique
            for key in dict.fromkeys([*keys, *map(str, (asked or {}).get(venue_id, ()))])
        ),
        rejects=(*rejects, *refused, *mispriced),
    )


def _record(
    row: _Row, verdicts: Mapping[str, Verdict], asked: Mapping[str, object] | None
) -> MarketRecord:
    market = an_object(row[0], "market")
    record = market_record(market, row[1], verdicts.get(str(market.get("id"))))
    if asked is not None and record.venue_id not in asked:
        raise ValueError(f"a market nobody asked for: {record.venue_id[:80]}")
    return record


def _stand_in(
    market: Json, known: Mapping[str, MarketRecord], booked: frozenset[object], at: datetime
) -> QuoteRecord | None:
    if str(market.get("id")) not in known:
        return None
    token = trading_token(market)
    if token is None or token in booked:
        return None
    return gamma_quote(market, token=token, at=at)


def _not_an_object(row: object) -> Reject:
    return Reject("a row that is not an object", repr(row)[:MAX_EXCERPT])
