"""init, config, service, version, poll and sources check; and what can be wrong below them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from monitor import __version__
from monitor.config import load_config, shipped_text
from monitor.fake_upstream import FakeUpstream, Fault
from monitor.fake_upstream.builders import binary_event, item, price, scenario
from monitor.fake_upstream.scenario import Feed
from storage import engine, open_store
from storage.lock import instance_lock
from tests.monitor.cli.conftest import Cli

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
EVENT = binary_event("zeta-race", "Will Zetacorp lead?", created_at=T0, ends=T0 + timedelta(days=9))
CONFIG = """\
storage: {{url: "sqlite:///sm.db"}}
http: {{contact: "tests@example.org", deadline: 5s, allow_private_hosts: ["{host}"]}}
entities:
  - {{id: zetacorp, kind: company, country: US, aliases: [Zetacorp]}}
themes:
  - name: glasses
    entities: [zetacorp]
    markets: [{{venue: polymarket, event: zeta-race}}]
sources:
  - {{name: pm, kind: polymarket, gamma_url: "{url}/gamma", clob_url: "{url}/clob", data_url: "{url}/data"}}
  - {{name: wire, kind: rss, url: "{url}/feed/wire?token=s3cr3t-9Yz8Kq7Lw6"}}
alerts:
  channels: [{{name: console, kind: console}}]
"""  # noqa: E501


@pytest.fixture(scope="module")
def _running() -> Iterator[FakeUpstream]:
    feed = Feed("wire", "The wire", items=(item("n1", "Zetacorp launches its new glasses", T0),))
    prices = [(EVENT.legs[0], price(T0, "0.40", "0.42", last="0.41"))]
    built = scenario(T0, T0 + timedelta(days=9), events=[EVENT], prices=prices, feeds=[feed])
    with FakeUpstream(built, lambda: T0 + timedelta(hours=1)) as upstream:
        yield upstream


@pytest.fixture
def upstream(folder: Path, _running: FakeUpstream) -> FakeUpstream:
    """Return a running upstream that the folder's config points to."""
    _running.faults.clear()
    host = _running.url.removeprefix("http://")
    (folder / "config.yaml").write_text(CONFIG.format(url=_running.url, host=host))
    return _running


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_init_writes_the_shipped_config_and_leaves_an_existing_one_alone(
    folder: Path, cli: Cli
) -> None:
    ran = cli("init", "--dir", "new/place")
    assert ran.code == 0
    written = folder / "new" / "place" / "config.yaml"
    assert written.read_text() == shipped_text()
    written.write_text("mine\n")
    again = cli("init", "--dir", "new/place")
    assert (again.code, again.out) == (2, "")
    assert "exists; move it away first, nothing was changed" in again.err
    assert written.read_text() == "mine\n"


def test_init_below_a_file_says_why_it_cannot(folder: Path, cli: Cli) -> None:
    ran = cli("init", "--dir", "config.yaml/below")
    assert (ran.code, ran.out) == (2, "")
    assert "cannot be written" in ran.err


def test_version_is_one_line(cli: Cli) -> None:
    assert cli("version").out == f"signal-monitor {__version__}\n"


def test_config_check_counts_what_it_found(cli: Cli) -> None:
    ran = cli("config", "check")
    assert (ran.code, ran.out) == (0, "config.yaml: ok, 2 themes, 2 sources, 1 rules\n")


CHANNELS = """\
alerts:
  channels:
    - {name: console, kind: console}
    - {name: desk, kind: webhook, url_env: DESK_URL, secret_file: key.txt, template: desk.j2}
    - {name: mail, kind: apprise, url_env: MAIL_URL}
    - {name: log, kind: console, template: log.j2}
  dead_man: {url_env: PULSE_URL}
"""


