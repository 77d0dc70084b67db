from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.alerts.words.payload import safe_url, signed_pp
from monitor.alerts.words.payload_parts import counted, listing, signed
from storage.columns import dump_json

Build = Callable[..., Any]
ANY_TEXT = st.text(st.characters(), max_size=60)


@pytest.mark.parametrize(("facts", "ends"), [
    (("CNY 1,899",), "CNY 1,899 · 2025-11-27"),
    (("2025-12-01",), "mentions 2025-12-01 · 2025-11-27"),
    (("2025-11-27",), "launch · 2025-11-27"),  # the same day once
    (("2025-12",), "mentions 2025-12 · 2025-11-27"),
])  # fmt: skip
def test_a_title_has_one_unlabelled_date_the_publication(
    a_signal: Build, stored: Build, facts: tuple[str, ...], ends: str
) -> None:
    title = stored(a_signal(facts=facts))["title"]
    assert title.endswith(ends)


def test_legs_are_one_title_and_the_rest_an_exact_count(a_move: Build, stored: Build) -> None:
    legs = [a_move(outcome_id=n, label=f"L{n}") for n in range(7)]
    payload = stored(*legs)
    assert payload["title"].endswith("L3 −9.0 pp (0.92 → 0.83) and 3 more")
    assert len(payload["legs"]) == len(payload["alerts"]) == 7


@pytest.mark.parametrize(("series", "name"), [
    ("best-company", "best-company"), ("hW2kQx9z", "Which company?"), (None, "Which company?"),
])  # fmt: skip
def test_a_series_id_that_says_nothing_is_shown_by_its_title(
    a_move: Build, stored: Build, series: str | None, name: str
) -> None:
    title = stored(a_move(series=series, series_title="Which company?"))["title"]
    assert title.startswith(f"{name}: Alibaba")


def test_responses_put_the_largest_leg_first_and_say_then_never_why(
    a_link: Build, stored: Build
) -> None:
    legs = [a_link(), a_link(outcome_id=2, label="Moonshot", move=-0.2, price_before=0.5,
                             price_after=0.3, verdict="moved_down")]  # fmt: skip
    payload = stored(*legs)
    assert payload["title"] == (
        "Alibaba · Quark AI glasses · launch · then Moonshot −20.0 pp (0.50 → 0.30), "
        "Alibaba +6.0 pp (0.30 → 0.36) within 1 h"
    )
    assert [leg["label"] for leg in payload["legs"]] == ["Moonshot", "Alibaba"]


def test_a_move_before_the_news_is_not_told_as_a_response(a_link: Build, stored: Build) -> None:
    title = stored(a_link(verdict="moved_before", window_s=900))["title"]
    assert "then" not in title
    assert title.endswith("within 15 min · moved before")


@pytest.mark.parametrize(("changes", "title"), [
    ({"series": None, "series_title": None, "state": "dispute"},
     "Will Alibaba be best? · disputed"),
    ({"label": "Alibaba", "state": "resolved"}, "best-company-end-of-july · resolved · Alibaba"),
    ({"state": "rules_changed"},
     "best-company-end-of-july · rules changed · Will Alibaba be best?"),
])  # fmt: skip
def test_a_state_of_a_market_is_told_in_words(
    a_market: Build, stored: Build, changes: dict[str, Any], title: str
) -> None:
    assert stored(a_market(**changes))["title"] == title


def test_several_markets_of_no_titled_series_say_how_many(a_market: Build, stored: Build) -> None:
    views = [a_market(series_title=None, question=f"Q{n}?") for n in range(3)]
    payload = stored(*views)
    assert payload["headline"] == "Q0? and 2 more"
    assert "3 markets: Q0?, Q1?, Q2?" in payload["title"]


def test_labels_are_never_empty_and_entries_are_one_a_leg(
    a_link: Build, a_market: Build, stored: Build, now: datetime
) -> None:
    for payload in (stored(a_link(series=None)), stored(a_market(series=None, themes=()))):
        (entry,) = payload["alerts"]
        assert all(entry["labels"].values())
        assert set(entry) == {"labels", "annotations", "startsAt", "generatorURL"}


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=ANY_TEXT)
def test_any_text_is_stored_as_bounded_json_and_breaks_no_table(
    a_signal: Build, a_move: Build, a_link: Build, a_market: Build, stored: Build, text: str
) -> None:
    payloads = [
        stored(a_signal(title=text, facts=(text,), reasons=(text,), entity_names=(text,))),
        stored(a_move(series_title=text, label=text, rules_text=text)),
        stored(a_link(title=text, label=text, settles=text)),
        stored(a_market(question=text, said=text, label=text)),
    ]
    for payload in payloads:
        assert json.loads(dump_json(payload)) == payload
        dump_json(payload).encode()
        table = io.StringIO()
        csv.writer(table).writerow([payload["title"], payload["headline"]])
        (row,) = csv.reader(io.StringIO(table.getvalue()))
        assert row == [payload["title"], payload["headline"]]
        assert "\n" not in payload["title"]


def test_a_megabyte_of_title_is_kept_as_three_hundred_characters(
    a_signal: Build, a_move: Build, stored: Build
) -> None:
    huge = "夸" * 1_000_000
    for payload in (stored(a_signal(title=huge, facts=(huge,))), stored(a_move(label=huge))):
        assert len(dump_json(payload)) < 10_000


@pytest.mark.parametrize(("url", "kept"), [
    ("https://a.example/x?y=1", True), ("HTTP://a.example", True), ("javascript:alert(1)", False),
    ("https://a.example/ b", False), ("https://a.example/\ud800", False), (None, False),
])  # fmt: skip
def test_only_plain_links_are_kept(url: str | None, kept: bool) -> None:
    assert safe_url(url) == (url if kept else None)


def test_numbers_are_said_in_plain_english() -> None:
    assert [signed_pp(change) for change in (-0.09, 0.3, 0.0, -0.0001, None)] == [
        "−9.0 pp", "+30.0 pp", "+0.0 pp", "+0.0 pp", "no price",
    ]  # fmt: skip
    assert [counted(number, "publisher") for number in (0, 1, 2, 1234)] == [
        "0 publishers", "1 publisher", "2 publishers", "1,234 publishers",
    ]  # fmt: skip
    assert listing(["a", "b", "c"], shown=2) == "a, b and 1 more"
    assert signed(-3, "+g") == "−3"


def test_a_market_closing_says_the_hour_it_closes(
    a_market: Build, stored: Build, now: datetime
) -> None:
    title = stored(a_market(state="closing", closes_at=now + timedelta(hours=5)))["title"]
    assert title.endswith("closes 2025-11-27 17:00 UTC")
