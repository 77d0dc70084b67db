from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.errors import ParseError, PermanentSourceError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.sources.base import Page
from monitor.sources.rss import RssSource
from storage.records import Batch, ItemRecord, Pace, Precision

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
URL = "https://wire.example/feed"
FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "rss"
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]


def a_source(**fields: object) -> RssSource:
    return RssSource.model_validate({"name": "wire", "url": URL, **fields})


def parse(body: bytes | str, *, charset: str | None = None, **fields: object) -> Batch:
    raw = body.encode() if isinstance(body, str) else body
    return a_source(**fields).parse(Page("feed", URL, raw, NOW, {"charset": charset}))


def a_feed(*items: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    return (
        f'{head}<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">'
        f"<channel><title>t</title>{''.join(items)}</channel></rss>"
    )


def an_item(title: str = "A title", guid: str = "", link: str = "", **more: str) -> str:
    parts = {"title": title, "guid": guid, "link": link, **more}
    inside = "".join(f"<{name}>{text}</{name}>" for name, text in parts.items() if text)
    return f"<item>{inside}</item>"


def only(body: str, **fields: object) -> ItemRecord:
    batch = parse(body, **fields)  # type: ignore[arg-type]
    assert len(batch.items) == 1
    return batch.items[0]


def test_rss_gives_plain_items() -> None:
    batch = parse((FIXTURES / "example.rss.xml").read_bytes(), tier=1)

    first, second = batch.items
    assert first.title == "Acme & Zeta unveil example glasses"
    assert (first.source, first.guid, first.tier) == ("wire", "tag:wire.example,2026:a", 1)
    assert first.url == "https://wire.example/a?x=1&y=2"
    assert first.summary == "A short summary."
    assert first.content == "First paragraph.\nSecond paragraph."
    assert first.published_at == datetime(2026, 6, 1, 6, 30, 5, tzinfo=UTC)
    assert first.precision is Precision.SECOND
    assert (first.publisher, first.lang) == ("Other Example", "en")
    assert (second.title, second.url) == ("示例眼镜今日发布", "https://wire.example/b")
    assert second.published_at == datetime(2026, 6, 1, 8, 37, 21, tzinfo=UTC)
    assert batch.rejects == ()


def test_atom_gives_plain_items() -> None:
    first, second = parse((FIXTURES / "example.atom.xml").read_bytes()).items

    assert (first.guid, first.title) == ("tag:atom.example,2026:1", "One < two")
    assert first.url == "https://atom.example/1"
    assert first.published_at == datetime(2026, 6, 1, 9, 58, 1, tzinfo=UTC)
    assert (second.published_at, second.precision) == (
        datetime(2026, 5, 31, tzinfo=UTC),
        Precision.DAY,
    )


def test_rdf_items_beside_their_channel_are_read() -> None:
    item = parse((FIXTURES / "example.rdf.xml").read_bytes()).items[0]

    assert (item.url, item.precision) == ("https://rdf.example/1", Precision.MINUTE)
    assert item.published_at == datetime(2026, 6, 1, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("name", ["example.rss.xml", "example.atom.xml", "example.rdf.xml"])
def test_parsing_twice_gives_the_same(name: str) -> None:
    body = (FIXTURES / name).read_bytes()

    assert parse(body) == parse(body)


def test_the_setting_wins_over_the_feeds_language() -> None:
    body = (FIXTURES / "example.rss.xml").read_bytes()

    assert {item.lang for item in parse(body, lang="zh").items} == {"zh"}


def test_an_item_without_a_guid_is_told_by_its_link_and_then_by_its_text() -> None:
    batch = parse(a_feed(an_item("One", link="https://a.example/1"), an_item("Two")))

    assert batch.items[0].guid == "https://a.example/1"
    assert batch.items[1].guid.startswith("hash:")
    assert parse(a_feed(an_item("Two"))).items[0].guid == batch.items[1].guid


def test_a_guid_that_items_share_is_told_apart_by_the_link() -> None:
    shared = [an_item(str(n), guid="same", link=f"https://a.example/{n}") for n in (1, 2)]

    batch = parse(a_feed(*shared, shared[0]))

    assert [item.guid for item in batch.items] == [
        "same|https://a.example/1",
        "same|https://a.example/2",
    ]
    assert [reject.reason for reject in batch.rejects] == ["repeated item"]


def test_a_thousand_equal_items_are_one_row_and_counted() -> None:
    batch = parse(a_feed(*[an_item(guid="1")] * 1000))

    assert (len(batch.items), len(batch.rejects)) == (1, 999)


@pytest.mark.parametrize(
    ("guid", "link", "url"),
    [
        ("tag:a.example,2026:1", "", None),
        ("opaque-id", "", None),
        ("https://a.example/1", "", "https://a.example/1"),
        ("x", "/relative", "https://wire.example/relative"),
        ("x", "javascript:alert(1)", None),
        ("x", "file:///etc/passwd", None),
        ("x", "https://user:pw@a.example/", None),
        ("x", "https://[::1", None),
    ],
)
def test_only_web_addresses_become_links(guid: str, link: str, url: str | None) -> None:
    assert only(a_feed(an_item(guid=guid, link=link))).url == url


def test_an_item_that_says_nothing_is_refused_alone() -> None:
    batch = parse(a_feed("<item><guid>1</guid></item>", an_item("Kept")))

    assert [item.title for item in batch.items] == ["Kept"]
    assert batch.rejects[0].reason == "an item without a title or a text"


def test_a_missing_title_is_taken_from_the_text() -> None:
    assert only(a_feed(an_item("", description="Words only"))).title == "Words only"


DATES = {
    "Mon, 01 Jun 2026 08:30:05 GMT": ("2026-06-01T08:30:05", Precision.SECOND),
    "Tue, 1 Jun 26 03:30 EST": ("2026-06-01T08:30:00", Precision.MINUTE),
    "Wed, 01 Jun 2026 08:30:05 +0000": ("2026-06-01T08:30:05", Precision.SECOND),
    "2026-06-01 16:37:21  +0800": ("2026-06-01T08:37:21", Precision.SECOND),
    "2026-06-01T08:30:05.123Z": ("2026-06-01T08:30:05", Precision.SECOND),
    "2026-06-01T10:30+02:00": ("2026-06-01T08:30:00", Precision.MINUTE),
    "2026-06-01": ("2026-06-01T00:00:00", Precision.DAY),
    "1 June 2026": ("2026-06-01T00:00:00", Precision.DAY),
    "June 1, 2026": ("2026-06-01T00:00:00", Precision.DAY),
    "2026年6月1日 08:30": ("2026-06-01T08:30:00", Precision.MINUTE),
    "1780302605": ("2026-06-01T08:30:05", Precision.SECOND),
    "1780302605000": ("2026-06-01T08:30:05", Precision.SECOND),
    "Mon, 01 Jun 2026 08:30:60 GMT": ("2026-06-01T08:30:59", Precision.SECOND),
}


@pytest.mark.parametrize(("raw", "expected"), DATES.items())
def test_dates_in_the_wild_are_read(raw: str, expected: tuple[str, Precision]) -> None:
    item = only(a_feed(an_item(pubDate=raw)))

    assert item.published_at is not None
    assert item.published_at.replace(tzinfo=None).isoformat() == expected[0]
    assert item.precision is expected[1]


def test_a_date_without_a_zone_is_read_in_the_sources_zone() -> None:
    body = a_feed(an_item(pubDate="2026-06-01 16:30:00"))

    for zone in ("Asia/Shanghai", "+08:00", "+0800"):
        assert only(body, zone=zone).published_at == datetime(2026, 6, 1, 8, 30, tzinfo=UTC)


def test_cst_is_chinas_where_the_source_has_a_zone_and_chicagos_elsewhere() -> None:
    body = a_feed(an_item(pubDate="Mon, 01 Jun 2026 04:00:00 CST"))

    assert only(body).published_at == datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
    assert only(body, zone="Asia/Shanghai").published_at == datetime(2026, 5, 31, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "0",
        "Mon, 01 Jun 2026 12:16:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 30 Feb 2026 08:00:00 GMT",
        "Mon, 01 Jun 2026 08:00:00 +9999",
        "2026-13-01",
        "٢٠٢٦-٠٦-٠١",
        "yesterday",
        "1" * 1000,
    ],
)
def test_a_suspect_date_keeps_the_item_without_a_time_and_says_so(raw: str) -> None:
    batch = parse(a_feed(an_item(pubDate=raw)))

    assert (batch.items[0].published_at, batch.items[0].precision) == (None, Precision.UNKNOWN)
    assert batch.rejects[0].reason.startswith("date_suspect")


def test_a_clock_a_little_ahead_is_believed() -> None:
    item = only(a_feed(an_item(pubDate="Mon, 01 Jun 2026 12:14:59 GMT")))

    assert item.published_at == NOW + timedelta(minutes=14, seconds=59)


def test_a_missing_date_is_unknown_and_not_suspect() -> None:
    batch = parse(a_feed(an_item()))

    assert batch.items[0].precision is Precision.UNKNOWN
    assert batch.rejects == ()


def test_midnights_are_days_when_most_dates_of_a_feed_are_midnights() -> None:
    days = [an_item(guid=str(n), pubDate=f"Mon, 0{n} May 2026 00:00:00 +0000") for n in (1, 2, 3)]
    exact = an_item(guid="x", pubDate="Mon, 04 May 2026 09:10:11 +0000")

    generated = parse(a_feed(*days, exact))
    alone = parse(a_feed(days[0], exact, exact.replace(">x<", ">y<")))

    assert [item.precision.value for item in generated.items] == ["day"] * 3 + ["second"]
    assert {item.precision for item in alone.items} == {Precision.SECOND}


NOT_FEEDS = {
    "nothing": b"",
    "blanks": b" \n\0",
    "a login page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "html that mentions a feed": b"<html><body><p>our <feed> is</p></body></html>",
    "json": b'{"items": []}',
    "a picture": b"\x89PNG\r\n\x1a\n\0\0",
    "a zip": b"PK\x03\x04",
    "an svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "an opml": b'<?xml version="1.0"?><opml><body/></opml>',
    "entities": b'<!DOCTYPE r [<!ENTITY a "b">]><rss><channel><item>&a;</item></channel></rss>',
    "entities by parameter": b'<!DOCTYPE rss [<!ENTITY % p SYSTEM "file:///etc/x"> %p;]><rss>',
    "cut before the first item ends": b"<rss><channel><item><title>half a ti",
}


@pytest.mark.parametrize("body", NOT_FEEDS.values(), ids=NOT_FEEDS.keys())
def test_what_is_no_feed_is_a_parse_error(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(body)


def test_a_plain_doctype_is_no_reason_to_refuse() -> None:
    head = (
        '<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
        '"http://my.netscape.com/publish/formats/rss-0.91.dtd">'
    )

    assert only(a_feed(an_item(), head=head)).title == "A title"


def test_an_empty_feed_has_no_items_and_is_no_error() -> None:
    assert parse(a_feed()) == Batch()


@pytest.mark.parametrize(
    "body",
    [
        "\ufeff\n  " + a_feed(an_item()),
        "<br />\n<b>Warning</b>: x in <b>/a.php</b> on line 3<br />\n" + a_feed(an_item()),
        a_feed(an_item()) + "<script>document.write(1)</script>",
        a_feed(an_item(description="AT&T &nbsp; &copy; &bogus; \x0b & more")),
    ],
)
def test_common_flaws_are_mended(body: str) -> None:
    assert only(body).title == "A title"


def test_an_ampersand_in_cdata_stays_an_ampersand() -> None:
    item = only(a_feed(an_item(link="<![CDATA[https://a.example/?a=1&b=2]]>")))

    assert item.url == "https://a.example/?a=1&b=2"


def test_a_document_that_is_cut_off_keeps_its_whole_items_only() -> None:
    whole = a_feed(an_item("Whole", guid="1"), an_item("Half a title", guid="2"))

    batch = parse(whole[: whole.index("Half a") + 6])

    assert [item.title for item in batch.items] == ["Whole"]
    assert "cut off" in batch.rejects[0].reason


@pytest.mark.parametrize(
    ("declared", "codec", "charset"),
    [
        ("gb2312", "gb18030", None),
        ("iso-8859-1", "utf-8", "iso-8859-1"),
        ("utf-8", "gb18030", "gbk"),
        ("utf-16", "utf-16", None),
        ("zlib", "utf-8", "idna"),
    ],
)
def test_encodings_are_believed_by_what_the_bytes_allow(
    declared: str, codec: str, charset: str | None
) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>'
    body = a_feed(an_item("示例眼镜发布"), head=head).encode(codec)

    assert parse(body, charset=charset).items[0].title == "示例眼镜发布"


def test_more_items_than_the_cap_keep_the_newest_and_say_so() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    items = [
        an_item(guid=str(n), pubDate=(start + timedelta(minutes=n)).strftime("%Y-%m-%dT%H:%M:%SZ"))
        for n in range(2005)
    ]

    batch = parse(a_feed(*items))

    assert len(batch.items) == 2000
    assert batch.items[0].guid == "5"
    assert batch.rejects[0].reason == "5 items beyond the 2000 newest"


HOSTILE = {
    "deep nesting": a_feed("<a>" * 200_000 + "</a>" * 200_000),
    "many attributes": a_feed("<item " + " ".join(f'a{n}="1"' for n in range(50_000)) + "/>"),
    "open cdata": a_feed(an_item(description="<![CDATA[" * 50_000)),
    "angle brackets": a_feed(an_item(description="&lt;" * 300_000)),
    "comments": a_feed(an_item(description="&lt;!--" * 100_000)),
    "unclosed navs": a_feed(an_item(description="&lt;nav&gt;" * 60_000)),
    "stray ends": a_feed(an_item(description="</b>" * 60_000)),
    "one huge title": a_feed(an_item("a" * 3_000_000)),
    "unclosed attribute": '<rss><channel><item><title x="' + "a" * 3_000_000,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_documents_cost_little(body: str) -> None:
    began = time.process_time()
    try:
        batch = parse(body)
    except ParseError:
        batch = Batch()

    assert time.process_time() - began < 5
    assert all(len(item.title) <= 1000 and len(item.guid) <= 500 for item in batch.items)
    assert all(len(item.content or "") <= 20_000 for item in batch.items)


@given(st.binary(max_size=200), st.integers(0, 2_000), st.integers(0, 200))
@settings(max_examples=150, deadline=None)
def test_damaged_feeds_raise_nothing_but_parse_errors(noise: bytes, at: int, cut: int) -> None:
    body = (FIXTURES / "example.rss.xml").read_bytes()

    try:
        first = parse(body[:at] + noise + body[at + cut :])
    except ParseError:
        return

    assert parse(body[:at] + noise + body[at + cut :]) == first


def test_the_pace_a_feed_asks_for_comes_with_its_items() -> None:
    body = a_feed("<ttl>30</ttl><skipHours><hour>3</hour></skipHours>", an_item())

    assert parse(body).pace == Pace(timedelta(minutes=30), skip_hours=frozenset({3}))


@pytest.mark.parametrize("name", ["example.rss.xml", "example.atom.xml", "example.rdf.xml"])
def test_the_tolerant_reader_gives_the_same_items(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = (FIXTURES / name).read_bytes()
    fast = parse(body)
    monkeypatch.setattr("monitor.sources.feeds.reading.fast_feed", lambda _: None)

    assert parse(body) == fast


def test_what_only_feedparser_can_read_is_read_by_it() -> None:
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id><title type="xhtml">'
        '<div xmlns="http://www.w3.org/1999/xhtml">One <em>two</em></div></title></entry></feed>'
    )
    malformed = a_feed(an_item("A title", description="One<br>two"))

    assert only(atom).title == "One two"
    assert only(malformed).title == "A title"
    assert parse(atom).rejects == ()
    assert [reject.reason for reject in parse(malformed).rejects] == [
        "the document is malformed; items may be missing or misread"
    ]


def test_a_mended_feed_does_not_need_feedparser(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_asked(xml: bytes, what: str) -> None:
        raise AssertionError(f"{what} was read tolerantly")

    monkeypatch.setattr("monitor.sources.feeds.tolerant.tolerant_feed", not_asked)
    flawed = a_feed(an_item(description="AT&T &nbsp; &copy; \x0b")) + "<script>1</script>"

    assert only(flawed).summary == "AT&T ©"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ('<rss version="0.91"><channel>{}</channel></rss>', "item"),
        ('<rss version="0.92"><channel>{}</channel></rss>', "item"),
        ("<rss>{}</rss>", "item"),
        ('<feed version="0.3" xmlns="http://purl.org/atom/ns#">{}</feed>', "entry"),
        ("<feed>{}</feed>", "entry"),
        (
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
            'xmlns="http://my.netscape.com/rdf/simple/0.9/"><channel/>{}</rdf:RDF>',
            "item",
        ),
        ('<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</r:RDF>', "item"),
    ],
)
def test_the_root_element_tells_the_format(head: str, kind: str) -> None:
    body = head.format(f"<{kind}><title>A title</title></{kind}>")

    assert only(body).title == "A title"


def test_atom_content_and_content_encoded_are_the_content() -> None:
    encoded = an_item(description="Short.", **{"content:encoded": "The whole story."})
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>T</title><summary>Short.</summary>'
        '<content type="html">The whole story.</content></entry></feed>'
    )

    for body in (a_feed(encoded), atom):
        assert (only(body).summary, only(body).content) == ("Short.", "The whole story.")


def test_the_language_of_an_entry_beats_the_feeds_and_the_setting_beats_both() -> None:
    body = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">'
        '<entry xml:lang="zh-Hans"><id>1</id><title>一</title></entry>'
        "<entry><id>2</id><title>two</title></entry></feed>"
    )

    assert [item.lang for item in parse(body).items] == ["zh", "en"]
    assert [item.lang for item in parse(body, lang="fr").items] == ["fr", "fr"]


