"""The config file as typed values: strict, all problems at once, each with line and column."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
)

from monitor import yaml_file
from monitor.alerts import AnyChannel
from monitor.alerts.rules import AnyRule
from monitor.durations import Duration, Size
from monitor.errors import ConfigError
from monitor.references import reference_problems
from monitor.sources import source_union
from monitor.sources.base import MarketRef
from monitor.timezones import Zone

ENV_PREFIX = "SIGNAL_MONITOR_"
PLACEHOLDER_CONTACT = "you@example.org"


class Section(BaseModel):
    """A part of the config: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Retention(Section):
    """What may be deleted; quotes are kept for ever until pruning exists."""

    quotes: Literal["keep"] = "keep"


class StorageSection(Section):
    """Where rows are kept. `status` warns when the file grows past `max_size`."""

    url: str = "sqlite:///data/signal-monitor.db"
    max_size: Size = 5 * 1024**3
    retention: Retention = Retention()


class HttpSection(Section):
    """How upstreams are asked. `allow_private_hosts` lists host:port that may be private."""

    contact: str = PLACEHOLDER_CONTACT
    deadline: Duration = Field(default="20s", validate_default=True)
    max_bytes: Size = 16 * 1024**2
    allow_private_hosts: tuple[Annotated[str, Field(pattern=r"^.+:[0-9]{1,5}$")], ...] = ()


def _listen_address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError(f"{text!r} is not host:port, as in 127.0.0.1:8321")
    if host.strip("[]") not in {"127.0.0.1", "::1", "localhost"}:
        raise ValueError(f"{host!r} is not this machine; only 127.0.0.1, ::1 or localhost here")
    return text


class WebSection(Section):
    """The local health and metrics endpoint."""

    listen: Annotated[str, AfterValidator(_listen_address)] = "127.0.0.1:8321"


class DisplaySection(Section):
    """How instants are shown to people; files and tables stay UTC."""

    tz: Zone = "UTC"


class AliasConfig(Section):
    """One name of an entity; a weak one counts only near a word of `needs`."""

    text: str
    strength: Literal["strong", "weak"] = "strong"
    needs: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()


class EntityConfig(Section):
    """An entity that the shipped catalog lacks."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    kind: Literal["company", "lab", "model_family", "device", "generic"]
    aliases: tuple[str | AliasConfig, ...] = Field(min_length=1)
    owner: str | None = None
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")


class RelatedTheme(Section):
    """Markets of another theme, followed as related."""

    theme: str


class ThemeConfig(Section):
    """One topic: whose news counts, and which markets it may move."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    entities: tuple[str, ...] = Field(min_length=1)
    kinds: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    min_score: float = Field(default=0.5, ge=0, le=1)
    markets: tuple[MarketRef, ...] = ()
    related_markets: tuple[RelatedTheme | MarketRef, ...] = ()


class AlertsSection(Section):
    """Where alerts go and which happenings make one."""

    channels: tuple[AnyChannel, ...] = ()
    rules: tuple[AnyRule, ...] = ()


class Config(Section):
    """The whole file. `sources` holds the union of shipped and third-party kinds."""

    storage: StorageSection = StorageSection()
    http: HttpSection = HttpSection()
    web: WebSection = WebSection()
    display: DisplaySection = DisplaySection()
    entities: tuple[EntityConfig, ...] = ()
    themes: tuple[ThemeConfig, ...] = ()
    sources: tuple[Any, ...] = ()
    alerts: AlertsSection = AlertsSection()


