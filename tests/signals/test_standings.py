from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from signals.standings import Board, BoardRow, changes, missing_inside, summary

CHINESE = ("kimi", "qwen", "glm", "ernie", "dola-seed", "deepseek", "hunyuan", "mimo", "minimax")


def is_chinese(model: str, organization: str | None) -> bool:
    del organization
    return model.startswith(CHINESE)


def a_board(*models: tuple[str, float], day: int = 1, fill: int = 0, style: str = "on") -> Board:
    """(model, score) rows with an interval of 5 points, then `fill` rows from 1300 down."""
    named = [*models, *((f"filler-{n}", 1300.0 - n) for n in range(fill))]
    rows = tuple(
        BoardRow(rank, model, model.split("-")[0].title(), score, score - 5, score + 5)
        for rank, (model, score) in enumerate(named, 1)
    )
    return Board("text", "overall", style, date(2026, 7, day), len(rows), rows)


def found(previous: Board | None, current: Board, **more: object) -> list[tuple[str, str, int]]:
    seen = changes(previous, current, is_chinese=is_chinese, **more)  # type: ignore[arg-type]
    return [(one.kind, one.model, one.rank) for one in seen]


BASE = a_board(("claude-9", 1510), ("grok-5", 1490), ("qwen3.7-max", 1475), fill=220)


def test_first_page_changes_nothing() -> None:
    assert found(None, BASE) == []


def test_equal_rows_are_one_publication_whatever_their_dates() -> None:
    assert found(BASE, replace(BASE, publish_date=date(2026, 7, 2))) == []


def test_entering_model_that_becomes_the_best_chinese_is_told_with_its_facts() -> None:
    after = a_board(
        ("claude-9", 1510), ("grok-5", 1490), ("kimi-k3", 1486), ("qwen3.7-max", 1475), fill=220
    )
    rank, score, new = changes(BASE, after, is_chinese=is_chinese)

    assert rank.title == (
        "Arena text (style control on): kimi-k3 (Kimi) is the best Chinese model at #3 "
        "with 1486 (before: qwen3.7-max at #3)"
    )
    assert (score.kind, score.score, score.previous_score) == ("best_chinese_score", 1486, 1475)
    assert new.title == "Arena text (style control on): kimi-k3 (Kimi) enters at #3 with 1486"
    assert (new.rank, new.previous_rank, new.gap_to_first) == (3, None, 24)


def test_new_number_one_names_the_former() -> None:
    after = a_board(("grok-5", 1512), ("claude-9", 1510), ("qwen3.7-max", 1475), fill=220)
    (first,) = changes(BASE, after, is_chinese=is_chinese)

    assert (first.kind, first.model, first.previous_rank) == ("new_number_one", "grok-5", 2)
    assert first.details["former"] == "claude-9"


def test_rename_is_not_exit_and_entry() -> None:
    after = a_board(("claude-9", 1510), ("grok-5", 1490), ("qwen3.7-max-preview", 1475), fill=220)

    assert found(BASE, after) == []


def test_renamed_number_one_is_not_a_new_number_one() -> None:
    after = a_board(("claude-9-thinking", 1510), ("grok-5", 1490), ("qwen3.7-max", 1475), fill=220)

    assert found(BASE, after) == []


def test_score_that_moves_by_a_fraction_is_no_change() -> None:
    after = a_board(("claude-9", 1510), ("grok-5", 1490), ("qwen3.7-max", 1475.3), fill=220)

    assert found(BASE, after) == []


@pytest.mark.parametrize(
    "changed", [{"style_control": "off"}, {"category": "coding"}, {"board": "webdev"}]
)
def test_boards_are_never_mixed(changed: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="cannot compare"):
        changes(BASE, replace(BASE, rows=BASE.rows[:50], **changed), is_chinese=is_chinese)


def test_longer_page_enters_nobody() -> None:
    short = a_board(("claude-9", 1510), ("grok-5", 1490))

    assert found(short, BASE) == []
    assert found(BASE, short) == []


def test_entry_at_the_end_of_a_cut_page_may_have_stood_there_unseen() -> None:
    before = a_board(("claude-9", 1510), ("grok-5", 1490), ("qwen3.7-max", 1475))
    close = a_board(("claude-9", 1510), ("grok-5", 1490), ("gpt-6", 1477))
    clear = a_board(("claude-9", 1510), ("grok-5", 1490), ("gpt-6", 1478))

    assert found(before, close) == []
    assert found(before, clear) == [("new_model", "gpt-6", 3)]


def test_model_known_from_an_earlier_page_does_not_enter_again() -> None:
    before = a_board(("claude-9", 1510), ("grok-5", 1490), ("qwen3.7-max", 1475))
    after = a_board(("claude-9", 1510), ("gpt-6", 1500), ("grok-5", 1490))

    assert found(before, after, known={"gpt-6"}) == []


def test_first_visible_chinese_model_is_told_with_the_depth_it_was_below() -> None:
    before = a_board(("claude-9", 1510), ("grok-5", 1490))
    after = a_board(("claude-9", 1510), ("kimi-k3", 1500), ("grok-5", 1490))
    rank, new = changes(before, after, is_chinese=is_chinese)

    assert rank.title.endswith("at #2 with 1500 (none was in the top 2)")
    assert rank.previous_rank is None
    assert new.kind == "new_model"


