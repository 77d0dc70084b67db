from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from monitor.config import Config, load_config, parse_config, shipped_text
from monitor.errors import ConfigError

ROOT = Path(__file__).parents[2]
FOLDER = Path("/srv/monitor")
LINE = re.compile(r"config\.yaml:[1-9][0-9]*:[1-9][0-9]*: [a-z0-9_.<]+: .+")
CHANNELS = "alerts:\n  channels: [{name: console, kind: console}]\n"


def parsed(text: str, environ: Mapping[str, str] | None = None) -> Config:
    return parse_config(text, name="config.yaml", folder=FOLDER, environ=environ)


def refusals(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parsed(text, environ)
    return str(caught.value).splitlines()


def refusal(text: str, environ: Mapping[str, str] | None = None) -> str:
    lines = refusals(text, environ)
    assert len(lines) == 1, lines
    return lines[0]


def a_theme(**given: str) -> str:
    keys = {"name": "glasses", "entities": "[qwen]", **given}
    return "themes:\n  - {" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}\n"


def a_rule(rule: str) -> str:
    return f"{CHANNELS}  rules:\n    - {{name: r, channels: [console], {rule}}}\n"


def test_the_shipped_file_is_valid_with_no_variable_set() -> None:
    config = parsed(shipped_text(), {})
    assert [theme.name for theme in config.themes] == ["chinese-model-leaderboard", "ai-wearables"]
    assert [channel.name for channel in config.alerts.channels] == ["console"]
    assert config.web.listen == "127.0.0.1:8321"


def test_the_file_in_the_repository_is_the_one_that_init_writes() -> None:
    assert (ROOT / "config.yaml").read_text(encoding="utf-8") == shipped_text()


def test_an_empty_file_has_a_default_for_everything() -> None:
    config = parsed("")
    assert config.http.deadline.total_seconds() == 20
    assert config.themes == ()


def test_structural_and_reference_errors_come_in_one_run_sorted_by_line() -> None:
    lines = refusals(
        "http: {deadline: 20x}\n"
        "themes:\n"
        "  - {name: glasses, entities: [qwenn], min_scor: 0.5}\n"
        "sources:\n"
        "  - {name: a, kind: rsss, url: 'https://news.example/feed'}\n"
        "alerts:\n"
        "  channels: [{name: console, kind: console}]\n"
        "  rules:\n"
        "    - {name: r, on: signal, channels: [consol], themes: [glases], entities: [qwn]}\n"
    )
    assert lines == [
        "config.yaml:1:8: http.deadline: '20x' is not a duration; write a number with s, m, h or "
        "d, as in 5m",
        "config.yaml:3:32: themes.0.entities.0: unknown entity 'qwenn' (did you mean qwen?)",
        "config.yaml:3:40: themes.0.min_scor: unknown key (did you mean min_score?)",
        "config.yaml:5:15: sources.0.kind: unknown kind 'rsss' (did you mean rss?); one of "
        "polymarket, kalshi, manifold, rss, google_news, reddit, arxiv, github_releases, gdelt, "
        "hackernews, huggingface, arena, csv",
        "config.yaml:9:40: alerts.rules.0.channels.0: unknown channel 'consol' (did you mean "
        "console?)",
        "config.yaml:9:58: alerts.rules.0.themes.0: unknown theme 'glases' (did you mean glasses?)",
        "config.yaml:9:78: alerts.rules.0.entities.0: unknown entity 'qwn' (did you mean qwen?)",
    ]
    assert all(LINE.fullmatch(line) for line in lines)


