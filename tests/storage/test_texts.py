from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.instants import format_instant, from_ms, parse_instant, to_ms
from storage.texts import (
    cell_text,
    csv_line,
    decimal_text,
    format_float,
    guard,
    micro_text,
    ms_text,
    parse_json,
    unguard,
)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
SPICE = "='+-@\t\r\n\x00 \u00a0\u3000\ufeff\u200b\"＝＋－＠,;a1."
SPICED = st.text(st.sampled_from(SPICE), max_size=8)
LAST_MS = 253_402_300_799_999

DANGEROUS = [
    "=1+1",
    '=HYPERLINK("https://evil.example";"x")',
    "+SUM(A1)",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\x00=1+1",
    " =1+1",
    "\u00a0=1",
    "\u3000=1",
    "\ufeff=1",
    "\u200b=1",
    "＝1+1",
    "－1",
    "＠x",
    "'=1",
    "''",
    "-",
    "\t5",
    "-1_000",
    "-１",
]


@pytest.mark.parametrize("cell", DANGEROUS)
def test_a_cell_that_a_spreadsheet_would_run_is_guarded(cell: str) -> None:
    assert guard(cell) == "'" + cell
    assert unguard(guard(cell)) == cell


PLAIN = ["-5.2", "+1", "0.5", "-.5", "1e-7", "-3.", "12", "", "a=b", "x'y"]


@pytest.mark.parametrize("cell", PLAIN)
def test_plain_numbers_and_texts_stay_as_they_are(cell: str) -> None:
    assert guard(cell) == cell
    assert unguard(cell) == cell


@given(TEXTS | SPICED)
def test_every_text_comes_back_from_its_guard(cell: str) -> None:
    assert unguard(guard(cell)) == cell


@given(TEXTS | SPICED)
def test_no_guarded_text_begins_with_a_formula(cell: str) -> None:
    shown = guard(cell)
    if shown.startswith(("=", "@", "\t", "\r", "\x00")):
        pytest.fail(f"{shown!r} would be run")


@given(st.integers(-(10**12), 10**12), st.integers(0, 7))
def test_plain_decimals_are_never_guarded(amount: int, places: int) -> None:
    text = decimal_text(amount, places)
    assert guard(text) == text


def test_a_quote_in_front_of_a_harmless_text_of_another_program_is_kept() -> None:
    assert unguard("'tis the season") == "'tis the season"


@given(st.lists(TEXTS | SPICED, min_size=2, max_size=4))
def test_a_csv_record_is_read_back_cell_by_cell(cells: list[str]) -> None:
    reader = csv.reader(io.StringIO(csv_line(cells), newline=""), strict=True)
    assert list(reader) == [cells]


@given(st.integers(-(10**12), 10**12), st.integers(1, 7))
def test_decimal_text_is_exact_and_has_no_spare_zero(amount: int, places: int) -> None:
    text = decimal_text(amount, places)
    assert Decimal(text) == Decimal(amount).scaleb(-places)
    assert "E" not in text
    assert "." not in text or text[-1] not in "0."


def test_prices_are_written_short_and_missing_ones_empty() -> None:
    amounts = (0, 1, 500_000, 1_000_000, -10_000, None)
    assert [micro_text(a) for a in amounts] == ["0", "0.000001", "0.5", "1", "-0.01", ""]
    assert [micro_text(None, 7), decimal_text(None, 2), decimal_text(1234, 2)] == ["", "", "12.34"]


@given(st.integers(0, LAST_MS))
def test_ms_text_is_the_instants_own_form(milliseconds: int) -> None:
    text = ms_text(milliseconds)
    if milliseconds >= to_ms(datetime(1000, 1, 1, tzinfo=UTC)):
        assert text == format_instant(from_ms(milliseconds))
    assert to_ms(parse_instant(text)) == milliseconds


def test_ms_text_before_1970_counts_backwards() -> None:
    assert ms_text(-1) == "1969-12-31T23:59:59.999Z"


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_a_float_is_written_at_ten_digits_without_an_exponent(value: float) -> None:
    text = format_float(value)
    assert "e" not in text.lower()
    assert float(text) == pytest.approx(value, rel=1e-9, abs=0)
    assert "." not in text or text[-1] not in "0."


def test_floats_are_written_as_a_hand_would() -> None:
    found = [format_float(value) for value in (0.1 + 0.2, 5.0, -0.0, 1e-7, 100.0, 1e15)]
    assert found == ["0.3", "5", "0", "0.0000001", "100", "1000000000000000"]


def test_every_kind_of_value_has_one_form() -> None:
    instant = datetime(2026, 11, 22, 5, 50, 11, 123_999, tzinfo=UTC)
    values = {
        "": None,
        "true": True,
        "2026-11-22T05:50:11.123Z": instant,
        "2026-11-22": date(2026, 11, 22),
        '["b","a"]': ["b", "a"],
        '{"a":1,"b":"数"}': {"b": "数", "a": 1},
        "1460.50": Decimal("1460.50"),
        "7": 7,
    }
    assert {text: cell_text(value) for text, value in values.items()} == {t: t for t in values}
    assert cell_text(float("nan")) == ""
    assert (parse_json('["b"]'), parse_json("")) == (["b"], None)
