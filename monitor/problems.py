"""What is wrong with a config, in the words of the one who wrote it; secrets are never repeated."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from pydantic import ValidationError

from monitor.yaml_file import Document, Path

Problem: TypeAlias = tuple[Path, str]
MASK = "•••"

_WORDS = {
    "model_type": "must hold `key: value` pairs",
    "model_attributes_type": "must hold `key: value` pairs",
    "dict_type": "must hold `key: value` pairs",
    "tuple_type": "must be a list, as in [a, b]; write [] for none",
    "string_type": "must be a text; write it in quotes",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "missing": "the key {key!r} is missing",
    "union_tag_not_found": "the key {discriminator} is missing",
}
_WHOLE_VALUE = {"missing", "union_tag_not_found", "too_short", "string_too_short"}
_SECRET_KEY = re.compile(r"(?i)secret|token|passw|api_?key|credential|auth")
_ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.-]*://.*[@?]|[a-z][a-z0-9+.-]*://[^/]*[0-9][^/]*/.*")
_WORD = re.compile(r"[A-Za-z0-9]+")
_PLAIN_WORD = re.compile(r"[A-Za-z]?[a-z]*[0-9]{0,4}|[0-9]+[a-z]{0,3}|[A-Z]{1,8}")
MAX_WORD = 24
# How like another a key must be for a slip of the pen, when a rule of another kind has it.
_SURE = 0.75
_SHOWN_TAKERS = 4


def structural_problems(
    error: ValidationError, document: Document, schema: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield each of pydantic's errors as path and message; `schema` names the known keys."""
    said: dict[Path, list[str]] = {}
    for detail in error.errors(include_input=False, include_url=False):
        path = _known_path(detail["loc"], document)
        kind, context = detail["type"], detail.get("ctx") or {}
        value = _value(document.data, path)
        if kind == "too_short" and isinstance(value, list) and value:
            continue  # its items were refused, and they have their own messages
        if kind == "extra_forbidden":
            message = _unknown_key(path, document.data, schema)
        elif kind == "union_tag_invalid":
            path, message = _unknown_tag(path, context)
        else:
            message = _worded(detail, context, value)
        said.setdefault(path, []).append(message)
    for path, messages in said.items():
        yield from ((path, message) for message in _joined(messages))


