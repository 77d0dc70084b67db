"""Whether a text says something good or bad of what it names, where it says so at all."""

from __future__ import annotations

from collections.abc import Container, Sequence

from signals.mentions import Mention, Word
from signals.passages import Passage


def polarity(passages: Sequence[Passage], named: Container[str]) -> dict[str, str]:
    """Return negative or positive by entity, for the entities in `named` of which it is stated.

    Clause by clause; the first clause that says so counts. A denied bad thing is positive, a
    denied good one negative; of a comparison ("X falls short of Y", "X tops Y") only what stands
    before it is meant.
    """
    said: dict[str, str] = {}
    for passage in passages:
        if passage.labels.isdisjoint(_TELLING):
            continue
        for clause in passage.clauses:
            told = _told(list(passage.words_in(clause)))
            if told is None:
                continue
            side, word, compares = told
            inside = [m for m in passage.mentions if clause[0] <= m.start < clause[1]]
            for mention in _meant(inside or list(passage.mentions), word, compares=compares):
                if mention.entity_id in named:
                    said.setdefault(mention.entity_id, side)
    return said


def _told(words: Sequence[Word]) -> tuple[str, Word, bool] | None:
    """Return the side that a clause takes, the word that says it, and whether that compares."""
    denied = any("@denial" in word.pattern.labels for word in words)
    bad = _first(words, "@negative", without="@denial")
    if bad is not None:
        side = "positive" if denied else "negative"
        return side, bad, "@comparison" in bad.pattern.labels
    refusal = next((w for w in words if w.pattern.labels >= _REFUSAL), None)
    if refusal is not None:
        return "negative", refusal, False
    good = _first(words, "@positive", without="@denial")
    if good is not None:
        return ("negative" if denied else "positive"), good, "@comparison" in good.pattern.labels
    return None


def _first(words: Sequence[Word], label: str, *, without: str) -> Word | None:
    for word in words:
        if label in word.pattern.labels and without not in word.pattern.labels:
            return word
    return None


def _meant(mentions: Sequence[Mention], word: Word, *, compares: bool) -> Sequence[Mention]:
    before = [mention for mention in mentions if mention.start < word.start]
    return before if compares and before else mentions


_TELLING = frozenset(("@negative", "@positive"))
_REFUSAL = frozenset(("@negative", "@denial"))
