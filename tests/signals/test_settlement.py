"""How a leaderboard market settles is read from its wording, and what it leaves open is named.

The rule texts are ours, written the way venues write them.
"""

from __future__ import annotations

import string
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.catalog import Catalog
from signals.settlement import SPEC_FIELDS, WEIGHTS, Settlement, overridden, settlement

CLOSES = datetime(2026, 9, 30, tzinfo=UTC)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
NOON_ET = datetime(2026, 9, 30, 16, 0, tzinfo=UTC)
MODELS = {"Alibaba": "alibaba", "Google": "google", "Mistral AI": "mistral", "Moonshot": "moonshot"}
BEST = (
    'The market pays "Yes" if any model owned by Google has the highest arena score on the '
    "Chatbot Arena LLM Leaderboard (https://lmarena.ai/) when its table is checked on "
    "September 30, 2026, 12:00 PM ET.\n\n"
    'The "Arena Score" section of https://lmarena.ai/leaderboard/text {style} is used.\n\n'
    "If two models are tied for the top arena score, the company whose name comes first in "
    'alphabetical order counts (e.g. of "Google" and "xAI", "Google" would pay "Yes").\n\n'
    "Should the resolution source be unavailable at check time, the market waits until it is "
    "back online."
)
OFF = BEST.format(style="with the style control off")


def read(question: str, rules: str | None = None, **given: Any) -> Settlement:
    given = {"closes_at": CLOSES, **given}
    return settlement(question, rules=rules, owner_of=MODELS.get, **given)


def of_september(rules: str | None, **given: Any) -> Settlement:
    question = "Will Google have the best AI model at the end of September 2026?"
    return read(question, rules, label="Google", **given)


def test_a_full_rule_text_leaves_nothing_open() -> None:
    found = of_september(OFF)

    assert (found.board, found.category, found.style_control) == ("text", "overall", "off")
    assert (found.quantity, found.place, found.threshold) == ("score", 1, None)
    assert (found.universe, found.unit, found.owners) == ("all", "model", ("google",))
    assert (found.when, found.check_at, found.tie_rule) == ("at", NOON_ET, "alphabetical")
    assert (found.unknown, found.conflicts) == ((), ())
    # Only the category is taken by custom: 1 - 0.05 * 0.3.
    assert found.confidence == pytest.approx(0.985)


@pytest.mark.parametrize(
    ("wording", "style"),
    [
        ("with the style control off", "off"),
        ("with the style control unchecked", "off"),
        ("with style control removed", "off"),
        ("without style control", "off"),
        ("set to default (style control on)", "on"),
        ("with the style control enabled", "on"),
        ("as it stands", "unstated"),
    ],
)
def test_the_style_state_has_many_wordings(wording: str, style: str) -> None:
    assert of_september(BEST.format(style=wording)).style_control == style


def test_rules_that_keep_silent_on_style_say_that_either_may_count() -> None:
    found = of_september(BEST.format(style="as it stands"))

    assert found.unknown == ("style_control: the rules do not say; either state may count",)
    assert found.confidence == pytest.approx(0.935)


def test_a_page_address_names_board_category_and_style() -> None:
    rules = (
        'Settled by the "Rank" column of https://arena.ai/leaderboard/text/math-no-style-control '
        "when it is checked on September 30, 2026, at 12:00 PM ET."
    )
    found = of_september(rules)
    assert (found.board, found.category, found.style_control) == ("text", "math", "off")
    assert found.quantity == "rank"


@pytest.mark.parametrize(
    ("title", "board", "category"),
    [
        (
            "Which company has the best Code Arena WebDev AI model at the end of August?",
            "webdev",
            "overall",
        ),
        ("Second-best Text Arena Math AI Lab at the end of August?", "text", "math"),
        (
            "Which company has the best Text Arena Coding AI model at the end of July?",
            "text",
            "coding",
        ),
        ("Which company has the best AI Agent at the end of July?", "agent", "overall"),
        ("Which company has the best Vision AI model end of July?", "vision", "overall"),
        (
            "Which company has the best Text-to-Image AI model end of July?",
            "text_to_image",
            "overall",
        ),
        ("Which company has the second best Coding AI model end of May?", None, "coding"),
        ("Will any AI model reach ___ Coding Arena Score by October 30?", None, "coding"),
        ("Which company has best AI model at the end of July?", None, None),
    ],
)
def test_a_title_names_a_board_or_leaves_it_open(
    title: str, board: str | None, category: str | None
) -> None:
    found = read(title)
    assert (found.board, found.category) == (board, category)
    if board is None:
        assert any(line.startswith("board: ") for line in found.unknown)


