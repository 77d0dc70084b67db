from __future__ import annotations

import pytest

from signals.story_titles import canonical_url, is_telling, language, numbers, title_key, words
from signals.text import fold


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://Example.COM:443/a/b/?utm_source=x&id=7#top", "https://example.com/a/b?id=7"),
        ("http://example.com:80/", "http://example.com"),
        ("https://example.com/p/1?f=rss", "https://example.com/p/1"),
        ("https://example.com/p?oc=5&ref=home&spm=a.b", "https://example.com/p"),
        ("https://example.com:8443/p", "https://example.com:8443/p"),
        (" https://example.com/Path?q=%E4%B8%AD ", "https://example.com/Path?q=%E4%B8%AD"),
        ("tag:example.com,2026:1", "tag:example.com,2026:1"),
        ("https://[broken", "https://[broken"),
    ],
)
def test_canonical_url(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical
    assert canonical_url(canonical) == canonical


def test_title_key_drops_exactly_the_publishers_suffix() -> None:
    assert title_key("Rings - a guide - Wide-World Post", "Wide-World Post") == "rings a guide"
    assert title_key("Rings - a guide", "Other") == "rings a guide"


def test_title_key_ignores_punctuation_and_width_but_keeps_versions_apart() -> None:
    assert title_key("ＡＢＣ：Model 5.1 发布！") == title_key("ABC: model 5.1 发布")
    assert title_key("Model 5.1 is out") != title_key("Model 51 is out")


def test_a_short_title_stands_for_nothing() -> None:
    assert not is_telling(title_key("News"))
    assert is_telling(title_key("Zeta unveils a ring"))
    assert is_telling(title_key("泽塔推出新戒指"))


def test_words_are_latin_words_and_pairs_of_han() -> None:
    assert list(words(fold("Zeta 发布了 the Ring 2.5"))) == ["zeta", "发布", "布了", "ring", "2.5"]
    assert list(words(fold("A 新 ring"))) == ["新", "ring"]


def test_numbers_lose_grouping_commas_only() -> None:
    assert numbers("1,899 yuan, 2.5 million, 007") == {"1899", "2.5", "7"}


@pytest.mark.parametrize(
    ("text", "given", "code"),
    [
        ("Zeta unveils its second ring", None, "en"),
        ("泽塔推出新戒指", None, "zh"),
        ("DeepSeek-V4-Pro API 降价了啊", None, "zh"),
        ("Xiaomi (小米) unveils a smart ring in Barcelona today", None, "en"),
        ("新しいスマートグラスを発表", None, "ja"),
        ("스마트 안경 출시", None, "ko"),
        ("Новые очки", None, None),
        ("42", None, None),
        ("anything", "zh_CN", "zh"),
        ("Zeta unveils", " ", "en"),
    ],
)
def test_language(text: str, given: str | None, code: str | None) -> None:
    assert language(text, given) == code
