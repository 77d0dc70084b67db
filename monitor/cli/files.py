"""`export` and `import`: tables as files and back."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.arguments import parse_when
from monitor.cli.context import Options, owning, print_json, reading, utc_now
from monitor.durations import parse_duration
from monitor.errors import ConfigError, MonitorError

if TYPE_CHECKING:
    from sqlmodel import Session

    from storage.export import Exported
    from storage.tables import Selection

FORMATS = ("csv", "json", "parquet")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("export")(export_table)
    app.command("import")(import_table)


def export_table(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="quotes, signals, links, moves, panel, …")],
    out: Annotated[str, typer.Option("--out", "-o", help="A file; - is stdout.")] = "-",
    form: Annotated[
        str, typer.Option("--format", help="csv, json (one a line) or parquet.")
    ] = "csv",
    since: Annotated[str | None, typer.Option(help="An instant, or a span back: 30d.")] = None,
    until: Annotated[str | None, typer.Option(help="The end, not included.")] = None,
    theme: Annotated[str | None, typer.Option(help="One theme only.")] = None,
    market: Annotated[str | None, typer.Option(help="A market's id, slug or series.")] = None,
    freq: Annotated[str, typer.Option(help="The panel's bucket.")] = "5m",
    raw: Annotated[bool, typer.Option("--raw", help="Byte-exact cells, not guarded.")] = False,
) -> None:
    """Write a table as CSV, JSON or Parquet; a file is whole or not there, with its manifest."""
    from storage.export import columns_of, write_file, write_manifest
    from storage.tables import Selection

    options: Options = context.obj
    columns_of(what)
    if form not in FORMATS:
        raise ConfigError(f"--format is one of {', '.join(FORMATS)}, not {form!r}")
    if form == "parquet" and out == "-":
        raise ConfigError("parquet needs a file; name one with --out FILE")
    now = utc_now()
    selection = Selection(
        since=parse_when(since, now=now),
        until=parse_when(until, now=now),
        theme=theme,
        market=market,
    )
    step = _step(freq)
    with reading(options.load_config()) as session:
        if out == "-":
            _write(session, what, selection, sys.stdout.buffer, form, step, raw=raw)
            return
        path = Path(out)
        exported = write_file(
            path, lambda stream: _write(session, what, selection, stream, form, step, raw=raw)
        )
        write_manifest(path, what, selection, exported)
    sys.stderr.write(f"{path}: {exported.rows} rows\n")


def import_table(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="quotes, items or standings.")],
    file: Annotated[str, typer.Argument(help="A CSV in the export's columns; - is stdin.")],
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Read rows in; all of a file or nothing, and again changes nothing. Never alerts."""
    from monitor.jobs.imports import import_rows
    from storage.importer import IMPORTS

    options: Options = context.obj
    options.set_up_logs()
    config, topics = options.load_topics()
    if what not in IMPORTS:
        raise ConfigError(f"{what!r} cannot be imported; choose one of {', '.join(IMPORTS)}")
    with _opened(file) as stream, owning(config, wait=True) as store, store.begin() as session:
        done = import_rows(session, topics, what, stream, now=utc_now(), name=file)
    if as_json:
        print_json({"read": done.read, "added": done.added})
    else:
        print(f"{file}: {done.read} rows read, {done.added} new")


def _write(
    session: Session,
    what: str,
    selection: Selection,
    stream: IO[bytes],
    form: str,
    step: timedelta,
    *,
    raw: bool,
) -> Exported:
    from storage import export

    if form == "csv":
        return export.write_csv(session, what, selection, stream, freq=step, raw=raw)
    if form == "json":
        return export.write_json(session, what, selection, stream, freq=step)
    from storage.parquet import write_parquet

    return write_parquet(session, what, selection, stream, freq=step)


def _opened(file: str) -> Any:
    if file == "-":
        sys.stdin.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        return sys.stdin
    try:
        return Path(file).open(encoding="utf-8", newline="")
    except OSError as error:
        raise MonitorError(f"{file}: cannot be read: {error.strerror}") from error


def _step(freq: str) -> timedelta:
    text = freq.replace("min", "m")
    try:
        step = parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"--freq: {error}") from error
    if step <= timedelta(0):
        raise ConfigError("--freq must be longer than 0")
    return step
