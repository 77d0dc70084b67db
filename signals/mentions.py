"""Entities and cue words found in a text by one Aho-Corasick pass."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick

from signals.cues import CueBook
from signals.entities import Alias, Entity
from signals.patterns import Pattern, compile_patterns, is_word
from signals.text import Normal, normalize


@dataclass(frozen=True, slots=True)
class Mention:
    """One entity named at `[start, end)` of a normalised text.

    `name_end` is where the alias itself ends; a version ("k3") fills the rest.
    """

    entity_id: str
    start: int
    end: int
    name_end: int
    strength: str
    alias: Alias

    @property
    def versioned(self) -> bool:
        """Return whether a version token belongs to the mention."""
        return self.end > self.name_end or self.alias.code


@dataclass(frozen=True, slots=True)
class Word:
    """A cue, block or context word at `[start, end)` of a normalised text."""

    start: int
    end: int
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass found: words, and names whose context is not checked yet."""

    normal: Normal
    words: tuple[Word, ...]
    names: tuple[Mention, ...]


class Lexicon:
    """The compiled automaton over aliases, cue words, context words and labelled extra words."""

    def __init__(
        self,
        entities: Sequence[Entity],
        cues: CueBook,
        extra: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.patterns = compile_patterns(entities, cues, extra)
        texts = [pattern.text for pattern in self.patterns]
        self._automaton = AhoCorasick(texts) if texts else None
        tails = "|".join(sorted(map(re.escape, cues.version_tails), key=len, reverse=True))
        self._version = re.compile(_VERSION.replace("TAILS", tails or "(?!)"))

    def scan(self, normal: Normal) -> Scan:
        """Return the words and candidate names of a normalised text."""
        words: list[Word] = []
        names: list[Mention] = []
        text = normal.text
        for place, start, end in self._hits(text):
            pattern = self.patterns[place]
            if pattern.left and start and is_word(text[start - 1]):
                continue
            if pattern.aliases:
                names.extend(self._names(pattern, normal, start, end))
            if pattern.right and end < len(text) and is_word(text[end]):
                continue
            words.append(Word(start, end, pattern))
        return Scan(normal, _swallow(words), tuple(names))

    def _hits(self, text: str) -> Iterable[tuple[int, int, int]]:
        if self._automaton is None:
            return ()
        return self._automaton.find_matches_as_indexes(text, overlapping=True)

    def read(self, text: str) -> tuple[Mention, ...]:
        """Return the mentions of a free-standing text, context checked within it."""
        scan = self.scan(normalize(text))
        return resolve(scan.names, scan.words)

    def _names(self, pattern: Pattern, normal: Normal, start: int, end: int) -> Iterable[Mention]:
        version_end = None
        for entity_id, alias in pattern.aliases:
            stop = end
            if alias.version:
                if version_end is None:
                    found = self._version.match(normal.text, end)
                    version_end = found.end() if found else end
                stop = version_end
            if alias.digits and stop == end:
                continue
            open_ended = pattern.right and stop == end < len(normal.text)
            if open_ended and is_word(normal.text[end]):
                continue
            if alias.exact and not _same_case(alias.text, normal, start, end):
                continue
            yield Mention(entity_id, start, stop, end, alias.strength, alias)


def resolve(
    names: Sequence[Mention],
    words: Sequence[Word],
    context: frozenset[str] = frozenset(),
    anywhere: frozenset[str] = frozenset(),
) -> tuple[Mention, ...]:
    """Return the names whose needs are met and blocks absent among `words`, longest winning.

    `context` are labels found nearby (in the title, for a sentence of the body), `anywhere` those
    of the whole field, where codes find what they are of. A name inside
    a longer accepted name is dropped, whoever it belongs to ("Spark" in "Muse Spark"), and so is
    one that needs a version where another is spelled out ("千问G1" the glasses, not the model G1);
    other equal spans all stay. Ordered by place.
    """
    accepted = [mention for mention in names if _fits(mention, words, frozenset())]
    borrowed = [
        mention
        for mention in names
        if _fits(mention, words, context | anywhere if mention.alias.code else context)
    ]
    # Words elsewhere may settle a doubtful name; they never add a second reading to a clear one.
    accepted += [b for b in borrowed if not any(_touches(b, known) for known in accepted)]
    accepted.sort(key=lambda m: (m.start, -m.end, -m.name_end))
    kept: list[Mention] = []
    for mention in accepted:
        if any(_inside(mention, longer) for longer in kept):
            continue
        if any(m.entity_id == mention.entity_id and m.start == mention.start for m in kept):
            continue
        kept.append(mention)
    return tuple(kept)


def _swallow(words: Sequence[Word]) -> tuple[Word, ...]:
    decoys = [word for word in words if word.pattern.decoy]
    if not decoys:
        return tuple(words)
    return tuple(word for word in words if not _is_swallowed(word, decoys))


def _is_swallowed(word: Word, decoys: Sequence[Word]) -> bool:
    if word.pattern.decoy or not word.pattern.is_telling:
        return word.pattern.decoy
    return any(decoy.start <= word.start and word.end <= decoy.end for decoy in decoys)


def _fits(mention: Mention, words: Sequence[Word], context: frozenset[str]) -> bool:
    alias = mention.alias
    if alias.blocks and _beside(mention, words, alias.blocks):
        return False
    if not alias.needs or not context.isdisjoint(alias.needs):
        return True
    return _beside(mention, words, alias.needs)


def _beside(mention: Mention, words: Sequence[Word], wanted: tuple[str, ...]) -> bool:
    for word in words:
        if word.start < mention.name_end and word.end > mention.start:
            continue
        if not word.pattern.labels.isdisjoint(wanted):
            return True
    return False


def _touches(mention: Mention, other: Mention) -> bool:
    return mention.start < other.end and mention.end > other.start


def _inside(mention: Mention, longer: Mention) -> bool:
    if mention.start == longer.start and mention.end == longer.end:
        return longer.name_end == longer.end > mention.name_end
    return longer.start <= mention.start and mention.end <= longer.end


def _same_case(wanted: str, normal: Normal, start: int, end: int) -> bool:
    first, last = normal.origin(start, end)
    return unicodedata.normalize("NFC", normal.original[first:last]) == wanted


# A bare number before a unit of time, money or share counts something; it is no version.
_VERSION = (
    r"(?:-(?:TAILS)(?![a-z0-9])|[ \-_]{0,2}[a-z]{0,2}(?!(?:19|20)\d\d(?![\d.]))\d+(?:\.\d+)*[a-z]?"
    r"(?!\d|\.\d|%|[ -]?(?:[年月日天周次个亿万折倍款元时分人家大种项名岁美岗]|小时"
    r"|(?:st|nd|rd|th)(?![a-z])|million|billion|bn|days?|weeks?|months?|years?|hours?|times|steps?|users?)))"
    r"(?:[ \-_]{0,2}(?:TAILS|\d+[bt]|a\d+b))*(?:(?![a-z0-9])|(?=apis?(?![a-z0-9])))"
)
