"""An analyst's two files: prices and news come in as CSV, `link` says what one did after the other.

74 h of mids around 0.24 with a spread of 0.01, changing every 10 minutes; the item comes then.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.instants import format_instant
from tests.monitor.cli.conftest import Cli

START = datetime(2026, 3, 2, tzinfo=UTC)
T0 = START + timedelta(hours=74)
MINUTE = timedelta(minutes=1)
Level = Callable[[datetime], float | None]


def quotes_file(folder: Path, level: Level, *, hours: float = 78) -> Path:
    """Write a book every 10 min and at each change of level, 0.1 pp around the level."""
    instants = [START + n * 10 * MINUTE for n in range(int(hours * 6) + 1)]
    lines = ["at,venue,market_id,outcome_id,outcome,bid,ask,price_basis,question"]
    for n, at in enumerate(instants):
        mid = level(at)
        if mid is not None:
            mid += 0.0005 if n % 2 else -0.0005
            prices = f"{mid - 0.005:.4f},{mid + 0.005:.4f}"
            lines.append(f"{format_instant(at)},polymarket,516960,zeta-yes,Yes,{prices},book,Zeta?")
    path = folder / "quotes.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def items_file(folder: Path, *instants: datetime) -> Path:
    titles = ("Zetacorp launches Zeta glasses", "Zetacorp raises funding of 300 million dollars")
    lines = ["source,guid,title,published_at"]
    for n, at in enumerate(instants):
        lines.append(f"wire,item-{n},{titles[n]},{format_instant(at)}")
    path = folder / "items.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def steps(*changes: tuple[datetime, float]) -> Level:
    """Return a level of 0.24 that becomes another one at each instant."""

    def level(at: datetime) -> float | None:
        return next((value for start, value in reversed(changes) if at >= start), 0.24)

    return level


def links(cli: Cli, *options: str) -> list[dict[str, Any]]:
    found = cli("link", "--since", "2026-03-01", "--json", *options)
    assert found.code == 0, found.err
    return list(found.json)


def studied(cli: Cli, folder: Path, level: Level, *items: datetime) -> list[dict[str, Any]]:
    for what, path in (
        ("quotes", quotes_file(folder, level)),
        ("items", items_file(folder, *(items or (T0,)))),
    ):
        done = cli("import", what, path)
        assert done.code == 0, done.err
    return links(cli)


def test_a_jump_five_minutes_later_that_stays_is_moved_up_by_nine_points(
    cli: Cli, folder: Path
) -> None:
    (link,) = studied(cli, folder, steps((T0 + 5 * MINUTE, 0.33)))

    assert link["verdict"] == "moved_up"
    assert link["move_pp"] == pytest.approx(9, abs=0.2)
    # the hours that begin 3 to 70 h after the start: earlier ones lack an hour to know the noise by
    assert (link["n_placebo"], link["placebo_days"]) == (68, 3)
    assert link["p_value"] == pytest.approx(1 / 69)
    assert link["q_value"] == link["p_value"]  # a family of one
    assert (link["response_after_s"], link["response_by_s"]) == (0, 600)
    assert link["room_share"] == pytest.approx(0.09 / 0.76, abs=0.002)
    assert link["thin"] is False


def test_a_flat_hour_is_no_detectable_move(cli: Cli, folder: Path) -> None:
    (link,) = studied(cli, folder, steps())

    assert link["verdict"] == "no_detectable_move"
    assert link["p_value"] > 0.5
    assert link["response_by_s"] is None


def test_an_item_half_an_hour_after_the_jump_is_moved_before(cli: Cli, folder: Path) -> None:
    (link,) = studied(cli, folder, steps((T0 - 30 * MINUTE, 0.33)))

    assert link["verdict"] == "moved_before"
    assert link["pre_move_pp"] == pytest.approx(9, abs=0.2)


def test_an_item_after_nine_silent_hours_is_not_evaluated(cli: Cli, folder: Path) -> None:
    silence = T0 - timedelta(hours=9)

    (link,) = studied(cli, folder, lambda at: 0.24 if not silence < at <= T0 else None)

    assert link["verdict"] in ("not_evaluated:stale", "not_evaluated:coverage")
    assert link["move_pp"] is None


def test_prices_that_come_after_the_news_complete_the_link(cli: Cli, folder: Path) -> None:
    quotes = quotes_file(folder, steps((T0 + 5 * MINUTE, 0.33)))
    early = folder / "early.csv"
    rows = quotes.read_text().splitlines()
    early.write_text("\n".join(rows[:100]) + "\n")
    for what, path in (("quotes", early), ("items", items_file(folder, T0))):
        assert cli("import", what, path).code == 0
    (before,) = links(cli)

    assert cli("import", "quotes", quotes).code == 0
    (after,) = links(cli)

    assert before["verdict"] == "not_evaluated:stale"
    assert after["verdict"] == "moved_up"


@pytest.mark.parametrize("hours", [74.9, 75.5, 77, 79, 90])
def test_what_is_stored_does_not_depend_on_the_order_of_the_imports(
    cli: Cli, folder: Path, hours: float
) -> None:
    jumped = steps((T0 + 5 * MINUTE, 0.33), (T0 + 4 * 60 * MINUTE, 0.28))
    early = quotes_file(folder, jumped, hours=hours).rename(folder / "early.csv")
    whole = quotes_file(folder, jumped, hours=100)
    for what, path in (("quotes", early), ("items", items_file(folder, T0)), ("quotes", whole)):
        assert cli("import", what, path).code == 0

    stored = links(cli, "--all")

    assert stored == links(cli, "--all", "--fresh")
    windows = {row["window_s"]: row for row in stored}
    assert windows[21_600]["verdict"] == windows[86_400]["verdict"] == "described"
    assert windows[21_600]["reversal"] == pytest.approx(5 / 9, abs=0.02)


def test_importing_again_leaves_the_age_of_a_trade_price_as_it_was(cli: Cli, folder: Path) -> None:
    path = quotes_file(folder, steps(), hours=100)
    rows = path.read_text().splitlines()
    flat = [row.replace(",book,", ",trade,").split(",") for row in rows[1:]]
    path.write_text(
        "at,venue,market_id,outcome_id,outcome,mid,price_basis,question\n"
        + "\n".join(",".join([*row[:5], "0.24", *row[7:]]) for row in flat)
    )
    early, late = T0 - 10 * 60 * MINUTE, T0 + 10 * 60 * MINUTE
    for what, file in (("quotes", path), ("items", items_file(folder, early, late))):
        assert cli("import", what, file).code == 0
    before = links(cli, "--all")

    assert cli("import", "items", items_file(folder, late)).code == 0
    for what in ("items", "quotes"):
        assert cli("import", what, folder / f"{what}.csv").code == 0

    assert links(cli, "--all") == before
    assert {row["quote_age_s"] for row in before if row["at"] == format_instant(late)} == {None}


def test_the_age_of_a_price_in_a_file_is_that_of_its_row(cli: Cli, folder: Path) -> None:
    (link,) = studied(cli, folder, steps(), T0 + 4 * MINUTE)

    assert link["quote_age_s"] == 240


def test_an_empty_table_says_where_the_links_are(cli: Cli, folder: Path) -> None:
    studied(cli, folder, steps((T0 + 5 * MINUTE, 0.33)))
    as_of = ("--as-of", format_instant(T0 + 71 * MINUTE))

    lately = [cli(command) for command in ("link", "moves")]
    then = [cli(command, *as_of) for command in ("link", "moves")]
    anew = cli("link", "--fresh", *as_of)

    assert {ran.code for ran in (*lately, *then, anew)} == {0}
    assert "the newest signal with a link is of 2026-03-05" in lately[0].err
    assert "--since 2026-03-05 shows it" in lately[0].err
    assert "the newest move is of 2026-03-05" in lately[1].err
    assert "no link was known at 2026-03-05T03:11:00.000Z" in then[0].err
    assert "`link --fresh --as-of`" in then[0].err
    assert "no move was known at 2026-03-05T03:11:00.000Z" in then[1].err
    assert "a column observed_at tells" in anew.err
    assert cli("link", *as_of, "--json").err == ""
    assert cli("link", "--since", "2026-03-01").err == ""


def test_as_known_then_a_span_back_is_counted_from_then(cli: Cli, folder: Path) -> None:
    path = items_file(folder, T0)
    lines = path.read_text().splitlines()
    seen = format_instant(T0 + MINUTE)
    path.write_text(f"{lines[0]},observed_at\n{lines[1]},{seen}\n")
    for what, file in (("quotes", quotes_file(folder, steps())), ("items", path)):
        assert cli("import", what, file).code == 0
    as_of = format_instant(T0 + 71 * MINUTE)

    assert len(cli("link", "--fresh", "--as-of", as_of, "--json").json) == 1


def test_news_imported_before_any_price_is_linked_once_there_are_prices(
    cli: Cli, folder: Path
) -> None:
    assert cli("import", "items", items_file(folder, T0)).code == 0
    quotes = quotes_file(folder, steps((T0 + 5 * MINUTE, 0.33)))

    assert cli("import", "quotes", quotes).code == 0

    assert [link["verdict"] for link in links(cli)] == ["moved_up"]


def test_importing_the_same_again_changes_no_link(cli: Cli, folder: Path) -> None:
    before = studied(cli, folder, steps((T0 + 5 * MINUTE, 0.33)))

    assert cli("import", "items", folder / "items.csv").code == 0

    assert links(cli) == before


def test_two_stories_of_one_company_within_the_hour_are_one_episode(cli: Cli, folder: Path) -> None:
    found = studied(cli, folder, steps((T0 + 5 * MINUTE, 0.33)), T0, T0 + 20 * MINUTE)

    verdicts = {link["at"]: link["verdict"] for link in found}
    assert len(found) == 2
    # neither confounds the other
    assert set(verdicts.values()) == {"moved_up", "moved_before"}
    assert len({link["episode"] for link in found}) == 1


def test_judged_anew_links_are_what_was_stored(cli: Cli, folder: Path) -> None:
    stored = studied(cli, folder, steps((T0 + 5 * MINUTE, 0.33)), T0, T0 - 20 * 60 * MINUTE)

    assert links(cli, "--fresh") == stored
    assert links(cli, "--fresh", "--all") == links(cli, "--all")


def test_judged_as_of_an_instant_nothing_later_is_looked_at(cli: Cli, folder: Path) -> None:
    path = items_file(folder, T0)
    lines = path.read_text().splitlines()
    seen = format_instant(T0 + MINUTE)
    path.write_text(f"{lines[0]},observed_at\n{lines[1]},{seen}\n")
    quotes = quotes_file(folder, steps((T0 + 5 * MINUTE, 0.33), (T0 + 90 * MINUTE, 0.24)))
    for what, file in (("quotes", quotes), ("items", path)):
        assert cli("import", what, file).code == 0

    def verdicts(minutes: float) -> list[str]:
        as_of = format_instant(T0 + minutes * MINUTE)
        return [link["verdict"] for link in links(cli, "--fresh", "--as-of", as_of)]

    assert verdicts(0) == []  # not seen yet
    assert verdicts(30) == ["not_evaluated:open_window"]
    assert verdicts(61) == ["not_evaluated:open_window"]  # whether it lasts is not known
    assert verdicts(71) == verdicts(1000) == ["moved_up"]
    # what is stored was first known when it was imported
    assert links(cli, "--as-of", format_instant(T0 + 71 * MINUTE)) == []


def test_statistics_are_told_in_words_and_never_a_p_of_zero(cli: Cli, folder: Path) -> None:
    studied(cli, folder, steps((T0 + 5 * MINUTE, 0.33)))

    plain = cli("link", "--since", "2026-03-01")
    stats = cli("link", "--since", "2026-03-01", "--stats", "--all")

    assert "moved_up" in plain.out
    assert "0.014" not in plain.out
    assert "0.014" in stats.out
    assert "68 h of 3 days" in stats.out
    assert "between +0 and +10 min" in stats.out
    assert "0.000" not in stats.out