def test_config_check_refuses_what_run_refuses_of_channels(
    folder: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "config.yaml").write_text(CHANNELS)
    (folder / "desk.j2").write_text("{{ title }}\n{% if %}\n")
    (folder / "log.j2").write_text("{{ title|shout }}\n")
    monkeypatch.setenv("PULSE_URL", "s3cr3t-canary")
    ran = cli("config", "check")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        "config.yaml:4:35: alerts.channels.1.url_env: desk: the environment variable DESK_URL is "
        "not set; set it, or take this out",
        "config.yaml:4:54: alerts.channels.1.secret_file: desk: cannot read key.txt: No such file "
        "or directory",
        "config.yaml:4:76: alerts.channels.1.template: desk: template desk.j2:2: Expected an "
        "expression, got 'end of statement block'",
        "config.yaml:5:35: alerts.channels.2.url_env: mail: the environment variable MAIL_URL is "
        "not set; set it, or take this out",
        "config.yaml:6:34: alerts.channels.3.template: log: template log.j2:1: No filter named "
        "'shout'.",
        "config.yaml:7:14: alerts.dead_man.url_env: what PULSE_URL holds is not an http or https "
        "address with a host and without user name or password",
    ]
    assert cli("run").code == 2


def test_config_check_says_what_channels_take_from_outside_and_quotes_none(
    folder: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "config.yaml").write_text(CHANNELS)
    (folder / "desk.j2").write_text("{{ title }}\n")
    (folder / "log.j2").write_text("{{ title|upper }}\n")
    (folder / "key.txt").write_text("s3cr3t-canary\n")
    for name in ("DESK_URL", "MAIL_URL", "PULSE_URL"):
        monkeypatch.setenv(name, "https://hooks.example/s3cr3t-canary")
    ran = cli("config", "check")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "config.yaml: ok, 0 themes, 0 sources, 0 rules",
        "alerts.channels desk: url_env DESK_URL is set, secret_file key.txt is there, template "
        "desk.j2 is there",
        "alerts.channels mail: url_env MAIL_URL is set",
        "alerts.channels log: template log.j2 is there",
        "alerts.dead_man: url_env PULSE_URL is set",
    ]
    assert "s3cr3t" not in ran.out


def test_the_shipped_config_is_ok_with_no_variable_set(folder: Path, cli: Cli) -> None:
    (folder / "config.yaml").write_text(shipped_text())
    ran = cli("config", "check")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("\n") == 1


def test_config_problems_come_all_at_once_on_stderr(folder: Path, cli: Cli) -> None:
    (folder / "config.yaml").write_text("web: {lisen: x}\nhttp: {deadline: soon}\n")
    for command in (("config", "check"), ("status",), ("poll",), ("run",), ("tag", "x")):
        ran = cli(*command)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == (
            "config.yaml:1:7: web.lisen: unknown key (did you mean listen?)\n"
            "config.yaml:2:8: http.deadline: 'soon' is not a duration; write a number with s, m, h "
            "or d, as in 5m\n"
        )
    assert names(folder) == ["config.yaml"]


def test_global_options_stand_before_or_after_the_verb(folder: Path, cli: Cli) -> None:
    (folder / "config.yaml").rename(folder / "other.yaml")
    for arguments in (
        ("-c", "other.yaml", "config", "check"),
        ("config", "check", "-c", "other.yaml"),
        ("config", "-q", "check", "--config=other.yaml", "--no-color"),
    ):
        assert cli(*arguments).out.startswith("other.yaml: ok")
    assert cli("config", "check").code == 2


def test_the_xdg_folder_is_looked_in_when_there_is_no_config_here(folder: Path, cli: Cli) -> None:
    (folder / "xdg" / "signal-monitor").mkdir(parents=True)
    (folder / "config.yaml").rename(folder / "xdg" / "signal-monitor" / "config.yaml")
    assert cli("config", "check").out.startswith(f"{folder}/xdg/signal-monitor/config.yaml: ok")


def test_config_show_is_a_config_itself_and_shows_no_secret(
    folder: Path, cli: Cli, upstream: FakeUpstream
) -> None:
    del upstream
    shown = cli("config", "show")
    assert "s3cr3t" not in shown.out
    assert "token=***" in shown.out
    plain: Any = YAML(typ="safe", pure=True).load(shown.out)
    assert plain == cli("config", "show", "--json").json
    assert plain["http"]["deadline"] == "5s"
    (folder / "shown.yaml").write_text(shown.out)
    again = load_config(folder / "shown.yaml", {})
    assert again.themes == load_config(folder / "config.yaml", {}).themes


