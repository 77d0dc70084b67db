"""The apprise channel: phones and chats, through the services that the apprise library knows.

The URL, a secret with the service's token, comes from a variable or file, never from the config.
Text is handed over as plain text only; it never becomes a URL, an attachment or a mention.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from monitor.alerts.channel import ChannelModel, Poster, Surroundings, read_secret
from monitor.alerts.message import Message
from monitor.alerts.plain_text import cut, unmentioned
from monitor.errors import DeliveryError

_KIND = {"info": "info", "warning": "warning", "critical": "failure"}


class AppriseChannel(ChannelModel):
    """Settings of `kind: apprise`.

    1000 characters are at most 4000 bytes, which the narrowest common services take (Discord
    2000 characters, Telegram 4096, ntfy 4096 bytes).
    """

    kind: Literal["apprise"]
    url_env: str | None = None
    url_file: str | None = None
    max_length: int = Field(default=1000, ge=100, le=20_000)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url_env is None) == (self.url_file is None):
            raise ValueError("an apprise channel needs exactly one of url_env, url_file")
        return self

    def resolve(self, around: Surroundings) -> AppriseSender:
        """Return the channel with its URL. Raises ConfigError when it is missing."""
        url = read_secret(self.name, around, env=self.url_env, file=self.url_file)
        assert url is not None
        return AppriseSender(self.name, url, self.max_length)


@dataclass(frozen=True, slots=True)
class AppriseSender:
    """Hands each alert to apprise, in a thread because apprise blocks."""

    name: str
    url: SecretStr
    max_length: int = 1000

    async def send(self, message: Message, http: Poster) -> None:
        """Send `message`. Raises DeliveryError when the service did not confirm it."""
        del http
        title = cut(unmentioned(message.title), self.max_length // 2)
        body = cut(unmentioned(message.body or message.title), self.max_length - len(title))
        await asyncio.to_thread(self._notify, title, body, message.severity)

    def _notify(self, title: str, body: str, severity: str) -> None:
        # Apprise takes half a second to import; only those who use it wait for it.
        import apprise

        asset = apprise.AppriseAsset(
            app_id="Signal Monitor", async_mode=False, interpret_emojis=False
        )
        service = apprise.Apprise(asset=asset)
        if not service.add(self.url.get_secret_value()):
            raise DeliveryError("apprise does not understand the channel's URL", recoverable=False)
        taken = service.notify(
            body=body,
            title=title,
            notify_type=_KIND.get(severity, "info"),
            body_format=apprise.NotifyFormat.TEXT,
            attach=None,
            interpret_escapes=False,
        )
        if not taken:
            # Apprise does not tell a refusal from an answer that never came.
            raise DeliveryError(
                "the service behind apprise did not confirm", recoverable=True, maybe_sent=True
            )
