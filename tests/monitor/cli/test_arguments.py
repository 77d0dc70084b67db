from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import typer

from monitor.cli.arguments import hoist_global_options, parse_range, parse_when

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("given", "hoisted"), [
    (["status", "-c", "x.yaml", "--json"], ["-c", "x.yaml", "status", "--json"]),
    (["status", "--config=x.yaml", "-v"], ["--config=x.yaml", "-v", "status"]),
    (["status", "-cx.yaml"], ["-cx.yaml", "status"]),
    (["-q", "poll", "a", "--no-color"], ["-q", "--no-color", "poll", "a"]),
    (["tag", "--", "-v", "-c"], ["tag", "--", "-v", "-c"]),
    (["tag", "-"], ["tag", "-"]),
    ([], []),
])  # fmt: skip
def test_global_options_may_stand_anywhere_before_a_double_dash(
    given: list[str], hoisted: list[str]
) -> None:
    assert hoist_global_options(given) == hoisted


def test_a_config_option_without_a_file_is_a_usage_error() -> None:
    with pytest.raises(typer.BadParameter, match="a file must follow"):
        hoist_global_options(["status", "--config"])


@pytest.mark.parametrize(("text", "instant"), [
    ("24h", NOW - timedelta(days=1)),
    ("0s", NOW),
    ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
    ("2026-03-01T05:50", datetime(2026, 3, 1, 5, 50, tzinfo=UTC)),
    ("2026-03-01T05:50Z", datetime(2026, 3, 1, 5, 50, tzinfo=UTC)),
    ("2026-03-01T05:50+08:00", datetime(2026, 2, 28, 21, 50, tzinfo=UTC)),
])  # fmt: skip
def test_a_when_is_a_span_back_or_an_instant_in_utc(text: str, instant: datetime) -> None:
    assert parse_when(text, now=NOW) == instant


@pytest.mark.parametrize("text", [
    "", "garbage", "2026-02-30", "99999999d", "0001-01-01T00:00+05:00", "x" * 100_000,
])  # fmt: skip
def test_a_when_that_is_neither_names_the_option(text: str) -> None:
    with pytest.raises(typer.BadParameter) as caught:
        parse_when(text, now=NOW, option="--since")
    message = caught.value.format_message()
    assert message.startswith("Invalid value for --since: ")
    assert len(message) < 200


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    assert parse_range("2d", "1d", now=NOW) == (NOW - timedelta(days=2), NOW - timedelta(days=1))
    assert parse_range(None, None, now=NOW) == (None, None)
    for since, until in (("1d", "2d"), ("2026-03-01", "2026-03-01")):
        with pytest.raises(typer.BadParameter, match="ends before it begins"):
            parse_range(since, until, now=NOW)
