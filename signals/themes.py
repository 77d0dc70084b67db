"""What a theme watches: the user's words, and what they imply over a catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from signals.catalog import Catalog, Entity
from signals.passages import Passage


@dataclass(frozen=True, slots=True)
class Theme:
    """A topic as configured.

    `kinds` None accepts every kind; `cues`: one of them must occur when any is given; `blocks`:
    none of them may occur in the title; `min_score` 0..1.
    """

    name: str
    entities: tuple[str, ...]
    kinds: tuple[str, ...] | None = None
    cues: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    min_score: float = 0.5


@dataclass(frozen=True, slots=True)
class ThemePlan:
    """A theme over one catalog.

    `subjects` maps each entity whose mention counts to its profile (`model_family`, `device`
    or `any`); `makers` maps owners of watched products to the profile of what they make, so
    that their name beside a generic word ("Alibaba's smart glasses") counts too.
    """

    theme: Theme
    subjects: Mapping[str, str]
    makers: Mapping[str, str]
    watches_models: bool

    def may_hold(self, passage: Passage) -> bool:
        """Return whether a passage can have a subject: a quick look before the search for one."""
        if self.watches_models and "@text_board" in passage.labels:
            return True
        return any(
            m.entity_id in self.subjects or m.entity_id in self.makers for m in passage.mentions
        )

    def accepts(self, kind: str) -> bool:
        """Return whether the theme's `kinds` allow this kind."""
        return self.theme.kinds is None or kind in self.theme.kinds


def plan_theme(theme: Theme, catalog: Catalog) -> ThemePlan:
    """Return what `theme` watches: its entities, their descendants and whole families.

    An id that names a family covers its members. A theme that names products of
    `catalog.cues.whole_family_from` different owners in one family watches the whole family:
    such a list is a survey of a market, and a newcomer to it is news. Unknown ids are left out
    (the config refuses them before).
    """
    named = [catalog.entities[name] for name in theme.entities if name in catalog.entities]
    covered = catalog.descendants([entity.id for entity in named])
    covered |= catalog.descendants(_surveyed_families(named, catalog))
    subjects = {name: catalog.entities[name].about for name in sorted(covered)}
    makers: dict[str, str] = {}
    for name, profile in subjects.items():
        owner = catalog.entities[name].owner
        if owner is not None and owner not in subjects and profile != "any":
            known = makers.get(owner, profile)
            makers[owner] = profile if profile == "model_family" else known
    models = any(profile == "model_family" for profile in subjects.values())
    return ThemePlan(theme, subjects, makers, models)


def _surveyed_families(named: list[Entity], catalog: Catalog) -> list[str]:
    owners: dict[str, set[str]] = {}
    for entity in named:
        for family in catalog.families(entity.id):
            owners.setdefault(family, set()).add(entity.owner or entity.id)
    return [name for name, found in owners.items() if len(found) >= catalog.cues.whole_family_from]
