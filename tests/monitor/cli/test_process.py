"""The command line as a process: light help, pipes that close, devices that are full."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.cli import app

HEAVY = (
    "pandas", "numpy", "sqlmodel", "sqlalchemy", "alembic", "httpx", "fastapi", "uvicorn",
    "apprise", "feedparser", "ruamel", "apscheduler", "structlog",
)  # fmt: skip
LOADED = """
import sys
from monitor.__main__ import run
for arguments in {calls}:
    assert run(arguments) == 0, arguments
sys.stderr.write(repr(sorted(set(sys.modules) & set({heavy}))))
"""
BEFORE = """
import sys
from monitor.__main__ import run
assert run({before}) == 0
known = set(sys.modules)
"""
MORE = "sys.stderr.write(' '.join(sorted(set(sys.modules) - known)))"


def process(
    *arguments: str, folder: Path, stdin: bytes = b"", stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, input=stdin, stdout=stdout, stderr=subprocess.PIPE, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


def monitor(*arguments: str, folder: Path, **given: object) -> subprocess.CompletedProcess[bytes]:
    return process("-m", "monitor", *arguments, folder=folder, **given)  # type: ignore[arg-type]


def all_commands() -> list[list[str]]:
    groups = {group.name: group.typer_instance for group in app.registered_groups}
    found = [[_name(command)] for command in app.registered_commands]
    for name, group in groups.items():
        assert name is not None
        assert group is not None
        found += [[name], *([name, _name(each)] for each in group.registered_commands)]
    return found


def _name(command: object) -> str:
    given = getattr(command, "name", None) or getattr(command, "callback").__name__  # noqa: B009
    return str(given).replace("_", "-")


def test_the_help_of_every_command_loads_nothing_heavy(folder: Path) -> None:
    calls = [["--help"], *([*command, "--help"] for command in all_commands())]
    assert len(calls) > 20
    ran = process("-c", LOADED.format(calls=calls, heavy=HEAVY), folder=folder)
    assert ran.stderr.decode() == "[]"


def test_alerts_are_listed_and_explained_with_what_signals_are_listed_with(filled: Path) -> None:
    code = f"{BEFORE}{LOADED}".format(
        before=["signals", "list"],
        calls=[["alerts", "list", "--since", "900d"], ["alerts", "explain", "1"]],
        heavy=(),
    )
    ran = process("-c", code + MORE, folder=filled)
    loaded = ran.stderr.decode().removeprefix("[]").split()

    # Each package more is time that every call costs: no channel is opened to read what was sent.
    own = ("monitor.reports", "storage", "signals", "uuid")
    assert [name for name in loaded if not name.startswith(own)] == []
    assert loaded != []


def test_a_pipe_that_closes_early_is_no_failure(filled: Path) -> None:
    for command in ("export quotes", "signals list --since 900d"):
        reading, writing = os.pipe()
        os.close(reading)
        ran = monitor(*command.split(), folder=filled, stdout=writing)
        os.close(writing)
        assert (ran.returncode, ran.stderr) == (0, b""), command


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_device_that_is_full_is_a_failure_in_one_line(filled: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    ran = monitor("export", "quotes", folder=filled, stdout=full)
    os.close(full)
    assert ran.returncode == 1
    assert ran.stderr == b"signal-monitor: cannot write or read: No space left on device\n"


def test_arguments_and_texts_that_are_no_unicode_do_not_break_the_output(folder: Path) -> None:
    lone = b'{"id": "\\udfff", "title": "Zetacorp \\ud800"}\n'
    (line,) = monitor("tag", "--jsonl", folder=folder, stdin=lone).stdout.splitlines()
    assert json.loads(line)["id"] == "\udfff"
    ran = monitor("init", "--dir", os.fsdecode(b"caf\xe9"), folder=folder)
    assert (ran.returncode, ran.stdout) == (
        0,
        b"wrote caf\\udce9/config.yaml; next: signal-monitor -c caf\\udce9/config.yaml run\n",
    )


def test_the_module_and_its_exit_code_are_those_of_the_command(folder: Path) -> None:
    ran = monitor("config", "check", "-c", "none.yaml", folder=folder)
    assert ran.returncode == 2
    assert ran.stderr.decode() == (
        "signal-monitor: none.yaml: no such file; `signal-monitor init` writes a commented one\n"
    )
