"""How a market settles, in the one sentence that an alert has room for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.topics import Topics
from signals.settlement import Settlement
from signals.settlement_owners import COUNTRY, EVERYBODY

MAX_CHARS = 240
_PLACES = {1: "first", 2: "second", 3: "third"}
MIN_CHARS = 40
MAX_OWNERS = 3
# Not after "U.S." or "12:00 p.m.", where no sentence ends.
_END = re.compile(r"(?:(?<=\w\w\w)|(?<=\d))[.!?](?=[\"”’)]*\s)|。")
_TIES = {"yes": "a tie is enough", "alphabetical": "ties go by the alphabet"}


def settles_sentence(topics: Topics, spec: Settlement | None, rules: str | None) -> str | None:
    """Return what was read from the rules, else their first sentence; None when there are none.

    Times in UTC. What the rules do not say is left out.
    """
    if spec is not None and spec.board is not None:
        return ", ".join(_parts(topics, spec)) + "."
    return _first_sentence(rules) if rules and rules.strip() else None


def _parts(topics: Topics, spec: Settlement) -> Iterator[str]:
    category = "" if spec.category in (None, "overall") else f" ({spec.category})"
    stated = spec.style_control in ("on", "off")
    style = f" with style control {spec.style_control}" if stated else ""
    owners = " or ".join(_name(topics, owner) for owner in spec.owners[:MAX_OWNERS])
    yield f"Yes if {owners or 'it'} {_target(spec)} on the {spec.board} board{category}{style}"
    if spec.universe not in (None, "all"):
        yield f"among {spec.universe}"
    if spec.check_at is not None:
        yield f"{spec.when or 'at'} {spec.check_at:%Y-%m-%d %H:%M} UTC"
    if spec.tie_rule:
        yield _TIES.get(spec.tie_rule, f"ties: {spec.tie_rule}")


def _target(spec: Settlement) -> str:
    if spec.threshold is not None:
        return f"reaches a score of {spec.threshold:f}"
    if spec.place is None:
        return "wins"
    return f"is {_PLACES.get(spec.place, f'number {spec.place}')}"


def _name(topics: Topics, owner: str) -> str:
    if owner == EVERYBODY:
        return "anybody"
    if owner.startswith(COUNTRY):
        return f"a company of {owner.removeprefix(COUNTRY)}"
    known = topics.catalog.entities.get(owner)
    return (known.name_en or owner) if known else owner


def _first_sentence(rules: str) -> str:
    text = " ".join(rules.split())
    end = _END.search(text, MIN_CHARS)
    first = text[: end.end()] if end else text
    return first if len(first) <= MAX_CHARS else first[: MAX_CHARS - 1].rstrip() + "…"
