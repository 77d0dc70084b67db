"""GDELT: batches are verified, caught up and unpacked with care; DOC's odd answers are read."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ParseError, PermanentSourceError, SourceError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.sources.base import Backfilling, Page
from monitor.sources.gdelt import GdeltSource, gkg
from monitor.sources.gdelt.bulk import ENGLISH, newest_of
from monitor.sources.gdelt.doc import doc_query, untokenised
from storage.records import Batch, ItemRecord, Precision

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
BATCH = datetime(2026, 6, 1, 11, 45, tzinfo=UTC)
STEP = timedelta(minutes=15)
TITLE = "Zeta K3 is out"
PAGE = "https://news.example/zeta-k3"
DOC = json.loads((Path(__file__).parent.parent.parent / "fixtures/gdelt/doc.json").read_text())
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]


def a_source(**fields: object) -> GdeltSource:
    values = {"name": "gdelt", "terms": ["Zeta", "Moonshot AI", "月之暗面"], "translated": False}
    return GdeltSource.model_validate({**values, **fields})


def a_row(title: str = TITLE, url: str = PAGE, **cells: str) -> str:
    row = [""] * 27
    row[0], row[1], row[2], row[3], row[4] = (
        "20260601114500-1",
        stamp(BATCH),
        "1",
        "News.example",
        url,
    )
    row[26] = f"<PAGE_LINKS>x</PAGE_LINKS><PAGE_TITLE>{title}</PAGE_TITLE>" if title else ""
    for place, value in cells.items():
        row[int(place.removeprefix("c"))] = value
    return "\t".join(row)


def zipped(*rows: str | bytes, name: str = "x.gkg.csv") -> bytes:
    raw = b"".join((r if isinstance(r, bytes) else r.encode()) + b"\n" for r in rows)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, raw)
    return packed.getvalue()


def parse(body: bytes, *, shape: str = "gkg", **fields: object) -> Batch:
    return a_source(**fields).parse(Page(shape, "http://bulk.example/x.zip", body, NOW))


def only(*rows: str | bytes) -> ItemRecord:
    (item,) = parse(zipped(*rows)).items
    return item


def reasons(batch: Batch) -> list[str]:
    return [reject.reason for reject in batch.rejects]


def stamp(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S}"


class Upstream:
    """Both hosts of the bulk files and the DOC search, as dictionaries that tests change."""

    def __init__(self, newest: datetime = BATCH) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.doc: httpx.Response = httpx.Response(200, json=DOC)
        self.down: set[str] = set()
        self.put(newest)

    def put(self, batch: datetime, body: bytes | None = None, *, listed: bool = True) -> None:
        name = f"{stamp(batch)}.gkg.csv.zip"
        packed = zipped(a_row(url=f"{PAGE}/{stamp(batch)}")) if body is None else body
        self.files[name] = packed
        if listed:
            self.index(name, packed)

    def index(self, name: str, body: bytes, host: str = "http://data.gdeltproject.org") -> None:
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        base = f"{host}/gdeltv2/{name.split('.')[0]}"
        self.files["lastupdate.txt"] = (
            f"1 {'0' * 32} {base}.export.CSV.zip\n2 {'0' * 32} {base}.mentions.CSV.zip\n"
            f"{len(body)} {digest} {host}/gdeltv2/{name}\n"
        ).encode()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        self.asked.append(f"{request.url.host} {name}")
        if request.url.host in self.down:
            return httpx.Response(503)
        if name == "doc":
            return self.doc
        body = self.files.get(name)
        return httpx.Response(404) if body is None else httpx.Response(200, content=body)

    def names(self) -> list[str]:
        return [one.partition(" ")[2] for one in self.asked]


BULK, MIRROR = "data.gdeltproject.org", "storage.googleapis.com"


def cursor_of(pages: list[Page]) -> Mapping[str, Any]:
    cursors = [page.context["cursor"] for page in pages]
    assert cursors
    assert all(cursor == cursors[0] for cursor in cursors)
    found: Mapping[str, Any] = cursors[0]  # type: ignore[assignment]
    return found


def test_a_page_of_a_batch_becomes_an_item() -> None:
    item = only(a_row("Zeta&#x2019;s K3 &amp; more"))

    assert (item.source, item.guid, item.url) == ("gdelt", PAGE, PAGE)
    assert item.title == "Zeta’s K3 & more"
    assert (item.publisher, item.lang, item.tier) == ("news.example", "en", 3)
    # GDELT's batch: a bound from above to the minute, no publication time.
    assert (item.published_at, item.precision) == (BATCH, Precision.MINUTE)
    assert (item.summary, item.content) == (None, None)


def test_the_language_of_a_translated_page_is_its_own() -> None:
    assert only(a_row(c25="srclc:zho;eng:GT-ZHO 1.0")).lang == "zh"
    assert only(a_row(c25="srclc:xyz;eng:GT")).lang == "xyz"


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (a_row("ZETA rises"), True),
        (a_row("Zetas rise", "https://news.example/1"), False),
        (a_row("Nothing", "https://news.example/1"), False),
        (a_row("Nothing", "https://news.example/zeta-k3"), True),
        (a_row("Nothing", "https://news.example/1", c14="Moonshot AI,310;Other,20"), True),
        (a_row("Nothing", "https://news.example/1", c14="Moonshot Pictures,310"), False),
        (a_row("月之暗面发布新模型", "https://news.example/1"), True),
        (a_row("Nothing", "https://news.example/1", c23="Zeta,10"), False),
    ],
)
def test_rows_are_kept_for_words_in_title_organisations_or_address(row: str, found: bool) -> None:
    batch = parse(zipped(row))

    assert bool(batch.items) is found
    assert batch.rejects == ()


def test_latin_strays_do_not_spoil_a_batch() -> None:
    batch = parse(zipped(a_row("Zeta café").encode("latin-1"), a_row("Zeta 模型", f"{PAGE}/2")))

    assert [item.title for item in batch.items] == ["Zeta café", "Zeta 模型"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("one\ttwo", "a row that has not 27 columns"),
        (a_row() + "\tmore", "a row that has not 27 columns"),
        (a_row("", f"{PAGE}/2"), "a page without a title"),
        (a_row(url="BBC Monitoring zeta"), "a page without a web address"),
        (a_row(url="javascript:zeta"), "a page without a web address"),
        (a_row(url=f"{PAGE}/2", c1="20260601131500"), "a page of a batch to come"),
    ],
)
def test_one_bad_row_costs_one_row(row: str, reason: str) -> None:
    batch = parse(zipped(row, a_row()))

    assert [item.url for item in batch.items] == [PAGE]
    assert reasons(batch) == [reason]


def test_a_bad_date_costs_its_row() -> None:
    batch = parse(zipped(a_row(c1="yesterday"), a_row()))

    assert (len(batch.items), len(batch.rejects)) == (1, 1)


def test_repeated_pages_are_one_and_order_does_not_matter() -> None:
    rows = [a_row(), a_row("Zeta again", f"{PAGE}#top"), a_row("Zeta other", f"{PAGE}/2")]

    batch = parse(zipped(*rows))

    assert [item.title for item in batch.items] == [TITLE, "Zeta other"]
    assert reasons(batch) == ["repeated page"]
    assert set(parse(zipped(rows[2], rows[0])).items) == set(batch.items)


def test_an_address_beyond_the_key_is_known_by_a_hash() -> None:
    long = f"{PAGE}/{'x' * 600}"

    assert only(a_row(url=long)).guid.startswith("hash:")
    assert only(a_row(url=long)).url == long


def test_an_empty_batch_is_an_empty_page() -> None:
    assert parse(zipped()) == Batch()


def test_parsing_twice_gives_the_same() -> None:
    assert parse(zipped(a_row())) == parse(zipped(a_row()))


def two_files() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a", "x")
        archive.writestr("b", "x")
    return packed.getvalue()


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>sign in</html>", zipped(a_row())[:-30], two_files(), b"PK\x03\x04" + b"\0" * 40],
)
def test_what_is_no_honest_zip_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError, match="the zip cannot be read"):
        parse(body)


def test_a_corrupt_row_fails_the_batch_and_not_the_process() -> None:
    body = bytearray(zipped(*[a_row(url=f"{PAGE}/{n}") for n in range(50)]))
    body[60] ^= 0xFF

    with pytest.raises(ParseError):
        parse(bytes(body))


def test_a_zip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gkg, "MAX_UNZIPPED", 4096)
    bomb = zipped(*[a_row()] * 100)

    with pytest.raises(ParseError, match="would unpack"):
        parse(bomb)


def test_a_zip_that_lies_about_its_size_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gkg, "MAX_UNZIPPED", 4096)
    honest = zipped(*[a_row(url=f"{PAGE}/{n}") for n in range(100)])
    size = zipfile.ZipFile(io.BytesIO(honest)).infolist()[0].file_size
    lying = honest.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))

    with pytest.raises(ParseError):
        parse(lying)


def test_a_row_without_an_end_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gkg, "MAX_ROW", 1024)

    batch = parse(zipped("x" * 5000, a_row()))

    assert len(batch.items) == 1
    assert reasons(batch) == ["a row longer than 1 MiB"]


@given(noise=st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_bytes_in_a_batch_cost_their_rows_only(noise: bytes) -> None:
    batch = parse(zipped(noise, a_row()))

    assert PAGE in [item.url for item in batch.items]


def test_an_index_names_the_graph_file_of_its_stream() -> None:
    lines = (
        f"1 {'a' * 32} http://d.example/gdeltv2/{stamp(BATCH)}.export.CSV.zip\n"
        f"77 {'B' * 32} http://d.example/gdeltv2/{stamp(BATCH)}.gkg.csv.zip\n"
    )

    newest = newest_of(lines, ENGLISH, what="x", latest=NOW)

    assert (newest.batch, newest.size, newest.md5) == (BATCH, 77, "b" * 32)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        f"77 abc http://d.example/{stamp(BATCH)}.gkg.csv.zip",
        f"77 {'b' * 32} http://d.example/{stamp(BATCH)}.translation.gkg.csv.zip",
        f"77 {'b' * 32} http://d.example/20269999999999.gkg.csv.zip",
        f"77 {'b' * 32} http://d.example/{stamp(NOW + timedelta(days=2))}.gkg.csv.zip",
    ],
)
def test_an_index_that_names_no_batch_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        newest_of(text, ENGLISH, what="x", latest=NOW + timedelta(days=1))


async def test_the_first_poll_reads_the_newest_batch_alone(network: Network) -> None:
    upstream = Upstream()

    async with network(upstream) as http:
        pages = await a_source().fetch(http, {})

    assert upstream.asked == [
        f"{BULK} lastupdate.txt",
        f"{BULK} {stamp(BATCH)}.gkg.csv.zip",
    ]
    assert [page.shape for page in pages] == ["gkg"]
    assert a_source().parse(pages[0]).cursor == {
        "english:newest": stamp(BATCH),
        "english:missed": [],
    }


async def test_a_second_poll_of_the_same_batch_asks_for_the_index_only(network: Network) -> None:
    upstream = Upstream()

    async with network(upstream) as http:
        first = await a_source().fetch(http, {})
        again = await a_source().fetch(http, cursor_of(first))

    assert again == []
    assert upstream.names().count("lastupdate.txt") == 2
    assert len(upstream.asked) == 3


async def test_both_streams_are_read(network: Network) -> None:
    upstream = Upstream()
    body = zipped(a_row(c25="srclc:zho;eng:GT"))
    name = f"{stamp(BATCH)}.translation.gkg.csv.zip"
    english = upstream.files["lastupdate.txt"]
    upstream.files[name] = body
    upstream.index(name, body)
    upstream.files["lastupdate-translation.txt"] = upstream.files["lastupdate.txt"]
    upstream.files["lastupdate.txt"] = english

    async with network(upstream) as http:
        pages = await a_source(translated=True).fetch(http, {})

    assert [page.context["stream"] for page in pages] == ["english", "translated"]
    assert set(cursor_of(pages)) == {
        "english:newest",
        "english:missed",
        "translated:newest",
        "translated:missed",
    }


async def test_the_index_never_leads_to_another_host(network: Network) -> None:
    upstream = Upstream()
    name = f"{stamp(BATCH)}.gkg.csv.zip"
    upstream.index(name, upstream.files[name], host="http://169.254.169.254/latest")

    async with network(upstream) as http:
        pages = await a_source(bulk_url="http://127.0.0.1:9/bulk").fetch(http, {})

    assert len(pages) == 1
    assert {one.partition(" ")[0] for one in upstream.asked} == {"127.0.0.1"}


@pytest.mark.parametrize("wrong", ["size", "md5"])
async def test_a_file_that_is_not_the_indexs_is_asked_of_the_mirror(
    network: Network, wrong: str
) -> None:
    upstream = Upstream()
    name = f"{stamp(BATCH)}.gkg.csv.zip"
    whole = upstream.files[name]
    broken = whole[:-1] if wrong == "size" else whole[:-1] + b"\xff"

    def answer(request: httpx.Request) -> httpx.Response:
        found = upstream(request)
        is_broken = request.url.host == BULK and request.url.path.endswith(".zip")
        return httpx.Response(200, content=broken) if is_broken else found

    async with network(answer) as http:
        (page,) = await a_source().fetch(http, {})

    assert page.body == whole
    assert f"{MIRROR} {name}" in upstream.asked


async def test_missed_batches_are_caught_up_newest_first_and_bounded(network: Network) -> None:
    upstream = Upstream()
    for n in range(1, 20):
        upstream.put(BATCH - n * STEP, listed=False)
    before = {"english:newest": stamp(BATCH - 12 * STEP), "english:missed": []}

    async with network(upstream) as http:
        first = await a_source().fetch(http, before)
        second = await a_source().fetch(http, cursor_of(first))

    read = [page.context["batch"] for page in [*first, *second]]
    assert read == [stamp(BATCH - n * STEP) for n in range(12)]
    assert len(first) == 8
    assert cursor_of(second) == {"english:newest": stamp(BATCH), "english:missed": []}


async def test_a_late_file_is_tried_again_and_a_missing_one_given_up(network: Network) -> None:
    upstream = Upstream()
    del upstream.files[f"{stamp(BATCH)}.gkg.csv.zip"]
    old = BATCH - 9 * STEP
    before = {"english:newest": stamp(BATCH - STEP), "english:missed": [stamp(old)]}

    async with network(upstream) as http:
        pages = await a_source().fetch(http, before)
        upstream.put(BATCH, listed=False)
        later = await a_source().fetch(http, cursor_of(pages))

    batch = a_source().parse(pages[0])
    assert batch.items == ()
    assert sum("not read" in reason for reason in reasons(batch)) == 2
    assert batch.cursor["english:missed"] == [stamp(BATCH)]
    assert [page.context["batch"] for page in later] == [stamp(BATCH)]
    assert cursor_of(later)["english:missed"] == []


async def test_what_is_older_than_a_day_is_left_to_a_backfill_and_said(network: Network) -> None:
    before = {"english:newest": stamp(BATCH - timedelta(days=3)), "english:missed": []}

    async with network(Upstream()) as http:
        pages = await a_source().fetch(http, before)

    said = [r for page in pages for r in reasons(a_source().parse(page)) if "backfill" in r]
    # 288 batches since; those of the last 24 h before NOW are still owed.
    assert said == [
        "192 english batches older than a day are left to backfill: "
        "2026-05-29 12:00 to 2026-05-31 11:45"
    ]
    assert len(cursor_of(pages)["english:missed"]) <= 96


async def test_the_mirror_stands_in_for_the_host(network: Network) -> None:
    upstream = Upstream()
    upstream.down = {BULK}

    async with network(upstream) as http:
        pages = await a_source().fetch(http, {})

    assert [page.shape for page in pages] == ["gkg"]


async def test_the_search_stands_in_when_no_host_has_the_files(network: Network) -> None:
    upstream = Upstream()
    upstream.down = {BULK, MIRROR}

    async with network(upstream) as http:
        (page,) = await a_source().fetch(http, {"english:newest": stamp(BATCH)})

    batch = a_source().parse(page)
    assert page.shape == "doc"
    assert len(batch.items) == 2
    assert [r for r in reasons(batch) if r.startswith("the bulk files were not read")]
    assert batch.cursor == {}


async def test_a_poll_that_reaches_nobody_fails_for_the_files_host(network: Network) -> None:
    async with network(lambda request: httpx.Response(503)) as http:
        with pytest.raises(TransientSourceError, match="lastupdate"):
            await a_source().fetch(http, {})


async def test_the_search_asks_one_combined_question(network: Network) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    async with network(answer) as http:
        pages = await a_source(mode="doc").fetch(http, {})

    (request,) = seen
    assert request.url.path == "/api/v2/doc/doc"
    assert dict(request.url.params) == {
        "query": '(Zeta OR "Moonshot AI" OR "月之暗面")',
        "mode": "artlist",
        "format": "json",
        "maxrecords": "250",
        "sort": "datedesc",
        "timespan": "1h",
    }
    assert [a_source().parse(page) for page in pages] == [Batch()]


def test_a_query_leaves_out_what_the_search_refuses() -> None:
    assert doc_query(["Hy"]) is None
    assert doc_query(["Hy", "Zeta"]) == "Zeta"
    assert doc_query(['Ze"ta', "Zeta", "Zeta"]) == '("Ze ta" OR Zeta)'
    assert len(doc_query([f"term{n}" for n in range(500)]) or "") <= 802


async def test_terms_that_are_all_too_short_are_said(network: Network) -> None:
    async with network(Upstream()) as http:
        with pytest.raises(PermanentSourceError, match="long enough"):
            await a_source(mode="doc", terms=["Hy"]).fetch(http, {})


def test_articles_become_items() -> None:
    first, second = parse(json.dumps(DOC).encode(), shape="doc").items

    assert (first.guid, first.title) == (PAGE, "Zeta K3.5 is out, says lab")
    assert (first.published_at, first.precision) == (BATCH, Precision.MINUTE)
    assert (first.lang, first.publisher, first.tier) == ("en", "news.example", 3)
    assert (second.lang, second.title) == ("zh", "示例 公司 发布 Zeta 模型")


@pytest.mark.parametrize(
    ("tokenised", "title"),
    [
        ("Elon Musk , CEO", "Elon Musk, CEO"),
        ("Qwen3 . 5 beats GPT - 5 , says lab", "Qwen3.5 beats GPT - 5, says lab"),
        ("It ’ s $ 5 ( about 50 % ) more : why ?", "It’s $5 (about 50%) more: why?"),
        ("He said , “ no ”", "He said, “no”"),
        ("1 , 000 users at 10 : 30", "1,000 users at 10:30"),
        ("A U . S . firm", "A U.S. firm"),
        ("Plain title", "Plain title"),
    ],
)
def test_titles_lose_the_blanks_round_punctuation(tokenised: str, title: str) -> None:
    assert untokenised(tokenised) == title
    assert untokenised(title) == title


def test_no_hits_are_an_empty_page() -> None:
    for body in (b"{}", b" {} \n", b'{"articles": null}', b'{"articles": []}'):
        assert parse(body, shape="doc") == Batch()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"The specified phrase is too short.", "The specified phrase is too short"),
        (b"<html><body>Please limit requests</body></html>", "Please limit requests"),
        (b"", "sentence"),
        (b"[]", "sentence"),
        (b'{"articles": [', "not JSON"),
        (b'{"articles": 7}', "articles is not a list"),
        (b'{"articles": [NaN]}', "not JSON"),
    ],
)
def test_a_sentence_with_status_200_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(ParseError, match=said):
        parse(body, shape="doc")


def test_escapes_and_control_characters_that_json_forbids_are_read() -> None:
    article = (
        b'{"articles": [{"url": "https://a.example/1", "title": "Zeta\x01 \\d rises \\u12 \\"now\\"'
        b'\tand\\\\or", "seendate": "20260601T114500Z"}]}'
    )

    (item,) = parse(article, shape="doc").items

    assert item.title == 'Zeta \\d rises \\u12 "now" and\\or'


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"url": None}, "an article without a web address"),
        ({"url": "ftp://a.example/zeta"}, "an article without a web address"),
        ({"title": None}, "an article without a title"),
        ({"title": " "}, "an article without a title"),
    ],
)
def test_one_bad_article_costs_one_article(fields: dict[str, object], reason: str) -> None:
    bad = {**DOC["articles"][0], **fields}

    batch = parse(json.dumps({"articles": [bad, DOC["articles"][1], 7]}).encode(), shape="doc")

    assert len(batch.items) == 1
    assert reasons(batch) == [reason, "an article that is not an object"]


@pytest.mark.parametrize(
    "seen", [None, "", "2026-06-01", "20269901T000000Z", "20260601T130000Z", 5]
)
def test_an_article_without_a_usable_time_has_none(seen: object) -> None:
    article = {**DOC["articles"][0], "seendate": seen}

    (item,) = parse(json.dumps({"articles": [article]}).encode(), shape="doc").items

    assert (item.published_at, item.precision) == (None, Precision.UNKNOWN)


def test_repeated_articles_are_one_and_a_full_answer_says_so() -> None:
    many = {"articles": [DOC["articles"][0]] * 250}

    batch = parse(json.dumps(many).encode(), shape="doc")

    assert len(batch.items) == 1
    assert set(reasons(batch)) == {"repeated page", "pages beyond the 250 newest were not read"}


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_odd_values_cost_their_article_at_most(
    mutate: Callable[[Any, st.DataObject], bytes], data: st.DataObject
) -> None:
    try:
        batch = parse(mutate(copy.deepcopy(DOC), data), shape="doc")
    except ParseError:
        return
    assert len(batch.items) <= 2


async def test_the_past_is_read_by_six_hours_no_further_than_three_months(network: Network) -> None:
    source = a_source()
    assert isinstance(source, Backfilling)
    windows: list[tuple[str, str]] = []
    full = {"articles": [DOC["articles"][0]] * 250}

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        windows.append((asked["startdatetime"], asked["enddatetime"]))
        return httpx.Response(200, json=full if len(windows) == 1 else DOC)

    async with network(answer) as http:
        far = await source.chunks(http, [], since=NOW - timedelta(days=400), until=NOW)
        near = await source.chunks(http, [], since=NOW - timedelta(hours=7), until=NOW)
        pages = await source.fetch_chunk(http, near[0])

    assert len(far) == 90 * 4
    assert [chunk.since.hour for chunk in near] == [6, 0]
    assert len({chunk.key for chunk in far}) == len(far)
    assert windows == [
        ("20260601060000", "20260601115959"),
        ("20260601090000", "20260601115959"),
        ("20260601060000", "20260601085959"),
    ]
    assert len(pages) == 2


async def test_other_terms_are_other_chunks(network: Network) -> None:
    async with network(Upstream()) as http:
        one = await a_source().chunks(http, [], since=NOW - STEP, until=NOW)
        other = await a_source(terms=["Omega"]).chunks(http, [], since=NOW - STEP, until=NOW)

    assert one[0].key != other[0].key


async def test_a_search_that_is_refused_fails_its_chunk(network: Network) -> None:
    async with network(lambda request: httpx.Response(429)) as http:
        (chunk,) = await a_source().chunks(http, [], since=NOW - STEP, until=NOW)
        with pytest.raises(SourceError):
            await a_source().fetch_chunk(http, chunk)
