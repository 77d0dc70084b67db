"""A systemd unit for this very installation."""

from __future__ import annotations

from pathlib import Path

_HARDENING = """\
NoNewPrivileges=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectHome=read-only
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
LockPersonality=yes
UMask=0077
"""


def unit_text(*, python: Path, config: Path, user: bool, data: Path | None = None) -> str:
    """Return the unit: `python` runs the module with `config`; the database lives in `data`.

    Without `data` it lives beside the config. A user's unit leaves out the sandbox that only the
    system's manager can set up.
    """
    target = "default.target" if user else "multi-user.target"
    folders = [config.parent]
    if data is not None and not data.is_relative_to(config.parent):
        folders.append(data)
    writable = " ".join(_word(str(folder)) for folder in folders)
    sandbox = "" if user else f"{_HARDENING}ReadWritePaths={writable}\n"
    return (
        "[Unit]\n"
        "Description=Signal Monitor\n"
        "After=network-online.target\n"
        "Wants=network-online.target\n"
        "\n"
        "[Service]\n"
        f"ExecStart={_command(python)} -m monitor --config {_command(config)} run\n"
        f"WorkingDirectory={_escaped(config.parent)}\n"
        "Restart=on-failure\n"
        "RestartSec=5\n"
        "TimeoutStopSec=10\n"
        f"{sandbox}"
        "\n"
        "[Install]\n"
        f"WantedBy={target}\n"
    )


def _command(path: Path) -> str:
    """Return a path as a word of a command line, where `$` names a variable."""
    return _word(str(path).replace("$", "$$"))


def _word(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{plain}"' if any(c in plain for c in " \t'\"\\;") else plain


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")
