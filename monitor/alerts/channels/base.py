"""What a channel is: frozen settings that become a sender once given secrets and streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Protocol, TextIO

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from monitor.alerts.rules import Severity
from monitor.alerts.words.forms import Template, load_template
from monitor.alerts.words.message import Message
from monitor.errors import ConfigError
from monitor.http_response import Response

NOT_AN_ADDRESS = "is not an http or https address with a host and without user name or password"


class Poster(Protocol):
    """The network as a channel sees it; `monitor.http_client.HttpClient` is one."""

    @property
    def allowed(self) -> frozenset[str]:
        """Return the `host:port` that may lie on private addresses."""
        ...

    async def send(
        self,
        url: str,
        *,
        content: bytes,
        headers: Mapping[str, str],
        deadline: timedelta | None = None,
        method: str = "POST",
    ) -> Response:
        """Return the receiver's answer, whatever its status.

        Raises DeliveryError when there is none.
        """
        ...


class Channel(Protocol):
    """One place alerts go to, ready to send."""

    @property
    def name(self) -> str:
        """Return the unique name from the config."""
        ...

    async def send(self, message: Message, http: Poster) -> None:
        """Hand `message` over; return only when it was taken.

        Raises DeliveryError saying whether to try again and whether it may have arrived.
        """
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What channels take from the process: variables, files (paths as in the config), streams."""

    environ: Mapping[str, str]
    read_text: Callable[[str], str]
    stdout: TextIO
    stderr: TextIO


class ChannelModel(BaseModel):
    """The settings all channels share. Each kind adds its own and `resolve`.

    In the time intervals named by `quiet` a message waits for their end, unless it is at least as
    severe as `wake_for`. `template` is a file, seen from the config's folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    quiet: tuple[str, ...] = ()
    wake_for: Severity = "critical"
    template: Path | None = None

    @property
    def place(self) -> str:
        """Return where the channel stands in the config, for messages."""
        return f"alerts.channels {self.name}"

    def read_template(self, around: Surroundings) -> Template | None:
        """Return the channel's own template; None without one. Raises ConfigError for a bad one."""
        if self.template is None:
            return None
        source = _read(self.place, around, str(self.template))
        return load_template(self.name, self.template.name, source)


def is_address(url: str) -> bool:
    """Return whether `url` can be asked: http or https, a host, no user name or password."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return False
    return parsed.scheme in ("http", "https") and bool(parsed.host) and not parsed.userinfo


def _checked(url: SecretStr) -> SecretStr:
    if not is_address(url.get_secret_value()):
        raise ValueError(NOT_AN_ADDRESS)
    return url


SecretAddress = Annotated[SecretStr, AfterValidator(_checked)]


def read_address(
    place: str, around: Surroundings, *, url: SecretStr | None, env: str | None, file: str | None
) -> SecretStr:
    """Return the address from the one of `url`, `env` and `file` that is given.

    Raises ConfigError naming the place and the variable or file, never what it holds.
    """
    found = url or read_secret(place, around, env=env, file=file)
    assert found is not None
    if not is_address(found.get_secret_value()):
        raise ConfigError(f"{place}: what {env or file or 'url'} holds {NOT_AN_ADDRESS}")
    return found


def read_secret(
    place: str, around: Surroundings, *, env: str | None, file: str | None
) -> SecretStr | None:
    """Return the secret that a variable or a file holds; None when neither is named.

    Raises ConfigError naming the place and the variable or file, never its content.
    """
    if env is not None:
        value = around.environ.get(env, "").strip()
        if not value:
            raise ConfigError(
                f"{place}: the environment variable {env} is not set; set it, or take this out"
            )
        return SecretStr(value)
    if file is None:
        return None
    value = _read(place, around, file).strip()
    if not value:
        raise ConfigError(f"{place}: {file} is empty; it should hold the secret")
    return SecretStr(value)


def _read(place: str, around: Surroundings, file: str) -> str:
    try:
        return around.read_text(file)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigError(f"{place}: cannot read {file}: {why}") from error
