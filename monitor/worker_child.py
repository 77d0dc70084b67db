"""The child of `monitor.worker`: reads a page, parses it within limits, answers, and again.

Imported there and nowhere else. It dies with its parent: the socket's end tells, and while a
parser is busy a thread watches it.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import resource
import select
import signal
import socket
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

from monitor.errors import ParseError
from monitor.worker_wire import (
    BATCH,
    BROKEN,
    CANNOT_LOAD,
    HEAD,
    OUT_OF_MEMORY,
    REFUSED,
    STARTED,
    framed,
)

# A parser that kept this much is replaced, so that memory stays flat over months.
_MOST_KEPT = 128 * 1024 * 1024


def main() -> None:
    """Serve the socket named by the arguments until the parent is gone."""
    descriptor, memory, deadline_s = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    for number in (signal.SIGINT, signal.SIGTERM):
        # The service manager signals the whole group; the daemon itself says when to end.
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, args=(descriptor,), daemon=True).start()
    _without_other_kinds()
    first = 0
    with socket.socket(fileno=descriptor) as wire, wire.makefile("rb") as incoming:
        while head := incoming.read(HEAD.size):
            _, size = HEAD.unpack(head)
            request = incoming.read(size)
            if not _load_and_answer(wire, request, memory, deadline_s):
                return
            first = first or _resident()
            if _resident() - first > _MOST_KEPT:
                return


def _die_with_parent(descriptor: int) -> None:
    watch = select.poll()
    watch.register(descriptor, 0)  # 0: only that the other end is gone
    watch.poll()
    os._exit(0)


def _without_other_kinds() -> None:
    """Keep `monitor.sources` from loading every kind of source: 2 s and 40 MB for one kind."""
    spec = importlib.util.find_spec("monitor")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    package = types.ModuleType("monitor.sources")
    package.__path__ = [str(Path(folder) / "sources") for folder in folders]
    sys.modules["monitor.sources"] = package


def _load_and_answer(wire: socket.socket, request: bytes, memory: int, deadline_s: float) -> bool:
    """Answer one request; False when this process should not go on."""
    try:
        source, page = pickle.loads(request)  # noqa: S301 - our own parent wrote it
    except Exception as error:  # noqa: BLE001 - whatever a plugin's import raises
        wire.sendall(framed(CANNOT_LOAD, f"{type(error).__name__}: {error}"[:400].encode()))
        return True
    wire.sendall(framed(STARTED, b""))
    answer = _within_limits(source, page, memory, deadline_s)
    wire.sendall(answer)
    return not answer.startswith(OUT_OF_MEMORY)


def _within_limits(source: Any, page: Any, memory: int, deadline_s: float) -> bytes:
    before = resource.getrlimit(resource.RLIMIT_AS)
    _limit_cpu(deadline_s)
    try:
        _limit_memory(before, memory)
        return framed(BATCH, pickle.dumps(source.parse(page), pickle.HIGHEST_PROTOCOL))
    except ParseError as error:
        return framed(REFUSED, str(error).encode("utf-8", "replace"))
    except MemoryError:
        return framed(OUT_OF_MEMORY, b"")
    except Exception as error:  # noqa: BLE001 - the parent logs it as the source's own fault
        return framed(BROKEN, f"{type(error).__name__}: {error}"[:400].encode("utf-8", "replace"))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _limit_memory(before: tuple[int, int], memory: int) -> None:
    soft = _pages(0) + memory
    hard = before[1]
    if _pages(0) and (hard == resource.RLIM_INFINITY or soft < hard):
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _limit_cpu(deadline_s: float) -> None:
    """End this process by the kernel should the parent be unable to, a little after its time."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(time.process_time() + deadline_s) + 2
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _resident() -> int:
    return _pages(1)


def _pages(field: int) -> int:
    """Return a size of this process in bytes, 0: all of it, 1: resident; 0 where none is told."""
    try:
        sizes = Path("/proc/self/statm").read_text(encoding="ascii").split()
        return int(sizes[field]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0
