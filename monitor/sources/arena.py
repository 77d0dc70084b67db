"""The Arena leaderboards, from the publisher's dataset: who stands where, with and without style
control.

Source: huggingface.co dataset lmarena-ai/leaderboard-dataset read through datasets-server
`/filter` (its docs read 2026-11-22). Config `text` is style control off, `text_style_control` on.
Traps: `where` was seen to be ignored, so category and date are checked here; names repeat; the
dataset's `rank` is a statistical one, so the rank is counted from the ratings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Literal, cast

from pydantic import Field

from monitor.durations import Duration
from monitor.errors import ParseError, TransientSourceError
from monitor.http_response import Response, load_json
from monitor.sources.arena_mirrors import (
    agent_batch,
    catalog_batch,
    csv_batch,
    daily_batch,
    no_standings_batch,
    wide_csv_batch,
)
from monitor.sources.arena_ranking import ListOf, ScoredRow, ranked
from monitor.sources.base import MAX_EXCERPT, Cursor, Fetcher, Page, SourceModel, parse_each
from monitor.sources.numbers import count_or_none, decimal, decimal_or_none
from monitor.sources.web_address import BaseAddress
from storage.records import Batch, Reject

PAGE_ROWS = 100
MAX_PAGES = 20
_STYLE_CONFIG = {"off": "{board}", "on": "{board}_style_control"}


class ArenaSource(SourceModel):
    """One board and category of the Arena, in one or both of its style-control states."""

    kind: Literal["arena"] = "arena"
    every: Duration | Literal["auto"] = timedelta(minutes=30)
    datasets_url: BaseAddress = "https://datasets-server.huggingface.co"
    dataset: str = "lmarena-ai/leaderboard-dataset"
    board: str = Field(default="text", pattern=r"^[a-z0-9_]{1,60}$")
    category: str = Field(default="overall", pattern=r"^[A-Za-z0-9_ -]{1,80}$")
    styles: tuple[Literal["off", "on"], ...] = Field(default=("off", "on"), min_length=1)

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return one page for each list that changed, its answers bundled in a JSON array.

        Raises TransientSourceError when a list changed while it was read.
        """
        del cursor
        pages = []
        for style in dict.fromkeys(self.styles):
            answers = await self._answers(http, style)
            if answers:
                body = b"[" + b",".join(answer.body for answer in answers) + b"]"
                context = {"board": self.board, "category": self.category, "style": style}
                pages.append(Page("standings", answers[0].url, body, http.now, context))
        return pages

    def parse(self, page: Page) -> Batch:
        """Return the standings of a page. Raises ParseError when its envelope is wrong.

        Shapes: standings, and of mirrors arena-daily, arena-agent, arena-catalog, fboulnois,
        nakasyou; arena-models and arena-index hold no standings. Context: `board`, `category`,
        `style`, and `publish_date` (ISO) for mirrors that do not name it.
        """
        if page.shape == "standings":
            return self._standings(page)
        read = _MIRRORS.get(page.shape)
        if read is None:
            raise ParseError(f"{page.url}: no Arena answer has the shape {page.shape!r}")
        return read(page.body, self._list_of(page), page.url)

    async def _answers(self, http: Fetcher, style: str) -> list[Response]:
        """Return the answers that make up one list; empty when its first page did not change."""
        first = await self._page(http, style, 0, conditional=True)
        if first is None:
            return []
        answers = [first]
        total = _total(first)
        while len(answers) * PAGE_ROWS < total and len(answers) < MAX_PAGES:
            answer = await self._page(http, style, len(answers) * PAGE_ROWS, conditional=False)
            assert answer is not None
            if _total(answer) != total:
                raise TransientSourceError(f"{answer.url}: the list changed while it was read")
            answers.append(answer)
        return answers

    async def _page(
        self, http: Fetcher, style: str, offset: int, *, conditional: bool
    ) -> Response | None:
        return await http.get(
            f"{self.datasets_url}/filter",
            params={
                "dataset": self.dataset,
                "config": _STYLE_CONFIG[style].format(board=self.board),
                "split": "latest",
                "where": f"\"category\"='{self.category}'",
                "orderby": '"rating" DESC',
                "offset": offset,
                "length": PAGE_ROWS,
            },
            conditional=conditional,
        )

    def _standings(self, page: Page) -> Batch:
        answers = load_json(page.body, what=page.url)
        if not isinstance(answers, list):
            raise ParseError(f"{page.url}: expected the answers of one list in an array")
        cells = [cell for answer in answers for cell in _cells(answer, page.url)]
        latest = page.fetched_at.date() + timedelta(days=1)
        rows, rejects = parse_each(cells, lambda cell: self._row(cell, latest))
        newest = max((day for day, _ in rows), default=None)
        rejects += [
            Reject(f"published {day}, before the list's newest date", row.model[:MAX_EXCERPT])
            for day, row in rows
            if day != newest
        ]
        current = [row for day, row in rows if day == newest]
        standings, refused = ranked(current, self._list_of(page).on(newest))
        if not cells:
            rejects.append(Reject("the list is empty", page.url[:MAX_EXCERPT]))
        rejects += _shortfall(answers, page.url)
        return Batch(standings=tuple(standings), rejects=(*rejects, *refused))

    def _row(self, cell: object, latest: date) -> tuple[date, ScoredRow]:
        """Return the publish date and the row of one cell; ValueError when it is of no use."""
        if not isinstance(cell, dict) or not isinstance(cell.get("row"), dict):
            raise ValueError("a row that is not an object")  # noqa: TRY004 - bad data
        if cell.get("truncated_cells"):
            raise ValueError(f"truncated cells: {cell['truncated_cells']!r:.80}")
        row = cast("Mapping[str, object]", cell["row"])
        if row.get("category", self.category) != self.category:
            raise ValueError(f"category {row.get('category')!r:.40} was not asked for")
        published = date.fromisoformat(str(row.get("leaderboard_publish_date"))[:10])
        if not date(2023, 1, 1) <= published <= latest:
            raise ValueError(f"publish date {published} cannot be")
        model, organization = row.get("model_name"), row.get("organization")
        if not isinstance(model, str) or not model.strip():
            raise ValueError("a row without a model name")
        return published, ScoredRow(
            model=model.strip(),
            score=decimal(row.get("rating", row.get("score")), what="rating"),
            organization=(organization.strip() or None) if isinstance(organization, str) else None,
            ci_low=decimal_or_none(row.get("rating_lower", row.get("score_ci_lower"))),
            ci_high=decimal_or_none(row.get("rating_upper", row.get("score_ci_upper"))),
            votes=count_or_none(row.get("vote_count", row.get("observation_count"))),
            listed=count_or_none(row.get("rank")),
        )

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


