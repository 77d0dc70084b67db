from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.config import parse_config
from monitor.errors import ParseError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.sources.base import Page
from monitor.sources.csv_file import CsvSource
from storage.records import Batch, MarketStatus, Precision, PriceBasis
from storage.tables import QUOTE_COLUMNS, TABLES

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ITEMS = (
    "source,guid,url,title,summary,published_at,lang\n"
    "desk,1,https://wire.example/1,Zeta ships,Short,2026-06-01T11:30:00.000Z,en\n"
    "desk,2,,示例发布,,2026-06-01,zh\n"
)
STANDINGS = (
    "publish_date,board,category,style_control,rank,model,organization,score,ci_low,ci_high,votes\n"
    "2026-06-01,text,overall,on,1,zeta-9,Acme,1500.5,1495,1506,1200\n"
    "2026-06-01,text,overall,on,2,eta-2,,1490,,,\n"
)
QUOTES = (
    "at,venue,market_id,outcome_id,outcome,bid,ask,last,mid,price_basis,question\n"
    "2026-06-01T11:58:00Z,house,m1,m1:yes,Yes,0.40,0.44,0.41,0.42,book,Will it rain?\n"
    "2026-06-01T11:57:00Z,house,m1,m1:no,No,,,,0.58,amm,Will it rain?\n"
    "2026-05-01T11:58:00Z,house,m2,m2:a,Ada,,,,0.3,,\n"
)
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]


def a_source(**fields: object) -> CsvSource:
    place = {} if "url" in fields else {"path": "/data/own.csv"}
    return CsvSource.model_validate({"name": "own", **place, **fields})


def parse(text: str | bytes, what: str = "items", **fields: object) -> Batch:
    body = text.encode() if isinstance(text, str) else text
    page = Page(what, "file:///data/own.csv", body, NOW)
    return a_source(what=what, **fields).parse(page)


def reasons(batch: Batch) -> list[str]:
    return [reject.reason for reject in batch.rejects]


# Items


def test_rows_become_items() -> None:
    first, second = parse(ITEMS, tier=1).items

    assert (first.source, first.guid, first.title) == ("desk", "1", "Zeta ships")
    assert (first.url, first.summary, first.lang, first.tier) == (
        "https://wire.example/1",
        "Short",
        "en",
        1,
    )
    assert first.published_at == datetime(2026, 6, 1, 11, 30, tzinfo=UTC)
    assert first.precision is Precision.SECOND
    assert (second.url, second.summary, second.precision) == (None, None, Precision.DAY)


def test_every_column_of_an_export_is_known() -> None:
    for what, columns in (
        ("items", TABLES["items"].columns),
        ("standings", TABLES["standings"].columns),
        ("quotes", QUOTE_COLUMNS),
    ):
        assert parse(",".join(columns) + "\n", what) == Batch()


def test_the_source_says_a_language_that_rows_do_not() -> None:
    assert parse("source,guid,title\na,1,T\n", lang="zh").items[0].lang == "zh"


def test_cells_are_restored_unless_the_file_is_raw() -> None:
    text = "source,guid,title\na,1,'=cmd\n"

    assert parse(text).items[0].title == "=cmd"
    assert parse(text, raw=True).items[0].title == "'=cmd"


def test_a_date_in_the_future_is_left_out_and_counted() -> None:
    batch = parse("source,guid,title,published_at\na,1,T,2026-06-01T12:16:00Z\n")

    assert (batch.items[0].published_at, batch.items[0].precision) == (None, Precision.UNKNOWN)
    assert reasons(batch) == ["published_at lies in the future; the item is kept without a date"]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "x"])
def test_only_web_addresses_become_links(url: str) -> None:
    assert parse(f"source,guid,title,url\na,1,T,{url}\n").items[0].url is None


# Standings


def test_rows_become_standings() -> None:
    first, second = parse(STANDINGS, "standings").standings

    assert (first.source, first.board, first.model, first.rank) == ("own", "text", "zeta-9", 1)
    assert first.publish_date == date(2026, 6, 1)
    assert (first.score, first.ci_low, first.votes) == (Decimal("1500.5"), Decimal(1495), 1200)
    assert (second.organization, second.ci_low, second.votes) == (None, None, None)


# Quotes


def test_rows_become_quotes_in_the_order_of_time() -> None:
    batch = parse(QUOTES, "quotes")

    assert [quote.at for quote in batch.quotes] == sorted(quote.at for quote in batch.quotes)
    history, amm, book = batch.quotes
    assert (book.basis, book.bid, book.ask, book.value) == (
        PriceBasis.BOOK,
        Decimal("0.40"),
        Decimal("0.44"),
        None,
    )
    assert (amm.basis, amm.bid, amm.value) == (PriceBasis.AMM, None, Decimal("0.58"))
    assert (history.basis, history.value) == (PriceBasis.VENUE_HISTORY, Decimal("0.3"))
    assert {quote.observed_at for quote in batch.quotes} == {NOW}


