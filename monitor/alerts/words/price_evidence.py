"""The evidence that prices give: before, after, now, over a day, and what the market settles by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor.alerts.words.payload_parts import signed, signed_pp, words
from monitor.alerts.words.wording import LATE, Fact, ago, clock
from storage.instants import parse_instant

Stored = Mapping[str, Any]
MAX_LEGS = 12


def price_facts(prices: Sequence[Stored]) -> Iterator[Fact]:
    """Yield the legs beside a story: before it, now, and the change of a day; then the rules."""
    for row in prices:
        before, now = row["before"], row["now"]
        change = "" if before is None or now is None else f" ({signed_pp(now - before)})"
        text = f"{_price(before)} before → {_price(now)} now{change}{_day(row, now)}"
        yield Fact(row["label"], text, row["url"])
    yield from _settling(prices)


def move_facts(payload: Stored, now: datetime) -> Iterator[Fact]:
    """Yield whether a cause was found, when it moved, each leg, and what settles it."""
    yield from _verdict(payload["verdict"], payload["candidates"])
    ended = parse_instant(payload["end_at"])
    late = f", {ago(now - ended)}" if now - ended >= LATE else ""
    yield Fact("When", f"from {clock(payload['start_at'])} to {clock(ended)}{late}")
    yield from _legs(payload["legs"], _moved)
    if payload["rules_text"]:
        yield Fact("Settles by", payload["rules_text"])


def link_facts(payload: Stored) -> Iterator[Fact]:
    """Yield what each leg did within the window, with its test; then what settles it."""

    def responded(leg: Stored) -> str:
        return _responded(leg, payload["window"])

    yield from _legs(payload["legs"], responded)
    if any(leg["verdict"].startswith("moved_") for leg in payload["legs"]):
        yield Fact("Reading", "one came before the other; this alone shows no cause")
    yield from _settling(payload["legs"])


def market_facts(payload: Stored, now: datetime) -> Iterator[Fact]:
    """Yield what happened to each market, when it closes and what settles it."""
    del now
    yield Fact("When", f"seen {clock(payload['seen_at'])} at {payload['venue']}")
    yield from _legs(payload["markets"], _closes if payload["state"] == "closing" else _stands)
    yield from _settling(payload["markets"])
    if payload["themes"]:
        yield Fact("Theme", ", ".join(payload["themes"]))


def _legs(legs: Sequence[Stored], said: Callable[[Stored], str]) -> Iterator[Fact]:
    for leg in legs[:MAX_LEGS]:
        yield Fact(leg["label"], said(leg), leg["url"])
    if len(legs) > MAX_LEGS:
        yield Fact("", f"and {len(legs) - MAX_LEGS:,} more of the series")


def _moved(leg: Stored) -> str:
    z = "" if leg["z"] is None else f", z {signed(leg['z'], '+.1f')}"
    now = "" if leg.get("now") is None else f", now {_price(leg['now'])}"
    day = _day(leg, leg.get("now"))
    return f"{_price(leg['from'])} → {_price(leg['to'])} ({signed_pp(leg['move'])}){now}{day}{z}"


def _responded(leg: Stored, window: str) -> str:
    change = f"{_price(leg['before'])} before → {_price(leg['after'])} after {window}"
    parts = [f"{change} ({signed_pp(leg['move'])})", words(leg["verdict"])]
    if leg["abnormal_move"] is not None:
        parts.append(f"{signed_pp(leg['abnormal_move'])} beyond its drift")
    if leg["z"] is not None:
        parts.append(f"z {signed(leg['z'], '+.1f')}")
    parts.append(_test(leg["p_value"], leg["n_placebo"]))
    if leg["thin"]:
        parts.append("thin: few price changes to judge by")
    if leg["relation"] == "related":
        parts.append("a related market")
    return ", ".join(parts)


def _test(p_value: float | None, n_placebo: int | None) -> str:
    if p_value is None:
        return "no p: too few comparable hours"
    shown = f"{p_value:.3f}" if p_value >= 0.001 else "< 0.001"
    return f"p {shown}" + ("" if n_placebo is None else f" (n {n_placebo:,})")


def _closes(market: Stored) -> str:
    # How long it has left is out of date by the time it is read; when it closes is not.
    return _stands(market if market["closes_at"] is None else {**market, "said": ""})


def _stands(market: Stored) -> str:
    parts = [market["said"]] if market["said"] else []
    if market["price"] is not None:
        parts.append(f"now {_price(market['price'])}")
    if market["closes_at"] is not None:
        parts.append(f"closes {clock(market['closes_at'], 'minute')}")
    return ", ".join(parts) or market["question"]


def _verdict(verdict: str, candidates: Sequence[Stored]) -> Iterator[Fact]:
    if verdict == "no_public_cause_found":
        yield Fact("", "No public cause found")
    elif not candidates:
        yield Fact("Cause", "still looking")
    else:
        yield from (_candidate(candidate) for candidate in candidates)


def _candidate(candidate: Stored) -> Fact:
    title, minutes = candidate["title"], candidate["minutes_before"]
    error, url = candidate["clock_error_min"], candidate["url"]
    if error is not None and abs(minutes) <= error:
        return Fact("Moved about when this came out", title, url)
    if minutes < 0:
        return Fact(f"Moved {-minutes:.0f} min before", title, url)
    return Fact("Moved after", f"{title} ({minutes:.0f} min before)", url)


def _settling(rows: Sequence[Stored]) -> Iterator[Fact]:
    said: dict[str, list[str]] = {}
    for row in rows:
        if row.get("settles"):
            said.setdefault(row["settles"], []).append(row["label"])
    for text, labels in said.items():
        yield Fact("Settles by" if len(said) == 1 else f"Settles {', '.join(labels)}", text)


def _day(row: Stored, now: float | None) -> str:
    if "day_ago" not in row or now is None:
        return ""
    day_ago = row["day_ago"]
    return ", no price 24 h ago" if day_ago is None else f", 24 h {signed_pp(now - day_ago)}"


def _price(price: float | None) -> str:
    return "no price" if price is None else f"{price:.2f}"
