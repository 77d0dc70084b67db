"""YAML 1.2 with the place of every key and value, so that an error can say line and column.

The document is read as a tree of nodes and turned into plain values here: so tags build nothing,
aliases cannot multiply, a date stays the text it is, and no message repeats a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from monitor.errors import ConfigError

MAX_BYTES = 1 << 20
MAX_VALUES = 50_000
Path: TypeAlias = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"
_TEXTS = {"str", "timestamp", "value"}


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
    try:
        root = YAML(typ="safe", pure=True).compose(text)
        if root is None or root.tag == f"{_TAG}null":
            return Document({})
        if not isinstance(root, MappingNode):
            raise _refused(root, "the file must hold `key: value` lines, not a list or text")
        places: dict[Path, tuple[int, int]] = {}
        return Document(_plain(root, (), places, frozenset()), places)
    except _RefusedNode as error:
        raise ConfigError(f"{name}:{error}") from error
    except MarkedYAMLError as error:
        raise ConfigError(_describe(error, name)) from error
    except ReaderError as error:
        line, column = _line_column(text, error.position)
        raise ConfigError(
            f"{name}:{line}:{column}: the character U+{ord(text[error.position]):04X} "
            "may not stand in a config file"
        ) from error
    except RecursionError as error:
        raise ConfigError(f"{name}: nested too deeply; this is no config file") from error
    except (YAMLError, ValueError) as error:
        raise ConfigError(f"{name}: not YAML: {str(error).splitlines()[0]}") from error


class _RefusedNode(Exception):  # noqa: N818  it never leaves this module
    """`line:col: why`."""


def _refused(node: Any, why: str) -> _RefusedNode:
    return _RefusedNode(f"{node.start_mark.line + 1}:{node.start_mark.column + 1}: {why}")


def _plain(
    node: Any, path: Path, places: dict[Path, tuple[int, int]], above: frozenset[int]
) -> Any:
    """Return the plain value of `node`; `above` are the nodes it stands in."""
    if len(places) > MAX_VALUES:
        raise _refused(node, f"more than {MAX_VALUES} values; aliases that multiply are refused")
    if id(node) in above:
        raise _refused(node, "an alias that stands inside what it names")
    inside = above | {id(node)}
    if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
        plain: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _key(key_node)
            if key in plain:
                raise _refused(key_node, f"the key {key!r} stands twice; one of them has no effect")
            places[(*path, key)] = _place(key_node)
            plain[key] = _plain(value_node, (*path, key), places, inside)
        return plain
    if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
        items = []
        for index, item in enumerate(node.value):
            places[(*path, index)] = _place(item)
            items.append(_plain(item, (*path, index), places, inside))
        return items
    if isinstance(node, ScalarNode):
        return _scalar(node)
    raise _refused(node, f"the tag {node.tag!r} means nothing here")


def _key(node: Any) -> str:
    if not isinstance(node, ScalarNode):
        raise _refused(node, "a key must be a word, not a list or mapping")
    return str(node.value)


def _scalar(node: ScalarNode) -> Any:
    kind, text = str(node.tag).removeprefix(_TAG), str(node.value)
    try:
        if kind in _TEXTS:
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        if kind == "int":
            digits = text.replace("_", "")
            return int(digits) if digits.lstrip("+-").isdecimal() else int(digits, 0)
        if kind == "float":
            return float(
                text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan")
            )
    except (ValueError, KeyError):
        raise _refused(node, f"cannot be read as {kind}; write a text in quotes") from None
    raise _refused(node, f"the tag {node.tag!r} means nothing here")


def _place(node: Any) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _line_column(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


def _describe(error: MarkedYAMLError, name: str) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    problem = (error.problem or "not YAML").splitlines()[0]
    if error.context and error.context_mark:
        problem += f", {error.context} that begins in line {error.context_mark.line + 1}"
    if "'\\t'" in problem:
        problem = "a tab; indent with spaces"
    return f"{where}: {problem}"
