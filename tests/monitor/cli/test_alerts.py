"""alerts list, explain, ack, resend and test: what was told, why, and what a person says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from storage import Store, alert_repo, delivery_repo, open_store, signal_repo, silence_repo
from storage.alert_repo import AlertDraft
from storage.delivery_repo import Planned
from storage.instants import to_ms
from storage.models import Delivery, Outcome
from tests.builders import NOON, a_link, a_market, a_move, a_quote, a_signal, at, keep
from tests.monitor.cli.conftest import Cli

HOUR = timedelta(hours=1)
EVER = ("--since", "2026-01-01")
CONFIG = """\
storage: {url: "sqlite:///signal-monitor.db"}
http: {contact: "tests@example.org", deadline: 5s}
themes:
  - {name: glasses, entities: [qwen], markets: [{venue: polymarket, id: "516960"}]}
  - {name: models, entities: [qwen], markets: [{venue: polymarket, id: "516960"}]}
sources:
  - {name: wire, kind: rss, url: "http://127.0.0.1:9/feed"}
alerts:
  time_intervals: [{name: nights, times: [{start_time: "22:00", end_time: "24:00"}]}]
  channels:
    - {name: console, kind: console}
    - {name: desk, kind: webhook, url: "http://127.0.0.1:9/hook"}
    - {name: reader, kind: feed}
  rules:
    - {name: news, on: signal, channels: [console, desk], group_wait: 30s}
    - {name: jump, on: move, channels: [desk]}
    - {name: sick, on: source, channels: [desk], repeat_interval: 4h}
"""
Tell = Callable[..., int]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the file of a store without rows."""
    path = tmp_path_factory.mktemp("empty") / "signal-monitor.db"
    open_store(f"sqlite:///{path}").close()
    return path.read_bytes()


@pytest.fixture
def store(folder: Path, empty: bytes) -> Any:
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "signal-monitor.db").write_bytes(empty)
    opened = open_store(f"sqlite:///{folder}/signal-monitor.db")
    yield opened
    opened.close()


@pytest.fixture
def tell(store: Store) -> Tell:
    """Return a function that stores an alert and returns its id."""

    def stored(key: str = "k1", planned: Sequence[Planned] | None = None, **given: Any) -> int:
        with store.begin() as session:
            alert_id = alert_repo.add_alert(session, a_draft(key, **given), planned)
        assert alert_id is not None
        return alert_id

    return stored


def a_draft(key: str = "k1", **given: Any) -> AlertDraft:
    values: dict[str, Any] = {
        "dedup_key": key, "escalation": 0, "rule": "news", "kind": "signal", "severity": "info",
        "at": NOON, "title": "Zetacorp · launch", "group_key": "story:1",
        "reason": ("theme glasses",), "payload": {"headline": "Zetacorp zeigt [Brille]"},
        "channels": ("desk",), "theme": "glasses", "about": "story:1",
        "labels": {"rule": ("news",), "theme": ("glasses", "models"), "kind": ("launch",)},
        **given,
    }  # fmt: skip
    return AlertDraft(**values)


def deliver(store: Store, *, now: datetime, error: str | None = None, **given: Any) -> None:
    """Make one attempt of what is due at the desk: taken, failed for good, or to be retried."""
    with store.begin() as session:
        (due,) = delivery_repo.claim_due(
            session, now=now, limit=1, lease=timedelta(minutes=1), channel="desk"
        )
        later = now + timedelta(seconds=2)
        if error is None:
            delivery_repo.mark_sent(session, due, at=later)
        elif "next_attempt_at" in given:
            delivery_repo.mark_retry(session, due, at=later, error=error, **given)
        else:
            delivery_repo.mark_dead(session, due, at=later, error=error, **given)


def states(store: Store) -> dict[tuple[int, str], str]:
    with store.read() as session:
        found = session.exec(select(Delivery)).all()
    return {(each.alert_id, each.channel): each.state for each in found}


def soon(minutes: float = 90) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def test_the_list_has_the_told_and_the_untold_with_the_reason(cli: Cli, tell: Tell) -> None:
    tell("k1")
    tell("k2", at=at(1), suppressed="silenced by silence 3: maintenance")
    tell("k3", at=at(2), suppressed="told by rule news", rule="jump")

    lines = cli("alerts", "list", *EVER).out.splitlines()

    assert lines[0].split() == ["id", "at", "rule", "told", "title", "result"]
    assert "desk queued" in lines[1]
    assert "suppressed" in lines[2]
    assert "silenced by silence 3: maintenance" in lines[2]
    assert "told by rule news" in lines[3]


