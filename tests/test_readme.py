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


def command_of(cell: str) -> Any:
    """Return the command that a cell begins with, None when there is none."""
    known = command_line()
    words = re.match(r"[a-z]+(?: [a-z]+)*", cell)[0].split()  # type: ignore[index]
    names = (" ".join(words[:count]) for count in range(len(words), 0, -1))
    return next((known[name] for name in names if name in known), None)


def test_every_command_is_in_the_readme() -> None:
    missing = [name for name in command_line() if f"`{name}" not in table_cells()]
    assert not missing


def test_every_command_of_the_readme_exists() -> None:
    cells = re.findall(r"`([a-z][^`]*)`", table_cells())
    assert not [cell for cell in cells if command_of(cell) is None]


def test_options_named_in_the_readme_exist() -> None:
    for cell in re.findall(r"`([^`]+)`", table_cells()):
        options = {option for parameter in command_of(cell).params for option in parameter.opts}
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