def test_the_shipped_config_as_shown_is_a_config(folder: Path, cli: Cli) -> None:
    (folder / "config.yaml").write_text(shipped_text())
    (folder / "shown.yaml").write_text(cli("config", "show").out)

    again = load_config(folder / "shown.yaml", {})

    assert again.alerts == load_config(folder / "config.yaml", {}).alerts


def test_the_unit_names_absolute_paths(folder: Path, cli: Cli) -> None:
    system, user = cli("service", "print").out, cli("service", "print", "--user").out
    for unit in (system, user):
        assert f"--config {folder}/config.yaml run\n" in unit
        assert "ExecStart=/" in unit
    assert f"ReadWritePaths={folder}\n" in system
    assert "WantedBy=default.target" in user


def test_a_unit_can_be_printed_before_the_config_is_written(folder: Path, cli: Cli) -> None:
    (folder / "config.yaml").unlink()
    ran = cli("service", "print")
    assert ran.code == 0
    assert f"--config {folder}/config.yaml run\n" in ran.out
    assert "`signal-monitor init` writes it" in ran.err


def test_one_round_stores_what_the_sources_have(cli: Cli, upstream: FakeUpstream) -> None:
    del upstream
    ran = cli("poll")
    assert (ran.code, ran.err) == (0, "")
    assert "1 items" in ran.out
    assert "1 markets" in ran.out
    (signal,) = cli("signals", "list", "--since", "2026-03-01", "--json").json
    assert (signal["theme"], signal["kind"]) == ("glasses", "launch")
    (market,) = cli("markets", "list", "--json").json
    assert market["price"] == 0.41


def test_only_the_named_sources_are_polled(cli: Cli, upstream: FakeUpstream) -> None:
    del upstream
    found = cli("poll", "wire", "--json").json
    assert [source["source"] for source in found["sources"]] == ["wire"]
    assert found["sources"][0]["rows"]["items"] == 1


def test_a_source_that_fails_makes_it_3_and_the_others_count(
    cli: Cli, upstream: FakeUpstream
) -> None:
    upstream.faults.set("feed", Fault("status", status=404))
    ran = cli("poll", "--json")
    assert ran.code == 3
    errors = {source["source"]: source["error"] for source in ran.json["sources"]}
    assert errors["pm"] is None
    assert "404" in errors["wire"]
    assert "s3cr3t" not in ran.out + ran.err + cli("poll").out
    assert len(cli("markets", "list", "--json").json) == 1


def test_checking_a_source_shows_what_it_would_store_and_stores_nothing(
    folder: Path, cli: Cli, upstream: FakeUpstream
) -> None:
    feed = cli("sources", "check", "wire")
    assert feed.code == 0
    assert "would store: 1 items" in feed.out
    assert "Zetacorp launches its new glasses" in feed.out
    assert "s3cr3t" not in feed.out
    assert "1 markets" in cli("sources", "check", "pm").out
    assert cli("sources", "check", "wire", "--json").json["rows"] == {"items": 1}
    upstream.faults.set("feed", Fault("status", status=404))
    failed = cli("sources", "check", "wire")
    assert failed.code == 1
    assert "404" in failed.out
    assert names(folder) == ["config.yaml"]


def test_a_test_alert_goes_to_its_channel(cli: Cli) -> None:
    ran = cli("alerts", "test", "console")
    assert ran.code == 0
    assert "[TEST]" in ran.out
    assert "console: taken, kind console, in " in ran.out


def test_a_channel_without_its_secret_is_a_config_error(folder: Path, cli: Cli) -> None:
    text = "alerts: {channels: [{name: phone, kind: apprise, url_env: NO_SUCH_VARIABLE}]}\n"
    (folder / "config.yaml").write_text(text)
    ran = cli("alerts", "test", "phone")
    assert (ran.code, ran.out) == (2, "")
    assert "alerts.channels phone: the environment variable NO_SUCH_VARIABLE is not set" in ran.err


