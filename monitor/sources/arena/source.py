"""The Arena leaderboards: who stands where, with and without style control.

Three adapters know a list: the site's own page (near-live, behind a bot wall at times), the
publisher's dataset (days behind, whole) and a daily mirror (style control on only). They are tried
in the configured order for each list; the first that answers speaks, so a poll never mixes two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import Field

from monitor.durations import Duration
from monitor.errors import ParseError, PermanentSourceError, SourceError
from monitor.sources.arena.dataset import Dataset, dataset_batch, past_batch
from monitor.sources.arena.mirrors import MIRRORS
from monitor.sources.arena.page import MARK, page_batch, page_path
from monitor.sources.arena.ranking import ListOf
from monitor.sources.arena.roster import roster_batch
from monitor.sources.base import (
    Chunk,
    Cursor,
    Fetcher,
    Page,
    SourceModel,
    Target,
    grid,
)
from monitor.sources.instants import instant_or_none
from monitor.sources.notices import notice_batch
from monitor.sources.web_address import BaseAddress, WebAddress
from storage.records import Batch

Style = Literal["off", "on"]
Adapter = Literal["page", "dataset", "daily"]
# A wall that stands today stands in half an hour too.
CLOSED_FOR = timedelta(hours=12)
NOT_THERE = (404, 410)
_RAW = "https://raw.githubusercontent.com"


@dataclass(slots=True)
class _Poll:
    """What one poll learns on its way: what failed, and which adapter to leave alone until when."""

    closed: dict[str, str]
    notes: list[tuple[str, str]] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)
    answered: bool = False


class ArenaSource(SourceModel):
    """One board and category of the Arena, in one or both of its style-control states.

    `roster` also reads which models have joined the Arena's battles without being on a board yet.
    """

    kind: Literal["arena"] = "arena"
    every: Duration | Literal["auto"] = timedelta(minutes=30)
    page_url: BaseAddress = "https://arena.ai"
    datasets_url: BaseAddress = "https://datasets-server.huggingface.co"
    daily_url: BaseAddress = f"{_RAW}/oolong-tea-2026/arena-ai-leaderboards/main/data"
    roster_url: WebAddress = f"{_RAW}/Namra7-x/lmarena-tracker/main/snapshot.json"
    dataset: str = "lmarena-ai/leaderboard-dataset"
    board: str = Field(default="text", pattern=r"^[a-z0-9_]{1,60}$")
    category: str = Field(default="overall", pattern=r"^[A-Za-z0-9_ -]{1,80}$")
    styles: tuple[Style, ...] = Field(default=("off", "on"), min_length=1)
    adapters: tuple[Adapter, ...] = Field(default=("page", "dataset", "daily"), min_length=1)
    roster: bool = False

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return a page for each list that changed, the roster, and a notice for each failure.

        Raises the first SourceError when no adapter answered for any list.
        """
        poll = _Poll(_still_closed(cursor, http.now))
        pages: list[Page] = []
        for style in dict.fromkeys(self.styles):
            pages += await self._list(http, style, poll)
        if not poll.answered and poll.errors:
            raise poll.errors[0]
        if self.roster:
            pages += await self._roster(http, cursor, poll)
        pages += [Page("notice", url, text.encode(), http.now) for url, text in poll.notes]
        if poll.closed != _closed(cursor):
            pages.append(
                Page("notice", self.page_url, b"", http.now, {"cursor": {"closed": poll.closed}})
            )
        return pages

    def parse(self, page: Page) -> Batch:
        """Return what a page says. Raises ParseError when its envelope is wrong.

        Shapes: arena-page, standings and standings-past (the dataset), arena-roster, notice, and
        of mirrors arena-daily, arena-agent, arena-catalog, fboulnois, nakasyou; arena-models and
        arena-index hold no standings. Context: `board`, `category`, `style`, `known` (roster) and
        `publish_date` (ISO) for mirrors that do not name it.
        """
        listed, at = self._list_of(page), page.fetched_at
        if page.shape == "arena-page":
            return page_batch(page.body, listed, page.url, fetched_at=at)
        if page.shape == "standings":
            return dataset_batch(page.body, listed, page.url, fetched_at=at)
        if page.shape == "standings-past":
            since, until = _day(page, "since"), _day(page, "until")
            return past_batch(page.body, listed, page.url, fetched_at=at, since=since, until=until)
        if page.shape == "arena-roster":
            return roster_batch(page, source=self.name)
        if page.shape == "notice":
            return _notice(page)
        read = MIRRORS.get(page.shape)
        if read is None:
            raise ParseError(f"{page.url}: no Arena answer has the shape {page.shape!r}")
        return read(page.body, listed, page.url)

    async def chunks(
        self, http: Fetcher, targets: Sequence[Target], *, since: datetime, until: datetime
    ) -> list[Chunk]:
        """Return a month of the dataset's past for each style, newest first."""
        del http, targets
        return [
            Chunk(f"{self.board}/{self.category}/{style}/{low:%Y-%m-%d}", low, high,
                  context={"style": style})
            for low, high in grid(since, until, timedelta(days=28))
            for style in dict.fromkeys(self.styles)
        ]  # fmt: skip

    async def fetch_chunk(self, http: Fetcher, chunk: Chunk) -> list[Page]:
        """Return the publications of a chunk as one page."""
        style = str(chunk.context["style"])
        since, until = chunk.since.date(), chunk.until.date()
        answers = await self._dataset.past(http, style, since=since, until=until)
        body = b"[" + b",".join(answer.body for answer in answers) + b"]"
        stretch = {"since": since.isoformat(), "until": until.isoformat()}
        context = {**self._context(style), **stretch}
        return [Page("standings-past", answers[0].url, body, http.now, context)]

    async def _list(self, http: Fetcher, style: Style, poll: _Poll) -> list[Page]:
        """Return the page of the first adapter that answers; none when it says nothing changed."""
        for adapter in self.adapters:
            if adapter in poll.closed:
                continue
            try:
                pages = await self._ask(http, adapter, style)
            except (SourceError, ParseError) as error:
                poll.notes.append((self._address(adapter), f"{adapter}, style {style}: {error}"))
                if isinstance(error, SourceError):
                    poll.errors.append(error)
                if isinstance(error, PermanentSourceError) and error.status not in NOT_THERE:
                    poll.closed[adapter] = (http.now + CLOSED_FOR).isoformat()
                continue
            if pages is not None:
                poll.answered = True
                return pages
        return []

    async def _ask(self, http: Fetcher, adapter: Adapter, style: Style) -> list[Page] | None:
        """Return an adapter's page, no page when nothing changed, None when it has no list."""
        if adapter == "dataset":
            answers = await self._dataset.latest(http, style)
            if not answers:
                return []
            body = b"[" + b",".join(answer.body for answer in answers) + b"]"
            return [Page("standings", answers[0].url, body, http.now, self._context(style))]
        if adapter == "page":
            path = page_path(self.board, self.category, style)
            return None if path is None else await self._site(http, path, style)
        if style != "on" or self.category != "overall":
            return None
        return await self._daily(http)

    async def _site(self, http: Fetcher, path: str, style: Style) -> list[Page]:
        response = await http.get(f"{self.page_url}{path}", conditional=True)
        if response is None:
            return []
        if MARK not in response.body:
            raise ParseError(f"{response.url}: the page carries no leaderboard rows")
        return [Page("arena-page", response.url, response.body, http.now, self._context(style))]

    async def _daily(self, http: Fetcher) -> list[Page]:
        pointer = await http.get(f"{self.daily_url}/latest.json")
        assert pointer is not None
        payload = pointer.json()
        day = payload.get("date") if isinstance(payload, dict) else None
        try:
            named = date.fromisoformat(str(day))
        except ValueError as error:
            raise ParseError(f"{pointer.url}: names no day to read") from error
        board = self.board.replace("_", "-")
        url = f"{self.daily_url}/{named.isoformat()}/{board}.json"
        response = await http.get(url, conditional=True)
        if response is None:
            return []
        return [Page("arena-daily", response.url, response.body, http.now, self._context("on"))]

    async def _roster(self, http: Fetcher, cursor: Cursor, poll: _Poll) -> list[Page]:
        try:
            response = await http.get(self.roster_url, conditional=True)
        except SourceError as error:
            poll.notes.append((self.roster_url, f"roster: {error}"))
            return []
        if response is None:
            return []
        known = {"known": cursor.get("roster")}
        return [Page("arena-roster", response.url, response.body, http.now, known)]

    @property
    def _dataset(self) -> Dataset:
        return Dataset(self.datasets_url, self.dataset, self.board, self.category)

    def _address(self, adapter: Adapter) -> str:
        urls = {"page": self.page_url, "dataset": self.datasets_url, "daily": self.daily_url}
        return urls[adapter]

    def _context(self, style: str) -> dict[str, object]:
        return {"board": self.board, "category": self.category, "style": style}

    def _list_of(self, page: Page) -> ListOf:
        said = page.context
        published = said.get("publish_date")
        return ListOf(
            source=self.name,
            board=str(said.get("board", self.board)),
            category=str(said.get("category", self.category)),
            style_control=str(said.get("style", "off")),
            publish_date=date.fromisoformat(published) if isinstance(published, str) else None,
        )


def _closed(cursor: Cursor) -> dict[str, str]:
    closed = cursor.get("closed")
    return {str(k): str(v) for k, v in closed.items()} if isinstance(closed, Mapping) else {}


def _still_closed(cursor: Cursor, now: datetime) -> dict[str, str]:
    """Return the adapters that are left alone; a stepped clock keeps none closed for longer."""
    kept = {}
    for adapter, text in _closed(cursor).items():
        try:
            until = instant_or_none(text)
        except ValueError:
            continue
        if until is not None and now < until <= now + CLOSED_FOR:
            kept[adapter] = text
    return kept


def _notice(page: Page) -> Batch:
    cursor = page.context.get("cursor")
    return replace(notice_batch(page), cursor=dict(cursor) if isinstance(cursor, Mapping) else {})


def _day(page: Page, name: str) -> date:
    return date.fromisoformat(str(page.context[name]))
