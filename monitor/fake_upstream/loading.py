"""A scenario folder read whole, with every mistake reported by file and row.

    scenario.yaml   title, start, end, notes, licence
    markets.yaml    events: [{venue, id, slug, title, created_at, ends, legs: [...]}]
    prices.csv      at, event, leg (or token), bid, ask, last, volume_24h, volume, note
    feeds/*.yaml    feed, title, format, lang, link, utc_offset_h, items: [...]
    boards/*.csv    config, publish_date, visible_at, model, organization, rating, ...

All but scenario.yaml may be absent. CSV lines that begin with # are remarks. A board file with a
header and no rows declares a config that answers with an empty page; its name is the config.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from operator import attrgetter
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from monitor.errors import ConfigError
from monitor.fake_upstream.records import (
    read_board_row,
    read_event,
    read_item,
    read_leg,
    read_price,
)
from monitor.fake_upstream.rows import Row
from monitor.fake_upstream.scenario import (
    ARENA_DATASET,
    POLYMARKET,
    BoardRow,
    Event,
    Feed,
    Leg,
    Price,
    Scenario,
)


def load_scenario(path: Path | Traversable) -> Scenario:
    """Return the scenario in the folder `path`.

    Raises ConfigError with one line per problem, each beginning with file:row.
    """
    folder = _Folder(path)
    events = tuple(_events(folder))
    loaded = _head(folder, events)
    folder.stop_on_problems()
    return loaded


@dataclass(slots=True)
class _Folder:
    path: Path | Traversable
    problems: list[str] = field(default_factory=list)

    def stop_on_problems(self) -> None:
        if self.problems:
            raise ConfigError("\n".join(self.problems))

    def names(self, below: str, ending: str) -> list[str]:
        folder = self.path / below
        if not folder.is_dir():
            return []
        return sorted(f"{below}/{f.name}" for f in folder.iterdir() if f.name.endswith(ending))

    def text(self, name: str) -> str | None:
        file = self.path / name
        return file.read_text(encoding="utf-8") if file.is_file() else None

    def mapping(self, name: str, *, required: bool = False) -> Row | None:
        """Return the top of a YAML file as a row."""
        text = self.text(name)
        if text is None:
            if required:
                self.problems.append(f"{name}:1: this file is missing in {self.path}")
            return None
        try:
            loaded = YAML(typ="rt").load(text)
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self.problems.append(f"{name}:{line}: not YAML: {error.problem}")
            return None
        return self.row(name, loaded)

    def row(self, name: str, values: object) -> Row | None:
        if not isinstance(values, dict):
            self.problems.append(f"{name}: {str(values)[:40]!r} is not a mapping of fields")
            return None
        return Row(f"{name}:{_line(values)}", values, self.problems)

    def rows(self, name: str, parent: Row, key: str) -> Iterator[Row]:
        """Yield the mappings of a YAML list."""
        values = parent.raw(key)
        if values is not None and not isinstance(values, list):
            parent.note(f"{key} must be a list")
            return
        for value in values or []:
            row = self.row(name, value)
            if row is not None:
                yield row

    def table(self, name: str) -> Iterator[Row]:
        """Yield the rows of a CSV file."""
        header: list[str] | None = None
        for number, line in enumerate((self.text(name) or "").splitlines(), start=1):
            if not line.strip() or line.startswith("#"):
                continue
            cells = next(csv.reader([line]))
            if header is None:
                header = cells
            elif len(cells) != len(header):
                self.problems.append(
                    f"{name}:{number}: {len(cells)} cells under a header of {len(header)}"
                )
            else:
                yield Row(f"{name}:{number}", dict(zip(header, cells, strict=True)), self.problems)


def _line(values: object) -> int:
    position = getattr(values, "lc", None)
    line: int = position.line if position is not None else 0
    return line + 1


def _head(folder: _Folder, events: tuple[Event, ...]) -> Scenario:
    row = folder.mapping("scenario.yaml", required=True)
    row = row or Row("scenario.yaml:1", {}, [])
    head = Scenario(
        title=row.text("title"),
        start=row.instant("start"),
        end=row.instant("end"),
        notes=row.maybe_text("notes") or "",
        licence=row.maybe_text("licence") or "",
        dataset=row.maybe_text("dataset") or ARENA_DATASET,
        events=events,
        prices=_prices(folder, events),
        feeds=tuple(_feeds(folder)),
        boards=_boards(folder),
    )
    if head.end <= head.start:
        row.note(f"end {head.end} is not after start {head.start}")
    row.finish()
    return head


def _events(folder: _Folder) -> Iterator[Event]:
    top = folder.mapping("markets.yaml")
    seen = _Unique()
    for row in folder.rows("markets.yaml", top, "events") if top else ():
        slug, ends, venue = row.text("slug"), row.instant("ends"), row.maybe_text("venue")
        legs: list[Leg] = []
        for leg_row in folder.rows("markets.yaml", row, "legs"):
            leg = read_leg(leg_row, event_slug=slug, ends=ends, venue=venue or POLYMARKET)
            seen.check(leg_row, ("leg id", leg.id), *(("token", t) for t in leg.token_ids))
            legs.append(leg)
        if not legs:
            row.note("legs is empty; an event has at least one")
        seen.check(row, ("event slug", slug), ("event id", row.text("id")))
        yield read_event(row, tuple(legs))


def _prices(folder: _Folder, events: Iterable[Event]) -> dict[str, tuple[Price, ...]]:
    prices: dict[str, list[Price]] = {}
    seen = _Unique()
    for row in folder.table("prices.csv"):
        leg = find_leg(row, events)
        price = read_price(row)
        if leg is not None:
            seen.check(row, ("price", f"{leg.slug} at {price.at.isoformat()}"))
            prices.setdefault(leg.token_ids[0], []).append(price)
    return {token: tuple(sorted(rows, key=attrgetter("at"))) for token, rows in prices.items()}


def find_leg(row: Row, events: Iterable[Event]) -> Leg | None:
    """Return the leg that a row names by `token`, or by `event` and `leg` (label or slug).

    An event of one leg needs no `leg`.
    """
    token, slug, name = (row.maybe_text(key) for key in ("token", "event", "leg"))
    if token is None and slug is None:
        row.note("name a token, or an event and its leg")
        return None
    for event in events:
        for leg in event.legs:
            if token in leg.token_ids[:1]:
                return leg
            named = name in (leg.label, leg.slug) or (name is None and len(event.legs) == 1)
            if event.slug == slug and named:
                return leg
    row.note(f"no leg {name!r} of event {slug!r}" if slug else f"no leg pays on token {token!r}")
    return None


def _feeds(folder: _Folder) -> Iterator[Feed]:
    for name in folder.names("feeds", ".yaml"):
        row = folder.mapping(name)
        if row is None:
            continue
        seen = _Unique()
        items = []
        for item_row in folder.rows(name, row, "items"):
            item = read_item(item_row)
            seen.check(item_row, ("guid", f"{item.guid} visible {item.visible_at.isoformat()}"))
            items.append(item)
        feed = Feed(
            name=row.matching("feed", r"[a-z0-9][a-z0-9_-]*", "a lower-case name"),
            title=row.text("title"),
            format=row.matching("format", "rss|atom|rdf|json", "rss, atom, rdf or json"),
            lang=row.text("lang"),
            link=row.text("link"),
            utc_offset_h=row.integer("utc_offset_h") or 0,
            items=tuple(items),
        )
        row.finish()
        yield feed


def _boards(folder: _Folder) -> dict[str, tuple[BoardRow, ...]]:
    boards: dict[str, tuple[BoardRow, ...]] = {}
    for name in folder.names("boards", ".csv"):
        seen = _Unique()
        config = name.removeprefix("boards/").removesuffix(".csv")
        rows = []
        for row in folder.table(name):
            read = read_board_row(row)
            seen.check(row, ("model", f"{read.model} on {read.publish_date} {read.category}"))
            if read.config != config:
                row.note(f"config is {read.config!r} in the file of {config!r}")
            rows.append(read)
        boards[config] = tuple(rows)
    return boards


class _Unique:
    """Notes the second use of what may occur once."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], str] = {}

    def check(self, row: Row, *keys: tuple[str, str]) -> None:
        for key in keys:
            first = self._seen.setdefault(key, row.where)
            if first != row.where:
                row.note(f"{key[0]} {key[1]} occurs twice, first at {first}")
