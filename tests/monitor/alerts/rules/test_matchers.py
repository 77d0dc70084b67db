from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from monitor.alerts.rules.matchers import (
    LABELS,
    OPERATORS,
    AnyMatcher,
    Matcher,
    matches_all,
    parse_matcher,
)


class Holder(BaseModel):
    matchers: tuple[AnyMatcher, ...] = ()


@pytest.mark.parametrize(("text", "matcher"), [
    ("venue=polymarket", Matcher("venue", "=", "polymarket")),
    ("  venue = polymarket  ", Matcher("venue", "=", "polymarket")),
    ('theme!="ai-wearables"', Matcher("theme", "!=", "ai-wearables")),
    ('kind=~"launch|rumor"', Matcher("kind", "=~", "launch|rumor")),
    ("series!~best-.*", Matcher("series", "!~", "best-.*")),
    ("series=", Matcher("series", "=", "")),
    ('series=""', Matcher("series", "=", "")),
    ("series=a=b", Matcher("series", "=", "a=b")),
    ('market="say \\"hi\\" \\\\ \\n"', Matcher("market", "=", 'say "hi" \\ \n')),
])  # fmt: skip
def test_a_matcher_is_read_as_alertmanager_writes_it(text: str, matcher: Matcher) -> None:
    assert parse_matcher(text) == matcher


@pytest.mark.parametrize(("text", "says"), [
    ("", "'' is no matcher; write label, operator (= != =~ !~) and value, as in venue=polymarket"),
    ("polymarket", "'polymarket' is no matcher; write label, operator"),
    ("=polymarket", "'=polymarket' is no matcher"),
    ("venue>3", "'venue>3' is no matcher"),
    ("a b=c", "'a b=c' is no matcher"),
    ("vanue=x", "unknown label 'vanue' (did you mean venue?); one of rule, on, severity, theme, "),
    ("venue=~(", "'(' is no regular expression: "),
    ("venue=~(a+)+", "'(a+)+' repeats a group that repeats inside"),
    ('venue="x', "the quotes of '\"x' do not pair"),
    ('venue="a" or "b"', "do not pair"),
    ('venue="\\d"', "do not pair"),
    ('venue=a"b', "a quote inside 'a\"b'; put the whole value in quotes"),
    ("venue=" + "x" * 500, "longer than a matcher may be, 500 characters"),
])  # fmt: skip
def test_a_wrong_matcher_is_refused_and_says_why(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_matcher(text)


def test_a_long_text_is_not_repeated_in_full() -> None:
    with pytest.raises(ValueError, match="is no matcher") as caught:
        parse_matcher("x" * 400)
    assert len(str(caught.value)) < 200


@given(st.sampled_from(LABELS), st.sampled_from(("=", "!=")), st.text(max_size=100))
@settings(max_examples=100)
def test_what_is_written_reads_back_the_same(label: str, op: str, value: str) -> None:
    matcher = Matcher(label, op, value)
    assert parse_matcher(str(matcher)) == matcher


@pytest.mark.parametrize(("text", "holds"), [
    ("theme=a", True),
    ("theme=b", True),
    ("theme=c", False),
    ("theme!=a", False),
    ("theme!=c", True),
    ("theme=~[bc]", True),
    ("theme=~c|d", False),
    ("theme!~[bc]", False),
    ("theme!~c", True),
])  # fmt: skip
def test_any_of_several_values_makes_a_label_equal(text: str, holds: bool) -> None:
    assert parse_matcher(text).holds({"theme": ("a", "b")}) == holds


@pytest.mark.parametrize("value", ["polymarkets", "a polymarket", "polymarket\n", "Polymarket"])
def test_an_expression_matches_the_whole_value_and_its_case(value: str) -> None:
    assert not parse_matcher("venue=~poly.*t").holds({"venue": (value,)})


@pytest.mark.parametrize(("text", "holds"), [
    ("series=", True),
    ("series!=", False),
    ("series!=x", True),
    ("series=x", False),
    ("series=~.*", True),
    ("series=~.+", False),
    ("series!~.+", True),
])  # fmt: skip
@pytest.mark.parametrize("labels", [{}, {"series": ()}])
def test_a_label_that_is_not_there_reads_as_empty(
    text: str, holds: bool, labels: dict[str, tuple[str, ...]]
) -> None:
    assert parse_matcher(text).holds(labels) == holds


def test_all_matchers_must_hold_and_none_asks_nothing() -> None:
    labels = {"venue": ("kalshi",), "theme": ("a",)}
    asked = [parse_matcher("venue=kalshi"), parse_matcher("theme=a")]
    assert matches_all(asked, labels)
    assert not matches_all([*asked, parse_matcher("theme!=a")], labels)
    assert matches_all([], labels)


@given(
    st.sampled_from(OPERATORS),
    st.sampled_from(["a", "b", ""]),
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=3),
)
def test_an_operator_and_its_opposite_never_agree(op: str, value: str, values: list[str]) -> None:
    opposite = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}[op]
    labels = {"theme": tuple(values)}
    assert Matcher("theme", op, value).holds(labels) != Matcher("theme", opposite, value).holds(
        labels
    )


def test_a_model_takes_matchers_as_text_and_gives_them_back_so() -> None:
    held = Holder.model_validate({"matchers": ["venue = kalshi", Matcher("on", "=", "move")]})
    assert held.matchers == (Matcher("venue", "=", "kalshi"), Matcher("on", "=", "move"))
    assert held.model_dump(mode="json") == {"matchers": ['venue="kalshi"', 'on="move"']}
    assert Holder.model_json_schema()["properties"]["matchers"]["items"] == {"type": "string"}


@pytest.mark.parametrize("value", [5, None, {"venue": "kalshi"}])
def test_a_model_refuses_what_is_no_text(value: object) -> None:
    with pytest.raises(ValidationError, match="must be a text, as in venue=polymarket"):
        Holder.model_validate({"matchers": [value]})
