"""Copies of the Arena boards that others keep, for the dates the dataset no longer tells.

Each function takes the body, which list it is and its name for messages, and returns a Batch.
Where a daily file does not name its publish date (`last_updated` null), its rows are dated by the
day the mirror read the page and marked as such: storage keeps them only when they differ from the
newest publication, because two days of equal content are one. Other mirrors without a date are
refused; the operator may date them through `publish_date`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import cast

from monitor.errors import ParseError
from monitor.http_response import load_json
from monitor.sources.arena.ranking import ListOf, ScoredRow, ranked
from monitor.sources.base import parse_each
from monitor.sources.instants import instant_or_none
from monitor.sources.numbers import count_or_none, decimal, decimal_or_none
from storage.records import Batch, Reject, StandingRecord

Json = Mapping[str, object]
# The catalog calls the whole board `full`.
_CATEGORY = {"full": "overall"}
_SPREAD = re.compile(r"\+([0-9.]{1,8})/-([0-9.]{1,8})")


def daily_batch(body: bytes, listed: ListOf, what: str) -> Batch:
    """Return the standings of an arena-daily file: style control on, ranks as listed.

    Scores there are rounded to whole points, so equal ones are no ties and the listed order
    stands. `ci`, `ci_low` and `ci_high` are distances from the score.
    """
    listed, models = _daily(body, listed, what)
    rows, rejects = parse_each(models, _daily_row)
    standings, refused = ranked(rows, listed)
    return Batch(standings=tuple(standings), rejects=(*rejects, *refused))


def agent_batch(body: bytes, listed: ListOf, what: str) -> Batch:
    """Return the standings of the agent board, whose score is the net improvement in percent."""
    listed, models = _daily(body, listed, what)
    rows, rejects = parse_each(models, _agent_row)
    standings, refused = ranked(rows, replace(listed, style_control="unstated"))
    return Batch(standings=tuple(standings), rejects=(*rejects, *refused))


def catalog_batch(body: bytes, listed: ListOf, what: str) -> Batch:
    """Return the standings of an arena-catalog file, every category of it."""
    payload = load_json(body, what=what)
    if not isinstance(payload, dict):
        raise ParseError(f"{what}: expected categories, got {type(payload).__name__}")
    standings: list[StandingRecord] = []
    rejects: list[Reject] = []
    for category, models in payload.items():
        if not isinstance(models, dict):
            rejects.append(Reject("a category that is not an object", str(category)[:200]))
            continue
        rows, bad = parse_each(models.items(), _catalog_row)
        one = replace(listed, category=_CATEGORY.get(str(category), str(category)))
        kept, refused = ranked(rows, one)
        standings += kept
        rejects += [*bad, *refused]
    return Batch(standings=tuple(standings), rejects=tuple(rejects))


def csv_batch(body: bytes, listed: ListOf, what: str) -> Batch:
    """Return the standings of a table with model, arena_score, 95_pct_ci, votes, organization.

    Its `rank` is the statistical one with shared places, so ranks are counted from the scores.
    """
    table = _table(body, what, needs={"model", "arena_score"})
    rows, rejects = parse_each(table, _csv_row)
    standings, refused = ranked(rows, listed)
    return Batch(standings=tuple(standings), rejects=(*rejects, *refused))


def wide_csv_batch(body: bytes, listed: ListOf, what: str) -> Batch:
    """Return the standings of a table with a row for each date and a column for each model.

    0.0 there means that the model was not on the board, which is no standing and no reject.
    """
    table = _table(body, what, needs={""})
    standings: list[StandingRecord] = []
    rejects: list[Reject] = []
    days, undated = parse_each(table, lambda row: (_compact_date(row[""]), row))
    for day, row in days:
        rows, bad = parse_each(((name, score) for name, score in row.items() if name), _wide_cell)
        kept, refused = ranked([cell for cell in rows if cell is not None], listed.on(day))
        standings += kept
        rejects += [*bad, *refused]
    return Batch(standings=tuple(standings), rejects=(*undated, *rejects))


def no_standings_batch(body: bytes, listed: ListOf, what: str) -> Batch:
    """Return a Reject that says why a model registry or a pointer file gives no standings."""
    del listed
    payload = load_json(body, what=what)
    keys = list(payload)[:3] if isinstance(payload, dict) else type(payload).__name__
    return Batch(
        rejects=(Reject("holds no standings: a registry or an index of files", f"{keys}"[:200]),)
    )


def _daily(body: bytes, listed: ListOf, what: str) -> tuple[ListOf, list[object]]:
    payload = load_json(body, what=what)
    meta = payload.get("meta") if isinstance(payload, dict) else None
    models = payload.get("models") if isinstance(payload, dict) else None
    if not isinstance(meta, dict) or not isinstance(models, list | None):
        raise ParseError(f"{what}: expected meta and models")
    board = meta.get("leaderboard")
    published = meta.get("last_updated")
    try:
        day = _spoken_date(published) if isinstance(published, str) else listed.publish_date
        seen = day or _seen_date(meta.get("fetched_at"))
    except ValueError as error:
        raise ParseError(f"{what}: last_updated {published!r:.40} is no date") from error
    named = replace(
        listed,
        board=board if isinstance(board, str) and board else listed.board,
        style_control="on",
        publish_date=seen,
    )
    return named.marked("daily", is_dated=day is not None), models or []


def _seen_date(fetched_at: object) -> date | None:
    """Return the day a mirror says it read the page."""
    try:
        instant = instant_or_none(fetched_at)
    except ValueError:
        return None
    return instant.date() if instant else None


def _spoken_date(text: str) -> date:
    """Return the day of `Jul 16, 2026`."""
    return datetime.strptime(text.strip(), "%b %d, %Y").date()  # noqa: DTZ007 - a day has no zone


def _compact_date(text: str) -> date:
    """Return the day of `20250227`."""
    return datetime.strptime(text.strip(), "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone


def _daily_row(model: object) -> ScoredRow:
    row = _object(model)
    score = decimal(row.get("score"), what="score")
    around = row.get("ci")
    below = decimal_or_none(row.get("ci_low") if around is None else around)
    above = decimal_or_none(row.get("ci_high") if around is None else around)
    return ScoredRow(
        model=_name(row.get("model")),
        score=score,
        organization=_optional(row.get("vendor")),
        ci_low=None if below is None else score - below,
        ci_high=None if above is None else score + above,
        votes=count_or_none(row.get("votes")),
        rank=count_or_none(row.get("rank")),
    )


def _agent_row(model: object) -> ScoredRow:
    """Return a row of the agent board; until July 2026 it had score and ci like the others."""
    row = _object(model)
    if row.get("signals") is None and row.get("score") is not None:
        return _daily_row(row)
    signal = _object(_object(row.get("signals")).get("net_improvement"))
    return _daily_row({**row, "score": signal.get("value"), "ci": signal.get("ci")})


def _catalog_row(entry: tuple[object, object]) -> ScoredRow:
    model, values = entry
    row = _object(values)
    return ScoredRow(
        model=_name(model),
        score=decimal(row.get("rating"), what="rating"),
        ci_low=decimal_or_none(row.get("rating_q025")),
        ci_high=decimal_or_none(row.get("rating_q975")),
    )


def _csv_row(row: Mapping[str, str]) -> ScoredRow:
    score = decimal(row["arena_score"], what="arena_score")
    spread = _SPREAD.fullmatch((row.get("95_pct_ci") or "").strip())
    return ScoredRow(
        model=_name(row["model"]),
        score=score,
        organization=_optional(row.get("organization")),
        ci_low=score - Decimal(spread[2]) if spread else None,
        ci_high=score + Decimal(spread[1]) if spread else None,
        votes=count_or_none((row.get("votes") or "").replace(",", "")),
    )


def _wide_cell(cell: tuple[str, str]) -> ScoredRow | None:
    name, text = cell
    score = decimal_or_none(text)
    return ScoredRow(model=_name(name), score=score) if score else None


def _table(body: bytes, what: str, *, needs: set[str]) -> list[Mapping[str, str]]:
    """Return the rows of a CSV table with a header that has the columns `needs`."""
    try:
        reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ParseError(f"{what}: not a CSV table ({error})") from error
    if not needs <= set(reader.fieldnames or ()):
        raise ParseError(f"{what}: the table has no column {sorted(needs)}")
    return cast("list[Mapping[str, str]]", rows)


def _object(value: object) -> Json:
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - bad data, not a bad call
    return cast("Json", value)


def _name(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a row without a model name")
    return value.strip()


def _optional(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


MIRRORS: Mapping[str, Callable[[bytes, ListOf, str], Batch]] = {
    "arena-daily": daily_batch,
    "arena-agent": agent_batch,
    "arena-catalog": catalog_batch,
    "fboulnois": csv_batch,
    "nakasyou": wide_csv_batch,
    "arena-models": no_standings_batch,
    "arena-index": no_standings_batch,
}
