"""Arguments as people type them: global options anywhere, instants and spans of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import typer

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
        if argument in _WITH_VALUE:
            value = next(waiting, None)
            if value is None:
                raise typer.BadParameter("a file must follow", param_hint=argument)
            first += [argument, value]
        elif argument in _FLAGS or argument.startswith(("--config=", "-c")):
            first.append(argument)
        else:
            rest.append(argument)
    return [*first, *rest]


def parse_when(text: str | None, *, now: datetime, option: str | None = None) -> datetime | None:
    """Return an instant: ISO 8601 (UTC when it names no zone) or a span back, such as `30d`.

    Raises typer.BadParameter naming `option` when it is neither.
    """
    from monitor.durations import parse_duration

    if text is None:
        return None
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"{text[:60]!r} is neither an instant (2026-11-22, 2026-11-22T05:50Z) nor a span "
            "(24h, 30d)",
            param_hint=option,
        ) from error


def parse_range(
    since: str | None, until: str | None, *, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return both ends of a range. Raises typer.BadParameter when it ends before it begins."""
    start = parse_when(since, now=now, option="--since")
    end = parse_when(until, now=now, option="--until")
    if start is not None and end is not None and end <= start:
        raise typer.BadParameter("the range ends before it begins", param_hint="--since, --until")
    return start, end
