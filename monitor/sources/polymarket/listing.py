"""Polymarket's events by tag, by a word of the title and by the site's search, as short entries.

Lists are read by keyset: `next_cursor` of an answer goes back as `after_cursor`, together with
all filters, because the cursor is bound to them; it is absent on the last page. Any other name
for it is ignored without a word and gives page one for ever. The search is numbered by pages.
Only what tells events apart is kept: a page of a hundred events is several megabytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from monitor.sources.base import Fetcher, Page
from monitor.sources.numbers import quantity
from monitor.sources.polymarket.fields import Json
from monitor.sources.polymarket.gamma import events_batch
from monitor.sources.polymarket.wire import events_of, questions

LISTING_LIMIT = 100
LISTING_PAGES = 10
SEARCH_LIMIT = 20
SEARCH_PAGES = 5
_TITLE_CHARS = 500


@dataclass(frozen=True, slots=True)
class Listed:
    """One event of a list: `titles` are its own and the questions of its markets."""

    slug: str
    titles: tuple[str, ...]
    closed: bool = False
    liquidity: Decimal | None = None


async def list_events(
    gamma_url: str, filters: Mapping[str, object], http: Fetcher, notes: list[str]
) -> list[Listed]:
    """Return the open events that pass Gamma's `filters`, each once, in the venue's order.

    `notes` gains a line when the list was not read to its end.
    """
    found: dict[str, Listed] = {}
    after: str | None = None
    seen: set[str] = set()
    for _ in range(LISTING_PAGES):
        response = await http.get(
            f"{gamma_url}/events/keyset",
            params={"closed": False, **filters, "limit": LISTING_LIMIT, "after_cursor": after},
        )
        assert response is not None
        payload = response.json()
        _collect(found, events_of(payload, what=response.url))
        following = payload.get("next_cursor") if isinstance(payload, dict) else None
        if not isinstance(following, str) or not following:
            return list(found.values())
        if following in seen:
            notes.append("the event listing repeats its cursor; read up to there")
            return list(found.values())
        seen.add(following)
        after = following
    notes.append(f"the event listing is longer than {LISTING_PAGES} pages; the rest is unread")
    return list(found.values())


async def search_events(gamma_url: str, text: str, http: Fetcher, notes: list[str]) -> list[Listed]:
    """Return the open events the site's search finds for `text`, each once, in its order."""
    found: dict[str, Listed] = {}
    for number in range(1, SEARCH_PAGES + 1):
        response = await http.get(f"{gamma_url}/public-search", params=_search_params(text, number))
        assert response is not None
        payload = response.json()
        if not _collect(found, events_of(payload, what=response.url)) or not _has_more(payload):
            return list(found.values())
    notes.append(f"the search for {text!r} has more than {SEARCH_PAGES} pages; narrow it")
    return list(found.values())


async def search_pages(
    gamma_url: str, text: str, words: Sequence[str], http: Fetcher, *, limit: int
) -> list[Page]:
    """Return pages of shape `search` with about `limit` open markets whose titles hold `words`.

    The site matches loosely, so pages are read on until there are enough or SEARCH_PAGES.
    """
    pages: list[Page] = []
    left = limit
    for number in range(1, SEARCH_PAGES + 1):
        response = await http.get(f"{gamma_url}/public-search", params=_search_params(text, number))
        assert response is not None
        context = {"words": list(words), "at_most": left}
        page = Page("search", response.url, response.body, http.now, context)
        pages.append(page)
        left -= len(events_batch(page).markets)
        if left <= 0 or not _has_more(response.json()):
            break
    return pages


def _search_params(text: str, page: int) -> dict[str, object]:
    """Return the query of one page of open events."""
    return {"q": text, "limit_per_type": SEARCH_LIMIT, "page": page, "events_status": "active"}


def _has_more(payload: object) -> bool:
    """Return whether a search answer says that another page follows."""
    pagination = payload.get("pagination") if isinstance(payload, dict) else None
    return isinstance(pagination, dict) and pagination.get("hasMore") is True


def _collect(found: dict[str, Listed], events: Iterable[object]) -> bool:
    """Add the events that are not in `found` yet; return whether there were any."""
    before = len(found)
    for event in events:
        if isinstance(event, dict) and isinstance(event.get("slug"), str) and event["slug"]:
            found.setdefault(_identity(event), _listed(event))
    return len(found) > before


def _identity(event: Json) -> str:
    """Return the id, or the slug of an event that tells none."""
    raw = event.get("id")
    is_id = isinstance(raw, str | int) and not isinstance(raw, bool) and raw != ""
    return f"id {raw}" if is_id else f"slug {event['slug']}"


def _listed(event: Json) -> Listed:
    titles = tuple(title[:_TITLE_CHARS] for title in questions(event))
    return Listed(str(event["slug"]), titles, event.get("closed") is True, _liquidity(event))


def _liquidity(event: Json) -> Decimal | None:
    try:
        return quantity(event.get("liquidity"))
    except ValueError:
        return None
