"""The config file as typed values: strict, all problems at once, each with line and column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    create_model,
)

from monitor import yaml_file
from monitor.alerts.channels.dead_man import DeadManSwitch
from monitor.alerts.channels.kinds import AnyChannel
from monitor.alerts.rules import AnyRule, SignalKind, Storm
from monitor.alerts.rules.inhibit import Inhibit
from monitor.alerts.rules.time_intervals import TimeInterval
from monitor.checks.references import reference_problems
from monitor.durations import PositiveDuration, Size
from monitor.environment import overridden
from monitor.errors import ConfigError
from monitor.problems import Problem, masked, structural_problems
from monitor.sources import source_union
from monitor.sources.base import MarketRef
from monitor.timezones import Zone

MAX_SHOWN = 100
SQLITE = "sqlite:///"
PLACEHOLDER_CONTACT = "you@example.org"


class Section(BaseModel):
    """A part of the config: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Retention(Section):
    """What may be deleted; quotes are kept for ever until pruning exists."""

    quotes: Literal["keep"] = "keep"


def _database_url(url: str) -> str:
    name = url.removeprefix(SQLITE)
    if not url.startswith(SQLITE) or name.strip("/") in {"", ":memory:"}:
        raise ValueError("must name a file, as in sqlite:///data/signal-monitor.db")
    return url


class StorageSection(Section):
    """Where rows are kept. `status` warns when the file grows past `max_size`."""

    url: Annotated[str, AfterValidator(_database_url)] = "sqlite:///data/signal-monitor.db"
    max_size: Size = 5 * 1024**3
    retention: Retention = Retention()


class HttpSection(Section):
    """How upstreams are asked. `allow_private_hosts` lists host:port that may be private."""

    contact: str = PLACEHOLDER_CONTACT
    deadline: PositiveDuration = Field(default="20s", validate_default=True)
    max_bytes: Size = 16 * 1024**2
    allow_private_hosts: tuple[Annotated[str, Field(pattern=r"^.+:[0-9]{1,5}$")], ...] = ()


def _listen_address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or re.fullmatch(r"[0-9]{1,5}", port) is None or int(port) > 65535:
        raise ValueError(f"{text[:60]!r} is not host:port, as in 127.0.0.1:8321")
    if host.strip("[]") not in {"127.0.0.1", "::1", "localhost"}:
        raise ValueError(f"{host[:60]!r} is not this machine; only 127.0.0.1, ::1 or localhost")
    return text


class WebSection(Section):
    """The local health and metrics endpoint."""

    listen: Annotated[str, AfterValidator(_listen_address)] = "127.0.0.1:8321"


class DisplaySection(Section):
    """How instants are shown to people; files and tables stay UTC."""

    tz: Zone = "UTC"


Name = Annotated[str, Field(min_length=1, pattern=r"\S")]


class AliasConfig(Section):
    """One name of an entity; a weak one counts only near a word of `needs`."""

    text: Name
    strength: Literal["strong", "weak"] = "strong"
    needs: tuple[Name, ...] = ()
    blocks: tuple[Name, ...] = ()


# Pydantic's own unions complain once for each member; these say which member was meant.
AnyAlias = Annotated[
    Annotated[Name, Tag("text")] | Annotated[AliasConfig, Tag("alias")],
    Discriminator(lambda value: "text" if isinstance(value, str) else "alias"),
]


class EntityConfig(Section):
    """An entity that the shipped catalog lacks."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    kind: Literal["company", "lab", "model_family", "device", "generic"]
    aliases: tuple[AnyAlias, ...] = Field(min_length=1)
    owner: str | None = None
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")


class RelatedTheme(Section):
    """Markets of another theme, followed as related."""

    theme: str


def _related_kind(value: Any) -> str:
    is_market = isinstance(value, MarketRef) or (isinstance(value, dict) and "venue" in value)
    return "market" if is_market else "theme"


AnyRelated = Annotated[
    Annotated[RelatedTheme, Tag("theme")] | Annotated[MarketRef, Tag("market")],
    Discriminator(_related_kind),
]


class ThemeConfig(Section):
    """One topic: whose news counts, and which markets it may move."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    entities: tuple[str, ...] = Field(min_length=1)
    kinds: tuple[SignalKind, ...] = ()
    cues: tuple[Name, ...] = ()
    blocks: tuple[Name, ...] = ()
    min_score: float = Field(default=0.5, ge=0, le=1)
    markets: tuple[MarketRef, ...] = ()
    related_markets: tuple[AnyRelated, ...] = ()


