"""Renames: which name on a later page is the same model as a name that is gone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

_SIZE = re.compile(
    "air|flash|haiku|instant|large|lite|medium|mini|nano|opus|plus|small|sonnet|tiny|turbo"
)
_WORD = re.compile(r"[a-z]+(?=\d)|[a-z0-9]+(?:\.[0-9]+)*")
_DATE = re.compile(r"\d{4,8}")


class Ranked(Protocol):
    """A row as renames see it: a name, its owner, a score with its interval."""

    @property
    def model(self) -> str:
        """Return the name on the board."""
        ...

    @property
    def organization(self) -> str | None:
        """Return the owner, None where the page does not say."""
        ...

    @property
    def score(self) -> float:
        """Return the score in points."""
        ...

    @property
    def ci_low(self) -> float | None:
        """Return the interval's lower end."""
        ...

    @property
    def ci_high(self) -> float | None:
        """Return the interval's upper end."""
        ...


def renamed(previous: Sequence[Ranked], current: Sequence[Ranked], depth: int) -> dict[str, str]:
    """Return old name -> new name for models in the first `depth` rows that only changed it.

    A name that is gone and one that is new are the same model when the organization is the same
    (or one page does not say), the names agree up to words that are no version and no size
    (`-preview`, `-thinking`, `-max`, a date, a bracket), and the intervals overlap (without
    intervals: the whole points are equal). The closest scores pair first; each name is used once.
    """
    before = {row.model for row in previous}
    after = {row.model for row in current}
    gone = [row for row in previous[:depth] if row.model not in after]
    new = [row for row in current[:depth] if row.model not in before]
    pairs = sorted(
        (abs(old.score - row.score), old.model, row.model)
        for old in gone
        for row in new
        if _is_same(old, row)
    )
    names: dict[str, str] = {}
    for _, old_name, new_name in pairs:
        if old_name not in names and new_name not in names.values():
            names[old_name] = new_name
    return names


def same_family(a: str, b: str) -> bool:
    """Return whether two names differ only in words that are no version and no size."""
    first, second = _words(a), _words(b)
    common = 0
    while common < min(len(first), len(second)) and first[common] == second[common]:
        common += 1
    tails = first[common:] + second[common:]
    return common > 0 and not any(_is_identity(word) for word in tails)


def _is_same(old: Ranked, new: Ranked) -> bool:
    owners = {old.organization, new.organization} - {None}
    return len(owners) < 2 and same_family(old.model, new.model) and _overlap(old, new)


def _overlap(a: Ranked, b: Ranked) -> bool:
    if a.ci_low is None or a.ci_high is None or b.ci_low is None or b.ci_high is None:
        return round(a.score) == round(b.score)
    return a.ci_low <= b.ci_high and b.ci_low <= a.ci_high


def _words(name: str) -> list[str]:
    return _WORD.findall(name.casefold())


def _is_identity(word: str) -> bool:
    is_version = any(letter.isdigit() for letter in word) and _DATE.fullmatch(word) is None
    return is_version or _SIZE.fullmatch(word) is not None
