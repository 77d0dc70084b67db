"""What commands share: the config, the store, and how results are printed."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console
    from sqlmodel import Session

    from monitor.config import Config
    from monitor.topics import Topics
    from storage import Store

APP_FOLDER = "signal-monitor"


@dataclass(frozen=True, slots=True)
class Options:
    """The global options of one call."""

    config_path: Path | None
    verbose: bool = False
    quiet: bool = False
    no_color: bool = False

    def config_file(self) -> Path:
        """Return the config to use: the one named, ./config.yaml, or the XDG folder's."""
        if self.config_path is not None:
            return self.config_path
        here = Path("config.yaml")
        base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        shared = Path(base) / APP_FOLDER / "config.yaml"
        return shared if not here.exists() and shared.exists() else here

    def load_config(self) -> Config:
        """Return the checked config; ConfigError lists every problem."""
        from monitor.config import load_config

        return load_config(self.config_file(), os.environ)

    def load_topics(self) -> tuple[Config, Topics]:
        """Return the config and its themes over the catalog."""
        from monitor.topics import open_topics

        config = self.load_config()
        return config, open_topics(config)

    def set_up_logs(self, *, daemon: bool = False) -> None:
        """Configure logging: the daemon says what it does, one-shots only what went wrong."""
        from monitor import logs

        level = logging.INFO if daemon else logging.WARNING
        level = logging.DEBUG if self.verbose else logging.WARNING if self.quiet else level
        logs.set_up(level=level, colors=not self.plain)

    @property
    def plain(self) -> bool:
        """Return whether colours are unwanted."""
        return self.no_color or bool(os.environ.get("NO_COLOR"))

    def console(self) -> Console:
        """Return where tables go: stdout, with colours on a terminal only; COLUMNS sets a width."""
        from rich.console import Console

        width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else 160
        return Console(no_color=self.plain, highlight=False, width=width)


@contextmanager
def reading(config: Config) -> Iterator[Session]:
    """Yield a snapshot of the database beside a running daemon; never creates one."""
    from storage import open_readonly

    store = open_readonly(config.storage.url)
    try:
        with store.read() as session:
            yield session
    finally:
        store.close()


@contextmanager
def owning(config: Config, *, wait: bool = False) -> Iterator[Store]:
    """Yield the store, migrated, while holding the instance lock.

    `wait`: for a running daemon to end, saying so; else LockedError names it.
    """
    from storage import LockedError, open_store
    from storage.engine import sqlite_path
    from storage.lock import instance_lock

    path = sqlite_path(config.storage.url)
    assert path is not None  # the config takes SQLite only
    said = False
    while True:
        try:
            with instance_lock(path, now=utc_now()):
                store = open_store(config.storage.url)
                try:
                    yield store
                finally:
                    store.close()
                return
        except LockedError as error:
            if not wait:
                raise
            if not said:
                sys.stderr.write(f"waiting for the running instance ({error.holder}) to end…\n")
                said = True
            _pause()


def chosen(name: str, known: Sequence[str], what: str) -> str:
    """Return `name` when the config has it. Raises ConfigError with what it has instead."""
    from monitor.problems import suggestion

    if name not in known:
        have = f"the config has {', '.join(known)}" if known else f"the config has no {what}"
        raise ConfigError(f"unknown {what} {name!r}{suggestion(name, known)}; {have}")
    return name


def utc_now() -> datetime:
    """Return the wall time; the command line is where real time enters."""
    return datetime.now(UTC)


def print_json(value: Any) -> None:
    """Write one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=_plain) + "\n")


def age_text(seconds: float | None) -> str:
    """Return an age as a person says it, `3 min`; a dash when unknown."""
    if seconds is None:
        return "–"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def instant_text(instant: datetime | None) -> str:
    """Return an instant to the minute in UTC; a dash when missing."""
    return "–" if instant is None else f"{instant:%Y-%m-%d %H:%M}Z"


def counted(number: int, noun: str) -> str:
    """Return `1 signal` or `2 signals`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def price_text(price: float | None) -> str:
    """Return a probability in percent; a dash when missing."""
    return "–" if price is None else f"{price * 100:.1f} %"


def pp_text(points: float | None) -> str:
    """Return a signed change in percentage points; a dash when missing."""
    return "–" if points is None else f"{points:+.1f} pp"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        from storage.instants import format_instant

        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (Decimal, Path)):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def _pause() -> None:
    import time

    time.sleep(0.5)
