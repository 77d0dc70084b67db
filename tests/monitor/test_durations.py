from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.durations import MAX_DURATION, format_duration, parse_duration, parse_size


@pytest.mark.parametrize(("text", "seconds"), [
    ("30s", 30), ("5m", 300), ("4h", 14_400), ("7d", 604_800), ("2w", 1_209_600),
    ("1h30m", 5_400), ("1h 30m", 5_400), (" 5 M ", 300), ("0s", 0), ("36500d", 3_153_600_000),
])  # fmt: skip
def test_a_duration_is_numbers_with_units(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", [
    "", "5", 5, "m", "5x", "5m!", "-5s", "1.5h", "½h", "٣h", "5m then 3", None, True, "nan", "infs",
])  # fmt: skip
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration; write a number with s, m, h or d"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["36501d", "9" * 12 + "w", "9" * 5000 + "s"])
def test_a_duration_is_at_most_a_century_so_that_instants_do_not_overflow(text: str) -> None:
    with pytest.raises(ValueError, match=f"longer than a duration may be, {MAX_DURATION.days}d"):
        parse_duration(text)


def test_a_refusal_repeats_no_more_than_a_few_characters() -> None:
    with pytest.raises(ValueError, match="is not a duration") as caught:
        parse_duration("x" * 100_000)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(("seconds", "text"), [
    (0, "0s"), (1, "1s"), (90, "90s"), (300, "5m"), (5_400, "90m"), (7_200, "2h"), (86_400, "1d"),
])  # fmt: skip
def test_a_duration_is_shown_in_the_largest_unit_that_states_it_exactly(
    seconds: int, text: str
) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.integers(min_value=0, max_value=3_153_600_000))
@settings(max_examples=50)
def test_a_shown_duration_reads_back_as_itself(seconds: int) -> None:
    delta = timedelta(seconds=seconds)
    assert parse_duration(format_duration(delta)) == delta


@pytest.mark.parametrize(("text", "size"), [
    ("1B", 1), ("16MiB", 16 * 1024**2), ("5 GiB", 5 * 1024**3), (4096, 4096), ("4096", 4096),
])  # fmt: skip
def test_a_size_is_a_number_with_or_without_a_unit(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(("text", "why"), [
    ("16MB", "is not a size"), ("", "is not a size"), (-4, "is not a size"),
    (1.5, "is not a size"), (True, "is not a size"), (float("inf"), "is not a size"),
    (0, "at least 1 byte"), ("0GiB", "at least 1 byte"), ("9" * 20 + "B", "larger than a size"),
])  # fmt: skip
def test_what_is_no_size_is_refused(text: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_size(text)
