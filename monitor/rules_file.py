"""A file of rules to try: `rules:` alone, with what they lean on, or a whole config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from monitor import catalog_file, yaml_file
from monitor.alerts.rules import AnyRule
from monitor.alerts.rules.inhibit import Inhibit
from monitor.alerts.rules.time_intervals import TimeInterval
from monitor.checks.alerts import alert_problems
from monitor.checks.plain_values import twice
from monitor.config import AlertsSection, Config, Section, load_config
from monitor.errors import ConfigError
from monitor.problems import Problem, structural_problems

_PARTS = ("rules", "inhibit", "time_intervals")


class _RulesFile(Section):
    """What a file of rules holds; what it leaves out is the config's."""

    rules: tuple[AnyRule, ...] = Field(min_length=1)
    inhibit: tuple[Inhibit, ...] = ()
    time_intervals: tuple[TimeInterval, ...] = ()


def load_rules(path: Path, config: Config, environ: Mapping[str, str]) -> AlertsSection:
    """Return the alerts section of `config` with the rules of the file instead of its own.

    A whole config gives its own section. Else the file has `rules:` and may have `inhibit:` and
    `time_intervals:`, which replace the config's; themes, sources and channels are the config's.
    Raises ConfigError with one line for each problem: `FILE:LINE:COL: path: message`.
    """
    document = yaml_file.read_document(_text(path), name=path.name)
    if "alerts" in document.data:
        return load_config(path, environ).alerts
    merged = _merged(document.data, config)
    problems = [(_inside(place), why) for place, why in _reference_problems(merged, config)]
    found = None
    try:
        found = _RulesFile(**document.data)
    except ValidationError as error:
        problems += structural_problems(error, document, _RulesFile.model_json_schema())
    if problems or found is None:
        lines = sorted({_line(document, path.name, *problem) for problem in problems})
        raise ConfigError("\n".join(text for _, text in lines))
    given = {name: getattr(found, name) for name in _PARTS if name in document.data}
    return config.alerts.model_copy(update=given)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {why}") from error


def _merged(data: dict[str, Any], config: Config) -> dict[str, Any]:
    """Return the plain values of the config with those of the file in its alerts section."""
    plain = config.model_dump(
        mode="json", by_alias=True, exclude_unset=True, include={"themes", "alerts", "entities"}
    )
    plain["sources"] = [
        {"name": source.name, "kind": str(getattr(source, "kind", ""))} for source in config.sources
    ]
    given = {name: data[name] for name in _PARTS if name in data}
    return {**plain, "alerts": {**plain.get("alerts", {}), **given}}


def _reference_problems(merged: dict[str, Any], config: Config) -> Iterator[Problem]:
    known = catalog_file.entity_ids() | {entity.id for entity in config.entities}
    for name in ("rules", "time_intervals"):
        yield from twice(merged, ("alerts", name), "name")
    yield from alert_problems(merged, known)


def _inside(place: yaml_file.Path) -> yaml_file.Path:
    return place[1:] if place[:1] == ("alerts",) else place


def _line(
    document: yaml_file.Document, name: str, path: yaml_file.Path, message: str
) -> tuple[tuple[int, int], str]:
    line, column = document.place(path)
    dotted = ".".join(str(part) for part in path)
    return (line, column), f"{name}:{line}:{column}: {dotted}: {message}"
