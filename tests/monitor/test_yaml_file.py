from __future__ import annotations

import math

import pytest

from monitor.errors import ConfigError
from monitor.yaml_file import MAX_BYTES, read_document


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_document(text, name="config.yaml")
    return str(caught.value)


def test_every_key_and_item_knows_its_line_and_column() -> None:
    document = read_document("a:\n  b: [1, {c: 2}]\n", name="config.yaml")
    assert document.data == {"a": {"b": [1, {"c": 2}]}}
    assert document.place(("a",)) == (1, 1)
    assert document.place(("a", "b")) == (2, 3)
    assert document.place(("a", "b", 1)) == (2, 10)
    assert document.place(("a", "b", 1, "c")) == (2, 11)


def test_a_path_that_stands_nowhere_has_the_place_of_what_it_would_stand_in() -> None:
    document = read_document("x: 1\na: {b: 1}\n", name="config.yaml")
    assert document.place(("a", "missing", 3)) == (2, 1)
    assert document.place(("nowhere",)) == (1, 1)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "null\n"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    assert read_document(text, name="config.yaml").data == {}


def test_words_that_yaml_1_1_took_for_booleans_stay_words() -> None:
    document = read_document("on: yes\ncountry: no\noff: off\nsure: true\n", name="config.yaml")
    assert document.data == {"on": "yes", "country": "no", "off": "off", "sure": True}


def test_versions_dates_and_times_of_day_stay_what_was_written() -> None:
    text = "at: 08:00\nday: 2026-01-02\nstamp: 2026-01-02T03:04:05Z\nversion: 1.10.0\n"
    assert read_document(text, name="config.yaml").data == {
        "at": "08:00", "day": "2026-01-02", "stamp": "2026-01-02T03:04:05Z", "version": "1.10.0",
    }  # fmt: skip


def test_numbers_and_nothing_are_read_as_such() -> None:
    text = "a: 12\nb: -1.5\nc: 1e3\nd: ~\ne: .inf\nf: 0x10\ng: 1_000\nh: '5'\ni: 012\nj: .nan\n"
    data = read_document(text, name="config.yaml").data
    assert math.isnan(data.pop("j"))
    assert data == {
        "a": 12, "b": -1.5, "c": 1000.0, "d": None, "e": math.inf, "f": 16, "g": 1000, "h": "5",
        "i": 12,
    }  # fmt: skip


def test_shell_text_is_not_expanded() -> None:
    data = read_document("a: ${HOME} $(id) `id` ~/x\n", name="config.yaml").data
    assert data == {"a": "${HOME} $(id) `id` ~/x"}


def test_an_alias_repeats_its_value_and_is_no_error() -> None:
    data = read_document("a: &x [1]\nb: *x\n", name="config.yaml").data
    assert data == {"a": [1], "b": [1]}


@pytest.mark.parametrize(("text", "message"), [
    ("a: [1\nb: }\n", "config.yaml:2:2: expected ',' or ']'"),
    ("a: 1\n b: 2\n", "config.yaml:2:3: "),
    ("a:\n\tb: 1\n", "config.yaml:2:1: a tab; indent with spaces"),
    ("- a\n- b\n", "config.yaml:1:1: the file must hold `key: value` lines"),
    ("\n\nwords\n", "config.yaml:3:1: the file must hold `key: value` lines"),
    ("a: 1\nb: 2\na: 3\n", "config.yaml:3:1: the key 'a' stands twice"),
    ("a:\n  b: 1\n  b: 2\n", "config.yaml:3:3: the key 'b' stands twice"),
    ("a: 1\n---\nb: 2\n", "config.yaml:2:1: but found another document"),
    ("[1, 2]: a\n", "config.yaml:1:1: a key must be a word"),
    ("a: !!python/object/apply:os.system ['id']\n", "config.yaml:1:4: the tag"),
    ("a: !mine text\n", "config.yaml:1:4: the tag '!mine' means nothing here"),
    ("a: &a [*a]\n", "config.yaml:1:4: an alias that stands inside what it names"),
    ("a: *nobody\n", "config.yaml:1:4: found undefined alias"),
    ("a: 1\nb: \"x\0y\"\n", "config.yaml:2:6: the character U+0000 may not stand"),
    ("a: 1\nb: " + "9" * 5000 + "\n", "config.yaml:2:4: cannot be read as int"),
    ("a: !!int word\n", "config.yaml:1:4: cannot be read as int"),
    ("a: " + "[" * 1000 + "]" * 1000, "config.yaml: nested too deeply"),
    ("#" * (MAX_BYTES + 1), "config.yaml: larger than 1 MiB"),
])  # fmt: skip
def test_what_is_no_config_is_refused_at_its_place(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


def test_aliases_that_multiply_are_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "aliases that multiply are refused" in refusal("\n".join(lines))


@pytest.mark.parametrize("text", [
    "a: hunter2-hunter2\na: hunter2-hunter2\n",
    "a: 'hunter2-hunter2\n",
    "token: hunter2-hunter2: x\n",
    "a: [hunter2-hunter2\nb: 1\n",
])  # fmt: skip
def test_a_refusal_never_repeats_a_value(text: str) -> None:
    assert "hunter2" not in refusal(text)