@pytest.mark.parametrize(("text", "message"), [
    ("storag: {}\n", "config.yaml:1:1: storag: unknown key (did you mean storage?)"),
    ("web: {lisen: x}\n", "config.yaml:1:7: web.lisen: unknown key (did you mean listen?)"),
    ("web: {qqqqq: x}\n", "config.yaml:1:7: web.qqqqq: unknown key"),
    ("http: {deadline: 20}\n", "config.yaml:1:8: http.deadline: 20 is not a duration"),
    ("http: {deadline: 0s}\n", "config.yaml:1:8: http.deadline: must be longer than 0s"),
    ("http: {deadline: -5s}\n", "config.yaml:1:8: http.deadline: '-5s' is not a duration"),
    ("http: {max_bytes: 16MB}\n", "config.yaml:1:8: http.max_bytes: '16MB' is not a size"),
    ("http: {contact: 5}\n", "config.yaml:1:8: http.contact: must be a text; write it in quotes"),
    ("http: {allow_private_hosts: [nas]}\n", "config.yaml:1:30: http.allow_private_hosts.0: "),
    ("storage: 5\n", "config.yaml:1:1: storage: must hold `key: value` pairs, not 5"),
    ("storage:\n", "config.yaml:1:1: storage: must hold `key: value` pairs, not nothing"),
    ("themes: {}\n", "config.yaml:1:1: themes: must be a list, as in [a, b]; write [] for none"),
    ("sources: [text]\n", "config.yaml:1:11: sources.0: must hold `key: value` pairs"),
    ("storage: {url: 'postgresql://db/x'}\n", "config.yaml:1:11: storage.url: must name a file"),
    ("storage: {url: 'sqlite:///:memory:'}\n", "config.yaml:1:11: storage.url: must name a file"),
    ("storage: {retention: {quotes: 30d}}\n", "config.yaml:1:23: storage.retention.quotes: must be "
     "'keep', not '30d'"),
    ("display: {tz: Mars/Olympus}\n", "config.yaml:1:11: display.tz: 'Mars/Olympus' is no zone"),
    (a_theme(name="A B"), "config.yaml:2:6: themes.0.name: must match ^[a-z0-9]"),
    (a_theme(entities="[]"), "config.yaml:2:21: themes.0.entities: must not be empty"),
    (a_theme(kinds="[lanch]"), "config.yaml:2:47: themes.0.kinds.0: must be 'launch', "),
    (a_theme(min_score="1.5"), "config.yaml:2:39: themes.0.min_score: must be at most 1, not 1.5"),
    (a_theme(min_score="-0.1"), "config.yaml:2:39: themes.0.min_score: must be at least 0"),
    (a_theme(min_score=".nan"), "config.yaml:2:39: themes.0.min_score: must be at most 1"),
    (a_theme(min_score="high"), "config.yaml:2:39: themes.0.min_score: must be a number"),
    (a_theme(related_markets="[{theme: nope}]"), "config.yaml:2:58: themes.0.related_markets.0"
     ".theme: unknown theme 'nope'"),
    (a_theme(related_markets="[{theme: glasses}]"), "config.yaml:2:58: themes.0.related_markets.0"
     ".theme: a theme's own markets cannot be its related ones too"),
    (a_theme(related_markets="[{thme: x, theme: nope}]"), None),
])  # fmt: skip
def test_a_wrong_value_is_refused_at_its_place(text: str, message: str | None) -> None:
    if message is None:
        assert len(refusals(text)) == 2
    else:
        assert refusal(text).startswith(message)


@pytest.mark.parametrize(("source", "message"), [
    ("kind: rss", "config.yaml:2:5: sources.0: the key 'url' is missing"),
    ("url: 'https://a.example'", "config.yaml:2:5: sources.0: the key 'kind' is missing"),
    ("kind: rss, url: 'file:///etc/passwd'", "config.yaml:2:26: sources.0.url: write a web addr"),
    ("kind: rss, url: 'https://me:pw@a.example'", "config.yaml:2:26: sources.0.url: an address "
     "may hold no user name or password"),
    ("kind: rss, url: 'https://a.example', every: 0s", "config.yaml:2:52: sources.0.every: "),
    ("kind: rss, url: 'https://a.example', every: soon", "config.yaml:2:52: sources.0.every: "
     "'soon' is not a duration; write a number with s, m, h or d, as in 5m; or write 'auto'"),
    ("kind: rss, url: 'https://a.example', zone: Nowhere", "config.yaml:2:52: sources.0.zone: "),
    ("kind: arena, enabled: perhaps", "config.yaml:2:28: sources.0.enabled: must be true or false"),
])  # fmt: skip
def test_a_wrong_source_is_refused_at_its_place(source: str, message: str) -> None:
    assert refusal(f"sources:\n  - {{name: a, {source}}}\n").startswith(message)


@pytest.mark.parametrize(("rule", "message"), [
    ("on: signl", "on: unknown kind 'signl' (did you mean signal?); one of signal, move, "),
    ("on: move, min_pp: 101", "min_pp: must be at most 100, not 101"),
    ("on: move, min_pp: -1", "min_pp: must be at least 0, not -1"),
    ("on: move, direction: upp", "direction: must be 'up' or 'down', not 'upp' (did you mean up?)"),
    ("on: move, verdict: unexplained", "verdict: must be 'pending', "),
    ("on: move, cooldown: often", "cooldown: 'often' is not a duration"),
    ("on: signal, min_score: 2", "min_score: must be at most 1, not 2"),
    ("on: signal, min_tier: 0", "min_tier: must be at least 1, not 0"),
    ("on: signal, kinds: [lanch]", "kinds.0: must be 'launch', "),
    ("on: standing, changes: [new_model, new_leader]", "changes.1: unknown change 'new_leader'"),
    ("on: schedule", "the key 'at' is missing"),
    ("on: schedule, at: '25:00'", "at: '25:00' is no time of day, as in 08:00"),
    ("on: schedule, at: '08:00', tz: Mars", "tz: 'Mars' is no zone name"),
])  # fmt: skip
def test_a_wrong_rule_is_refused_at_its_place(rule: str, message: str) -> None:
    found = refusal(a_rule(rule))
    assert LINE.fullmatch(found)
    assert message in found
    assert found.startswith("config.yaml:4:")


