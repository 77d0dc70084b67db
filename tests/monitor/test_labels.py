"""Files of labelled texts: read line by line, and appended to without losing any."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor import labels
from monitor.errors import MonitorError
from monitor.labels import append_label, own_file, read_labels


def write(path: Path, *rows: Any) -> Path:
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def a_row(name: Any = "a", **more: Any) -> dict[str, Any]:
    return {"id": name, "title": "Zetacorp launches Zeta", "themes": ["models"], **more}


def test_every_field_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "some.jsonl",
        a_row(
            kind="launch", sure=0, summary="More.", content="Text.", source="wire", lang="en",
            published_at="2026-03-02T12:00:00+02:00", tier=1, judged=["models"], unknown={"a": 1},
        ),
    )  # fmt: skip

    (row,) = read_labels(path).rows

    assert (row.id, row.themes, row.kind, row.sure) == ("a", {"models"}, "launch", False)
    assert (row.judged, row.wrong_kind) == ({"models"}, None)
    assert (row.document.summary, row.document.content) == ("More.", "Text.")
    assert (row.document.source, row.document.lang, row.document.tier) == ("wire", "en", 1)
    assert row.document.published_at == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def test_what_a_row_does_not_say_has_a_default(tmp_path: Path) -> None:
    (row,) = read_labels(write(tmp_path / "some.jsonl", a_row())).rows

    assert (row.kind, row.sure, row.judged, row.document.tier) == (None, True, None, 2)


def test_of_two_rows_with_one_id_the_last_counts(tmp_path: Path) -> None:
    path = write(tmp_path / "some.jsonl", a_row("a"), a_row("b"), a_row("a", themes=[]))

    rows = read_labels(path).rows

    assert [(row.id, row.themes) for row in rows] == [("b", {"models"}), ("a", frozenset())]


def test_a_row_without_an_id_is_named_by_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "some.jsonl", a_row(None), b"", a_row(None))

    assert [row.id for row in read_labels(path).rows] == ["line 1", "line 3"]


@pytest.mark.parametrize(("line", "why"), [
    (b"not json", "Expecting value"),
    (b"\xff", "can't decode"),
    (b"[]", "one JSON object"),
    (b'{"title": 5, "themes": []}', "title must be a text"),
    (b'{"title": "x"}', "themes must be a list of texts"),
    (b'{"title": "x", "themes": "models"}', "themes must be a list of texts"),
    (b'{"title": "x", "themes": [1]}', "themes must be a list of texts"),
    (b'{"title": "x", "themes": [], "judged": 1}', "judged must be a list of texts"),
    (b'{"title": "x", "themes": [], "sure": "yes"}', "sure must be 0 or 1"),
    (b'{"title": "x", "themes": [], "tier": true}', "tier must be"),
    (b'{"title": "x", "themes": [], "published_at": "soon"}', "published_at: "),
])  # fmt: skip
def test_a_bad_line_costs_one_line_and_says_where_and_why(
    tmp_path: Path, line: bytes, why: str
) -> None:
    path = write(tmp_path / "some.jsonl", a_row("a"), line, a_row("b"))

    found = read_labels(path)

    assert [row.id for row in found.rows] == ["a", "b"]
    (refused,) = found.refused
    assert refused.startswith(f"{path}:2: ")
    assert why in refused


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(MonitorError, match=r"none\.jsonl: cannot be read: No such file"):
        read_labels(tmp_path / "none.jsonl")


def test_the_users_marks_stand_beside_the_database() -> None:
    assert own_file(Path("data/signal-monitor.db")) == Path("data/labels.jsonl")


def test_a_mark_is_appended_once_and_a_changed_one_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "labels.jsonl"

    assert append_label(path, a_row(marked_at="1"))
    assert not append_label(path, a_row(marked_at="2"))
    assert append_label(path, a_row(themes=[], marked_at="3"))
    assert append_label(path, a_row(marked_at="4"))

    assert [json.loads(line)["marked_at"] for line in path.read_text().splitlines()] == [
        "1", "3", "4",
    ]  # fmt: skip


def test_a_line_that_a_crash_cut_short_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_bytes(b'{"id": "torn", "tit')

    append_label(path, a_row())

    found = read_labels(path)
    assert [row.id for row in found.rows] == ["a"]
    assert len(found.refused) == 1


def test_nothing_is_left_of_a_row_that_could_not_be_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "labels.jsonl", a_row("known"))
    before = path.read_bytes()
    pwrite = labels.os.pwrite

    def full(handle: int, data: bytes, offset: int) -> int:
        if offset > len(before):
            raise OSError(28, "No space left on device")
        return pwrite(handle, data[:10], offset)

    monkeypatch.setattr(labels.os, "pwrite", full)

    with pytest.raises(MonitorError, match="No space left"):
        append_label(path, a_row("new"))
    assert path.read_bytes() == before


def test_marks_made_at_once_are_all_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"

    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda n: append_label(path, a_row(f"r{n % 20}")), range(60)))

    assert sum(added) == 20
    assert {row.id for row in read_labels(path).rows} == {f"r{n}" for n in range(20)}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(MonitorError, match="cannot be written"):
        append_label(tmp_path / "file" / "labels.jsonl", a_row())
