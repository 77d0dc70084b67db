from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.market_names import MarketName, find_market_names
from signals.tagger import Document, Tagger


def test_question_in_the_words_of_a_market_names_it_once() -> None:
    asked = "Will a Zeta model become #1 by June 30?"
    text = f"Odds\n{asked}\nMarket{asked}"

    assert find_market_names("A headline", None, text) == (
        MarketName("question", "Will a Zeta model become #1 by June 30?"),
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "see https://polymarket.com/event/zeta-model-number-one?tid=5",
            MarketName("url", "event/zeta-model-number-one", "polymarket"),
        ),
        (
            "see kalshi.com/markets/kxzeta/top-model.",
            MarketName("url", "markets/kxzeta/top-model", "kalshi"),
        ),
        (
            "market will-a-zeta-model-become-1-by-june-30 moved",
            MarketName("slug", "will-a-zeta-model-become-1-by-june-30"),
        ),
    ],
)
def test_addresses_and_slugs_name_a_market(text: str, name: MarketName) -> None:
    assert find_market_names(text) == (name,)


@pytest.mark.parametrize(
    "text",
    ["Will it rain?", "What now?", "We will see by June 30.", "a will-o-the-wisp", "polymarket"],
)
def test_other_questions_and_words_name_none(text: str) -> None:
    assert find_market_names(text) == ()


def test_tagging_carries_the_markets_of_its_text(tagger: Tagger) -> None:
    doc = Document("Zeta day", content="Related: Will Zeta have the best AI model in 2027?")

    (name,) = tagger.tag(doc).market_names

    assert name.text == "Will Zeta have the best AI model in 2027?"


@given(st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_any_text_is_read(text: str) -> None:
    for name in find_market_names(text):
        assert name.text
