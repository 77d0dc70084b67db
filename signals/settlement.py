"""How a leaderboard market settles, read from its title and its rules.

Families differ in place, style control, board, universe, tie rule and check time, and siblings
of one family differ too, so every field is read from the text and what it does not say is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from signals.settlement_board import names_arena, read_board, read_category, read_style
from signals.settlement_owners import OwnerOf, read_owners, read_universe
from signals.settlement_terms import (
    asks_for_place,
    asks_for_score,
    is_debut,
    read_place,
    read_quantity,
    read_threshold,
    read_tie_rule,
    read_unit,
)
from signals.settlement_texts import Part, Texts, read_texts
from signals.settlement_time import read_check_at, read_when

# What each field is worth to the confidence; `target` is the place, or the score to reach.
WEIGHTS: Mapping[str, float] = {
    "board": 0.2,
    "category": 0.05,
    "style_control": 0.1,
    "quantity": 0.1,
    "target": 0.2,
    "universe": 0.05,
    "unit": 0.05,
    "when": 0.05,
    "check_at": 0.1,
    "tie_rule": 0.05,
    "owners": 0.05,
}
_TARGETS = ("place", "threshold")


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a market settles; None where the text does not say.

    `style_control` on, off or unstated; `quantity` score or rank: the column that decides;
    `place` 1..3, or `threshold`, the score to reach; `universe` `all`, ISO countries joined by
    commas, or `list`; `unit` model or company: what is put in order there; `when` at (one check)
    or by (any time until); `check_at` aware UTC; `tie_rule` alphabetical, yes or the rules' own
    words; `owners` whose model makes it Yes: entity ids, `country:CN` for any of a country, `all`
    for anybody, empty when unknown.
    `certainty` is 0..1 for each weight of WEIGHTS. `unknown` says what was left open or taken by
    custom, `conflicts` where title and rules disagree, each as `field: reason`.
    """

    board: str | None = None
    category: str | None = None
    style_control: str | None = None
    quantity: str | None = None
    place: int | None = None
    universe: str | None = None
    unit: str | None = None
    threshold: Decimal | None = None
    when: str | None = None
    check_at: datetime | None = None
    tie_rule: str | None = None
    owners: tuple[str, ...] = ()
    certainty: tuple[tuple[str, float], ...] = ()
    unknown: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Return whether the market is not about a leaderboard, so that nothing was read."""
        return not self.certainty

    @property
    def confidence(self) -> float | None:
        """Return the weighted certainty of all fields, 0..1; None for an empty one."""
        if self.is_empty:
            return None
        return round(sum(WEIGHTS[name] * sure for name, sure in self.certainty), 3)


SPEC_FIELDS = tuple(
    field.name
    for field in fields(Settlement)
    if field.name not in ("certainty", "unknown", "conflicts")
)


def settlement(
    question: str,
    *,
    owner_of: OwnerOf,
    series_title: str | None = None,
    rules: str | None = None,
    label: str | None = None,
    closes_at: datetime | None = None,
) -> Settlement:
    """Return how the market settles; an empty value with a reason when it is on no leaderboard.

    `owner_of` returns the entity id behind a name. `closes_at` (aware UTC) gives the year where
    the text leaves it out.
    """
    texts = read_texts(question, series_title, label, rules)
    refusal = _refusal(texts)
    if refusal:
        return Settlement(unknown=(f"board: {refusal}",))
    for_score = asks_for_score(texts)
    board = read_board(texts)
    parts: dict[str, Part[Any]] = {
        "board": board,
        "category": read_category(texts, board.value),
        "style_control": read_style(texts),
        "quantity": read_quantity(texts, for_score=for_score),
        "threshold" if for_score else "place": (
            read_threshold(texts) if for_score else read_place(texts)
        ),
        "universe": read_universe(texts),
        "unit": read_unit(texts),
        "when": read_when(texts),
        "check_at": read_check_at(texts, closes_at),
        "tie_rule": Part(None, 1.0) if for_score and not texts.ties else read_tie_rule(texts),
        "owners": read_owners(texts, owner_of, for_score=for_score),
    }
    return _composed(parts)


def overridden(found: Settlement, given: Mapping[str, Any]) -> Settlement:
    """Return `found` with the fields a person set; they are certain, whatever the text says.

    Raises ValueError for a field that a settlement does not have.
    """
    stray = set(given) - set(SPEC_FIELDS)
    if stray:
        raise ValueError(f"no such field of a settlement: {', '.join(sorted(stray))}")
    if not given:
        return found
    values = dict(given)
    if "place" in values or "threshold" in values:
        values = {**dict.fromkeys(_TARGETS), **values}
    certain = {**dict.fromkeys(WEIGHTS, 0.0), **dict(found.certainty)}
    certain |= dict.fromkeys({_weight_of(name) for name in given}, 1.0)
    return replace(
        found,
        **values,
        certainty=tuple(certain.items()),
        unknown=_without(found.unknown, values),
        conflicts=_without(found.conflicts, values),
    )


def _refusal(texts: Texts) -> str | None:
    """Return why the market settles on no leaderboard of the Arena; None when it does."""
    if asks_for_place(texts.titles):
        return None
    is_ranking = asks_for_score(texts) or is_debut(texts) or read_place(texts).value is not None
    if names_arena(texts.titles):
        return None
    if not names_arena(texts.rules):
        return "neither title nor rules name the Arena"
    return None if is_ranking else "names the Arena, but asks for no place and no score"


def _composed(parts: Mapping[str, Part[Any]]) -> Settlement:
    values: dict[str, Any] = {name: part.value for name, part in parts.items()}
    values["owners"] = values["owners"] or ()
    return Settlement(
        **values,
        certainty=tuple((_weight_of(name), part.certainty) for name, part in parts.items()),
        unknown=tuple(f"{name}: {part.unknown}" for name, part in parts.items() if part.unknown),
        conflicts=tuple(f"{name}: {p.conflict}" for name, p in parts.items() if p.conflict),
    )


def _weight_of(name: str) -> str:
    return "target" if name in _TARGETS else name


def _without(said: tuple[str, ...], names: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(line for line in said if line.partition(":")[0] not in names)
