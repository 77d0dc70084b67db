"""Limits of channels and hostile texts: what arrives is whole, bounded and only text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from monitor.alerts.views import MarketPrice
from monitor.alerts.words.forms import Form
from monitor.alerts.words.message import render

Build = Callable[..., Any]
PROPERTY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ANY_TEXT = st.text(st.characters(), max_size=30) | st.text(
    st.sampled_from("ab1 .)(`*_~[]<>!#+-=|&;:/\\\"'@\n\u202e\ud800{}%"), max_size=30
)
HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\ud800-\udfff]")
VOID = {"meta"}


class Page(HTMLParser):
    """Reads a page and remembers elements, links and text; knows whether all was closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_a_message_is_cut_to_the_length_a_channel_takes(
    a_signal: Build, stored: Build, now: datetime
) -> None:
    message = render(stored(a_signal()), now=now)
    assert (
        message.within(60)
        == "Alibaba · Quark AI glasses · launch · CNY 1,899 · 2025-11-27…"[:59] + "…"
    )
    assert message.within(150) == (
        "Alibaba · Quark AI glasses · launch · CNY 1,899 · 2025-11-27\n夸克AI眼镜发布\n"
        "When: published 2025-11-27 11:55:00 UTC, seen 11:57:00 UTC\n…"
    )


def test_a_channel_that_shows_a_title_gets_the_rest_without_it(
    a_signal: Build, stored: Build, now: datetime
) -> None:
    message = render(stored(a_signal()), now=now)
    for said in (message.within(titled=False), message.markdown(titled=False)):
        assert message.first_line not in said
        assert "夸克AI眼镜发布" in said


@PROPERTY
@given(limit=st.integers(0, 2500), title=ANY_TEXT)
def test_every_form_keeps_every_limit(
    a_signal: Build, stored: Build, now: datetime, limit: int, title: str
) -> None:
    prices = tuple(MarketPrice(f"leg {n}", 0.1, 0.2, "https://v.example") for n in range(4))
    message = render(stored(a_signal(title=title * 9, prices=prices)), now=now, may_repeat=True)
    for form in Form:
        assert len(message.written(form, limit)) <= limit


@PROPERTY
@given(limit=st.none() | st.integers(0, 6000), title=ANY_TEXT)
def test_html_is_always_closed_and_has_only_our_elements(
    a_signal: Build, stored: Build, now: datetime, limit: int | None, title: str
) -> None:
    view = a_signal(title=title, reasons=(title,), entity_names=(title, "Alibaba"))
    page = Page(render(stored(view, rule="r"), now=now).html(limit))
    assert page.open == []
    assert page.tags <= {
        "html", "span", "head", "meta", "title", "body", "div", "h1", "p", "table", "tr", "td", "a",
    }  # fmt: skip
    assert page.attributes <= {
        "lang",
        "charset",
        "name",
        "content",
        "style",
        "role",
        "colspan",
        "href",
        "rel",
    }
    assert set(page.links) <= {"https://news.example/quark"}


@PROPERTY
@given(limit=st.none() | st.integers(0, 1200), title=ANY_TEXT)
def test_markdown_links_lead_only_where_we_say(
    a_signal: Build, stored: Build, now: datetime, limit: int | None, title: str
) -> None:
    view = a_signal(title=title, reasons=(title,), facts=(title,), similar=title)
    said = render(stored(view), now=now).markdown(limit)
    tokens = [
        child
        for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(said)
        for child in (token, *(token.children or ()))
    ]
    targets = {str(token.attrs["href"]) for token in tokens if "href" in token.attrs}
    assert targets <= {"https://news.example/quark"}
    assert not {token.type for token in tokens} & {
        "html_inline", "html_block", "image", "code_inline", "fence", "code_block", "heading_open",
        "blockquote_open", "table_open", "s_open", "em_open", "hr",
    }  # fmt: skip


@PROPERTY
@given(title=ANY_TEXT)
def test_no_form_calls_somebody_or_holds_a_hidden_character(
    a_signal: Build, stored: Build, now: datetime, title: str
) -> None:
    view = a_signal(title=title, facts=(title,), reasons=(title,), publisher_names=(title,))
    message = render(stored(view), now=now)
    for form in (Form.TEXT, Form.MARKDOWN):
        said = message.written(form)
        assert not re.search(r"@\w|<[!@#&/a-zA-Z]", said)
    for form in Form:
        assert not re.search(
            "[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\ud800-\udfff]", message.written(form)
        )


def test_hostile_text_stays_one_line_bounded_and_literal(
    a_signal: Build, stored: Build, now: datetime
) -> None:
    title = "x\r\nRule forged (critical): {0.__class__} {{ 7*7 }} {% set a %} %s " + "y" * 1_000_000
    view = a_signal(title=title, url="javascript:alert(1)", facts=("a\nb",))
    message = render(stored(view), now=now)
    assert message.lines[1].startswith(
        "x Rule forged (critical): {0.__class__} {{ 7*7 }} {% set a %} %s y"
    )
    assert len(message.lines[1]) <= 300
    assert "javascript:" not in message.text
    assert not [line for line in message.lines if "\n" in line or "\r" in line]
    for said in (message.within(), message.markdown(), message.html()):
        assert "{{ 7\\*7 }}" in said or "{{ 7*7 }}" in said
        assert len(said) < 10_000


@pytest.mark.parametrize("url", [
    "javascript:alert(1)", "data:text/html,x", "https://a.example/ x", "https://a.example/\n",
    "https://a.example/\u202e", "file:///etc/passwd", "https://" + "a" * 3000,
])  # fmt: skip
def test_an_address_that_is_no_plain_link_is_left_out(
    a_signal: Build, stored: Build, now: datetime, url: str
) -> None:
    payload = {**stored(a_signal()), "url": url}  # as an older or foreign row might hold it
    message = render(payload, now=now)
    assert all(url not in message.written(form) for form in Form)
    assert "href" not in message.html()


def test_a_link_in_a_chat_calls_nobody(a_signal: Build, stored: Build, now: datetime) -> None:
    message = render(stored(a_signal(url="https://blog.example/@desk/(1)")), now=now)
    assert "Article: https://blog.example/@desk/(1)" in message.lines
    assert "Article: https://blog.example/%40desk/%281%29" in message.within()
    assert "**Article:** [blog.example](https://blog.example/%40desk/%281%29)" in message.markdown()
