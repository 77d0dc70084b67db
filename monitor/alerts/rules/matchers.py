"""What rules, silences and inhibitions ask of an alert's labels, in Alertmanager's notation.

A label may have several values, as the themes of a story told once. A label that an alert lacks
reads as the empty text, as in Alertmanager.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from monitor.expressions import checked_expression
from monitor.problems import suggestion

Label = Literal[
    "rule", "on", "severity", "theme", "kind", "entity", "source", "venue", "series", "market",
    "board", "state", "verdict", "direction",
]  # fmt: skip
Labels: TypeAlias = Mapping[str, tuple[str, ...]]
LABELS: tuple[str, ...] = get_args(Label)
OPERATORS = ("=", "!=", "=~", "!~")
MAX_LENGTH = 500
_WRITTEN = re.compile(r"\s*(\w*)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_ABSENT = ("",)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One question to one label: `op` is = (any value equals), != (none does), =~ or !~.

    Expressions match the whole value.
    """

    label: str
    op: str
    value: str

    def __str__(self) -> str:
        """Return the matcher as it is written, its value in quotes; it parses to the same."""
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.label}{self.op}"{escaped}"'

    def holds(self, labels: Labels) -> bool:
        """Return whether `labels` answer as asked."""
        values = labels.get(self.label) or _ABSENT
        if self.op in ("=", "!="):
            return (self.value in values) == (self.op == "=")
        expression = re.compile(self.value)
        return any(expression.fullmatch(value) for value in values) == (self.op == "=~")


def matches_all(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Return whether each of `matchers` holds; none asks nothing."""
    return all(matcher.holds(labels) for matcher in matchers)


def parse_matcher(text: str) -> Matcher:
    r"""Return the matcher that `text` writes: `venue=polymarket`, `theme=~"ai-.*"`, `kind!=rumor`.

    A value may stand in double quotes, with \" \\ and \n in it. Raises ValueError saying what is
    wrong: no operator, an unknown label, a bad expression, or more than 500 characters.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"longer than a matcher may be, {MAX_LENGTH} characters")
    written = _WRITTEN.fullmatch(text)
    if written is None or not written[1]:
        raise ValueError(
            f"{_shown(text)} is no matcher; write label, operator ({' '.join(OPERATORS)}) and "
            "value, as in venue=polymarket"
        )
    label, op, value = written[1], written[2], _unquoted(written[3])
    if label not in LABELS:
        close = suggestion(label, LABELS)
        raise ValueError(f"unknown label {_shown(label)}{close}; one of {', '.join(LABELS)}")
    if op in ("=~", "!~"):
        _check_expression(value)
    return Matcher(label, op, value)


def _check_expression(value: str) -> None:
    try:
        checked_expression(value)
    except ValueError as error:
        raise ValueError(f"{_shown(value)} {error}") from error


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        if '"' in text:
            raise ValueError(f"a quote inside {_shown(text)}; put the whole value in quotes")
        return text
    quoted = re.fullmatch(r'"((?:[^"\\]|\\["\\n])*)"', text, re.DOTALL)
    if quoted is None:
        raise ValueError(
            f'the quotes of {_shown(text)} do not pair; inside them write \\" for a quote and '
            "\\\\ for a backslash"
        )
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], quoted[1])


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:56]}…")


def _parsed(value: Any) -> Matcher:
    if isinstance(value, Matcher):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a text, as in venue=polymarket")  # noqa: TRY004 - what pydantic takes
    return parse_matcher(value)


AnyMatcher = Annotated[
    Matcher,
    PlainValidator(_parsed),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string"}),
]
