"""Papers that match an arXiv query, newest first.

A paper's dates are those of its submission; the public sees it up to days later, when the next
list is announced, so a paper's date counts as a day only. Source: the API's user manual at
info.arxiv.org/help/api and an answer recorded 2026-08-02.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar, Literal
from xml.etree.ElementTree import Element

from pydantic import Field, field_validator

from monitor.durations import Duration
from monitor.errors import ParseError
from monitor.http_status import safe_url
from monitor.sources.base import (
    MAX_EXCERPT,
    Cursor,
    Fetcher,
    Page,
    SourceModel,
    parse_each,
)
from monitor.sources.feeds.elements import attribute_of, children_of, elements_by_id, text_of
from monitor.sources.rss import RssSource
from monitor.sources.web_address import BaseAddress
from storage.records import Batch, ItemRecord, Precision, Reject

SHAPE = "arxiv"
LEAST_EVERY = timedelta(hours=1)
MAX_AUTHORS = 20
MAX_SUMMARY = 2_000
_ID = re.compile(
    r"arxiv\.org/abs/(?P<id>[0-9]{4}\.[0-9]{4,6}|[a-z-]+(?:\.[A-Za-z-]{2,12})?/[0-9]{7})(?:v[0-9]{1,3})?",
)
_TOTAL = re.compile(rb"<(?:[a-zA-Z]{1,20}:)?totalResults[^>]{0,200}>\s{0,20}([0-9]{1,12})\s{0,20}<")
_ERRORS = "/api/errors"


class ArxivSource(SourceModel):
    """The newest papers of a query in arXiv's own syntax, as in `cat:cs.CL AND abs:Qwen`.

    `sort: updated` also shows old papers with a new version.
    """

    spacing_s: ClassVar[float] = 3.0
    in_worker: ClassVar[bool] = True
    kind: Literal["arxiv"] = "arxiv"
    every: Duration | Literal["auto"] = timedelta(hours=6)
    url: BaseAddress = "https://export.arxiv.org"
    query: str = Field(min_length=1, max_length=1_500)
    max_results: int = Field(default=50, ge=1, le=500)
    sort: Literal["submitted", "updated"] = "submitted"
    tier: int = Field(default=2, ge=1, le=3)

    @field_validator("every")
    @classmethod
    def _no_more_than_once_an_hour(cls, every: timedelta | str) -> timedelta | str:
        # `auto` would ask busier queries more often than arXiv has answers.
        if not isinstance(every, timedelta) or every < LEAST_EVERY:
            raise ValueError("arXiv's answers change once a day; write 1h or more")
        return every

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the first page of the query when it changed."""
        del cursor
        params = {
            "search_query": self.query,
            "sortBy": "submittedDate" if self.sort == "submitted" else "lastUpdatedDate",
            "sortOrder": "descending",
            "start": 0,
            "max_results": self.max_results,
        }
        response = await http.get(f"{self.url}/api/query", params=params, conditional=True)
        return [] if response is None else [Page(SHAPE, response.url, response.body, http.now)]

    def parse(self, page: Page) -> Batch:
        """Return the papers, a new version of one under its old guid.

        Raises ParseError when arXiv answers with an error, which it does as a paper called Error,
        or shows nothing of what it says it found, which passes.
        """
        feed = RssSource(name=self.name, url=self.url, lang="en", tier=self.tier)
        batch = feed.parse(replace(page, shape="feed", context={}))
        what, elements = safe_url(page.url), elements_by_id(page.body)
        _check_for_an_error(batch, what)
        total = _TOTAL.search(page.body)
        if total is not None and int(total[1]) and not (batch.items or batch.rejects):
            raise ParseError(f"{what}: arXiv says {int(total[1])} papers match and shows none")
        records, rejects = parse_each(batch.items, lambda item: _paper(item, elements))
        papers: dict[str, ItemRecord] = {}
        for paper in records:
            if papers.setdefault(paper.guid, paper) is not paper:
                rejects.append(Reject("repeated paper", paper.guid[:MAX_EXCERPT]))
        return replace(batch, items=tuple(papers.values()), rejects=(*batch.rejects, *rejects))


def _check_for_an_error(batch: Batch, what: str) -> None:
    for item in batch.items:
        if _ERRORS in item.guid or (item.title == "Error" and not _ID.search(item.guid)):
            raise ParseError(f"{what}: arXiv says {(item.summary or item.guid)[:MAX_EXCERPT]!r}")


def _paper(item: ItemRecord, elements: Mapping[str, Element]) -> ItemRecord:
    found = _ID.search(item.guid)
    if found is None:
        raise ValueError("an entry without an arXiv id")
    paper_id = found["id"]
    # Abstracts are wrapped by hand at some 80 columns.
    abstract = " ".join((item.content or item.summary or "").split())
    long = abstract if len(abstract) > MAX_SUMMARY else ""
    about = _about(elements.get(item.guid))
    return replace(
        item,
        guid=paper_id,
        url=f"https://arxiv.org/abs/{paper_id}",
        summary=abstract[:MAX_SUMMARY] or None,
        content="\n".join(line for line in (long, about) if line) or None,
        precision=Precision.DAY if item.published_at else Precision.UNKNOWN,
        publisher="arXiv",
    )


def _about(element: Element | None) -> str:
    """Return who wrote a paper and where it belongs; labs sign as authors or affiliations."""
    if element is None:
        return ""
    names = [_author(author) for author in children_of(element, "author")]
    names = [name for name in names if name]
    more = f" and {len(names) - MAX_AUTHORS} more" if len(names) > MAX_AUTHORS else ""
    facts = (
        ("Authors", ", ".join(names[:MAX_AUTHORS]) + more),
        ("Category", attribute_of(element, "primary_category", "term")),
        ("Comment", " ".join(text_of(element, "comment").split())[:300]),
    )
    return "\n".join(f"{label}: {text}" for label, text in facts if text)


def _author(author: Element) -> str:
    name = " ".join(text_of(author, "name").split())[:100]
    affiliation = " ".join(text_of(author, "affiliation").split())[:100]
    return f"{name} ({affiliation})" if name and affiliation else name