def test_a_rule_without_a_channel_or_with_an_unknown_kind_of_one_is_refused() -> None:
    assert "channels: must not be empty" in refusal(
        "alerts: {rules: [{name: r, on: move, channels: []}]}\n"
    )
    assert "unknown kind 'webhok' (did you mean webhook?)" in refusal(
        "alerts: {channels: [{name: a, kind: webhok}]}\n"
    )


def test_names_that_are_used_twice_are_refused_where_they_stand_again() -> None:
    lines = refusals(
        "entities:\n"
        "  - {id: zetacorp, kind: company, aliases: [Zetacorp]}\n"
        "  - {id: zetacorp, kind: company, aliases: [Zeta]}\n"
        "  - {id: qwen, kind: company, aliases: [Q]}\n"
        "themes:\n"
        "  - {name: a, entities: [zetacorp]}\n"
        "  - {name: a, entities: [zetacorp]}\n"
        "sources:\n"
        "  - {name: s, kind: arena}\n"
        "  - {name: s, kind: arena}\n"
        "alerts:\n"
        "  channels: [{name: c, kind: console}, {name: c, kind: console}]\n"
        "  rules:\n"
        "    - {name: r, on: move, channels: [c]}\n"
        "    - {name: r, on: move, channels: [c]}\n"
    )
    assert [line.split(":", 3)[1] for line in lines] == ["3", "4", "7", "10", "12", "15"]
    assert sum("is used twice" in line for line in lines) == 5
    assert "the shipped catalog has an entity 'qwen' already" in lines[1]


def test_an_entitys_owner_word_sets_and_names_are_checked() -> None:
    lines = refusals(
        "entities:\n"
        "  - {id: z, kind: company, owner: alibba, aliases: ['', {text: Z, needs: ['@quux', x]}]}\n"
    )
    assert lines == [
        "config.yaml:2:28: entities.0.owner: unknown entity 'alibba' (did you mean alibaba?)",
        "config.yaml:2:53: entities.0.aliases.0: must not be empty",
        "config.yaml:2:75: entities.0.aliases.1.needs.0: unknown word set '@quux'",
    ]


@pytest.mark.parametrize(("ref", "message"), [
    ("{venue: polymarket}", "name exactly one of event, event_pattern, search, id"),
    ("{venue: polymarket, event: a, search: b}", "name exactly one of event, event_pattern"),
    ("{venue: polymarket, search: x, title_match: '(?i'}", "title_match: is no regular expression"),
    ("{venue: polymarket, search: x, title_match: '(a+)+$'}", "title_match: repeats a group"),
    ("{venue: polymarket, event: x, title_match: 'y'}", "title_match narrows search or event_pat"),
    ("{venue: polymarkt, event: x}", "venue: must be 'polymarket', 'kalshi' or 'manifold', not "
     "'polymarkt' (did you mean polymarket?)"),
    ("{venue: polymarket, id: 516960}", "id: must be a text; write it in quotes, not 516960"),
    ("{venue: polymarket, event: ''}", "event: must not be empty"),
])  # fmt: skip
def test_a_market_reference_that_cannot_work_is_refused_with_its_line(
    ref: str, message: str
) -> None:
    for key in ("markets", "related_markets"):
        found = refusal(f"themes:\n  - name: a\n    entities: [qwen]\n    {key}:\n      - {ref}\n")
        assert found.startswith("config.yaml:5:")
        assert message in found


@pytest.mark.parametrize(
    "expression", ["(?i)ai model", "(ai|llm)+", "(?:a b)*", r"\(x+\)+", "(a+)"]
)
def test_an_ordinary_expression_is_taken(expression: str) -> None:
    ref = f"[{{venue: polymarket, search: x, title_match: '{expression}'}}]"
    assert parsed(a_theme(markets=ref)).themes[0].markets[0].title_match == expression


def test_a_rule_on_moves_of_themes_without_a_market_is_refused() -> None:
    found = refusal(a_theme() + a_rule("on: move, themes: [glasses]"))
    assert found.endswith("none of these themes follows a market, so the rule can never fire")


