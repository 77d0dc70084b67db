"""`eval`: how well the tagger does on labelled texts, and why it erred where it did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.context import Options, chosen, print_json
from monitor.cli.tables import safe, show_rows
from monitor.cli.tags import config_or_shipped
from monitor.errors import ConfigError, MonitorError

if TYPE_CHECKING:
    from rich.console import Console

    from signals.evaluation import Counts, Evaluation, Interval, Labelled, Mistake

COLUMNS = ("TP", "FP", "FN", "precision", "recall", "F1")
STYLES = {"false alarm": "red", "missed": "yellow", "wrong kind": "cyan"}


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("eval")(evaluate)


def evaluate(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Default: your own marks.")
    ] = None,
    own: Annotated[
        bool, typer.Option("--own", help="Your own marks too, when there are any.")
    ] = False,
    theme: Annotated[str | None, typer.Option(help="One theme only.")] = None,
    folds: Annotated[int, typer.Option(min=1, help="Show so many parts of the rows.")] = 1,
    errors: Annotated[
        int | None, typer.Option(min=0, help="How many errors to list; default: every one.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Rows with sure 0 too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Measure the tagger on labelled texts: precision, recall, F1, kinds, every error explained.

    A line is {"id", "title", "themes": [], "kind", "sure"} with the fields that `tag --jsonl`
    takes; of two lines with one id the last counts. Intervals are 95 % (Wilson).
    """
    from monitor.topics import open_topics
    from signals import evaluation

    options: Options = context.obj
    config = config_or_shipped(options)
    if theme is not None:
        chosen(theme, [each.name for each in config.themes], "theme")
    themes = {each.name: each.min_score for each in config.themes if theme in (None, each.name)}
    paths = _paths(files or [], _own_file(config), own=own or not files)
    rows, report = _read(paths, [each.name for each in config.themes], every=every)
    tagger = open_topics(config).tagger
    found = evaluation.evaluate(rows, tagger, themes, folds=folds)
    if as_json:
        print_json({**report, **_plain(found, errors)})
    else:
        _show(options.console(), found, report, errors)


def _own_file(config: Any) -> Path:
    from monitor.labels import own_file
    from storage.engine import sqlite_path

    path = sqlite_path(config.storage.url)
    assert path is not None  # the config takes SQLite only
    return own_file(path)


def _paths(files: Sequence[Path], mine: Path, *, own: bool) -> list[Path]:
    if not files and not mine.exists():
        raise ConfigError(
            f"eval needs a file of labelled lines; {mine}, where `signal-monitor signals mark` "
            "keeps your own, is not there yet"
        )
    add = own and mine.exists() and all(path.resolve() != mine.resolve() for path in files)
    return [*files, mine] if add else list(files)


def _read(
    paths: Sequence[Path], themes: Sequence[str], *, every: bool
) -> tuple[list[Labelled], dict[str, Any]]:
    """Return the rows to measure and what is to be said of the files."""
    from monitor.labels import read_labels

    read = [(path, read_labels(path)) for path in paths]
    rows = [row for _, labels in read for row in labels.rows]
    named = {theme for row in rows for theme in row.themes}
    kept = [row for row in rows if every or row.sure]
    if not kept:
        raise MonitorError(f"{', '.join(map(str, paths))}: no labelled line to measure with")
    return kept, {
        "files": [{"path": str(path), "rows": len(labels.rows)} for path, labels in read],
        "unsure": len(rows) - len(kept),
        "unknown_themes": sorted(named - set(themes)),
        "refused": [line for _, labels in read for line in labels.refused],
    }


def _show(
    console: Console, found: Evaluation, report: Mapping[str, Any], errors: int | None
) -> None:
    for file in report["files"]:
        console.print(f"{safe(file['path'])}: {file['rows']} labelled texts")
    if report["unsure"]:
        console.print(f"left out: {report['unsure']} of which the rater was not sure (--all)")
    for name in report["unknown_themes"]:
        console.print(f"[yellow]no theme of the config: {safe(name)}[/]")
    for line in report["refused"]:
        console.print(f"[yellow]refused {safe(line)}[/]", soft_wrap=True)
    console.print()
    _table(console, "theme", [*found.themes.items(), ("all", found.pooled)])
    if found.kinds:
        console.print()
        _table(console, "kind", found.kinds.items())
    _show_kinds(console, found)
    if len(found.folds) > 1:
        console.print()
        _table(console, "fold", ((str(n), each) for n, each in enumerate(found.folds, 1)))
    _show_mistakes(console, found.mistakes, errors)


