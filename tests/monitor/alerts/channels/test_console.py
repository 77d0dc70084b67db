from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from monitor.alerts.channels.base import Poster, Surroundings
from monitor.alerts.channels.console import Console, ConsoleChannel
from monitor.alerts.words.message import Message
from monitor.errors import DeliveryError

NO_NETWORK = cast(Poster, None)
BuildMessage = Callable[..., Message]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def around(stdout: io.StringIO, **environ: str) -> Surroundings:
    return Surroundings(environ, read_text=str, stdout=stdout, stderr=io.StringIO())


async def test_an_alert_is_one_block_with_its_severity(a_message: BuildMessage) -> None:
    stream = io.StringIO()
    channel = ConsoleChannel(name="console", kind="console").resolve(around(stream))
    await channel.send(a_message(), NO_NETWORK)
    assert stream.getvalue() == (
        "2025-11-27 12:00:00 [info] series-x: Alibaba −9.0 pp\n  No public cause found\n"
    )


@pytest.mark.parametrize(("stream", "environ", "coloured"), [
    (Terminal(), {}, True),
    (Terminal(), {"NO_COLOR": "1"}, False),
    (io.StringIO(), {}, False),
])  # fmt: skip
async def test_colours_are_for_terminals_that_want_them(
    a_message: BuildMessage, stream: io.StringIO, environ: dict[str, str], coloured: bool
) -> None:
    channel = ConsoleChannel(name="console", kind="console").resolve(around(stream, **environ))
    await channel.send(a_message(), NO_NETWORK)
    assert ("\x1b[" in stream.getvalue()) == coloured


async def test_hostile_text_is_inert_on_a_terminal(a_message: BuildMessage) -> None:
    stream = Terminal()
    hostile = ("title\x1b]0;owned\x07", "rm \u202efr-\x1b[2J", "lone \ud800")
    await Console("console", stream, colour=False).send(a_message(lines=hostile), NO_NETWORK)
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert "\\x1b]0;owned\\x07" in text


async def test_a_template_replaces_the_lines(a_message: BuildMessage) -> None:
    stream = io.StringIO()
    model = ConsoleChannel(name="console", kind="console", template=Path("mine.j2"))
    environ = Surroundings({}, lambda name: "one {{ rule }}\ntwo", stream, stream)
    await model.resolve(environ).send(a_message(), NO_NETWORK)
    assert stream.getvalue() == "2025-11-27 12:00:00 [info] one jump\n  two\n"


async def test_a_terminal_without_unicode_still_shows_the_alert(a_message: BuildMessage) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    await Console("console", stream).send(a_message(lines=("夸克 −9.0 pp",)), NO_NETWORK)
    assert b"\\u5938\\u514b \\u22129.0 pp" in raw.getvalue()


async def test_a_closed_stream_is_a_failure_to_try_again(a_message: BuildMessage) -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(DeliveryError) as caught:
        await Console("console", stream).send(a_message(), NO_NETWORK)
    assert caught.value.recoverable