def test_the_markets_that_quotes_name_are_made_with_their_outcomes() -> None:
    first, second = parse(QUOTES, "quotes").markets

    assert (first.venue_id, first.question, first.status) == (
        "m1",
        "Will it rain?",
        MarketStatus.OPEN,
    )
    assert [(o.venue_outcome_id, o.name, o.index) for o in first.outcomes] == [
        ("m1:yes", "Yes", 0),
        ("m1:no", "No", 1),
    ]
    assert second.question == "m2"
    assert [(o.name, o.index) for o in second.outcomes] == [("Ada", 0)]


def test_an_old_price_does_not_count_as_watched() -> None:
    assert parse(QUOTES, "quotes").read_outcomes == (
        ("house", "m1", "m1:no"),
        ("house", "m1", "m1:yes"),
    )


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("2026-06-01T12:16:00Z,v,m,o,0.5", "a price of the future"),
        ("2026-06-01T11:00:00Z,v,m,o,1.5", "column bid cannot be read"),
        ("2026-06-01T11:00:00Z,v,m,o,NaN", "column bid cannot be read"),
        ("2026-06-01T11:00:00Z,v,m,,0.5", "column outcome_id may not be empty"),
        ("1026-06-01T11:00:00Z,v,m,o,0.5", "column at cannot be read"),
        (",v,m,o,0.5", "column at may not be empty"),
    ],
)
def test_a_bad_quote_costs_itself(cells: str, reason: str) -> None:
    good = "2026-06-01T11:00:00Z,v,m,good,0.5"

    batch = parse(f"at,venue,market_id,outcome_id,bid\n{cells}\n{good}\n", "quotes")

    assert [quote.venue_outcome_id for quote in batch.quotes] == ["good"]
    assert reasons(batch) == [reason]


def test_a_missing_price_is_none_and_never_zero() -> None:
    text = "at,venue,market_id,outcome_id,bid,ask\n2026-06-01T11:00:00Z,v,m,o,,0.6\n"

    quote = parse(text, "quotes").quotes[0]

    assert (quote.bid, quote.ask, quote.value) == (None, Decimal("0.6"), None)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [(",,", "a row without a price"), ("0.5,0.3,", "a crossed book: bid above ask")],
)
def test_what_no_venue_would_keep_is_refused_as_by_import(cells: str, reason: str) -> None:
    head = "at,venue,market_id,outcome_id,bid,ask,last"

    batch = parse(f"{head}\n2026-06-01T11:00:00Z,v,m,o,{cells}\n", "quotes")

    assert (batch.quotes, reasons(batch)) == ((), [reason])


# Rows and the file as a whole


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,1", "a row with more or fewer cells than the header"),
        ("a,1,T,x,y", "a row with more or fewer cells than the header"),
        (",1,T,", "column source may not be empty"),
        ("a,1,   ,", "column title cannot be read"),
        ("a,1,T,soon", "column published_at cannot be read"),
        ('a,1,"T"x,', "a row that is not CSV"),
    ],
)
def test_a_bad_row_costs_itself_under_a_reason_that_adds_up(row: str, reason: str) -> None:
    good = "source,guid,title,published_at\na,good,T,\n"

    batch = parse(f"{good}{row}\n{row}\nb,last,T,\n")

    assert [item.guid for item in batch.items] == ["good", "last"]
    assert reasons(batch) == [reason] * 2
    assert "line 3" in batch.rejects[0].excerpt


def test_a_row_twice_is_one() -> None:
    batch = parse("source,guid,title\na,1,First\na,1,Second\n")

    assert [item.title for item in batch.items] == ["First"]
    assert reasons(batch) == ["repeated row"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "the header lacks source, guid, title"),
        ("source,guid\n", "lacks title"),
        ("source,guid,title,colour\n", "unknown columns colour"),
        ("source,guid,title,title\n", "repeats title"),
        ("<html></html>", "the header lacks"),
        (b"source,guid,title\na,1,\xff\n", "not UTF-8 at byte 22"),
    ],
)
def test_a_file_that_does_not_fit_is_an_error_that_says_why(body: str | bytes, said: str) -> None:
    with pytest.raises(ParseError, match=said):
        parse(body)


def test_a_header_alone_blank_lines_and_a_byte_order_mark_are_normal() -> None:
    assert parse("\ufeffsource,guid,title\n\n\n") == Batch()


def test_a_cell_may_hold_ends_of_line() -> None:
    batch = parse('source,guid,title,content\r\na,1,T,"one\r\ntwo"\r\na,2\r\n')

    assert batch.items[0].content == "one\r\ntwo"
    assert batch.rejects[0].excerpt.startswith("line 4")


def test_a_file_cut_in_a_row_gives_the_whole_rows() -> None:
    batch = parse(STANDINGS[:-9], "standings")

    assert [row.model for row in batch.standings] == ["zeta-9"]
    assert len(batch.rejects) == 1


