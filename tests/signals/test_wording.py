"""Two wordings of a text, compared word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signals.wording import changed_words, same_words, word_diff

OLD = "The table is read with style control off when it is checked at noon."
NEW = "The table is read with style control on when it is checked at noon."


def test_a_change_is_shown_with_a_few_words_around() -> None:
    assert word_diff(OLD, NEW) == "read with style control [-off-] {+on+} when it is checked"
    assert changed_words(OLD, NEW) == (("off", "on"),)


def test_words_put_in_or_taken_away_are_marked_alone() -> None:
    assert word_diff("pays on a tie", "pays also on a tie") == "pays {+also+} on a tie"
    assert word_diff("pays also on a tie", "pays on a tie") == "pays [-also-] on a tie"


def test_white_space_is_no_change() -> None:
    assert same_words("a  b\n\nc", "a b c")
    assert word_diff("a  b\n\nc", "a b c") == ""


def test_a_long_change_is_cut_and_says_so() -> None:
    cut = word_diff("", "word " * 300, limit=40)
    assert (len(cut), cut[-1]) == (40, "…")


@given(st.text(max_size=80), st.text(max_size=80))
def test_equal_words_and_only_they_have_no_difference(before: str, after: str) -> None:
    assert (word_diff(before, after) == "") == same_words(before, after)
