from __future__ import annotations

from pathlib import Path

from monitor.service import unit_text

PYTHON = Path("/opt/signal monitor/bin/python")
CONFIG = Path("/etc/signal-monitor/config.yaml")


def lines(**given: object) -> list[str]:
    values = {"python": Path("/opt/sm/bin/python"), "config": CONFIG, "user": False, **given}
    return unit_text(**values).splitlines()  # type: ignore[arg-type]


def test_the_unit_runs_this_python_with_this_config_by_absolute_paths() -> None:
    unit = lines()
    assert (
        "ExecStart=/opt/sm/bin/python -m monitor --config /etc/signal-monitor/config.yaml run"
        in unit
    )
    assert "WorkingDirectory=/etc/signal-monitor" in unit
    assert "WantedBy=multi-user.target" in unit


def test_a_users_unit_has_no_sandbox_that_only_the_system_can_set_up() -> None:
    unit = lines(user=True)
    assert "WantedBy=default.target" in unit
    assert not [line for line in unit if line.startswith(("Protect", "Private", "ReadWrite"))]


def test_the_sandbox_lets_the_daemon_write_its_database_wherever_it_lies() -> None:
    beside = lines(data=Path("/etc/signal-monitor/data"))
    elsewhere = lines(data=Path("/var/lib/sm"))
    assert "ReadWritePaths=/etc/signal-monitor" in beside
    assert "ReadWritePaths=/etc/signal-monitor /var/lib/sm" in elsewhere


def test_blanks_percents_and_dollars_in_paths_mean_themselves() -> None:
    unit = lines(python=PYTHON, config=Path("/srv/50% $HOME/config.yaml"))
    assert (
        'ExecStart="/opt/signal monitor/bin/python" -m monitor '
        '--config "/srv/50%% $$HOME/config.yaml" run' in unit
    )
    assert "WorkingDirectory=/srv/50%% $HOME" in unit
    assert 'ReadWritePaths="/srv/50%% $HOME"' in unit
