"""`tag`: text, files, stdin, and one line of JSON for each line of JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.tags import tag_lines
from monitor.config import parse_config, shipped_text
from monitor.topics import open_topics
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


def test_every_line_has_its_answer_also_an_empty_one(cli: Cli) -> None:
    stdin = b'\n{"id": 1, "title": "x"}\r\n\r\n{"id": 2, "title": "y"}'
    found = answers(cli("tag", "--jsonl", stdin=stdin).out)
    assert [answer["id"] for answer in found] == [None, 1, None, 2]
    assert ["error" in answer for answer in found] == [True, False, True, False]
    assert cli("tag", "--jsonl").out == ""


def test_a_byte_order_mark_before_the_first_line_is_left_out(cli: Cli) -> None:
    (found,) = answers(cli("tag", "--jsonl", stdin=b'\xef\xbb\xbf{"id": 1, "title": "x"}\n').out)
    assert (found["id"], "error" in found) == (1, False)


def test_a_line_beyond_all_measure_is_refused_without_being_held(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.cli.tags.MAX_TEXT", 1 << 20)
    longest = json.dumps({"id": "long", "title": "x" * ((1 << 20) - 40)}).encode() + b"\n"
    beyond = json.dumps({"id": "beyond", "title": "x" * (5 << 19)}).encode() + b"\n"
    good = b'{"id": "good", "title": "x"}\n'

    found = answers(cli("tag", "--jsonl", stdin=beyond + good + longest + good).out)

    assert [answer["id"] for answer in found] == [None, "good", "long", "good"]
    assert found[0]["error"] == "the line is longer than 1 MiB"


def test_each_answer_is_written_before_the_next_line_is_read() -> None:
    tagger = open_topics(parse_config(shipped_text(), name="config.yaml", folder=Path())).tagger
    read: list[int] = []

    class Slow(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            read.append(len(read))
            return super().readline(size)

    answering = tag_lines(tagger, Slow(b'{"id": 1, "title": "x"}\n{"id": 2, "title": "y"}\n'))

    assert json.loads(next(answering))["id"] == 1
    assert len(read) == 1


def test_what_lines_do_not_say_themselves_the_options_say(cli: Cli) -> None:
    lines = [
        {"id": "own", "title": "Zetacorp launch today", "published_at": "2026-01-05T00:00:00Z"},
        {"id": "given", "title": "Zetacorp launch today"},
    ]
    stdin = "\n".join(map(json.dumps, lines)).encode()

    own, given = answers(cli("tag", "--jsonl", "--published-at", "2026-03-02", stdin=stdin).out)

    assert [fact["value"] for fact in own["facts"]] == ["2026-01-05"]
    assert [fact["value"] for fact in given["facts"]] == ["2026-03-02"]


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
