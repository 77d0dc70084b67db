from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts.plain_text import cut, escape, one_line, unmentioned

ANY_TEXT = st.text(st.characters(), max_size=40)


@pytest.mark.parametrize(("text", "limit", "expected"), [
    ("short", 5, "short"),
    ("longer text", 7, "longer…"),
    ("cafe\u0301 au lait", 5, "caf…"),  # the accent belongs to its e
    ("ok 👩\u200d💻 here", 5, "ok…"),  # a joined emoji is one character to a reader
    ("ok 👍🏽 yes", 5, "ok…"),  # so is one with a skin tone
    ("🇨🇳🇺🇸 x", 4, "🇨🇳…"),  # flags are pairs
    ("\u1112\u1161\u11ab글 more", 3, "…"),  # a syllable in parts
    ("abc", 0, ""),
])  # fmt: skip
def test_text_is_cut_between_what_a_reader_sees_as_characters(
    text: str, limit: int, expected: str
) -> None:
    assert cut(text, limit) == expected


@settings(max_examples=100)
@given(text=ANY_TEXT, limit=st.integers(0, 45))
def test_a_cut_text_keeps_the_limit_and_its_beginning(text: str, limit: int) -> None:
    result = cut(text, limit)
    assert len(result) <= limit
    assert result == text or text.startswith(result.removesuffix("…"))


@settings(max_examples=100)
@given(ANY_TEXT)
def test_an_escaped_text_has_no_hidden_character(text: str) -> None:
    categories = {unicodedata.category(character) for character in escape(text)}
    assert not categories & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(("text", "expected"), [
    ("red \x1b[31m", "red \\x1b[31m"),
    ("pay \u202eevil", "pay \\u202eevil"),
    ("zero\u200bwidth", "zero\\u200bwidth"),
    ("夸克 ✓", "夸克 ✓"),
    ("lone \ud800", "lone \\ud800"),
])  # fmt: skip
def test_hidden_characters_are_spelled_out(text: str, expected: str) -> None:
    assert escape(text) == expected


def test_line_breaks_of_every_kind_become_one_space() -> None:
    assert one_line(" a\r\nb\u2028c\x85d\x0be\tf ") == "a b c d e f"


@pytest.mark.parametrize("text", ["@everyone", "<!channel>", "<@U123>", "<b>x</b>", "<#C1>"])
def test_mentions_and_markup_are_broken_apart(text: str) -> None:
    result = unmentioned(text)
    assert text not in result
    assert result.replace("\u200b", "") == text


def test_control_characters_never_reach_a_chat() -> None:
    assert unmentioned("a\x00\x1b[2J\r\nBcc: x\u202e") == "a[2J\nBcc: x"
