"""The words that turn a mention into news: kinds, blocks and context sets, read from data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = (
    "launch",
    "preorder",
    "release",
    "rank_change",
    "price_change",
    "funding",
    "partnership",
    "regulation",
    "delay_cancel",
    "rumor",
    "market_listed",
    "rule_change",
    "dispute",
    "market_resolved",
    "other",
)
PROFILES = ("any", "model_family", "device", "lab")
SCOPES = ("before", "clause", "title")


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that say a happening of `kind` about subjects of profile `about`.

    `beside`: they say it only when one of these stands in the same clause ("cuts" beside
    "price"). `touching`: only directly before the name ("推GLM"). `nominal`: they name a new thing
    without saying that it happens ("首款", "new"), and weigh less.
    """

    kind: str
    about: str
    words: tuple[str, ...]
    beside: tuple[str, ...] = ()
    touching: bool = False
    nominal: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """A claim of `kind` is one of `becomes` when one of `words` stands in its clause.

    A discount that is "delayed" is news of its price.
    """

    kind: str
    becomes: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Words that say a text is about something else.

    `scope` before: in the mention's clause, ahead of it; clause: beside the mention or its cue;
    title: anywhere in the passage. `unless` lifts the block; `kinds` limits it to findings of
    those kinds (empty: all); `spares_versions`: not for a versioned name beside its cue.
    """

    name: str
    about: str
    scope: str
    words: tuple[str, ...]
    unless: tuple[str, ...]
    kinds: tuple[str, ...]
    spares_versions: bool = False


@dataclass(frozen=True, slots=True)
class CueBook:
    """All cue words.

    `sets` are named word lists that aliases refer to as `@name`; `decoys` are longer words that
    swallow the cues inside them ("co-founder" is no partnership).
    """

    cues: tuple[Cue, ...]
    turns: tuple[Turn, ...]
    blocks: tuple[Block, ...]
    sets: Mapping[str, tuple[str, ...]]
    decoys: tuple[str, ...]
    kind_order: tuple[str, ...]
    version_tails: tuple[str, ...]
    whole_family_from: int


def read_cues(tree: object, problems: list[str]) -> CueBook:
    """Return the cue book in a parsed YAML tree; what is wrong is appended to `problems`."""
    data = tree if isinstance(tree, dict) else {}
    if not data:
        problems.append("cues: the file is empty or not a mapping")
    cues = tuple(_read_cue(row, i, problems) for i, row in enumerate(data.get("cues") or []))
    turns = tuple(_read_turn(row, i, problems) for i, row in enumerate(data.get("turns") or []))
    blocks = tuple(_read_block(row, i, problems) for i, row in enumerate(data.get("blocks") or []))
    order = tuple(data.get("kind_order") or KINDS)
    problems.extend(f"kind_order: unknown kind {kind!r}" for kind in order if kind not in KINDS)
    return CueBook(
        cues=cues,
        turns=turns,
        blocks=blocks,
        sets={name: _words(words) for name, words in (data.get("sets") or {}).items()},
        decoys=_words(data.get("decoys")),
        kind_order=order + tuple(kind for kind in KINDS if kind not in order),
        version_tails=_words(data.get("version_tails")),
        whole_family_from=int(data.get("whole_family_from") or 4),
    )


def _read_cue(row: Mapping[str, Any], place: int, problems: list[str]) -> Cue:
    cue = Cue(
        kind=str(row.get("kind")),
        about=str(row.get("for", "any")),
        words=_words(row.get("words")),
        beside=_words(row.get("beside")),
        touching=bool(row.get("touching")),
        nominal=bool(row.get("nominal")),
    )
    _refuse_strays(row, _CUE_FIELDS, f"cues.{place}", problems)
    if cue.kind not in KINDS:
        problems.append(f"cues.{place}.kind: unknown kind {cue.kind!r}")
    if cue.about not in PROFILES:
        problems.append(f"cues.{place}.for: {cue.about!r} is none of {', '.join(PROFILES)}")
    if not cue.words:
        problems.append(f"cues.{place}.words: empty")
    return cue


def _read_turn(row: Mapping[str, Any], place: int, problems: list[str]) -> Turn:
    turn = Turn(str(row.get("from")), str(row.get("to")), _words(row.get("words")))
    _refuse_strays(row, {"from", "to", "words"}, f"turns.{place}", problems)
    for kind in (turn.kind, turn.becomes):
        if kind not in KINDS:
            problems.append(f"turns.{place}: unknown kind {kind!r}")
    if not turn.words:
        problems.append(f"turns.{place}.words: empty")
    return turn


def _read_block(row: Mapping[str, Any], place: int, problems: list[str]) -> Block:
    block = Block(
        name=str(row.get("name", "")),
        about=str(row.get("for", "any")),
        scope=str(row.get("scope", "clause")),
        words=_words(row.get("words")),
        unless=_words(row.get("unless")),
        kinds=_words(row.get("kinds")),
        spares_versions=bool(row.get("spares_versions")),
    )
    where = f"blocks.{place} ({block.name or 'without a name'})"
    _refuse_strays(row, _BLOCK_FIELDS, where, problems)
    if block.scope not in SCOPES:
        problems.append(f"{where}.scope: {block.scope!r} is none of {', '.join(SCOPES)}")
    if block.about not in PROFILES:
        problems.append(f"{where}.for: {block.about!r} is none of {', '.join(PROFILES)}")
    problems.extend(f"{where}.kinds: unknown kind {k!r}" for k in block.kinds if k not in KINDS)
    if not block.words:
        problems.append(f"{where}.words: empty")
    return block


def _refuse_strays(
    row: Mapping[str, Any], known: set[str], where: str, problems: list[str]
) -> None:
    stray = set(row) - known
    if stray:
        problems.append(f"{where}: unknown field {', '.join(sorted(stray))}")


def _words(value: object) -> tuple[str, ...]:
    return tuple(str(word) for word in value) if isinstance(value, list) else ()


_CUE_FIELDS = {"kind", "for", "words", "beside", "touching", "nominal"}
_BLOCK_FIELDS = {"name", "for", "scope", "words", "unless", "kinds", "spares_versions"}
