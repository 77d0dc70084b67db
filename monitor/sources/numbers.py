"""Numbers as upstreams send them, read strictly: a poisoned price costs its row, not the database.

`float()` takes "nan", "1e999", "6_4_0" and Arabic digits, and JSON gives true where a price
belongs; none of these is a number here.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

_DECIMAL = re.compile(r"-?(?:[0-9]{1,18}(?:\.[0-9]{0,60})?|\.[0-9]{1,60})")
_WHOLE = re.compile(r"[0-9]{1,18}")
_LARGEST = 10**18


def decimal_or_none(raw: object) -> Decimal | None:
    """Return the exact value of a JSON number or a plain decimal string; None for null and "".

    Raises ValueError for booleans, exponents in strings, separators, NaN, infinities, other
    digits than 0-9 and magnitudes of 1e18 and more.
    """
    if raw is None or raw == "":
        return None
    if isinstance(raw, str) and _DECIMAL.fullmatch(raw.strip(" ")):
        return Decimal(raw.strip(" "))
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise ValueError(f"{_shown(raw)} is not a number")  # noqa: TRY004 - bad data, not a bad call
    if abs(raw) >= _LARGEST or math.isnan(raw):
        raise ValueError(f"{_shown(raw)} is out of range")
    return Decimal(repr(raw))


def decimal(raw: object, *, what: str) -> Decimal:
    """Return the value of `raw`, which must be there; ValueError names `what`."""
    value = decimal_or_none(raw)
    if value is None:
        raise ValueError(f"{what} is missing")
    return value


def probability(raw: object) -> Decimal | None:
    """Return a price in 0..1; None when there is none. Raises ValueError outside the range."""
    value = decimal_or_none(raw)
    if value is not None and not 0 <= value <= 1:
        raise ValueError(f"{_shown(raw)} is not a probability between 0 and 1")
    return value


def quantity(raw: object) -> Decimal | None:
    """Return a size or a volume; None when there is none. Raises ValueError when negative."""
    value = decimal_or_none(raw)
    if value is not None and value < 0:
        raise ValueError(f"{_shown(raw)} is negative")
    return value


def count_or_none(raw: object) -> int | None:
    """Return a whole number such as a vote count; None for null and "".

    Raises ValueError for anything else, negative numbers and fractions included.
    """
    if raw is None or raw == "":
        return None
    if isinstance(raw, str) and _WHOLE.fullmatch(raw):
        return int(raw)
    value = decimal_or_none(raw)
    if isinstance(raw, str) or value is None or value < 0 or value != value.to_integral_value():
        raise ValueError(f"{_shown(raw)} is not a whole number")
    return int(value)


def _shown(raw: object) -> str:
    if isinstance(raw, int) and abs(raw) >= _LARGEST:
        return "an integer of more than 18 digits"
    return repr(raw)[:60]
