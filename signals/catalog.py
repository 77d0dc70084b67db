"""The named things we know: models, labs, companies and devices, with how texts call them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import yaml

from signals.cues import CueBook, read_cues
from signals.entities import ENTITY_KINDS, STRENGTHS, Alias, Entity
from signals.mentions import Lexicon
from signals.text import fold

# The C loader reads the catalog fourteen times as fast; some wheels lack it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

__all__ = ["Alias", "Catalog", "CatalogError", "Entity", "load_catalog"]


class CatalogError(ValueError):
    """A catalog that cannot be used. One line per problem in the message."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Entities by id, the cue words, the compiled lexicon, and a short hash of all of it."""

    entities: Mapping[str, Entity]
    cues: CueBook
    version: str
    lexicon: Lexicon
    labels: Mapping[str, str]
    model_names: tuple[tuple[str, str], ...]

    def descendants(self, ids: Iterable[str]) -> set[str]:
        """Return `ids` and every entity whose chain of families reaches one of them."""
        wanted = set(ids)
        return wanted | {name for name in self.entities if wanted.intersection(self.families(name))}

    def families(self, entity_id: str) -> tuple[str, ...]:
        """Return the chain of families above an entity, nearest first."""
        chain: list[str] = []
        above = self.entities[entity_id].family
        while above is not None and above in self.entities and above not in chain:
            chain.append(above)
            above = self.entities[above].family
        return tuple(chain)

    def top_owner(self, entity_id: str) -> Entity:
        """Return the last owner above an entity, or the entity itself."""
        entity = self.entities[entity_id]
        seen = {entity_id}
        while entity.owner is not None and entity.owner not in seen:
            if entity.owner not in self.entities:
                break
            seen.add(entity.owner)
            entity = self.entities[entity.owner]
        return entity

    def entity_ids(self, text: str) -> tuple[str, ...]:
        """Return ids named in `text`, in order of appearance, strong before weak."""
        found = self.lexicon.read(text)
        ranked = sorted(found, key=lambda m: (m.strength != "strong", m.start, m.start - m.end))
        return tuple(dict.fromkeys(mention.entity_id for mention in ranked))

    def owner_of(self, text: str) -> Entity | None:
        """Return the company or lab behind a label: "Moonshot", "Z.ai", "qwen3.7-max", a question.

        A text that is exactly an alias, however weak, counts; then leaderboard model names; then
        names within the text. None when nothing is known.
        """
        folded = fold(text)
        if not folded:
            return None
        exact = self.labels.get(folded) or self._by_model_name(folded)
        if exact is None:
            ids = self.entity_ids(text)
            exact = next((name for name in ids if self.entities[name].kind != "generic"), None)
        return self.top_owner(exact) if exact else None

    def country_of_model(self, model: str, organization: str | None = None) -> str | None:
        """Return the ISO2 country of a leaderboard row's owner; None when nobody is known.

        The organization speaks first; boards leave it null in some rows, then the name does.
        """
        owner = self.owner_of(organization) if organization else None
        owner = owner or self.owner_of(model)
        return owner.country if owner else None

    def _by_model_name(self, folded: str) -> str | None:
        name = _SLUG_GAP.sub("-", folded)
        return next((owner for prefix, owner in self.model_names if name.startswith(prefix)), None)


def load_catalog(catalog_text: str, cues_text: str, extra: Sequence[Entity] = ()) -> Catalog:
    """Return the catalog in two YAML texts, with the user's own entities added.

    An extra entity may not reuse a shipped id. Raises CatalogError naming entity and field of
    every problem at once.
    """
    problems: list[str] = []
    shipped = _parse(catalog_text, "catalog", problems)
    rows = shipped.get("entities") if isinstance(shipped, dict) else None
    listed = [_read_entity(row, i, problems) for i, row in enumerate(rows or [])] + list(extra)
    cues = read_cues(_parse(cues_text, "cues", problems), problems)
    entities = {entity.id: entity for entity in listed}
    problems.extend(_duplicates(listed))
    problems.extend(line for entity in listed for line in _check(entity, entities, cues))
    if problems:
        raise CatalogError("\n".join(problems))
    digest = hashlib.sha256("\0".join([catalog_text, cues_text, repr(tuple(extra))]).encode())
    return Catalog(
        entities,
        cues,
        digest.hexdigest()[:12],
        Lexicon(tuple(entities.values()), cues),
        _labels(entities),
        _model_names(entities),
    )


