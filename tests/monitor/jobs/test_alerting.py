"""Rules see what a run found and what lasts; what holds an alert back is written with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from monitor.alerts.rules import Rule
from monitor.alerts.views import Views
from monitor.jobs.candidates import candidates
from storage import signal_repo, silence_repo
from storage.models import Alert, Delivery, Link
from storage.records import Batch, MarketStatus
from tests.builders import NOON
from tests.desk import CONFIG, Desk, StubSource, a_leg, a_story, news, open_desk, prices

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
HEAD = CONFIG.partition("alerts:")[0]
OMEGA = "Omegacorp launches Omega glasses for everyone"
RACE = "polymarket/event:zeta-race"


@asynccontextmanager
async def ruled(folder: Path, rules: str, more: str = "") -> AsyncIterator[Desk]:
    """Yield a desk with these rules, one a line, each told on the console."""
    lines = "".join(f"    - {{{rule}, channels: [console]}}\n" for rule in rules.splitlines())
    text = f"alerts:\n{more}  channels: [{{name: console, kind: console}}]\n  rules:\n{lines}"
    async with open_desk(folder, HEAD + text) as desk:
        yield desk


async def watch(desk: Desk, until: datetime, *, step: float = 10, **mids: str) -> None:
    while desk.clock.now() < until:
        both = {"Zetacorp": mids.get("zeta", "0.400"), "Omegacorp": mids.get("omega", "0.300")}
        await desk.poll(prices(desk.after(step), both))


async def jump(desk: Desk, *mids: str) -> None:
    """Poll Zetacorp's leg each minute, processing each time."""
    for mid in mids:
        await desk.poll(prices(desk.after(1), {"Zetacorp": mid}))
        desk.process()


def told(desk: Desk) -> list[tuple[str, str]]:
    return [(alert.rule, alert.title) for alert in desk.rows(Alert)]


def looked_at(desk: Desk, rules: tuple[Rule, ...], now: datetime) -> Views:
    with desk.store.read() as session:
        return candidates(session, desk.app.topics, rules, signals=(), moves=(), now=now)


async def answered(desk: Desk) -> datetime:
    """Let Omegacorp's price answer its news; return when the link became final."""
    t0 = NOON + 2.5 * HOUR
    await watch(desk, t0)
    item = a_story("o1", OMEGA, published_at=t0, url="https://news.example/o1")
    await desk.poll(Batch(items=(item,)), source=StubSource("wire"))
    desk.process(outcome_ids=())
    await watch(desk, t0 + 70 * MINUTE, omega="0.400")
    desk.process(outcome_ids=())
    return desk.clock.now()


async def test_a_link_is_told_once_in_the_run_in_which_it_became_final(tmp_path: Path) -> None:
    async with ruled(tmp_path, "name: answer, on: link") as desk:
        await desk.start("wire")
        now = await answered(desk)
        await watch(desk, now + HOUR, omega="0.400")
        desk.process(outcome_ids=())

        (alert,) = desk.rows(Alert)
        assert alert.at == now
        assert "Omegacorp" in alert.title


async def test_a_link_is_seen_with_its_figures_its_book_and_its_rule(tmp_path: Path) -> None:
    async with ruled(tmp_path, "name: answer, on: link") as desk:
        await desk.start("wire")
        now = await answered(desk)

        (view,) = looked_at(desk, desk.app.rules, now).links

    assert (view.market_id, view.label, view.subject) == (
        "omegacorp", "Omegacorp", "polymarket/zeta-race",
    )  # fmt: skip
    assert (view.verdict, view.relation, view.window_s, view.final) == (
        "moved_up", "own", 3600, True,
    )  # fmt: skip
    assert (view.price_before, view.price_after, view.move) == (0.3, 0.4, 0.1)
    assert (view.known_from, view.spread, view.entity_names[0]) == (now, 0.01, "Omegacorp")
    assert (view.at, view.url) == (NOON + 2.5 * HOUR, "https://news.example/o1")


async def test_a_link_of_a_run_that_is_past_is_no_candidate_and_neither_is_an_open_one(
    tmp_path: Path,
) -> None:
    async with ruled(tmp_path, "name: answer, on: link") as desk:
        await desk.start("wire")
        final = await answered(desk)
        rules, opened = desk.app.rules, min(link.known_from for link in desk.rows(Link))

        assert looked_at(desk, rules, opened).links == []
        assert len(looked_at(desk, rules, final).links) == 1
        assert looked_at(desk, rules, final + MINUTE).links == []


async def test_a_move_is_told_when_it_has_stood_as_long_as_its_rule_asks(tmp_path: Path) -> None:
    rule = "name: held, on: move, min_pp: 5, for: 10m"
    async with ruled(tmp_path, rule) as desk:
        await desk.start()
        await jump(desk, "0.400", "0.401", "0.500", "0.501", "0.500")
        assert told(desk) == []
        # Nothing of the move changes any more; time alone lets it be told.
        await jump(desk, *["0.500"] * 10)

        (alert,) = desk.rows(Alert)
        assert alert.rule == "held"


async def test_a_move_that_went_back_in_time_is_not_told(tmp_path: Path) -> None:
    rule = "name: held, on: move, min_pp: 5, for: 10m"
    async with ruled(tmp_path, rule) as desk:
        await desk.start()
        await jump(desk, "0.400", "0.401", "0.500", "0.501", "0.500", *["0.410"] * 12)

        assert [alert.title for alert in desk.rows(Alert) if "+" in alert.title] == []


