"""The zero-width joiner: part of an emoji or a letter, or an invisible character to leave out."""

from __future__ import annotations

import re

JOINER = "\u200d"
_EMOJI = "\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_PRESENTATION = "\ufe0f"
# Viramas of the scripts of India and Sri Lanka; a joiner behind one chooses the letter's form.
_VIRAMAS = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
_LONE = re.compile(
    f"(?<![{_VIRAMAS}])(?:(?<![{_EMOJI}])(?<![{_EMOJI}]{_PRESENTATION}){JOINER}"
    f"|{JOINER}(?![{_EMOJI}]))"
)


def without_lone_joiners(text: str) -> str:
    """Return `text` with the joiners that make one emoji of several or form a letter, no others.

    Source: UTS #51, ED-16 (emoji zwj sequence); RFC 5892, A.2 (ZERO WIDTH JOINER).
    """
    return _LONE.sub("", text) if JOINER in text else text


def lone_joiners(text: str) -> frozenset[int]:
    """Return the places in `text` of the joiners that join nothing."""
    if JOINER not in text:
        return frozenset()
    return frozenset(found.start() for found in _LONE.finditer(text))
