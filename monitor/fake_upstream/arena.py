"""The leaderboard dataset behind the Hugging Face datasets-server's `/filter`.

`latest` holds the newest publication that is public, `full` all of them. As seen in the field, a
condition on `leaderboard_publish_date` is accepted and silently has no effect.
Source: huggingface.co/docs/datasets-server/filter.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.fake_upstream.scenario import BoardRow
from monitor.fake_upstream.world import World

MAX_LENGTH = 100
_TYPES = {
    "model_name": "string",
    "organization": "string",
    "license": "string",
    "rating": "float64",
    "rating_lower": "float64",
    "rating_upper": "float64",
    "variance": "float64",
    "vote_count": "int64",
    "rank": "int64",
    "category": "string",
    "leaderboard_publish_date": "string",
}
_CONDITION = re.compile(r"""\s*"(\w+)"\s*(<>|>=|<=|=|>|<)\s*(?:'((?:[^']|'')*)'|(-?[\d.]+))\s*""")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_Row = dict[str, object]


class _RefusedError(Exception):
    """A request that the datasets-server answers with 422 or 404."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


def arena_routes(world: World) -> list[Route]:
    """Return the route below `/datasets`."""

    async def rows(request: Request) -> Response:
        try:
            return JSONResponse(_page(world, request.query_params))
        except _RefusedError as refusal:
            return JSONResponse({"error": str(refusal)}, status_code=refusal.status)

    return [Route("/datasets/filter", rows)]


def _page(world: World, query: QueryParams) -> dict[str, object]:
    for name in ("dataset", "config", "split"):
        if not query.get(name):
            raise _RefusedError(f"Parameter '{name}' is required")
    offset = _whole(query.get("offset", "0"), "offset")
    length = _whole(query.get("length", str(MAX_LENGTH)), "length")
    if length > MAX_LENGTH:
        raise _RefusedError(f"Parameter 'length' must not be greater than {MAX_LENGTH}")
    rows = _filtered(_rows(world, query), query.get("where", ""))
    rows = _ordered(rows, query.get("orderby", ""))
    return {
        "features": [
            {"feature_idx": index, "name": name, "type": {"dtype": dtype, "_type": "Value"}}
            for index, (name, dtype) in enumerate(_TYPES.items())
        ],
        "rows": [
            {"row_idx": index, "row": row, "truncated_cells": []}
            for index, row in rows[offset : offset + length]
        ],
        "num_rows_total": len(rows),
        "num_rows_per_page": MAX_LENGTH,
        "partial": False,
    }


def _rows(world: World, query: QueryParams) -> list[tuple[int, _Row]]:
    boards = world.scenario.boards.get(query["config"])
    known = query["dataset"] == world.scenario.dataset and query["split"] in ("latest", "full")
    if boards is None or not known:
        raise _RefusedError("Not found.", status=404)
    shown = _visible(boards, world.now())
    newest = max((row.publish_date for row in shown), default=None)
    if query["split"] == "latest":
        shown = [row for row in shown if row.publish_date == newest]
    return list(enumerate(map(_row_json, shown)))


def _visible(rows: tuple[BoardRow, ...], now: datetime) -> list[BoardRow]:
    return [row for row in rows if row.visible_at <= now]


def _row_json(row: BoardRow) -> _Row:
    return {
        "model_name": row.model,
        "organization": row.organization,
        "license": None,
        "rating": float(row.rating),
        "rating_lower": _float(row.lower),
        "rating_upper": _float(row.upper),
        "variance": None,
        "vote_count": row.votes,
        "rank": row.rank,
        "category": row.category,
        "leaderboard_publish_date": row.publish_date.isoformat(),
    }


def _filtered(rows: list[tuple[int, _Row]], where: str) -> list[tuple[int, _Row]]:
    if not where.strip():
        return rows
    for part in re.split(r"\s+AND\s+", where, flags=re.IGNORECASE):
        condition = _CONDITION.fullmatch(part)
        if condition is None or condition[1] not in _TYPES:
            raise _RefusedError("A query parameter is invalid")
        if condition[1] != "leaderboard_publish_date":
            rows = [entry for entry in rows if _holds(entry[1], condition)]
    return rows


def _holds(row: _Row, condition: re.Match[str]) -> bool:
    value = row[condition[1]]
    if value is None:
        return False
    compare = _COMPARE[condition[2]]
    if condition[3] is not None:
        return isinstance(value, str) and compare(value, condition[3].replace("''", "'"))
    return not isinstance(value, str) and compare(value, float(condition[4]))


def _ordered(rows: list[tuple[int, _Row]], orderby: str) -> list[tuple[int, _Row]]:
    if not orderby.strip():
        return rows
    order = re.fullmatch(r'\s*"(\w+)"(?:\s+(ASC|DESC))?\s*', orderby, flags=re.IGNORECASE)
    if order is None or order[1] not in _TYPES:
        raise _RefusedError("A query parameter is invalid")
    column, descending = order[1], (order[2] or "ASC").upper() == "DESC"
    valued = [entry for entry in rows if entry[1][column] is not None]
    empty = [entry for entry in rows if entry[1][column] is None]
    return sorted(valued, key=lambda e: _sort_key(e[1][column]), reverse=descending) + empty


def _sort_key(value: object) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, int | float) else (0.0, str(value))


def _whole(text: str, name: str) -> int:
    if not text.isdecimal():
        raise _RefusedError(f"Parameter '{name}' must be a positive integer")
    return int(text)


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
