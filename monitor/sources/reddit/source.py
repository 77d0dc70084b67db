"""New posts of subreddits, or of a search, from Reddit's public feeds.

Reddit lets a stranger ask about once a minute, so a poll reads one subreddit and the next poll the
next one. Refused outright from many data centres: an optional source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from monitor.durations import Duration
from monitor.errors import PermanentSourceError
from monitor.sources.base import MAX_EXCERPT, Cursor, Fetcher, Page, SourceModel
from monitor.sources.reddit.wire import parse_atom, parse_listing
from monitor.sources.rss import RssSource
from monitor.sources.web_address import BaseAddress
from storage.records import Batch, Reject

ATOM, LISTING, UNCHANGED, REFUSED = "reddit", "reddit-json", "reddit-unchanged", "reddit-refused"
LEAST_EVERY = timedelta(seconds=60)
NEWEST = 100
# A banned subreddit is 404 and a private one 403; so is, to us, all of Reddit when it blocks us.
_CLOSED = frozenset({403, 404, 410, 451})

Subreddit = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]{1,20}$")]


class RedditSource(SourceModel):
    """The newest posts of `subreddits`, those that match `query` when it is given.

    A `query` alone searches all of Reddit. `format: json` tells pinned and adult posts apart
    where Reddit still serves it. A subreddit is read once in `every` times their number.
    """

    spacing_s: ClassVar[float] = 2.0
    in_worker: ClassVar[bool] = True
    kind: Literal["reddit"] = "reddit"
    every: Duration | Literal["auto"] = timedelta(minutes=5)
    url: BaseAddress = "https://www.reddit.com"
    subreddits: tuple[Subreddit, ...] = ()
    query: str | None = Field(default=None, min_length=1, max_length=500)
    format: Literal["atom", "json"] = "atom"
    lang: str | None = Field(default="en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    tier: int = Field(default=3, ge=1, le=3)

    @field_validator("every")
    @classmethod
    def _no_more_than_once_a_minute(cls, every: timedelta | str) -> timedelta | str:
        if isinstance(every, timedelta) and every < LEAST_EVERY:
            raise ValueError("Reddit blocks those who ask more than once a minute; write 60s")
        return every

    @model_validator(mode="after")
    def _somewhere_to_look(self) -> Self:
        if not self.subreddits and self.query is None:
            raise ValueError("name subreddits, a query, or both")
        if len({name.lower() for name in self.subreddits}) != len(self.subreddits):
            raise ValueError("a subreddit is named twice")
        return self

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the page of the subreddit whose turn it is.

        A page comes back also when nothing changed or the subreddit is closed to us, so that the
        turn passes on. Raises once every subreddit is closed.
        """
        place, turn = self._turn(cursor)
        closed = set(_names(cursor.get("closed"))) & set(self._places())
        address, params = self._address(place)
        context: dict[str, object] = {"place": place, "next": turn + 1}
        try:
            response = await http.get(address, params=params, conditional=True)
        except PermanentSourceError as error:
            closed.add(place)
            if error.status not in _CLOSED or closed == set(self._places()):
                raise
            context["closed"] = sorted(closed)
            return [Page(REFUSED, address, str(error).encode(), http.now, context)]
        context["closed"] = sorted(closed - {place})
        if response is None:
            return [Page(UNCHANGED, address, b"", http.now, context)]
        shape = ATOM if self.format == "atom" else LISTING
        return [Page(shape, response.url, response.body, http.now, context)]

    def parse(self, page: Page) -> Batch:
        """Return the posts of a page. Raises ParseError when it is neither feed nor listing."""
        place = str(page.context.get("place", ""))
        batch = self._posts(page, place)
        cursor = {key: page.context[key] for key in ("next", "closed") if key in page.context}
        return replace(batch, cursor=cursor)

    def _posts(self, page: Page, place: str) -> Batch:
        if page.shape == UNCHANGED:
            return Batch()
        if page.shape == REFUSED:
            said = page.body.decode("utf-8", "replace")
            return Batch(rejects=(Reject(f"r/{place} is closed to us", said[:MAX_EXCERPT]),))
        if page.shape == LISTING:
            return parse_listing(page, source=self.name, lang=self.lang, tier=self.tier)
        feed = RssSource(name=self.name, url=self.url, lang=self.lang, tier=self.tier)
        return parse_atom(page, feed.parse(replace(page, shape="feed", context={})), place)

    def _places(self) -> tuple[str, ...]:
        return self.subreddits or ("",)

    def _turn(self, cursor: Cursor) -> tuple[str, int]:
        """Return whose turn it is, and its number; a shorter list begins again."""
        number = cursor.get("next")
        places = self._places()
        turn = number % len(places) if isinstance(number, int) else 0
        return places[turn], turn

    def _address(self, place: str) -> tuple[str, Mapping[str, object]]:
        below = f"{self.url}/r/{place}" if place else self.url
        if self.query is None:
            ending = "/new/.rss" if self.format == "atom" else "/new.json"
            return f"{below}{ending}", {"limit": NEWEST}
        ending = "/search.rss" if self.format == "atom" else "/search.json"
        within = {"restrict_sr": "on"} if place else {}
        return f"{below}{ending}", {"q": self.query, "sort": "new", "limit": NEWEST, **within}


def _names(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