def test_migrating_makes_the_database_and_says_where(folder: Path, cli: Cli) -> None:
    ran = cli("db", "migrate")
    assert (ran.code, ran.out) == (0, f"{folder}/signal-monitor.db: up to date\n")


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the instance lock, as a running daemon does."""
    with instance_lock(path, now=T0):
        yield


def test_another_instance_is_named_and_reading_goes_on(filled: Path, cli: Cli) -> None:
    with held(filled / "signal-monitor.db"):
        for command in (("poll",), ("run",), ("db", "migrate")):
            ran = cli(*command)
            assert (ran.code, ran.out) == (75, "")
            assert "another instance (pid " in ran.err
        assert cli("signals", "list").code == 0
        assert cli("status", "--json").json["daemon"]["running"] is True


def test_an_import_waits_for_the_running_instance_and_says_so(
    filled: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = held(filled / "signal-monitor.db")
    lock.__enter__()
    monkeypatch.setattr("monitor.cli.context._pause", lambda: lock.__exit__(None, None, None))
    ran = cli("import", "items", "-", stdin=b"source,guid,title\nwire,9,Rain\n")
    assert ran.code == 0
    assert ran.err.startswith("waiting for the running instance (pid ")


def test_a_database_that_another_program_locks_is_said_to_be(
    filled: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 20)
    other = sqlite3.connect(filled / "signal-monitor.db")
    other.execute("BEGIN EXCLUSIVE")
    try:
        ran = cli("import", "items", "-", stdin=b"source,guid,title\nwire,9,Rain\n")
        assert (ran.code, ran.out) == (1, "")
        assert "the database is locked by another program; try again when it is done" in ran.err
    finally:
        other.close()
    assert "Rain" not in cli("export", "items").out


@pytest.mark.parametrize(("command", "code"), [
    (("poll",), 1), (("run",), 1), (("status",), 1), (("signals", "list"), 1),
    (("export", "quotes"), 1), (("db", "migrate"), 1),
])  # fmt: skip
def test_a_file_that_is_no_database_is_said_to_be_none_and_stays(
    folder: Path, cli: Cli, command: tuple[str, ...], code: int
) -> None:
    (folder / "signal-monitor.db").write_text("these are words, " * 100)
    ran = cli(*command)
    assert (ran.code, ran.out) == (code, "")
    assert "is not a sound SQLite database" in ran.err
    assert (folder / "signal-monitor.db").read_text() == "these are words, " * 100


def test_a_folder_that_cannot_be_made_is_named(
    folder: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNAL_MONITOR_STORAGE__URL", "sqlite:///config.yaml/below/sm.db")
    for command in (("poll",), ("run",), ("db", "migrate")):
        ran = cli(*command)
        assert (ran.code, ran.out) == (1, "")
        assert f"{folder}/config.yaml/below" in ran.err
        assert "Not a directory" in ran.err


def test_the_placeholder_contact_is_warned_of_once(
    folder: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "config.yaml").write_text("storage: {url: 'sqlite:///sm.db'}\n")
    ran = cli("poll")
    assert ran.code == 0
    assert ran.err.count("http.contact is still the placeholder") == 1


def test_an_interrupted_command_leaves_with_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("monitor.config.load_config", interrupt)
    ran = cli("config", "check")
    assert (ran.code, ran.err) == (130, "signal-monitor: interrupted\n")


@pytest.mark.parametrize("arguments", [
    ("bogus",), ("poll", "--bogus"), ("signals", "show"), ("signals", "bogus"), ("export",),
    ("status", "--config"), ("config", "check", "extra"), ("run", "--no-web=1"),
])  # fmt: skip
def test_a_usage_error_is_one_line_that_names_the_help(
    cli: Cli, arguments: tuple[str, ...]
) -> None:
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("signal-monitor: ")
    assert "see `signal-monitor " in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), ("signals",), ("config",)])
def test_no_command_shows_the_help_and_is_a_usage_error(
    cli: Cli, arguments: tuple[str, ...]
) -> None:
    ran = cli(*arguments)
    assert ran.code == 2
    assert "Usage: signal-monitor" in ran.out


def test_a_fresh_store_opens_without_the_daemon(folder: Path, cli: Cli) -> None:
    open_store(f"sqlite:///{folder}/signal-monitor.db").close()
    assert cli("signals", "list", "--json").json == []
    assert cli("leaderboard").code == 1
