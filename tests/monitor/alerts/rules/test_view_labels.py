from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter

from monitor.alerts.rules import AnyRule, Rule
from monitor.alerts.rules.matchers import LABELS
from monitor.alerts.rules.view_labels import LABELS_OF, direction_of, view_labels

Build = Callable[..., Any]


def a_rule(on: str, **changes: Any) -> Rule:
    adapter: TypeAdapter[Rule] = TypeAdapter(AnyRule)
    return adapter.validate_python({"name": "r", "channels": ["console"], "on": on, **changes})


def test_every_label_of_a_view_is_one_that_its_kind_has(
    a_signal: Build,
    a_move: Build,
    a_link: Build,
    a_standing: Build,
    a_market: Build,
    a_source: Build,
) -> None:
    views = {
        "signal": a_signal(venues=("polymarket",), markets=("516",)),
        "move": a_move(market_id="516"),
        "link": a_link(),
        "standing": a_standing(),
        "market": a_market(entities=("alibaba",)),
        "source": a_source(),
    }
    for kind, view in views.items():
        labels = view_labels(a_rule(kind, severity="warning"), view)
        assert tuple(sorted(labels)) == tuple(sorted(LABELS_OF[kind]))
        assert (labels["rule"], labels["on"], labels["severity"]) == (("r",), (kind,), ("warning",))
    assert {label for own in LABELS_OF.values() for label in own} == set(LABELS)


def test_what_a_view_does_not_know_has_no_label(a_move: Build) -> None:
    labels = view_labels(a_rule("move"), a_move(series=None, themes=(), move=0.0))
    assert set(labels) == {"rule", "on", "severity", "venue", "verdict"}


def test_a_change_of_a_board_is_its_kind(a_standing: Build) -> None:
    labels = view_labels(a_rule("standing"), a_standing())
    assert (labels["kind"], labels["board"]) == (("new_leader",), ("text",))


@pytest.mark.parametrize(("move", "direction"), [
    (0.01, "up"), (-0.01, "down"), (0.0, None), (None, None),
])  # fmt: skip
def test_no_change_has_no_direction(move: float | None, direction: str | None) -> None:
    assert direction_of(move) == direction
