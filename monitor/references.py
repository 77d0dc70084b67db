"""Names in the config that must exist elsewhere in it, and combinations that cannot work.

They are checked on the plain values beside the types, not after them, so that one run shows
every problem.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, get_args

from monitor import catalog_file
from monitor.problems import Problem, suggestion
from monitor.yaml_file import Path
from signals.standings import Kind

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CREDENTIALS = re.compile(r"(?i)[a-z][a-z0-9+.-]*://[^/?#]*@")


def reference_problems(data: dict[str, Any]) -> Iterator[Problem]:
    """Yield every name that is used and not defined, or defined twice, and what cannot work."""
    for path, key in (
        (("themes",), "name"),
        (("sources",), "name"),
        (("alerts", "channels"), "name"),
        (("alerts", "rules"), "name"),
        (("entities",), "id"),
    ):
        yield from _twice(data, path, key)
    yield from _entity_problems(data)
    yield from _theme_problems(data)
    yield from _rule_problems(data)
    yield from _misplaced_secrets(data)


def _misplaced_secrets(data: dict[str, Any]) -> Iterator[Problem]:
    for index, source in _numbered(data, "sources"):
        for key, value in source.items():
            if isinstance(value, str) and _CREDENTIALS.match(value):
                yield ("sources", index, key), "an address may hold no user name or password"
    for index, channel in _numbered(data, "alerts", "channels"):
        for key, value in channel.items():
            if key.endswith("_env") and isinstance(value, str) and not _VARIABLE.fullmatch(value):
                why = "must be the name of an environment variable, not the secret itself"
                yield ("alerts", "channels", index, key), why


def _entity_problems(data: dict[str, Any]) -> Iterator[Problem]:
    known, sets = _entities(data), catalog_file.word_sets()
    for index, entity in _numbered(data, "entities"):
        path: Path = ("entities", index)
        if isinstance(entity.get("id"), str) and entity["id"] in catalog_file.entity_ids():
            yield (*path, "id"), f"the shipped catalog has an entity {entity['id']!r} already"
        yield from _unknown(entity, "owner", known, "entity", path)
        for number, alias in enumerate(_list(entity, "aliases")):
            for key in ("needs", "blocks"):
                named = [word for word in _list(alias, key) if str(word).startswith("@")]
                yield from _unknown({key: named}, key, sets, "word set", (*path, "aliases", number))


def _theme_problems(data: dict[str, Any]) -> Iterator[Problem]:
    themes, entities = _names(data, "themes"), _entities(data)
    for index, theme in _numbered(data, "themes"):
        yield from _unknown(theme, "entities", entities, "entity", ("themes", index))
        for number, related in enumerate(_list(theme, "related_markets")):
            path: Path = ("themes", index, "related_markets", number)
            if isinstance(related, dict) and "theme" in related:
                yield from _unknown(related, "theme", themes, "theme", path)
                if related["theme"] == theme.get("name"):
                    yield (*path, "theme"), "a theme's own markets cannot be its related ones too"


def _rule_problems(data: dict[str, Any]) -> Iterator[Problem]:
    channels, themes = _names(data, "alerts", "channels"), _names(data, "themes")
    sources = _names(data, "sources")
    for index, rule in _numbered(data, "alerts", "rules"):
        path: Path = ("alerts", "rules", index)
        yield from _unknown(rule, "channels", channels, "channel", path)
        yield from _unknown(rule, "themes", themes, "theme", path)
        yield from _unknown(rule, "entities", _entities(data), "entity", path)
        yield from _unknown(rule, "sources", sources, "source", path)
        if rule.get("on") == "standing":
            yield from _unknown(rule, "changes", get_args(Kind), "change", path)
        why = _never_fires(data, rule)
        if why:
            yield (*path, "themes"), why


def _never_fires(data: dict[str, Any], rule: dict[str, Any]) -> str | None:
    """Return why a rule over its themes can never fire; None when it can, or is wrong anyway."""
    named = _list(rule, "themes")
    chosen = [theme for _, theme in _numbered(data, "themes") if theme.get("name") in named]
    if not named or len(chosen) < len(named):
        return None
    followed = any(theme.get("markets") or theme.get("related_markets") for theme in chosen)
    if rule.get("on") == "move" and not followed:
        return "none of these themes follows a market, so the rule can never fire"
    kinds = _list(rule, "kinds")
    if rule.get("on") == "signal" and kinds and all(theme.get("kinds") for theme in chosen):
        taken = {str(kind) for theme in chosen for kind in _list(theme, "kinds")}
        if not taken.intersection(map(str, kinds)):
            return "none of these themes takes one of the rule's kinds, so it can never fire"
    return None


def _entities(data: dict[str, Any]) -> set[str]:
    own = {each["id"] for _, each in _numbered(data, "entities") if isinstance(each.get("id"), str)}
    return own | catalog_file.entity_ids()


def _unknown(
    holder: dict[str, Any], key: str, known: Collection[str], noun: str, path: Path
) -> Iterator[Problem]:
    value = holder.get(key)
    names = value if isinstance(value, list) else [value]
    for index, name in enumerate(names):
        if isinstance(name, str) and name not in known:
            place: Path = (*path, key, index) if isinstance(value, list) else (*path, key)
            yield place, f"unknown {noun} {name!r}{suggestion(name, known)}"


def _twice(data: dict[str, Any], path: tuple[str, ...], key: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, entry in _numbered(data, *path):
        name = entry.get(key)
        if isinstance(name, str) and name in seen:
            yield (*path, index, key), f"the {key} {name!r} is used twice"
        elif isinstance(name, str):
            seen.add(name)


def _names(data: dict[str, Any], *path: str) -> set[str]:
    return {
        entry["name"] for _, entry in _numbered(data, *path) if isinstance(entry.get("name"), str)
    }


def _numbered(data: dict[str, Any], *path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    section: Any = data
    for name in path[:-1]:
        section = section.get(name) if isinstance(section, dict) else None
    for index, entry in enumerate(_list(section, path[-1])):
        if isinstance(entry, dict):
            yield index, entry


def _list(holder: Any, key: str) -> list[Any]:
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []
