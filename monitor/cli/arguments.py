"""Arguments as people type them: global options anywhere, instants and spans of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from monitor.durations import parse_duration

_FLAGS = {"-v", "--verbose", "-q", "--quiet", "--no-color"}
_WITH_VALUE = {"-c", "--config"}


def hoist_global_options(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the global options first, so that they may stand anywhere.

    What follows `--` is left alone.
    """
    first: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            return [*first, *rest, argument, *waiting]
        if argument in _FLAGS or argument.startswith("--config="):
            first.append(argument)
        elif argument in _WITH_VALUE:
            first += [argument, *(value for value in [next(waiting, None)] if value is not None)]
        else:
            rest.append(argument)
    return [*first, *rest]


def parse_when(text: str | None, *, now: datetime) -> datetime | None:
    """Return an instant: ISO 8601 (UTC when it names no zone) or a span back, such as `30d`."""
    if text is None:
        return None
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is neither an instant (2026-11-22, 2026-11-22T05:50Z) nor a span (24h, 30d)"
        ) from error
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
