from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts.words.markup import chat_text, html_text, markdown_text
from monitor.alerts.words.plain_text import clean, cut, escape, one_line, unmentioned
from monitor.joiners import without_lone_joiners

FAMILY = "👨\u200d👩\u200d👧 and ❤\ufe0f\u200d🔥"
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
    escaped = escape(text)
    assert without_lone_joiners(escaped) == escaped
    categories = {unicodedata.category(character) for character in escaped.replace("\u200d", "")}
    assert not categories & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(("text", "expected"), [
    ("red \x1b[31m", "red \\x1b[31m"),
    ("pay \u202eevil", "pay \\u202eevil"),
    ("zero\u200bwidth", "zero\\u200bwidth"),
    ("夸克 ✓", "夸克 ✓"),
    (FAMILY, FAMILY),
    ("pay\u200dpal", "pay\\u200dpal"),
    ("lone \ud800", "lone \\ud800"),
])  # fmt: skip
def test_hidden_characters_are_spelled_out(text: str, expected: str) -> None:
    assert escape(text) == expected


def test_line_breaks_of_every_kind_become_one_space() -> None:
    assert one_line(" a\r\nb\u2028c\x85d\x0be\tf ") == "a b c d e f"


@pytest.mark.parametrize("form", [clean, chat_text, markdown_text, html_text, escape])
def test_a_family_stays_one_emoji_in_every_form(form: Callable[[str], str]) -> None:
    assert form(FAMILY) == FAMILY


def test_a_joiner_hides_no_mention_from_a_chat() -> None:
    assert chat_text("@\u200deveryone") == "@\u200beveryone"


@pytest.mark.parametrize("text", ["@everyone", "<!channel>", "<@U123>", "<b>x</b>", "<#C1>"])
def test_mentions_and_markup_are_broken_apart(text: str) -> None:
    result = unmentioned(text)
    assert text not in result
    assert result.replace("\u200b", "") == text


def test_control_characters_never_reach_a_chat() -> None:
    assert unmentioned("a\x00\x1b[2J\r\nBcc: x\u202e") == "a[2J\nBcc: x"


@pytest.mark.parametrize(("text", "limit", "expected"), [
    ("a\x1b[2J\r\nb\u202e c\ud800", None, "a[2J b c"),
    (FAMILY, None, FAMILY),  # a joined emoji keeps its joiner
    ("ශ\u0dca\u200dර\u0dd3", None, "ශ\u0dca\u200dර\u0dd3"),  # and so does a letter
    ("pay\u200dpal @\u200dall 👩\u200d", None, "paypal @all 👩"),  # what joins nothing goes
    ("👩\u200d\u200b💻", None, "👩\u200d💻"),
    ("soft\u00adhy\u200bphen", None, "softhyphen"),
    ("x" * 50, 10, "x" * 9 + "…"),
    pytest.param("\u200b" * 90 + "late", 10, "…", id="far beyond the limit, left out and said"),
    ("", 10, ""),
])  # fmt: skip
def test_a_clean_text_is_one_bounded_line_without_hidden_characters(
    text: str, limit: int | None, expected: str
) -> None:
    assert clean(text, limit) == expected


@settings(max_examples=150)
@given(text=ANY_TEXT, limit=st.none() | st.integers(1, 45))
def test_cleaning_twice_changes_nothing_more(text: str, limit: int | None) -> None:
    once = clean(text, limit)
    assert clean(once, limit) == once
    assert limit is None or len(once) <= limit
    assert once.encode().decode() == once


def test_a_text_of_a_megabyte_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    category = unicodedata.category

    def counting(character: str) -> str:
        looked_at.append(character)
        return category(character)

    monkeypatch.setattr(unicodedata, "category", counting)
    assert len(clean("\u202ea" * 1_000_000, 300)) <= 300
    assert len(looked_at) < 10_000
