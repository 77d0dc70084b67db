"""The apprise channel: phones, chats and mail, through the services the apprise library knows.

The URL, a secret with the service's token, comes from a variable or file, never from the config.
Each message is sent by a process of its own, which gets the URL on its stdin, may connect to
public addresses and listed ones only, and is killed when the service keeps it waiting. Text is
handed over as text; it never becomes a URL, an attachment or a mention.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from monitor.alerts.channels.base import ChannelModel, Poster, Surroundings, read_secret
from monitor.alerts.words.forms import Template
from monitor.alerts.words.markup import chat_text
from monitor.alerts.words.message import Message
from monitor.alerts.words.plain_text import cut
from monitor.durations import Duration
from monitor.errors import DeliveryError
from monitor.http_status import retry_after_s

Format = Literal["auto", "text", "markdown", "html"]

# Starting means importing apprise, on a slow machine too; with the longest deadline it stays
# below what the outbox gives an attempt.
START_DEADLINE = timedelta(seconds=13)
MAX_DEADLINE = timedelta(seconds=15)
MAX_MAIL = 50_000
_NOTIFY_TYPE = {"info": "info", "warning": "warning", "critical": "failure"}
_PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "TZ", "PYTHONTZPATH", "LD_LIBRARY_PATH", "SYSTEMROOT",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY",
)  # fmt: skip
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from monitor.alerts.channels.apprise_child import main; main()"
)


class AppriseChannel(ChannelModel):
    """Settings of `kind: apprise`.

    1000 characters are at most 4000 bytes, which the narrowest common services take (Discord
    2000 characters, Telegram 4096, ntfy 4096 bytes); mail has no such limit. `deadline` counts
    from when the message begins to leave.
    """

    kind: Literal["apprise"]
    url_env: str | None = None
    url_file: str | None = None
    max_length: int = Field(default=1000, ge=100, le=20_000)
    format: Format = "auto"
    deadline: Duration = MAX_DEADLINE

    @field_validator("deadline")
    @classmethod
    def _a_bounded_deadline(cls, deadline: timedelta) -> timedelta:
        if not timedelta(seconds=1) <= deadline <= MAX_DEADLINE:
            raise ValueError("deadline must lie between 1s and 15s")
        return deadline

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url_env is None) == (self.url_file is None):
            raise ValueError("an apprise channel needs exactly one of url_env, url_file")
        return self

    def resolve(self, around: Surroundings) -> AppriseSender:
        """Return the channel with its URL. Raises ConfigError when it is missing."""
        url = read_secret(self.place, around, env=self.url_env, file=self.url_file)
        assert url is not None
        template = self.read_template(around)
        return AppriseSender(self.name, url, self.max_length, self.format, self.deadline, template)


@dataclass(frozen=True, slots=True)
class AppriseSender:
    """Hands each alert to apprise, in a child process because a service may hang it."""

    name: str
    url: SecretStr
    max_length: int = 1000
    format: Format = "auto"
    deadline: timedelta = MAX_DEADLINE
    template: Template | None = None

    async def send(self, message: Message, http: Poster) -> None:
        """Send `message`. Raises DeliveryError when the service did not confirm it."""
        answer = await self._by_child(json.dumps(self.order(message, http.allowed)).encode())
        if not answer.get("taken"):
            raise DeliveryError(
                str(answer["error"]),
                recoverable=bool(answer["recoverable"]),
                maybe_sent=bool(answer.get("maybe_sent")),
                retry_after_s=retry_after_s(answer.get("retry_after"), now=message.said_at),
            )

    def order(self, message: Message, allowed: frozenset[str]) -> dict[str, Any]:
        """Return what the child is told, in JSON values.

        A service that shows a title of its own gets it and a `text` without it, others the
        `whole` message in one. A template decides the format, unless the config does.
        """
        title = cut(chat_text(message.title), self.max_length // 2)
        room = self.max_length - len(title)
        untitled = message.within(room, self.template, titled=False) or title
        own = self.template.form.value if self.template and self.format == "auto" else None
        return {
            "url": self.url.get_secret_value(),
            "allowed": sorted(allowed),
            "notify_type": _NOTIFY_TYPE.get(message.severity, "info"),
            "format": own or self.format,
            "title": title,
            "text": untitled,
            "whole": {
                "text": message.within(self.max_length, self.template),
                "markdown": message.markdown(self.max_length, self.template),
                "html": message.html(MAX_MAIL, self.template),
            },
            "deadline_s": (START_DEADLINE + self.deadline).total_seconds(),
        }

    async def _by_child(self, order: bytes) -> Mapping[str, Any]:
        began, process = False, await _started()
        try:
            async with asyncio.timeout(START_DEADLINE.total_seconds()):
                answer = await _told(process, order)
            if answer.get("began"):
                began = True
                async with asyncio.timeout(self.deadline.total_seconds()):
                    answer = await _answer(process)
        except TimeoutError as error:
            what = "the service gave no answer before the deadline" if began else "apprise is slow"
            raise DeliveryError(
                f"{what}; its process was stopped", recoverable=True, maybe_sent=began
            ) from error
        except (OSError, ValueError) as error:
            raise DeliveryError(
                "the process of apprise died", recoverable=True, maybe_sent=began
            ) from error
        finally:
            await _ended(process)
        return answer


async def _started() -> Process:
    environ = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", _CHILD, json.dumps(sys.path),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            start_new_session=True,  # Ctrl-C is for the daemon
            env={**environ, "NETRC": os.devnull},  # no passwords but those of the URL
        )  # fmt: skip
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise DeliveryError(f"apprise cannot be started: {why}", recoverable=True) from error


async def _told(process: Process, order: bytes) -> dict[str, Any]:
    assert process.stdin is not None
    process.stdin.write(order)
    await process.stdin.drain()
    process.stdin.close()
    return await _answer(process)


async def _answer(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    answer: dict[str, Any] = json.loads(await process.stdout.readline())
    return answer


async def _ended(process: Process) -> None:
    """Leave nothing of the child behind, whether it answered or not."""
    if process.returncode is None:
        process.kill()
    await process.wait()