@pytest.mark.parametrize(
    ("text", "what"), [(ITEMS, "items"), (STANDINGS, "standings"), (QUOTES, "quotes")]
)
def test_parsing_twice_gives_the_same(text: str, what: str) -> None:
    assert parse(text, what) == parse(text, what)


@settings(max_examples=60, deadline=None)
@given(st.permutations(QUOTES.splitlines()[1:]))
def test_the_order_of_rows_changes_no_quote(lines: list[str]) -> None:
    text = "\n".join([QUOTES.splitlines()[0], *lines])

    assert parse(text, "quotes").quotes == parse(QUOTES, "quotes").quotes


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_damaged_file_gives_rows_or_a_parse_error(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(QUOTES)))
    damage = data.draw(st.text(max_size=6, alphabet='",\n\r\x00a0.-=\ufeff'))

    try:
        batch = parse(QUOTES[:at] + damage + QUOTES[at:], "quotes")
    except ParseError:
        return
    assert all(0 <= (quote.bid or 0) <= 1 for quote in batch.quotes)


# Reading the file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.csv"
    write(path, ITEMS, at=1_000_000)
    return path


def write(path: Path, text: str, *, at: int) -> None:
    path.write_text(text, encoding="utf-8")
    os.utime(path, (at, at))


def never(_: httpx.Request) -> httpx.Response:
    raise AssertionError("a file is no request")


async def test_a_file_is_read_once_and_again_when_it_changed(network: Network, file: Path) -> None:
    source, cursor = a_source(path=str(file)), dict[str, object]()
    counts = []
    async with network(never) as http:
        for added in ("", "", "desk,3,,More,,,\n"):
            with file.open("a", encoding="utf-8") as stream:
                stream.write(added)
            batches = [source.parse(page) for page in await source.fetch(http, cursor)]
            counts.append([len(batch.items) for batch in batches])
            for batch in batches:
                cursor.update(batch.cursor)

    assert counts == [[2], [], [3]]


async def test_a_file_of_the_same_size_is_read_again_by_its_time(
    network: Network, file: Path
) -> None:
    source = a_source(path=str(file))
    async with network(never) as http:
        cursor = source.parse((await source.fetch(http, {}))[0]).cursor
        write(file, ITEMS.replace("ships", "sinks"), at=2_000_000)
        pages = await source.fetch(http, cursor)

    assert source.parse(pages[0]).items[0].title == "Zeta sinks"


async def test_a_missing_file_is_a_failure_that_may_pass(network: Network, tmp_path: Path) -> None:
    async with network(never) as http:
        with pytest.raises(TransientSourceError, match=r"gone\.csv: no such file"):
            await a_source(path=str(tmp_path / "gone.csv")).fetch(http, {})


async def test_a_folder_is_no_file(network: Network, tmp_path: Path) -> None:
    async with network(never) as http:
        with pytest.raises(TransientSourceError, match="cannot be read: Is a directory"):
            await a_source(path=str(tmp_path)).fetch(http, {})


async def test_a_file_beyond_the_cap_is_refused(network: Network, file: Path) -> None:
    async with network(never) as http:
        with pytest.raises(TransientSourceError, match="larger than max_size, 10 bytes"):
            await a_source(path=str(file), max_size=10).fetch(http, {})


async def test_a_file_on_the_web_is_read_when_its_bytes_changed(network: Network) -> None:
    bodies = [ITEMS, ITEMS, STANDINGS]

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=bodies.pop(0))

    source = a_source(url="https://desk.example/own.csv")
    async with network(answer) as http:
        first, second, third = [await source.fetch(http, {}) for _ in range(3)]

    assert (len(source.parse(first[0]).items), second) == (2, [])
    with pytest.raises(ParseError, match="lacks source, guid, title"):
        source.parse(third[0])


def test_a_body_beyond_the_cap_is_an_error() -> None:
    with pytest.raises(ParseError, match="more than max_size"):
        parse(ITEMS, max_size=10)


@pytest.mark.parametrize(
    "fields",
    [{"url": "https://a.example", "path": "/x"}, {"path": None}, {"what": "markets"}],
)
def test_settings_that_cannot_work_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        a_source(**fields)


def test_a_price_is_fresh_for_two_polls() -> None:
    row = f"{NOW - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ},v,m,o,0.5"
    text = f"at,venue,market_id,outcome_id,bid\n{row}\n"

    assert parse(text, "quotes").read_outcomes == ()
    assert parse(text, "quotes", every="30m").read_outcomes == (("v", "m", "o"),)


@pytest.mark.parametrize(
    ("written", "path"), [("own.csv", "/desk/own.csv"), ("/data/own.csv", "/data/own.csv")]
)
def test_a_relative_path_lies_beside_the_config(written: str, path: str) -> None:
    text = f"sources: [{{name: own, kind: csv, path: {written}}}]\n"

    config = parse_config(text, name="config.yaml", folder=Path("/desk"))

    assert config.sources[0].path == Path(path)
