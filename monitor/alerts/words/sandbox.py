"""Templates in Jinja's sandbox, with the escaping that no template can leave out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from jinja2 import PackageLoader, StrictUndefined, TemplateSyntaxError
from jinja2 import Template as Compiled
from jinja2.sandbox import ImmutableSandboxedEnvironment

from monitor.alerts.words.form_lines import ESCAPES, fact_line, link, under_line
from monitor.alerts.words.forms import Form
from monitor.alerts.words.markup import html_days_whole
from monitor.alerts.words.payload_parts import signed_pp
from monitor.alerts.words.wording import clock
from monitor.errors import ConfigError

MAX_OUTPUT = 500_000
Write = Callable[[Mapping[str, Any]], str]
# They would mark a text as safe that is not, or escape it for another form.
_UNSAFE_FILTERS = ("safe", "e", "escape", "forceescape", "urlize", "xmlattr", "tojson", "pprint")


def packaged(file: str, form: Form) -> Write:
    """Return what writes by a template that comes with the program."""
    return _writer(_environment(form).get_template(file))


def compiled(channel: str, name: str, source: str, form: Form) -> Write:
    """Return what writes by `source`. Raises ConfigError with the line of what is wrong."""
    environment = _environment(form)
    try:
        code = environment.compile(source, name=name, filename=name)
    except TemplateSyntaxError as error:
        raise ConfigError(
            f"alerts.channels {channel}: template {name}:{error.lineno}: {error.message}"
        ) from error
    # Not by name: two channels may call different files alike.
    return _writer(Compiled.from_code(environment, code, environment.make_globals(None)))


def _writer(template: Compiled) -> Write:
    def write(values: Mapping[str, Any]) -> str:
        parts, size = [], 0
        for part in template.generate(values):
            parts.append(part)
            size += len(part)
            if size > MAX_OUTPUT:
                raise OverflowError(f"it prints more than {MAX_OUTPUT:,} characters")
        return "".join(parts).strip("\n")

    return write


class _Done(str):
    """A piece that is already in its form."""

    __slots__ = ()


class _Environment(ImmutableSandboxedEnvironment):
    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        """Return what a macro or block printed, each piece of which was escaped as it came."""
        return _Done("".join(parts))


@cache
def _environment(form: Form) -> _Environment:
    escape, is_html = ESCAPES[form], form is Form.HTML

    def finalize(value: object) -> str:
        return value if isinstance(value, _Done) else "" if value is None else escape(str(value))

    environment = _Environment(
        loader=PackageLoader("monitor.alerts.words", "templates"),
        autoescape=False,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in _UNSAFE_FILTERS:
        environment.filters.pop(name, None)
    environment.filters |= {
        "line": lambda fact: _Done(fact_line(fact, form)),
        "under": lambda entry: _Done(under_line(entry, form)),
        "link": lambda what: _Done(link(what, form)),
        "days_whole": lambda text: _Done((html_days_whole if is_html else escape)(str(text))),
        "clock": lambda at: clock(at),
        "pp": signed_pp,
    }
    return environment
