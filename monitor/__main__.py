"""`python -m monitor` and the console script: runs a command, turns errors into exit codes.

0 ok, 1 failed, 2 usage or config, 3 some sources failed, 75 another instance holds the lock,
130 interrupted.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from monitor.cli import app
from monitor.cli.arguments import hoist_global_options
from monitor.errors import ConfigError, MonitorError

PROGRAM = "signal-monitor"
EXIT_FAILED, EXIT_USAGE, EXIT_LOCKED, EXIT_INTERRUPTED = 1, 2, 75, 130
# typer may carry a click of its own; this is the base of all usage errors, whichever it is.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Files and pipes get UTF-8 whatever the locale; what cannot be written is spelled out.
        encoding = None if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Return the exit code of one command; every expected error is one message on stderr."""
    try:
        code = _invoke(list(arguments))
        sys.stdout.flush()
    except _UsageError as error:
        return _say_usage(error)
    except (typer.Abort, KeyboardInterrupt):
        return _say("interrupted", EXIT_INTERRUPTED)
    except (BrokenPipeError, SystemExit):
        # The reader went away (`export … | head`), for which rich leaves with SystemExit.
        _silence_stdout()
        return 0
    except ConfigError as error:
        return _say(error, EXIT_USAGE)
    except MonitorError as error:
        return _say(error, EXIT_FAILED)
    except OSError as error:
        _silence_stdout()
        what = f"{error.filename}: " if error.filename else "cannot write or read: "
        return _say(f"{what}{error.strerror or error}", EXIT_FAILED)
    except Exception as error:
        # storage is loaded by the commands that need it, and by then its errors are importable.
        storage = sys.modules.get("storage.errors")
        if storage is None or not isinstance(error, storage.StorageError):
            raise
        return _say(error, EXIT_LOCKED if isinstance(error, storage.LockedError) else EXIT_FAILED)
    return code


def _invoke(arguments: list[str]) -> int:
    command: Any = typer.main.get_command(app)
    try:
        with command.make_context(PROGRAM, hoist_global_options(arguments)) as context:
            code = command.invoke(context)
    except typer.Exit as leaving:
        return leaving.exit_code
    return code if isinstance(code, int) else 0


def _say_usage(error: Any) -> int:
    message = error.format_message()
    if message:  # no arguments at all show the help and need no words
        context = getattr(error, "ctx", None)
        path = context.command_path if context else PROGRAM
        _say(f"{message.rstrip('.')}; see `{path} --help`", EXIT_USAGE)
    return EXIT_USAGE


def _say(error: object, code: int) -> int:
    text = str(error)
    sys.stderr.write(f"{text}\n" if "\n" in text else f"{PROGRAM}: {text}\n")
    return code


def _silence_stdout() -> None:
    """Send what is still buffered for stdout nowhere, so that closing it cannot fail again."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (io.UnsupportedOperation, ValueError):
        return


if __name__ == "__main__":
    main()