def test_a_links_base_is_xml_base_and_then_the_feeds_address() -> None:
    atom = '<feed xmlns="http://www.w3.org/2005/Atom"{}><entry><link href="a/1"/>{}</entry></feed>'
    title = "<title>T</title>"

    assert only(atom.format("", title)).url == "https://wire.example/a/1"
    assert (
        only(atom.format(' xml:base="https://b.example/x/"', title)).url
        == "https://b.example/x/a/1"
    )
    assert only(atom.format(' xml:base="/x/"', title)).url == "https://wire.example/x/a/1"


def test_feedburners_counting_link_is_not_the_items() -> None:
    body = a_feed(
        an_item(
            link="https://feeds.example/~r/1",
            **{"feedburner:origLink": "https://a.example/1"},
        )
    ).replace("<rss ", '<rss xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" ')

    assert only(body).url == "https://a.example/1"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("A &amp; B", "A & B"),
        ("A &amp;amp; B", "A & B"),
        ("A &amp;amp;amp; B", "A &amp; B"),
        ("<![CDATA[A &amp; B]]>", "A & B"),
        ("<![CDATA[A &amp;amp; B]]>", "A &amp; B"),
        ("示例\u200bＡＩ\ufeff", "示例ＡＩ"),
    ],
)
def test_titles_are_unescaped_at_most_twice_and_kept_as_they_are(written: str, shown: str) -> None:
    assert only(a_feed(an_item(written))).title == shown


