"""Pages of Polymarket's Data API v2: `data` rows, a cursor, and errors in a body of their own.

An error reads `{"code", "error", "retryable", "trace_id"}`; a miss is an empty `data`. Source:
docs.polymarket.com, Data API overview.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monitor.errors import ParseError, PermanentSourceError, TransientSourceError
from monitor.http_response import Response
from monitor.sources.base import Fetcher
from monitor.sources.polymarket.fields import said

PAGES = 40


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its rows, and the cursor of the page behind it."""

    response: Response
    rows: list[object]
    following: str | None


async def read_pages(
    url: str, params: Mapping[str, object], http: Fetcher, *, until: Callable[[Answer], bool]
) -> bool:
    """Hand each page to `until`, which says whether that was enough; return whether it ended.

    False after PAGES pages. All of `params` go along with each cursor, which is bound to them.
    Raises SourceError.
    """
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(PAGES):
        answer = await _ask(url, {**params, "cursor": cursor}, http)
        if until(answer) or answer.following is None:
            return True
        if answer.following in seen:
            raise TransientSourceError(f"{url}: the pages repeat their cursor")
        seen.add(answer.following)
        cursor = answer.following
    return False


async def _ask(url: str, params: Mapping[str, object], http: Fetcher) -> Answer:
    """Return one answer. Raises SourceError for an error body, also when its status is 200."""
    response = await http.get(url, params=params)
    assert response is not None
    try:
        payload = response.json()
    except ParseError as error:
        # Networks that block the host answer with a page of their own.
        raise TransientSourceError(str(error)) from error
    if not isinstance(payload, dict) or "error" in payload:
        message = f"{url}: expected rows, got {said(payload)}"
        if isinstance(payload, dict) and payload.get("retryable") is False:
            raise PermanentSourceError(message, status=400)
        raise TransientSourceError(message)
    rows, pagination = payload.get("data"), payload.get("pagination")
    if rows is not None and not isinstance(rows, list):
        raise TransientSourceError(f"{url}: expected rows, got {said(payload)}")
    following = pagination.get("next_cursor") if isinstance(pagination, dict) else None
    return Answer(response, rows or [], following or None if isinstance(following, str) else None)
