"""A receiver that writes down every call, is slow where asked, and refuses some."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Entry = tuple[str, str, str]


@dataclass
class Call:
    """One request. `refused`: answered 503, so not taken; `answered`: the answer was written."""

    channel: str
    key: str
    may_repeat: bool
    entries: tuple[Entry, ...]
    at: float
    refused: bool
    answered: bool = False


class CallRecorder:
    """A server on loopback; its path names the channel. A context manager.

    `slow` are channels that take up to so many seconds to answer; `refusing` the share of calls
    that are answered 503, until set to 0.
    """

    def __init__(self, rng: random.Random, slow: Mapping[str, float], refusing: float) -> None:
        self.calls: list[Call] = []
        self.refusing = refusing
        self._rng, self._slow = rng, slow
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.place = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> CallRecorder:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, channel: str, headers: Message, body: bytes) -> Call:
        """Write a call down and wait as long as the channel takes."""
        with self._lock:
            call = Call(
                channel,
                headers["X-Signal-Monitor-Key"],
                headers.get("X-Signal-Monitor-May-Repeat") == "true",
                entries_of(json.loads(body)["alerts"]),
                time.monotonic(),
                refused=self._rng.random() < self.refusing,
            )
            self.calls.append(call)
            wait_s = self._slow.get(channel, 0.0) * self._rng.random()
        time.sleep(wait_s)
        return call


def entries_of(alerts: Iterable[Mapping[str, Any]]) -> tuple[Entry, ...]:
    """Return what names each entry of a v4 body, sorted: labels, start and link."""
    return tuple(
        sorted(
            (json.dumps(entry["labels"], sort_keys=True), entry["startsAt"], entry["generatorURL"])
            for entry in alerts
        )
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that was killed leaves a broken connection; that is what we are here for."""


def _handler(recorder: CallRecorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers["content-length"])
            body = self.rfile.read(size)
            if len(body) < size:
                return  # killed amid its request
            call = recorder.take(self.path.strip("/"), self.headers, body)
            self.send_response(503 if call.refused else 200)
            self.send_header("content-length", "0")
            self.end_headers()
            self.wfile.flush()
            call.answered = True

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    return Handler