def _total(answer: Response) -> int:
    """Return how many rows the whole list has; ParseError when the answer does not say."""
    payload = answer.json()
    total = payload.get("num_rows_total") if isinstance(payload, dict) else None
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise ParseError(f"{answer.url}: the answer does not say num_rows_total")
    return total


def _cells(answer: object, what: str) -> list[object]:
    if not isinstance(answer, dict):
        raise ParseError(f"{what}: an answer that is not an object")
    if "error" in answer:
        raise ParseError(f"{what}: the answer is an error: {str(answer['error'])[:120]!r}")
    rows = answer.get("rows")
    if not isinstance(rows, list | None):
        raise ParseError(f"{what}: rows is not a list")
    return rows or []


def _shortfall(answers: Sequence[object], what: str) -> list[Reject]:
    """Return a Reject when the answers hold fewer rows than the list, or admit to be partial."""
    rejects = []
    totals = [a.get("num_rows_total") for a in answers if isinstance(a, dict)]
    total = next((t for t in totals if isinstance(t, int)), 0)
    held = sum(len(_cells(answer, what)) for answer in answers)
    if total > held:
        rejects.append(Reject(f"{total - held} rows of the list were not read", what[:MAX_EXCERPT]))
    if any(isinstance(answer, dict) and answer.get("partial") is True for answer in answers):
        rejects.append(Reject("the server admits that the list is partial", what[:MAX_EXCERPT]))
    return rejects


_MIRRORS: Mapping[str, Callable[[bytes, ListOf, str], Batch]] = {
    "arena-daily": daily_batch,
    "arena-agent": agent_batch,
    "arena-catalog": catalog_batch,
    "fboulnois": csv_batch,
    "nakasyou": wide_csv_batch,
    "arena-models": no_standings_batch,
    "arena-index": no_standings_batch,
}
