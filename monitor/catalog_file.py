"""The packaged catalog of entities and cues, read once; `signals` itself touches no file."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources

from signals.catalog import Catalog, Entity, load_catalog


def load(extra: Iterable[Entity] = ()) -> Catalog:
    """Return the shipped catalog with the entities of the user's config added."""
    return _load(tuple(extra))


@cache
def entity_ids() -> frozenset[str]:
    """Return the ids of every shipped entity."""
    return frozenset(load().entities)


@cache
def word_sets() -> frozenset[str]:
    """Return the names of the word lists that an alias may need or be blocked by, as `@name`."""
    return frozenset(f"@{name}" for name in load().cues.sets)


@lru_cache(maxsize=2)  # the shipped one and the user's; reading it takes half a second
def _load(extra: tuple[Entity, ...]) -> Catalog:
    return load_catalog(_text("catalog.yaml"), _text("cues.yaml"), extra)


@cache
def _text(name: str) -> str:
    return resources.files("signals").joinpath(name).read_text(encoding="utf-8")
