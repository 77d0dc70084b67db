"""Daemons forked from one warm interpreter: loading it anew for each kill would take minutes.

Run as a script with the config's path. On stdin: `start` forks a daemon, `kill` and `stop` send
it SIGKILL or SIGTERM and wait for its end; on stdout one line answers each. Only this process may
reap the daemon, so a signal never goes to a stranger of the same number. It has one thread: those
of the daemon begin after the fork.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import NoReturn

# The daemon imports these when it needs them; each child would do so anew.
import uvicorn.lifespan.off
import uvicorn.loops.asyncio
import uvicorn.protocols.http.h11_impl

import monitor.daemon
import monitor.sources
import monitor.worker
from monitor.__main__ import run
from monitor.config import load_config
from monitor.topics import open_topics
from storage import open_store

__all__ = ["uvicorn"]


def main() -> None:
    """Serve commands until stdin ends; the last daemon is killed then."""
    config = Path(sys.argv[1])
    _warm(config)
    _answer("ready")
    pid = 0
    for line in sys.stdin:
        command = line.strip()
        if command == "start":
            pid = os.fork() or _be_daemon(config)
            _answer(str(pid))
        else:
            _answer(str(_end(pid, signal.SIGKILL if command == "kill" else signal.SIGTERM)))
            pid = 0
    if pid:
        _end(pid, signal.SIGKILL)


def _warm(config: Path) -> None:
    """Load what every daemon loads; feeds are parsed in the daemon, not by a child of its own."""
    monitor.worker._can_limit = lambda: False
    open_topics(load_config(config, os.environ))
    with tempfile.TemporaryDirectory() as folder:
        open_store(f"sqlite:///{folder}/warm.db").close()
    gc.collect()
    gc.freeze()
    if threading.active_count() != 1:
        raise RuntimeError(f"threads before the fork: {threading.enumerate()}")


def _be_daemon(config: Path) -> NoReturn:
    """Run the command `run` as the command line does, without our pipes."""
    code = 70
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        code = run(["-c", str(config), "run"])
    except BaseException:  # noqa: BLE001 - nothing may return into the server's own loop
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _end(pid: int, number: int) -> int:
    """Return the wait status of the daemon, told to end by a signal."""
    os.kill(pid, number)
    return os.waitpid(pid, 0)[1]


def _answer(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
