"""Durations and sizes as people write them in the config: `30s 5m 4h 7d`, `16MiB`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"([0-9]+)\s*([smhdw])")
_SIZE = re.compile(r"([0-9]+)\s*(B|KiB|MiB|GiB|TiB)")
_SIZE_POWER = {"B": 0, "KiB": 1, "MiB": 2, "GiB": 3, "TiB": 4}


def parse_duration(text: object) -> timedelta:
    """Return the length of `text`, such as `90s` or `1h30m`.

    Raises ValueError when it is not a number with a unit of s, m, h, d or w.
    """
    if isinstance(text, timedelta):
        return text
    cleaned = str(text).strip().lower()
    parts = _DURATION.findall(cleaned)
    if not parts or _DURATION.sub("", cleaned).strip():
        raise ValueError(f"{text!r} is not a duration; write a number with s, m, h or d, as in 5m")
    try:
        return timedelta(seconds=sum(int(number) * _UNIT_S[unit] for number, unit in parts))
    except OverflowError as error:
        raise ValueError(f"{text!r} is longer than a duration may be") from error


def format_duration(delta: timedelta) -> str:
    """Return `delta` in the largest unit that states it exactly, such as `5m`."""
    seconds = int(delta.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNIT_S[unit] == 0:
            return f"{seconds // _UNIT_S[unit]}{unit}"
    return f"{seconds}s"


def parse_size(text: object) -> int:
    """Return the bytes of `text`, such as `16MiB` (1 KiB = 1024 bytes)."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    match = _SIZE.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size; write a number with KiB, MiB or GiB, as in 5GiB")
    return int(match[1]) * int(1024 ** _SIZE_POWER[match[2]])


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str)
]
Size = Annotated[int, BeforeValidator(parse_size)]
