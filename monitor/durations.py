"""Durations and sizes as people write them in the config: `30s 5m 4h 7d`, `16MiB`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

# A century: instants that far from now can still be written down, longer ones overflow.
MAX_DURATION = timedelta(days=36_500)
MAX_DIGITS = 12
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"([0-9]+)\s*([smhdw])")
_SIZE = re.compile(r"([0-9]+)\s*(B|KiB|MiB|GiB|TiB)?")
_SIZE_POWER = {"B": 0, "KiB": 1, "MiB": 2, "GiB": 3, "TiB": 4}


def parse_duration(text: object) -> timedelta:
    """Return the length of `text`, such as `90s` or `1h30m`; at most a century.

    Raises ValueError when it is not a number with a unit of s, m, h, d or w.
    """
    if isinstance(text, timedelta):
        return text
    cleaned = str(text).strip().lower()
    parts = _DURATION.findall(cleaned)
    if not parts or _DURATION.sub("", cleaned).strip():
        raise ValueError(
            f"{_shown(text)} is not a duration; write a number with s, m, h or d, as in 5m"
        )
    readable = all(len(number) <= MAX_DIGITS for number, _ in parts)
    seconds = sum(int(number) * _UNIT_S[unit] for number, unit in parts) if readable else None
    if seconds is None or seconds > MAX_DURATION.total_seconds():
        raise ValueError(f"{_shown(text)} is longer than a duration may be, {MAX_DURATION.days}d")
    return timedelta(seconds=seconds)


def format_duration(delta: timedelta) -> str:
    """Return `delta` in the largest unit that states it exactly, such as `5m`."""
    seconds = int(delta.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNIT_S[unit] == 0:
            return f"{seconds // _UNIT_S[unit]}{unit}"
    return f"{seconds}s"


def parse_size(text: object) -> int:
    """Return the bytes of `text`, such as `16MiB` (1 KiB = 1024 bytes) or a plain number.

    Raises ValueError when it is no size or less than one byte.
    """
    match = None if isinstance(text, bool) else _SIZE.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(
            f"{_shown(text)} is not a size; write a number with KiB, MiB or GiB, as in 5GiB"
        )
    if len(match[1]) > MAX_DIGITS:
        raise ValueError(f"{_shown(text)} is larger than a size may be")
    size = int(match[1]) * int(1024 ** _SIZE_POWER[match[2] or "B"])
    if size < 1:
        raise ValueError(f"{_shown(text)} must be at least 1 byte")
    return size


def _shown(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= 40 else f"{shown[:36]}…"


def _longer_than_nothing(delta: timedelta) -> timedelta:
    if delta <= timedelta(0):
        raise ValueError("must be longer than 0s")
    return delta


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str)
]
PositiveDuration = Annotated[Duration, AfterValidator(_longer_than_nothing)]
Size = Annotated[int, BeforeValidator(parse_size)]