def _table(console: Console, name: str, rows: Iterable[tuple[str, Counts]]) -> None:
    cells = [
        [
            safe(row),
            *(f"{count:>4}" for count in (counts.tp, counts.fp, counts.fn)),
            _share(counts.precision, counts.precision_interval),
            _share(counts.recall, counts.recall_interval),
            _share(counts.f1, counts.f1_interval),
        ]
        for row, counts in rows
    ]
    show_rows(console, (name, *(f"{each:>4}" for each in COLUMNS[:3]), *COLUMNS[3:]), cells)


def _show_kinds(console: Console, found: Evaluation) -> None:
    from signals.evaluation import wilson

    right, total = found.kind_hits
    if not total:
        return
    shown = _share(found.kind_accuracy, wilson(right, total))
    console.print(f"\nkinds of the hits: {shown} right, {right} of {total}")
    wrong = {pair: n for pair, n in found.confusion.items() if pair[0] != pair[1]}
    for (label, said), count in sorted(wrong.items(), key=lambda each: (-each[1], each[0])):
        console.print(f"  {count:>3}  {safe(label)} was read as {safe(said)}")


def _show_mistakes(console: Console, mistakes: Sequence[Mistake], limit: int | None) -> None:
    shown = mistakes if limit is None else mistakes[:limit]
    if not mistakes:
        console.print("\n[green]no error[/]")
        return
    more = f", {len(shown)} shown" if len(shown) < len(mistakes) else ""
    console.print(f"\n[bold]errors: {len(mistakes)}{more}[/]")
    for mistake in shown:
        style = STYLES[mistake.what]
        console.print(
            f"\n[{style}]{mistake.what}[/] {safe(mistake.theme)}{safe(_kinds(mistake))}, "
            f"{_score(mistake)}, id {safe(mistake.id)}",
            soft_wrap=True,
        )
        console.print(f"  {safe(mistake.title)}", soft_wrap=True)
        for reason in mistake.reasons:
            console.print(f"    {safe(reason)}", style="dim", soft_wrap=True)


def _kinds(mistake: Mistake) -> str:
    if mistake.what == "wrong kind":
        return f" {mistake.said}, right is {mistake.right or 'another'}"
    kind = mistake.said if mistake.what == "false alarm" else mistake.right
    return f" {kind}" if kind else ""


def _score(mistake: Mistake) -> str:
    if mistake.score is None:
        return f"no score (needs {mistake.min_score:.2f})"
    order = "≥" if mistake.score >= mistake.min_score else "<"
    return f"score {mistake.score:.2f} {order} {mistake.min_score:.2f}"


def _share(value: float | None, interval: Interval | None) -> str:
    if value is None or interval is None:
        return "–"
    return f"{value:.3f} ({interval[0]:.3f}–{interval[1]:.3f})"


def _plain(found: Evaluation, errors: int | None) -> dict[str, Any]:
    from signals.evaluation import wilson

    return {
        "rows": found.rows,
        "themes": {name: _counts(counts) for name, counts in found.themes.items()},
        "pooled": _counts(found.pooled),
        "kinds": {name: _counts(counts) for name, counts in found.kinds.items()},
        "kind_accuracy": found.kind_accuracy,
        "kind_accuracy_interval": wilson(*found.kind_hits),
        "kind_confusion": [
            {"right": right, "said": said, "count": count}
            for (right, said), count in sorted(found.confusion.items())
        ],
        "folds": [_counts(counts) for counts in found.folds],
        "errors": [asdict(mistake) for mistake in found.mistakes[:errors]],
        "error_count": len(found.mistakes),
    }


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        **asdict(counts),
        "precision": counts.precision,
        "precision_interval": counts.precision_interval,
        "recall": counts.recall,
        "recall_interval": counts.recall_interval,
        "f1": counts.f1,
        "f1_interval": counts.f1_interval,
    }
