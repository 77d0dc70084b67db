"""`/alerts/NAME.atom`: the messages of a feed channel, with conditional GET.

Feed readers poll; a reader that sends back what we answered it with gets 304 and no body.
Source: RFC 9110, 13.1 (If-None-Match beats If-Modified-Since).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Protocol

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

MEDIA_TYPE = "application/atom+xml; charset=utf-8"


class Feeds(Protocol):
    """Who has the feeds."""

    async def feed(self, name: str, *, url: str) -> tuple[bytes, datetime] | None:
        """Return the Atom document of feed `name` as read at `url`, and its last change (UTC).

        None when no feed has this name.
        """
        ...


def add_alert_feed(web: FastAPI, feeds: Feeds) -> None:
    """Serve the feeds of `feeds` on `web`."""

    @web.api_route("/alerts/{name}.atom", methods=["GET", "HEAD"])
    async def alert_feed(name: str, request: Request) -> Response:
        found = await feeds.feed(name, url=str(request.url.replace(query="")))
        if found is None:
            return PlainTextResponse("404 no channel of kind feed has this name\n", 404)
        document, changed_at = found
        validators = {
            "ETag": f'"{hashlib.sha256(document).hexdigest()[:32]}"',
            "Last-Modified": format_datetime(changed_at, usegmt=True),
            "Cache-Control": "no-cache",
        }
        if _is_known(request.headers, validators["ETag"], changed_at):
            return Response(status_code=304, headers=validators)
        return Response(document, media_type=MEDIA_TYPE, headers=validators)


def _is_known(asked: Mapping[str, str], etag: str, changed_at: datetime) -> bool:
    tags = asked.get("if-none-match")
    if tags is not None:
        return tags.strip() == "*" or etag in {
            tag.strip().removeprefix("W/") for tag in tags.split(",")
        }
    try:
        since = parsedate_to_datetime(asked.get("if-modified-since", ""))
        return since >= changed_at.replace(microsecond=0)
    except (TypeError, ValueError):
        return False
