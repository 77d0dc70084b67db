"""alerts silence: matchers as typed, what they would have kept back, list and expire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage import alert_repo, open_readonly, open_store, silence_repo
from storage.alert_repo import AlertDraft
from storage.delivery_repo import Planned
from storage.models import Silence
from tests.monitor.cli.conftest import Cli

HOUR = timedelta(hours=1)
ADD = ("alerts", "silence")


def kept(folder: Path) -> list[Silence]:
    store = open_readonly(f"sqlite:///{folder}/signal-monitor.db")
    with store.read() as session:
        found = silence_repo.everything(session)
    store.close()
    return found


def tell(folder: Path, key: str, *, rule: str = "news", suppressed: str | None = None) -> None:
    now = datetime.now(UTC)
    draft = AlertDraft(
        dedup_key=key, escalation=0, rule=rule, kind="signal", severity="info", at=now, title=key,
        group_key=key, reason=(), payload={}, channels=("console",), suppressed=suppressed,
        labels={"rule": (rule,), "theme": ("glasses",)},
    )  # fmt: skip
    store = open_store(f"sqlite:///{folder}/signal-monitor.db")
    with store.begin() as session:
        alert_repo.add_alert(session, draft, [Planned("console", now + HOUR, "quiet:nights")])
    store.close()


def test_a_silence_is_kept_with_its_matchers_its_span_and_its_comment(
    filled: Path, cli: Cli
) -> None:
    ran = cli(*ADD, "theme=glasses", "rule!=news", "--for", "2h", "--comment", "moving house")

    assert ran.code == 0
    assert ran.out.startswith('silence 1: theme="glasses", rule!="news" until ')
    assert "no daemon runs; the silence holds for the next one" in ran.out
    (silence,) = kept(filled)
    assert silence.matchers == ['theme="glasses"', 'rule!="news"']
    assert silence.comment == "moving house"
    assert silence.ends_at - silence.starts_at == 2 * HOUR


@pytest.mark.parametrize(
    "arguments",
    [
        ("theme=glasses", "--for", "1h"),
        ("add", "theme=glasses", "--for", "1h"),
        ("--for", "1h", "theme=glasses"),
        ("--for=1h", "--comment=x", "theme=glasses"),
        ('theme="glasses"', "--for", "60m"),
    ],
)
def test_the_verb_may_be_left_out_and_options_may_come_first(
    filled: Path, cli: Cli, arguments: tuple[str, ...]
) -> None:
    assert cli(*ADD, *arguments).code == 0
    (silence,) = kept(filled)
    assert silence.matchers == ['theme="glasses"']
    assert silence.ends_at - silence.starts_at == HOUR


def test_a_silence_may_begin_later(filled: Path, cli: Cli) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)

    ran = cli(*ADD, "theme=glasses", "--for", "1h", "--from", begin.isoformat())

    assert f"from {begin:%Y-%m-%d %H:%M}Z until " in ran.out
    assert [each.starts_at for each in kept(filled)] == [begin]
    assert cli(*ADD, "list", "--json").json[0]["state"] == "ahead"


def test_it_says_what_it_would_have_kept_back_and_what_it_comes_too_late_for(
    filled: Path, cli: Cli
) -> None:
    tell(filled, "a")
    tell(filled, "b", suppressed="cooldown")
    tell(filled, "c", rule="former")

    said = cli(*ADD, "rule=news", "--for", "1h").out
    assert "it matches 2 of the 3 alerts of the last 7 d: 3, 2" in said
    assert "still sent, because decided before: 2; `alerts ack ID` stops one" in said
    assert "it matches none of the 3 alerts" in cli(*ADD, "venue=kalshi", "--for", "1h").out
    assert cli(*ADD, "rule=former", "--for", "1h").code == 0


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("them=x", "--for", "1h"), "unknown label 'them' (did you mean theme?); one of rule, on"),
        (("theme=glases", "--for", "1h"), "no alert has theme 'glases' (did you mean glasses?)"),
        (("rule!=nwes", "--for", "1h"), "no alert has rule 'nwes' (did you mean news?)"),
        (("severity=warn", "--for", "1h"), "no alert has severity 'warn' (did you mean warning?)"),
        (("series=~(", "--for", "1h"), "'('"),
        (("theme=glasses", "--for", "5"), "--for: '5' is not a duration; write a number with s, m"),
        (("theme=glasses", "--for", "0s"), "--for: a silence must be longer than 0s"),
        (("theme=glasses",), "Missing option '--for'"),
        (("--for", "1h"), "Missing argument 'MATCHER"),
        (("theme=glasses", "--for", "1h", "--from", "2h"), "--from: '2h' is a span; name the inst"),
        (("theme=glasses", "--for", "1h", "--from", "2020-01-01"), "would be over already"),
        (("lsit",), "No such command 'lsit'"),
        (("expire", "one"), "ID"),
    ],
)
def test_what_cannot_silence_anything_is_refused_and_nothing_is_kept(
    folder: Path, cli: Cli, arguments: tuple[str, ...], said: str
) -> None:
    ran = cli(*ADD, *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert kept(folder) == []


def test_the_list_counts_what_each_kept_back(filled: Path, cli: Cli) -> None:
    cli(*ADD, "theme=glasses", "--for", "2h", "--comment", "one [two]")
    tell(filled, "a", suppressed="silenced by silence 1: one [two]")
    tell(filled, "b", suppressed="silenced by silence 11: another")

    (row,) = cli(*ADD, "list", "--json").json
    text = cli(*ADD, "list").out

    assert (row["silence_id"], row["state"], row["kept_back"]) == (1, "holds", 1)
    assert 'theme="glasses"' in text
    assert "one [two]" in text


def test_a_silence_ends_early_once_and_stays_in_the_whole_list(filled: Path, cli: Cli) -> None:
    cli(*ADD, "theme=glasses", "--for", "2h")

    assert 'silence 1 has ended: theme="glasses"' in cli(*ADD, "expire", "1").out
    again = cli(*ADD, "expire", "1")
    assert (again.code, "nothing was changed" in again.out) == (0, True)
    assert cli(*ADD, "list").out.startswith("no silence now; `--all` shows those that are over")
    assert [row["state"] for row in cli(*ADD, "list", "--all", "--json").json] == ["over"]
    assert kept(filled)[0].ends_at <= datetime.now(UTC)


@pytest.mark.usefixtures("filled")
def test_a_silence_nobody_made_cannot_end(cli: Cli) -> None:
    ran = cli(*ADD, "expire", "9")

    assert (ran.code, ran.out) == (1, "")
    assert "no silence 9; `signal-monitor alerts silence list --all` names them" in ran.err


def test_writing_needs_a_database_and_never_makes_one(folder: Path, cli: Cli) -> None:
    for command in (
        (*ADD, "theme=glasses", "--for", "1h"), (*ADD, "expire", "1"), ("alerts", "ack", "1"),
        ("alerts", "resend", "1"),
    ):  # fmt: skip
        ran = cli(*command)
        assert (ran.code, ran.out) == (1, "")
        assert "no database yet" in ran.err
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]
