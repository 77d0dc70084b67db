"""Regular expressions that people write, checked when they are read and not when they are used."""

from __future__ import annotations

import re

MAX_LENGTH = 500
# Such a repeat inside a repeat takes time that doubles with each character.
_REPEATED_REPEAT = re.compile(r"(?<!\\)\((?:[^()\\]|\\.)*[+*}](?:[^()\\]|\\.)*\)[+*{]")


def checked_expression(text: str) -> str:
    """Return `text`, a regular expression of at most 500 characters.

    Raises ValueError when it is none, too long, or repeats a group that repeats inside.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"is longer than an expression may be, {MAX_LENGTH} characters")
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is no regular expression: {error}") from error
    if _REPEATED_REPEAT.search(text):
        raise ValueError("repeats a group that repeats inside; write it without one of them")
    return text