def test_cut_page_that_lost_rows_in_the_middle_changes_nothing() -> None:
    before = a_board(("a-1", 1510), ("b-2", 1505), ("c-3", 1500), ("qwen3.7-max", 1475))
    holes = a_board(("a-1", 1510), ("qwen3.7-max", 1475), ("x-4", 1470), ("y-5", 1469))

    assert missing_inside(before, holes) == ("b-2", "c-3")
    assert found(before, holes) == []


def test_one_retired_model_is_not_a_damaged_page() -> None:
    before = a_board(("a-1", 1510), ("b-2", 1505), ("qwen3.7-max", 1475))
    after = a_board(("a-1", 1510), ("qwen3.7-max", 1475), ("x-4", 1470))

    assert missing_inside(before, after) == ()
    assert found(before, after) == [("best_chinese_rank", "qwen3.7-max", 2)]


def test_summary_says_how_far_the_best_chinese_model_is() -> None:
    seen = summary(BASE, is_chinese)

    assert seen.top == BASE.rows[0]
    assert seen.best_chinese == BASE.rows[2]
    assert (seen.gap, seen.intervals_overlap) == (35, False)
    close = a_board(("claude-9", 1510), ("kimi-k3", 1500))
    assert summary(close, is_chinese).intervals_overlap is True


def test_summary_without_a_chinese_row_leaves_the_gap_empty() -> None:
    seen = summary(a_board(("claude-9", 1510)), is_chinese)

    assert (seen.best_chinese, seen.gap, seen.intervals_overlap) == (None, None, None)


def test_rows_that_do_not_descend_are_refused() -> None:
    with pytest.raises(ValueError, match="descend"):
        a_board(("a", 1), ("b", 2))


def a_recorded_board(path: Path) -> Board:
    page = json.loads(path.read_bytes())
    rows = []
    for row in page["models"]:
        low, high = row.get("ci_low", row.get("ci")), row.get("ci_high", row.get("ci"))
        score = float(row["score"])
        rows.append(
            BoardRow(
                rank=row["rank"],
                model=row["model"],
                organization=row["vendor"],
                score=score,
                ci_low=None if low is None else score - low,
                ci_high=None if high is None else score + high,
                votes=row["votes"],
            )
        )
    day = datetime.fromisoformat(page["meta"]["fetched_at"]).date()
    return Board("text", "overall", "on", day, page["meta"]["model_count"], tuple(rows))


def replayed(recordings: Path) -> list[tuple[str, Board, list[tuple[str, str, int]]]]:
    """Each recorded day with its board and what changed since the last sound page."""
    days, base, known = [], None, set()
    for path in sorted((recordings / "lmarena" / "arena-daily").glob("2026-*.text.json")):
        board = a_recorded_board(path)
        days.append((path.name[5:10], board, found(base, board, known=known)))
        if base is None or not missing_inside(base, board):
            base = board
        known |= {row.model for row in board.rows}
    return days


@pytest.mark.recordings
def test_replayed_board_names_the_best_chinese_model_of_each_day(recordings: Path) -> None:
    best = {day: summary(board, is_chinese).best_chinese for day, board, _ in replayed(recordings)}
    expected = {
        "03-19": ("dola-seed-2.0-preview", 18),
        "03-20": ("qwen3.5-max-preview", 15),
        "04-08": ("glm-5.1", 14),
        "05-11": ("ernie-5.1", 14),
        "05-29": ("qwen3.7-max-preview", 15),
        "07-20": ("kimi-k3", 9),
    }

    for day, (model, rank) in expected.items():
        row = best[day]
        assert row is not None
        assert (row.model, row.rank) == (model, rank)
    assert best["05-05"] is None
    assert best["07-20"] is not None
    assert best["07-20"].score == 1486


@pytest.mark.recordings
def test_replayed_board_is_led_by_one_organization(recordings: Path) -> None:
    assert {board.rows[0].organization for _, board, _ in replayed(recordings)} == {"Anthropic"}


@pytest.mark.recordings
def test_replay_over_changing_page_lengths_claims_true_entries_only(recordings: Path) -> None:
    days = replayed(recordings)
    entries = {
        (day, model) for day, _, rows in days for kind, model, _ in rows if kind == "new_model"
    }
    first_seen: dict[str, str] = {}
    for day, board, _ in days:
        for row in board.rows:
            first_seen.setdefault(row.model, day)

    assert {("04-08", "glm-5.1"), ("04-30", "ernie-5.1-preview"), ("07-17", "kimi-k3")} <= entries
    assert all(first_seen[model] == day for day, model in entries)
    # 10 rows on 07-15, 374 on 07-16: 364 names appear and none entered
    assert [rows for day, _, rows in days if day == "07-16"] == [[]]
    renamed = {"dola-seed-2.0-pro", "ernie-5.1", "gemini-3.5-flash-high", "inkling"}
    assert renamed.isdisjoint({model for _, model in entries})


@pytest.mark.recordings
def test_replay_skips_the_page_that_lost_the_leaders_in_between(recordings: Path) -> None:
    by_day = {day: rows for day, _, rows in replayed(recordings)}

    assert by_day["06-06"] == []
    assert ("best_chinese_rank", "glm-5.1", 14) in by_day["06-07"]
