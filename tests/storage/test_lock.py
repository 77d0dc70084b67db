from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage import LockedError, StorageError
from storage.lock import holder, instance_lock, lock_path
from tests.builders import NOON

HOLD = """
import sys, signal
from datetime import UTC, datetime
from pathlib import Path
from storage.lock import instance_lock
with instance_lock(Path(sys.argv[1]), now=datetime(2026, 3, 2, 12, 0, tzinfo=UTC)):
    print("held", flush=True)
    signal.pause()
"""


def a_holder(database: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def end(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGKILL)
    child.communicate()


def test_a_second_holder_is_refused_and_told_the_pid_of_the_first(database: Path) -> None:
    child = a_holder(database)
    try:
        with (
            pytest.raises(LockedError, match=f"pid {child.pid}, since 2026-03-02") as refused,
            instance_lock(database, now=NOON),
        ):
            pass
        assert str(child.pid) in refused.value.holder
    finally:
        end(child)


def test_a_lock_is_free_at_once_when_its_process_was_killed(database: Path) -> None:
    child = a_holder(database)
    found = holder(database)
    end(child)
    assert found == {"pid": child.pid, "since": "2026-03-02T12:00:00.000Z"}
    assert holder(database) is None
    with instance_lock(database, now=NOON):
        assert holder(database) == {"pid": os.getpid(), "since": "2026-03-02T12:00:00.000Z"}
    assert holder(database) is None


def test_nobody_holds_what_was_never_locked(database: Path) -> None:
    assert holder(database) is None
    assert not lock_path(database).exists()


def test_a_lock_file_of_junk_still_refuses_in_words(database: Path) -> None:
    with instance_lock(database, now=NOON):
        lock_path(database).write_text("[1, 2")
        with (
            pytest.raises(LockedError, match="pid unknown"),
            instance_lock(database, now=NOON),
        ):
            pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StorageError, match="cannot make the lock file"),
        instance_lock(tmp_path / "file" / "signal-monitor.db", now=NOON),
    ):
        pass
