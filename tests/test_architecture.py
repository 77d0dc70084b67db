"""The V: monitor uses signals and storage; those two know neither each other nor the network."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("monitor", "signals", "storage")
FORBIDDEN_IN_SIGNALS = {
    "asyncio", "httpx", "io", "os", "pathlib", "random", "socket", "sqlalchemy", "sqlmodel",
    "subprocess", "tempfile", "threading", "time", "urllib.request",
}  # fmt: skip
LAYERS = (
    {"monitor.cli", "monitor.__main__"},
    {"monitor.demo"},
    {"monitor.daemon"},
    {"monitor.scheduler", "monitor.jobs", "monitor.hints"},
    {"monitor.reports"},
    {"monitor.app"},
    {"monitor.worker", "monitor.worker_child", "monitor.worker_wire"},
    {"monitor.topics"},
    {"monitor.config", "monitor.rules_file"},
    {"monitor.checks"},
    {"monitor.sources", "monitor.alerts", "monitor.web", "monitor.fake_upstream"},
    {"monitor.http_client", "monitor.http_session", "monitor.ws_lines", "monitor.ws_connect"},
    {"monitor.http_hops"},
    {"monitor.http_response", "monitor.http_status", "monitor.http_body", "monitor.http_connect"},
    {"monitor.http_walls"},
    {"monitor.errors", "monitor.clock", "monitor.durations", "monitor.address"},
)


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def heads(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def level_of(module: str) -> int | None:
    for level, members in enumerate(LAYERS):
        if any(module == name or module.startswith(name + ".") for name in members):
            return level
    return None


@pytest.mark.parametrize(("package", "strangers"), [
    ("signals", {"monitor", "storage"}),
    ("storage", {"monitor", "signals"}),
])  # fmt: skip
def test_the_two_arms_import_nobody_of_ours(package: str, strangers: set[str]) -> None:
    found = {path.name: heads(imports_of(path)) & strangers for path in modules(package)}
    assert not {name: names for name, names in found.items() if names}


def test_signals_does_no_input_or_output_and_reads_no_clock() -> None:
    offences = {path.name: imports_of(path) & FORBIDDEN_IN_SIGNALS for path in modules("signals")}
    assert not {name: names for name, names in offences.items() if names}
    for path in modules("signals"):
        text = path.read_text(encoding="utf-8")
        assert "datetime.now" not in text, f"{path.name} reads the clock"
        assert not [line for line in text.splitlines() if line.strip().startswith("open(")]


def test_inside_monitor_imports_point_down_only() -> None:
    upward = []
    for path in modules("monitor"):
        relative = path.relative_to(ROOT).with_suffix("")
        module = ".".join(relative.parts).removesuffix(".__init__")
        level = level_of(module)
        if level is None:
            continue
        for name in imports_of(path):
            target = level_of(name)
            if target is not None and target < level:
                upward.append(f"{module} imports {name}")
    assert not upward


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "helpers", "common", "misc", "core"}
    assert not [path for package in PACKAGES for path in modules(package) if path.stem in drawers]


def test_only_the_command_line_prints() -> None:
    printing = []
    for package in PACKAGES:
        for path in modules(package):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
            if any(isinstance(c.func, ast.Name) and c.func.id == "print" for c in calls):
                printing.append(str(path.relative_to(ROOT)))
    assert all(name.startswith("monitor/cli") for name in printing), printing
