from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.instants import instant_from_ms, instant_from_s, instant_or_none
from monitor.sources.numbers import count_or_none, decimal, decimal_or_none, probability, quantity


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("0.86", "0.86"),
        (".48", "0.48"),
        ("-5.2", "-5.2"),
        ("12", "12"),
        (0, "0"),
        (0.001, "0.001"),
        (1e-05, "0.00001"),
        ("0.5843311669077693146635445446077281", "0.5843311669077693146635445446077281"),
    ],
)
def test_plain_numbers_keep_their_exact_value(raw: object, expected: str) -> None:
    assert decimal_or_none(raw) == Decimal(expected)


@pytest.mark.parametrize("raw", [None, ""])
def test_nothing_is_none_and_never_zero(raw: object) -> None:
    assert decimal_or_none(raw) is None
    assert probability(raw) is None
    assert count_or_none(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        "nan", "NaN", "Infinity", "-inf", "1e999", "1e1000000000", "1,000", "1.000,5", "6_4_0",
        "٣", "0x1f", "--1", "1.2.3", " ", ".", "one", True, False, [], {}, b"1",
        float("nan"), float("inf"), 10**400, 1e300, "9" * 19, "1\n",
    ],
)  # fmt: skip
def test_poison_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decimal_or_none(raw)


@pytest.mark.parametrize("raw", ["-0.1", "1.01", 2, "999999999"])
def test_a_price_outside_its_range_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match="not a probability"):
        probability(raw)


@given(st.decimals(min_value=0, max_value=1, places=6))
def test_every_price_survives_its_way_through_text(price: Decimal) -> None:
    assert probability(format(price, "f")) == price


def test_sizes_may_not_be_negative() -> None:
    assert quantity("3.5") == Decimal("3.5")
    with pytest.raises(ValueError, match="negative"):
        quantity("-3.5")


def test_a_required_number_names_what_is_missing() -> None:
    with pytest.raises(ValueError, match="score is missing"):
        decimal(None, what="score")


@pytest.mark.parametrize(("raw", "expected"), [(12, 12), (12.0, 12), ("12", 12), (0, 0)])
def test_counts_are_whole(raw: object, expected: int) -> None:
    assert count_or_none(raw) == expected


@pytest.mark.parametrize("raw", [1.5, -1, "1.5", "1,000", True, "x", float("inf")])
def test_what_is_no_count_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        count_or_none(raw)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-12-31T12:00:00Z", "2025-12-31T12:00:00+00:00"),
        ("2026-04-01T18:24:05.41Z", "2026-04-01T18:24:05.410000+00:00"),
        ("2026-06-17 20:04:49+00", "2026-06-17T20:04:49+00:00"),
        ("2026-06-17T20:04:49+02:00", "2026-06-17T18:04:49+00:00"),
        ("2025-12-31", "2025-12-31T00:00:00+00:00"),
    ],
)
def test_iso_instants_become_utc(text: str, expected: str) -> None:
    instant = instant_or_none(text)

    assert instant is not None
    assert instant.isoformat() == expected


@pytest.mark.parametrize("text", ["soon", "2026-02-30", 5, "0001-01-01T00:00:00Z", "2" * 50])
def test_garbled_instants_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        instant_or_none(text)


def test_epochs_are_read_in_their_unit() -> None:
    assert instant_from_s(1780315200) == instant_from_ms("1780315200000")


@pytest.mark.parametrize("raw", [1780315200123, -1, 0, 2**63, True, "x"])
def test_an_epoch_in_the_wrong_unit_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        instant_from_s(raw)