def _labels(entities: Mapping[str, Entity]) -> Mapping[str, str]:
    ranked = sorted(entities.values(), key=lambda entity: entity.kind not in ("company", "lab"))
    labels: dict[str, str] = {}
    for entity in ranked:
        for name in (entity.name_en, entity.name_zh or "", *(a.text for a in entity.aliases)):
            if name:
                labels.setdefault(fold(name), entity.id)
    return labels


def _model_names(entities: Mapping[str, Entity]) -> tuple[tuple[str, str], ...]:
    rows = [(fold(prefix), e.id) for e in entities.values() for prefix in e.models]
    return tuple(sorted(rows, key=lambda row: -len(row[0])))


def _parse(text: str, what: str, problems: list[str]) -> object:
    try:
        return yaml.load(text, Loader=_LOADER)  # noqa: S506  a safe loader by construction
    except yaml.YAMLError as error:
        problems.append(f"{what}: not YAML: {' '.join(str(error).split())}")
        return None


def _read_entity(row: object, place: int, problems: list[str]) -> Entity:
    if not isinstance(row, dict):
        problems.append(f"entities.{place}: not a mapping")
        return Entity(f"#{place}", "generic", aliases=(Alias("-"),))
    known = {"id", "kind", "name_en", "name_zh", "owner", "country", "family", "profile"}
    stray = set(row) - known - {"aliases", "models"}
    if stray:
        problems.append(f"{row.get('id', place)}: unknown field {', '.join(sorted(stray))}")
    plain = {key: str(row[key]) for key in known if row.get(key) is not None}
    plain.setdefault("id", f"#{place}")
    plain.setdefault("kind", "")
    where = f"{row.get('id', place)}: aliases"
    aliases = tuple(_read_alias(a, where, problems) for a in row.get("aliases") or [])
    models = tuple(str(name) for name in row.get("models") or [])
    return Entity(aliases=aliases, models=models, **plain)


def _read_alias(row: Any, where: str, problems: list[str]) -> Alias:
    if not isinstance(row, dict):
        return Alias("" if row is None else str(row))
    stray = set(row) - {field.name for field in fields(Alias)}
    if stray:
        problems.append(f"{where}: {row.get('text')}: unknown field {', '.join(sorted(stray))}")
    return Alias(
        text=str(row.get("text") or ""),
        strength=str(row.get("strength", "strong")),
        needs=tuple(str(word) for word in row.get("needs") or []),
        blocks=tuple(str(word) for word in row.get("blocks") or []),
        version=bool(row.get("version")) or bool(row.get("digits")),
        digits=bool(row.get("digits")),
        exact=bool(row.get("exact")),
        code=bool(row.get("code")),
    )


def _duplicates(listed: Sequence[Entity]) -> list[str]:
    ids = [entity.id for entity in listed]
    return [f"{name}: id: used twice" for name in sorted({i for i in ids if ids.count(i) > 1})]


def _check(entity: Entity, entities: Mapping[str, Entity], cues: CueBook) -> Iterable[str]:
    if not _ID.fullmatch(entity.id):
        yield f"{entity.id}: id: use lower-case letters, digits and hyphens"
    if entity.kind not in ENTITY_KINDS:
        yield f"{entity.id}: kind: {entity.kind!r} is none of {', '.join(ENTITY_KINDS)}"
    for name, value in (("owner", entity.owner), ("family", entity.family)):
        if value is not None and value not in entities:
            yield f"{entity.id}: {name}: no entity {value!r}"
    if entity.country is not None and not _COUNTRY.fullmatch(entity.country):
        yield f"{entity.id}: country: {entity.country!r} is not an ISO 3166 alpha-2 code"
    if not entity.aliases:
        yield f"{entity.id}: aliases: empty"
    for alias in entity.aliases:
        if not fold(alias.text):
            yield f"{entity.id}: aliases: an empty text"
        if alias.strength not in STRENGTHS:
            strengths = ", ".join(STRENGTHS)
            yield f"{entity.id}: aliases: {alias.text}: strength is none of {strengths}"
        for word in (*alias.needs, *alias.blocks):
            if word.startswith("@") and word[1:] not in cues.sets:
                yield f"{entity.id}: aliases: {alias.text}: no word set {word!r}"


_ID = re.compile(r"[a-z0-9][a-z0-9-]*")
_COUNTRY = re.compile(r"[A-Z]{2}")
_SLUG_GAP = re.compile(r"[ _]+")
