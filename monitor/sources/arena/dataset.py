"""The publisher's dataset of Arena boards, read through datasets-server's `/filter`.

Source: huggingface.co dataset lmarena-ai/leaderboard-dataset and the datasets-server docs, read
2026-11-22. Config `text` is style control off, `text_style_control` on; split `latest` holds one
publication, `full` all of them.
Traps: `where` was seen to be ignored, so category and date are checked here; names repeat; the
dataset's `rank` is a statistical one, so the rank is counted from the ratings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast

from monitor.errors import ParseError, TransientSourceError
from monitor.http_response import Response, load_json
from monitor.sources.arena.ranking import ListOf, ScoredRow, ranked
from monitor.sources.base import MAX_EXCERPT, Fetcher, parse_each
from monitor.sources.numbers import count_or_none, decimal, decimal_or_none
from storage.records import Batch, Reject, StandingRecord

PAGE_ROWS = 100
MAX_PAGES = 20
_STYLE_CONFIG = {"off": "{board}", "on": "{board}_style_control"}
_FIRST_DAY = date(2023, 1, 1)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Where the dataset is asked for one board and category."""

    url: str
    name: str
    board: str
    category: str

    async def latest(self, http: Fetcher, style: str) -> list[Response]:
        """Return the answers that make up the newest list; empty when its first did not change.

        Raises TransientSourceError when the list changed while it was read.
        """
        return await self._answers(http, style, "latest", self._where(), conditional=True)

    async def past(self, http: Fetcher, style: str, *, since: date, until: date) -> list[Response]:
        """Return the answers that hold the publications of since <= date < until."""
        column = '"leaderboard_publish_date"'
        where = f"{self._where()} AND {column}>='{since}' AND {column}<'{until}'"
        return await self._answers(http, style, "full", where, conditional=False)

    async def _answers(
        self, http: Fetcher, style: str, split: str, where: str, *, conditional: bool
    ) -> list[Response]:
        async def page(offset: int, *, conditional: bool) -> Response | None:
            return await http.get(
                f"{self.url}/filter",
                params={
                    "dataset": self.name,
                    "config": _STYLE_CONFIG[style].format(board=self.board),
                    "split": split,
                    "where": where,
                    "orderby": '"rating" DESC',
                    "offset": offset,
                    "length": PAGE_ROWS,
                },
                conditional=conditional,
            )

        first = await page(0, conditional=conditional)
        if first is None:
            return []
        answers, total = [first], _total(first)
        while len(answers) * PAGE_ROWS < total and len(answers) < MAX_PAGES:
            answer = await page(len(answers) * PAGE_ROWS, conditional=False)
            assert answer is not None
            if _total(answer) != total:
                raise TransientSourceError(f"{answer.url}: the list changed while it was read")
            answers.append(answer)
        return answers

    def _where(self) -> str:
        return f"\"category\"='{self.category}'"


def dataset_batch(body: bytes, listed: ListOf, what: str, *, fetched_at: datetime) -> Batch:
    """Return the newest publication in the answers; rows of older dates are refused."""
    answers, cells = _all_cells(body, what)
    rows, rejects = parse_each(cells, lambda cell: _row(cell, listed.category, fetched_at))
    newest = max((day for day, _ in rows), default=None)
    rejects += [
        Reject(f"published {day}, before the list's newest date", row.model[:MAX_EXCERPT])
        for day, row in rows
        if day != newest
    ]
    current = [row for day, row in rows if day == newest]
    standings, refused = ranked(current, listed.on(newest))
    if not cells:
        rejects.append(Reject("the list is empty", what[:MAX_EXCERPT]))
    rejects += _shortfall(answers, what)
    return Batch(standings=tuple(standings), rejects=(*rejects, *refused))


def past_batch(
    body: bytes, listed: ListOf, what: str, *, fetched_at: datetime, since: date, until: date
) -> Batch:
    """Return every publication of since <= date < until; others were not asked for."""
    answers, cells = _all_cells(body, what)
    rows, rejects = parse_each(cells, lambda cell: _row(cell, listed.category, fetched_at))
    days = sorted({day for day, _ in rows if since <= day < until})
    standings: list[StandingRecord] = []
    for day in days:
        kept, refused = ranked([row for when, row in rows if when == day], listed.on(day))
        standings += kept
        rejects += refused
    return Batch(standings=tuple(standings), rejects=(*rejects, *_shortfall(answers, what)))


def _all_cells(body: bytes, what: str) -> tuple[list[object], list[object]]:
    answers = load_json(body, what=what)
    if not isinstance(answers, list):
        raise ParseError(f"{what}: expected the answers of one list in an array")
    return answers, [cell for answer in answers for cell in _cells(answer, what)]


def _row(cell: object, category: str, fetched_at: datetime) -> tuple[date, ScoredRow]:
    """Return the publish date and the row of one cell; ValueError when it is of no use."""
    if not isinstance(cell, dict) or not isinstance(cell.get("row"), dict):
        raise ValueError("a row that is not an object")  # noqa: TRY004 - bad data
    if cell.get("truncated_cells"):
        raise ValueError(f"truncated cells: {cell['truncated_cells']!r:.80}")
    row = cast("Mapping[str, object]", cell["row"])
    if row.get("category", category) != category:
        raise ValueError(f"category {row.get('category')!r:.40} was not asked for")
    published = date.fromisoformat(str(row.get("leaderboard_publish_date"))[:10])
    if not _FIRST_DAY <= published <= fetched_at.date() + timedelta(days=1):
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
