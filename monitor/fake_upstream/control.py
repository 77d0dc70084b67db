"""The way in for another process: set the time, set faults, add to the scenario, read requests.

POST /_control/now    {"now": "2026-07-16T17:10:00Z"}, or null to follow the clock again
POST /_control/fault  {"route": "feed:wire-en", "kind": "status", "status": 503, ...}
                      {"clear": true} or {"clear": "feed:wire-en"}
POST /_control/patch  {"events": [...], "prices": [...], "items": [...], "board_rows": [...]}
GET  /_control/now, /_control/requests
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.errors import ConfigError
from monitor.fake_upstream.faults import Fault, Faults
from monitor.fake_upstream.misbehaving import RequestSeen
from monitor.fake_upstream.rows import Row
from monitor.fake_upstream.world import World


def control_routes(world: World, faults: Faults, seen: list[RequestSeen]) -> list[Route]:
    """Return the routes below `/_control`."""

    async def tell_now(request: Request) -> Response:
        del request
        return JSONResponse({"now": world.now().isoformat()})

    async def tell_requests(request: Request) -> Response:
        del request
        return JSONResponse([{**asdict(one), "at": one.at.isoformat()} for one in seen])

    async def set_now(request: Request) -> Response:
        return await _obey(request, lambda body: world.pin(_instant(body)))

    async def set_fault(request: Request) -> Response:
        return await _obey(request, lambda body: _set_fault(faults, body))

    async def patch(request: Request) -> Response:
        return await _obey(request, world.patch)

    return [
        Route("/_control/now", tell_now),
        Route("/_control/requests", tell_requests),
        Route("/_control/now", set_now, methods=["POST"]),
        Route("/_control/fault", set_fault, methods=["POST"]),
        Route("/_control/patch", patch, methods=["POST"]),
    ]


async def _obey(request: Request, act: Callable[[dict[str, object]], None]) -> Response:
    try:
        body = await request.json()
        if not isinstance(body, dict):
            return JSONResponse({"errors": ["the body must be a JSON object"]}, status_code=400)
        act(body)
    except (ConfigError, ValueError, TypeError) as error:
        return JSONResponse({"errors": str(error).splitlines()}, status_code=400)
    return JSONResponse({"ok": True})


def _instant(body: dict[str, object]) -> datetime | None:
    problems: list[str] = []
    row = Row("now", body, problems)
    instant = row.maybe_instant("now")
    row.finish()
    if problems or "now" not in body:
        raise ConfigError("\n".join(problems) or "now: the key now is missing")
    return instant


def _set_fault(faults: Faults, body: dict[str, object]) -> None:
    if "clear" in body:
        route = body["clear"]
        faults.clear(route if isinstance(route, str) else None)
        return
    settings = dict(body)
    route = settings.pop("route", None)
    if not isinstance(route, str):
        raise ConfigError("fault: route is missing; name one such as feed:wire-en")
    faults.set(route, Fault(**settings))  # type: ignore[arg-type]  # Fault refuses what it is not
