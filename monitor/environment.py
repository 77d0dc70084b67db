"""Values that the environment puts into the config: `SIGNAL_MONITOR_SECTION__KEY=value`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from monitor.errors import ConfigError
from monitor.yaml_file import Document, Path

ENV_PREFIX = "SIGNAL_MONITOR_"


def overridden(document: Document, environ: Mapping[str, str]) -> tuple[Document, dict[Path, str]]:
    """Return the document with the variables' values in it, and which variable gave which path.

    What a variable gave stands at (0, 0). Raises ConfigError for one that names no section's key.
    """
    places, used = dict(document.places), dict[Path, str]()
    for name, value in sorted(environ.items()):
        if not name.startswith(ENV_PREFIX) or "__" not in name:
            continue
        path: Path = tuple(name.removeprefix(ENV_PREFIX).lower().split("__"))
        _put(document.data, path, _read(value), name)
        for length in range(1, len(path)):
            places.setdefault(path[:length], (0, 0))
        places[path] = (0, 0)
        used[path] = name
    return replace(document, places=places), used


def _put(data: dict[str, Any], path: Path, value: Any, name: str) -> None:
    section: Any = data
    for parent in path[:-1]:
        if section.get(parent) is None:
            section[parent] = {}
        section = section[parent]
        if not isinstance(section, dict):
            raise ConfigError(f"{name}: only keys of sections can be set from outside")
    section[path[-1]] = value


def _read(text: str) -> Any:
    """Return a JSON list or object as such, anything else as the text it is."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
