"""Small scenarios in Python, for tests and generators; ids are made up from names, stably."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from monitor.fake_upstream.scenario import Event, Feed, FeedItem, Leg, Price, Scenario


def token_id(name: str) -> str:
    """Return a made-up CLOB token id for `name`: 77 decimal digits."""
    return str(10**76 + int(hashlib.sha256(name.encode()).hexdigest(), 16) % (9 * 10**76))


def condition_id(name: str) -> str:
    """Return a made-up condition id for `name`: 0x and 64 hex digits."""
    return "0x" + hashlib.sha256(f"condition {name}".encode()).hexdigest()


def number_id(name: str) -> str:
    """Return a made-up Gamma id for `name`: seven digits from 9000000 up."""
    return str(9_000_000 + int(hashlib.sha256(f"id {name}".encode()).hexdigest(), 16) % 999_999)


def leg(
    slug: str,
    question: str,
    *,
    ends: datetime,
    label: str = "",
    rules: str = "",
    tick: str = "0.001",
) -> Leg:
    """Return a binary market whose ids follow from `slug`."""
    return Leg(
        id=number_id(slug),
        condition_id=condition_id(slug),
        token_ids=(token_id(f"{slug} yes"), token_id(f"{slug} no")),
        question=question,
        label=label,
        rules=rules or f"Resolves Yes if this is so: {question}",
        ends=ends,
        slug=slug,
        tick=Decimal(tick),
    )


def binary_event(
    slug: str, question: str, *, created_at: datetime, ends: datetime, rules: str = ""
) -> Event:
    """Return an event of one Yes/No market."""
    only = leg(slug, question, ends=ends, rules=rules)
    return Event(
        id=number_id(f"event {slug}"),
        slug=slug,
        title=question,
        created_at=created_at,
        ends=ends,
        legs=(only,),
    )


def series_event(
    slug: str, title: str, labels: Sequence[str], *, created_at: datetime, ends: datetime
) -> Event:
    """Return a negRisk event with one leg a label."""
    legs = tuple(
        leg(f"{slug}-{label.lower().replace(' ', '-')}", f"{title} {label}", ends=ends, label=label)
        for label in labels
    )
    return Event(
        id=number_id(f"event {slug}"),
        slug=slug,
        title=title,
        created_at=created_at,
        ends=ends,
        legs=legs,
        neg_risk=True,
    )


def price(
    at: datetime,
    bid: str | None = None,
    ask: str | None = None,
    *,
    last: str | None = None,
    volume_24h: str | None = None,
) -> Price:
    """Return a price from decimal text."""
    return Price(at, _decimal(bid), _decimal(ask), _decimal(last), _decimal(volume_24h))


def item(
    guid: str, title: str, at: datetime, *, url: str | None = None, summary: str | None = None
) -> FeedItem:
    """Return a feed item that is visible when it is published."""
    return FeedItem(
        guid=guid, title=title, published=at, visible_at=at, url=url, summary=summary, lang=None
    )


def scenario(
    start: datetime,
    end: datetime,
    *,
    events: Iterable[Event] = (),
    prices: Iterable[tuple[Leg, Price]] = (),
    feeds: Iterable[Feed] = (),
) -> Scenario:
    """Return a scenario of these parts; prices are sorted by their instants."""
    built = Scenario("built in Python", start, end, events=tuple(events), feeds=tuple(feeds))
    for priced_leg, priced in prices:
        built = built.with_price(priced_leg.token_ids[0], priced)
    return built


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
