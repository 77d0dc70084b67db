"""The fork server as its driver sees it: one daemon at a time, and what it logs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.processes import PATIENCE_S, ROOT

KILLED = 9
_SERIOUS = ("error", "critical")


@dataclass
class ForkedDaemons:
    """Starts, kills and stops daemons over one config. A context manager.

    `complaints` are errors that any of them logged, and what they wrote that is no log at all;
    `daemons.log` beside the config keeps all of it.
    """

    config: Path
    complaints: list[str] = field(default_factory=list)
    _started: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _polled: set[str] = field(default_factory=set)

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.fork_server", str(self.config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if self._line() != "ready":
            raise AssertionError(f"the fork server did not start: {self.complaints}")
        return self

    def __exit__(self, *error: object) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        for stream in (self._server.stdout, self._server.stderr):
            assert stream is not None
            stream.close()

    def start(self) -> None:
        """Fork a daemon; it may not be ready yet."""
        self._started = threading.Semaphore(0)
        self._polled = set()
        self._ask("start")

    def wait_started(self) -> float:
        """Return the seconds until the daemon worked."""
        began = time.monotonic()
        if not self._started.acquire(timeout=PATIENCE_S):
            raise AssertionError(f"the daemon did not start: {self.complaints[-5:]}")
        return time.monotonic() - began

    def has_polled(self, sources: set[str]) -> bool:
        """Return whether the running daemon has read every one of `sources`."""
        return self._polled >= sources

    def kill(self) -> int:
        """Return the wait status after a SIGKILL: 9, unless the daemon had ended by itself."""
        return int(self._ask("kill"))

    def stop(self) -> int:
        """Return the wait status after a SIGTERM."""
        return int(self._ask("stop"))

    def _ask(self, command: str) -> str:
        assert self._server.stdin is not None
        self._server.stdin.write(command + "\n")
        self._server.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline().strip()

    def _read(self) -> None:
        assert self._server.stderr is not None
        with self.config.with_name("daemons.log").open("w", encoding="utf-8") as kept:
            for text in self._server.stderr:
                kept.write(text)
                # A kill may cut a line; the next daemon's then follows on the same one.
                for part in text.replace('}{"', '}\n{"').splitlines():
                    self._take(part)

    def _take(self, text: str) -> None:
        line = _parsed(text)
        if line is None:
            if text.strip():
                self.complaints.append(text.rstrip())
        elif line.get("event") == "started":
            self._started.release()
        elif line.get("event") == "polled":
            self._polled.add(str(line.get("source")))
        elif line.get("level") in _SERIOUS:
            self.complaints.append(text.rstrip())


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text[text.index("{") :])
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
