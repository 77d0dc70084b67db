"""A market's texts as the parser reads them, and one part of what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

# A title leaves out what the rules say at length, so a value from it alone is worth less.
TITLE_ONLY = 0.8
CONTRADICTED = 0.5
ASSUMED = 0.7

_QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "‑": "-", "–": "-", "\u00a0": " "})
_CLOCK = re.compile(r"\b([ap])\.\s?m\.", re.I)
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])|\n+|(?<=\.\")\s+")
_TIE = re.compile(r"\b(tie|ties|tied|tying)\b", re.I)
_FALL_BACK = re.compile(
    r"\b(unavailable|back online|comes back|accessible again|resolution source for|"
    r"primary resolution source|credible source)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Texts:
    """One market's titles and rules. `main` is the rules without their asides.

    `ties` are the sentences on ties; those on a source that is gone say nothing of the terms.
    """

    question: str
    series_title: str
    label: str
    rules: str
    main: str
    ties: tuple[str, ...]

    @property
    def titles(self) -> str:
        """Return the question and the series' title; the question comes first."""
        return " | ".join(
            dict.fromkeys(text for text in (self.question, self.series_title) if text)
        )


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """One field as read: its value, how sure 0..1, and what was left unknown or contradicted."""

    value: T | None
    certainty: float
    unknown: str | None = None
    conflict: str | None = None


def read_texts(
    question: str, series_title: str | None, label: str | None, rules: str | None
) -> Texts:
    """Return the texts with plain quotes and the rules told apart by sentence."""
    sentences = list(_sentences(_plain(rules or "")))
    return Texts(
        question=_plain(question),
        series_title=_plain(series_title or ""),
        label=_plain(label or ""),
        rules=" ".join(sentences),
        main=" ".join(s for s in sentences if not _TIE.search(s) and not _FALL_BACK.search(s)),
        ties=tuple(s for s in sentences if _TIE.search(s)),
    )


def agreed(titles: T | None, rules: T | None, *, silent: str) -> Part[T]:
    """Return the value both texts give; where they differ the rules count, and it is said."""
    if rules is None:
        return Part(titles, TITLE_ONLY) if titles is not None else Part(None, 0.0, silent)
    if titles is not None and titles != rules:
        conflict = f"the title says {titles}, the rules say {rules}; the rules count"
        return Part(rules, CONTRADICTED, conflict=conflict)
    return Part(rules, 1.0)


def _plain(text: str) -> str:
    text = _CLOCK.sub(lambda found: f"{found.group(1)}m", text.translate(_QUOTES))
    return "\n".join(" ".join(line.split()) for line in text.splitlines()).strip()


def _sentences(text: str) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(text):
        if sentence and sentence.strip():
            yield sentence.strip()
