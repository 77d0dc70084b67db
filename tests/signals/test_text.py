from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from signals.text import clauses, digest_parts, fold, hide_chrome, normalize, segments

ODD = st.text(
    alphabet=st.sampled_from("aZé\u0301ßＡﬁ①…\u200b\u2011 眼镜AI，：！/|;\n.\ud800\u1100\u1161")
)


def pieces(text: str, spans: tuple[tuple[int, int], ...]) -> list[str]:
    return [text[start:end].strip(" ;|/") for start, end in spans]


def test_full_width_and_small_capitals_become_plain() -> None:
    assert fold("ＱＷＥＮ３．５：Ｍａｘ") == "qwen3.5:max"


def test_zero_width_characters_vanish_and_spans_still_point_home() -> None:
    normal = normalize("Deep\u200bSeek 发布")

    start = normal.text.index("deepseek")

    assert normal.original[slice(*normal.origin(start, start + 8))] == "Deep\u200bSeek"


def test_blank_between_han_and_latin_does_not_matter() -> None:
    assert normalize("小度 AI 眼镜").text == normalize("小度AI眼镜").text == "小度ai眼镜"


def test_blank_between_han_words_stays_because_it_separates_clauses() -> None:
    assert normalize("开启预售 支持翻译").text == "开启预售 支持翻译"


def test_one_character_that_becomes_two_keeps_its_place() -> None:
    normal = normalize("ﬁnal Straße")

    assert normal.text == "final strasse"
    assert normal.origin(0, 2) == (0, 1)
    assert normal.original[slice(*normal.origin(6, 13))] == "Straße"


@given(ODD)
@settings(max_examples=80, deadline=None)
def test_every_span_lies_in_the_original(text: str) -> None:
    normal = normalize(text)

    for place in range(len(normal.text)):
        start, end = normal.origin(place, place + 1)
        assert 0 <= start < end <= len(text)


@given(ODD)
@settings(max_examples=80, deadline=None)
def test_composed_and_decomposed_input_read_alike(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    decomposed = unicodedata.normalize("NFD", text)

    assert normalize(composed).text == normalize(decomposed).text


def test_digest_splits_at_semicolons_bars_and_long_slashes() -> None:
    text = normalize("早报：甲公司发布新款手机；乙公司完成首轮融资丨丙公司宣布裁员").text

    assert len(digest_parts(text)) == 3
    assert len(digest_parts("甲公司昨日宣布完成融资/乙公司今日发布新款手机")) == 2


def test_short_slashes_are_shares_and_pairs_not_digests() -> None:
    for text in ("降至原价的 1/4", "ai/ar 眼镜销量增长", "2026/05/31 起生效"):
        assert len(digest_parts(text)) == 1


def test_sentences_end_at_stops_but_not_in_abbreviations_or_numbers() -> None:
    text = normalize("It ships Nov. 27 at v. 3.5 speed. Then it stops.").text

    found = pieces(text, segments(text, prose=True))

    assert found == ["it ships nov. 27 at v. 3.5 speed.", "then it stops."]


def test_clauses_keep_numbers_and_clock_times_whole() -> None:
    text = "costs 1,899 yuan, from 23:59 on: now"

    assert [text[s:e] for s, e in clauses(text, 0, len(text))] == [
        "costs 1,899 yuan,",
        " from 23:59 on:",
        " now",
    ]


def test_also_read_lines_are_blanked_in_place() -> None:
    text = "First sentence. Also Read: Baidu launches Xiaodu glasses\nLast line."

    hidden = hide_chrome(text)

    assert len(hidden) == len(text)
    assert "Xiaodu" not in hidden
    assert hidden.endswith("Last line.")


def test_two_inline_also_reads_are_both_blanked() -> None:
    hidden = hide_chrome("It ends. Also Read: One thing Also Read: Two things\nMore text.")

    assert "One" not in hidden
    assert "Two" not in hidden
    assert "More text." in hidden


def test_market_box_is_furniture() -> None:
    hidden = hide_chrome("MarketWill a robot win by June 30?\n24%\n0.50%\nBody with 24% inside.")

    assert hidden.split() == ["Body", "with", "24%", "inside."]