async def test_a_closing_market_is_told_once_by_each_rule_from_its_own_time_on(
    tmp_path: Path,
) -> None:
    rules = (
        "name: day, on: market, states: [closing], severity: info\n"
        "name: hour, on: market, states: [closing], within: 1h, severity: warning"
    )
    closes = NOON + 26 * HOUR
    async with ruled(tmp_path, rules) as desk:
        page = Batch(
            markets=(a_leg("Zetacorp", closes_at=closes),),
            followed=(("polymarket", "zetacorp", RACE),),
        )
        heard = []
        for minutes in (1, 118, 2, 60, 22 * 60, 30, 30, 60):
            desk.after(minutes)
            await desk.poll(page)
            desk.process()
            heard.append([alert.rule for alert in desk.rows(Alert)])

    assert heard[:4] == [[], [], ["day"], ["day"]]
    assert heard[-1] == ["day", "hour"]


async def test_a_dispute_is_told_again_while_it_stands(tmp_path: Path) -> None:
    rule = "name: court, on: market, states: [dispute], repeat_interval: 4h"
    async with ruled(tmp_path, rule) as desk:
        heard = [None, "disputed", "disputed", "disputed", "proposed"]
        for hours, oracle in zip((0, 1, 2, 3, 9), heard, strict=True):
            desk.after(hours * 60)
            leg = a_leg("Zetacorp", oracle=oracle, status=MarketStatus.OPEN)
            await desk.poll(Batch(markets=(leg,), followed=(("polymarket", "zetacorp", RACE),)))
            desk.process()

        again = [(alert.escalation, alert.at - NOON) for alert in desk.rows(Alert)]
        assert again == [(0, HOUR), (1, 6 * HOUR)]


async def test_a_silence_keeps_an_alert_with_its_number_and_comment(tmp_path: Path) -> None:
    async with ruled(tmp_path, "name: news, on: signal") as desk:
        await desk.start("wire")
        with desk.session() as session:
            silence_repo.add(
                session, matchers=['theme="glasses"'], comment="holiday", starts_at=NOON,
                ends_at=NOON + HOUR, now=NOON,
            )  # fmt: skip
        title = "Sigmacorp launches Sigma glasses"
        await desk.poll(
            Batch(items=(a_story("o", OMEGA), a_story("s", title))), source=StubSource("wire")
        )

        found = desk.process()

        kept = {alert.theme: (alert.payload or {}).get("suppressed") for alert in desk.rows(Alert)}
        assert kept == {"glasses": "silenced by silence 1: holiday", "wearables": None}
        assert (found.alerts, len(desk.rows(Delivery))) == (1, 1)


async def test_a_silence_nobody_understands_any_more_holds_nothing_back(tmp_path: Path) -> None:
    async with ruled(tmp_path, "name: news, on: signal") as desk:
        await desk.start()
        with desk.session() as session:
            silence_repo.add(
                session, matchers=["colour=red"], comment="", starts_at=NOON,
                ends_at=NOON + HOUR, now=NOON,
            )  # fmt: skip
        await desk.poll(news())

        assert desk.process().alerts == 1


async def test_what_inhibits_and_when_nothing_is_told_come_from_the_config(tmp_path: Path) -> None:
    more = (
        "  time_intervals: [{name: noon, times: [{start_time: '12:00', end_time: '12:30'}]}]\n"
        "  inhibit:\n"
        "    - {source_matchers: [rule=news], target_matchers: [rule=second], within: 1h}\n"
    )
    rules = (
        "name: muted, on: signal, mute: [noon]\n"
        "name: news, on: signal, min_score: 0.1\n"
        "name: second, on: move"
    )
    async with ruled(tmp_path, rules, more) as desk:
        await desk.start()
        await desk.poll(news())
        await jump(desk, "0.400", "0.401", "0.500", "0.501", "0.500")

        kept = {alert.rule: (alert.payload or {}).get("suppressed") for alert in desk.rows(Alert)}
        assert kept["second"] == "inhibited by rule news"
        assert kept["news"] is None


async def test_a_muted_brief_is_kept_and_goes_nowhere(tmp_path: Path) -> None:
    more = "  time_intervals: [{name: noon, times: [{start_time: '12:00', end_time: '14:00'}]}]\n"
    rules = 'name: brief, on: schedule, at: "13:00", mute: [noon]'
    async with ruled(tmp_path, rules, more) as desk:
        desk.after(61)

        found = desk.process(schedules_since=NOON)
        again = desk.process(schedules_since=NOON)

        (alert,) = desk.rows(Alert)
        assert (found.alerts, again.alerts, desk.rows(Delivery)) == (0, 0, [])
        assert alert.payload["suppressed"] == "muted by time interval noon"


async def test_deciding_again_over_the_same_rows_adds_nothing(tmp_path: Path) -> None:
    rules = (
        "name: news, on: signal\n"
        "name: cause, on: move, verdict: no_public_cause_found\n"
        "name: answer, on: link"
    )
    async with ruled(tmp_path, rules) as desk:
        await desk.start("wire")
        await answered(desk)
        before = told(desk)
        for _ in range(3):
            desk.process()
            desk.after(1)

        assert told(desk) == before
        with desk.store.read() as session:
            assert len(signal_repo.signals(session)) == 1
