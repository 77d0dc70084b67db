"""The words of an alert: a first line for everyone, the headline, then the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from monitor.alerts.payload import signed_pp
from monitor.alerts.plain_text import cut, one_line
from storage.instants import parse_instant

LATE = timedelta(hours=1)
REPEAT_NOTE = "May repeat: an earlier attempt to send this may have arrived."


@dataclass(frozen=True, slots=True)
class Message:
    """One alert as every channel gets it. `key` is the delivery's idempotency key.

    `at` is when it was decided, `said_at` when this attempt was made.
    `lines` begin with `first_line`. `alerts` are Alertmanager v4 entries without status.
    """

    rule: str
    kind: str
    severity: str
    title: str
    first_line: str
    lines: tuple[str, ...]
    at: datetime
    said_at: datetime
    group_key: str
    key: str = ""
    may_repeat: bool = False
    alerts: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    @property
    def text(self) -> str:
        """Return all lines."""
        return "\n".join(self.lines)

    @property
    def body(self) -> str:
        """Return the lines after the first, for channels that show a title of their own."""
        return "\n".join(self.lines[1:])

    def within(self, limit: int) -> str:
        """Return the text in at most `limit` characters, whole to the eye."""
        return cut(self.text, limit)


def render(
    payload: Mapping[str, Any], *, now: datetime, key: str = "", may_repeat: bool = False
) -> Message:
    """Return the message of a stored payload, as said at `now` (aware UTC; clocks are UTC)."""
    first_line = one_line(str(payload["title"]))
    lines = [first_line, *(one_line(line) for line in _lines(payload, now))]
    if may_repeat:
        lines.append(REPEAT_NOTE)
    return Message(
        rule=str(payload["rule"]),
        kind=str(payload["kind"]),
        severity=str(payload["severity"]),
        title=cut(first_line, 250),
        first_line=first_line,
        lines=tuple(lines),
        at=parse_instant(payload["at"]),
        said_at=now,
        group_key=str(payload["group_key"]),
        key=key,
        may_repeat=may_repeat,
        alerts=tuple(payload.get("alerts", ())),
    )


def _lines(payload: Mapping[str, Any], now: datetime) -> Iterator[str]:
    yield from (str(payload[name]) for name in ("headline",) if payload.get(name))
    yield from _EVIDENCE[payload["kind"]](payload, now)
    if follows := payload.get("follows"):
        yield f"Follows: {follows}"
    yield f"Rule {payload['rule']} ({payload['severity']}): " + "; ".join(payload["why"])


def _signal_lines(payload: Mapping[str, Any], now: datetime) -> Iterator[str]:
    publishers = payload["publishers"]
    yield (
        f"Theme {', '.join(payload['themes'])} · score {payload['score']:.2f} · "
        f"{publishers} independent publisher{'' if publishers == 1 else 's'}"
    )
    yield f"Source {payload['source']} (tier {payload['tier']}), {_clocks(payload, now)}"
    if payload["tags"]:
        yield "Tagged: " + "; ".join(payload["tags"])
    yield from _price_lines(payload["prices"])
    if payload["url"]:
        yield f"Article: {payload['url']}"


def _move_lines(payload: Mapping[str, Any], now: datetime) -> Iterator[str]:
    del now
    yield _verdict_line(payload["verdict"], payload["candidates"])
    yield f"From {_clock(payload['start_at'])} to {_clock(payload['end_at'])}"
    for leg in payload["legs"]:
        z = "" if leg["z"] is None else f", z {_signed(leg['z'], '+.1f')}"
        link = f" {leg['url']}" if leg["url"] else ""
        yield f"{leg['label']}: {signed_pp(leg['move'])}{z}{link}"
    if payload["rules_text"]:
        yield f"Settles by: {payload['rules_text']}"


def _standing_lines(payload: Mapping[str, Any], now: datetime) -> Iterator[str]:
    del now
    yield f"Theme {', '.join(payload['themes'])}"
    yield f"Published {payload['publish_date']}, seen {_clock(payload['seen_at'])}"
    for row in payload["gaps"]:
        if row["gap"] is not None:
            yield f"{row['model']}: gap {_signed(row['gap'], '+g')}"
    yield from _price_lines(payload["prices"])
    if payload["url"]:
        yield f"Board: {payload['url']}"


def _source_lines(payload: Mapping[str, Any], now: datetime) -> Iterator[str]:
    since, state = payload["since"], payload["state"]
    if since is None:
        yield f"A source of kind {payload['source_kind']}; it was never read"
        return
    age = _age(now - parse_instant(since))
    what = {"drift": "First seen", "recovered": "It began at", "disabled": "Asked last at"}
    yield (
        f"A source of kind {payload['source_kind']}. "
        f"{what.get(state, 'Last read')} {_clock(since)}, {age} ago"
    )


def _schedule_lines(payload: Mapping[str, Any], now: datetime) -> Iterator[str]:
    del now
    yield from payload["lines"]


_EVIDENCE = {
    "signal": _signal_lines,
    "move": _move_lines,
    "standing": _standing_lines,
    "source": _source_lines,
    "schedule": _schedule_lines,
}


def _signed(number: float, form: str) -> str:
    return format(number, form).replace("-", "−")


def _verdict_line(verdict: str, candidates: Sequence[Mapping[str, Any]]) -> str:
    if verdict == "no_public_cause_found":
        return "No public cause found"
    if not candidates:
        return "Cause: still looking"
    return "; ".join(_candidate_text(candidate) for candidate in candidates)


def _candidate_text(candidate: Mapping[str, Any]) -> str:
    minutes, error = candidate["minutes_before"], candidate["clock_error_min"]
    link = f" {candidate['url']}" if candidate["url"] else ""
    if error is not None and abs(minutes) <= error:
        return f"Moved about when this came out: {candidate['title']}{link}"
    if minutes < 0:
        return f"Moved {-minutes:.0f} min before: {candidate['title']}{link}"
    return f"Moved after: {candidate['title']} ({minutes:.0f} min before){link}"


def _price_lines(prices: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for price in prices:
        before, now = price["before"], price["now"]
        change = "" if before is None or now is None else f" ({signed_pp(now - before)})"
        link = f" {price['url']}" if price["url"] else ""
        yield f"{price['label']}: {_price(before)} → {_price(now)}{change}{link}"


def _price(price: float | None) -> str:
    return "no price" if price is None else f"{price:.2f}"


def _clocks(payload: Mapping[str, Any], now: datetime) -> str:
    seen = f"seen {_clock(payload['seen_at'])}"
    if payload["published_at"] is None:
        return f"publication time unknown, {seen}"
    published = parse_instant(payload["published_at"])
    if payload["precision"] == "day":
        return f"published on {published:%Y-%m-%d}, {seen}"
    late = f" ({_ago(now - published)} ago)" if now - published >= LATE else ""
    return f"published {_clock(payload['published_at'])}{late}, {seen}"


def _clock(instant: str) -> str:
    return f"{parse_instant(instant):%Y-%m-%d %H:%M:%S} UTC"


def _ago(age: timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"


def _age(age: timedelta) -> str:
    return _ago(age) if age >= LATE else f"{int(age.total_seconds() // 60)} min"
