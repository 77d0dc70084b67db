"""Strangers' text parsed in a process of its own, which can be stopped.

A document that makes a parser run for minutes or eat the machine's memory costs its own page and
a child process, never the daemon. The child is started with the first page, kept, and replaced
when it died. What it answers is read by an unpickler that knows only the records.

Small pages go there too: from 17 KB on the daemon spends less of its own time on the round trip
than on the parse (0.7 ms against 4), below that about as much.
"""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

import structlog

from monitor.errors import ParseError
from monitor.http_status import safe_url
from monitor.sources.base import Page, Source
from monitor.worker_wire import (
    BATCH,
    CANNOT_LOAD,
    HEAD,
    OUT_OF_MEMORY,
    REFUSED,
    STARTED,
    framed,
)
from storage.records import Batch

log = structlog.get_logger()

DEADLINE = timedelta(seconds=10)
MEMORY = 512 * 1024 * 1024
# Starting means importing the source and its libraries, on a slow machine too.
START_DEADLINE = timedelta(seconds=60)
MAX_ANSWER = 256 * 1024 * 1024
_HARMLESS = {
    "builtins": {"frozenset", "set", "complex", "bytearray"},
    "datetime": {"datetime", "date", "timedelta", "timezone"},
    "decimal": {"Decimal"},
}
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONTZPATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
# `-c` and not `-m`: the path is the parent's own, not the folder someone happened to start in.
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[4]); "
    "from monitor.worker_child import main; main()"
)


class _ChildLostError(Exception):
    """The child is gone; `began` tells whether it had begun with the page."""

    def __init__(self, *, began: bool, late: bool = False) -> None:
        super().__init__()
        self.began = began
        self.late = late


class _CannotSendError(Exception):
    """The source cannot be handed to another process."""


