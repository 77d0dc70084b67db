from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from monitor.sources.fingerprint import (
    POLLS_TO_JUDGE,
    Fingerprint,
    drift_after,
    drift_words,
    findings,
    looks,
    updated,
)
from storage.columns import dump_json
from storage.records import Batch, Reject
from tests.builders import NOON, a_quote, a_standing, an_item

KEY = "feed/items"


def items(count: int, **given: Any) -> Batch:
    values = {"summary": "A text.", **given}
    return Batch(items=tuple(an_item(f"g{n}", **values) for n in range(count)))


def quotes(count: int, bid: str | None = "0.40", ask: str | None = "0.42", **given: Any) -> Batch:
    rows = (a_quote(NOON, bid, ask, venue_outcome_id=str(n), **given) for n in range(count))
    return Batch(quotes=tuple(rows))


def poll(known: Fingerprint, *batches: Batch, shape: str = "feed") -> tuple[Fingerprint, Any]:
    seen = looks((shape, batch) for batch in batches)
    found = findings(known, seen)
    return updated(known, seen, found), found


def usual(*batches: Batch, polls: int = POLLS_TO_JUDGE, shape: str = "feed") -> Fingerprint:
    known: Fingerprint = {}
    for _ in range(polls):
        known, _ = poll(known, *batches, shape=shape)
    return known


def words(known: Fingerprint, *batches: Batch, shape: str = "feed") -> list[str]:
    _, found = poll(known, *batches, shape=shape)
    return [word for said in found.values() for word in said]


def test_the_same_again_departs_from_nothing() -> None:
    known = usual(items(30))
    assert words(known, items(30)) == []
    assert known[KEY]["rows"] == 30
    assert known[KEY]["shares"]["summary"] == 0
    assert known[KEY]["shares"]["content"] == 1


def test_few_polls_judge_nothing() -> None:
    assert words(usual(items(30), polls=POLLS_TO_JUDGE - 1), items(1)) == []


def test_a_vanished_field_is_named_with_how_often_it_was_there() -> None:
    mixed = Batch(items=(*items(49).items, an_item("last")))
    assert words(usual(mixed), items(50, summary=None)) == ["items: summary vanished (was in 98 %)"]


def test_a_field_that_was_often_missing_may_be_missing() -> None:
    half = Batch(items=(*items(5).items, *(an_item(f"x{n}") for n in range(5))))
    assert words(usual(half), items(10, summary=None)) == []


def test_a_few_rows_without_a_field_say_nothing() -> None:
    assert words(usual(items(30)), items(4, summary=None)) == [
        "items: rows of a page fell from about 30 to 4"
    ]
    assert words(usual(items(6)), items(4, summary=None)) == []


def test_a_listing_that_shrinks_to_almost_nothing_is_said() -> None:
    boards = [Batch(standings=tuple(a_standing(f"m{n}", n) for n in range(100)))]
    few = Batch(standings=tuple(a_standing(f"m{n}", n) for n in range(3)))
    assert words(usual(*boards, shape="board"), few, shape="board") == [
        "standings: rows of a page fell from about 100 to 3"
    ]


def test_a_source_whose_rows_come_and_go_is_not_judged_by_their_number() -> None:
    known: Fingerprint = {}
    for count in (30, 2, 12, 0, 25, 40):
        known, _ = poll(known, items(count))
    assert words(known, items(0)) == []
    assert words(known, items(1)) == []


def test_all_rows_dropped_is_told_from_no_rows() -> None:
    known = usual(items(30))
    refused = Batch(rejects=tuple(Reject("no title", "<item>") for _ in range(30)))
    assert words(known, refused) == ["items: all rows dropped, 30 refused"]
    assert words(known, Batch()) == ["items: no rows, where a page had about 30"]


@pytest.mark.parametrize(
    ("bid", "ask", "said"),
    [
        ("0", "0", ["quotes: every price became 0"]),
        (None, None, ["quotes: every price is missing"]),
        ("0.9995", "1", ["quotes: every price stands at 0 or 1"]),
        ("0.10", "0.12", []),
    ],
)
def test_prices_that_all_became_nothing_are_no_flat_line(
    bid: str | None, ask: str | None, said: list[str]
) -> None:
    assert words(usual(quotes(8), shape="books"), quotes(8, bid, ask), shape="books") == said


def test_one_side_of_every_book_missing_is_a_vanished_field() -> None:
    known = usual(quotes(8), shape="books")
    assert words(known, quotes(8, bid=None), shape="books") == [
        "quotes: bid vanished (was in 100 %)"
    ]


def test_a_book_of_two_outcomes_may_lose_its_price() -> None:
    assert words(usual(quotes(2), shape="books"), quotes(2, "0", "0"), shape="books") == []


def test_a_page_that_did_not_come_is_not_judged() -> None:
    known = usual(items(30))
    after, found = poll(known, shape="feed")
    assert found == {}
    assert after == known


def test_shapes_are_judged_apart() -> None:
    known = {**usual(items(30), shape="news"), **usual(items(3), shape="blog")}
    assert words(known, items(3), shape="blog") == []


def test_what_departs_is_learned_slowly_and_in_the_end_is_usual() -> None:
    known, polls = usual(items(30)), 0
    while words(known, items(30, summary=None)) and polls < 200:
        known, _ = poll(known, items(30, summary=None))
        polls += 1
    assert 20 < polls < 100


def test_a_fingerprint_comes_back_from_the_store_as_it_was() -> None:
    known = usual(items(3), quotes(3))
    assert json.loads(dump_json(known)) == known


def test_a_drift_lasts_until_the_page_is_sound_again() -> None:
    begun = drift_after(None, {KEY: ["items: x vanished"]}, at="T1")
    assert begun == {"since": "T1", "said": {KEY: ["items: x vanished"]}}
    assert drift_after(begun, {}, at="T2") == begun, "not judged"
    grown = drift_after(begun, {"blog/items": ["items: no rows"]}, at="T3")
    assert grown is not None
    assert grown["since"] == "T1"
    assert drift_words(grown) == ["items: x vanished", "items: no rows"]
    assert drift_after(begun, {KEY: []}, at="T4") is None
    assert drift_words(None) == []


def test_a_decimal_zero_is_no_missing_value() -> None:
    seen = looks([("feed", quotes(3, "0", "0"))])
    assert seen["feed/quotes"].shares["bid"] == 0
    changed = replace(quotes(1).quotes[0], bid=Decimal(0))
    assert changed.bid == 0
