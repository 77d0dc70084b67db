"""A stretch of text that tells one thing, and what was found in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from signals.mentions import Mention, Word
from signals.text import Normal


@dataclass(frozen=True, slots=True)
class Passage:
    """A segment of one field with what was found in it; places are in `normal.text`.

    `around` are the words of the whole title that the segment is from, digest parts aside; in
    prose, those of the segment. `future` are the places of dates after publication.
    """

    field: str
    normal: Normal
    start: int
    end: int
    clauses: tuple[tuple[int, int], ...]
    mentions: tuple[Mention, ...]
    words: tuple[Word, ...]
    around: tuple[Word, ...]
    labels: frozenset[str]
    future: tuple[int, ...] = ()

    def words_in(self, span: tuple[int, int]) -> Iterator[Word]:
        """Yield the words that begin in a span."""
        return (word for word in self.words if span[0] <= word.start < span[1])

    def has(self, label: str, span: tuple[int, int]) -> bool:
        """Return whether a word with this label begins in a span."""
        return any(label in word.pattern.labels for word in self.words_in(span))

    def clause_of(self, place: int) -> tuple[int, int]:
        """Return the clause that holds a place."""
        for clause in self.clauses:
            if clause[0] <= place < clause[1]:
                return clause
        return self.start, self.end

    def original(self, start: int, end: int) -> str:
        """Return the original text behind a span."""
        first, last = self.normal.origin(start, end)
        return self.normal.original[first:last]

    def quoted(self, start: int, end: int) -> str:
        """Return the original text behind a span with its place in the field."""
        first, last = self.normal.origin(start, end)
        return f"'{self.normal.original[first:last]}' [{first}:{last}]"

    def is_within_name(self, word: Word) -> bool:
        """Return whether a word is part of a name ("Ban" in "Ray-Ban")."""
        return any(m.start <= word.start and word.end <= m.name_end for m in self.mentions)


@dataclass(frozen=True, slots=True)
class Subject:
    """A mention that counts for a theme, and the profiles whose cues apply to it.

    `only` is a kind that it alone may have, or `maker` for a company known by its models.
    """

    mention: Mention
    about: str
    profiles: frozenset[str]
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A subject and the cue word that tells a happening of `kind` about it.

    `nominal`: the cue names a new thing, no deed; `denied`: the kind comes from a denial.
    """

    kind: str
    word: Word
    subject: Subject
    passage: Passage
    nominal: bool = False
    denied: bool = False

    @property
    def spans(self) -> frozenset[tuple[int, int]]:
        """Return the clauses of the name and of its cue: one when they stand together."""
        places = (self.word.start, self.subject.mention.start)
        return frozenset(self.passage.clause_of(place) for place in places)

    @property
    def is_beside(self) -> bool:
        """Return whether the cue stands in the clause of the name."""
        return len(self.spans) == 1
