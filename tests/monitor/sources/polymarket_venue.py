"""A small Polymarket of canned answers, and one of a scenario over loopback."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from monitor.clock import ManualClock
from monitor.fake_upstream import FakeUpstream
from monitor.http_client import HttpClient
from monitor.http_session import SourceSession
from monitor.sources.base import MarketRef, Page
from monitor.sources.polymarket import PolymarketSource
from storage.records import Batch

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SLUG = "example-model-june"
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]
FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "polymarket"


def token(number: int) -> str:
    return f"{number}{'0' * 74}{number}"


def load(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def a_page(shape: str, payload: object, **context: object) -> Page:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Page(shape, f"https://venue.example/{shape}", body, NOW, context)


def parse(shape: str, payload: object, **context: object) -> Batch:
    return PolymarketSource(name="polymarket").parse(a_page(shape, payload, **context))


def a_source(*refs: MarketRef) -> PolymarketSource:
    return PolymarketSource(name="polymarket").following(refs)


def by_event() -> MarketRef:
    return MarketRef(venue="polymarket", event=SLUG)


class Venue:
    """A small Polymarket: records what is asked and answers from the fixtures."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.requests: list[httpx.Request] = []
        self.events: dict[str, Any] = {SLUG: load("event.json")}
        self.others: dict[str, Callable[[httpx.Request], httpx.Response]] = {}
        self.books: Callable[[list[str]], httpx.Response] = self.all_books
        self.listing: Callable[[httpx.Request], object] = lambda _: {"events": []}
        self.search: Callable[[httpx.Request], object] = lambda _: {
            "events": None,
            "pagination": {"hasMore": False},
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.requests.append(request)
        self.asked[path] += 1
        for prefix, answer in self.others.items():
            if path.startswith(prefix):
                return answer(request)
        if path.startswith("/events/slug/"):
            event = self.events.get(path.rpartition("/")[2])
            if isinstance(event, httpx.Response):
                return event
            return httpx.Response(200, json=event) if event else httpx.Response(404)
        if path == "/markets/101":
            return httpx.Response(200, json=load("market.json"))
        if path == "/events/keyset":
            return httpx.Response(200, json=self.listing(request))
        if path == "/public-search":
            return httpx.Response(200, json=self.search(request))
        if path == "/books":
            return self.books([row["token_id"] for row in json.loads(request.content)])
        if path == "/book":
            wanted = request.url.params["token_id"]
            for book in load("books.json"):
                if book["asset_id"] == wanted:
                    return httpx.Response(200, json=book)
        return httpx.Response(404, json={"error": "not found"})

    def all_books(self, tokens: list[str]) -> httpx.Response:
        return httpx.Response(200, json=[b for b in load("books.json") if b["asset_id"] in tokens])


def merged(source: PolymarketSource, pages: list[Page]) -> Batch:
    batches = [source.parse(page) for page in pages]
    return Batch(
        markets=tuple(m for b in batches for m in b.markets),
        quotes=tuple(q for b in batches for q in b.quotes),
        trades=tuple(t for b in batches for t in b.trades),
        read_outcomes=tuple(r for b in batches for r in b.read_outcomes),
        followed=tuple(f for b in batches for f in b.followed),
        rejects=tuple(r for b in batches for r in b.rejects),
        cursor={key: value for b in batches for key, value in b.cursor.items()},
    )


def in_scenario(upstream: FakeUpstream, *refs: MarketRef) -> PolymarketSource:
    """Return a source that asks the fake upstream."""
    url = upstream.url
    source = PolymarketSource(
        name="polymarket",
        gamma_url=f"{url}/gamma",
        clob_url=f"{url}/clob",
        data_url=f"{url}/data",
    )
    return source.following(refs)


@asynccontextmanager
async def session_at(upstream: FakeUpstream, now: datetime) -> AsyncIterator[SourceSession]:
    """Yield the network of one poll at `now`, which the upstream is set to as well."""
    upstream.pin(now)
    client = HttpClient(
        ManualClock(now),
        contact="desk@example.org",
        deadline=timedelta(seconds=5),
        max_bytes=1 << 24,
        allow_private_hosts=frozenset({upstream.url.removeprefix("http://")}),
    )
    async with client:
        yield client.session("polymarket", validators={}, spacing_s=0.0)