class AlertsSection(Section):
    """Where alerts go, which happenings make one, and when they wait or are not told.

    `time_intervals` are named by `mute` of rules and `quiet` of channels.
    """

    storm: Storm = Storm()
    time_intervals: tuple[TimeInterval, ...] = ()
    inhibit: tuple[Inhibit, ...] = ()
    dead_man: DeadManSwitch | None = None
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
        with path.open("rb") as file:
            data = file.read(yaml_file.MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: no such file; `signal-monitor init` writes a commented one"
        ) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read: {why}") from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(data) <= yaml_file.MAX_BYTES:
            line = data.count(b"\n", 0, error.start) + 1
            column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
            raise ConfigError(
                f"{path.name}:{line}:{column}: not UTF-8; save the file in that encoding"
            ) from error
        text = data.decode("utf-8", "replace")  # it is refused for its size
    return parse_config(text, name=path.name, folder=path.parent.resolve(), environ=environ)


def parse_config(
    text: str, *, name: str, folder: Path, environ: Mapping[str, str] | None = None
) -> Config:
    """Return the config that `text` holds; see `load_config`."""
    document, overrides = overridden(yaml_file.read_document(text, name=name), environ or {})
    problems = list(reference_problems(document.data))
    config = None
    try:
        config = _model()(**document.data)
    except ValidationError as error:
        problems += structural_problems(error, document, _schema())
    if problems or config is None:
        raise ConfigError(_listed(document, overrides, name, problems))
    return _with_absolute_paths(config, folder)


def placed(path: Path, environ: Mapping[str, str], problems: Iterable[Problem]) -> str:
    """Return problems of the config in `path`, which was read before, each at its place."""
    document = yaml_file.read_document(path.read_text(encoding="utf-8"), name=path.name)
    return _listed(*overridden(document, environ), path.name, problems)


def shipped_text() -> str:
    """Return the commented config that `init` writes."""
    return resources.files("monitor").joinpath("config.yaml").read_text(encoding="utf-8")


@cache
def _model() -> type[Config]:
    # What entry points bring is known at run time only, so mypy cannot see this type.
    kinds: Any = source_union()
    model: type[Config] = create_model("Config", __base__=Config, sources=(tuple[kinds, ...], ()))
    return model


@cache
def _schema() -> dict[str, Any]:
    return _model().model_json_schema()


def _listed(
    document: yaml_file.Document,
    overrides: Mapping[yaml_file.Path, str],
    name: str,
    problems: Iterable[Problem],
) -> str:
    lines = sorted({_line(document, name, overrides, *problem) for problem in problems})
    shown = [line for _, line in lines[:MAX_SHOWN]]
    if len(lines) > MAX_SHOWN:
        shown.append(f"{name}: and {len(lines) - MAX_SHOWN} more problems")
    return masked("\n".join(shown), document.data)


def _line(
    document: yaml_file.Document,
    name: str,
    overrides: Mapping[yaml_file.Path, str],
    path: yaml_file.Path,
    message: str,
) -> tuple[tuple[int, int], str]:
    line, column = document.place(path)
    if line == 0:
        for own, variable in overrides.items():
            if own[: len(path)] == path or path[: len(own)] == own:
                return (0, 0), f"{variable}: {message}"
    dotted = ".".join(str(part) for part in path)
    return (line, column), f"{name}:{line}:{column}: {dotted}: {message}"


def _with_absolute_paths(config: Config, folder: Path) -> Config:
    config = config.model_copy(
        update={"sources": tuple(_with_absolute_path(s, folder) for s in config.sources)}
    )
    url = config.storage.url
    if url.startswith(SQLITE + "/"):
        return config
    absolute = f"{SQLITE}{folder / url.removeprefix(SQLITE)}"
    return config.model_copy(
        update={"storage": config.storage.model_copy(update={"url": absolute})}
    )


def _with_absolute_path(source: Any, folder: Path) -> Any:
    path = getattr(source, "path", None)
    if not isinstance(path, Path):
        return source
    return source.model_copy(update={"path": folder / path})
