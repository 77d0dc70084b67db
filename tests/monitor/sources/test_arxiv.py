from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.errors import ParseError
from monitor.http_session import SourceSession
from monitor.sources.arxiv import ArxivSource
from monitor.sources.base import Page
from storage.records import Batch, Precision

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
URL = "https://export.arxiv.org/api/query"
FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "arxiv"
QUERY = (FIXTURES / "query.xml").read_bytes()
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]


def a_source(**fields: object) -> ArxivSource:
    return ArxivSource.model_validate({"name": "papers", "query": "all:zeta", **fields})


def parse(body: bytes) -> Batch:
    return a_source().parse(Page("arxiv", URL, body, NOW))


def an_answer(*entries: str, total: int | None = None) -> bytes:
    count = "" if total is None else f"<o:totalResults>{total}</o:totalResults>"
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom" '
        f'xmlns:o="http://a9.com/-/spec/opensearch/1.1/"><title>t</title>{count}'
        f"{''.join(entries)}</feed>"
    ).encode()


def an_entry(paper: str = "2605.01234v1", title: str = "A title", **more: str) -> str:
    parts = {"published": "2026-05-28T17:59:56Z", "updated": "2026-05-28T17:59:56Z", **more}
    inside = "".join(f"<{name}>{text}</{name}>" for name, text in parts.items())
    return f"<entry><id>http://arxiv.org/abs/{paper}</id><title>{title}</title>{inside}</entry>"


def test_a_paper_is_its_abstract_and_who_wrote_it() -> None:
    paper = parse(QUERY).items[0]

    assert paper.title == "Zeta 9: An Example Technical Report"
    assert (
        paper.summary
        == "We describe a model whose loss is < 2 and whose parameters fit on one card."
    )
    assert paper.content == (
        "Authors: Zeta Team, Ada Example (Example Lab)\n"
        "Category: cs.CL\n"
        "Comment: 12 pages, 3 figures"
    )
    assert (paper.guid, paper.url) == ("2605.01234", "https://arxiv.org/abs/2605.01234")
    assert (paper.publisher, paper.lang, paper.tier) == ("arXiv", "en", 2)


def test_a_submission_date_is_a_day_since_the_public_saw_the_paper_later() -> None:
    paper = parse(QUERY).items[0]

    assert paper.published_at == datetime(2026, 5, 28, 17, 59, 56, tzinfo=UTC)
    assert paper.precision is Precision.DAY


def test_a_new_version_is_the_same_paper_with_its_first_date() -> None:
    first = parse(an_answer(an_entry("2605.01234v1"))).items[0]
    second = parse(
        an_answer(an_entry("2605.01234v2", "A better title", updated="2026-05-30T00:00:00Z"))
    ).items[0]

    assert (first.guid, first.url) == (second.guid, second.url)
    assert first.published_at == second.published_at
    assert first.title != second.title


@pytest.mark.parametrize(
    ("written", "guid"),
    [
        ("2605.01234v12", "2605.01234"),
        ("2605.01234", "2605.01234"),
        ("0704.0001v1", "0704.0001"),
        ("hep-th/9901001v1", "hep-th/9901001"),
        ("math.GT/0309136v2", "math.GT/0309136"),
    ],
)
def test_ids_old_and_new_lose_their_version(written: str, guid: str) -> None:
    assert parse(an_answer(an_entry(written))).items[0].guid == guid


def test_a_paper_without_a_date_has_none() -> None:
    paper = parse(
        an_answer("<entry><id>http://arxiv.org/abs/2605.1111v1</id><title>T</title></entry>")
    )

    assert (paper.items[0].published_at, paper.items[0].precision) == (None, Precision.UNKNOWN)


def test_many_authors_are_named_to_a_limit() -> None:
    authors = "".join(f"<author><name>A{n}</name></author>" for n in range(25))
    entry = an_entry().replace("</entry>", f"{authors}</entry>")

    content = parse(an_answer(entry)).items[0].content

    assert content is not None
    assert content.endswith("A18, A19 and 5 more")


