"""A followed market that is listed, reworded, disputed or paid is a signal, and no cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from monitor.jobs.follow import follow_known
from storage import market_repo
from storage.models import Alert, Link, Market, Move, Signal
from storage.records import Batch, MarketStatus, Origin
from tests.builders import NOON, a_market
from tests.desk import RACE, Desk, a_leg, joined, open_desk, prices

RULES = (
    "The highest arena score on https://lmarena.ai/leaderboard/text with the style control {style} "
    "wins when it is checked on March 31, 2026, 12:00 PM ET. Ties go by alphabetical order."
)
OFF, ON = RULES.format(style="off"), RULES.format(style="on")
RACE_TITLE = "Best AI model in March?"
PATTERN = "polymarket/event_pattern:zeta-*"
DISCOVERY = """
entities:
  - {id: zetacorp, kind: company, country: US, aliases: [Zetacorp]}
  - {id: omegacorp, kind: company, country: US, aliases: [Omegacorp]}
themes:
  - name: glasses
    entities: [zetacorp]
    markets: [{venue: polymarket, event_pattern: "zeta-*"}]
"""


def page(*labels: str, **given: Any) -> Batch:
    """Return a page with a leg for each label, without prices."""
    given = {"series_title": RACE_TITLE, "rules": OFF, **given}
    legs = tuple(a_leg(label, **given) for label in labels)
    return Batch(markets=legs, followed=tuple((leg.venue, leg.venue_id, RACE) for leg in legs))


def discovered(*labels: str) -> Batch:
    """Return the same page, found by a pattern."""
    batch = page(*labels)
    return replace(batch, followed=tuple((*each[:2], PATTERN) for each in batch.followed))


async def show(desk: Desk, *batches: Batch, minutes: float = 1) -> list[Signal]:
    """Poll after some minutes, process, and return the market signals that are current."""
    desk.after(minutes)
    await desk.poll(*batches)
    desk.process()
    return desk.current(Signal, origin_kind="market")


async def test_a_first_poll_lists_nothing(desk: Desk) -> None:
    assert await show(desk, page("Zetacorp", "Omegacorp")) == []


async def test_a_series_that_a_later_poll_finds_is_one_signal_that_names_its_legs(
    tmp_path: Path,
) -> None:
    async with open_desk(tmp_path, DISCOVERY) as desk:
        await desk.start()
        (signal,) = await show(desk, discovered("Zetacorp", "Omegacorp"))
        now = desk.clock.now()

    assert signal.kind == "market_listed"
    assert signal.title == "New market: Best AI model in March? (Zetacorp, Omegacorp)"
    assert signal.theme == "glasses"
    assert set(signal.entities) == {"zetacorp", "omegacorp"}
    assert (signal.at, signal.precision, signal.score) == (now, "second", 1.0)
    assert signal.alertable
    assert signal.origin_id == f"polymarket/zeta-race/{_ms(signal)}/market_listed"


async def test_a_series_that_the_config_names_is_no_discovery(desk: Desk) -> None:
    await desk.start()

    assert await show(desk, page("Zetacorp", "Omegacorp")) == []


async def test_a_leg_that_joins_a_known_series_is_said_to_be_one(desk: Desk) -> None:
    await show(desk, page("Zetacorp"))

    (signal,) = await show(desk, page("Zetacorp", "Omegacorp"))

    assert signal.title == "New leg: Best AI model in March? (Omegacorp)"


async def test_a_changed_rule_is_told_with_the_words_and_what_settles_otherwise(
    desk: Desk,
) -> None:
    await show(desk, page("Zetacorp", "Omegacorp"))

    (signal,) = await show(desk, page("Zetacorp", "Omegacorp", rules=ON))

    assert signal.kind == "rule_change"
    assert signal.title == (
        "Rules changed: Best AI model in March? (Zetacorp, Omegacorp): style_control off → on"
    )
    diff = next(fact["diff"] for fact in signal.facts if fact.get("field") == "rules")
    assert diff == "with the style control [-off-] {+on+} wins when it is"
    assert signal.facts[0]["market_ids"] == ["zetacorp", "omegacorp"]
    assert signal.origin_id == f"polymarket/zetacorp/{_ms(signal)}/rule_change"
    # The venue's first poll showed the old wording; a live one saw the change.
    assert signal.alertable


async def test_the_stored_spec_follows_the_wording_and_empties_with_it(desk: Desk) -> None:
    await show(desk, page("Zetacorp"))
    assert _spec(desk) == ("text", "off", "alphabetical", 1)
    await show(desk, page("Zetacorp", rules=ON.partition(" Ties")[0]))
    assert _spec(desk) == ("text", "on", None, 1)
    await show(desk, page("Zetacorp", rules=None))
    assert _spec(desk) == ("text", "on", None, 1)
    await show(desk, page("Zetacorp", rules="A jury decides.", series_title="Who wins the race?"))
    assert _spec(desk) == (None, None, None, None)


async def test_other_white_space_is_no_change_and_running_again_adds_nothing(desk: Desk) -> None:
    await show(desk, page("Zetacorp"))
    assert await show(desk, page("Zetacorp", rules=OFF.replace(" ", "  "))) == []
    await show(desk, page("Zetacorp", rules=ON))
    before = [row.id for row in desk.rows(Signal)]

    for minutes in (1, 60, 60 * 24):
        desk.after(minutes)
        desk.process()

    assert [row.id for row in desk.rows(Signal)] == before


async def test_legs_whose_rules_change_otherwise_are_told_apart(desk: Desk) -> None:
    await show(desk, page("Zetacorp", "Omegacorp"))

    signals = await show(
        desk, joined(page("Zetacorp", rules=ON), page("Omegacorp", rules=OFF + " Or later."))
    )

    assert len(signals) == 2


async def test_a_new_name_and_a_moved_close_are_changes_of_the_rules(desk: Desk) -> None:
    await show(desk, page("Zetacorp", closes_at=NOON + timedelta(days=5)))
    leg = a_leg("Zetacorp", series_title=RACE_TITLE, rules=OFF, closes_at=NOON + timedelta(days=6))
    renamed = replace(leg, question="Will Zetacorp lead?")
    batch = replace(page("Zetacorp"), markets=(renamed,))

    (signal,) = await show(desk, batch)

    assert signal.title.startswith("Renamed, close moved: Best AI model in March? (Zetacorp): ")
    facts = {fact["field"]: (fact["before"], fact["after"]) for fact in signal.facts[1:]}
    assert facts["question"] == ("Will Zetacorp win the race?", "Will Zetacorp lead?")
    assert facts["closes_at"] == ("2026-03-07T12:00:00.000Z", "2026-03-08T12:00:00.000Z")


async def test_rules_that_are_read_for_the_first_time_are_no_change(desk: Desk) -> None:
    await show(desk, page("Zetacorp", rules=None))
    assert await show(desk, page("Zetacorp")) == []


async def test_a_dispute_is_told_when_it_begins(desk: Desk) -> None:
    await show(desk, page("Zetacorp", oracle="proposed"))

    (signal,) = await show(desk, page("Zetacorp", oracle="disputed"))
    again = await show(desk, page("Zetacorp", oracle="disputed", closes_at=NOON))

    assert signal.kind == "dispute"
    assert signal.title == "Resolution disputed: Best AI model in March? (Zetacorp)"
    assert signal.reason[0] == "the oracle says disputed, before: proposed"
    assert [each.kind for each in again] == ["dispute"]


async def test_legs_that_resolve_together_are_one_signal_that_names_the_winner(
    desk: Desk,
) -> None:
    await show(desk, page("Zetacorp", "Omegacorp"))
    won = page("Zetacorp", status=MarketStatus.RESOLVED, resolution="Yes", resolved_at=NOON)
    lost = page("Omegacorp", status=MarketStatus.RESOLVED, resolution="No", resolved_at=NOON)

    (signal,) = await show(desk, joined(won, lost))

    assert signal.kind == "market_resolved"
    assert signal.title == "Resolved: Best AI model in March? → Zetacorp"


async def test_without_a_winner_each_leg_says_what_it_was_resolved_to(desk: Desk) -> None:
    await show(desk, page("Zetacorp", "Omegacorp"))
    given = {"status": MarketStatus.RESOLVED, "resolved_at": NOON}

    (signal,) = await show(
        desk,
        joined(page("Zetacorp", resolution="split", **given), page("Omegacorp", **given)),
    )

    assert signal.title == "Resolved: Best AI model in March? → Zetacorp split, Omegacorp unknown"


async def test_a_resolution_that_is_taken_back_is_a_dispute(desk: Desk) -> None:
    given = {"status": MarketStatus.RESOLVED, "resolved_at": NOON, "resolution": "Yes"}
    await show(desk, page("Zetacorp", **given))

    (signal,) = await show(desk, page("Zetacorp"))

    assert (signal.kind, signal.title) == (
        "dispute",
        "Resolution taken back: Best AI model in March? (Zetacorp)",
    )


async def test_news_of_a_market_is_alerted_once(desk: Desk) -> None:
    await show(desk, page("Zetacorp"))
    await show(desk, page("Zetacorp", rules=ON))
    await show(desk, page("Zetacorp", rules=ON))

    (alert,) = desk.rows(Alert, rule="news")
    assert alert.title == "Zetacorp · rule change · seen 2026-03-02"
    assert "Rules changed: Best AI model in March?" in str(alert.payload)


async def test_what_a_poll_saw_long_ago_is_stored_and_not_alerted(desk: Desk) -> None:
    await show(desk, page("Zetacorp"))
    desk.after(1)
    await desk.poll(page("Zetacorp", rules=ON))
    desk.after(7 * 60)

    desk.process()

    (signal,) = desk.current(Signal, origin_kind="market")
    assert not signal.alertable
    assert desk.rows(Alert) == []


async def test_what_an_import_wrote_is_no_former_wording_of_the_venue(desk: Desk) -> None:
    with desk.session() as session:
        imported = replace(a_leg("Zetacorp"), rules="An old copy of the rules.")
        market_repo.upsert(
            session,
            [imported],
            observed_at=desk.clock.now(),
            origin=Origin.IMPORT,
            owner_of=lambda name: None,
        )
    await desk.start()

    (signal,) = await show(desk, page("Zetacorp"))
    changed = await show(desk, page("Zetacorp", rules=ON))

    assert (signal.kind, signal.alertable) == ("rule_change", False)
    assert [each.alertable for each in changed] == [False, True]


async def test_news_of_a_market_is_neither_linked_nor_a_cause(desk: Desk) -> None:
    def priced(mid: str) -> Batch:
        given = {"series_title": RACE_TITLE, "rules": OFF}
        return prices(desk.clock.now(), {"Zetacorp": mid}, **given)

    for _ in range(10):
        desk.after(1)
        await desk.poll(priced("0.40"))
    await show(desk, page("Zetacorp", rules=ON))
    for _ in range(60):
        desk.after(1)
        await desk.poll(priced("0.60"))
        desk.process()

    # The page with prices brought the old wording back, which is a change, too.
    kinds = {signal.kind for signal in desk.current(Signal)}
    assert kinds == {"rule_change"}
    assert desk.rows(Link) == []
    moves = desk.current(Move)
    assert moves
    assert all(move.verdict == "no_public_cause_found" for move in moves)


async def test_only_the_themes_whose_own_market_it_is_are_told_of_their_kinds(
    tmp_path: Path,
) -> None:
    text = """
