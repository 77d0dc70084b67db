"""The themes of the config over the catalog: everything a decision about a text needs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from monitor import __version__, catalog_file
from monitor.config import AliasConfig, Config, EntityConfig, ThemeConfig
from monitor.sources.base import MarketRef
from signals.catalog import Catalog
from signals.entities import Alias, Entity
from signals.settlement import Settlement, settlement
from signals.stories import StoryReader, Telling
from signals.tagger import Tagger
from signals.themes import Theme, plan_theme

# More market texts than any theme follows; a poll brings the same ones every minute.
REMEMBERED_TEXTS = 4096
# Three days of the items of all themes, of a busy week.
REMEMBERED_TITLES = 16384


@dataclass(frozen=True)
class Topics:
    """The catalog and the themes over it: everything a decision about a text needs."""

    catalog: Catalog
    themes: tuple[ThemeConfig, ...]

    @cached_property
    def version(self) -> str:
        """Return what a tag depends on beside its text: catalog, cues, themes and our release.

        Markets and the words about them are no part of it.
        """
        read = (__version__, self.catalog.version, sorted(map(repr, map(_theme, self.themes))))
        return hashlib.sha256(repr(read).encode()).hexdigest()[:12]

    @cached_property
    def tagger(self) -> Tagger:
        """Return the tagger over every theme."""
        return Tagger(self.catalog, [_theme(theme) for theme in self.themes])

    @cached_property
    def model_themes(self) -> tuple[str, ...]:
        """Return the themes that watch models, and so the leaderboards."""
        plans = (plan_theme(_theme(theme), self.catalog) for theme in self.themes)
        return tuple(plan.theme.name for plan in plans if plan.watches_models)

    @cached_property
    def read_settlement(self) -> Callable[..., Settlement]:
        """Return the reader of (question, series title, rules, label, closes_at), with a memory."""

        @lru_cache(maxsize=REMEMBERED_TEXTS)
        def read(
            question: str,
            series_title: str | None,
            rules: str | None,
            label: str | None,
            closes_at: datetime | None,
        ) -> Settlement:
            return settlement(
                question,
                owner_of=self.owner_of,
                series_title=series_title,
                rules=rules,
                label=label,
                closes_at=closes_at,
            )

        return read

    @cached_property
    def read_telling(self) -> Callable[..., Telling]:
        """Return the reader of (title, lead, publisher, published_at), with a memory.

        Items are compared with those of three days, poll after poll.
        """
        reader = StoryReader(self.catalog)

        @lru_cache(maxsize=REMEMBERED_TITLES)
        def read(
            title: str, lead: str | None, publisher: str | None, published_at: datetime | None
        ) -> Telling:
            return reader.read(title, lead, publisher=publisher, published_at=published_at)

        return read

    @cached_property
    def spec_overrides(self) -> dict[str, dict[str, Any]]:
        """Return what the config says of settling, by market reference, in its order."""
        refs = self.references()
        return {ref.key: ref.spec.given() for ref in refs if ref.spec is not None}

    def owner_of(self, text: str) -> str | None:
        """Return the id of the entity that owns what `text` names."""
        owner = self.catalog.owner_of(text)
        return owner.id if owner else None

    def owners(self, entities: Iterable[str] | None) -> set[str]:
        """Return `entities` and who owns them; ids that left the catalog are passed over."""
        known = {entity for entity in entities or () if entity in self.catalog.entities}
        return known | {self.catalog.top_owner(entity).id for entity in known}

    def top_owner_id(self, entity: str) -> str:
        """Return who owns an entity in the end; an id that left the catalog is itself."""
        known = entity in self.catalog.entities
        return self.catalog.top_owner(entity).id if known else entity

    def is_chinese(self, model: str, organization: str | None) -> bool:
        """Return whether a leaderboard's row belongs to a Chinese company."""
        return self.catalog.country_of_model(model, organization) == "CN"

    def followers(self) -> dict[str, list[tuple[str, str]]]:
        """Return (theme, relation) for each market reference's key."""
        own = {theme.name: theme.markets for theme in self.themes}
        found: dict[str, list[tuple[str, str]]] = {}
        for theme in self.themes:
            for ref in theme.markets:
                found.setdefault(ref.key, []).append((theme.name, "own"))
            for related in theme.related_markets:
                refs = (related,) if isinstance(related, MarketRef) else own[related.theme]
                for ref in refs:
                    found.setdefault(ref.key, []).append((theme.name, "related"))
        return found

    def reference(self, key: str) -> MarketRef | None:
        """Return the market reference of a key; None when no theme has it."""
        return next((ref for ref in self.references() if ref.key == key), None)

    def references(self) -> tuple[MarketRef, ...]:
        """Return every market reference of every theme once."""
        refs = [ref for theme in self.themes for ref in theme.markets]
        refs += [
            ref
            for theme in self.themes
            for ref in theme.related_markets
            if isinstance(ref, MarketRef)
        ]
        return tuple({ref.key: ref for ref in refs}.values())


def open_topics(config: Config) -> Topics:
    """Return the catalog with the config's entities, and its themes."""
    return Topics(catalog_file.load(map(_entity, config.entities)), config.themes)


def _theme(theme: ThemeConfig) -> Theme:
    return Theme(
        name=theme.name,
        entities=theme.entities,
        kinds=theme.kinds or None,
        cues=theme.cues,
        blocks=theme.blocks,
        min_score=theme.min_score,
    )


def _entity(entity: EntityConfig) -> Entity:
    return Entity(
        id=entity.id,
        kind=entity.kind,
        name_en=_alias(entity.aliases[0]).text,
        owner=entity.owner,
        country=entity.country,
        aliases=tuple(map(_alias, entity.aliases)),
    )


def _alias(alias: str | AliasConfig) -> Alias:
    if isinstance(alias, str):
        return Alias(alias)
    return Alias(alias.text, alias.strength, alias.needs, alias.blocks)