@dataclass(frozen=True, slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    wire: socket.socket

    def stop(self) -> int:
        """Kill the child and return how it ended; nothing of it is left."""
        self.process.kill()
        self.wire.close()
        return self.process.wait()


class ParseWorker:
    """Parses one page at a time in a child process; `parse` is safe to call at once from many.

    `deadline` bounds the wall time of a page from the moment the child has begun, `memory` (in
    bytes) what the child may take beyond what it had. Where processes or limits are not to be
    had, pages are parsed in a thread, which the log says once.
    """

    def __init__(self, *, deadline: timedelta = DEADLINE, memory: int = MEMORY) -> None:
        self._deadline_s = deadline.total_seconds()
        self._memory = memory
        self._queue = ThreadPoolExecutor(1, thread_name_prefix="parse-worker")
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._is_closed = False
        self._alone = not _can_limit()
        if self._alone:
            log.warning("no limits here; pages are parsed in the daemon itself")

    @property
    def pid(self) -> int | None:
        """Return the child's process id; None when there is none now."""
        child = self._child
        return None if child is None or child.process.poll() is not None else child.process.pid

    async def parse(self, source: Source, page: Page) -> Batch:
        """Return `source.parse(page)`, done by the child.

        Raises ParseError when the page is none, took too long, took too much memory, or killed
        its parser.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._queue, self._parse, source, page
        )

    def close(self) -> None:
        """Stop the child, also amid a page."""
        with self._lock:
            self._is_closed = True
        self._stop()
        self._queue.shutdown(wait=True, cancel_futures=True)

    def _parse(self, source: Source, page: Page) -> Batch:
        if self._alone:
            return source.parse(page)
        try:
            return self._by_child(_request(source, page), safe_url(page.url))
        except (_CannotSendError, OSError) as error:
            log.warning("parsed in the daemon itself", source=source.name, reason=str(error)[:200])
            return source.parse(page)

    def _by_child(self, request: bytes, what: str) -> Batch:
        for last in (False, True):
            try:
                kind, answer = self._exchange(request)
                break
            except _ChildLostError as error:
                ended = self._stop()
                if self._is_closed:
                    raise ParseError(f"{what}: not parsed; the daemon stops") from error
                if error.began:
                    raise ParseError(f"{what}: {self._death(error, ended)}") from error
                if last:
                    raise _CannotSendError(
                        f"the parser does not start ({_ended(ended)})"
                    ) from error
        if kind == BATCH:
            return _batch(answer, what)
        if kind == OUT_OF_MEMORY:
            self._stop()
            megabytes = self._memory // (1024 * 1024)
            raise ParseError(f"{what}: the parser ran out of memory ({megabytes} MiB)")
        text = answer.decode("utf-8", "replace")
        if kind == REFUSED:
            raise ParseError(text)
        if kind == CANNOT_LOAD:
            raise _CannotSendError(text)
        raise RuntimeError(text)

    def _exchange(self, request: bytes) -> tuple[bytes, bytes]:
        child = self._running()
        began = False
        try:
            child.wire.settimeout(START_DEADLINE.total_seconds())
            child.wire.sendall(framed(STARTED, request))
            kind, answer = _receive(child.wire, START_DEADLINE.total_seconds())
            if kind == STARTED:
                began = True
                kind, answer = _receive(child.wire, self._deadline_s)
        except TimeoutError as error:
            raise _ChildLostError(began=began, late=True) from error
        except (OSError, EOFError) as error:
            raise _ChildLostError(began=began) from error
        return kind, answer

    def _running(self) -> _Child:
        with self._lock:
            if self._is_closed:
                raise _ChildLostError(began=False)
            if self._child is not None and self._child.process.poll() is None:
                return self._child
            if self._child is not None:
                self._child.stop()
            self._child = _started(self._memory, self._deadline_s)
            return self._child

    def _stop(self) -> int | None:
        with self._lock:
            child, self._child = self._child, None
            return None if child is None else child.stop()

    def _death(self, error: _ChildLostError, ended: int | None) -> str:
        if error.late or ended == -getattr(signal, "SIGXCPU", 0):
            return f"the parser was stopped after {self._deadline_s:g} s"
        return f"the parser died over it ({_ended(ended)})"


def _request(source: Source, page: Page) -> bytes:
    try:
        return pickle.dumps((source, page), pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise _CannotSendError(f"{type(error).__name__}: {error}") from error


def _ended(code: int | None) -> str:
    if code is None:
        return "closed"
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _can_limit() -> bool:
    return os.name == "posix" and importlib.util.find_spec("resource") is not None


def _started(memory: int, deadline_s: float) -> _Child:
    """Return a new child that shares one socket with us and nothing else but stderr."""
    ours, theirs = socket.socketpair()
    arguments = [str(theirs.fileno()), str(memory), f"{deadline_s:g}", json.dumps(sys.path)]
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", _CHILD, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,  # Ctrl-C is for the daemon
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return _Child(process, ours)


def _receive(wire: socket.socket, within_s: float) -> tuple[bytes, bytes]:
    """Return kind and content of the next frame. Raises TimeoutError, EOFError, OSError."""
    until = monotonic() + within_s
    kind, size = HEAD.unpack(_exactly(wire, HEAD.size, until))
    if size > MAX_ANSWER:
        raise EOFError
    return kind, _exactly(wire, size, until)


def _exactly(wire: socket.socket, size: int, until: float) -> bytes:
    received = bytearray()
    while len(received) < size:
        left = until - monotonic()
        if left <= 0:
            raise TimeoutError
        wire.settimeout(left)
        part = wire.recv(min(size - len(received), 1 << 20))
        if not part:
            raise EOFError
        received += part
    return bytes(received)


class _Records(pickle.Unpickler):
    """Knows the records and nothing that could do something."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a record's class; raises UnpicklingError for all else."""
        if module == "storage.records" or name in _HARMLESS.get(module, ()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no record")


def _batch(answer: bytes, what: str) -> Batch:
    try:
        batch = _Records(io.BytesIO(answer)).load()
    except Exception as error:
        raise ParseError(f"{what}: the parser's answer cannot be read ({error!s:.120})") from error
    if not isinstance(batch, Batch):
        raise ParseError(f"{what}: the parser answered with {type(batch).__name__}, not a Batch")
    return batch
