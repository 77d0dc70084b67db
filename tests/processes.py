"""The daemon as a process, the commands beside it, and a webhook receiver that may hold calls."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[1]
PATIENCE_S = 45.0
SECRET = "a secret for loopback only"


@dataclass(frozen=True)
class Call:
    """One request the receiver got; `answered` False was held until the sender went away."""

    headers: dict[str, str]
    body: bytes
    answered: bool

    @property
    def key(self) -> str:
        return self.headers["x-signal-monitor-key"]

    @property
    def may_repeat(self) -> bool:
        return self.headers.get("x-signal-monitor-may-repeat") == "true"

    @property
    def message(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def rule(self) -> str:
        return str(self.message["groupLabels"]["alertname"])

    @property
    def text(self) -> str:
        return str(self.message["alerts"][0]["annotations"]["description"])


class Receiver:
    """A webhook receiver on loopback that records every call and may hold them unanswered."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.holding = False
        self.release = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.place = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.calls.append(Call(headers, body, answered=not receiver.holding))
                if receiver.holding:
                    receiver.release.wait(PATIENCE_S)
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        return Handler


class Daemon:
    """A `run` process and what it has logged."""

    def __init__(self, config: Path) -> None:
        self.logged: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            command(config, "run"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def url(self) -> str:
        until(lambda: bool(self.events("started")), "the daemon started", self)
        return str(self.events("started")[0]["web"])

    def events(self, event: str, **equal: object) -> list[dict[str, Any]]:
        """Return what was logged as `event` with these values."""
        return [
            line
            for line in list(self.logged)
            if line.get("event") == event and all(line.get(k) == v for k, v in equal.items())
        ]

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self) -> tuple[int, float]:
        """Return the exit code and how many seconds it took from now."""
        began = time.monotonic()
        code = self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code, time.monotonic() - began

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            try:
                self.logged.append(json.loads(line))
            except ValueError:
                self.logged.append({"event": "plain", "text": line.rstrip()})


@contextmanager
def daemon(config: Path) -> Iterator[Daemon]:
    started = Daemon(config)
    try:
        yield started
    finally:
        started.close()


def until(condition: Callable[[], bool], what: str, running: Daemon) -> None:
    """Return once `condition` holds; fail with the daemon's last words when it never does."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline or not running.is_alive:
            said = "\n".join(map(str, running.logged[-12:]))
            pytest.fail(f"it never came that {what}; the daemon said\n{said}")
        time.sleep(0.02)


def command(config: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "monitor", "-c", str(config), *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "DESK_SECRET": SECRET, "PYTHONPATH": str(ROOT)}


def output(config: Path, *arguments: str) -> str:
    done = subprocess.run(
        command(config, *arguments),
        capture_output=True,
        text=True,
        env=environment(),
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(config: Path) -> tuple[int, str]:
    done = subprocess.run(
        command(config, "run"),
        capture_output=True,
        text=True,
        env=environment(),
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stderr


def get(url: str) -> tuple[int, Any]:
    answer = httpx.get(url, timeout=PATIENCE_S, trust_env=False)
    is_json = "json" in answer.headers["content-type"]
    return answer.status_code, answer.json() if is_json else answer.text