def test_a_rule_for_kinds_that_its_themes_do_not_take_is_refused() -> None:
    rule = a_rule("on: signal, themes: [glasses], kinds: [funding]")
    found = refusal(a_theme(kinds="[launch]") + rule)
    assert found.endswith(
        "none of these themes takes one of the rule's kinds, so it can never fire"
    )
    assert parsed(a_theme(kinds="[launch, funding]") + rule)
    assert parsed(a_theme() + rule)


@pytest.mark.parametrize("listen", [
    "0.0.0.0:8321", "192.168.1.5:80", "example.org:80", "[::]:80",
])  # fmt: skip
def test_only_this_machine_may_be_listened_on(listen: str) -> None:
    found = refusal(f"web: {{listen: '{listen}'}}\n")
    assert found.startswith("config.yaml:1:7: web.listen: ")
    assert "is not this machine" in found


@pytest.mark.parametrize("listen", [
    "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:65536", "127.0.0.1:80.5",
    "127.0.0.1:²", ":80", "127.0.0.1:x",
])  # fmt: skip
def test_a_port_is_a_number_up_to_65535(listen: str) -> None:
    assert "is not host:port, as in 127.0.0.1:8321" in refusal(f"web: {{listen: '{listen}'}}\n")


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:80", "localhost:65535"])
def test_loopback_may_be_listened_on(listen: str) -> None:
    assert parsed(f"web: {{listen: '{listen}'}}\n").web.listen == listen


CANARY = "tgram://123456:AAF-x9Yz8Kq7Lw6Vt5/42"
TOKEN = "xoxb9Yz8Kq7Lw6Vt5Mn4"


@pytest.mark.parametrize(
    "secret", [CANARY, TOKEN, "SUPERSECRETTOKEN", f"https://u:{TOKEN}@h.example"]
)
def test_a_secret_in_a_wrong_place_is_never_repeated(secret: str) -> None:
    places = [
        "http: {contact: [S], deadline: S, max_bytes: S, allow_private_hosts: [S]}\n",
        "web: {listen: S}\n", "display: {tz: S}\n", "storage: {url: S}\n", "S: 1\n", "S:\n",
        "storage: {url: [S]}\n", "retention: S\n", "storage: {retention: {quotes: S}}\n",
        "themes: [{name: S, entities: [S], kinds: [S], min_score: S}]\n",
        "themes: [{name: a, entities: [qwen], markets: [{venue: S}]}]\n",
        "themes: [{name: a, entities: [qwen], related_markets: [{theme: S}]}]\n",
        "entities: [{id: S, kind: S, owner: S, country: S, aliases: S}]\n",
        "sources: [{name: S, kind: rss, url: S, lang: S, tier: S, zone: S, every: S}]\n",
        "sources: [{name: a, kind: S}]\n",
        "alerts: {channels: [{name: a, kind: S}]}\n",
        "alerts: {channels: [{name: a, kind: apprise, url: S}]}\n",
        "alerts: {channels: [{name: a, kind: apprise, url_env: S, S}]}\n",
        "alerts: {channels: [{name: a, kind: webhook, url: S, secret: S, deadline: S}]}\n",
        "alerts: {rules: [{name: S, on: S, channels: [S]}]}\n",
        "alerts: {rules: [{name: r, on: signal, channels: [S], themes: [S], kinds: [S]}]}\n",
        "alerts: {rules: [{name: r, on: schedule, channels: [S], at: S, tz: S}]}\n",
        "alerts: {rules: [{name: r, on: move, channels: [c], mute: [S], group_by: [S]}]}\n",
        "alerts: {rules: [{name: r, on: move, channels: [c], matchers: [S, rule=S, rule=~(S]}]}\n",
        "alerts: {rules: [{name: r, on: market, channels: [c], venues: [S], for: S, digest: S}]}\n",
        "alerts: {inhibit: [{source_matchers: [rule=S], target_matchers: [S], equal: [S]}]}\n",
        "alerts: {time_intervals: [{name: S, weekdays: [S], months: [S], days_of_month: [S]}]}\n",
        "alerts: {time_intervals: [{name: a, times: [{start_time: S}], location: S}]}\n",
        "alerts: {storm: {messages: S, per: S}, dead_man: {url_env: S, every: S}}\n",
    ]  # fmt: skip
    for text in places:
        said = "\n".join(refusals(re.sub(r"\bS\b", f"'{secret}'", text)))
        assert not [part for part in (secret, TOKEN, "AAF-x9Yz8Kq7Lw6Vt5") if part in said], text


