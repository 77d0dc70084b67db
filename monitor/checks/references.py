"""Names in the config that must exist elsewhere in it, and combinations that cannot work.

They are checked on the plain values beside the types, not after them, so that one run shows
every problem.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from monitor import catalog_file
from monitor.checks.alerts import alert_problems
from monitor.checks.plain_values import entries, names, twice, unknown, values
from monitor.problems import Problem
from monitor.yaml_file import Path

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CREDENTIALS = re.compile(r"(?i)[a-z][a-z0-9+.-]*://[^/?#]*@")


def reference_problems(data: dict[str, Any]) -> Iterator[Problem]:
    """Yield every name that is used and not defined, or defined twice, and what cannot work."""
    for path, key in (
        (("themes",), "name"),
        (("sources",), "name"),
        (("alerts", "channels"), "name"),
        (("alerts", "rules"), "name"),
        (("alerts", "time_intervals"), "name"),
        (("entities",), "id"),
    ):
        yield from twice(data, path, key)
    known = catalog_file.entity_ids() | {
        each["id"] for _, each in entries(data, "entities") if isinstance(each.get("id"), str)
    }
    yield from _entity_problems(data, known)
    yield from _theme_problems(data, known)
    yield from alert_problems(data, known)
    yield from _misplaced_secrets(data)


def _misplaced_secrets(data: dict[str, Any]) -> Iterator[Problem]:
    for index, source in entries(data, "sources"):
        for key, value in source.items():
            if isinstance(value, str) and _CREDENTIALS.match(value):
                yield ("sources", index, key), "an address may hold no user name or password"
    alerts = data.get("alerts")
    places: list[tuple[Path, Any]] = [(("alerts", "dead_man"), _mapping(alerts, "dead_man"))]
    for index, channel in entries(data, "alerts", "channels"):
        places.append((("alerts", "channels", index), channel))
    for path, holder in places:
        for key, value in holder.items():
            if key.endswith("_env") and isinstance(value, str) and not _VARIABLE.fullmatch(value):
                why = "must be the name of an environment variable, not the secret itself"
                yield (*path, key), why


def _entity_problems(data: dict[str, Any], known: Collection[str]) -> Iterator[Problem]:
    sets = catalog_file.word_sets()
    for index, entity in entries(data, "entities"):
        path: Path = ("entities", index)
        if isinstance(entity.get("id"), str) and entity["id"] in catalog_file.entity_ids():
            yield (*path, "id"), f"the shipped catalog has an entity {entity['id']!r} already"
        yield from unknown(entity, "owner", known, "entity", path)
        for number, alias in enumerate(values(entity, "aliases")):
            for key in ("needs", "blocks"):
                named = [word for word in values(alias, key) if str(word).startswith("@")]
                yield from unknown({key: named}, key, sets, "word set", (*path, "aliases", number))


def _theme_problems(data: dict[str, Any], known: Collection[str]) -> Iterator[Problem]:
    themes = names(data, "themes")
    for index, theme in entries(data, "themes"):
        yield from unknown(theme, "entities", known, "entity", ("themes", index))
        for number, related in enumerate(values(theme, "related_markets")):
            path: Path = ("themes", index, "related_markets", number)
            if isinstance(related, dict) and "theme" in related:
                yield from unknown(related, "theme", themes, "theme", path)
                if related["theme"] == theme.get("name"):
                    yield (*path, "theme"), "a theme's own markets cannot be its related ones too"


def _mapping(holder: Any, key: str) -> dict[str, Any]:
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else {}
