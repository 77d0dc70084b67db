"""Hugging Face: new public models of chosen organisations, and the daily papers.

A model that was not public at the last whole reading of its organisation is seen as a `release`,
its variants together. When it became public nobody says: it was between the two readings, and
the item's `observed_at` is the evidence. The first reading of an organisation is the baseline
and gives no items. A reading that breaks off changes nothing.
Source: huggingface.co/docs/hub/api and rate-limits.md (500 calls in 5 min without a token).
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from monitor.durations import Duration
from monitor.errors import (
    ParseError,
    PermanentSourceError,
    SourceError,
    TransientSourceError,
)
from monitor.http_response import Response
from monitor.sources.base import Cursor, Fetcher, Page, SourceModel
from monitor.sources.huggingface.models import cursor_key, models_batch
from monitor.sources.huggingface.papers import papers_batch
from monitor.sources.notices import noticed, with_notices
from monitor.sources.web_address import BaseAddress
from storage.records import Batch

PAGE_ROWS = 100
MAX_PAGES = 50
MAX_FAILURES = 2
_NEXT = re.compile(r"<([^<>]{1,2000})>\s*;[^,<]*?\brel=\"?next\"?", re.IGNORECASE)
AUTHORS = (
    "Qwen", "deepseek-ai", "moonshotai", "zai-org", "baidu", "ByteDance-Seed", "tencent",
    "MiniMaxAI", "stepfun-ai", "XiaomiMiMo", "meituan-longcat", "inclusionAI",
)  # fmt: skip

Author = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$")]


class HuggingFaceSource(SourceModel):
    """The models of `authors`, organisations or people; `papers` adds the daily papers."""

    spacing_s: ClassVar[float] = 0.5
    kind: Literal["huggingface"] = "huggingface"
    every: Duration | Literal["auto"] = timedelta(minutes=10)
    api_url: BaseAddress = "https://huggingface.co"
    authors: tuple[Author, ...] = Field(default=AUTHORS, max_length=100)
    papers: bool = False

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return a page for each author read whole, its answers bundled in a JSON array.

        The first page says which authors could not be read. Raises the first error when nothing
        could be.
        """
        pages: list[Page] = []
        errors: list[SourceError] = []
        notices: list[str] = []
        authors = list(dict.fromkeys(self.authors))
        for place, author in enumerate(authors):
            if _is_down(errors):
                # It counts every call of a window, failed ones too.
                notices.append(f"the hub is down or tired of us; not asked: {authors[place:]}")
                break
            try:
                page = await self._author(http, author)
            except SourceError as error:
                errors.append(error)
                notices.append(f"the models of {author} were not read: {error}")
            else:
                known = {"author": author, "known": cursor.get(cursor_key(author))}
                pages.append(replace(page, context=known))
        if self.papers and not _is_down(errors):
            try:
                pages += await self._papers(http)
            except SourceError as error:
                errors.append(error)
                notices.append(f"the daily papers were not read: {error}")
        if errors and not pages:
            raise errors[0]
        return with_notices(pages, notices)

    def parse(self, page: Page) -> Batch:
        """Return what one page says. Raises ParseError when its envelope is wrong.

        Shapes: models, papers. Context: `author`, `known` (see models_batch), `notices`.
        """
        if page.shape == "models":
            batch = models_batch(page, source=self.name, base_url=self.api_url)
        elif page.shape == "papers":
            batch = papers_batch(page, source=self.name, base_url=self.api_url)
        else:
            raise ParseError(f"{page.url}: no Hugging Face answer has the shape {page.shape!r}")
        return replace(batch, rejects=(*noticed(page), *batch.rejects))

    async def _author(self, http: Fetcher, author: str) -> Page:
        """Return every model of an author. Raises when the list cannot be read to its end."""
        url = f"{self.api_url}/api/models"
        wanted = {"author": author, "sort": "createdAt", "direction": -1, "limit": PAGE_ROWS}
        first = await http.get(url, params=wanted)
        assert first is not None
        answers, asked = [first], {first.url}
        while (following := self._next(answers[-1])) is not None:
            if len(answers) >= MAX_PAGES or following in asked:
                raise TransientSourceError(
                    f"{url}: the list of {author} does not end within {MAX_PAGES} answers"
                )
            asked.add(following)
            answer = await http.get(following)
            assert answer is not None
            answers.append(answer)
        body = b"[" + b",".join(answer.body.strip() or b"null" for answer in answers) + b"]"
        return Page("models", first.url, body, http.now)

    def _next(self, answer: Response) -> str | None:
        """Return the address of the next answer, on the configured host whatever the link says."""
        match = _NEXT.search(answer.headers.get("link", ""))
        if match is None:
            return None
        try:
            query = urlsplit(match[1]).query
        except ValueError as error:
            raise PermanentSourceError(f"{answer.url}: names no next answer ({error})") from error
        return f"{self.api_url}/api/models?{query}"

    async def _papers(self, http: Fetcher) -> list[Page]:
        response = await http.get(f"{self.api_url}/api/daily_papers", conditional=True)
        if response is None:
            return []
        return [Page("papers", response.url, response.body, http.now)]


def _is_down(errors: list[SourceError]) -> bool:
    return sum(isinstance(error, TransientSourceError) for error in errors) >= MAX_FAILURES