@pytest.mark.parametrize(
    ("title", "place", "universe", "unit"),
    [
        ("Which company has the second best AI model at the end of April?", 2, "all", "model"),
        (
            "Which company has the #3 AI model at the end of May? (Style Control On)",
            3,
            "all",
            "model",
        ),
        ("#2 AI Lab at the end of August? (Style Control On)", 2, "all", "company"),
        ("Third-Best Chinese AI Company at the end of August?", 3, "CN", "company"),
        ("Best Chinese AI Company at the end of June?", 1, "CN", "company"),
        ("Top AI model on April 10?", 1, "all", "model"),
    ],
)
def test_place_universe_and_what_is_counted_stand_in_the_title(
    title: str, place: int, universe: str, unit: str
) -> None:
    found = read(title)
    assert (found.place, found.universe, found.unit) == (place, universe, unit)


def test_the_second_highest_score_of_the_rules_is_second_place() -> None:
    rules = OFF.replace("the highest arena score", "the second-highest arena score")
    found = read("Will Google have the second best AI model at the end of September?", rules)
    assert (found.place, found.conflicts) == (2, ())


def test_a_country_as_owner_is_not_a_country_as_universe() -> None:
    rules = (
        "Pays Yes if any model owned by a Chinese company has the highest arena score on the "
        "Chatbot Arena LLM Leaderboard by September 30, 2026, 11:59 PM ET. A tie for #1 is enough."
    )
    by_owner = read("Will a Chinese AI model become #1 by September 30?", rules)
    assert (by_owner.universe, by_owner.owners, by_owner.place) == ("all", ("country:CN",), 1)
    assert (by_owner.when, by_owner.tie_rule) == ("by", "yes")
    assert by_owner.check_at == datetime(2026, 10, 1, 3, 59, tzinfo=UTC)

    rules = rules.replace("any model owned by a", "Alibaba is the").replace("has the", "with the")
    among = read("Will Alibaba be the best Chinese AI company?", rules, label="Alibaba")
    assert (among.universe, among.owners) == ("CN", ("alibaba",))


def test_the_two_families_have_opposite_tie_rules() -> None:
    assert of_september(OFF).tie_rule == "alphabetical"
    enough = OFF.replace("the company whose name comes first in alphabetical order counts", "it")
    said = "If a listed model ties for #1 it will suffice to resolve to Yes."
    assert of_september(f"{enough.partition('If two')[0]}{said}").tie_rule == "yes"
    other = f"{OFF.partition('If two')[0]}If two are tied, the one with more votes wins."
    assert of_september(other).tie_rule == "If two are tied, the one with more votes wins."
    silent = of_september(OFF.partition("If two")[0])
    assert silent.tie_rule is None
    assert "tie_rule: nothing is said of ties" in silent.unknown


@pytest.mark.parametrize(
    ("question", "label", "rules", "threshold"),
    [
        ("Will any AI model reach 1700+ on Chatbot Arena by Nov 30?", "", None, "1700"),
        ("Will any AI model reach ___ Math Arena Score by October 30?", "1550+", None, "1550"),
        ("Which company's AI will first hit 1750 on Chatbot Arena in 2027?", None, None, "1750"),
        (
            "Will any AI model reach ___ Overall Arena Score by November 30?",
            None,
            "Pays Yes if any model reaches an Arena Score of 1525.5 or more by December 31, 2026.",
            "1525.5",
        ),
    ],
)
def test_a_score_to_reach_stands_in_question_leg_or_rules(
    question: str, label: str | None, rules: str | None, threshold: str
) -> None:
    found = read(question, rules, label=label)
    assert (found.threshold, found.place) == (Decimal(threshold), None)
    assert (found.quantity, found.when) == ("score", "by")


def test_a_score_that_only_the_legs_name_is_said_to_be_missing() -> None:
    found = read("Will any AI model reach ___ Overall Arena Score by November 30?")
    assert found.threshold is None
    assert "threshold: the score to reach stands in its legs" in found.unknown
    assert found.owners == ("all",)


def test_a_year_is_no_score() -> None:
    found = read("Will any AI model hit 1500 on Chatbot Arena before 2027?")
    assert found.threshold == 1500
    assert read("Which company has best AI model at the end of 2026?").threshold is None


