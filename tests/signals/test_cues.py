"""What a cue book of one's own can ask for, shown on small ones."""

from __future__ import annotations

import pytest

from signals.catalog import Catalog, CatalogError, load_catalog
from signals.tagger import Document, Tagger
from signals.themes import Theme

ENTITIES = """
entities:
  - {id: zeta, kind: lab, country: CN, aliases: [Zeta, {text: Zed, version: true}]}
  - {id: acme, kind: company, aliases: [Acme]}
"""


def catalog_of(cues: str) -> Catalog:
    return load_catalog(ENTITIES, cues)


def kind(cues: str, text: str) -> str | None:
    tagger = Tagger(catalog_of(cues), [Theme("zeta", ("zeta",), min_score=0.45)])
    tags = tagger.tag(Document(text)).themes
    return tags[0].kind if tags else None


def test_cue_beside_needs_its_other_word_in_the_same_clause() -> None:
    cues = "cues: [{kind: price_change, words: [cuts], beside: [price*]}]"

    assert kind(cues, "Zeta V2 cuts its prices") == "price_change"
    assert kind(cues, "Zeta V2 cuts its staff") is None
    assert kind(cues, "Zeta V2 cuts its staff, prices hold") is None


def test_touching_cue_stands_right_before_the_name_or_its_maker() -> None:
    cues = "cues: [{kind: launch, touching: true, words: [推, 力推]}]"

    assert kind(cues, "Zeta推Zed 2 模型") == "launch"
    assert kind(cues, "推Zed 2 模型") == "launch"
    assert kind(cues, "Zeta力推Zed 2 模型") == "launch"
    assert kind(cues, "Zeta推动Zed 2 模型") is None
    assert kind(cues, "众推Zed 2 模型") is None


def test_touching_latin_cue_may_have_one_blank_before_the_name() -> None:
    cues = "cues: [{kind: launch, touching: true, words: [reveals]}]"

    assert kind(cues, "Zeta reveals Zed 2") == "launch"
    assert kind(cues, "Zeta reveals flaws in Zed 2") is None


def test_longer_cue_silences_the_shorter_inside_it_once_it_finds_what_it_asks_for() -> None:
    cues = """
cues:
  - {kind: launch, words: [drops]}
  - {kind: rank_change, words: [drops to], beside: [place]}
"""

    assert kind(cues, "Zed 2 drops to third place") == "rank_change"
    assert kind(cues, "Zed 2 drops to cheers") == "launch"


def test_nominal_cue_weighs_less_than_a_deed_and_is_told_last() -> None:
    cues = """
cues:
  - {kind: launch, nominal: true, words: [new]}
  - {kind: rumor, words: [expected]}
"""

    assert kind(cues, "A new Zed 2 model is expected") == "rumor"


def test_turn_makes_one_kind_of_another_in_its_clause() -> None:
    cues = """
cues: [{kind: delay_cancel, words: [extends]}]
turns: [{from: delay_cancel, to: price_change, words: [discount]}]
"""

    assert kind(cues, "Zeta extends the Zed 2 discount") == "price_change"
    assert kind(cues, "Zeta extends the Zed 2 wait") == "delay_cancel"


def test_stars_open_a_word_at_either_end() -> None:
    cues = "cues: [{kind: price_change, words: ['*5折', 'discount*']}]"

    assert kind(cues, "Zed 2 限时25折") == "price_change"
    assert kind(cues, "Zed 2 discounted") == "price_change"
    assert kind(cues, "Zed 2 rediscounted") is None


def test_longest_cue_speaks_where_one_holds_another() -> None:
    cues = """
kind_order: [launch, rank_change]
cues:
  - {kind: launch, words: [开源]}
  - {kind: rank_change, words: [开源第一]}
"""

    assert kind(cues, "Zed 2 模型拿下开源第一") == "rank_change"
    assert kind(cues, "Zed 2 模型开源") == "launch"


@pytest.mark.parametrize(
    ("cues", "problem"),
    [
        ("cues: [{kind: launch, word: [a]}]", "cues.0: unknown field word"),
        ("cues: [{kind: launch, words: [a]}]\nturns: [{from: x, to: launch, words: [b]}]", "'x'"),
        (
            "cues: [{kind: launch, words: [a]}]\nturns: [{from: launch, to: rumor}]",
            "turns.0.words: empty",
        ),
        (
            "cues: [{kind: launch, words: [a]}]\nblocks: [{name: b, words: [c], scop: title}]",
            "unknown field scop",
        ),
    ],
)
def test_a_slip_in_the_cue_book_is_named(cues: str, problem: str) -> None:
    with pytest.raises(CatalogError, match=problem):
        catalog_of(cues)
