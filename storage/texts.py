"""How values are written in files and read back: instants, prices, lists, guarded cells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from storage.columns import dump_json
from storage.instants import EPOCH, format_instant

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\x00", "＝", "＋", "－", "＠")
_BLANKS = " \u00a0\u3000\ufeff\u200b"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_QUOTED = re.compile('[",\r\n]')
_SECONDS = tuple(f"{second:02d}." for second in range(60))
_MILLISECONDS = tuple(f"{part:03d}Z" for part in range(1000))
GUARD = "'"


def guard(cell: str) -> str:
    """Return `cell` so that no spreadsheet runs it; plain numbers stay as they are.

    Cells that begin with the guard itself get another, so that `unguard` restores every cell.
    """
    bare = cell.lstrip(_BLANKS)
    if bare.startswith(GUARD) or (bare.startswith(_DANGEROUS) and not _NUMBER.fullmatch(cell)):
        return GUARD + cell
    return cell


def unguard(cell: str) -> str:
    """Return the cell as it was before `guard`."""
    return cell[1:] if cell.startswith(GUARD) and guard(cell[1:]) == cell else cell


def csv_line(cells: Iterable[str]) -> str:
    r"""Return one CSV record with its end of line, quoted as RFC 4180 asks.

    csv.writer would leave a lone `\r` bare when lines end in `\n`, and no reader could tell it
    from an end of line.
    """
    return ",".join(map(csv_cell, cells)) + "\n"


def csv_cell(text: str) -> str:
    """Return one cell, quoted when it holds a comma, a quote or an end of line."""
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def ms_text(at: int) -> str:
    """Return the CSV's form of int64 milliseconds; fast, for millions of rows."""
    seconds, milliseconds = divmod(at, 1000)
    minute, second = divmod(seconds, 60)
    return f"{_minute_text(minute)}{_SECONDS[second]}{_MILLISECONDS[milliseconds]}"


@lru_cache(maxsize=1 << 12)
def micro_text(amount: int | None, places: int = 6) -> str:
    """Return what `decimal_text` does; fast for prices, which repeat."""
    return decimal_text(amount, places)


def decimal_text(amount: int | None, places: int) -> str:
    """Return an integer of 10^-places as the shortest decimal text; empty when missing."""
    if amount is None:
        return ""
    sign, digits = ("-", -amount) if amount < 0 else ("", amount)
    whole, part = divmod(digits, 10**places)
    fraction = f"{part:0{places}d}".rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def cell_text(value: Any) -> str:
    """Return any value as the CSV writes it: empty for null, JSON for lists and mappings."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return "" if value != value else format_float(value)
    if isinstance(value, (list, dict, tuple)):
        return dump_json(value)
    return str(value)


def format_float(value: float) -> str:
    """Return a float at ten significant digits without an exponent or trailing zeros."""
    text = f"{Decimal(f'{value + 0.0:.10g}'):f}"  # -0.0 + 0.0 is 0.0
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_json(text: str) -> Any:
    """Return the list or mapping of a JSON cell; None for an empty one."""
    return json.loads(text) if text else None


@lru_cache(maxsize=1 << 12)
def _minute_text(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60 + EPOCH.timestamp(), UTC).strftime("%Y-%m-%dT%H:%M:")
