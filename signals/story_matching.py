"""Whether two wordings tell the same news, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from signals.story_tellings import StoryFact, Telling
from signals.story_titles import is_telling

# Shares of words in common, chosen on one half of tests/signals/recorded_pairs.jsonl; the other
# half is measured in test_story_recordings.py. What each bounds is said where it is used.
ALIKE = 0.25
ALIKE_WORDS = 4
STRONG = 0.40
SURELY_ALIKE = 0.50
UNNAMED = 0.70
UNNAMED_WORDS = 6
HELD = 0.80
HELD_WORDS = 5
REPEATED_DIGEST = 0.90
REPEATED_WORDS = 8
ONE_THING = 0.20
ONE_HAPPENING = 0.20
ONE_HAPPENING_WORDS = 3
ONE_FIGURE = 0.15
SAME_NAMES = 3
SOON = timedelta(hours=24)
LATER = timedelta(hours=48)

OUT = frozenset({"launch", "preorder", "release"})
FIGURES = frozenset({"price", "amount", "rank", "score"})
CONTRADICTING = FIGURES | {"date"}


@dataclass(frozen=True, slots=True)
class Match:
    """Why two wordings tell one story. `score` orders matches, 1 is the surest.

    `is_strong` matches may show two stories to be one; the others only add an item.
    """

    reason: str
    score: float
    is_strong: bool = True


def match(
    one: Telling, other: Telling, *, gap: timedelta, same_address: bool = False
) -> Match | None:
    """Return why two wordings, `gap` apart, tell one story; None when they do not."""
    if one.entities and other.entities and one.entities.isdisjoint(other.entities):
        return None
    found = _likeness(one, other, gap, same_address=same_address)
    return None if found is None or contradiction(one, other) else found


def contradiction(one: Telling, other: Telling) -> str | None:
    """Return what two wordings cannot both mean, or None."""
    if (things := _things_apart(one, other)) is not None:
        return things
    for kind, unit in sorted({fact[:2] for fact in one.facts if fact[0] in CONTRADICTING}):
        mine, theirs = _values(one.facts, kind, unit), _values(other.facts, kind, unit)
        if theirs and mine.isdisjoint(theirs):
            return f"{kind} {_shown(mine)} against {_shown(theirs)} {unit}".rstrip()
    if one.denies != other.denies and (other if one.denies else one).kinds:
        return "a denial against a claim"
    for here, there in ((one, other), (other, one)):
        if "delay_cancel" in here.kinds and there.kinds & OUT and "delay_cancel" not in there.kinds:
            return "a delay against a launch"
    return None


def _likeness(one: Telling, other: Telling, gap: timedelta, *, same_address: bool) -> Match | None:
    if same_address:
        return Match("same address", 1.0)
    if one.key == other.key and is_telling(one.key):
        return Match("same title", 1.0)
    if one.is_digest or other.is_digest:
        return _repeated_digest(one, other)
    if one.language == other.language:
        return _alike(one, other, gap) or _same_happening(one, other, gap)
    return _across_languages(one, other, gap)


def _alike(one: Telling, other: Telling, gap: timedelta) -> Match | None:
    """Return a match of titles by the words beside the names, which any news of them shares."""
    shared = one.words & other.words
    if len(shared) < ALIKE_WORDS or _numbers_apart(one, other):
        return None
    share = _share(one.words, other.words)
    beside = _share(_beside(one), _beside(other))
    if one.owners.isdisjoint(other.owners):
        # Nobody we know: generic words alone make titles alike.
        alike = share >= UNNAMED and len(shared) >= UNNAMED_WORDS
        return Match(f"alike titles ({share:.2f})", share) if alike else None
    if share >= SURELY_ALIKE:
        return Match(f"alike titles ({share:.2f})", share)
    held = len(shared) / min(len(one.words), len(other.words))
    if held >= HELD and len(shared) >= HELD_WORDS and one.owners == other.owners:
        return Match(f"one title within the other ({held:.2f})", held * 0.9)
    enough = len(_beside(one) & _beside(other)) >= ALIKE_WORDS and _same_owners(one, other)
    if beside >= ALIKE and enough and gap <= LATER:
        return Match(f"like words of the same names ({beside:.2f})", beside, beside >= STRONG)
    return None


def _same_happening(one: Telling, other: Telling, gap: timedelta) -> Match | None:
    if gap > LATER or not _comparable(one, other) or _numbers_apart(one, other):
        return None
    share = _share(one.words, other.words)
    kinds = _kinds_agree(one, other)
    if (named := _names_agree(one, other)) and kinds and share >= ONE_THING:
        return Match(f"{kinds} of {named} ({share:.2f})", 0.5 + share / 4, is_strong=False)
    if (figure := _figure_agrees(one, other)) and share >= ONE_FIGURE:
        return Match(f"the same {figure} ({share:.2f})", 0.5 + share / 4, is_strong=False)
    beside = _share(_beside(one), _beside(other))
    enough = len(_beside(one) & _beside(other)) >= ONE_HAPPENING_WORDS
    if kinds and len(one.named) >= SAME_NAMES and one.named == other.named:
        return Match(f"{kinds} of the same {len(one.named)} names", 0.5, is_strong=False)
    if kinds and enough and beside >= ONE_HAPPENING:
        return Match(f"{kinds} in like words ({beside:.2f})", beside, is_strong=False)
    return None


def _across_languages(one: Telling, other: Telling, gap: timedelta) -> Match | None:
    kinds = _kinds_agree(one, other)
    if gap > SOON or kinds is None or not _comparable(one, other):
        return None
    if one.language is None or other.language is None or one.owners != other.owners:
        return None
    if named := _names_agree(one, other):
        return Match(f"{kinds} of {named} in two languages", 0.6)
    if figure := _figure_agrees(one, other):
        return Match(f"{kinds} with the same {figure} in two languages", 0.6)
    return None


def _repeated_digest(one: Telling, other: Telling) -> Match | None:
    """Return a match for one list of news printed twice, perhaps cut short."""
    shared = len(one.words & other.words)
    if not (one.is_digest and other.is_digest) or shared < REPEATED_WORDS:
        return None
    held = shared / min(len(one.words), len(other.words))
    return Match(f"one digest ({held:.2f})", held) if held >= REPEATED_DIGEST else None


def _comparable(one: Telling, other: Telling) -> bool:
    """Return whether both report, of the same owners, and neither only uses the thing."""
    if one.is_comment or other.is_comment or one.adopts or other.adopts:
        return False
    return _same_owners(one, other)


def _same_owners(one: Telling, other: Telling) -> bool:
    if not one.owners or not other.owners:
        return False
    return one.owners <= other.owners or other.owners <= one.owners


def _names_agree(one: Telling, other: Telling) -> str | None:
    shared = one.names & other.names
    return min(shared).replace(":", " ") if shared else None


def _kinds_agree(one: Telling, other: Telling) -> str | None:
    shared = {_kind(kind) for kind in one.kinds} & {_kind(kind) for kind in other.kinds}
    return min(shared) if shared else None


def _kind(kind: str) -> str:
    return "launch" if kind in OUT else kind


def _figure_agrees(one: Telling, other: Telling) -> str | None:
    shared = {fact for fact in one.facts & other.facts if fact[0] in FIGURES}
    if not shared or one.entities.isdisjoint(other.entities):
        return None
    kind, unit, value = min(shared)
    return f"{kind} {value} {unit}".rstrip()


def _things_apart(one: Telling, other: Telling) -> str | None:
    mine, theirs = _versions(one), _versions(other)
    for entity in sorted(mine.keys() & theirs.keys()):
        if not _any_compatible(mine[entity], theirs[entity]):
            return f"{entity} {_shown(mine[entity])} against {_shown(theirs[entity])}"
    if one.names and other.names and mine.keys().isdisjoint(theirs.keys()):
        return f"{_shown(one.names)} against {_shown(other.names)}"
    if one.sorts and other.sorts and one.sorts.isdisjoint(other.sorts):
        return f"{_shown(one.sorts)} against {_shown(other.sorts)}"
    return None


def _versions(telling: Telling) -> dict[str, set[str]]:
    """Return the versions of each particular thing; "" for a device under its plain name."""
    found: dict[str, set[str]] = {}
    for name in telling.names:
        entity, _, version = name.partition(":")
        found.setdefault(entity, set()).add(version)
    return found


def _any_compatible(mine: set[str], theirs: set[str]) -> bool:
    return any(_compatible(one, other) for one in mine for other in theirs)


def _compatible(one: str, other: str) -> bool:
    """Return whether one version is the other, or a member of it: v4 and v4pro, not 5 and 5.1."""
    short, long = sorted((one, other), key=len)
    if not short:
        return True
    return long.startswith(short) and not long[len(short) :][:1].strip(_LETTERS)


def _numbers_apart(one: Telling, other: Telling) -> bool:
    return bool(one.numbers and other.numbers) and one.numbers.isdisjoint(other.numbers)


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    return shared / ((len(one) + len(other) - shared) or 1)


def _beside(telling: Telling) -> frozenset[str]:
    return telling.words - telling.named


def _values(facts: frozenset[StoryFact], kind: str, unit: str) -> set[str]:
    return {value for k, u, value in facts if (k, u) == (kind, unit)}


def _shown(values: Iterable[str]) -> str:
    return "/".join(sorted(values))


_LETTERS = "abcdefghijklmnopqrstuvwxyz"
