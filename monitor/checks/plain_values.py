"""Walking the plain values of a config, whatever shape they have: what is wrong is passed over.

The types say what is wrong with it, in the same run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from monitor.problems import Problem, suggestion
from monitor.yaml_file import Path


def entries(data: dict[str, Any], *path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the mappings of the list at `path`, each with its index."""
    section: Any = data
    for name in path[:-1]:
        section = section.get(name) if isinstance(section, dict) else None
    for index, entry in enumerate(values(section, path[-1])):
        if isinstance(entry, dict):
            yield index, entry


def values(holder: Any, key: str) -> list[Any]:
    """Return the list under `key`; an empty one when there is none."""
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []


def names(data: dict[str, Any], *path: str) -> set[str]:
    """Return the names of the mappings in the list at `path`."""
    return {
        entry["name"] for _, entry in entries(data, *path) if isinstance(entry.get("name"), str)
    }


def unknown(
    holder: dict[str, Any], key: str, known: Collection[str], noun: str, path: Path
) -> Iterator[Problem]:
    """Yield the names under `key`, one or a list of them, that are not `known`."""
    value = holder.get(key)
    named = value if isinstance(value, list) else [value]
    for index, name in enumerate(named):
        if isinstance(name, str) and name not in known:
            place: Path = (*path, key, index) if isinstance(value, list) else (*path, key)
            yield place, f"unknown {noun} {name!r}{suggestion(name, known)}"


def twice(data: dict[str, Any], path: tuple[str, ...], key: str) -> Iterator[Problem]:
    """Yield each `key` in the list at `path` that stands there again."""
    seen: set[str] = set()
    for index, entry in entries(data, *path):
        name = entry.get(key)
        if isinstance(name, str) and name in seen:
            yield (*path, index, key), f"the {key} {name!r} is used twice"
        elif isinstance(name, str):
            seen.add(name)
