"""Instants as int64 milliseconds and as text; nothing of the database is needed for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def to_ms(instant: datetime) -> int:
    """Return milliseconds since 1970; raises ValueError for a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no zone; instants are aware UTC")
    return (instant - EPOCH) // _MS


def from_ms(milliseconds: int) -> datetime:
    """Return the aware UTC instant of milliseconds since 1970."""
    return EPOCH + milliseconds * _MS


def format_instant(instant: datetime) -> str:
    """Return the CSV's form, `2026-11-22T05:50:11.123Z`."""
    utc = instant.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def parse_instant(text: str) -> datetime:
    """Return the aware UTC instant of an ISO 8601 text; a text without zone is UTC.

    Raises ValueError when it is no instant.
    """
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