def test_items_out_of_order_keep_the_documents_order() -> None:
    days = ("2026-05-03", "2026-05-05", "2026-05-04")
    body = a_feed(*(an_item(day, guid=day, pubDate=day) for day in days))

    assert [item.guid for item in parse(body).items] == list(days)


def test_an_edit_keeps_the_identity() -> None:
    before, after = an_item("One", guid="g"), an_item("One, corrected", guid="g")

    assert only(a_feed(before)).guid == only(a_feed(after)).guid


def test_unknown_elements_are_passed_over() -> None:
    body = a_feed(an_item(enclosure="x", comments="y")).replace(
        "<item>", "<item><own:deep xmlns:own='https://own.example'><own:er>1</own:er></own:deep>"
    )

    assert only(body).title == "A title"
    assert parse(body).rejects == ()


def test_a_digest_is_its_headlines_and_not_itself() -> None:
    body = (FIXTURES / "digest.rss.xml").read_bytes()

    batch = parse(body, digest=True)

    ring, model, single = batch.items
    assert ring.title == "Acme ships the example ring"
    assert ring.url == "https://acme.example/ring"
    assert ring.content == "Acme has begun to ship its example ring.\nIt costs 100 dollars."
    assert ring.published_at == model.published_at == datetime(2026, 6, 1, 0, 30, tzinfo=UTC)
    assert ring.guid.startswith("day-1#")
    assert (model.title, model.url) == ("示例公司发布新模型", "https://digest.example/m")
    assert (single.guid, single.title) == ("single", "A single story")
    assert batch.rejects == ()
    assert parse(body, digest=True) == batch


