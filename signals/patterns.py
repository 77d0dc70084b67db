"""The strings that texts are searched for, and what each means: names, cues, blocks, context."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from signals.cues import CueBook
from signals.entities import Alias, Entity
from signals.text import fold

# Sets of the cue book that say how sure a text is, not what it is about.
HEDGES = frozenset(
    ("@maybe", "@maybe_before", "@not", "@refuted", "@denial", "@negative", "@positive")
)


@dataclass(frozen=True, slots=True)
class CueUse:
    """A cue as one string has it. `beside` is the label asked for in the clause, or empty."""

    kind: str
    about: str
    beside: str
    touching: bool
    nominal: bool

    @property
    def is_plain(self) -> bool:
        """Return whether it holds wherever its word stands."""
        return not self.beside and not self.touching


@dataclass(frozen=True, slots=True)
class Pattern:
    """What one string means wherever it stands on its own.

    `left` and `right` demand an ASCII word boundary on that side. `uses` are its cues, `cues` the
    (kind, profile) of those that ask for nothing around them; `blocks` and `unless` are places in
    the cue book, `labels` are set names (`@glasses`), words that aliases, cues and turns ask for,
    and the caller's own labels.
    """

    text: str
    left: bool
    right: bool
    aliases: tuple[tuple[str, Alias], ...]
    uses: tuple[CueUse, ...]
    cues: tuple[tuple[str, str], ...]
    blocks: tuple[int, ...]
    unless: tuple[int, ...]
    labels: frozenset[str]
    decoy: bool = False

    @property
    def is_telling(self) -> bool:
        """Return whether it says what happens, or how sure that is; else it is context."""
        return bool(self.uses) or not self.labels.isdisjoint(HEDGES)


def compile_patterns(
    entities: Sequence[Entity], cues: CueBook, extra: Iterable[tuple[str, str]]
) -> tuple[Pattern, ...]:
    """Return one pattern for each different string, with every use it has.

    `extra` are (word, label) pairs of the caller.
    """
    draft = _Draft()
    _add_aliases(draft, entities)
    _add_cues(draft, cues)
    for name, words in cues.sets.items():
        for word in words:
            draft.at(word).labels.add(f"@{name}")
    for word in cues.decoys:
        draft.at(word).decoy = True
    for word, label in extra:
        draft.at(word).labels.add(label)
    return draft.finish()


def is_word(char: str) -> bool:
    """Return whether a character may not stand beside a Latin name."""
    return char.isascii() and char.isalnum()


def _add_aliases(draft: _Draft, entities: Sequence[Entity]) -> None:
    for entity in entities:
        for alias in entity.aliases:
            draft.at(alias.text).aliases.append((entity.id, alias))
            for word in (*alias.needs, *alias.blocks):
                if not word.startswith("@"):
                    draft.at(word).labels.add(word)


def _add_cues(draft: _Draft, cues: CueBook) -> None:
    for place, cue in enumerate(cues.cues):
        beside = f"beside:{place}" if cue.beside else ""
        use = CueUse(cue.kind, cue.about, beside, cue.touching, cue.nominal)
        for word in cue.words:
            draft.at(word).uses.append(use)
        for word in cue.beside:
            draft.at(word).labels.add(beside)
    for place, turn in enumerate(cues.turns):
        for word in turn.words:
            draft.at(word).labels.add(f"turn:{place}")
    for place, block in enumerate(cues.blocks):
        for word in block.words:
            draft.at(word).blocks.append(place)
        for word in block.unless:
            draft.at(word).unless.append(place)


@dataclass(slots=True)
class _Row:
    aliases: list[tuple[str, Alias]]
    uses: list[CueUse]
    blocks: list[int]
    unless: list[int]
    labels: set[str]
    decoy: bool = False


class _Draft:
    """Collects the uses of each string; a `*` at an end asks for no boundary there."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, bool, bool], _Row] = {}

    def at(self, word: str) -> _Row:
        open_start, open_end = word.startswith("*"), word.endswith("*")
        text = fold(word.removeprefix("*").removesuffix("*"))
        return self._rows.setdefault((text, open_start, open_end), _Row([], [], [], [], set()))

    def finish(self) -> tuple[Pattern, ...]:
        return tuple(
            Pattern(
                text,
                left=is_word(text[0]) and not open_start,
                right=is_word(text[-1]) and not open_end,
                aliases=tuple(row.aliases),
                uses=tuple(row.uses),
                cues=tuple((use.kind, use.about) for use in row.uses if use.is_plain),
                blocks=tuple(row.blocks),
                unless=tuple(row.unless),
                labels=frozenset(row.labels),
                decoy=row.decoy,
            )
            for (text, open_start, open_end), row in self._rows.items()
            if text
        )
