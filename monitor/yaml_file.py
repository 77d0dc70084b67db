"""YAML 1.2 with the place of every key and value, so that an error can say line and column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from monitor.errors import ConfigError

MAX_BYTES = 1 << 20
MAX_VALUES = 50_000
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """Plain values and, for each path into them, the (line, column) counted from 1."""

    data: dict[str, Any]
    places: Mapping[Path, tuple[int, int]] = field(default_factory=dict)

    def place(self, path: Path) -> tuple[int, int]:
        """Return where `path` stands, or the nearest part of it that stands anywhere."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return (1, 1)


def read_document(text: str, *, name: str) -> Document:
    """Return the mapping that `text` holds. Raises ConfigError `name:line:col: …`."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ConfigError(f"{name}: larger than {MAX_BYTES >> 20} MiB; this is no config file")
    yaml = YAML(typ="rt", pure=True)
    try:
        loaded = yaml.load(text)
    except MarkedYAMLError as error:
        raise ConfigError(_describe(error, name)) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: not YAML: {str(error).splitlines()[0]}") from error
    if loaded is None:
        return Document({})
    if not isinstance(loaded, CommentedMap):
        raise ConfigError(f"{name}:1:1: the file must hold `key: value` lines, not a list or text")
    places: dict[Path, tuple[int, int]] = {}
    try:
        data = _plain(loaded, (), places)
    except RecursionError as error:
        raise ConfigError(f"{name}: nested too deeply") from error
    return Document(data, places)


def _plain(node: Any, path: Path, places: dict[Path, tuple[int, int]]) -> Any:
    if len(places) > MAX_VALUES:
        raise ConfigError(f"more than {MAX_VALUES} values; aliases that multiply are refused")
    if isinstance(node, CommentedMap):
        plain: dict[str, Any] = {}
        for key, value in node.items():
            line, column = node.lc.key(key) if key in (node.lc.data or {}) else (0, 0)
            places[(*path, str(key))] = (line + 1, column + 1)
            plain[str(key)] = _plain(value, (*path, str(key)), places)
        return plain
    if isinstance(node, CommentedSeq):
        items = []
        for index, value in enumerate(node):
            line, column = node.lc.item(index)
            places[(*path, index)] = (line + 1, column + 1)
            items.append(_plain(value, (*path, index), places))
        return items
    # Round-trip scalars are subclasses that remember their quotes; keep the value only.
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return None if node is None else str(node)


def _describe(error: MarkedYAMLError, name: str) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    problem = (error.problem or "not YAML").splitlines()[0]
    return f"{where}: {problem}"