@pytest.mark.parametrize(
    ("written", "closes_at", "instant"),
    [
        ("on January 31, 2026, 12:00 PM ET", None, datetime(2026, 1, 31, 17, tzinfo=UTC)),
        ("on July 31, 2026, 12:00 PM ET", None, datetime(2026, 7, 31, 16, tzinfo=UTC)),
        ("on July 31, 2026 at noon ET", None, datetime(2026, 7, 31, 16, tzinfo=UTC)),
        ("on July 31, 2026, 12:00 AM ET", None, datetime(2026, 7, 31, 4, tzinfo=UTC)),
        ("at 3:30 p.m. ET on July 31, 2026", None, datetime(2026, 7, 31, 19, 30, tzinfo=UTC)),
        ("on 2026-07-31, 23:00 UTC", None, datetime(2026, 7, 31, 23, tzinfo=UTC)),
        ("on Dec 31, 11:59 PM ET", NEW_YEAR, datetime(2026, 1, 1, 4, 59, tzinfo=UTC)),
        ("at 12:00 PM ET on its last day", NEW_YEAR, datetime(2026, 1, 1, 17, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_local_time_becomes_an_instant_with_summer_time(
    written: str, closes_at: datetime | None, instant: datetime
) -> None:
    rules = f"The highest arena score on the LLM Leaderboard wins when it is checked {written}."
    found = read("Which company has the best AI model?", rules, closes_at=closes_at)
    assert found.check_at == instant


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("on July 31, 2026", "check_at: the day is 2026-07-31, without a time of day"),
        ("on July 31", "check_at: a day without a year and a time"),
        ("on July 31, 2026, 12:00 PM", "check_at: a time of day without a known zone"),
        ("on July 31, 12:00 PM ET", "check_at: the day has no year, and the venue no closing time"),
        ("some day", "check_at: no day is named"),
    ],
)
def test_what_is_no_instant_stays_empty_with_its_reason(written: str, reason: str) -> None:
    rules = f"The highest arena score on the LLM Leaderboard wins when it is checked {written}."
    found = read("Which company has the best AI model?", rules, closes_at=None)
    assert found.check_at is None
    assert reason in found.unknown


def test_where_title_and_rules_disagree_the_rules_count_and_it_is_said() -> None:
    found = read(
        "Will Google have the best AI model on September 16? (Style Control On)",
        OFF,
        label="Google",
    )
    assert found.style_control == "off"
    assert found.conflicts == (
        "style_control: the title says on, the rules say off; the rules count",
        "check_at: the title's day is 09-16, the rules' 2026-09-30; the rules count",
    )
    assert (found.confidence or 0) < (of_september(OFF).confidence or 0)


def test_a_close_far_from_the_check_is_a_conflict() -> None:
    found = of_september(OFF, closes_at=datetime(2026, 11, 30, tzinfo=UTC))
    assert found.conflicts == (
        "check_at: the rules say 2026-09-30, the venue closes 2026-11-30; the rules count",
    )


def test_rules_that_say_both_styles_leave_it_open() -> None:
    found = of_september(OFF + " With the style control on the market would be another one.")
    assert found.style_control == "unstated"
    assert "style_control: the text says both on and off" in found.conflicts


@pytest.mark.parametrize(
    ("question", "label", "reason"),
    [
        ("Will another company have the best AI model?", "Other", "everybody whom no other leg"),
        ("Will Company B have the best AI model?", "Company B", "'Company B' is a placeholder"),
        ("Will Zetacorp have the best AI model?", "Zetacorp", "nobody known is called 'Zetacorp'"),
        ("Which company has the best AI model?", None, "names nobody; its legs do"),
        ("Will qwen9-max be the best AI model on May 1?", "qwen9-max", "only 'qwen9-max' counts"),
        (
            "Will any Google Gemini 9 model score at least 1500 on LMArena?",
            "1500+",
            "only 'Google Gemini 9' counts",
        ),
    ],
)
def test_an_owner_that_cannot_be_known_is_nobody_with_a_reason(
    question: str, label: str | None, reason: str
) -> None:
    found = read(question, OFF, label=label)
    assert found.owners == ()
    assert any(line.startswith("owners: ") and reason in line for line in found.unknown)


def test_a_named_leg_whose_rules_still_show_the_placeholder_is_a_conflict() -> None:
    rules = OFF.replace("owned by Google", "owned by Company B")
    found = read("Will Mistral AI have the best AI model?", rules, label="Mistral AI")
    assert found.owners == ("mistral",)
    assert found.conflicts == (
        "owners: the leg is 'Mistral AI', the rules still say 'Company B'; the leg counts",
    )


def test_open_models_and_places_beyond_the_third_are_not_guessed() -> None:
    weights = read("Which company has the best open-weights AI model end of May?")
    assert weights.universe is None
    top = read("Will a Chinese company have a top 5 AI model by December 31?")
    assert top.place is None
    assert any("asks for the first 5" in line for line in top.unknown)
    debut = read("Zeta Nine: Text Arena Debut?")
    assert (debut.board, debut.place) == ("text", None)
    assert "place: a debut: what is asked for stands in its legs" in debut.unknown


@pytest.mark.parametrize(
    ("question", "rules"),
    [
        ("Will Zeta 9 be released by June 30?", "An announcement on LMArena does not count."),
        ("Which company has the best AI glasses at the end of June?", None),
        ("Will Kimi win the race on Sunday?", "The winner by the official classification."),
        ("Will any model score 95% on the Zeta Benchmark Leaderboard?", None),
        ("", ""),
    ],
)
def test_a_market_on_no_leaderboard_is_empty_with_a_reason(
    question: str, rules: str | None
) -> None:
    found = read(question, rules)
    assert found.is_empty
    assert found.confidence is None
    assert all(getattr(found, name) in (None, ()) for name in SPEC_FIELDS)
    assert len(found.unknown) == 1


def test_a_title_alone_is_worth_less_than_the_rules() -> None:
    alone, full = of_september(None), of_september(OFF)
    assert alone.place == full.place
    assert (alone.confidence or 0) < 0.6 < (full.confidence or 0)
    assert "style_control: the title does not say, and there are no rules" in alone.unknown


def test_what_a_person_sets_wins_and_is_certain() -> None:
    vague = of_september(BEST.format(style="as it stands"))
    found = overridden(vague, {"style_control": "off", "category": "coding"})

    assert (found.style_control, found.category, found.place) == ("off", "coding", 1)
    assert found.unknown == ()
    assert found.confidence == pytest.approx(1.0)


def test_a_score_that_a_person_sets_takes_the_place_of_a_place() -> None:
    found = overridden(of_september(OFF), {"threshold": Decimal(1500)})
    assert (found.threshold, found.place) == (Decimal(1500), None)


def test_a_settlement_set_by_hand_alone_is_as_sure_as_its_fields() -> None:
    nothing = read("Will it rain?")
    found = overridden(nothing, {"board": "text", "place": 2})
    assert (found.is_empty, found.confidence) == (False, pytest.approx(0.4))
    assert overridden(nothing, {}) is nothing
    with pytest.raises(ValueError, match="no such field of a settlement: colour"):
        overridden(nothing, {"colour": "red"})


def test_the_weights_are_a_whole() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


def test_the_shipped_catalog_knows_the_companies_that_legs_name(catalog: Catalog) -> None:
    def owner_of(text: str) -> str | None:
        owner = catalog.owner_of(text)
        return owner.id if owner else None

    for label in ("Google", "Z.ai", "Moonshot", "xAI", "Alibaba", "Meta"):
        question = f"Will {label} have the best AI model at the end of September 2026?"
        found = settlement(question, owner_of=owner_of, label=label, closes_at=CLOSES)
        assert found.owners, label


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=120),
    st.one_of(st.none(), st.text(max_size=400)),
    st.lists(
        st.sampled_from(
            ["Arena", "lmarena.ai/leaderboard/", "style control", "off", "on", "tied", "12 PM ET",
             "February 30", "2026-13-45", "99:99 PM ET", "#1", "second", "AI model", "1500", "\n"]
        ),
        max_size=25,
    ),
)  # fmt: skip
def test_no_text_breaks_the_reader(question: str, rules: str | None, words: list[str]) -> None:
    wild = " ".join(words)
    for text in (rules, wild, f"{rules} {wild}"):
        found = settlement(f"{question} {wild}", rules=text, owner_of=lambda name: None)
        assert found.place in (None, 1, 2, 3)
        assert found.confidence is None or 0 <= found.confidence <= 1
        assert found.is_empty == (found.confidence is None)


def test_a_long_text_is_read_in_no_time() -> None:
    rules = (OFF + " tied " + string.ascii_letters + " highest among chinese ") * 30
    assert of_september(rules[:20_000]).board == "text"
