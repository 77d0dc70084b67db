"""The Arena's own leaderboard page: a Next.js page that carries its rows as React flight data.

Rows lie inside `self.__next_f.push([1,"…"])` as an `entries` array of objects with
modelDisplayName, rating, ratingUpper, ratingLower, votes, modelOrganization, rank.
Source: public scrapers of the page, read 2026-11-22; no live page could be read here. The
publish date is taken from whatever names one (`lastUpdated`, "Updated Jul 16, 2026"); a page that
names none is dated by the day it was seen and says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import cast

from monitor.errors import ParseError
from monitor.sources.arena.ranking import ListOf, ScoredRow, ranked
from monitor.sources.base import parse_each
from monitor.sources.numbers import count_or_none, decimal, decimal_or_none
from storage.records import Batch

MARK = b"modelDisplayName"
_CHUNK = re.compile(r'self\.__next_f\.push\(\[\s*1\s*,\s*("(?:[^"\\]|\\.)*")\s*\]\)')
_DATED = re.compile(
    r'"(?:lastUpdated|lastUpdatedAt|leaderboardPublishDate|publishDate)":"([^"]{6,40})"'
)
_SPOKEN = re.compile(
    r"[Uu]pdated(?:<[^>]{0,200}>|[\s:]){1,6}([A-Z][a-z]{2,8} [0-9]{1,2}, 20[0-9]{2})"
)
_FIRST_DAY = date(2023, 1, 1)


def page_path(board: str, category: str, style: str) -> str | None:
    """Return the path of a list below the site; None for one the site does not show."""
    plain = category.lower().replace("_", "-").replace(" ", "-")
    if style == "on":
        return f"/leaderboard/{board}" + ("" if plain == "overall" else f"/{plain}")
    return f"/leaderboard/{board}/overall-no-style-control" if plain == "overall" else None


def page_batch(body: bytes, listed: ListOf, what: str, *, fetched_at: datetime) -> Batch:
    """Return the standings that a page shows. Raises ParseError when it carries no rows."""
    html = body.decode("utf-8", "replace")
    flight = "".join(_chunks(html))
    entries = max(_entry_lists(flight), key=len, default=[])
    if not entries:
        raise ParseError(f"{what}: the page carries no leaderboard rows")
    day = _publish_date(flight, html, latest=fetched_at.date())
    rows, rejects = parse_each(entries, _row)
    where = listed.on(day or fetched_at.date()).marked("page", is_dated=day is not None)
    standings, refused = ranked(rows, where)
    return Batch(standings=tuple(standings), rejects=(*rejects, *refused))


def _chunks(html: str) -> Iterator[str]:
    for match in _CHUNK.finditer(html):
        try:
            yield json.loads(match[1])
        except ValueError:
            continue


def _entry_lists(flight: str) -> Iterator[list[object]]:
    """Yield each `entries` array whose first object is a leaderboard row."""
    decoder = json.JSONDecoder()
    for match in re.finditer(r'"entries"\s*:\s*(?=\[)', flight):
        try:
            found, _ = decoder.raw_decode(flight, match.end())
        except (ValueError, RecursionError):
            continue
        first = found[0] if found else None
        if isinstance(first, dict) and "modelDisplayName" in first and "rating" in first:
            yield found


def _publish_date(flight: str, html: str, *, latest: date) -> date | None:
    for match in (*_DATED.finditer(flight), *_SPOKEN.finditer(html)):
        day = _day(match[1])
        if day is not None and _FIRST_DAY <= day <= latest:
            return day
    return None


def _day(text: str) -> date | None:
    for form in ("%b %d, %Y", "%B %d, %Y"):
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a day, no zone
        except ValueError:
            continue
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _row(entry: object) -> ScoredRow:
    if not isinstance(entry, dict):
        raise ValueError("a row that is not an object")  # noqa: TRY004 - bad data
    row = cast("Mapping[str, object]", entry)
    model, organization = row.get("modelDisplayName"), row.get("modelOrganization")
    if not isinstance(model, str) or not model.strip():
        raise ValueError("a row without a model name")
    return ScoredRow(
        model=model.strip(),
        score=decimal(row.get("rating"), what="rating"),
        organization=(organization.strip() or None) if isinstance(organization, str) else None,
        ci_low=decimal_or_none(row.get("ratingLower")),
        ci_high=decimal_or_none(row.get("ratingUpper")),
        votes=count_or_none(row.get("votes")),
        listed=count_or_none(row.get("rank")),
    )