def test_the_list_as_json_has_a_row_for_each_channel_with_the_exported_names(
    cli: Cli, tell: Tell
) -> None:
    tell("k1", channels=("console", "desk"))
    tell("k2", suppressed="cooldown")

    rows = cli("alerts", "list", "--json", *EVER).json

    assert [(row["alert_id"], row["channel"], row["state"]) for row in rows] == [
        (1, "console", "queued"), (1, "desk", "queued"), (2, None, "suppressed"),
    ]  # fmt: skip
    assert [row["not_told"] for row in rows] == [None, None, "cooldown"]
    assert {"at", "rule", "severity", "title", "reason", "attempts", "grade"} <= set(rows[0])


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        (("--rule", "jump"), [2]),
        (("--theme", "models"), [1]),
        (("--theme", "glasses"), [1, 2]),
        (("--state", "suppressed"), [2]),
        (("--state", "queued"), [1]),
        (("--state", "sent"), []),
    ],
)
def test_the_list_is_narrowed_by_rule_theme_and_state(
    cli: Cli, tell: Tell, asked: tuple[str, str], ids: list[int]
) -> None:
    tell("k1")
    tell("k2", rule="jump", labels={"theme": ("glasses",)}, suppressed="cooldown")

    assert [row["alert_id"] for row in cli("alerts", "list", "--json", *EVER, *asked).json] == ids


