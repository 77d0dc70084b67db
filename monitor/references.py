"""Names in the config that must exist elsewhere in it, checked on the plain values.

They are checked beside the types, not after them, so that one run shows every problem.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from monitor import catalog_file
from monitor.yaml_file import Path

Problem = tuple[Path, str]


def reference_problems(data: dict[str, Any]) -> Iterator[Problem]:
    """Yield every name that is used and not defined, or defined twice."""
    themes, channels = _names(data, "themes"), _names(data, "alerts", "channels")
    yield from _twice(data, "themes")
    yield from _twice(data, "sources")
    yield from _twice(data, "alerts", "channels")
    yield from _twice(data, "alerts", "rules")
    entities = catalog_file.entity_ids() | {
        entity["id"] for entity in _dicts(data, "entities") if isinstance(entity.get("id"), str)
    }
    for index, theme in _numbered(data, "themes"):
        yield from _unknown(theme, "entities", entities, "entity", ("themes", index))
        for number, related in enumerate(_list(theme, "related_markets")):
            if isinstance(related, dict) and "theme" in related:
                path: Path = ("themes", index, "related_markets", number)
                yield from _unknown(related, "theme", themes, "theme", path)
    for index, rule in _numbered(data, "alerts", "rules"):
        yield from _unknown(rule, "channels", channels, "channel", ("alerts", "rules", index))
        yield from _unknown(rule, "themes", themes, "theme", ("alerts", "rules", index))
        yield from _unknown(rule, "entities", entities, "entity", ("alerts", "rules", index))


def _unknown(
    holder: dict[str, Any], key: str, known: Iterable[str], noun: str, path: Path
) -> Iterator[Problem]:
    value = holder.get(key)
    names = value if isinstance(value, list) else [value]
    for index, name in enumerate(names):
        if isinstance(name, str) and name not in known:
            close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
            hint = f" (did you mean {close[0]}?)" if close else ""
            place: Path = (*path, key, index) if isinstance(value, list) else (*path, key)
            yield place, f"unknown {noun} {name!r}{hint}"


def _twice(data: dict[str, Any], *path: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, entry in _numbered(data, *path):
        name = entry.get("name")
        if isinstance(name, str) and name in seen:
            yield (*path, index, "name"), f"the name {name!r} is used twice"
        elif isinstance(name, str):
            seen.add(name)


def _names(data: dict[str, Any], *path: str) -> set[str]:
    return {entry["name"] for entry in _dicts(data, *path) if isinstance(entry.get("name"), str)}


def _dicts(data: dict[str, Any], *path: str) -> list[dict[str, Any]]:
    return [entry for _, entry in _numbered(data, *path)]


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