themes:
  - {name: all, entities: [qwen], markets: [{venue: polymarket, event: zeta-race}]}
  - name: disputes
    entities: [kimi]
    kinds: [dispute]
    markets: [{venue: polymarket, event: zeta-race}]
  - name: near
    entities: [glm]
    related_markets: [{theme: all}]
"""
    async with open_desk(tmp_path, text) as desk:
        await show(desk, page("Zetacorp"))
        changed = await show(desk, page("Zetacorp", rules=ON))
        disputed = await show(desk, page("Zetacorp", rules=ON, oracle="challenged"))

    assert {(s.theme, s.kind) for s in changed} == {("all", "rule_change")}
    assert {(s.theme, s.kind) for s in disputed if s.kind == "dispute"} == {
        ("all", "dispute"),
        ("disputes", "dispute"),
    }


async def test_what_the_config_says_of_settling_wins_and_may_change(tmp_path: Path) -> None:
    def text(spec: str) -> str:
        event = f"{{venue: polymarket, event: zeta-race{spec}}}"
        return f"themes: [{{name: all, entities: [qwen], markets: [{event}]}}]"

    async with open_desk(tmp_path, text(", spec: {style_control: on, place: 2}")) as desk:
        await show(desk, page("Zetacorp"))
        assert _spec(desk) == ("text", "on", "alphabetical", 2)
        assert await show(desk, page("Zetacorp")) == []
    async with open_desk(tmp_path, text("")) as desk:
        with desk.session() as session:
            follow_known(session, desk.app.topics)
        assert _spec(desk) == ("text", "off", "alphabetical", 1)


async def test_a_market_of_no_theme_is_passed_over(desk: Desk) -> None:
    with desk.session() as session:
        market_repo.upsert(
            session,
            [a_market()],
            observed_at=NOON,
            origin=Origin.LIVE,
            owner_of=lambda name: None,
        )
    assert desk.process().signals == 0


def _ms(signal: Signal) -> int:
    return round(signal.at.timestamp() * 1000)


def _spec(desk: Desk) -> tuple[Any, ...]:
    (market,) = desk.rows(Market)
    return market.board, market.style_control, market.tie_rule, market.place
