"""What a cue tells once the words around it are heard: denied, hedged, of something else, past."""

from __future__ import annotations

import re
from collections.abc import Sequence

from signals.cues import Turn
from signals.mentions import Mention, Word
from signals.passages import Passage

HEDGED = frozenset({"launch", "rank_change"})
DENIED = frozenset({"launch", "preorder", "rumor"})


def told_kind(
    kind: str, word: Word, mention: Mention, passage: Passage, turns: Sequence[Turn]
) -> str | None:
    """Return the kind that a cue of `kind` tells about `mention`, or None when it tells nothing.

    A launch that is denied is a `delay_cancel`, one that is only expected, planned, dated after
    publication or said to come is a `rumor`; a delay that is denied is `other`. A launch that is
    only the start of a span ("two weeks after the launch") tells nothing.
    """
    if kind == "launch" and _is_start_of_span(word, passage):
        return None
    clause = passage.clause_of(word.start)
    kind = _turned(kind, clause, passage, turns)
    if _is_denied(word, clause, passage):
        if kind in DENIED:
            return "delay_cancel"
        return "other" if kind == "delay_cancel" else kind
    if kind in HEDGED and _is_hedged(kind, word, mention, clause, passage):
        return "rumor"
    return kind


def is_subordinate(word: Word, passage: Passage) -> bool:
    """Return whether a cue stands in a relative clause or before 的, and so is told by the way."""
    text, start = passage.normal.text, passage.clause_of(word.start)[0]
    if text.startswith("的", word.end):
        return True
    return _RELATIVE.match(text, start) is not None


def _is_start_of_span(word: Word, passage: Passage) -> bool:
    text = passage.normal.text
    if _SINCE_AFTER.match(text, word.end):
        return True
    if word.pattern.text not in _RELEASES:
        return False
    return _SINCE_BEFORE.search(text, max(passage.start, word.start - 40), word.start) is not None


def _turned(kind: str, clause: tuple[int, int], passage: Passage, turns: Sequence[Turn]) -> str:
    for place, turn in enumerate(turns):
        label = f"turn:{place}"
        if turn.kind == kind and label in passage.labels and passage.has(label, clause):
            return turn.becomes
    return kind


def _is_denied(word: Word, clause: tuple[int, int], passage: Passage) -> bool:
    labels = passage.labels
    if "@refuted" in labels and passage.has("@refuted", clause):
        return True
    if "@not" not in labels:
        return False
    text = passage.normal.text
    for other in passage.words_in(clause):
        # "no plans" and "plans to" share a word.
        if "@not" in other.pattern.labels and other.start < word.start:
            between = text[other.end : word.start]
            if len(between) <= (_REACH_LATIN if between.isascii() else _REACH_HAN):
                return True
    return False


def _is_hedged(
    kind: str, word: Word, mention: Mention, clause: tuple[int, int], passage: Passage
) -> bool:
    spans = {clause, passage.clause_of(mention.start)}
    if kind != "rank_change" and any(
        s <= place < e and not _is_told_apart(word, place, passage)
        for place in passage.future
        for s, e in spans
    ):
        return True
    labels = passage.labels
    if "@maybe" not in labels and "@maybe_before" not in labels:
        return False
    spans |= {head for span in spans if (head := _head(span, passage)) is not None}
    for span in spans:
        for other in passage.words_in(span):
            if "@maybe_before" in other.pattern.labels and other.start < word.end:
                return True
            if kind != "rank_change" and "@maybe" in other.pattern.labels:
                return True
    return False


def _is_told_apart(word: Word, place: int, passage: Passage) -> bool:
    """Return whether another deed stands between a cue and a later date, which is its own."""
    return _ANOTHER_DEED.search(passage.normal.text, word.end, max(word.end, place)) is not None


def _head(clause: tuple[int, int], passage: Passage) -> tuple[int, int] | None:
    """Return the clause before a colon that introduces another: "消息称：", "前瞻："."""
    text = passage.normal.text
    for before in passage.clauses:
        if before[1] == clause[0] and text[before[0] : before[1]].rstrip().endswith(":"):
            return before
    return None


_RELEASES = frozenset(("launch", "release", "debut", "unveil"))
# How far a "not" reaches, in characters of the text between it and the cue.
_REACH_LATIN = 26
_REACH_HAN = 8
_SPAN = r"(?:\d+|[一两二三四五六七八九十半几数仅近才了])+ ?个?(?:小时|天|日|周|月|年|季度)"
_SINCE_AFTER = re.compile(
    rf" ?(?:后)?(?:仅|不到|才|近)?{_SPAN}|前(?!沿|端|瞻|列|所)|(?:后|之后)(?=(?:仅|不到|近)?\d)"
    r"| (?:\d+|one|two|three|six|a few) (?:hours?|days?|weeks?|months?|years?) ago"
)
_SINCE_BEFORE = re.compile(
    r"(?:days?|weeks?|months?|years?|hours?) (?:after|since|following)"
    r" (?:its |the |their |a |that )?[a-z0-9 .-]{0,24}$"
    r"|\b(?:since|after|following) (?:its |the |their )?$"
)
_ANOTHER_DEED = re.compile(
    r" and (?:also )?(?:promis|plan|pledg|expect|aim|intend|say|said|will |vow|commit)[a-z]*"
    r"|[，,、 ](?:并|并且|同时|还)(?:承诺|计划|预计|表示|将|宣布|拟)"
)
_RELATIVE = re.compile(r" ?(?:which|who|whose|whom|where|that) ")
