"""Days and months without a year, read by the words of tense around them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from signals.dates import find_dates
from signals.text import normalize

SPRING = datetime(2026, 3, 2, 8, tzinfo=UTC)  # a Monday


def dates(text: str, published: datetime | None = SPRING) -> list[tuple[str, str]]:
    return [(found.iso, found.precision) for found in find_dates(normalize(text), published)]


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("to launch on December 3", "2026-12-03"),
        ("will ship on December 3", "2026-12-03"),
        ("launched on December 3", "2025-12-03"),
        ("out since December 3", "2025-12-03"),
        ("December 3 keynote", "2025-12-03"),
        ("将于12月3日发布", "2026-12-03"),
        ("已于12月3日发布", "2025-12-03"),
        ("12月3日的发布会", "2025-12-03"),
        ("預計12月3日開售", "2026-12-03"),
    ],
)
def test_day_without_year_follows_the_verb_else_lies_behind(text: str, iso: str) -> None:
    assert dates(text) == [(iso, "day")]


@pytest.mark.parametrize("text", ["3月20日开启预售", "Preorders March 20"])
def test_day_soon_ahead_is_ahead_when_nothing_else_is_said(text: str) -> None:
    assert dates(text) == [("2026-03-20", "day")]


def test_tense_of_the_nearest_clause_decides() -> None:
    text = "它在11月12日发布了首款产品，新品将于12月3日开售"

    assert dates(text) == [("2025-11-12", "day"), ("2026-12-03", "day")]


def test_weekday_ahead_follows_the_verb() -> None:
    assert dates("It will launch on Friday") == [("2026-03-06", "day")]
    assert dates("It launched on Friday") == [("2026-02-27", "day")]


@pytest.mark.parametrize(
    ("text", "iso", "precision"),
    [
        ("expected to launch in May", "2026-05", "month"),
        ("launched in May", "2025-05", "month"),
        ("预计7月中旬上线", "2026-07", "month"),
        ("下月发布", "2026-04", "month"),
        ("next month", "2026-04", "month"),
        ("明年上市", "2027", "year"),
        ("去年发布", "2025", "year"),
    ],
)
def test_months_and_years_are_as_exact_as_given(text: str, iso: str, precision: str) -> None:
    assert dates(text) == [(iso, precision)]


@pytest.mark.parametrize("text", ["3个月后", "it may work", "版本5.2", "a march on the city"])
def test_what_is_no_month_is_none(text: str) -> None:
    assert dates(text) == []


def test_without_publication_a_bare_month_says_nothing() -> None:
    assert dates("launching in May", None) == []
    assert dates("下月发布", None) == [("", "relative")]
