"""One row of a scenario file, read field by field; a problem is noted and the reading goes on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(slots=True)
class Row:
    """Named values from `where` (file:line); problems go to the shared list with that place."""

    where: str
    values: Mapping[str, object]
    problems: list[str]
    read: set[str] = field(default_factory=set)

    def note(self, message: str) -> None:
        """Add a problem of this row."""
        self.problems.append(f"{self.where}: {message}")

    def raw(self, key: str) -> object:
        """Return the value as it stands; None when absent, null or blank text."""
        self.read.add(key)
        value = self.values.get(key)
        return None if isinstance(value, str) and not value.strip() else value

    def text(self, key: str) -> str:
        """Return required text; an empty string, and a problem, when it is missing."""
        value = self.maybe_text(key)
        if value is None:
            self.note(f"{key} is missing")
        return value or ""

    def maybe_text(self, key: str) -> str | None:
        """Return optional text, stripped."""
        value = self.raw(key)
        return None if value is None else str(value).strip()

    def matching(self, key: str, pattern: str, meaning: str) -> str:
        """Return required text that matches `pattern` wholly; the problem names `meaning`."""
        value = self.text(key)
        if value and re.fullmatch(pattern, value) is None:
            self.note(f"{key} is {value!r}; it must be {meaning}")
        return value

    def flag(self, key: str) -> bool:
        """Return an optional yes or no, no when absent."""
        value = self.raw(key)
        if value is not None and not isinstance(value, bool):
            self.note(f"{key} is {value!r}; write true or false")
        return value is True

    def integer(self, key: str, *, required: bool = False) -> int | None:
        """Return a whole number."""
        value = self.raw(key)
        if value is None:
            if required:
                self.note(f"{key} is missing")
            return None
        if not re.fullmatch(r"-?\d+", str(value).strip()):
            self.note(f"{key} is {value!r}; it must be a whole number")
            return None
        return int(str(value))

    def number(self, key: str, *, required: bool = False) -> Decimal | None:
        """Return a finite decimal."""
        value = self.raw(key)
        if value is None:
            if required:
                self.note(f"{key} is missing")
            return None
        try:
            parsed = Decimal(str(value).strip())
        except InvalidOperation:
            parsed = Decimal("NaN")
        if not parsed.is_finite():
            self.note(f"{key} is {value!r}; it must be a number")
            return None
        return parsed

    def probability(self, key: str) -> Decimal | None:
        """Return an optional probability 0..1."""
        value = self.number(key)
        if value is not None and not 0 <= value <= 1:
            self.note(f"{key} is {value}; a probability lies in 0..1")
            return None
        return value

    def instant(self, key: str, default: datetime | None = None) -> datetime:
        """Return an instant with a zone, as UTC; `default` when absent, the epoch when wrong.

        Absent without a default is a problem.
        """
        if self.raw(key) is None:
            if default is None:
                self.note(f"{key} is missing")
            return default or EPOCH
        return self.maybe_instant(key) or EPOCH

    def maybe_instant(self, key: str) -> datetime | None:
        """Return an optional instant with a zone, as UTC."""
        value = self.raw(key)
        if value is None:
            return None
        try:
            parsed = datetime.fromisoformat(str(value).strip())
        except ValueError:
            parsed = None
        if parsed is None or parsed.tzinfo is None:
            self.note(f"{key} is {value!r}; write an instant with a zone, '2026-07-16T17:06:18Z'")
            return None
        return parsed.astimezone(UTC)

    def instant_or_date(self, key: str) -> datetime | date:
        """Return a required instant, or a date where the text holds no time."""
        value = self.maybe_text(key)
        if value is None or not _DATE.fullmatch(value):
            return self.instant(key)
        return self.day(key)

    def day(self, key: str) -> date:
        """Return a required date."""
        value = self.text(key)
        try:
            return date.fromisoformat(value)
        except ValueError:
            if value:
                self.note(f"{key} is {value!r}; write a date, 2026-07-16")
            return EPOCH.date()

    def finish(self) -> None:
        """Note every field that nothing asked for."""
        for key in self.values:
            if key not in self.read:
                self.note(f"unknown field {key!r}; known here: {', '.join(sorted(self.read))}")
