"""Every title and rule text in the recordings through the settlement reader, shown as tables."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from signals.catalog import Catalog
from signals.settlement import Settlement, settlement

pytestmark = pytest.mark.recordings

INDEX = "history/arena-boards-2026/polymarket_arena_events_index_2026-07-25.json"
LIVE = "history/arena-boards-2026/live_analysis_2026-07-26.json"
EVENTS = ("polymarket", "history/gamma-snapshot-2025-11-26")
NOON_ET = datetime(2025, 12, 31, 17, 0, tzinfo=UTC)
END_OF_NOVEMBER = datetime(2025, 11, 30, 17, 0, tzinfo=UTC)
MIDNIGHT_ET = datetime(2026, 1, 1, 4, 59, tzinfo=UTC)

# Read by hand: board, category, style, quantity, place, universe, unit, threshold, when, check,
# tie rule, owners.
BY_HAND: dict[str, tuple[Any, ...]] = {
    "516960": ("text", "overall", "unstated", "score", 1, "all", "model", None, "at", NOON_ET,
               "alphabetical", ("google",)),
    "516967": ("text", "overall", "unstated", "score", 1, "all", "model", None, "at", NOON_ET,
               "alphabetical", ("alibaba",)),
    "516966": ("text", "overall", "unstated", "score", 1, "all", "model", None, "at", NOON_ET,
               "alphabetical", ()),
    "516968": ("text", "overall", "unstated", "score", 1, "all", "model", None, "at", NOON_ET,
               "alphabetical", ("mistral",)),
    "630102": ("text", "overall", "off", "score", 1, "all", "model", None, "at", END_OF_NOVEMBER,
               "alphabetical", ("zhipu",)),
    "630115": ("text", "overall", "off", "score", 2, "all", "model", None, "at", END_OF_NOVEMBER,
               "alphabetical", ("google",)),
    "630342": ("text", "overall", "off", "score", 2, "all", "model", None, "at", NOON_ET,
               "alphabetical", ("alibaba",)),
    "630370": ("text", "overall", "on", "score", 1, "all", "model", None, "at", NOON_ET,
               "alphabetical", ("google",)),
    "630395": ("text", "overall", "on", "score", 1, "all", "model", None, "at", END_OF_NOVEMBER,
               "alphabetical", ("moonshot",)),
    "520426": ("text", "overall", "off", "score", 1, "all", "model", None, "by", MIDNIGHT_ET,
               "yes", ("openai",)),
    "635799": ("text", "overall", "off", "score", None, "all", "model", Decimal(1500), "by",
               MIDNIGHT_ET, None, ("all",)),
    "666872": ("text", "overall", "off", "score", None, "all", "model", Decimal(1500), "by",
               NOON_ET, None, ()),
}  # fmt: skip


@pytest.fixture
def read(catalog: Catalog) -> Callable[..., Settlement]:
    """Return the reader with the shipped catalog's owners."""

    def owner_of(text: str) -> str | None:
        owner = catalog.owner_of(text)
        return owner.id if owner else None

    def read_one(question: str, **given: Any) -> Settlement:
        return settlement(question, owner_of=owner_of, **given)

    return read_one


def test_titles_alone_give_the_families_and_name_what_they_leave_open(
    recordings: Path, read: Callable[..., Settlement], capsys: pytest.CaptureFixture[str]
) -> None:
    events = json.loads((recordings / INDEX).read_text(encoding="utf-8"))
    found = [
        (event["title"], read(event["title"], closes_at=_instant(event["endDate"])))
        for event in events
    ]
    _show(f"titles alone ({len(found)} events)", found, capsys)

    assert len(found) == 123
    assert sum(each.place in (2, 3) for _, each in found) == 53
    assert sum(each.style_control == "on" for _, each in found) == 34
    # "Another board" is another list than the text board's overall one. The design's 24 are those
    # named coding, math or webdev; the three on the agent board are further ones.
    other = [each for _, each in found if _names_other_list(each)]
    assert Counter(each.board == "agent" for each in other) == {False: 24, True: 3}
    chinese = [each for _, each in found if each.universe == "CN" or "country:CN" in each.owners]
    assert len(chinese) == 11
    # Ten ask who is best among the Chinese; one whether a Chinese company is among all's best.
    assert Counter(each.universe for each in chinese) == {"CN": 10, "all": 1}
    scores = [each for _, each in found if _asks_for_score(each)]
    # Six ask whether any model reaches a score; two, which company is the first to do so.
    assert Counter(each.owners for each in scores) == {("all",): 6, (): 2}
    assert sum("debut" in line for _, each in found for line in each.unknown) == 2
    assert not [title for title, each in found if each.is_empty]
    assert not [title for title, each in found if each.conflicts]
    for _, each in found:
        said = {line.partition(":")[0] for line in each.unknown}
        assert {"check_at", "tie_rule"} <= said or _asks_for_score(each)
        assert each.board is not None or "board" in said


