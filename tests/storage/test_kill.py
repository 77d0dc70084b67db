"""A writer killed at any instant loses no row that it acknowledged."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage import Store, open_store
from tests.builders import a_market, keep

ROUNDS = 10
BATCH = 50
# The libraries load once; each round forks a writer, which prints a batch's last row after COMMIT.
SERVER = """
import os, sys
from storage import open_store
from storage.quotes import insert_rows

def write(start):
    store = open_store(sys.argv[1])
    while True:
        rows = [(1, n, 400_000, 420_000, None, None, 0, 0, None, n) for n in
                range(start, start + int(sys.argv[2]))]
        with store.begin() as session:
            insert_rows(session, rows)
        start += len(rows)
        os.write(1, b"%d\\n" % (start - 1))

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        write(int(line))
    os.write(1, b"pid %d\\n" % child)
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


@pytest.fixture
def server(store: Store, database: Path) -> Iterator[subprocess.Popen[bytes]]:
    keep(store, [a_market()])
    store.close()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, f"sqlite:///{database}", str(BATCH)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    yield process
    process.kill()
    process.communicate()


def a_killed_round(server: subprocess.Popen[bytes], start: int, acks: int) -> int:
    """Let a writer go on from row `start`, kill it after some acks, return the last one."""
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(b"%d\n" % start)
    server.stdin.flush()
    last, pid, seen = start - 1, 0, 0
    for line in iter(server.stdout.readline, b"dead\n"):
        if line.startswith(b"pid "):
            pid = int(line.split()[1])
        else:
            last, seen = int(line), seen + 1
        if pid and seen >= acks:
            os.kill(pid, signal.SIGKILL)
            acks = sys.maxsize
    return last


def test_no_acknowledged_row_is_lost_to_sigkill(
    server: subprocess.Popen[bytes], database: Path
) -> None:
    chance = random.Random(11)
    start = acked = 0
    for _ in range(ROUNDS):
        last = a_killed_round(server, start, acks=chance.randrange(0, 40))
        acked += last - start + 1
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            rows, newest = connection.execute("SELECT count(*), max(at) FROM quote").fetchone()
        newest = -1 if newest is None else newest
        assert newest >= last, "an acknowledged row is gone"
        assert rows == newest + 1, "there is a hole"
        assert rows % BATCH == 0, "a batch is there by half"
        start = newest + 1
    assert acked > ROUNDS * BATCH
    open_store(f"sqlite:///{database}").close()
