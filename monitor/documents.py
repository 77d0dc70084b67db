"""Texts to tag as they come in lines of JSON, checked field by field."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from monitor.sources.instants import instant_or_none
from signals.tagger import Document

DEFAULT_TIER = 2


def read_object(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line of UTF-8; a byte order mark before it is left out.

    Raises ValueError or TypeError that says what is wrong with the line.
    """
    if not line.strip():
        raise ValueError("the line is empty")
    try:
        item = json.loads(line.decode("utf-8-sig"), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(item, dict):
        raise TypeError("a line must hold one JSON object")
    return item


def identifier(item: Mapping[str, Any]) -> Any:
    """Return the `id` of an item, whatever it is; ValueError for a number without an end."""
    value = item.get("id")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("the id is no finite number")
    return value


def read_document(item: Mapping[str, Any], *, tier: int = DEFAULT_TIER) -> Document:
    """Return the text of an item: `title`, and where it has them `summary`, `content`,
    `published_at` (ISO 8601, UTC where it names no zone), `source`, `lang`.

    Raises TypeError or ValueError naming the field.
    """
    title = item.get("title")
    if not isinstance(title, str):
        raise TypeError("title must be a text")
    published_at = optional_text(item, "published_at")
    try:
        instant = instant_or_none(published_at)
    except ValueError as error:
        raise ValueError(f"published_at: {error}") from error
    return Document(
        title=title,
        summary=optional_text(item, "summary"),
        content=optional_text(item, "content"),
        published_at=instant,
        source=optional_text(item, "source"),
        lang=optional_text(item, "lang"),
        tier=tier,
    )


def optional_text(item: Mapping[str, Any], name: str) -> str | None:
    """Return a text field, None where it is absent, null or empty. TypeError for the rest."""
    value = item.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be a text")
    return value or None


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON value")