def test_a_long_abstract_is_kept_whole_beside_its_start() -> None:
    paper = parse(an_answer(an_entry(summary="word " * 1000))).items[0]

    assert paper.summary is not None
    assert paper.content is not None
    assert (len(paper.summary), len(paper.content)) == (2000, 4999)


# The envelope


def test_an_error_that_looks_like_a_paper_is_an_error_with_its_words() -> None:
    with pytest.raises(ParseError, match="arXiv says 'search_query is malformed'"):
        parse((FIXTURES / "error.xml").read_bytes())


def test_a_paper_called_error_is_a_paper() -> None:
    assert parse(an_answer(an_entry(title="Error"))).items[0].title == "Error"


def test_no_matches_are_normal() -> None:
    assert parse(an_answer(total=0)) == Batch()
    assert parse(an_answer()) == Batch()


def test_matches_that_are_not_shown_are_an_error() -> None:
    with pytest.raises(ParseError, match="says 4711 papers match and shows none"):
        parse(an_answer(total=4711))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html><body>Rate exceeded.</body></html>", b"<feed", b"Rate exceeded."]
)
def test_what_is_no_feed_is_an_error(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(body)


def test_a_cut_answer_gives_its_whole_papers_and_says_so() -> None:
    batch = parse(QUERY[: QUERY.index(b"A paper with an old id")])

    assert [paper.guid for paper in batch.items] == ["2605.01234"]
    assert batch.items[0].content is not None
    assert len(batch.rejects) == 1


def test_an_entry_without_an_id_costs_itself() -> None:
    stray = "<entry><id>https://elsewhere.example/1</id><title>T</title></entry>"

    batch = parse(an_answer(stray, an_entry()))

    assert len(batch.items) == 1
    assert [reject.reason for reject in batch.rejects] == ["an entry without an arXiv id"]


def test_two_versions_in_one_answer_are_one_paper() -> None:
    batch = parse(an_answer(an_entry("2605.01234v2", "Newer"), an_entry("2605.01234v1", "Older")))

    assert [paper.title for paper in batch.items] == ["Newer"]
    assert [reject.reason for reject in batch.rejects] == ["repeated paper"]


def test_parsing_twice_gives_the_same() -> None:
    assert parse(QUERY) == parse(QUERY)


def test_unknown_fields_change_nothing() -> None:
    assert parse(QUERY.replace(b"</entry>", b"<new><x/></new></entry>")) == parse(QUERY)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_answer_gives_papers_or_a_parse_error(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(QUERY) - 1))
    damaged = (
        QUERY[:at] + data.draw(st.binary(max_size=12)) + QUERY[at + data.draw(st.integers(0, 40)) :]
    )

    try:
        batch = parse(damaged)
    except ParseError:
        return
    assert all(paper.guid and paper.title for paper in batch.items)


# Asking


@pytest.mark.parametrize(
    ("sort", "by"), [("submitted", "submittedDate"), ("updated", "lastUpdatedDate")]
)
async def test_a_query_is_asked_newest_first(network: Network, sort: str, by: str) -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(200, content=QUERY)

    source = a_source(query="cat:cs.CL AND abs:zeta", max_results=25, sort=sort)
    async with network(answer) as http:
        pages = await source.fetch(http, {})
        again = await source.fetch(http, {})

    assert dict(asked[0].params) == {
        "search_query": "cat:cs.CL AND abs:zeta",
        "sortBy": by,
        "sortOrder": "descending",
        "start": "0",
        "max_results": "25",
    }
    assert len(source.parse(pages[0]).items) == 2
    assert again == []


@pytest.mark.parametrize(
    "fields",
    [{"every": "59m"}, {"every": "auto"}, {"query": ""}, {"max_results": 0}, {"max_results": 501}],
)
def test_settings_that_cannot_work_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        a_source(**fields)
