"""The fast reader against its oracle: what it reads at all, it reads as feedparser does."""

from __future__ import annotations

import re
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.sources.feeds.entry import FeedEntry
from monitor.sources.feeds.fast import fast_feed
from monitor.sources.feeds.tolerant import tolerant_feed

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "rss"
NAMESPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" '
    'xmlns:slash="http://purl.org/rss/1.0/modules/slash/" xmlns:own="https://own.example/ns"'
)


def an_rss(items: str, *, root: str = "", channel: str = "") -> str:
    return f'<rss version="2.0" {NAMESPACES}{root}><channel>{channel}{items}</channel></rss>'


def an_atom(entries: str, *, root: str = "") -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom" {NAMESPACES}{root}>{entries}</feed>'


def by_feedparser(text: str) -> tuple[list[FeedEntry], str | None]:
    return tolerant_feed(b'<?xml version="1.0" encoding="utf-8"?>' + text.encode(), "test")


def both(text: str) -> FeedEntry:
    """Return the only entry, after both readers agreed on it."""
    fast = fast_feed(text)
    assert fast is not None, "refused"
    assert fast == by_feedparser(text)
    assert len(fast[0]) == 1
    return fast[0][0]


@pytest.mark.parametrize("name", ["example.rss.xml", "example.atom.xml", "example.rdf.xml"])
def test_the_fixtures_are_read_alike(name: str) -> None:
    text = (FIXTURES / name).read_text(encoding="utf-8")
    text = text[text.index("<", text.index("?>")) :]

    assert fast_feed(text) == by_feedparser(text)


def test_every_field_of_an_rss_item_is_found() -> None:
    entry = both(
        an_rss(
            "<item><guid isPermaLink='false'>g1</guid><title>T &amp;amp; U</title>"
            "<link><![CDATA[https://a.example/1?x=1&y=2]]></link>"
            "<pubDate>Mon, 01 Jun 2026 08:00:00 GMT</pubDate><description>D</description>"
            "<content:encoded><![CDATA[<p>All</p>]]></content:encoded>"
            "<source url='https://b.example'>B News</source>"
            "<feedburner:origLink>https://a.example/real</feedburner:origLink>"
            "<dc:language>fr</dc:language></item>"
        )
    )

    assert entry == FeedEntry(
        id="g1",
        title="T &amp; U",
        link="https://a.example/1?x=1&y=2",
        origin_link="https://a.example/real",
        date="Mon, 01 Jun 2026 08:00:00 GMT",
        summary="D",
        content="<p>All</p>",
        publisher="B News",
        lang="fr",
    )


def test_every_field_of_an_atom_entry_is_found() -> None:
    entry = both(
        an_atom(
            "<entry xml:lang='zh-CN'><id>tag:a.example,2026:1</id><title type='html'>T</title>"
            "<link rel='edit' href='https://a.example/edit'/>"
            "<link rel='alternate' type='text/html' href='https://a.example/1'/>"
            "<published>2026-06-01T08:00:00Z</published><updated>2026-06-02T08:00:00Z</updated>"
            "<summary>S</summary><content type='html'>&lt;p&gt;All&lt;/p&gt;</content>"
            "<source><title>B News</title><id>b</id><updated>2026-06-01</updated></source>"
            "<author><name>N</name><uri>https://n.example</uri></author></entry>",
            root=" xml:lang='en'",
        )
    )

    assert (entry.id, entry.link) == ("tag:a.example,2026:1", "https://a.example/1")
    assert (entry.date, entry.lang) == ("2026-06-01T08:00:00Z", "zh-CN")
    assert (entry.summary, entry.content, entry.publisher) == ("S", "<p>All</p>", "B News")


QUIRKS = {
    "the link is the guid": "<guid>https://a.example/1</guid>",
    "the guid is opaque": "<guid isPermaLink='false'>x</guid><link>https://a.example/1</link>",
    "an atom link beside": "<atom:link rel='alternate' href='https://a.example/1'/><guid>g</guid>",
    "an atom self link": "<atom:link rel='self' href='https://a.example/x'/><link>/1</link>",
    "two descriptions": "<description>one</description><itunes:summary>two</itunes:summary>",
    "content before summary": "<content:encoded>C</content:encoded><description>D</description>",
    "content alone": "<content:encoded>C</content:encoded>",
    "two contents": "<content:encoded>few</content:encoded>"
    "<content:encoded>longer</content:encoded>",
    "a media title inside": "<media:group><media:title>M</media:title></media:group>",
    "a media title first": "<media:group><media:title>M</media:title></media:group>"
    "<title>T</title>",
    "a media title last": "<title>T</title>"
    "<media:content><media:title>M</media:title></media:content>",
    "a caption": "<description>D</description><media:content><media:description>cap"
    "</media:description></media:content>",
    "titles twice": "<title>one</title><dc:title>two</dc:title>",
    "an empty title": "<title/><dc:title>two</dc:title>",
    "dates of many": "<dc:date>2026-06-01</dc:date><pubDate>2 June 2026</pubDate>",
    "a date of terms": "<dcterms:created>2026-06-01</dcterms:created>",
    "windows characters": "<title>don\x92t &#146;quote&#146;</title>",
    "utf-8 twice": "<title>cafÃ© Ã¼ber</title>",
    "no mojibake": "<title>50 °C · 示例 — “x”</title>",
    "too many slashes": "<link>https:////a.example/1</link>",
    "half an entity": "<link>https://a.example/?a=1&amp;amp;b=2&amp;c;=3</link>",
    "an image": "<image>https://a.example/i.png</image><title>T</title>",
    "upper case": "<TITLE>T</TITLE><Link>https://a.example/1</Link><PubDate>2 June 2026</PubDate>",
    "a comment within": "<title>on<!-- not this -->e</title>",
    "blanks": "<title>\n  T  \n</title><link>\n https://a.example/1 \n</link>",
    "of its own": "<own:title x='1'>no</own:title>"
    "<own:box><own:a>b</own:a></own:box><title>T</title>",
    "an unknown twin": "<slash:comments>3</slash:comments><comments>https://a.example</comments>",
    "an orig link with attributes": "<feedburner:origLink x='1'>https://a</feedburner:origLink>",
    "nothing": "",
}


