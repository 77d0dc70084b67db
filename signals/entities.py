"""Entities and their aliases: what a catalog holds."""

from __future__ import annotations

from dataclasses import dataclass

ENTITY_KINDS = ("company", "lab", "model_family", "device", "generic")
STRENGTHS = ("strong", "weak")


@dataclass(frozen=True, slots=True)
class Alias:
    """One way to name an entity.

    `needs`: one of these words (or of a set `@name`) must stand in the same text; `blocks`: none
    may. `version` lets a version token extend the span ("Qwen 3.5 Plus"), `digits` demands one
    ("GLM-5.2"), `exact` keeps upper and lower case apart ("MiMo" is not "MIMO"). `code`: the text
    is itself the version ("S1") of something that the document names anywhere.
    """

    text: str
    strength: str = "strong"
    needs: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    version: bool = False
    digits: bool = False
    exact: bool = False
    code: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """A named thing. `owner` and `family` are entity ids, `country` ISO 3166 alpha-2.

    `models` are prefixes of leaderboard model names, too short or plain to be aliases in prose
    ("yi-", "dola-seed"). `profile` says which words make news about it.
    """

    id: str
    kind: str
    name_en: str = ""
    name_zh: str | None = None
    owner: str | None = None
    country: str | None = None
    family: str | None = None
    aliases: tuple[Alias, ...] = ()
    models: tuple[str, ...] = ()
    profile: str = ""

    @property
    def about(self) -> str:
        """Return `model_family`, `device` or `any`: which cues and blocks apply."""
        return self.profile or _PROFILE_OF_KIND.get(self.kind, "any")


_PROFILE_OF_KIND = {"model_family": "model_family", "lab": "model_family", "device": "device"}
