"""How fields of Polymarket's JSON are read: ids as text, lists in strings, dates, error bodies.

Traps of the wire (reference: docs.polymarket.com, read 2026-11-22): lists arrive as strings that
hold JSON or as true arrays; any field may be missing, null or an empty string; an error may come
with status 200.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeVar, cast

from monitor.errors import ParseError
from monitor.sources.instants import instant_or_none
from storage.records import Reject

VENUE = "polymarket"
Json = Mapping[str, object]
_Row = TypeVar("_Row")


def text_id(holder: Json) -> str:
    """Return the Gamma id as text; raises ValueError when there is none."""
    raw = holder.get("id")
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    if isinstance(raw, str) and raw.strip():
        return raw.strip()
    raise ValueError("a market without an id")


def text_list(raw: object, *, what: str) -> tuple[str, ...]:
    """Return a list that is an array or a string holding one; empty for null, "" and [].

    Whole numbers become text (a token id may arrive as a number); raises ValueError otherwise.
    """
    if raw is None or raw == "":
        return ()
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{what} is not a list: {error}") from error
    if not isinstance(raw, list):
        raise ValueError(f"{what} is not a list")  # noqa: TRY004 - bad data, not a bad call
    return tuple(_id_text(value, what) for value in raw)


def text(holder: Json, key: str) -> str | None:
    """Return stripped text; None when it is missing, blank or of another type."""
    value = holder.get(key)
    return value.strip() or None if isinstance(value, str) else None


def instant(holder: Json, key: str) -> datetime | None:
    """Return a date of the venue; a garbled one is unknown and costs no price."""
    try:
        return instant_or_none(holder.get(key))
    except ValueError:
        return None


def rows_of(payload: object, key: str, *, what: str) -> list[Json]:
    """Return the rows of an array, of an envelope with `key`, or the one object itself.

    Raises ParseError for an error body and for anything else.
    """
    rows: object = payload
    if isinstance(payload, dict):
        if "error" in payload:
            raise ParseError(f"{what}: the answer is an error: {str(payload['error'])[:120]!r}")
        rows = payload.get(key) if key in payload and "id" not in payload else [payload]
    if rows is None:
        return []
    if not isinstance(rows, list):
        raise ParseError(f"{what}: expected {key}, got {type(rows).__name__}")
    return cast("list[Json]", rows)


def an_object(row: object, noun: str) -> Json:
    """Return `row`; raises ValueError when it is no object."""
    if not isinstance(row, dict):
        raise ValueError(f"a {noun} that is not an object")  # noqa: TRY004 - bad data
    return row


def first_of_each(
    rows: Iterable[_Row], key: Callable[[_Row], object], noun: str
) -> tuple[list[_Row], list[Reject]]:
    """Return the first row of each key and a Reject for every repetition."""
    first: dict[object, _Row] = {}
    rejects = []
    for row in rows:
        if first.setdefault(key(row), row) is not row:
            rejects.append(Reject(f"repeated {noun}", str(key(row))[:200]))
    return list(first.values()), rejects


def said(payload: object) -> str:
    """Return what an answer of a wrong kind is, short enough for a message."""
    if isinstance(payload, dict) and "error" in payload:
        return f"the error {str(payload['error'])[:120]!r}"
    return f"{type(payload).__name__} {payload!r:.60}"


def _id_text(value: object, what: str) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"{what} holds {value!r:.40}, which is neither text nor a whole number")