@pytest.mark.usefixtures("store")
def test_an_empty_list_says_where_to_look_instead(cli: Cli) -> None:
    ran = cli("alerts", "list")

    assert ran.code == 0
    assert ran.out.startswith("no alert since ")
    assert "--since 90d" in ran.out
    assert "signal-monitor status" in ran.out
    assert cli("alerts", "list", "--json").json == []


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("list --state dad", "--state 'dad' is none (did you mean dead?); choose one of queued, "),
        ("list --rule nwes", "unknown rule 'nwes' (did you mean news?); the config has news, jump"),
        ("list --theme glases", "unknown theme 'glases' (did you mean glasses?)"),
        ("resend 1 --channel dsk", "unknown channel 'dsk' (did you mean desk?)"),
        ("resend", "name one alert, or --dead"),
        ("resend 1 --dead", "name one alert, or --dead"),
        ("resend 1 --since 2d", "--since: goes with --dead"),
        ("explain one", "ID"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(cli: Cli, arguments: str, said: str) -> None:
    ran = cli("alerts", *arguments.split())

    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("command", ["explain", "ack", "resend"])
def test_an_id_that_no_alert_has_fails_and_says_who_names_them(cli: Cli, command: str) -> None:
    ran = cli("alerts", command, "99")

    assert (ran.code, ran.out) == (1, "")
    assert "no alert 99; `signal-monitor alerts list --since 90d` names them" in ran.err


def test_explain_tells_each_attempt_with_clock_result_and_error(
    cli: Cli, store: Store, tell: Tell
) -> None:
    tell()
    deliver(
        store, now=at(0), error="HTTP 503", maybe_sent=True, next_attempt_at=at(5)
    )  # fmt: skip
    deliver(store, now=at(5), error="HTTP 410 Gone", maybe_sent=False)

    report = cli("alerts", "explain", "1", "--json").json
    text = cli("alerts", "explain", "1").out

    (row,) = report["deliveries"]
    assert (row["channel"], row["channel_kind"], row["state"]) == ("desk", "webhook", "dead")
    assert row["maybe_sent"] is True
    assert [(one["number"], one["result"], one["error"]) for one in row["tries"]] == [
        (1, "retry", "HTTP 503"), (2, "dead", "HTTP 410 Gone"),
    ]  # fmt: skip
    assert [one["took_s"] for one in row["tries"]] == [2.0, 2.0]
    assert "try 1  2026-03-02 12:00:00Z  failed, tried again in 2.0 s: HTTP 503" in text
    assert (
        "try 2  2026-03-02 12:05:00Z  failed for good in 2.0 s, marked as a possible repeat: "
        "HTTP 410 Gone" in text
    )
    assert "given up after 2 tries: HTTP 410 Gone; an attempt may have arrived" in text
    assert "`signal-monitor alerts resend 1` sends it again" in text


@pytest.mark.parametrize(
    ("bundle", "due", "words"),
    [
        ("group:news:story:1", 0.5, "others of its group (group_wait)"),
        ("group:news:story:1", 4.0, "others of its group (group_interval)"),
        ("digest:news", 60.0, "the digest of rule news"),
        ("quiet:nights", 60.0, "the end of quiet hours nights"),
        ("storm", 10.0, "the digest of a storm: the channel got too many messages"),
        (None, 10.0, "the channel, where another message failed (backoff)"),
    ],
)
def test_explain_says_until_when_and_for_what_a_delivery_waits(
    cli: Cli, tell: Tell, bundle: str | None, due: float, words: str
) -> None:
    decided = soon(0)
    tell(at=decided, planned=[Planned("desk", decided + timedelta(minutes=due), bundle)])

    (row,) = cli("alerts", "explain", "1", "--json").json["deliveries"]

    assert row["waits_for"] == words
    assert f"waits for {words}" in cli("alerts", "explain", "1").out
    assert words in cli("alerts", "list").out


def test_explain_says_that_a_failed_attempt_backs_off(cli: Cli, store: Store, tell: Tell) -> None:
    tell()
    deliver(store, now=at(0), error="HTTP 500", maybe_sent=False, next_attempt_at=soon())

    (row,) = cli("alerts", "explain", "1", "--json").json["deliveries"]

    assert row["waits_for"] == "another try after 1 try without success (backoff)"
    assert row["last_error"] == "HTTP 500"


def test_explain_names_the_alerts_of_one_message(cli: Cli, tell: Tell) -> None:
    for number in (1, 2, 3):
        tell(f"k{number}", planned=[Planned("desk", soon(), "digest:news")])

    assert cli("alerts", "explain", "2", "--json").json["deliveries"][0]["sent_with"] == [1, 3]
    assert "in one message with 1, 3" in cli("alerts", "explain", "2").out


def test_explain_shows_rule_reasons_labels_and_what_else_was_told_of_it(
    cli: Cli, tell: Tell
) -> None:
    tell()
    tell("k2", at=at(9), rule="jump", title="zeta-race: +6.0 pp", suppressed="acknowledged")

    text = cli("alerts", "explain", "1").out

    for part in (
        "Zetacorp · launch\n", "Zetacorp zeigt [Brille]", "rule news on signal, info",
        "- theme glasses", "theme=glasses  theme=models", "kind=launch",
        "- after: 2, 2026-03-02 12:09Z, jump: zeta-race: +6.0 pp (not told: acknowledged)",
        "console: not sent; another rule had told it there",
    ):  # fmt: skip
        assert part in text, part
    assert cli("alerts", "explain", "1", "--json").json["matchers"] == [
        'rule="news"', 'theme="glasses"', 'theme="models"', 'kind="launch"',
    ]  # fmt: skip


def test_explain_says_why_it_was_not_told(cli: Cli, tell: Tell) -> None:
    tell(suppressed="muted by time interval nights", rule="former")

    text = cli("alerts", "explain", "1").out

    assert "not told: muted by time interval nights" in text
    assert "rule former (not in the config any more)" in text
    assert "Sent to:" not in text


def test_explain_shows_a_verdict_as_it_was_then_and_as_it_is_known_now(
    cli: Cli, store: Store, tell: Tell
) -> None:
    move_id = a_moved_market(store)
    near = {"signal_id": "sig-1", "title": "Zetacorp shows its glasses", "minutes_before": 3.0}
    with store.begin() as session:
        explained = {"state": "persisted", "verdict": "candidates", "explained_by": [near]}
        signal_repo.put_move(session, a_move(1, **explained), known_from=at(90))
    tell(rule="jump", kind="move", at=at(50), move_ids=(move_id,))

    (move,) = cli("alerts", "explain", "1", "--json").json["moves"]
    text = cli("alerts", "explain", "1").out

    assert move["then"]["verdict"] == "no_public_cause_found"
    assert move["now"]["verdict"] == "candidates"
    assert "Zetacorp: 40.0 % → 46.0 %, +6.0 pp" in text
    assert "verdict then: no public cause found" in text
    assert (
        "known since 2026-03-02 13:30Z: candidates: Zetacorp shows its glasses (3 min before)"
        in text
    )


@pytest.mark.parametrize(("signal", "says"), [
    ({}, "public 2026-03-02 12:00Z (second), seen 2026-03-02 12:01Z"),
    ({"origin_kind": "market", "origin_id": "1", "observed_at": NOON},
     "publication time unknown, seen 2026-03-02 12:00Z"),
    ({"precision": "unknown"}, "publication time unknown, seen 2026-03-02 12:01Z"),
])  # fmt: skip
def test_explain_has_the_clock_of_the_message(
    cli: Cli, store: Store, tell: Tell, signal: dict[str, Any], says: str
) -> None:
    with store.begin() as session:
        signal_repo.put_signal(session, a_signal(**signal), known_from=at(1))
    tell(at=at(5), signal_ids=("sig-1",))

    assert f"  {says}\n" in cli("alerts", "explain", "1").out


def test_explain_says_nothing_of_now_where_nothing_was_amended(
    cli: Cli, store: Store, tell: Tell
) -> None:
    tell(rule="jump", kind="move", at=at(50), move_ids=(a_moved_market(store),))

    assert "known since" not in cli("alerts", "explain", "1").out


def test_explain_shows_a_signal_with_the_reasons_of_its_tags_and_what_followed(
    cli: Cli, store: Store, tell: Tell
) -> None:
    a_moved_market(store)
    with store.begin() as session:
        signal_repo.put_signal(session, a_signal(novelty=1.0), known_from=at(1))
        signal_repo.put_signal(session, a_signal(novelty=1.0, publishers=3), known_from=at(30))
        link = a_link(outcome_id=1, price_before=0.41, price_after=0.47, move=0.06)
        signal_repo.put_link(session, link, known_from=at(70))
    tell(at=at(2), signal_ids=("sig-1",))

    text = cli("alerts", "explain", "1").out

    for part in (
        "signal sig-1: Zetacorp shows its glasses", "score 0.80, novelty 1.00, 1 publisher",
        "· alias zetacorp", "known now: publishers 3",
        "- Zetacorp, 1 h after: 41.0 % → 47.0 %, +6.0 pp, moved up (not known then)",
    ):  # fmt: skip
        assert part in text, part


def test_explain_survives_evidence_that_is_gone(cli: Cli, tell: Tell) -> None:
    tell(signal_ids=("gone",), move_ids=(f"77/{to_ms(NOON)}", "not a move"))

    text = cli("alerts", "explain", "1").out

    assert "signal gone: nothing is kept of it" in text
    assert "move of outcome 77 2026-03-02 12:00Z: nothing is kept" in text


def test_explain_tells_repeats_and_silences_that_match(cli: Cli, store: Store, tell: Tell) -> None:
    tell(rule="sick", kind="source", labels={"rule": ("sick",), "state": ("down",)})
    now = soon(0)
    silence(store, ['state="down"'], now - HOUR, now + HOUR, "moving house")
    silence(store, ['state="stale"'], now - HOUR, now + HOUR, "another")

    text = cli("alerts", "explain", "1").out

    assert "told again every 4h while it lasts" in text
    assert "silence 1 keeps back its like until" in text
    assert "moving house" in text
    assert "another" not in text


def test_an_ack_says_what_it_stops_and_cancels_what_waits(
    cli: Cli, store: Store, tell: Tell
) -> None:
    tell("k1")
    deliver(store, now=at(0))
    tell("k2", rule="jump", planned=[Planned("desk", soon(), "quiet:nights")])
    tell("k3", group_key="story:2")

    ran = cli("alerts", "ack", "1", "--note", "on it")

    assert ran.code == 0
    assert "acknowledged 1: Zetacorp · launch" in ran.out
    assert "with it, of the same thing: 2" in ran.out
    assert "its repeats and follow-ups" in ran.out
    assert "still told: a higher severity, or twice the size" in ran.out
    assert "not sent any more: 2 to desk" in ran.out
    assert states(store) == {(1, "desk"): "sent", (2, "desk"): "cancelled", (3, "desk"): "queued"}
    assert "acknowledged: on it" in cli("alerts", "list", *EVER).out
    assert cli("alerts", "ack", "1").out.endswith(": on it; nothing changed\n")


def test_an_ack_says_what_is_too_late_to_stop(cli: Cli, store: Store, tell: Tell) -> None:
    tell("k1", planned=[Planned("desk", NOON, "digest:news")])
    tell("k2", group_key="story:2", planned=[Planned("desk", NOON, "digest:news")])
    deliver(store, now=at(0), error="HTTP 500", maybe_sent=True, next_attempt_at=soon())

    assert "too late to stop, tried already: 1 to desk" in cli("alerts", "ack", "1").out


def test_one_unknown_id_acknowledges_nothing(cli: Cli, store: Store, tell: Tell) -> None:
    tell()

    ran = cli("alerts", "ack", "1", "99")

    assert (ran.code, ran.out) == (1, "")
    assert "nothing was changed" in ran.err
    with store.read() as session:
        assert _acked(session) == [None]


def test_a_dead_letter_is_queued_again_alone_or_with_all_others(
    cli: Cli, store: Store, tell: Tell
) -> None:
    for number in (1, 2):
        tell(f"k{number}", at=at(number))
        deliver(store, now=at(number), error="HTTP 410", maybe_sent=False)

    one = cli("alerts", "resend", "1")
    assert one.out.splitlines()[0] == "desk: 1 alert queued again: 1"
    assert "no daemon runs" in one.out
    assert states(store) == {(1, "desk"): "queued", (2, "desk"): "dead"}

    assert cli("alerts", "resend", "--dead", "--since", "1d").out == "nothing was given up\n"
    assert "desk: 1 alert queued again: 2" in cli("alerts", "resend", "--dead").out
    assert set(states(store).values()) == {"queued"}


def test_dead_letters_of_a_digest_are_queued_once_for_all(
    cli: Cli, store: Store, tell: Tell
) -> None:
    for number in (1, 2):
        tell(f"k{number}", planned=[Planned("desk", NOON, "digest:news")])
    deliver(store, now=at(0), error="HTTP 410", maybe_sent=False)

    assert "desk: 2 alerts queued again: 1, 2" in cli("alerts", "resend", "--dead").out


def test_a_dead_letter_of_a_channel_that_is_gone_is_left_alone(
    cli: Cli, store: Store, tell: Tell
) -> None:
    tell(channels=("former",))
    with store.begin() as session:
        delivery_repo.bury_unknown(session, ["desk"])

    ran = cli("alerts", "resend", "--dead")

    assert "left alone, because the config has no such channel: former" in ran.out
    assert states(store) == {(1, "former"): "dead"}
    assert "no channel of this name is configured" in cli("alerts", "list", *EVER).out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "nothing of alert 1 was given up: desk queued"),
        ({"suppressed": "cooldown"}, "alert 1 was not told (cooldown); there is nothing to send"),
    ],
)
def test_what_was_not_given_up_is_not_sent_again(
    cli: Cli, tell: Tell, given: dict[str, str], said: str
) -> None:
    tell(**given)

    ran = cli("alerts", "resend", "1")

    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err


