"""Several alerts as one message: what came first, how many there are, over which time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from monitor.alerts.rules import SEVERITIES
from monitor.alerts.words.payload_parts import counted
from monitor.alerts.words.wording import Wording

_HEADS = {
    "group": "{alerts} together",
    "digest": "Digest of {alerts}",
    "quiet": "{alerts} held over quiet hours",
    "storm": "Storm: {alerts} in one message",
}
_HELD = {
    "group": "Held to be told with others of its group",
    "digest": "Held for the digest",
    "quiet": "Held over quiet hours",
    "storm": "Held because there were too many messages",
}


def ordered(entries: Iterable[Wording]) -> tuple[Wording, ...]:
    """Return the severest first, the newest first among equals."""
    return tuple(sorted(entries, key=lambda entry: (-rank(entry.severity), -entry.at.timestamp())))


def rank(severity: str) -> int:
    """Return how severe; a word we do not know is below all we do."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def heading(entries: Sequence[Wording], held: str | None) -> str:
    """Return the first line of several alerts: the exact count, severities, rules and time."""
    alerts = counted(len(entries), "alert")
    severities = Counter(entry.severity for entry in entries)
    ranked = sorted(severities, key=rank, reverse=True)
    rules = sorted({entry.rule for entry in entries})
    parts = (
        _HEADS.get(held or "", "{alerts}").format(alerts=alerts),
        ", ".join(f"{severities[severity]:,} {severity}" for severity in ranked),
        f"rule {rules[0]}" if len(rules) == 1 else counted(len(rules), "rule"),
        _span(entry.at for entry in entries),
    )
    return " · ".join(parts)


def held_note(held: str | None, at: datetime, now: datetime) -> str | None:
    """Return why one alert comes later than it was decided; None when it does not."""
    if held is None or now <= at:
        return None
    return f"{_HELD.get(held, 'Held')}; decided {at:%Y-%m-%d %H:%M} UTC"


def time_form(entries: Sequence[Wording]) -> str:
    """Return how strftime shows when each was decided: the hour alone where all share a day."""
    return "%H:%M" if len({entry.at.date() for entry in entries}) == 1 else "%m-%d %H:%M"


def shared(values: Iterable[str], otherwise: str) -> str:
    """Return the one value all have, or `otherwise`."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else otherwise


def _span(instants: Iterable[datetime]) -> str:
    known = sorted(instants)
    first, last = known[0], known[-1]
    if f"{first:%Y-%m-%d %H:%M}" == f"{last:%Y-%m-%d %H:%M}":
        return f"{first:%Y-%m-%d %H:%M} UTC"
    until = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
    return f"from {first:%Y-%m-%d %H:%M} to {until} UTC"
