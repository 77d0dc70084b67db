from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from monitor.alerts.words.markup import (
    chat_text,
    html_days_whole,
    html_text,
    link_target,
    markdown_text,
)
from monitor.alerts.words.plain_text import clean

ANY_TEXT = st.text(st.characters(), max_size=40)
MARKED_TEXT = st.text(st.sampled_from("ab1 .)(`*_~[]<>!#+-=|&;:/\\\"'@\n\u202e"), max_size=30)
HOSTILE = [
    "[x](javascript:alert(1))", "![x](https://evil.example/p.png)", "**bold** __b__ ~~s~~",
    "<b onclick=x>y</b>", "<!channel> <@U1> <https://evil.example|bank>", "# heading", "> quote",
    "- item", "+ item", "1. item", "12) item", "---", "===", "```code```", "`x`", "&lt;b&gt;",
    "[x]: https://evil.example", "https://evil.example/a", "www.evil.example", "||spoiler||",
    "a | b | c", "<?php", "\\[x](y)", "@everyone @here", "{{ 7*7 }} {% raw %}", "%s {0.__class__}",
]  # fmt: skip


def shown_by_commonmark(source: str) -> tuple[set[str], str]:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(source)
    inline = [child for token in tokens for child in token.children or ()]
    return (
        {token.type for token in (*tokens, *inline)}
        - {"paragraph_open", "paragraph_close", "inline", "text", "text_special"},
        "".join(child.content for child in inline),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_a_hostile_text_as_text(text: str) -> None:
    constructs, shown = shown_by_commonmark(markdown_text(text))
    assert not constructs
    assert shown.replace("\u200b", "") == text


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT | MARKED_TEXT)
def test_markdown_of_any_text_is_one_paragraph_of_that_text(text: str) -> None:
    constructs, shown = shown_by_commonmark(markdown_text(text))
    assert not constructs
    assert shown == chat_text(text).strip()


@settings(max_examples=200)
@given(ANY_TEXT | MARKED_TEXT)
def test_html_of_any_text_has_no_markup_and_says_the_text(text: str) -> None:
    written = html_text(text)
    assert not re.search("[<>\"']", written)
    assert html.unescape(written) == clean(text)


@settings(max_examples=200)
@given(ANY_TEXT | MARKED_TEXT)
def test_a_chat_is_never_called_by_any_text(text: str) -> None:
    written = chat_text(text)
    assert not re.search(r"@\w|<[!?@#&/a-zA-Z]|://[^\s\u200b]", written)
    assert written.replace("\u200b", "") == clean(text).replace("\u200b", "")
    assert written.encode().decode() == written


@pytest.mark.parametrize("text", ["0.30 before", "2025-11-27", "GPT-5.1", "3 days", "−9.0 pp"])
def test_a_plain_text_is_not_littered_with_escapes(text: str) -> None:
    assert markdown_text(text) == text


@pytest.mark.parametrize(("url", "target"), [
    ("https://a.example/@desk/1", "https://a.example/%40desk/1"),
    ("https://a.example/x_(y)?q=%20a&b=1#c", "https://a.example/x_%28y%29?q=%20a&b=1#c"),
    ("https://a.example/<!channel>", "https://a.example/%3C!channel%3E"),
    ("https://a.example/夸克", "https://a.example/%E5%A4%B8%E5%85%8B"),
])  # fmt: skip
def test_a_link_has_nothing_that_ends_it_or_calls_somebody(url: str, target: str) -> None:
    assert link_target(url) == target


@settings(max_examples=100)
@given(ANY_TEXT | st.text(st.sampled_from('0123456789-<>&"'), max_size=30))
def test_a_day_is_kept_on_one_line_of_a_page_and_says_the_same(text: str) -> None:
    written = html_days_whole(f"on 2025-11-27, {text}")
    assert '<span style="white-space:nowrap">2025-11-27</span>' in written
    bare = re.sub(r'<span style="white-space:nowrap">([0-9-]{10})</span>', r"\1", written)
    assert bare == html_text(f"on 2025-11-27, {text}")