@pytest.mark.usefixtures("store")
def test_a_test_message_says_the_kind_of_channel_and_how_long_it_took(cli: Cli) -> None:
    assert "console: taken, kind console, in " in cli("alerts", "test", "console").out
    fed = cli("alerts", "test", "reader").out
    assert "http://127.0.0.1:8321/alerts/reader.atom" in fed
    ran = cli("alerts", "test", "desk")
    assert (ran.code, ran.out) == (1, "")
    assert "desk: not taken, kind webhook, after " in ran.err


@pytest.mark.parametrize("columns", ["60", "80", "140"])
def test_ids_states_and_channels_stay_whole_at_any_width(
    cli: Cli, tell: Tell, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    tell(channels=("console", "desk"), title="A title that is rather long " * 5)

    out = cli("alerts", "list", *EVER).out

    assert "console queued, desk queued" in out
    assert "2026-03-02 12:00Z" in out


def a_moved_market(store: Store) -> str:
    """Write a market and an unexplained move of its first outcome; return the move's name."""
    keep(
        store,
        [a_market(series="zeta-race", label="Zetacorp", url="https://venue.example/m")],
        [a_quote(at(-60), "0.40", "0.42"), a_quote(at(30), "0.46", "0.48")],
    )
    values = a_move(1, state="persisted", verdict="no_public_cause_found")
    with store.begin() as session:
        assert session.exec(select(Outcome.id)).first() == 1
        signal_repo.put_move(session, values, known_from=at(45))
    return f"1/{to_ms(NOON)}"


def silence(
    store: Store, matchers: list[str], starts_at: datetime, ends_at: datetime, comment: str
) -> int:
    with store.begin() as session:
        return silence_repo.add(
            session, matchers=matchers, comment=comment, starts_at=starts_at, ends_at=ends_at,
            now=starts_at,
        )  # fmt: skip


def _acked(session: Session) -> list[Any]:
    return [alert.acked_at for alert, _ in alert_repo.list_alerts(session)]
