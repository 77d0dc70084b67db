"""Whether the secrets, files and templates that channels name are there: what `run` would refuse.

Unlike the other checks this one reads files and variables, so it is asked for by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from monitor.alerts.channels.base import ChannelModel, Surroundings, read_address, read_secret
from monitor.alerts.channels.dead_man import PLACE, DeadManSwitch
from monitor.errors import ConfigError
from monitor.problems import Problem
from monitor.yaml_file import Path

_NAMED = ("url_env", "url_file", "secret_env", "secret_file", "template")


@dataclass(frozen=True, slots=True)
class Readiness:
    """What one channel, or the dead man's switch, names outside the config and was found."""

    place: str
    found: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def readiness(
    channels: Iterable[ChannelModel], dead_man: DeadManSwitch | None, around: Surroundings
) -> Iterator[Readiness]:
    """Yield each channel and the switch, with what it names; no secret is ever quoted."""
    for index, channel in enumerate(channels):
        yield _ready(channel, channel.place, ("alerts", "channels", index), around)
    if dead_man is not None:
        yield _ready(dead_man, PLACE, ("alerts", "dead_man"), around)


def _ready(model: Any, place: str, path: Path, around: Surroundings) -> Readiness:
    found, problems = [], []
    for key in _NAMED:
        name = getattr(model, key, None)
        if name is None:
            continue
        why = _refusal(partial(_read, model, key, str(name), place, around))
        if why is None:
            found.append(f"{key} {name} {'is set' if key.endswith('_env') else 'is there'}")
        else:
            problems.append(((*path, key), why))
    # The last word has what the daemon itself does.
    if not problems and (why := _refusal(partial(model.resolve, around))) is not None:
        problems.append((path, why))
    return Readiness(place, tuple(found), tuple(problems))


def _read(model: Any, key: str, name: str, place: str, around: Surroundings) -> None:
    env, file = (name, None) if key.endswith("_env") else (None, name)
    if key == "template":
        model.read_template(around)
    elif key.startswith("url_") and "url" in type(model).model_fields:
        read_address(place, around, url=None, env=env, file=file)
    else:
        read_secret(place, around, env=env, file=file)


def _refusal(work: Callable[[], object]) -> str | None:
    """Return why `work` is refused; None when it is not."""
    try:
        work()
    except ConfigError as error:
        # Its place in the file says the section already.
        return str(error).removeprefix("alerts.dead_man: ").removeprefix("alerts.channels ")
    return None
