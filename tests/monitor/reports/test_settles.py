"""A settlement rule is one sentence: what was read from it, else its own first one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from monitor.app import Topics
from monitor.reports.settles import MAX_CHARS, settles_sentence
from signals.settlement import Settlement

BOARD = Settlement(
    board="text",
    category="overall",
    style_control="off",
    quantity="score",
    place=1,
    universe="all",
    when="at",
    check_at=datetime(2026, 3, 31, 16, tzinfo=UTC),
    tie_rule="alphabetical",
    owners=("zetacorp",),
)


def test_what_was_read_from_the_rules_is_said(topics: Topics) -> None:
    assert settles_sentence(topics, BOARD, "Any rules.") == (
        "Yes if Zetacorp is first on the text board with style control off, "
        "at 2026-03-31 16:00 UTC, ties go by the alphabet."
    )


def test_what_the_rules_leave_open_is_left_out(topics: Topics) -> None:
    spec = Settlement(board="webdev", threshold=Decimal("1500"), owners=("country:CN", "nobody"))

    assert settles_sentence(topics, spec, None) == (
        "Yes if a company of CN or nobody reaches a score of 1500 on the webdev board."
    )


def test_a_category_and_a_universe_are_named(topics: Topics) -> None:
    spec = Settlement(board="text", category="coding", place=2, universe="CN", owners=("all",))

    assert settles_sentence(topics, spec, None) == (
        "Yes if anybody is second on the text board (coding), among CN."
    )


@pytest.mark.parametrize(("rules", "sentence"), [
    ("This is paid when Zetacorp ships its glasses. Other things do not matter.",
     "This is paid when Zetacorp ships its glasses."),
    ("It is paid if they sell in the U.S. by 12:00 p.m. ET on March 31. Or else not.",
     "It is paid if they sell in the U.S. by 12:00 p.m. ET on March 31."),
    ("若该公司在2026年3月31日之前在其官方网站上发布并开始销售新款智能眼镜，则本市场判定为“是”。否则为否。",
     "若该公司在2026年3月31日之前在其官方网站上发布并开始销售新款智能眼镜，则本市场判定为“是”。"),
    ("  One\n line  ", "One line"),
])  # fmt: skip
def test_rules_of_another_kind_speak_for_themselves(
    topics: Topics, rules: str, sentence: str
) -> None:
    assert settles_sentence(topics, Settlement(), rules) == sentence


def test_a_long_sentence_is_cut_and_says_so(topics: Topics) -> None:
    text = settles_sentence(topics, None, "word " * 200)

    assert text is not None
    assert len(text) <= MAX_CHARS
    assert text.endswith("word…")


@pytest.mark.parametrize("rules", [None, "", "  \n"])
def test_without_rules_there_is_nothing_to_say(topics: Topics, rules: str | None) -> None:
    assert settles_sentence(topics, Settlement(), rules) is None
