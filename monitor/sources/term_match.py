"""Whether a text really holds the words that were asked for.

Searches upstream are typo-tolerant and match prefixes, so what they give is checked again here:
NFKC and casefold, Latin words on ASCII word boundaries, Han by substring, and between the words
of a phrase any run of blanks, hyphens, dots or slashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from signals.text import fold

_QUOTED = re.compile(r'"([^"]+)"|(\S+)')
_SEPARATORS = re.compile(r"[\s\-_/+.]+")
_BETWEEN = r"[\s\-_/+.%]*"


def any_of(terms: Iterable[str]) -> re.Pattern[str]:
    """Return the expression that finds one of `terms` in a folded text."""
    # Longest first, so that what is found is the most telling one.
    wanted = sorted({fold(term) for term in terms if fold(term)}, key=lambda t: (-len(t), t))
    return re.compile("|".join(map(_bounded, wanted)) or "(?!)")


def all_of(query: str) -> tuple[re.Pattern[str], ...]:
    """Return an expression for each word or "quoted phrase" of `query`; all must be found."""
    parts = [quoted or word for quoted, word in _QUOTED.findall(query)]
    return tuple(any_of([part]) for part in parts)


def _bounded(term: str) -> str:
    words = [re.escape(word) for word in _SEPARATORS.split(term) if word] or [re.escape(term)]
    left = r"(?<![a-z0-9])" if _is_latin(term[0]) else ""
    right = r"(?![a-z0-9])" if _is_latin(term[-1]) else ""
    return f"{left}{_BETWEEN.join(words)}{right}"


def _is_latin(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()
