"""Instants as machine interfaces send them: ISO text and epoch numbers, as aware UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.sources.numbers import decimal_or_none

# Prediction markets and leaderboards have no business before or after; an epoch read in the
# wrong unit lands outside.
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_LAST = datetime(2200, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant_or_none(text: object) -> datetime | None:
    """Return the instant of ISO 8601 `text`, UTC where it names no zone; None for null and "".

    Takes `2025-12-31T12:00:00Z`, `2026-06-17 20:04:49+00` and `2025-12-31` (its midnight).
    Raises ValueError for anything else and for years outside 2000 to 2199.
    """
    if text is None or text == "":
        return None
    if not isinstance(text, str) or len(text) > 40:
        raise ValueError(f"{text!r:.60} is not an instant")
    parsed = datetime.fromisoformat(text.strip())
    return _in_range(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC), text)


def instant_from_s(raw: object) -> datetime | None:
    """Return the instant of epoch seconds; None for null and "". ValueError out of range."""
    return _from_epoch(raw, per_second=1)


def instant_from_ms(raw: object) -> datetime | None:
    """Return the instant of epoch milliseconds; None for null and "". ValueError out of range."""
    return _from_epoch(raw, per_second=1000)


def _from_epoch(raw: object, *, per_second: int) -> datetime | None:
    value = decimal_or_none(raw)
    if value is None:
        return None
    microseconds = int(value * 1_000_000 / per_second)
    try:
        instant = _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise ValueError(f"{raw!r:.60} is not an epoch time") from error
    return _in_range(instant, raw)


def _in_range(instant: datetime, raw: object) -> datetime:
    # Compared before the conversion: year 1 with an offset has no UTC.
    if not _FIRST <= instant < _LAST:
        raise ValueError(f"{raw!r:.60} is not a time between 2000 and 2199")
    return instant.astimezone(UTC)
