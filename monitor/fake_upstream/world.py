"""The one mutable thing of the fake upstream: which scenario plays, and what time it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from monitor.errors import ConfigError
from monitor.fake_upstream.loading import find_leg
from monitor.fake_upstream.records import (
    read_board_row,
    read_event,
    read_item,
    read_leg,
    read_price,
)
from monitor.fake_upstream.rows import Row
from monitor.fake_upstream.scenario import POLYMARKET, Scenario

_PATCHED = ("events", "prices", "items", "board_rows")


class World:
    """A scenario and a clock; both may be changed from another thread while requests run."""

    def __init__(self, scenario: Scenario, now: Callable[[], datetime]) -> None:
        self._lock = threading.Lock()
        self._scenario = scenario
        self._now = now
        self._pinned: datetime | None = None

    @property
    def scenario(self) -> Scenario:
        """Return the scenario as it stands; the value itself never changes."""
        return self._scenario

    def now(self) -> datetime:
        """Return the virtual time: the pinned instant, else the clock's."""
        return self._pinned or self._now().astimezone(UTC)

    def pin(self, instant: datetime | None) -> None:
        """Set the virtual time to `instant`; None gives it back to the clock."""
        self._pinned = instant

    def patch(self, changes: Mapping[str, object]) -> None:
        """Add `events`, `prices`, `items` and `board_rows` (lists of mappings), all or none.

        Fields as in the scenario's files; an event takes the place of one of its slug, a price
        names `event` and `leg` or `token`, an item its `feed`; instants default to the virtual
        now. Raises ConfigError with every problem.
        """
        problems = [
            f"patch: unknown key {key!r}; known: {', '.join(_PATCHED)}"
            for key in changes
            if key not in _PATCHED
        ]
        with self._lock:
            patched, now = self._scenario, self.now()
            for row in _rows(changes, "events", problems):
                patched = _with_event(patched, row, now)
            for row in _rows(changes, "prices", problems):
                patched = _with_price(patched, row, now)
            for row in _rows(changes, "items", problems):
                patched = _with_item(patched, row, now)
            for row in _rows(changes, "board_rows", problems):
                patched = patched.with_board_rows([read_board_row(row, at=now)])
            if problems:
                raise ConfigError("\n".join(problems))
            self._scenario = patched


def _rows(changes: Mapping[str, object], key: str, problems: list[str]) -> Iterable[Row]:
    values = changes.get(key, [])
    if not isinstance(values, list):
        problems.append(f"patch.{key}: must be a list")
        return
    for number, value in enumerate(values):
        if isinstance(value, dict):
            yield Row(f"patch.{key}[{number}]", cast("dict[str, object]", value), problems)
        else:
            problems.append(f"patch.{key}[{number}]: must be a mapping")


def _with_event(scenario: Scenario, row: Row, now: datetime) -> Scenario:
    row = replace(row, values={"created_at": now.isoformat(), **row.values})
    legs, slug, venue = row.raw("legs"), row.text("slug"), row.maybe_text("venue") or POLYMARKET
    if not isinstance(legs, list) or not all(isinstance(leg, dict) for leg in legs) or not legs:
        row.note("legs must be a list of mappings, at least one")
        return scenario
    read = tuple(
        read_leg(
            Row(f"{row.where}.legs[{number}]", leg, row.problems),
            event_slug=slug,
            ends=row.instant("ends"),
            venue=venue,
        )
        for number, leg in enumerate(legs)
    )
    return scenario.with_event(read_event(row, read))


def _with_price(scenario: Scenario, row: Row, now: datetime) -> Scenario:
    leg = find_leg(row, scenario.events)
    price = read_price(row, at=now)
    return scenario if leg is None else scenario.with_price(leg.token_ids[0], price)


def _with_item(scenario: Scenario, row: Row, now: datetime) -> Scenario:
    name = row.text("feed")
    item = read_item(row, at=now)
    if scenario.feed(name) is None:
        row.note(f"no feed {name!r}; there are {', '.join(f.name for f in scenario.feeds)}")
        return scenario
    return scenario.with_item(name, item)