def test_titles_agree_with_the_boards_that_a_trader_assigned_to_them(
    recordings: Path, read: Callable[..., Settlement]
) -> None:
    events = json.loads((recordings / INDEX).read_text(encoding="utf-8"))
    titles = {event["slug"]: event["title"] for event in events}
    assigned = json.loads((recordings / LIVE).read_text(encoding="utf-8"))
    checked = 0
    for row in assigned.values():
        if not isinstance(row, dict) or "board_type" not in row:
            continue
        words = row["board_type"].split("_")
        found = read(titles[row["slug"]])
        assert found.place == next(int(word) for word in words if word.isdigit())
        assert (found.universe == "CN") == ("chinese" in words)
        assert (found.category == "math") == ("math" in words)
        assert (found.style_control == "on") == ("sc" in words)
        checked += 1
    assert checked == 7


def test_every_rule_text_is_read_or_said_to_be_on_no_leaderboard(
    recordings: Path, read: Callable[..., Settlement], capsys: pytest.CaptureFixture[str]
) -> None:
    found: dict[str, tuple[str, Settlement]] = {}
    for market, title in _markets(recordings):
        question = market["question"]
        found.setdefault(
            str(market["id"]),
            (
                question,
                read(
                    question,
                    series_title=title,
                    rules=market.get("description"),
                    label=market.get("groupItemTitle"),
                    closes_at=_instant(market.get("endDate")),
                ),
            ),
        )
    boards = {key: each for key, each in found.items() if not each[1].is_empty}
    distinct = {_row(each[1]): (f"{key} {each[0]}", each[1]) for key, each in boards.items()}
    _show(
        f"rule texts: {len(found)} markets, {len(boards)} on a leaderboard, "
        f"{len(distinct)} read differently",
        distinct.values(),
        capsys,
    )

    for key, expected in BY_HAND.items():
        assert _fields(boards[key][1]) == expected, key
    assert boards["516966"][1].unknown[1].startswith("owners: the leg is everybody")
    assert "still say 'Company B'" in boards["516968"][1].conflicts[0]
    assert "only 'Google Gemini 3' counts" in boards["666872"][1].unknown[0]
    # Whatever names the Arena is read; whatever is read names a board, a target and a check.
    refused = [question for question, each in found.values() if each.is_empty]
    assert not [question for question in refused if "arena" in question.lower()]
    for question, each in boards.values():
        assert each.board == "text", question
        assert (each.place is None) != (each.threshold is None), question
        assert each.check_at is not None, question
        assert (each.confidence or 0) > 0.8, question


def _names_other_list(each: Settlement) -> bool:
    return each.board not in (None, "text") or each.category not in (None, "overall")


def _asks_for_score(each: Settlement) -> bool:
    return each.threshold is not None or any(u.startswith("threshold") for u in each.unknown)


def _markets(root: Path) -> Iterator[tuple[dict[str, Any], str | None]]:
    for folder in EVENTS:
        for file in sorted((root / folder).rglob("*.json")):
            yield from _inside(json.loads(file.read_text(encoding="utf-8")), None)


def _inside(value: Any, title: str | None) -> Iterator[tuple[dict[str, Any], str | None]]:
    if isinstance(value, dict):
        title = value.get("title", title) if "markets" in value else title
        if "question" in value and "conditionId" in value and "id" in value:
            yield value, title
        for inner in value.values():
            yield from _inside(inner, title)
    elif isinstance(value, list):
        for inner in value:
            yield from _inside(inner, title)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _fields(each: Settlement) -> tuple[Any, ...]:
    return (
        *(each.board, each.category, each.style_control, each.quantity, each.place, each.universe),
        *(each.unit, each.threshold, each.when, each.check_at, each.tie_rule, each.owners),
    )


def _row(each: Settlement) -> str:
    check = f"{each.check_at:%Y-%m-%d %H:%M}Z" if each.check_at else "-"
    target = f"place {each.place}" if each.place else f"score {each.threshold or '-'}"
    cells = (
        f"{each.board or '-'}/{each.category or '-'}",
        *(each.style_control, each.quantity, target, each.universe, each.unit, each.when),
        *(check, each.tie_rule, ",".join(each.owners)),
    )
    return " | ".join(str(cell or "-") for cell in cells)


def _show(
    title: str, found: Iterable[tuple[str, Settlement]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Print each text with what was parsed, and count what was left open."""
    rows = list(found)
    open_fields = Counter(line.partition(":")[0] for _, each in rows for line in each.unknown)
    with capsys.disabled():
        sys.stdout.write(f"\n{title}\n")
        for text, each in rows:
            left = "; ".join((*each.unknown, *each.conflicts)) or "nothing left open"
            sys.stdout.write(f"{text[:70]:<70} {each.confidence} {_row(each)}\n")
            sys.stdout.write(f"    {left[:200]}\n")
        left = ", ".join(f"{name} {count}" for name, count in open_fields.most_common())
        sys.stdout.write(f"left open: {left or 'nothing'}\n")