def test_a_digest_that_is_not_declared_stays_one_item() -> None:
    assert [item.guid for item in parse((FIXTURES / "digest.rss.xml").read_bytes()).items] == [
        "day-1",
        "single",
    ]


def test_a_headlines_guid_does_not_depend_on_its_place() -> None:
    entry = "<li>Acme ships a ring</li>"
    other = "<li>Zeta sells glasses</li>"

    def guids(*entries: str) -> dict[str, str]:
        text = f"<![CDATA[<ul>{''.join(entries)}</ul>]]>"
        items = parse(a_feed(an_item(guid="day", description=text)), digest=True).items
        return {item.title: item.guid for item in items}

    assert guids(entry, other) == guids(other, entry)
    assert len(set(guids(entry, other).values())) == 2


async def test_a_changed_feed_is_one_page_with_its_charset(network: Network) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == URL
        headers = {"content-type": "text/xml; charset=GBK", "etag": '"1"'}
        return httpx.Response(200, content=a_feed(an_item("示例")).encode("gbk"), headers=headers)

    source = a_source()
    async with network(answer) as http:
        pages = await source.fetch(http, {})

        assert source.parse(pages[0]).items[0].title == "示例"
        assert http.validators[pages[0].url]["etag"] == '"1"'
        assert await source.fetch(http, {}) == []


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, PermanentSourceError), (410, PermanentSourceError), (500, TransientSourceError)],
)
async def test_a_failing_feed_says_how(
    network: Network, status: int, error: type[Exception]
) -> None:
    async with network(lambda _: httpx.Response(status)) as http:
        with pytest.raises(error):
            await a_source().fetch(http, {})


@pytest.mark.parametrize(
    "fields",
    [{"url": "ftp://a.example/"}, {"tier": 4}, {"zone": "Mars/Base"}, {"lang": "english language"}],
)
def test_settings_are_checked(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        a_source(**fields)