def suggestion(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return ` (did you mean …?)` for the nearest of `known`; nothing when none is near."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=cutoff)
    return f" (did you mean {close[0]}?)" if close else ""


def masked(message: str, data: Any) -> str:
    """Return `message` without any text of `data` that looks like a secret, whole or cut off."""
    found = set(_secrets(data))
    parts = {part for text in found for part in re.split(r"[/:@?&=#]+", text)}
    for text in sorted(found | set(filter(_looks_secret, parts)), key=len, reverse=True):
        for shown in {text, repr(text)[1:-1]}:
            message = message.replace(shown, MASK)
            if len(shown) > MAX_WORD:
                begins_so = re.escape(shown[:MAX_WORD]) + r"[^'\"\s]*"
                message = re.sub(begins_so, MASK, message)
    return message


def _worded(detail: Any, context: Mapping[str, Any], value: Any) -> str:
    kind = detail["type"]
    known = {"key": detail["loc"][-1] if detail["loc"] else "", **_short_numbers(context)}
    template = _WORDS.get(kind)
    if template is None:
        return re.sub(r"^Value error, ", "", detail["msg"])
    message = template.format(**known)
    if kind in _WHOLE_VALUE or isinstance(value, (list, dict)):
        return message
    close = ""
    if kind == "literal_error":
        close = suggestion(str(value), re.findall(r"'([^']+)'", message))
    return f"{message}, not {'nothing' if value is None else repr(value)[:60]}{close}"


def _short_numbers(context: Mapping[str, Any]) -> dict[str, Any]:
    return {k: f"{v:g}" if isinstance(v, float) else v for k, v in context.items()}


def _unknown_tag(path: Path, context: Mapping[str, Any]) -> Problem:
    key = str(context.get("discriminator", "")).strip("'")
    expected = re.findall(r"'([^']+)'", str(context.get("expected_tags", "")))
    tag = str(context.get("tag", ""))
    close = suggestion(tag, expected)
    return (*path, key), f"unknown kind {tag!r}{close}; one of {', '.join(expected)}"


def _joined(messages: list[str]) -> list[str]:
    """Return the messages on one value; the choices of a union are one message."""
    choices = [message for message in messages if message.startswith("must be '")]
    others = [message for message in messages if message not in choices]
    if choices and others:
        return [f"{others[0]}; or write {choices[0].removeprefix('must be ').split(',')[0]}"]
    return messages


def _known_path(loc: tuple[str | int, ...], document: Document) -> Path:
    """Return `loc` without the names of union members, which stand nowhere in the file."""
    path: Path = ()
    for part in loc:
        if (*path, part) in document.places:
            path = (*path, part)
    return path or loc


def _value(data: Any, path: Path) -> Any:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _unknown_key(path: Path, data: Any, schema: Mapping[str, Any]) -> str:
    """Return what is said of the key that ends `path`: what is like it there, or who takes it."""
    key, holder = str(path[-1]), _value(data, path[:-1])
    shapes = _shapes(schema, path[:-1], data)
    own = {name for node in shapes for name in node.get("properties", {})} - {key}
    tag, takers = _takers(schema, path[:-1], data, key, holder)
    close = suggestion(key, own, cutoff=_SURE if takers else 0.6)
    if close or not takers:
        return f"unknown key{close}"
    shown, rest = takers[:_SHOWN_TAKERS], len(takers) - _SHOWN_TAKERS
    who = ", ".join(f"`{tag}: {kind}`" for kind in shown)
    more = f" and {rest} more" if rest > 0 else ""
    take = "takes" if len(takers) == 1 else "take"
    return f"unknown key; {who}{more} {take} it, `{tag}: {holder[tag]}` does not"


def _takers(
    schema: Mapping[str, Any], path: Path, data: Any, key: str, holder: Any
) -> tuple[str, list[str]]:
    """Return the key that names a kind at `path`, and the kinds that have `key`."""
    for node in _nodes(schema, path, data):
        tag, kinds = _kinds(node)
        if isinstance(holder, dict) and str(holder.get(tag)) in kinds:
            found = [
                kind for kind, ref in kinds.items()
                for shape in _alternatives({"$ref": ref}, schema)
                if key in shape.get("properties", {})
            ]  # fmt: skip
            return tag, found
    return "", []


def _shapes(schema: Mapping[str, Any], path: Path, data: Any) -> list[Any]:
    """Return what may stand at `path`: of kinds the one that `data` names, all if it names none."""
    value = _value(data, path)
    found = []
    for node in _nodes(schema, path, data):
        tag, kinds = _kinds(node)
        named = kinds.get(str(value.get(tag))) if isinstance(value, dict) else None
        found += _alternatives({"$ref": named} if named else node, schema)
    return found


def _nodes(schema: Mapping[str, Any], path: Path, data: Any) -> list[Any]:
    """Return the schemas at `path`, each of which may be a choice of kinds."""
    if not path:
        return [schema]
    part = path[-1]
    inner = [
        node.get("items") if isinstance(part, int) else node.get("properties", {}).get(part)
        for node in _shapes(schema, path[:-1], data)
    ]
    return [node for node in inner if node]


def _kinds(node: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    discriminator = node.get("discriminator", {})
    return discriminator.get("propertyName", ""), discriminator.get("mapping", {})


def _alternatives(node: Any, schema: Mapping[str, Any]) -> list[Any]:
    if "$ref" in node:
        return _alternatives(schema["$defs"][node["$ref"].rsplit("/", 1)[-1]], schema)
    members = node.get("anyOf") or node.get("oneOf")
    if members:
        return [each for member in members for each in _alternatives(member, schema)]
    return [node]


def _secrets(node: Any, key: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if _looks_secret(name):
                yield name
            yield from _secrets(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _secrets(value, key)
    elif isinstance(node, str) and len(node) > 2:
        named_so = _SECRET_KEY.search(key) and not key.endswith(("_env", "_file"))
        if named_so or _looks_secret(node):
            yield node


def _looks_secret(text: str) -> bool:
    """Return whether `text` is an address with credentials or holds a word no person would type."""
    if _ADDRESS.match(text):
        return True
    words = _WORD.findall(text)
    return any(len(w) > MAX_WORD or not _PLAIN_WORD.fullmatch(w) for w in words if len(w) >= 8)