def load_config(path: Path, environ: Mapping[str, str]) -> Config:
    """Return the config in `path` with environment overrides, its paths made absolute.

    Raises ConfigError with one line for each problem: `FILE:LINE:COL: path: message`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: no such file; `signal-monitor init` writes a commented one"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return parse_config(text, name=path.name, folder=path.parent.resolve(), environ=environ)


def parse_config(
    text: str, *, name: str, folder: Path, environ: Mapping[str, str] | None = None
) -> Config:
    """Return the config that `text` holds; see `load_config`."""
    document = yaml_file.read_document(text, name=name)
    overrides = _apply_environment(document.data, environ or {})
    problems = list(reference_problems(document.data))
    config = None
    try:
        config = _model()(**document.data)
    except ValidationError as error:
        problems += list(_structural_problems(error, document))
    if problems or config is None:
        lines = sorted({_line(document, name, overrides, *problem) for problem in problems})
        raise ConfigError("\n".join(text for _, text in lines))
    return _with_absolute_paths(config, folder)


def shipped_text() -> str:
    """Return the commented config that `init` writes."""
    return resources.files("monitor").joinpath("config.yaml").read_text(encoding="utf-8")


@cache
def _model() -> type[Config]:
    # What entry points bring is known at run time only, so mypy cannot see this type.
    kinds: Any = source_union()
    model: type[Config] = create_model("Config", __base__=Config, sources=(tuple[kinds, ...], ()))
    return model


def _apply_environment(data: dict[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    used: dict[str, str] = {}
    for name, value in sorted(environ.items()):
        if not name.startswith(ENV_PREFIX) or "__" not in name:
            continue
        *parents, last = name.removeprefix(ENV_PREFIX).lower().split("__")
        section = data
        for parent in parents:
            section = section.setdefault(parent, {}) if isinstance(section, dict) else {}
        if isinstance(section, dict):
            section[last] = value
        used[".".join([*parents, last])] = name
    return used


def _structural_problems(
    error: ValidationError, document: yaml_file.Document
) -> Iterator[tuple[yaml_file.Path, str]]:
    for detail in error.errors(include_input=False, include_url=False):
        path = _known_path(detail["loc"], document)
        message = re.sub(r"^Value error, ", "", detail["msg"])
        if detail["type"] == "extra_forbidden":
            message = f"unknown key{_did_you_mean(str(path[-1]))}"
        elif detail["type"] == "missing":
            message = f"the key {detail['loc'][-1]!r} is missing"
        elif detail["type"] == "union_tag_invalid":
            message = f"{message}{_did_you_mean_tag(detail)}"
        yield path, message


def _known_path(loc: tuple[str | int, ...], document: yaml_file.Document) -> yaml_file.Path:
    """Return `loc` without the names of union members, which stand nowhere in the file."""
    path: yaml_file.Path = ()
    for part in loc:
        if (*path, part) in document.places:
            path = (*path, part)
    return path or tuple(part for part in loc if isinstance(part, (str, int)))


def _did_you_mean(word: str) -> str:
    close = difflib.get_close_matches(word, sorted(_vocabulary()), n=1, cutoff=0.7)
    return f" (did you mean {close[0]}?)" if close else ""


def _did_you_mean_tag(detail: Any) -> str:
    context = detail.get("ctx") or {}
    expected = re.findall(r"'([^']+)'", str(context.get("expected_tags", "")))
    close = difflib.get_close_matches(str(context.get("tag", "")), expected, n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""


@cache
def _vocabulary() -> frozenset[str]:
    words: set[str] = set()

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            words.update(node.get("properties", {}))
            for value in node.values():
                collect(value)
        elif isinstance(node, list):
            for value in node:
                collect(value)

    collect(_model().model_json_schema())
    return frozenset(words)


def _line(
    document: yaml_file.Document,
    name: str,
    overrides: Mapping[str, str],
    path: yaml_file.Path,
    message: str,
) -> tuple[tuple[int, int], str]:
    dotted = ".".join(str(part) for part in path)
    if dotted in overrides:
        return (0, 0), f"{overrides[dotted]}: {message}"
    line, column = document.place(path)
    return (line, column), f"{name}:{line}:{column}: {dotted}: {message}"


def _with_absolute_paths(config: Config, folder: Path) -> Config:
    prefix = "sqlite:///"
    url = config.storage.url
    if not url.startswith(prefix) or url.startswith(prefix + "/"):
        return config
    absolute = f"{prefix}{folder / url.removeprefix(prefix)}"
    return config.model_copy(
        update={"storage": config.storage.model_copy(update={"url": absolute})}
    )
