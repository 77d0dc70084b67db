"""Commands that run or keep the daemon: init, run, poll, demo, status, config, service, version."""

from __future__ import annotations

import asyncio
import os
import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor import __version__
from monitor.cli import health
from monitor.cli.context import Options, chosen, owning, print_json, reading, utc_now
from monitor.errors import ConfigError

if TYPE_CHECKING:
    from monitor.config import Config

_SECRET_PARAMETER = re.compile(
    r"(?i)([?&][^=&#]*(?:key|token|secret|passw|sig|auth)[^=&#]*=)[^&#]*"
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (init, run, poll, demo, status, version):
        app.command()(command)
    config = typer.Typer(help="Check or show the configuration.", no_args_is_help=True)
    config.command("check")(config_check)
    config.command("show")(config_show)
    app.add_typer(config, name="config")
    service = typer.Typer(help="Run as a system service.", no_args_is_help=True)
    service.command("print")(service_print)
    app.add_typer(service, name="service")
    database = typer.Typer(help="Look after the database.", no_args_is_help=True)
    database.command("migrate")(db_migrate)
    app.add_typer(database, name="db")


def init(
    folder: Annotated[Path, typer.Option("--dir", help="Where to write config.yaml.")] = Path(),
) -> None:
    """Write a commented config.yaml; an existing one is left alone."""
    from monitor.config import shipped_text

    target = folder / "config.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(shipped_text())
    except FileExistsError:
        raise ConfigError(f"{target} exists; move it away first, nothing was changed") from None
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written: {error.strerror}") from error
    named = "" if folder == Path() else f" -c {target}"
    print(f"wrote {target}; next: signal-monitor{named} run")


def run(
    context: typer.Context,
    no_web: Annotated[bool, typer.Option("--no-web", help="Serve no health page.")] = False,
) -> int:
    """The daemon, in the foreground: polls, tags, links and alerts until Ctrl-C or SIGTERM."""
    from monitor.app import open_app
    from monitor.clock import SystemClock
    from monitor.daemon import run_until_signal

    options: Options = context.obj
    options.set_up_logs(daemon=True)
    config = options.load_config()
    _warn_of_placeholder(config)

    async def work() -> None:
        async with open_app(config, store, SystemClock(), around=surroundings(options)) as app:
            await run_until_signal(app, serve=not no_web)

    with owning(config) as store:
        asyncio.run(work())
    return 0


def poll(
    context: typer.Context,
    sources: Annotated[list[str] | None, typer.Argument(help="Default: every source.")] = None,
    as_json: Json = False,
) -> int:
    """One round of sources and jobs, then exit; 3 when a source failed."""
    from monitor.app import open_app
    from monitor.clock import SystemClock
    from monitor.daemon import run_round

    options: Options = context.obj
    options.set_up_logs()
    config = options.load_config()
    _warn_of_placeholder(config)
    _check_sources(config, sources or ())

    async def work() -> Any:
        async with open_app(config, store, SystemClock(), around=surroundings(options)) as app:
            return await run_round(app, sources or None, rng=random.Random())  # noqa: S311

    with owning(config) as store:
        reports, found = asyncio.run(work())
    if as_json:
        print_json(health.poll_json(reports, found))
    else:
        health.poll(options.console(), reports, found)
    return 3 if any(report.error for report in reports) else 0


def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--dir", help="Where files go.")] = Path("demo-out"),
) -> int:
    """The offline minute: a recorded case and a simulated market through the whole pipeline."""
    from monitor.cli.demo import show

    options: Options = context.obj
    options.set_up_logs()
    return show(folder, options.console())


def status(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 on any problem.")] = False,
    as_json: Json = False,
) -> int:
    """Is everything watched: daemon, prices and their age, sources, outbox, database."""
    from monitor.reports.status import status as report_status
    from storage.engine import sqlite_path

    options: Options = context.obj
    config = options.load_config()
    with reading(config) as session:
        report = report_status(session, config, sqlite_path(config.storage.url), now=utc_now())
    if as_json:
        print_json(report)
    else:
        health.status(options.console(), report)
    return 1 if check and report["problems"] else 0