@pytest.mark.parametrize("inside", QUIRKS.values(), ids=QUIRKS.keys())
def test_feedparsers_quirks_are_kept(inside: str) -> None:
    both(an_rss(f"<item>{inside}</item>"))


BASES = {
    "of the root": ("https://b.example/x/", "", "https://b.example/x/rel"),
    "of the entry": ("", "https://b.example/y/", "https://b.example/y/rel"),
    "of both": ("https://c.example/", "https://b.example/y/", "https://b.example/y/rel"),
    "of none": ("", "", "rel"),
}


@pytest.mark.parametrize(("root", "entry", "link"), BASES.values(), ids=BASES.keys())
def test_links_are_relative_to_xml_base(root: str, entry: str, link: str) -> None:
    bases = [f" xml:base={quoteattr(base)}" if base else "" for base in (root, entry)]

    found = both(an_atom(f"<entry{bases[1]}><link href='rel'/></entry>", root=bases[0]))

    assert found.link == link


@pytest.mark.parametrize(
    ("root", "channel", "item", "lang", "feed_lang"),
    [
        (" xml:lang='en'", "", "", "en", "en"),
        ("", "<language>zh-CN</language>", "", None, "zh-CN"),
        ("", "<dc:language>zh</dc:language>", "", None, "zh"),
        ("", "", " xml:lang='de'", "de", None),
        (" xml:lang='en'", "", " xml:lang=''", None, "en"),
    ],
)
def test_languages_are_inherited(
    root: str, channel: str, item: str, lang: str | None, feed_lang: str | None
) -> None:
    text = an_rss(f"<item{item}><title>T</title></item>", root=root, channel=channel)

    assert (both(text).lang, (fast_feed(text) or ((), ""))[1]) == (lang, feed_lang)


REFUSED = {
    "markup inside": an_atom("<entry><title type='xhtml'><div>T</div></title></entry>"),
    "base64": an_atom("<entry><content type='image/png'>aGk=</content></entry>"),
    "another root": "<channel><item><title>T</title></item></channel>",
    "no items": an_rss(""),
    "malformed": an_rss("<item><title>T</item>"),
    "an undefined entity": an_rss("<item><title>a&nbsp;b</title></item>"),
    "a lent prefix": '<rss xmlns:dc="https://own.example/"><channel><item><dc:date>1</dc:date>'
    "</item></channel></rss>",
    "a bare base": an_atom("<entry base='/x/'><link href='y'/></entry>"),
    "an item inside an item": an_rss("<item><item><title>T</title></item></item>"),
    "a deep nest": an_rss("<item>" + "<a>" * 60 + "</a>" * 60 + "</item>"),
    "too many tags": an_rss("<item><title>T</title></item>" + "<a/>" * 200_001),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_certain_is_left_to_the_tolerant_reader(text: str) -> None:
    assert fast_feed(text) is None


TAGS = re.split(
    r"\s+",
    "title link guid id description summary content pubDate published updated created dc:date "
    "dc:title dc:description dcterms:issued content:encoded media:title media:description "
    "itunes:summary atom:link atom:title source feedburner:origLink author dc:creator category "
    "own:thing enclosure language image comments",
)
TEXTS = st.sampled_from(
    ("", "plain", " spaced ", "a & b", "<b>bold</b>", "&amp;twice", "示例", "Ã©", "don\x92t",
     "https://a.example/1?x=1&y=2", "/rel", "tag:a,1", "Mon, 01 Jun 2026 08:00:00 GMT", "°C ·")
)  # fmt: skip
ATTRIBUTES = st.lists(
    st.sampled_from(
        (("isPermaLink", "false"), ("rel", "self"), ("rel", "alternate"), ("type", "html"),
         ("type", "application/json"), ("href", "https://a.example/h"), ("url", "https://u.example"),
         ("xml:lang", "de"), ("domain", "x"))
    ),
    max_size=2,
    unique_by=lambda pair: pair[0],
)  # fmt: skip


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    tag = draw(st.sampled_from(TAGS))
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in draw(ATTRIBUTES))
    inside = escape(draw(TEXTS))
    if depth == 0 and draw(st.integers(0, 9)) == 0:
        tag, inside = "media:group", "".join(draw(st.lists(elements(1), max_size=2)))
    return f"<{tag}{attributes}>{inside}</{tag}>"


@given(
    st.lists(st.lists(elements(), max_size=6), min_size=1, max_size=3),
    st.sampled_from((an_rss, an_atom)),
)
@settings(max_examples=150, deadline=None)
def test_whatever_it_reads_it_reads_as_feedparser_does(
    items: list[list[str]], document: object
) -> None:
    name = "item" if document is an_rss else "entry"
    text = document("".join(f"<{name}>{''.join(item)}</{name}>" for item in items))  # type: ignore[operator]

    fast = fast_feed(text)

    if fast is not None:
        assert fast == by_feedparser(text)
