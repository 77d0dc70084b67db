"""What holds of deciding whatever was seen: nothing twice, no order, and always a reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.alerts.deciding.decide import ActiveSilence, AlertDraft, Guards
from monitor.alerts.deciding.past import as_past, parts_of
from monitor.alerts.rules import SEVERITIES, Rule, matches
from monitor.alerts.rules.inhibit import Inhibit
from monitor.alerts.rules.matchers import parse_matcher
from tests.monitor.alerts.deciding.desk import Desk, a_rule

Build = Callable[..., Any]
MINUTE = timedelta(minutes=1)
VERDICTS = ("pending", "candidates", "no_public_cause_found")
CHANNELS = (["desk"], ["desk", "phone"], ["phone"])
quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
Seen = dict[str, list[Any]]


@st.composite
def rule_lists(draw: st.DrawFn) -> list[Rule]:
    kinds = st.sampled_from(["signal", "move", "link", "market", "source"])
    rules = []
    for index, on in enumerate(draw(st.lists(kinds, min_size=1, max_size=5))):
        asked: dict[str, Any] = {
            "name": f"r{index}",
            "channels": draw(st.sampled_from(CHANNELS)),
            "severity": draw(st.sampled_from(SEVERITIES)),
            "cooldown": draw(st.sampled_from(["0s", "0s", "10m"])),
        }
        if on == "move":
            asked["min_pp"] = draw(st.sampled_from([0, 5, 10]))
            asked["verdict"] = draw(st.sampled_from([None, None, VERDICTS[2]]))
            asked["for"] = draw(st.sampled_from([None, None, "5m"]))
        if on in ("market", "source"):
            asked["repeat_interval"] = draw(st.sampled_from([None, "15m"]))
        rules.append(a_rule(on, **asked))
    return rules


moves = st.tuples(
    st.integers(1, 3), st.sampled_from(["s-1", "s-2"]), st.integers(3, 30),
    st.sampled_from(VERDICTS), st.sampled_from([0, 0, 5, 70]),
)  # fmt: skip
sights = st.fixed_dictionaries({
    "moves": st.lists(moves, max_size=4, unique_by=lambda leg: leg[:2]),
    "signals": st.lists(st.sampled_from(["a", "b", "c"]), max_size=3, unique=True),
    "links": st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 2)), max_size=3,
                      unique=True),
    "markets": st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["listed", "dispute"])),
                        max_size=3, unique=True),
    "sources": st.lists(st.sampled_from(["x", "y"]), max_size=2, unique=True),
})  # fmt: skip
guards = st.sampled_from([
    Guards(),
    Guards(silences=[ActiveSilence(1, (parse_matcher("rule=r0"),), "")]),
    Guards(inhibit=[
        Inhibit(source_matchers=("rule=r1",), target_matchers=("rule=r0",))  # type: ignore[arg-type]
    ]),
])  # fmt: skip


def seen(build: dict[str, Build], now: datetime, sight: dict[str, Any]) -> Seen:
    return {
        "moves": [
            build["move"](
                outcome_id=leg, series=series, move=size / 100, verdict=verdict,
                price_from=0.1, price_to=0.1 + size / 100, now=0.1 + size / 100,
                start_at=now - (10 + ago) * MINUTE, crossed_at=now - (9 + ago) * MINUTE,
                end_at=now, move_key=f"{leg}/{series}/{ago}",
            )
            for leg, series, size, verdict, ago in sight["moves"]
        ],
        "signals": [build["signal"](story_id=story, series=("s-1",)) for story in sight["signals"]],
        "links": [
            build["link"](story_id=story, outcome_id=leg, series="s-1")
            for story, leg in sight["links"]
        ],
        "markets": [
            build["market"](market_id=f"m{number}", state=state)
            for number, state in sight["markets"]
        ],
        "sources": [build["source"](source=name) for name in sight["sources"]],
    }  # fmt: skip


def builders(
    a_move: Build, a_signal: Build, a_link: Build, a_market: Build, a_source: Build
) -> dict[str, Build]:
    return {
        "move": a_move, "signal": a_signal, "link": a_link, "market": a_market, "source": a_source,
    }  # fmt: skip


@quick
@given(rules=rule_lists(), sight=sights, guard=guards)
def test_deciding_twice_tells_nothing_new(
    a_move: Build, a_signal: Build, a_link: Build, a_market: Build, a_source: Build,
    now: datetime, rules: list[Rule], sight: dict[str, Any], guard: Guards,
) -> None:  # fmt: skip
    build = builders(a_move, a_signal, a_link, a_market, a_source)
    desk = Desk(rules, guard)
    views = seen(build, now, sight)
    desk.look(now, **views)
    again = desk.look(now, **views)
    assert (again.drafts, again.suppressed) == ((), ())


@quick
@given(rules=rule_lists(), sight=sights, guard=guards, data=st.data())
def test_the_order_of_what_was_seen_does_not_matter(
    a_move: Build, a_signal: Build, a_link: Build, a_market: Build, a_source: Build,
    now: datetime, rules: list[Rule], sight: dict[str, Any], guard: Guards, data: st.DataObject,
) -> None:  # fmt: skip
    build = builders(a_move, a_signal, a_link, a_market, a_source)
    views = seen(build, now, sight)
    mixed = {kind: data.draw(st.permutations(rows)) for kind, rows in views.items()}
    assert Desk(rules, guard).look(now, **views) == Desk(rules, guard).look(now, **mixed)


@quick
@given(rules=rule_lists(), steps=st.lists(sights, max_size=4), guard=guards)
def test_no_channel_is_told_one_thing_twice_unless_it_grew_or_lasts(
    a_move: Build, a_signal: Build, a_link: Build, a_market: Build, a_source: Build,
    now: datetime, rules: list[Rule], steps: list[dict[str, Any]], guard: Guards,
) -> None:  # fmt: skip
    build = builders(a_move, a_signal, a_link, a_market, a_source)
    desk = Desk(rules, guard)
    told: dict[tuple[str, str], list[AlertDraft]] = defaultdict(list)
    keys: list[tuple[str, int]] = []
    for step, sight in enumerate(steps):
        at = now + step * 10 * MINUTE
        decision = desk.look(at, **seen(build, now, sight))
        keys += [(d.dedup_key, d.escalation) for d in (*decision.drafts, *decision.suppressed)]
        for draft in decision.drafts:
            parts = parts_of(as_past(draft))
            before = [told[channel, part] for channel, part in product(draft.channels, parts)]
            for channel in draft.channels:
                known = [told[channel, part] for part in parts]
                assert not all(any(_says_no_less(old, draft) for old in one) for one in known)
            for one in before:
                one.append(draft)
    assert len(keys) == len(set(keys))


@quick
@given(rules=rule_lists(), sight=sights, guard=guards)
def test_whatever_a_rule_matched_is_told_or_says_why_not(
    a_move: Build, a_signal: Build, a_link: Build, a_market: Build, a_source: Build,
    now: datetime, rules: list[Rule], sight: dict[str, Any], guard: Guards,
) -> None:  # fmt: skip
    build = builders(a_move, a_signal, a_link, a_market, a_source)
    views = seen(build, now, sight)
    decision = Desk(rules, guard).look(now, **views)
    for rule in rules:
        is_matched = any(matches(rule, view) for rows in views.values() for view in rows)
        drafts = [*decision.drafts, *decision.suppressed]
        answers = [row for row in (*drafts, *decision.skips) if row.rule == rule.name]
        assert bool(answers) == is_matched
    assert all(draft.suppressed for draft in decision.suppressed)
    assert all(skip.reason for skip in decision.skips)
    for draft in decision.drafts:
        assert draft.channels
        assert set(draft.channels) <= {name for rule in rules for name in rule.channels}


def _says_no_less(old: AlertDraft, new: AlertDraft) -> bool:
    """Whether one who got `old` learns nothing from `new`: not graver, larger, later or lasting."""
    is_graver = SEVERITIES.index(new.severity) > SEVERITIES.index(old.severity)
    is_larger = bool(old.size and new.size and new.size >= 2 * old.size - 1e-9)
    is_later = new.stage not in ("", old.stage)
    is_repeat = any("(repeat_interval)" in why for why in new.reason)
    is_lasting = is_repeat and new.at - old.at >= 15 * MINUTE
    return not (is_graver or is_larger or is_later or is_lasting)


def test_the_check_of_the_property_above_knows_growth(a_move: Build, now: datetime) -> None:
    (draft,) = Desk([a_rule("move")]).look(now, moves=[a_move()]).drafts
    assert _says_no_less(draft, draft)
    assert not _says_no_less(draft, replace(draft, size=0.18))
    assert not _says_no_less(draft, replace(draft, severity="critical"))
    assert not _says_no_less(draft, replace(draft, stage="candidates"))