def config_check(context: typer.Context) -> None:
    """Check the file, and that what its channels name is there: all problems, with their lines."""
    from monitor.checks.readiness import readiness
    from monitor.config import placed

    options: Options = context.obj
    config = options.load_config()
    alerts = config.alerts
    ready = list(readiness(alerts.channels, alerts.dead_man, surroundings(options)))
    if problems := [problem for each in ready for problem in each.problems]:
        raise ConfigError(placed(options.config_file(), os.environ, problems))
    print(
        f"{options.config_file()}: ok, {len(config.themes)} themes, {len(config.sources)} sources, "
        f"{len(alerts.rules)} rules"
    )
    for each in ready:
        if each.found:
            print(f"{each.place}: {', '.join(each.found)}")


def config_show(context: typer.Context, as_json: Json = False) -> None:
    """Show the configuration with defaults and overrides; secrets are named, never shown."""
    options: Options = context.obj
    config = options.load_config()
    plain = config.model_dump(mode="json", by_alias=True, exclude_none=True)
    # Spelled out, the defaults of a rule would be refused as a combination nobody asked for.
    rules = config.alerts.rules
    plain["alerts"]["rules"] = [
        rule.model_dump(mode="json", by_alias=True, exclude_unset=True) for rule in rules
    ]
    plain = _without_secrets(plain)
    if as_json:
        print_json(plain)
        return
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt", pure=True)
    yaml.width = 120
    yaml.dump(plain, sys.stdout)


def service_print(
    context: typer.Context,
    user: Annotated[bool, typer.Option("--user", help="A unit for systemctl --user.")] = False,
) -> None:
    """Print a systemd unit for this installation, with absolute paths."""
    from monitor.service import unit_text
    from storage.engine import sqlite_path

    options: Options = context.obj
    path, data = options.config_file().resolve(), None
    if path.exists():
        database = sqlite_path(options.load_config().storage.url)
        data = database.parent if database else None
    else:
        sys.stderr.write(
            f"signal-monitor: {path} is not there yet; `signal-monitor init` writes it\n"
        )
    python = Path(sys.executable).absolute()
    print(unit_text(python=python, config=path, user=user, data=data), end="")


def db_migrate(context: typer.Context) -> None:
    """Bring the database to this version's schema, after a copy of the file."""
    options: Options = context.obj
    with owning(options.load_config()) as store:
        print(f"{store.path}: up to date")


def version() -> None:
    """Print the version."""
    print(f"signal-monitor {__version__}")


def surroundings(options: Options) -> Any:
    """Return the variables, files and streams that channels are resolved with."""
    from monitor.alerts.channels.base import Surroundings

    folder = options.config_file().resolve().parent

    def read_text(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    return Surroundings(os.environ, read_text, sys.stdout, sys.stderr)


def _check_sources(config: Config, names: Sequence[str]) -> None:
    known = {source.name: source for source in config.sources}
    for name in names:
        if not known[chosen(name, list(known), "source")].enabled:
            raise ConfigError(f"source {name!r} is off; take `enabled: false` out to poll it")


def _without_secrets(node: Any) -> Any:
    """Return plain values without what an address carries under a name like `token`."""
    if isinstance(node, dict):
        return {key: _without_secrets(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_without_secrets(value) for value in node]
    return _SECRET_PARAMETER.sub(r"\1***", node) if isinstance(node, str) else node


def _warn_of_placeholder(config: Config) -> None:
    from monitor.config import PLACEHOLDER_CONTACT

    if config.http.contact == PLACEHOLDER_CONTACT:
        sys.stderr.write(
            "signal-monitor: http.contact is still the placeholder; put your address in "
            "config.yaml so that publishers can reach you\n"
        )
