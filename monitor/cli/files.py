"""`export` and `import`: tables as files and back."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from monitor.cli.arguments import parse_range
from monitor.cli.context import Options, chosen, counted, owning, print_json, reading, utc_now
from monitor.errors import ConfigError, MonitorError

if TYPE_CHECKING:
    from sqlmodel import Session

    from storage.export import Exported
    from storage.importer import Imported
    from storage.tables import Selection

NAMED = 5
FORMATS = ("csv", "json", "parquet")
ENDINGS = {".parquet": "parquet", ".json": "json", ".jsonl": "json", ".ndjson": "json"}


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("export")(export_table)
    app.command("import")(import_table)


def export_table(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="quotes, signals, links, moves, panel, …")],
    out: Annotated[str, typer.Option("--out", "-o", help="A file; - is stdout.")] = "-",
    form: Annotated[
        str | None,
        typer.Option("--format", help="csv, json (one a line) or parquet; else by the file's end."),
    ] = None,
    since: Annotated[str | None, typer.Option(help="An instant, or a span back: 30d.")] = None,
    until: Annotated[str | None, typer.Option(help="The end, not included.")] = None,
    theme: Annotated[str | None, typer.Option(help="One theme only.")] = None,
    market: Annotated[str | None, typer.Option(help="A market's id, slug or series.")] = None,
    freq: Annotated[str, typer.Option(help="The panel's bucket.")] = "5m",
    raw: Annotated[bool, typer.Option("--raw", help="Byte-exact cells, not guarded.")] = False,
) -> None:
    """Write a table as CSV, JSON or Parquet; a file is whole or not there, with its manifest."""
    from storage.export import write_file, write_manifest
    from storage.tables import EXPORTS, Selection

    options: Options = context.obj
    _check_table(what, EXPORTS, "exported")
    form = form or ENDINGS.get(Path(out).suffix.lower(), "csv")
    if form not in FORMATS:
        raise ConfigError(f"--format is one of {', '.join(FORMATS)}, not {form!r}")
    if form == "parquet" and out == "-":
        raise ConfigError("parquet needs a file; name one with --out FILE")
    start, end = parse_range(since, until, now=utc_now())
    selection = Selection(since=start, until=end, theme=theme, market=market)
    step = _step(freq)
    config = options.load_config()
    if theme is not None:
        chosen(theme, [each.name for each in config.themes], "theme")
    with reading(config) as session:
        if market is not None:
            _check_market(session, market)
        if out == "-":
            _write(session, what, selection, sys.stdout.buffer, form, step, raw=raw)
            sys.stdout.buffer.flush()
            return
        path = Path(out)
        exported = write_file(
            path, lambda stream: _write(session, what, selection, stream, form, step, raw=raw)
        )
        write_manifest(path, what, selection, exported)
    sys.stderr.write(f"signal-monitor: {path}: {counted(exported.rows, 'row')}\n")


def import_table(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="quotes, items or standings.")],
    file: Annotated[str, typer.Argument(help="A CSV in the export's columns; - is stdin.")],
    raw: Annotated[bool, typer.Option("--raw", help="A file that `export --raw` wrote.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Read rows in; all of a file or nothing, and again changes nothing. Never alerts."""
    from monitor.jobs.imports import import_rows, unfollowed
    from storage.importer import IMPORTS

    options: Options = context.obj
    options.set_up_logs()
    _check_table(what, IMPORTS, "imported")
    config, topics = options.load_topics()
    name = "stdin" if file == "-" else file
    with _opened(file) as stream, owning(config, wait=True) as store, store.begin() as session:
        done = import_rows(session, topics, what, stream, now=utc_now(), name=name, raw=raw)
        strange = unfollowed(session, done)
    if as_json:
        print_json({"read": done.read, "added": done.added, "differing": done.differing})
    else:
        print(_told(name, done))
    if strange:
        sys.stderr.write(f"signal-monitor: {_unfollowed_text(strange)}\n")


def _told(name: str, done: Imported) -> str:
    said = f"{name}: {counted(done.read, 'row')} read, {done.added} new"
    if done.differing:
        said += f"; {done.differing} with another price than the stored one of that instant, which "
        said += "stays"
    return said


def _unfollowed_text(markets: Sequence[tuple[str, str]]) -> str:
    """Return that nothing will be linked to these markets, and what to do."""
    from typing import get_args

    from monitor.sources.base import MarketRef

    venues = get_args(MarketRef.model_fields["venue"].annotation)
    some = ", ".join("/".join(each) for each in markets[:NAMED])
    more = len(markets) - NAMED
    said = f"no theme follows {some}" + (f" and {more} more" if more > 0 else "")
    if all(venue in venues for venue, _ in markets):
        return f"{said}: kept, but never linked; name them in a theme's markets"
    return f"{said}: kept, but never linked; a theme can follow markets of {', '.join(venues)}"


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


@contextmanager
def _opened(file: str) -> Iterator[IO[str]]:
    """Yield the text of a file, a pipe or stdin; a device has no end and is refused."""
    if file == "-":
        stdin = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", newline="")
        try:
            yield stdin
        finally:
            stdin.detach()
        return
    path = Path(file)
    try:
        if path.is_char_device() or path.is_block_device():
            raise MonitorError(f"{file}: cannot be read: it is a device, not a file")
        stream = path.open(encoding="utf-8", newline="")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise MonitorError(f"{file}: cannot be read: {why}") from error
    with stream:
        yield stream


def _check_market(session: Session, market: str) -> None:
    """Refuse a market that nothing is stored of: an empty table would say that it was quiet."""
    from monitor.problems import suggestion
    from storage.export import market_names

    known = market_names(session)
    if market not in known:
        close = suggestion(market, sorted(known))
        raise ConfigError(
            f"unknown market {market!r}{close}; --market takes an id, a slug or a series that "
            "`export markets` lists"
        )


def _check_table(what: str, known: Sequence[str], done: str) -> None:
    if what not in known:
        from monitor.problems import suggestion

        close = suggestion(what, known)
        raise ConfigError(f"{what!r} cannot be {done}{close}; choose one of {', '.join(known)}")


def _step(freq: str) -> timedelta:
    from monitor.durations import parse_duration

    text = freq.replace("min", "m")
    try:
        step = parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"--freq: {error}") from error
    if step <= timedelta(0):
        raise ConfigError("--freq must be longer than 0")
    return step
