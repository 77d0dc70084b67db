"""The command line. Imports of anything heavy stand inside the commands, so `--help` is light."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli import (
    alerts,
    calendar,
    evaluation,
    files,
    look,
    markets,
    operate,
    past,
    sources,
    study,
    tags,
)
from monitor.cli.context import Options

app = typer.Typer(
    name="signal-monitor",
    help="Watches prediction markets and the public signals that move them, and tells you first.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Default: ./config.yaml, then XDG.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Log warnings only.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="Also by NO_COLOR.")] = False,
) -> None:
    """Take the options that every command has, before or after its name."""
    context.obj = Options(config, verbose=verbose, quiet=quiet, no_color=no_color)


operate.register(app)
look.register(app)
calendar.register(app)
markets.register(app)
tags.register(app)
evaluation.register(app)
files.register(app)
past.register(app)
study.register(app)
sources.register(app)
alerts.register(app)
