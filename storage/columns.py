"""Column types: instants as int64 ms, JSON as compact text, and the conversions of both."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator

from storage.instants import format_instant, from_ms, to_ms

MICRO = 1_000_000


def to_micro(probability: Decimal | None) -> int | None:
    """Return an amount in integers of 1e-6, halves to even; None stays None."""
    return None if probability is None else int((probability * MICRO).to_integral_value())


def from_micro(amount: int | None) -> Decimal | None:
    """Return the Decimal of an integer of 1e-6; None stays None."""
    return None if amount is None else Decimal(amount).scaleb(-6)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime kept as int64 milliseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return what is written."""
        return None if value is None else to_ms(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return what is read."""
        return None if value is None else from_ms(value)


class Json(TypeDecorator[Any]):
    """A JSON value kept as compact text with sorted keys, so that equal values are equal text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return what is written."""
        return None if value is None else dump_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Return what is read."""
        return None if value is None else json.loads(value)


def dump_json(value: Any) -> str:
    """Return compact JSON with sorted keys; Decimals and instants become text."""
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain
    )


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (set, frozenset, tuple)):
        return sorted(value) if not isinstance(value, tuple) else list(value)
    raise TypeError(f"{type(value).__name__} cannot be kept as JSON")
