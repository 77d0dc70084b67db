"""The Arena's own pages, a daily mirror of one of them, and the roster of models.

The page carries its rows as flight data inside scripts and names its date; the mirror rounds the
scores and cuts the list. A model joins the roster a week before its board.
"""

from __future__ import annotations

import json
from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from monitor.fake_upstream.scenario import BoardRow
from monitor.fake_upstream.world import World

DAILY_ROWS = 20
ROSTER_LEAD = timedelta(days=7)
_CONFIG = {"on": "{board}_style_control", "off": "{board}"}


def arena_site_routes(world: World) -> list[Route]:
    """Return the routes below /arena (the site), /arena-daily (the mirror) and /arena-roster."""

    async def page(request: Request) -> Response:
        style = "off" if request.path_params.get("rest") == "overall-no-style-control" else "on"
        rows = _newest(world, request.path_params["board"], style)
        return HTMLResponse(_html(rows)) if rows else Response("Not found", status_code=404)

    async def pointer(_: Request) -> Response:
        return JSONResponse({"date": world.now().date().isoformat()})

    async def daily(request: Request) -> Response:
        rows = _newest(world, request.path_params["board"].replace("-", "_"), "on")
        if not rows or request.path_params["day"] > world.now().date().isoformat():
            return Response("404: Not Found", status_code=404)
        return JSONResponse(_daily(rows, world))

    async def roster(_: Request) -> Response:
        shown = [row for row in _all(world) if row.visible_at - ROSTER_LEAD <= world.now()]
        return JSONResponse({f"id-{row.model}": _registered(row) for row in shown})

    return [
        Route("/arena/leaderboard/{board}", page),
        Route("/arena/leaderboard/{board}/{rest}", page),
        Route("/arena-daily/latest.json", pointer),
        Route("/arena-daily/{day}/{board}.json", daily),
        Route("/arena-roster/snapshot.json", roster),
    ]


def _newest(world: World, board: str, style: str) -> list[BoardRow]:
    rows = world.scenario.boards.get(_CONFIG[style].format(board=board), ())
    shown = [r for r in rows if r.visible_at <= world.now() and r.category == "overall"]
    newest = max((row.publish_date for row in shown), default=None)
    current = [row for row in shown if row.publish_date == newest]
    return sorted(current, key=lambda row: (-row.rating, row.rank))


def _all(world: World) -> list[BoardRow]:
    return [row for rows in world.scenario.boards.values() for row in rows]


def _html(rows: list[BoardRow]) -> str:
    board = {
        "lastUpdated": rows[0].publish_date.isoformat(),
        "entries": [
            {
                "rank": place,
                "modelDisplayName": row.model,
                "modelOrganization": row.organization,
                "rating": float(row.rating),
                "ratingUpper": None if row.upper is None else float(row.upper),
                "ratingLower": None if row.lower is None else float(row.lower),
                "votes": row.votes,
            }
            for place, row in enumerate(rows, 1)
        ],
    }
    flight = "5:" + json.dumps(["$", "div", None, {"leaderboard": board}], separators=(",", ":"))
    half = len(flight) // 2
    pushed = "".join(
        f"<script>self.__next_f.push([1,{json.dumps(part)}])</script>"
        for part in (flight[:half], flight[half:])
    )
    return f"<!DOCTYPE html><html><head><title>Board</title></head><body>{pushed}</body></html>"


def _daily(rows: list[BoardRow], world: World) -> dict[str, object]:
    shown = rows[:DAILY_ROWS]
    return {
        "meta": {
            "leaderboard": "text",
            "fetched_at": world.now().isoformat(),
            "last_updated": _spoken(rows[0].publish_date),
            "model_count": len(shown),
        },
        "models": [
            {
                "rank": place,
                "model": row.model,
                "vendor": row.organization,
                "score": round(row.rating),
                "ci_low": None if row.lower is None else round(row.rating - row.lower),
                "ci_high": None if row.upper is None else round(row.upper - row.rating),
                "votes": row.votes,
            }
            for place, row in enumerate(shown, 1)
        ],
    }


def _registered(row: BoardRow) -> dict[str, object]:
    return {
        "id": f"id-{row.model}",
        "publicName": row.model,
        "organization": (row.organization or "").lower() or None,
        "capabilities": {"outputCapabilities": {"text": True}},
    }


def _spoken(day: date) -> str:
    return f"{day:%b} {day.day}, {day.year}"
