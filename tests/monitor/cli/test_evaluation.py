"""`eval` on labelled lines, and `signals mark` that writes the user's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage import open_store, signal_repo
from tests.builders import a_signal, at
from tests.monitor.cli.conftest import Cli

LAUNCH = "Zetacorp launches its new glasses"
TITLE = "Zetacorp shows its glasses"  # of the signal sig-1


def labelled(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps({"id": f"r{n}", **row}) + "\n" for n, row in enumerate(rows, 1))


@pytest.fixture
def file(folder: Path) -> Path:
    path = folder / "some.jsonl"
    path.write_text(
        labelled(
            {"title": LAUNCH, "themes": ["glasses"], "kind": "launch"},
            {"title": "Zetacorp delays its glasses", "themes": ["glasses"], "kind": "launch"},
            {"title": "Zetacorp opens a shop", "themes": ["glasses"], "kind": "other"},
            {"title": "Zetacorp unveils a bicycle [red]", "themes": [], "kind": None},
            {"title": "Rain in the hills", "themes": [], "kind": None},
            {"title": LAUNCH, "themes": [], "kind": None, "sure": 0},
        )
    )
    return path


def own(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]


def test_figures_are_told_with_their_intervals_and_every_error_with_its_reason(
    file: Path, cli: Cli
) -> None:
    ran = cli("eval", file.name, "--theme", "glasses")

    assert (ran.code, ran.err) == (0, "")
    assert "some.jsonl: 6 labelled texts\nleft out: 1 of which the rater was not sure" in ran.out
    lines = ran.out.splitlines()
    (pooled,) = [line for line in lines if line.startswith("all ")]
    assert pooled.split()[1:5] == ["2", "1", "1", "0.667"]
    assert "kinds of the hits: 0.500 (0.095–0.905) right, 1 of 2" in ran.out
    assert "    1  launch was read as delay_cancel" in ran.out
    assert "errors: 3" in ran.out
    assert "false alarm glasses launch, score" in ran.out
    assert "Zetacorp unveils a bicycle [red]" in ran.out
    assert "missed glasses other, score 0.40 < 0.50, id r3" in ran.out
    assert "    title names zetacorp (strong) 'Zetacorp' [0:8] +0.40" in ran.out


def test_json_holds_the_same(file: Path, cli: Cli) -> None:
    found = cli("eval", file.name, "--json", "--errors", "1", "--folds", "3").json

    assert found["files"] == [{"path": "some.jsonl", "rows": 6}]
    assert (found["rows"], found["unsure"]) == (5, 1)
    assert {key: found["pooled"][key] for key in ("tp", "fp", "fn", "f1")} == {
        "tp": 2, "fp": 1, "fn": 1, "f1": pytest.approx(2 / 3),
    }  # fmt: skip
    assert len(found["pooled"]["precision_interval"]) == 2
    assert found["themes"]["models"]["precision"] is None
    assert sum(fold["tp"] for fold in found["folds"]) == 2
    assert len(found["folds"]) == 3
    assert (len(found["errors"]), found["error_count"]) == (1, 3)


def test_unsure_rows_count_only_when_asked_for(file: Path, cli: Cli) -> None:
    found = cli("eval", file.name, "--all", "--json").json
    assert (found["rows"], found["unsure"], found["pooled"]["fp"]) == (6, 0, 2)


def test_folds_and_fewer_errors_are_shown_when_asked_for(file: Path, cli: Cli) -> None:
    out = cli("eval", file.name, "--folds", "2", "--errors", "0").out
    assert [line.split()[0] for line in out.splitlines() if line[:2] in ("1 ", "2 ")] == ["1", "2"]
    assert "errors: 3, 0 shown" in out
    assert "score" not in out


def test_bad_lines_and_unknown_themes_are_said_and_the_rest_is_measured(
    folder: Path, cli: Cli
) -> None:
    rows = labelled({"title": LAUNCH, "themes": ["glasses", "elsewhere"], "kind": "launch"})
    (folder / "some.jsonl").write_text("junk\n" + rows)

    out = cli("eval", "some.jsonl").out

    assert "refused some.jsonl:1: not JSON: Expecting value at character 1" in out
    assert "no theme of the config: elsewhere" in out
    assert "no error" in out


def test_eval_reads_your_own_marks_beside_the_database(folder: Path, cli: Cli) -> None:
    missing = cli("eval")
    assert missing.code == 2
    assert "signals mark" in missing.err
    (folder / "labels.jsonl").write_text(labelled({"title": LAUNCH, "themes": ["glasses"]}))

    assert cli("eval", "--json").json["files"] == [
        {"path": str(folder / "labels.jsonl"), "rows": 1}
    ]


def test_your_own_marks_are_added_to_a_file_only_when_asked_for(
    folder: Path, file: Path, cli: Cli
) -> None:
    assert len(cli("eval", file, "--own", "--json").json["files"]) == 1
    (folder / "labels.jsonl").write_text(labelled({"title": LAUNCH, "themes": ["glasses"]}))

    assert len(cli("eval", file, "--json").json["files"]) == 1
    assert len(cli("eval", file, "--own", "--json").json["files"]) == 2
    assert len(cli("eval", "labels.jsonl", "--own", "--json").json["files"]) == 1


@pytest.mark.parametrize(("arguments", "code", "why"), [
    (("none.jsonl",), 1, "none.jsonl: cannot be read"),
    (("empty.jsonl",), 1, "empty.jsonl: no labelled line to measure with"),
    (("some.jsonl", "--theme", "glases"), 2, "did you mean glasses"),
    (("some.jsonl", "--folds", "0"), 2, "--folds"),
])  # fmt: skip
def test_what_cannot_be_measured_says_why(
    file: Path, cli: Cli, arguments: tuple[str, ...], code: int, why: str
) -> None:
    file.with_name("empty.jsonl").write_text("")
    ran = cli("eval", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert why in ran.err


def test_eval_opens_no_database_and_works_without_a_config(folder: Path, cli: Cli) -> None:
    (folder / "config.yaml").unlink()
    (folder / "some.jsonl").write_text(
        labelled({"title": "Alibaba launches Qwen 4", "themes": ["chinese-model-leaderboard"]})
    )
    found = cli("eval", "some.jsonl", "--json").json
    assert found["themes"]["chinese-model-leaderboard"]["tp"] == 1
    assert [path.name for path in folder.iterdir()] == ["some.jsonl"]


def test_a_mark_keeps_the_text_with_the_verdict(filled: Path, cli: Cli) -> None:
    ran = cli("signals", "mark", "sig-1", "irrelevant")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        f"{filled / 'labels.jsonl'}: marked sig-1 irrelevant (glasses, launch): {TITLE}\n"
    )
    (row,) = own(filled)
    assert row.pop("marked_at").endswith("Z")
    assert row == {
        "id": "sig-1", "title": TITLE, "summary": "[A summary]\x1b[31m", "source": "wire",
        "lang": None, "tier": 2, "published_at": "2026-03-02T12:00:00.000Z", "themes": [],
        "kind": None, "judged": ["glasses"], "sure": 1,
    }  # fmt: skip


def test_the_same_mark_again_adds_nothing(filled: Path, cli: Cli) -> None:
    cli("signals", "mark", "sig-1", "irrelevant")
    ran = cli("signals", "mark", "sig-1", "irrelevant")
    assert ran.code == 0
    assert "nothing was added" in ran.out
    assert len(own(filled)) == 1


@pytest.mark.parametrize(("arguments", "expected"), [
    (("irrelevant", "--theme", "models"), {"themes": ["models"], "kind": None}),
    (("irrelevant", "--theme", "glasses"), {"themes": [], "kind": None}),
    (("irrelevant", "--theme", "models", "--kind", "rumor"), {"themes": ["models"],
                                                              "kind": "rumor"}),
    (("wrong-kind",), {"themes": ["glasses"], "kind": None, "wrong_kind": "launch"}),
    (("wrong-kind", "--kind", "rumor"), {"themes": ["glasses"], "kind": "rumor"}),
    (("right",), {"themes": ["glasses"], "kind": "launch"}),
])  # fmt: skip
def test_a_verdict_becomes_a_label(
    filled: Path, cli: Cli, arguments: tuple[str, ...], expected: dict[str, Any]
) -> None:
    assert cli("signals", "mark", "sig-1", *arguments).code == 0
    (row,) = own(filled)
    assert {key: row[key] for key in expected} == expected


def test_eval_measures_with_the_last_mark(filled: Path, cli: Cli) -> None:
    cli("signals", "mark", "sig-1", "irrelevant")
    as_irrelevant = cli("eval", "--json").json
    cli("signals", "mark", "sig-1", "wrong-kind", "--kind", "rumor")
    as_rumor = cli("eval", "--json").json

    assert len(own(filled)) == 2
    assert as_irrelevant["rows"] == as_rumor["rows"] == 1
    tagged = as_irrelevant["pooled"]["fp"]
    assert as_irrelevant["pooled"]["tp"] == as_irrelevant["pooled"]["fn"] == 0
    assert as_rumor["pooled"]["fp"] == 0
    assert as_rumor["pooled"]["tp"] == tagged
    assert as_rumor["themes"]["models"]["fp"] == 0


@pytest.mark.parametrize(("arguments", "code", "why"), [
    (("sig-9", "irrelevant"), 1, "no signal 'sig-9'"),
    (("", "irrelevant"), 1, "no signal ''"),
    (("sig-1", "irelevant"), 2, "did you mean irrelevant"),
    (("sig-1", "wrong-kind", "--kind", "lunch"), 2, "did you mean launch"),
    (("sig-1", "wrong-kind", "--kind", "launch"), 2, "launch is its kind already"),
    (("sig-1", "wrong-kind", "--theme", "models"), 2, "--theme goes with irrelevant"),
    (("sig-1", "irrelevant", "--kind", "rumor"), 2, "what is irrelevant has no kind"),
    (("sig-1", "irrelevant", "--theme", "model"), 2, "did you mean models"),
    (("sig-1", "right", "--kind", "rumor"), 2, "its kind is launch; say wrong-kind"),
])  # fmt: skip
def test_a_mark_that_makes_no_sense_says_why_and_writes_nothing(
    filled: Path, cli: Cli, arguments: tuple[str, ...], code: int, why: str
) -> None:
    ran = cli("signals", "mark", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert why in ran.err
    assert not (filled / "labels.jsonl").exists()


def test_the_start_of_an_id_is_enough_while_only_one_signal_has_it(filled: Path, cli: Cli) -> None:
    assert cli("signals", "mark", "si", "irrelevant").code == 0
    assert cli("signals", "show", "si", "--json").json["signal_id"] == "sig-1"
    store = open_store(f"sqlite:///{filled / 'signal-monitor.db'}")
    with store.begin() as session:
        signal_repo.put_signal(session, a_signal("sig-10"), known_from=at(2))
        signal_repo.put_signal(session, a_signal("sig-2"), known_from=at(2))
    store.close()

    ambiguous = cli("signals", "mark", "sig", "irrelevant")

    assert ambiguous.code == 1
    assert "sig-1, sig-10, sig-2; add a letter" in ambiguous.err
    assert cli("signals", "mark", "sig-1", "irrelevant").code == 0
    assert cli("signals", "mark", "sig_2", "irrelevant").code == 1
    assert cli("signals", "mark", "%", "irrelevant").code == 1


def test_what_no_text_tells_of_cannot_be_marked(filled: Path, cli: Cli) -> None:
    store = open_store(f"sqlite:///{filled / 'signal-monitor.db'}")
    with store.begin() as session:
        signal_repo.put_signal(
            session, a_signal("board-1", origin_kind="standing"), known_from=at(2)
        )
    store.close()

    ran = cli("signals", "mark", "board-1", "irrelevant")

    assert (ran.code, ran.out) == (1, "")
    assert "was read from a leaderboard, not from a text" in ran.err


def test_a_mark_needs_a_database_and_makes_none(folder: Path, cli: Cli) -> None:
    ran = cli("signals", "mark", "sig-1", "irrelevant")
    assert ran.code == 1
    assert "no database yet" in ran.err
    assert sorted(path.name for path in folder.iterdir()) == ["config.yaml"]


def test_retag_says_what_it_did_and_then_that_nothing_is_left(filled: Path, cli: Cli) -> None:
    assert cli("poll", "--json").code in (0, 3)  # the item of the store is tagged
    text = (filled / "config.yaml").read_text()
    (filled / "config.yaml").write_text(text.replace("entities: [qwen]", "entities: [qwen, glm]"))

    assert cli("status", "--json").json["outdated_items"] == 1
    assert "`signal-monitor retag` reads them again" in cli("status").out
    first = cli("retag")
    again = cli("retag", "--json").json

    assert first.out.startswith("items read again: 1; signals: ")
    assert (again["items"], again["left"]) == (0, 0)
    assert cli("status", "--json").json["outdated_items"] == 0
    assert cli("retag").out.startswith("nothing to do")


def test_retag_wants_a_past_and_a_database(folder: Path, cli: Cli) -> None:
    assert "must lie in the past" in cli("retag", "--since", "2099-01-01").err
    ran = cli("retag")
    assert (ran.code, ran.out) == (1, "")
    assert "no database yet" in ran.err
