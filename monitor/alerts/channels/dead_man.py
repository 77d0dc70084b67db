"""The dead man's switch: a ping to a watcher elsewhere, which calls when the pings stop.

A plain GET, as healthchecks.io, Uptime Kuma's push monitors and most others take it; any 2xx is
fine. The address is a secret: whoever has it can ping in our place.
Source: https://healthchecks.io/docs/http_api/ ("success" ping: HEAD, GET or POST).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from monitor.alerts.channels.base import (
    Poster,
    SecretAddress,
    Surroundings,
    read_address,
)
from monitor.durations import Duration
from monitor.errors import DeliveryError

PLACE = "alerts.dead_man"
DEADLINE = timedelta(seconds=10)


class DeadManSwitch(BaseModel):
    """Settings of `alerts.dead_man`. The address comes from one of url, url_env and url_file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: SecretAddress | None = None
    url_env: str | None = None
    url_file: str | None = None
    every: Duration = Field(default=timedelta(minutes=1))

    @field_validator("every")
    @classmethod
    def _a_bounded_interval(cls, every: timedelta) -> timedelta:
        if not timedelta(seconds=10) <= every <= timedelta(days=1):
            raise ValueError("every must lie between 10s and 1d")
        return every

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.url, self.url_env, self.url_file)) != 1:
            raise ValueError("dead_man needs exactly one of url, url_env, url_file")
        return self

    def resolve(self, around: Surroundings) -> DeadMan:
        """Return the switch with its address. Raises ConfigError when it is missing."""
        url = read_address(PLACE, around, url=self.url, env=self.url_env, file=self.url_file)
        return DeadMan(url, self.every)


@dataclass(frozen=True, slots=True)
class DeadMan:
    """Pings one address; the caller pings only while all is well."""

    url: SecretStr
    every: timedelta = timedelta(minutes=1)

    async def ping(self, http: Poster) -> None:
        """Say that we live. Raises DeliveryError, which never quotes the address."""
        url = self.url.get_secret_value()
        try:
            answer = await http.send(url, content=b"", headers={}, deadline=DEADLINE, method="GET")
        except DeliveryError as error:
            if not error.recoverable:
                raise
            why = type(error.__cause__).__name__
            raise DeliveryError(f"the watcher gave no answer ({why})", recoverable=True) from None
        if not 200 <= answer.status < 300:
            raise DeliveryError(f"the watcher answered HTTP {answer.status}", recoverable=True)
