"""What `alerts:` takes, and what it refuses, each at its line and column with a way out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.config import Config, parse_config
from monitor.errors import ConfigError

THEMES = (
    "themes:\n"
    "  - {name: glasses, entities: [qwen], markets: [{venue: polymarket, search: glasses}]}\n"
    "  - {name: quiet, entities: [qwen], kinds: [launch]}\n"
)
ALERTS = (
    "alerts:\n"
    "  channels: [{name: console, kind: console}]\n"
    "  time_intervals: [{name: nights, times: [{start_time: '00:00', end_time: '07:00'}]}]\n"
)
RULES = (
    "  rules:\n"
    "    - {name: jump, on: move, channels: [console]}\n"
    "    - {name: unexplained, on: move, channels: [console], verdict: no_public_cause_found}\n"
    "    - {name: boards, on: standing, channels: [console]}\n"
    "    - {name: sick, on: source, channels: [console], severity: critical}\n"
)


def parsed(text: str, environ: Mapping[str, str] | None = None) -> Config:
    return parse_config(text, name="c.yaml", folder=Path("/srv/monitor"), environ=environ)


def refusals(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    return str(caught.value).splitlines()


def refusal(text: str) -> str:
    """Return the one message on `text`, whose place is where the key or the item is written."""
    found = refusals(text)
    assert len(found) == 1, found
    place, path = found[0].split(": ")[:2]
    line, column = map(int, place.split(":")[1:])
    key = path.split(".")[-1]
    assert key.isdecimal() or text.splitlines()[line - 1][column - 1 :].startswith(key)
    return found[0]


def a_rule(rule: str) -> str:
    return f"{THEMES}{ALERTS}  rules:\n    - {rule}, name: r, channels: [console]}}\n"


def an_inhibit(inhibit: str) -> str:
    return f"{ALERTS}{RULES}  inhibit:\n    - {inhibit}\n"


def test_all_that_alerts_may_say_is_taken() -> None:
    alerts = parsed(
        THEMES + "alerts:\n"
        "  storm: {messages: 5, per: 1m}\n"
        "  time_intervals:\n"
        "    - name: nights\n"
        "      times:\n"
        "        - {start_time: '22:00', end_time: '24:00'}\n"
        "        - {start_time: 00:00, end_time: 07:00}\n"
        "      weekdays: ['monday:friday']\n"
        "      days_of_month: [1, '-7:-1']\n"
        "      months: [january, 3, 'may:july']\n"
        "      location: Asia/Shanghai\n"
        "  inhibit:\n"
        "    - source_matchers: [rule=jump]\n"
        "      target_matchers: [rule=unexplained]\n"
        "      equal: [series]\n"
        "      within: 2h\n"
        "  channels: [{name: console, kind: console, quiet: [nights], wake_for: warning}]\n"
        "  rules:\n"
        "    - {name: jump, on: move, channels: [console], min_pp: 5, min_z: 4, markets: ['516'],\n"
        "       max_spread_pp: 10, min_volume_24h: 1000, venues: [polymarket], for: 10m,\n"
        "       mute: [nights], matchers: ['theme=~gl.*'], group_by: [theme], group_wait: 30s,\n"
        "       group_interval: 10m}\n"
        "    - {name: unexplained, on: move, channels: [console], for: 2h,\n"
        "       verdict: no_public_cause_found}\n"
        "    - {name: story, on: signal, channels: [console], themes: [glasses], digest: 1h,\n"
        "       kinds: [launch], entities: [qwen], venues: [polymarket], series: [best],\n"
        "       min_novelty: 0.5, min_publishers: 2}\n"
        "    - {name: answer, on: link, channels: [console], relation: own, max_p: 0.05,\n"
        "       verdicts: [moved_up], direction: up}\n"
        "    - {name: ending, on: market, channels: [console], states: [closing, listed],\n"
        "       within: 2d, repeat_interval: 6h}\n"
        "    - {name: sick, on: source, channels: [console], for: 15m, repeat_interval: 4h}\n"
        "    - {name: brief, on: schedule, at: '08:00', tz: Asia/Shanghai, channels: [console],\n"
        "       weekdays: ['monday:friday']}\n"
    ).alerts
    assert (alerts.storm.messages, alerts.storm.per) == (5, timedelta(minutes=1))
    assert [interval.name for interval in alerts.time_intervals] == ["nights"]
    assert str(alerts.inhibit[0].source_matchers[0]) == 'rule="jump"'
    assert alerts.rules[0].hold_for == timedelta(minutes=10)
    assert alerts.rules[0].group_by == ("theme",)
    assert alerts.rules[4].repeat_interval == timedelta(hours=6)


def test_the_storm_guard_is_on_unless_it_is_turned_off() -> None:
    storm = parsed("").alerts.storm
    assert (storm.messages, storm.per) == (20, timedelta(minutes=10))
    assert parsed("alerts: {storm: {messages: 0}}\n").alerts.storm.messages == 0


@pytest.mark.parametrize(("rule", "message"), [
    # told once
    ("{on: signal, repeat_interval: 4h", "8:20: alerts.rules.0.repeat_interval: a signal rule "
     "tells each thing once, so nothing repeats; take it out (only source rules, and market rules "
     "on closing or dispute, tell again what lasts)"),
    ("{on: move, repeat_interval: 4h", "8:18: alerts.rules.0.repeat_interval: a move rule tells"),
    ("{on: link, repeat_interval: 4h", "8:18: alerts.rules.0.repeat_interval: a link rule tells"),
    ("{on: standing, repeat_interval: 4h", "8:22: alerts.rules.0.repeat_interval: a standing rule"),
    ("{on: schedule, at: '08:00', repeat_interval: 4h", "8:35: alerts.rules.0.repeat_interval: a "
     "schedule rule tells each thing once"),
    ("{on: market, states: [listed, resolved], repeat_interval: 4h", "8:48: "
     "alerts.rules.0.repeat_interval: none of these states lasts; take it out, or add one of "
     "closing, dispute to states"),
    ("{on: source, states: [recovered], repeat_interval: 4h", "8:41: "
     "alerts.rules.0.repeat_interval: none of these states lasts; take it out, or add one of down, "
     "stale, drift, disabled to states"),
    # sooner than it could be sent
    ("{on: source, group_by: [source], repeat_interval: 2m", "8:40: alerts.rules.0.repeat_interval:"
     " 2m is shorter than group_interval, 5m, so a repeat could not be sent when it is due; write "
     "at least 5m"),
    ("{on: source, group_wait: 5s, group_interval: 1h, repeat_interval: 30m", "8:56: "
     "alerts.rules.0.repeat_interval: 30m is shorter than group_interval, 1h, so a repeat could "
     "not be sent when it is due; write at least 1h"),
    ("{on: source, digest: 1h, repeat_interval: 30m", "8:32: alerts.rules.0.repeat_interval: 30m "
     "is shorter than digest, 1h, so a repeat could not be sent when it is due; write at least 1h"),
    # nothing that lasts
    ("{on: signal, for: 5m", "8:20: alerts.rules.0.for: what a signal rule tells of happens at "
     "once and does not last; take it out (only moves and the states of sources last)"),
    ("{on: link, for: 5m", "8:18: alerts.rules.0.for: what a link rule tells of happens at once"),
    ("{on: standing, for: 5m", "8:22: alerts.rules.0.for: what a standing rule tells of happens"),
    ("{on: market, for: 5m", "8:20: alerts.rules.0.for: what a market rule tells of happens"),
    ("{on: schedule, at: '08:00', for: 5m", "8:35: alerts.rules.0.for: what a schedule rule tells"),
    ("{on: move, verdict: no_public_cause_found, for: 30m", "8:50: alerts.rules.0.for: this verdict"
     " is written 30m after the move ended at the earliest, so 30m asks nothing; take it out or "
     "make it longer"),
    # gathered twice or not at all
    ("{on: move, digest: 1h, group_by: [theme]", "8:30: alerts.rules.0.group_by: the digest gathers"
     " all alerts of the rule already; take out one of them"),
    ("{on: move, digest: 1h, group_wait: 5s", "8:30: alerts.rules.0.group_wait: the digest gathers "
     "all alerts of the rule already; take out one of them"),
    ("{on: move, digest: 1h, group_interval: 9m", "8:30: alerts.rules.0.group_interval: the digest "
     "gathers all alerts of the rule already; take out one of them"),
    ("{on: move, group_interval: 9m", "8:18: alerts.rules.0.group_interval: nothing is grouped "
     "without group_by or a group_wait; add one, or take this out"),
    ("{on: move, group_wait: 0s, group_interval: 9m", "8:34: alerts.rules.0.group_interval: nothing"
     " is grouped without group_by or a group_wait; add one, or take this out"),
    # a schedule is one message
    ("{on: schedule, at: '08:00', digest: 1h", "8:35: alerts.rules.0.digest: a schedule rule makes "
     "one message at its time; take it out"),
    ("{on: schedule, at: '08:00', group_by: [rule]", "8:35: alerts.rules.0.group_by: a schedule "
     "rule makes one message at its time; take it out"),
    ("{on: schedule, at: '08:00', group_wait: 5s", "8:35: alerts.rules.0.group_wait: a schedule "
     "rule makes one message at its time; take it out"),
    ("{on: schedule, at: '08:00', group_interval: 5m", "8:35: alerts.rules.0.group_interval: a "
     "schedule rule makes one message at its time; take it out"),
    ("{on: schedule, at: '08:00', matchers: [rule=r]", "8:35: alerts.rules.0.matchers: a schedule "
     "rule makes one message at its time; take it out"),
    # fields against each other
    ("{on: market, states: [listed], within: 2h", "8:38: alerts.rules.0.within: asks only markets "
     "that are closing; add closing to states, or take it out"),
    ("{on: link, verdicts: [moved_down], direction: up", "8:42: alerts.rules.0.direction: no link "
     "that moved down went that way"),
    ("{on: link, verdicts: [moved_up], direction: down", "8:40: alerts.rules.0.direction: no link "
     "that moved up went that way"),
    ("{on: move, min_pp: 100.5", "8:18: alerts.rules.0.min_pp: must be at most 100, not 100.5"),
    ("{on: move, max_spread_pp: 0", "8:18: alerts.rules.0.max_spread_pp: a book always has a "
     "spread, so the rule never fires; write more"),
    ("{on: move, group_wait: 10m, group_interval: 1m", "8:35: alerts.rules.0.group_interval: 1m is "
     "shorter than group_wait, 10m, so it asks nothing; write at least 10m, or take it out"),
    # keys of other kinds
    ("{on: signal, min_pp: 5", "8:20: alerts.rules.0.min_pp: unknown key; `on: link`, `on: move` "
     "take it, `on: signal` does not"),
    ("{on: signal, min_z: 5", "8:20: alerts.rules.0.min_z: unknown key; `on: link`, `on: move` "
     "take it, `on: signal` does not"),
    ("{on: move, min_publishers: 5", "8:18: alerts.rules.0.min_publishers: unknown key; "
     "`on: signal` takes it, `on: move` does not"),
    ("{on: signal, min_scor: 1", "8:20: alerts.rules.0.min_scor: unknown key (did you mean "
     "min_score?)"),
    # names
    ("{on: move, mute: [night]", "8:25: alerts.rules.0.mute.0: unknown time interval 'night' (did "
     "you mean nights?)"),
    ("{on: move, venues: [polymarkt]", "8:27: alerts.rules.0.venues.0: unknown venue 'polymarkt' "
     "(did you mean polymarket?)"),
    ("{on: source, sources: [feed]", "8:30: alerts.rules.0.sources.0: unknown source 'feed'"),
    ("{on: link, entities: [qwn]", "8:29: alerts.rules.0.entities.0: unknown entity 'qwn' (did you "
     "mean qwen?)"),
    ("{on: market, themes: [glases]", "8:29: alerts.rules.0.themes.0: unknown theme 'glases' (did "
     "you mean glasses?)"),
    ("{on: move, fro: 5m", "8:18: alerts.rules.0.fro: unknown key (did you mean for?)"),
    ("{on: move, hold_for: 5m", "8:18: alerts.rules.0.hold_for: unknown key"),
    ("{on: move, for: soon", "8:18: alerts.rules.0.for: 'soon' is not a duration; write a number "
     "with s, m, h or d, as in 5m"),
    ("{on: move, for: 0s", "8:18: alerts.rules.0.for: must be longer than 0s"),
    ("{on: move, group_by: [serie]", "8:29: alerts.rules.0.group_by.0: must be 'rule', 'on', "
     "'severity', 'theme', 'kind', 'entity', 'source', 'venue', 'series', 'market', 'board', "
     "'state', 'verdict' or 'direction', not 'serie' (did you mean series?)"),
    ("{on: move, group_by: [board]", "8:29: alerts.rules.0.group_by.0: alerts of move rules have no"
     " label board; one of rule, on, severity, theme, venue, series, market, verdict, direction"),
    # matchers
    ("{on: move, matchers: [vanue=x]", "8:29: alerts.rules.0.matchers.0: unknown label 'vanue' (did"
     " you mean venue?); one of rule, on, severity, theme, kind, entity, source, venue, series, "
     "market, board, state, verdict, direction"),
    ("{on: move, matchers: [venue]", "8:29: alerts.rules.0.matchers.0: 'venue' is no matcher; write"
     " label, operator (= != =~ !~) and value, as in venue=polymarket"),
    ("{on: move, matchers: ['venue=~(']", "8:29: alerts.rules.0.matchers.0: '(' is no regular "
     "expression: missing ), unterminated subpattern at position 0"),
    ("{on: move, matchers: ['venue=~(a+)+']", "8:29: alerts.rules.0.matchers.0: '(a+)+' repeats a "
     "group that repeats inside; write it without one of them"),
    ("{on: move, matchers: [5]", "8:29: alerts.rules.0.matchers.0: must be a text, as in "
     "venue=polymarket"),
    ("{on: signal, matchers: [board=text]", "8:31: alerts.rules.0.matchers.0: alerts of signal "
     "rules have no label board; one of rule, on, severity, theme, kind, entity, source, venue, "
     "series, market"),
    ("{on: move, matchers: [severity=critical]", "8:29: alerts.rules.0.matchers.0: no alert of this"
     " rule has that, so it never fires"),
    # themes that no market follows, kinds that they do not take
    ("{on: link, themes: [quiet]", "8:18: alerts.rules.0.themes: none of these themes follows a "
     "market, so the rule can never fire"),
    ("{on: market, themes: [quiet]", "8:20: alerts.rules.0.themes: none of these themes follows a "
     "market, so the rule can never fire"),
    ("{on: signal, themes: [quiet], min_volume_24h: 9", "8:20: alerts.rules.0.themes: none of "
     "these themes follows a market, so the rule can never fire"),
    ("{on: signal, themes: [quiet], kinds: [rumor]", "8:20: alerts.rules.0.themes: none of these "
     "themes takes one of the rule's kinds, so it can never fire"),
])  # fmt: skip
def test_a_rule_that_cannot_work_is_refused_at_its_key(rule: str, message: str) -> None:
    assert refusal(a_rule(rule)).startswith(f"c.yaml:{message}")


@pytest.mark.parametrize("rule", [
    "{on: source, repeat_interval: 1m",
    "{on: market, repeat_interval: 4h",
    "{on: source, states: [down, recovered], repeat_interval: 4h",
    "{on: source, group_by: [source], repeat_interval: 5m",
    "{on: move, verdict: no_public_cause_found, for: 31m",
    "{on: move, verdict: candidates, for: 5m",
    "{on: move, group_wait: 5s, group_interval: 9m",
    "{on: move, group_wait: 10m",
    "{on: move, group_wait: 5m, group_interval: 5m",
    "{on: move, max_spread_pp: 0.1",
    "{on: market, within: 2h",
    "{on: link, verdicts: [moved_up, moved_down], direction: up",
    "{on: link, direction: up",
    "{on: signal, themes: [quiet], min_score: 0.7",
    "{on: signal, themes: [quiet, glasses], min_volume_24h: 9",
    "{on: move, matchers: ['rule!=other', 'severity=~info|warning']",
])  # fmt: skip
def test_what_can_work_is_taken(rule: str) -> None:
    assert parsed(a_rule(rule)).alerts.rules[0].name == "r"


@pytest.mark.parametrize(("inhibit", "message"), [
    ("{source_matchers: [rule=jmp], target_matchers: [rule=unexplained]}", "10:26: alerts.inhibit.0"
     ".source_matchers.0: unknown rule 'jmp' (did you mean jump?)"),
    ("{source_matchers: [rule=jump], target_matchers: [rule=boardz]}", "10:56: alerts.inhibit.0"
     ".target_matchers.0: unknown rule 'boardz' (did you mean boards?)"),
    ("{source_matchers: ['rule=~x.*'], target_matchers: [rule=jump]}", "10:8: alerts.inhibit.0"
     ".source_matchers: no rule makes an alert that meets all of these"),
    ("{source_matchers: [rule=jump, severity=critical], target_matchers: [rule=boards]}", "10:8: "
     "alerts.inhibit.0.source_matchers: no rule makes an alert that meets all of these"),
    ("{source_matchers: [rule=jump, board=text], target_matchers: [rule=boards]}", "10:8: "
     "alerts.inhibit.0.source_matchers: no rule makes an alert that meets all of these"),
    ("{source_matchers: [rule=jump], target_matchers: [rule=jump]}", "10:38: alerts.inhibit.0"
     ".target_matchers: asks for the same alerts as source_matchers, and an alert does not inhibit "
     "its own like; name another rule, or use the rule's cooldown"),
    ("{source_matchers: [on=standing, board=text], target_matchers: [board=text, rule=boards]}",
     "10:52: alerts.inhibit.0.target_matchers: asks for the same alerts as source_matchers"),
    ("{source_matchers: [rule=jump], target_matchers: [rule=boards], equal: [venue]}", "10:78: "
     "alerts.inhibit.0.equal.0: no alerts of the two sides can have the same venue, so it never "
     "inhibits"),
    ("{source_matchers: [rule=jump], target_matchers: [rule=boards], equal: [theme, rule]}",
     "10:85: alerts.inhibit.0.equal.1: no alerts of the two sides can have the same rule, so it "
     "never inhibits"),
    ("{source_matchers: [rule=jump], target_matchers: [rule=boards], equal: [sries]}", "10:78: "
     "alerts.inhibit.0.equal.0: must be 'rule', 'on', 'severity', 'theme', 'kind', 'entity', "
     "'source', 'venue', 'series', 'market', 'board', 'state', 'verdict' or 'direction', not "
     "'sries' (did you mean series?)"),
    ("{source_matchers: [], target_matchers: [rule=jump]}", "10:8: alerts.inhibit.0"
     ".source_matchers: must not be empty"),
    ("{target_matchers: [rule=jump]}", "10:7: alerts.inhibit.0: the key 'source_matchers' is "
     "missing"),
    ("{source_matchers: ['rule~jump'], target_matchers: [rule=boards]}", "10:26: alerts.inhibit.0"
     ".source_matchers.0: 'rule~jump' is no matcher; write label, operator (= != =~ !~) and value, "
     "as in venue=polymarket"),
    ("{source_matchers: [rule=jump], target_matchers: [rule=boards], within: 0s}", "10:70: "
     "alerts.inhibit.0.within: must be longer than 0s"),
    ("{source_matchers: [rule=jump], target_matchers: [rule=boards], equals: [theme]}", "10:70: "
     "alerts.inhibit.0.equals: unknown key (did you mean equal?)"),
])  # fmt: skip
def test_an_inhibition_that_cannot_work_is_refused_at_its_key(inhibit: str, message: str) -> None:
    assert refusal(an_inhibit(inhibit)).startswith(f"c.yaml:{message}")


@pytest.mark.parametrize("inhibit", [
    "{source_matchers: [severity=critical], target_matchers: [severity=info]}",
    "{source_matchers: [on=source], target_matchers: ['on!=source']}",
    "{source_matchers: [rule=jump, venue=kalshi], target_matchers: [rule=jump, venue=polymarket]}",
    "{source_matchers: [on=move], target_matchers: [rule=unexplained], equal: [series, theme]}",
    "{source_matchers: [rule=sick, 'board='], target_matchers: [rule=boards]}",
])  # fmt: skip
def test_an_inhibition_that_can_work_is_taken(inhibit: str) -> None:
    assert len(parsed(an_inhibit(inhibit)).alerts.inhibit) == 1


def test_a_rule_of_an_unknown_kind_hides_no_inhibition_behind_a_second_message() -> None:
    text = (
        "alerts:\n"
        "  inhibit: [{source_matchers: [rule=a], target_matchers: [on=move]}]\n"
        "  rules: [{name: a, on: mov, channels: []}]\n"
    )
    assert [line.split(": ")[1] for line in refusals(text)] == [
        "alerts.rules.0.on",
    ]


@pytest.mark.parametrize(("interval", "message"), [
    ("{name: a}", "2:20: alerts.time_intervals.0: holds at every instant, so nothing would ever be "
     "told; name times, weekdays, days_of_month or months"),
    ("{name: a, days_of_month: ['1:31']}", "2:20: alerts.time_intervals.0: holds at every instant"),
    ("{name: a, months: [february], days_of_month: ['30:31']}", "2:50: alerts.time_intervals.0"
     ".days_of_month: no month of this interval has such a day"),
    ("{name: a, weekdays: [monady]}", "2:41: alerts.time_intervals.0.weekdays.0: 'monady' is no "
     "weekday, as in saturday or monday:friday (did you mean monday?)"),
    ("{name: a, weekday: [monday]}", "2:30: alerts.time_intervals.0.weekday: unknown key (did you "
     "mean weekdays?)"),
    ("{name: a, times: [{start_time: '22:00', end_time: '07:00'}]}", "2:60: alerts.time_intervals.0"
     ".times.0.end_time: 07:00 is not after start_time 22:00; over midnight write two times, one "
     "up to 24:00 and one from 00:00"),
    ("{name: a, times: [{start_time: 9am, end_time: '10:00'}]}", "2:39: alerts.time_intervals.0"
     ".times.0.start_time: '9am' is no time of day, as in 22:00 or 24:00"),
    ("{name: a, location: Mars, months: [may]}", "2:30: alerts.time_intervals.0.location: 'Mars' is"
     " no zone name, as in UTC or Asia/Shanghai"),
    ("{name: a, months: [may]}, {name: a, months: [june]}", "2:47: alerts.time_intervals.1.name: "
     "the name 'a' is used twice"),
])  # fmt: skip
def test_a_wrong_time_interval_is_refused_at_its_key(interval: str, message: str) -> None:
    found = refusal(f"alerts:\n  time_intervals: [{interval}]\n")
    assert found.startswith(f"c.yaml:{message}")


DAY_AND_NIGHT = (
    "  time_intervals:\n"
    "    - {name: nights, times: [{start_time: '00:00', end_time: '07:00'}]}\n"
    "    - {name: days, times: [{start_time: '07:00', end_time: '24:00'}]}\n"
    "    - {name: weekends, weekdays: ['saturday:sunday']}\n"
)


def test_intervals_that_leave_no_time_between_them_are_refused_together() -> None:
    text = (
        "alerts:\n  channels: [{name: c, kind: console, quiet: [nights, days]}]\n"
        "  rules: [{name: r, on: move, channels: [c], mute: [weekends, days, nights]}]\n"
    )
    why = "together these hold at every instant, so nothing would ever be told"
    assert refusals(text + DAY_AND_NIGHT) == [
        f"c.yaml:2:39: alerts.channels.0.quiet: {why}",
        f"c.yaml:3:46: alerts.rules.0.mute: {why}",
    ]
    assert parsed(text.replace("days", "weekends") + DAY_AND_NIGHT)


@pytest.mark.parametrize(("alerts", "message"), [
    ("{storm: {messages: -1}}", "1:18: alerts.storm.messages: must be at least 0, not -1"),
    ("{storm: {per: 0s}}", "1:18: alerts.storm.per: must be longer than 0s"),
    ("{storm: {mesages: 3}}", "1:18: alerts.storm.mesages: unknown key (did you mean messages?)"),
    ("{storms: {}}", "1:10: alerts.storms: unknown key (did you mean storm?)"),
    ("{channels: [{name: c, kind: console, quiet: [nigts]}], time_intervals: [{name: nights, "
     "months: [may]}]}", "1:54: alerts.channels.0.quiet.0: unknown time interval 'nigts' (did you "
     "mean nights?)"),
    ("{channels: [{name: c, kind: console, wake_for: warning}]}", "1:46: alerts.channels.0.wake_for"
     ": nothing is held back without quiet hours; name intervals in quiet, or take this out"),
    ("{channels: [{name: c, kind: console, secret_env: X}]}", "1:46: alerts.channels.0.secret_env: "
     "unknown key; `kind: webhook` takes it, `kind: console` does not"),
    ("{channels: [{name: c, kind: console}], rules: [{name: r, on: move, channels: [c, c]}]}",
     "1:90: alerts.rules.0.channels.1: the channel 'c' stands here twice; it is told once, take "
     "one of them out"),
    ("{channels: [{name: c, kind: console, wake_for: critcal}]}", "1:46: alerts.channels.0.wake_for"
     ": must be 'info', 'warning' or 'critical', not 'critcal' (did you mean critical?)"),
    ("{dead_man: {url_env: 'https://h.example'}}", "1:21: alerts.dead_man.url_env: must be the name"
     " of an environment variable, not the secret itself"),
    ("{rules: [{name: r, on: move, channels: [c]}]}", "1:49: alerts.rules.0.channels.0: unknown "
     "channel 'c'"),
])  # fmt: skip
def test_other_parts_of_alerts_are_refused_at_their_key(alerts: str, message: str) -> None:
    assert refusal(f"alerts: {alerts}\n") == f"c.yaml:{message}"


@pytest.mark.parametrize("value", ["5", "text", "[[1]]", "{a: 1}", "[{a: [1]}]", "null", "[null]"])
@pytest.mark.parametrize("key", [
    "storm", "time_intervals", "inhibit", "dead_man", "channels", "rules",
])  # fmt: skip
def test_a_value_of_any_other_shape_is_refused_in_words(key: str, value: str) -> None:
    if (key, value) == ("dead_man", "null"):
        return
    assert all(line.startswith("c.yaml:") for line in refusals(f"alerts: {{{key}: {value}}}\n"))


@pytest.mark.parametrize("key", [
    "on", "name", "states", "matchers", "group_by", "themes", "for", "digest", "repeat_interval",
    "verdict", "direction", "kinds", "severity",
])  # fmt: skip
@pytest.mark.parametrize("value", ["[[x]]", "{x: [1]}", "5.5", "null"])
def test_a_rule_with_a_value_of_any_other_shape_is_refused_in_words(key: str, value: str) -> None:
    keys = {"on": "market", "name": "r", "channels": "[console]", key: value}
    rule = ", ".join(f"{name}: {given}" for name, given in keys.items())
    may_be_null = {"for", "digest", "repeat_interval"}
    text = f"{THEMES}{ALERTS}  rules: [{{{rule}}}]\n"
    if value == "null" and key in may_be_null:
        text = text.replace("on: market", "on: nothing")
    assert all(line.startswith("c.yaml:") for line in refusals(text))
