"""`python -m monitor` and the console script: runs a command, turns errors into exit codes.

0 ok, 1 failed, 2 usage or config, 3 some sources failed, 75 another instance holds the lock,
130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from monitor.cli import app
from monitor.cli.arguments import hoist_global_options
from monitor.errors import ConfigError, MonitorError

EXIT_FAILED, EXIT_USAGE, EXIT_LOCKED, EXIT_INTERRUPTED = 1, 2, 75, 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Return the exit code of one command; every expected error is one message on stderr."""
    try:
        code = app(hoist_global_options(arguments), standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`export … | head`); nothing more can be said on stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ConfigError as error:
        return _say(error, EXIT_USAGE)
    except MonitorError as error:
        return _say(error, EXIT_FAILED)
    except Exception as error:
        # storage is loaded by the commands that need it, and by then its errors are importable.
        storage = sys.modules.get("storage.errors")
        if storage is None or not isinstance(error, storage.StorageError):
            raise
        return _say(error, EXIT_LOCKED if isinstance(error, storage.LockedError) else EXIT_FAILED)
    return code if isinstance(code, int) else 0


def _say(error: Exception, code: int) -> int:
    sys.stderr.write(f"signal-monitor: {error}\n" if "\n" not in str(error) else f"{error}\n")
    return code


if __name__ == "__main__":
    main()