def test_a_value_under_a_secrets_name_is_masked_however_harmless_it_looks() -> None:
    text = "alerts:\n  channels:\n    - {name: a, kind: hunter2, password: hunter2}\n"
    assert "hunter2" not in refusal(text)


def test_a_secret_where_the_name_of_a_variable_belongs_is_refused_before_it_can_be_shown() -> None:
    found = refusal("alerts: {channels: [{name: a, kind: apprise, url_env: 'json://h.example'}]}\n")
    assert "url_env: must be the name of an environment variable, not the secret itself" in found
    assert "h.example" not in found


def test_the_environment_overrides_the_file() -> None:
    config = parsed(
        "storage: {url: 'sqlite:///a.db'}\nweb:\n",
        {
            "SIGNAL_MONITOR_STORAGE__URL": "sqlite:////var/lib/b.db",
            "SIGNAL_MONITOR_HTTP__MAX_BYTES": "4096",
            "SIGNAL_MONITOR_HTTP__ALLOW_PRIVATE_HOSTS": '["nas:80"]',
            "SIGNAL_MONITOR_WEB__LISTEN": "127.0.0.1:1",
            "SIGNAL_MONITOR_STORAGE__RETENTION__QUOTES": "keep",
            "SIGNAL_MONITOR_CONFIG": "not a section",
            "OTHER__URL": "x",
        },
    )
    assert config.storage.url == "sqlite:////var/lib/b.db"
    assert config.http.max_bytes == 4096
    assert config.http.allow_private_hosts == ("nas:80",)
    assert config.web.listen == "127.0.0.1:1"


@pytest.mark.parametrize("text", ["", "http: {contact: a}\n", "http: {deadline: 5s}\n"])
def test_a_bad_variable_is_named_whatever_the_file_says(text: str) -> None:
    found = refusal(text, {"SIGNAL_MONITOR_HTTP__DEADLINE": "soon"})
    assert found.startswith("SIGNAL_MONITOR_HTTP__DEADLINE: 'soon' is not a duration")


def test_a_variable_for_an_unknown_key_is_named() -> None:
    assert refusal("", {"SIGNAL_MONITOR_STORAG__URL": "x"}) == (
        "SIGNAL_MONITOR_STORAG__URL: unknown key (did you mean storage?)"
    )
    assert refusal("web: {}\n", {"SIGNAL_MONITOR_WEB__LISEN": "x"}) == (
        "SIGNAL_MONITOR_WEB__LISEN: unknown key (did you mean listen?)"
    )
    assert refusal("themes: []\n", {"SIGNAL_MONITOR_THEMES__0__NAME": "x"}) == (
        "SIGNAL_MONITOR_THEMES__0__NAME: only keys of sections can be set from outside"
    )


@pytest.mark.parametrize(("url", "absolute"), [
    ("sqlite:///data/x.db", "sqlite:////srv/monitor/data/x.db"),
    ("sqlite:///x.db", "sqlite:////srv/monitor/x.db"),
    ("sqlite:////var/x.db", "sqlite:////var/x.db"),
])  # fmt: skip
def test_a_relative_database_lies_beside_the_config(url: str, absolute: str) -> None:
    assert parsed(f"storage: {{url: '{url}'}}\n").storage.url == absolute


def test_the_configs_folder_counts_and_not_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "config.yaml").write_text("storage: {url: 'sqlite:///x.db'}\n")
    monkeypatch.chdir(tmp_path)
    config = load_config(Path("etc/config.yaml"), {})
    assert config.storage.url == f"sqlite:///{tmp_path.resolve() / 'etc' / 'x.db'}"


def test_many_problems_are_counted_and_not_all_listed() -> None:
    lines = refusals("themes:\n" + "  - {nam: a}\n" * 200)
    assert len(lines) == 101
    assert lines[-1] == "config.yaml: and 500 more problems"


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; `signal-monitor init` writes a commented"):
        load_config(tmp_path / "config.yaml", {})


@pytest.mark.parametrize(("data", "message"), [
    (b"web: {}\n# caf\xe9\n", r"config.yaml:2:6: not UTF-8; save the file in that encoding"),
    (b"\xff\xfe" * 600_000, r"config.yaml: larger than 1 MiB"),
])  # fmt: skip
def test_a_file_that_is_no_utf8_says_where(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=message):
        load_config(path, {})


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbfweb: {listen: 'localhost:1'}\n")
    assert load_config(path, {}).web.listen == "localhost:1"


@pytest.mark.parametrize("name", [".", "/dev/zero", "x\0y", "config.yaml/below"])
def test_what_is_no_file_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.yaml").write_text("")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / name, {})
    assert "\n" not in str(caught.value)
