from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from monitor.sources.base import SourceModel
from monitor.sources.pace import (
    CEILING,
    Hints,
    addresses,
    from_plain,
    hints_of,
    planned_pause,
    to_plain,
)
from monitor.sources.web_address import BaseAddress, WebAddress
from storage.records import Batch, Pace
from tests.builders import NOON, at

MINUTE = timedelta(minutes=1)


class TwoHosts(SourceModel):
    kind: Literal["two"] = "two"
    api_url: BaseAddress = "https://api.example"
    page_url: WebAddress = "https://page.example/x"
    query: str = "glasses"


def test_the_longest_wait_and_all_skipped_hours_of_the_pages_hold() -> None:
    pages = [
        Batch(pace=Pace(60 * MINUTE, frozenset({1}), frozenset({6}))),
        Batch(pace=Pace(30 * MINUTE, frozenset({2}))),
        Batch(),
    ]
    found = hints_of(pages, 90 * MINUTE, known=None)
    assert found == Hints(60 * MINUTE, 90 * MINUTE, frozenset({1, 2}), frozenset({6}))
    assert found.wait == 90 * MINUTE


def test_an_unchanged_document_asks_what_it_asked_before() -> None:
    known = Hints(60 * MINUTE, 5 * MINUTE, frozenset({1}))
    assert hints_of([], None, known) == Hints(60 * MINUTE, None, frozenset({1}))


def test_a_changed_document_that_asks_nothing_any_more_is_believed() -> None:
    assert hints_of([Batch()], None, Hints(60 * MINUTE)) is None


@pytest.mark.parametrize(
    "hints", [None, Hints(MINUTE, 2 * MINUTE, frozenset({0, 23}), frozenset({0})), Hints(MINUTE)]
)
def test_hints_are_kept_as_json(hints: Hints | None) -> None:
    assert from_plain(to_plain(hints)) == hints


def test_only_web_addresses_of_the_config_count_as_addresses() -> None:
    assert addresses(TwoHosts(name="two")) == ("https://api.example", "https://page.example/x")
    assert addresses(object()) == ()


def test_the_planned_pause_of_auto_is_what_was_chosen_last() -> None:
    auto, fixed = TwoHosts(name="two", every="auto"), TwoHosts(name="two", every="7m")
    known = {"last_ok_at": NOON, "next_due": at(35), "failures": 0}
    assert planned_pause(auto, **known) == 35 * MINUTE
    assert planned_pause(fixed, **known) == 7 * MINUTE
    assert planned_pause(auto, **{**known, "failures": 1}) == CEILING
