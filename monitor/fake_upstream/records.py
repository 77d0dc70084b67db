"""Rows to scenario values: one function a kind, shared by the files and the control endpoint."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from monitor.fake_upstream.rows import EPOCH, Row
from monitor.fake_upstream.scenario import (
    POLYMARKET,
    BoardRow,
    Event,
    FeedItem,
    Leg,
    Price,
)

_TOKEN = r"\d{70,78}"  # noqa: S105 - a pattern of public ids
_CONDITION = r"0x[0-9a-f]{64}"
_VENUES = (POLYMARKET, "kalshi", "manifold")


def _venue(row: Row) -> str:
    """Return the venue of an event, Polymarket when the row names none."""
    venue = row.maybe_text("venue") or POLYMARKET
    if venue not in _VENUES:
        row.note(f"venue is {venue!r}; known: {', '.join(_VENUES)}")
    return venue


def read_leg(row: Row, *, event_slug: str, ends: datetime, venue: str = POLYMARKET) -> Leg:
    """Return a leg; `ends` is the event's, for legs that state none."""
    label = row.maybe_text("label") or ""
    winner = row.maybe_text("winner")
    outcomes = ("Yes", "No")
    if winner is not None and winner not in outcomes:
        row.note(f"winner is {winner!r}; write Yes or No")
        winner = None
    venue_id, condition, tokens = _leg_ids(row, venue)
    read = Leg(
        id=venue_id,
        condition_id=condition,
        token_ids=tokens,
        question=row.text("question"),
        label=label,
        rules=row.text("rules"),
        ends=row.instant("ends", ends),
        slug=row.maybe_text("slug") or f"{event_slug}-{label.lower().replace(' ', '-')}",
        tick=row.probability("tick") or Decimal("0.001"),
        placeholder=row.flag("placeholder"),
        closed_at=row.maybe_instant("closed_at"),
        resolved_at=row.maybe_instant("resolved_at"),
        winner=None if winner is None else outcomes.index(winner),
        oracle=_oracle(row),
        gamma_silent=row.flag("gamma_silent"),
    )
    if (read.winner is None) != (read.resolved_at is None):
        row.note("winner and resolved_at come together")
    row.finish()
    return read


def _leg_ids(row: Row, venue: str) -> tuple[str, str, tuple[str, str]]:
    """Return id, condition and tokens; only Polymarket's must be given and have a fixed form."""
    if venue != POLYMARKET:
        name = row.text("id")
        yes = row.maybe_text("yes_token") or f"{name}:yes"
        no = row.maybe_text("no_token") or f"{name}:no"
        return name, row.maybe_text("condition_id") or "", (yes, no)
    return (
        row.matching("id", r"\d+", "digits"),
        row.matching("condition_id", _CONDITION, "0x and 64 lower-case hex digits"),
        (
            row.matching("yes_token", _TOKEN, "about 77 digits, quoted"),
            row.matching("no_token", _TOKEN, "about 77 digits, quoted"),
        ),
    )


def _oracle(row: Row) -> tuple[tuple[datetime, str], ...]:
    """Return UMA's words with the instants they were said at."""
    words = row.raw("oracle")
    said = []
    for word in words if isinstance(words, list) else []:
        if not isinstance(word, dict):
            row.note(f"oracle: {word!r} is not a mapping of at and word")
            continue
        spoken = Row(f"{row.where}: oracle", word, row.problems)
        said.append((spoken.instant("at"), spoken.text("word")))
        spoken.finish()
    return tuple(sorted(said, key=lambda spoken: spoken[0]))


def read_event(row: Row, legs: tuple[Leg, ...]) -> Event:
    """Return an event of `legs`, which were read before."""
    row.raw("legs")
    tags, venue = row.raw("tags"), _venue(row)
    own_id = row.matching("id", r"\d+", "digits") if venue == POLYMARKET else row.text("id")
    event = Event(
        id=own_id,
        slug=row.matching("slug", r"[a-z0-9-]+", "lower-case words joined by dashes"),
        title=row.text("title"),
        created_at=row.instant("created_at"),
        ends=row.instant("ends"),
        legs=legs,
        neg_risk=row.flag("neg_risk"),
        tags=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        venue=venue,
    )
    row.finish()
    return event


def read_price(row: Row, *, at: datetime | None = None) -> Price:
    """Return a price; `at` stands in for a missing instant. The leg's fields are read elsewhere."""
    read = Price(
        at=row.instant("at", at),
        bid=row.probability("bid"),
        ask=row.probability("ask"),
        last=row.probability("last"),
        volume_24h=row.number("volume_24h"),
        volume=row.number("volume"),
    )
    if read.bid is not None and read.ask is not None and read.bid >= read.ask:
        row.note(f"bid {read.bid} is not below ask {read.ask}")
    row.raw("note")
    row.finish()
    return read


def read_item(row: Row, *, at: datetime | None = None) -> FeedItem:
    """Return a feed item; `at` stands in for missing instants."""
    published = at if at and row.raw("at") is None else row.instant_or_date("at")
    fallback = at or (published if isinstance(published, datetime) else None)
    visible_at = row.maybe_instant("visible_at") or fallback
    if visible_at is None:
        row.note("visible_at is missing; a date alone does not say when the item appeared")
    read = FeedItem(
        guid=row.text("guid"),
        title=row.text("title"),
        published=published,
        visible_at=visible_at or EPOCH,
        url=row.maybe_text("url"),
        summary=row.maybe_text("summary"),
        lang=row.maybe_text("lang"),
    )
    row.finish()
    return read


def read_board_row(row: Row, *, at: datetime | None = None) -> BoardRow:
    """Return a leaderboard row; `at` stands in for a missing `visible_at`."""
    read = BoardRow(
        config=row.text("config"),
        publish_date=row.day("publish_date"),
        visible_at=row.instant("visible_at", at),
        model=row.text("model"),
        rating=row.number("rating", required=True) or Decimal(0),
        rank=row.integer("rank", required=True) or 0,
        organization=row.maybe_text("organization"),
        lower=row.number("lower"),
        upper=row.number("upper"),
        votes=row.integer("votes"),
        category=row.maybe_text("category") or "overall",
    )
    if read.lower is not None and read.upper is not None and read.lower > read.upper:
        row.note(f"lower {read.lower} is above upper {read.upper}")
    row.finish()
    return read
