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


def unit_text(*, python: Path, config: Path, user: bool) -> str:
    """Return the unit: `python` runs the module, files live in the folder of `config`.

    A user's unit leaves out the sandbox that only the system's manager can set up.
    """
    target = "default.target" if user else "multi-user.target"
    sandbox = "" if user else f"{_HARDENING}ReadWritePaths={config.parent}\n"
    return (
        "[Unit]\n"
        "Description=Signal Monitor\n"
        "After=network-online.target\n"
        "Wants=network-online.target\n"
        "\n"
        "[Service]\n"
        f"ExecStart={python} -m monitor --config {config} run\n"
        f"WorkingDirectory={config.parent}\n"
        "Restart=on-failure\n"
        "RestartSec=5\n"
        "TimeoutStopSec=10\n"
        f"{sandbox}"
        "\n"
        "[Install]\n"
        f"WantedBy={target}\n"
    )
