"""The evidence of a stored alert, line by line, as it stands when it is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from monitor.alerts.words.payload_parts import counted, safe_url, signed
from monitor.alerts.words.plain_text import clean
from monitor.alerts.words.price_evidence import link_facts, market_facts, move_facts, price_facts
from monitor.alerts.words.wording import LATE, Fact, Wording, ago, clock
from storage.instants import parse_instant

Stored = Mapping[str, Any]
_TWO_DAYS = timedelta(days=2)


def worded(payload: Stored, now: datetime) -> Wording:
    """Return the alert of a stored payload in words, as said at `now` (aware UTC).

    Raises KeyError, TypeError or ValueError when the payload is none of ours.
    """
    return Wording(
        title=clean(str(payload["title"])),
        headline=clean(str(payload.get("headline") or "")),
        rule=str(payload["rule"]),
        kind=str(payload["kind"]),
        severity=str(payload["severity"]),
        at=parse_instant(payload["at"]),
        facts=tuple(_clean(fact) for fact in _facts(payload, now)),
        url=_main_url(payload),
        payload=payload,
    )


def _facts(payload: Stored, now: datetime) -> Iterator[Fact]:
    yield from _EVIDENCE[payload["kind"]](payload, now)
    if follows := payload.get("follows"):
        yield Fact("Follows", follows)
    yield Fact(f"Rule {payload['rule']} ({payload['severity']})", "; ".join(payload["why"]))


def _clean(fact: Fact) -> Fact:
    return Fact(clean(fact.term), clean(fact.text), safe_url(fact.url))


def _main_url(payload: Stored) -> str | None:
    rows = [payload, *payload.get("legs", ()), *payload.get("markets", ())]
    return next((url for row in rows if (url := safe_url(row.get("url")))), None)


def _signal_facts(payload: Stored, now: datetime) -> Iterator[Fact]:
    yield Fact("When", _clocks(payload, now))
    yield Fact("By", _publishers(payload))
    yield from price_facts(payload["prices"])
    if similar := payload.get("similar"):
        yield Fact("Similar signals", similar)
    if payload["url"]:
        yield Fact("Article", url=payload["url"])
    novelty = payload.get("novelty")
    parts = [", ".join(payload["themes"]), f"score {payload['score']:.2f}"]
    yield Fact("Theme", " · ".join(parts + ([] if novelty is None else [f"novelty {novelty:.2f}"])))
    if payload["tags"]:
        yield Fact("Tagged", "; ".join(payload["tags"]))


def _link_signal_facts(payload: Stored, now: datetime) -> Iterator[Fact]:
    yield Fact("When", _clocks(payload, now))
    yield from link_facts(payload)
    if payload["url"]:
        yield Fact("Article", url=payload["url"])
    yield Fact("Theme", f"{', '.join(payload['themes'])} · score {payload['score']:.2f}")
    yield Fact("Source", f"{payload['source']} (tier {payload['tier']})")


def _standing_facts(payload: Stored, now: datetime) -> Iterator[Fact]:
    del now
    yield Fact("When", f"published {payload['publish_date']}, seen {clock(payload['seen_at'])}")
    for row in payload["gaps"]:
        if row["gap"] is not None:
            yield Fact(row["model"], f"gap {signed(row['gap'], '+g')}")
    yield from price_facts(payload["prices"])
    if payload["url"]:
        yield Fact("Board", url=payload["url"])
    yield Fact("Theme", ", ".join(payload["themes"]))


def _source_facts(payload: Stored, now: datetime) -> Iterator[Fact]:
    since, state = payload["since"], payload["state"]
    if since is None:
        yield Fact("", f"A source of kind {payload['source_kind']}; it was never read")
        return
    what = {"drift": "First seen", "recovered": "It began at", "disabled": "Asked last at"}
    said = f"{what.get(state, 'Last read')} {clock(since)}, {ago(now - parse_instant(since))}"
    yield Fact("", f"A source of kind {payload['source_kind']}. {said}")


def _schedule_facts(payload: Stored, now: datetime) -> Iterator[Fact]:
    del now
    yield from (Fact("", line) for line in payload["lines"] if line.strip())


_EVIDENCE = {
    "signal": _signal_facts,
    "move": move_facts,
    "link": _link_signal_facts,
    "standing": _standing_facts,
    "market": market_facts,
    "source": _source_facts,
    "schedule": _schedule_facts,
}


def _publishers(payload: Stored) -> str:
    names = ", ".join(payload.get("publisher_names") or ())
    independent = counted(payload["publishers"], "independent publisher")
    who = f"{independent}: {names}" if names else independent
    return f"{who} · source {payload['source']} (tier {payload['tier']})"


def _clocks(payload: Stored, now: datetime) -> str:
    seen_at = parse_instant(payload["seen_at"])
    seen = f"seen {clock(seen_at)}"
    if payload["published_at"] is None:
        return f"publication time unknown, {seen}"
    published, precision = parse_instant(payload["published_at"]), payload["precision"]
    shown = clock(published, precision)
    if precision != "day" and seen_at.date() == published.date():
        seen = f"seen {seen_at:%H:%M:%S} UTC"
    # A day has no hour and no zone: only two midnights away is it surely days ago.
    if now - published >= (_TWO_DAYS if precision == "day" else LATE):
        return f"published {ago(now - published)} ({shown}), {seen}"
    return f"published {'on ' if precision == 'day' else ''}{shown}, {seen}"
