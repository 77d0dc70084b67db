"""The README tells the truth: its commands exist, and every command is in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main

from monitor.cli import app
from monitor.config import parse_config

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(group: Any, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found |= commands(command, f"{prefix}{name} ")
        else:
            found[prefix + name] = command
    return found


def command_line() -> dict[str, Any]:
    return commands(typer.main.get_command(app))


def table_cells() -> str:
    rows = [line for line in README.splitlines() if line.startswith("| `")]
    return "\n".join(row.split(" | ")[0] for row in rows)


def test_every_command_is_in_the_readme() -> None:
    missing = [name for name in command_line() if f"`{name}" not in table_cells()]
    assert not missing


def test_every_command_of_the_readme_exists() -> None:
    named = re.findall(r"`([a-z]+(?: [a-z]+)?)[^`]*`", table_cells())
    known = command_line()
    unknown = [name for name in named if name not in known and name.split(" ")[0] not in known]
    assert not unknown


def test_options_named_in_the_readme_exist() -> None:
    known = command_line()
    for cell in re.findall(r"`([^`]+)`", table_cells()):
        name = " ".join(re.match(r"[a-z]+(?: [a-z]+)?", cell)[0].split())  # type: ignore[index]
        command = known.get(name) or known.get(name.split(" ")[0])
        assert command is not None, cell
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", cell)) <= options, cell


def test_the_config_of_the_readme_is_valid(tmp_path: Path) -> None:
    text = re.search(r"```yaml\n(themes:.*?)```", README, re.DOTALL)
    assert text is not None
    config = parse_config(text[1], name="README.md", folder=tmp_path)
    assert [rule.on for rule in config.alerts.rules] == [
        "signal", "standing", "move", "move", "schedule",
    ]  # fmt: skip


def test_the_shipped_config_is_one_file() -> None:
    assert (ROOT / "monitor" / "config.yaml").resolve() == ROOT / "config.yaml"


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml", ".ci/run", "Makefile"])
def test_no_file_names_a_registry_host(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "index-url" not in text.replace("--no-emit-index-url", "")
    assert not re.search(r"https?://[a-z.]*(pypi|pythonhosted|npmjs)", text)


def test_the_lock_pins_every_direct_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[<>=\[;]", line)[0] for line in project["dependencies"]}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert wanted <= pinned
    assert lock.count("--hash=sha256:") >= len(pinned)
