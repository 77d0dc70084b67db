"""The forms a message is written in, and the template that writes each: ours or a channel's own.

What a template prints is escaped for its form, whatever it does; a text from outside is a value
and never template source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from monitor.alerts.words.plain_text import clean


class Form(StrEnum):
    """What a message is written in. `LINES` is exact text; `TEXT` calls nobody in a chat."""

    LINES = "lines"
    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template. `name` is how people know it.

    `write` returns what it prints of some values; it raises whatever the template does, and
    OverflowError when that is too much.
    """

    name: str
    form: Form
    write: Callable[[Mapping[str, Any]], str]


# Jinja takes a tenth of a second to import; commands that tell nothing do not wait for it.


@cache
def shipped(form: Form) -> Template:
    """Return the template that comes with the program."""
    from monitor.alerts.words import sandbox

    file = f"{Form.TEXT if form is Form.LINES else form}.j2"
    return Template(file, form, sandbox.packaged(file, form))


def load_template(channel: str, name: str, source: str) -> Template:
    """Return a channel's own template, compiled from `source`.

    `NAME.html.j2` prints HTML, `NAME.md.j2` Markdown, any other text; each may include ours.
    Raises ConfigError naming the channel, the file and the line.
    """
    from monitor.alerts.words import sandbox

    form = form_of(name)
    return Template(name, form, sandbox.compiled(channel, name, source, form))


def form_of(name: str) -> Form:
    """Return the form that a template's file name says it prints."""
    stem = name.lower().removesuffix(".j2")
    if stem.endswith((".html", ".htm")):
        return Form.HTML
    return Form.MARKDOWN if stem.endswith((".md", ".markdown")) else Form.TEXT


def failed_at(error: BaseException, name: str) -> str:
    """Return where in the template `name` and why it failed, on one line."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    place = name if line is None else f"{name}:{line}"
    return clean(f"{place}: {type(error).__name__}: {error}", 200)
