"""The console channel: alerts for whoever watches the terminal or reads the service's log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TextIO

from monitor.alerts.channels.base import ChannelModel, Poster, Surroundings
from monitor.alerts.words.forms import Template
from monitor.alerts.words.message import Message
from monitor.alerts.words.plain_text import escape
from monitor.errors import DeliveryError

_COLOUR = {"info": "\x1b[1;36m", "warning": "\x1b[1;33m", "critical": "\x1b[1;31m"}
_PLAIN = "\x1b[0m"


class ConsoleChannel(ChannelModel):
    """Settings of `kind: console`."""

    kind: Literal["console"]
    stream: Literal["stdout", "stderr"] = "stdout"

    def resolve(self, around: Surroundings) -> Console:
        """Return the channel over the process's stream; colours on a TTY without NO_COLOR."""
        stream = around.stdout if self.stream == "stdout" else around.stderr
        colour = stream.isatty() and not around.environ.get("NO_COLOR")
        return Console(self.name, stream, colour, self.read_template(around))


@dataclass(frozen=True, slots=True)
class Console:
    """Writes each alert as one block, hostile characters spelled out."""

    name: str
    stream: TextIO
    colour: bool = False
    template: Template | None = None

    async def send(self, message: Message, http: Poster) -> None:
        """Write and flush `message`. Raises DeliveryError when the stream is gone."""
        del http
        # A full pipe blocks the writer for as long as its reader likes.
        await asyncio.to_thread(self._write, self._block(message))

    def _block(self, message: Message) -> str:
        lines: Sequence[str] = message.lines
        if self.template is not None:
            lines = message.written(self.template.form, None, self.template).split("\n")
        first, *rest = (escape(line) for line in lines)
        head = f"{message.at:%Y-%m-%d %H:%M:%S} [{message.severity}] {first}"
        if self.colour:
            head = f"{_COLOUR.get(message.severity, '')}{head}{_PLAIN}"
        return "\n".join((head, *(f"  {line}" for line in rest))) + "\n"

    def _write(self, block: str) -> None:
        encoding = self.stream.encoding or "utf-8"
        try:
            self.stream.write(block.encode(encoding, "backslashreplace").decode(encoding))
            self.stream.flush()
        except (OSError, ValueError) as error:
            raise DeliveryError(
                f"cannot write to the console: {error}", recoverable=True, maybe_sent=True
            ) from error
