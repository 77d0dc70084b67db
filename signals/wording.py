"""What changed between two wordings of a text, word by word and short enough to be told."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

MAX_DIFF = 400
CONTEXT_WORDS = 4
# Comparing takes time that grows with the product of the lengths.
MAX_WORDS = 3000


def same_words(before: str, after: str) -> bool:
    """Return whether two texts differ in white space only."""
    return before.split() == after.split()


def changed_words(before: str, after: str) -> tuple[tuple[str, str], ...]:
    """Return (words taken away, words put in) of each place that differs, in order."""
    return tuple((" ".join(old), " ".join(new)) for _, old, new, _ in _changes(before, after))


def word_diff(before: str, after: str, *, limit: int = MAX_DIFF) -> str:
    """Return the changed places with a few words around, such as `control [-off-] {+on+} will`.

    Cut to `limit` characters; an ellipsis says so. Empty when only white space differs.
    """
    shown = []
    for left, old, new, right in _changes(before, after):
        marks = [f"[-{' '.join(old)}-]" if old else "", f"{{+{' '.join(new)}+}}" if new else ""]
        shown.append(" ".join(part for part in (" ".join(left), *marks, " ".join(right)) if part))
    text = " … ".join(shown)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _changes(
    before: str, after: str
) -> Iterator[tuple[list[str], list[str], list[str], list[str]]]:
    old, new = before.split()[:MAX_WORDS], after.split()[:MAX_WORDS]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            left, right = new[max(j1 - CONTEXT_WORDS, 0) : j1], new[j2 : j2 + CONTEXT_WORDS]
            yield left, old[i1:i2], new[j1:j2], right
