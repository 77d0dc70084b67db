"""What a channel is: frozen settings that become a sender once given secrets and streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TextIO

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from monitor.alerts.message import Message
from monitor.errors import ConfigError
from monitor.http_response import Response


class Poster(Protocol):
    """The network as a channel sees it; `monitor.http_client.HttpClient` is one."""

    async def send(
        self,
        url: str,
        *,
        content: bytes,
        headers: Mapping[str, str],
        deadline: timedelta | None = None,
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
    """The settings all channels share. Each kind adds its own and `resolve`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")


def read_secret(
    channel: str, around: Surroundings, *, env: str | None, file: str | None
) -> SecretStr | None:
    """Return the secret that a variable or a file holds; None when neither is named.

    Raises ConfigError naming the channel and the variable or file, never its content.
    """
    if env is not None:
        value = around.environ.get(env, "").strip()
        if not value:
            raise ConfigError(
                f"alerts.channels {channel}: the environment variable {env} is not set; "
                "set it, or take the channel out"
            )
        return SecretStr(value)
    if file is None:
        return None
    try:
        value = around.read_text(file).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigError(f"alerts.channels {channel}: cannot read {file}: {why}") from error
    if not value:
        raise ConfigError(f"alerts.channels {channel}: {file} is empty; it should hold the secret")
    return SecretStr(value)
