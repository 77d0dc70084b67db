"""A channel's own template: compiled with its line, kept in a sandbox, replaced when it fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from monitor.alerts.words.forms import Form, form_of, load_template
from monitor.alerts.words.message import Message, render
from monitor.errors import ConfigError

Build = Callable[..., Any]
HOSTILE = "<b>x</b> **y** [z](https://evil.example) @everyone {{ 7*7 }}"


@pytest.fixture
def hostile(a_signal: Build, stored: Build, now: datetime) -> Message:
    return render(stored(a_signal(title=HOSTILE, url="https://news.example/q")), now=now)


def test_a_template_of_a_channel_says_what_it_likes(hostile: Message) -> None:
    template = load_template(
        "desk", "desk.j2", "{{ severity|upper }} {{ rule }}\n{{ entries|length }}"
    )
    assert hostile.within(None, template) == "INFO signal\n1"


@pytest.mark.parametrize(("name", "form"), [
    ("desk.j2", Form.TEXT), ("desk.txt.j2", Form.TEXT), ("DESK.MD.J2", Form.MARKDOWN),
    ("mail.html.j2", Form.HTML), ("mail.html", Form.HTML),
])  # fmt: skip
def test_the_name_of_a_template_says_its_form(name: str, form: Form) -> None:
    assert form_of(name) is form


@pytest.mark.parametrize(("source", "says"), [
    ("ok\n{{ title", "template desk.j2:2: unexpected end of template"),
    ("ok\n\n{% if %}", "template desk.j2:3: "),
    ("{{ title|no_such }}", "template desk.j2:1: No filter named 'no_such'"),
    ("{{ title|safe }}", "template desk.j2:1: No filter named 'safe'"),
])  # fmt: skip
def test_a_template_that_is_wrong_is_refused_with_its_line(source: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_template("desk", "desk.j2", source)
    assert str(caught.value).startswith(f"alerts.channels desk: {says}")


@pytest.mark.parametrize("source", [
    "{{ headline }}",
    "{% set x = headline %}{{ x }}",
    "{% set x %}{{ headline }}{% endset %}{{ x }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(headline) }}",
    "{{ headline ~ '' }}",
    "{{ '%s'|format(headline) }}",
    "{{ [headline]|join }}",
    "{% autoescape false %}{{ headline }}{% endautoescape %}",
    "{% filter trim %}{{ headline }}{% endfilter %}",
    "{{ entries[0].headline }}",
    "{{ entries[0].payload.headline }}",
])  # fmt: skip
@pytest.mark.parametrize("form", [Form.TEXT, Form.MARKDOWN, Form.HTML])
def test_no_template_lets_a_hostile_text_out_of_its_form(
    hostile: Message, source: str, form: Form
) -> None:
    name = {Form.TEXT: "t.j2", Form.MARKDOWN: "t.md.j2", Form.HTML: "t.html.j2"}[form]
    said = hostile.written(form, None, load_template("desk", name, source))
    assert "template failed" not in said
    assert "49" not in said
    assert said == hostile.written(form, None, load_template("desk", name, "{{ headline }}"))
    if form is Form.HTML:
        assert "<b>" not in said
    else:
        assert "@everyone" not in said
    if form is Form.MARKDOWN:
        assert "[z](" not in said
        assert "**y**" not in said


@pytest.mark.parametrize(("source", "why"), [
    ("a\n{{ no_such_value }}", "desk.j2:2: UndefinedError: 'no_such_value' is undefined"),
    ("{{ title.__class__.__mro__ }}", "desk.j2:1: SecurityError"),
    ("{{ entries.append(1) }}", "desk.j2:1: UndefinedError"),
    ("{% for n in range(10000000) %}x{% endfor %}", "desk.j2:1: OverflowError"),
    ("{% for n in range(9999) %}{{ 'x' * 99 }}{% endfor %}", "OverflowError: it prints more than"),
    ("{{ 1 / 0 }}", "desk.j2:1: ZeroDivisionError"),
    ("{% include '/etc/passwd' %}", "desk.j2:1: TemplateNotFound"),
])  # fmt: skip
def test_a_template_that_fails_gives_way_to_ours_which_says_so(
    hostile: Message, source: str, why: str
) -> None:
    said = hostile.within(None, load_template("desk", "desk.j2", source))
    assert said.startswith(hostile.within()[:40])
    assert "The channel's template failed, this is the built-in form." in said
    assert why in said


def test_a_template_whose_own_words_are_too_long_gives_way(hostile: Message) -> None:
    template = load_template("desk", "desk.j2", "x" * 600)
    said = hostile.within(500, template)
    assert len(said) <= 500
    assert "desk.j2: it does not fit into 500 characters" in said


def test_a_template_may_show_fewer_facts_where_there_is_little_room(hostile: Message) -> None:
    source = "{% for fact in facts %}{{ fact|line }};{% endfor %}{% if cut %}…{% endif %}"
    said = hostile.within(150, load_template("desk", "desk.j2", source))
    assert said.startswith("When: published")
    assert said.endswith("…")
    assert len(said) <= 150


def test_a_template_of_another_form_is_not_used(hostile: Message) -> None:
    template = load_template("desk", "desk.html.j2", "only this")
    assert hostile.html(None, template) == "only this"
    assert hostile.within(None, template) == hostile.within()


def test_a_template_may_build_on_ours(hostile: Message) -> None:
    template = load_template("desk", "desk.j2", "Desk:\n{% include 'text.j2' %}")
    assert hostile.within(None, template) == "Desk:\n" + hostile.within()
