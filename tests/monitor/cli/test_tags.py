"""`tag`: text, files, stdin, and one line of JSON for each line of JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.monitor.cli.conftest import Cli

LAUNCH = "Zetacorp launches its new glasses"
KEYS = ["id", "themes", "below", "entities", "facts", "polarity", "background", "reason"]


def answers(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_text_is_explained_with_the_rule_and_the_words_that_made_each_tag(cli: Cli) -> None:
    ran = cli("tag", *LAUNCH.split())
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("glasses: launch, score 0.")
    assert "entities: zetacorp\n" in ran.out
    assert "because glasses: title names zetacorp (strong) 'Zetacorp' [0:8]" in ran.out


def test_a_text_of_no_theme_says_so(cli: Cli) -> None:
    assert cli("tag", "Rain in the hills").out == "no theme\nentities: none\n"


def test_tagging_opens_no_database(folder: Path, cli: Cli) -> None:
    cli("tag", LAUNCH)
    cli("tag", "--jsonl", stdin=b'{"id": 1, "title": "x"}\n')
    assert sorted(path.name for path in folder.iterdir()) == ["config.yaml"]


def test_a_file_has_its_title_in_the_first_line_and_stdin_too(folder: Path, cli: Cli) -> None:
    text = f"{LAUNCH}\n\nThe Zetacorp glasses cost $299.\n"
    (folder / "article.txt").write_text(text)
    from_file = cli("tag", "--file", "article.txt", "--json").json
    assert [theme["theme"] for theme in from_file["themes"]] == ["glasses"]
    assert from_file["facts"]
    assert cli("tag", "-", "--json", stdin=text.encode()).json == from_file


def test_without_a_config_the_shipped_themes_are_used(folder: Path, cli: Cli) -> None:
    (folder / "config.yaml").unlink()
    found = cli("tag", "Alibaba launches Qwen 4", "--json").json
    assert [theme["theme"] for theme in found["themes"]] == ["chinese-model-leaderboard"]
    assert cli("tag", "-c", "other.yaml", "text").code == 2


def test_each_line_is_answered_by_one_line_in_order(cli: Cli) -> None:
    lines = [
        {"id": "b", "title": LAUNCH, "summary": "More.", "content": "Text.", "lang": "en",
         "source": "wire", "published_at": "2026-03-02T12:00:00Z", "unknown": {"key": 1}},
        {"id": "a", "title": "Rain tomorrow"},
        {"id": 7, "title": "夸克AI眼镜"},
        {"title": "no id"},
    ]  # fmt: skip
    stdin = "\n".join(json.dumps(line) for line in lines).encode()
    ran = cli("tag", "--jsonl", stdin=stdin)
    assert (ran.code, ran.err) == (0, "")
    found = answers(ran.out)
    assert [answer["id"] for answer in found] == ["b", "a", 7, None]
    assert all(list(answer) == KEYS for answer in found)
    assert [theme["theme"] for theme in found[0]["themes"]] == ["glasses"]
    assert set(found[0]["themes"][0]) == {"theme", "score", "kind"}
    assert found[1]["themes"] == found[1]["below"] == found[1]["entities"] == []


def test_only_themes_that_reach_their_min_score_are_in_themes(cli: Cli) -> None:
    (found,) = answers(cli("tag", "--jsonl", stdin=b'{"id": 1, "title": "Zetacorp"}').out)
    assert found["themes"] == []
    assert [theme["theme"] for theme in found["below"]] == ["glasses"]


@pytest.mark.parametrize(("junk", "identifier"), [
    (b"not json", None),
    (b"   ", None),
    (b"[1, 2]", None),
    (b"null", None),
    (b'"text"', None),
    (b"\xff\xfe broken", None),
    (b'{"id": NaN, "title": "x"}', None),
    (b'{"id": 1e999, "title": "x"}', None),
    (b'{"id": 9' + b"9" * 5000 + b', "title": "x"}', None),
    (b"[" * 100_000, None),
    (b'{"id": 1}', 1),
    (b'{"id": 1, "title": null}', 1),
    (b'{"id": 1, "title": ["x"]}', 1),
    (b'{"id": 1, "title": "x", "summary": 5}', 1),
    (b'{"id": 1, "title": "x", "published_at": "yesterday"}', 1),
    (b'{"id": 1, "title": "x", "published_at": "0001-01-01T00:00:00+05:00"}', 1),
])  # fmt: skip
def test_junk_is_answered_with_an_error_and_does_not_stop_the_rest(
    cli: Cli, junk: bytes, identifier: object
) -> None:
    good = json.dumps({"id": "good", "title": LAUNCH}).encode()
    ran = cli("tag", "--jsonl", stdin=junk + b"\n" + good + b"\n")
    assert ran.code == 0
    error, answer = answers(ran.out)
    assert error.keys() == {"id", "error"}
    assert error["id"] == identifier
    assert error["error"]
    assert answer["id"] == "good"


def test_only_empty_lines_have_no_answer(cli: Cli) -> None:
    stdin = b'\n{"id": 1, "title": "x"}\r\n\r\n{"id": 2, "title": "y"}\n\n'
    assert [answer["id"] for answer in answers(cli("tag", "--jsonl", stdin=stdin).out)] == [1, 2]
    assert cli("tag", "--jsonl").out == ""


@pytest.mark.parametrize("arguments", [
    (), ("",), ("  ",), ("text", "--jsonl"), ("text", "--file", "x"), ("--jsonl", "--file", "x"),
])  # fmt: skip
def test_exactly_one_text_is_wanted(cli: Cli, arguments: tuple[str, ...]) -> None:
    ran = cli("tag", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("signal-monitor: tag needs ")


@pytest.mark.parametrize(("name", "why"), [
    ("none.txt", "No such file"), (".", "Is a directory"), ("latin.txt", "not UTF-8 at byte 3"),
    ("/dev/zero", "larger than 16 MiB"),
])  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(folder: Path, cli: Cli, name: str, why: str) -> None:
    (folder / "latin.txt").write_bytes(b"caf\xe9")
    ran = cli("tag", "--file", name)
    assert (ran.code, ran.out) == (1, "")
    assert why in ran.err


def test_a_text_below_a_theme_says_why(cli: Cli) -> None:
    found = json.loads(cli("tag", "--json", "A Zetacorp shop in the hills").out)

    (below,) = found["below"]
    assert below["score"] < 0.5
    assert any(reason.startswith("below glasses: ") for reason in found["reason"])
