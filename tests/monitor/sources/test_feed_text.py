from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.feeds.text import plain_text, plain_title


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("A &amp; B", "A & B"),
        ("A <b>bold</b> one", "A bold one"),
        ("A &lt;b&gt;bold&lt;/b&gt; one", "A bold one"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("List<String> explained", "List<String> explained"),
        ("zero\u200bwidth\ufeff and\u00a0 blanks\n", "zerowidth and blanks"),
        ("&amp;amp;amp;", "&amp;amp;"),
        ("\x07bell", "bell"),
    ],
)
def test_titles_are_plain_lines(markup: str, expected: str) -> None:
    assert plain_title(markup) == expected


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<td>1</td><td>2</td>", "1 2"),
        ("x<script>a<b</script>y<style>p{}</style>z", "x y z"),
        ("x<script>never closed", "x"),
        ("keep<nav>never closed", "keep never closed"),
        ("x<!-- hidden -->y", "xy"),
        ("<o:p>office</o:p><amp-img src=x></amp-img>!", "office!"),
        ("one <a href='https://a.example'>link</a> inside", "one link inside"),
        ("", ""),
    ],
)
def test_markup_becomes_running_text(markup: str, expected: str) -> None:
    assert plain_text(markup) == expected


@pytest.mark.parametrize(
    "chrome",
    [
        "<p><strong>Also Read:</strong> <a href='/x'>Acme glasses launched in Example</a></p>",
        "<p>Read more: Another story</p>",
        "<p>The post Something appeared first on Example Wire.</p>",
        "<nav><ul><li><a>Home</a></li></ul></nav>",
        "<footer>All rights reserved</footer>",
        "<ul><li><a>Home</a></li><li><a>News</a></li><li><a>AI</a></li><li><a>Video</a></li></ul>",
        "<p>相关阅读：另一篇文章</p>",
        "<p>Subscribe to our newsletter</p>",
    ],
)
def test_page_chrome_is_left_out(chrome: str) -> None:
    assert plain_text(f"<p>Before it.</p>{chrome}<p>After it.</p>") == "Before it.\nAfter it."


def test_a_fragment_inside_a_paragraph_is_cut_to_its_sentence() -> None:
    text = "Acme sells glasses. Also Read: Zeta launches a ring. They cost 100."

    assert plain_text(text) == "Acme sells glasses. They cost 100."


def test_short_lists_of_links_are_content() -> None:
    markup = "<ul><li><a>Acme</a></li><li><a>Zeta</a></li><li><a>Nix</a></li></ul>"

    assert plain_text(markup) == "Acme\nZeta\nNix"


def test_text_is_capped() -> None:
    assert len(plain_text("word " * 10_000)) == 20_000


@given(st.text(alphabet="<>/!-&;ab \n'\"=nscript", max_size=300))
def test_no_markup_breaks_it(markup: str) -> None:
    assert len(plain_text(markup)) <= 20_000
    assert "\n" not in plain_title(markup)
