"""Every recorded Manifold answer parses, and every row that is refused says why."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.sources.base import Page
from monitor.sources.manifold import ManifoldSource
from tests.recorded import Recorded, not_covered, parse_recording, show

TAKEN = {
    "markets/list-2022.json": (datetime(2022, 10, 10, 19, tzinfo=UTC), 99, 1),
    "markets/list-2026-01-31.json": (datetime(2026, 1, 31, 18, tzinfo=UTC), 216, 45),
    "search-markets/fed-cut.json": (datetime(2026, 8, 18, tzinfo=UTC), 3, 0),
}
SOURCE = ManifoldSource(name="manifold")
SHAPES = {"bets": "bets", "market": "market", "markets": "markets", "search-markets": "markets"}
EXPLAINED = re.compile(
    r"a (POLL|STONK|MULTI_NUMERIC) has no probability to follow"
    r"|a PSEUDO_NUMERIC without its probability"  # 2022 left it out of open ones, too
    r"|a bet of an old pool: its outcome is neither YES nor NO"
)


def _parsed(file: Path, root: Path) -> Recorded:
    if file.suffix != ".json":
        return not_covered(file, root=root, why="where the recordings come from")
    return parse_recording(SOURCE, file, SHAPES[file.parent.name], {}, root=root)


@pytest.mark.recordings
def test_every_recording_parses_and_every_reject_is_explained(
    recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = recordings / "manifold"
    found = [_parsed(file, recordings) for file in sorted(folder.rglob("*")) if file.is_file()]
    show(found, capsys)

    parsed = {each.name.removeprefix("manifold/"): each for each in found if each.shape != "-"}
    assert not [each.name for each in parsed.values() if each.note]
    reasons = {reason for each in parsed.values() for reason in each.rejects}
    assert not [reason for reason in reasons if not EXPLAINED.fullmatch(reason)]
    assert parsed["markets/list-2026-01-31.json"].rows["markets"] == 455
    assert parsed["markets/list-2022.json"].rows["markets"] == 150
    assert parsed["bets/market-45.2022.json"].rows["quotes"] == 45
    assert parsed["search-markets/fed-cut.json"].rows["markets"] == 3


@pytest.mark.recordings
@pytest.mark.parametrize("name", TAKEN)
def test_on_the_day_it_was_taken_every_open_binary_had_a_price(recordings: Path, name: str) -> None:
    taken_at, quotes, rejects = TAKEN[name]
    body = (recordings / "manifold" / name).read_bytes()

    batch = SOURCE.parse(Page("markets", f"https://recorded.example/{name}", body, taken_at))

    open_ones = [
        market
        for market in json.loads(body)
        if market["outcomeType"] == "BINARY"
        and not market["isResolved"]
        and market.get("closeTime", 1e15) > taken_at.timestamp() * 1000
    ]
    assert len(open_ones) == quotes
    assert (len(batch.quotes), len(batch.rejects)) == (quotes, rejects)
