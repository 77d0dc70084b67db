"""The picture of a study: the curve on its placebo band, every episode, and n under each point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import typer

from monitor.cli.context import counted
from monitor.errors import MonitorError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = {".svg": "svg", ".png": "png"}
EVERY_POINT_BELOW = 15
WIDTH, HEIGHT, TITLE_HEIGHT = 8.0, 4.8, 0.7
TITLE_CHARS = 110
INK, BAND, FAINT = "#1f4e79", "#d9d9d9", "#8a8a8a"


def check(file: Path) -> None:
    """Refuse a picture that cannot be drawn before anything is computed.

    Raises typer.BadParameter for another ending, MonitorError without matplotlib or the folder.
    """
    if file.suffix.lower() not in KINDS:
        raise typer.BadParameter(
            f"{file.name!r} is neither .svg nor .png; the ending says what is drawn",
            param_hint="--plot",
        )
    if not file.absolute().parent.is_dir():
        raise MonitorError(f"{file.absolute().parent}: no such folder; --plot makes none")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MonitorError(
            "--plot needs matplotlib, which is not installed; `pip install signal-monitor[plot]` "
            "brings it, or leave --plot away"
        ) from error


def draw(report: dict[str, Any], file: Path) -> None:
    """Write the picture of a report of `theme_study`: each family's panel, or why it has none.

    The file appears whole or not at all. Raises MonitorError when it cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    parts = [part for family in report["studies"] for part in _parts(family)]
    heights = [height for _, _, height in parts]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    grid = figure.subplots(len(parts), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for axes, (fill_in, family, _) in zip(grid[:, 0], parts, strict=True):
        fill_in(axes, report, family)
    kind = KINDS[file.suffix.lower()]
    part = file.with_name(f".{file.name}.part")
    try:
        # Equal figures give an equal file.
        with rc_context({"svg.hashsalt": "study"}):
            metadata = {"Date": None} if kind == "svg" else {}
            figure.savefig(part, format=kind, dpi=150, metadata=metadata)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise MonitorError(f"{file}: cannot be written: {error.strerror}") from error


def _parts(family: dict[str, Any]) -> list[tuple[Callable[..., None], dict[str, Any], float]]:
    """Return what is drawn of a family, from above, with its height."""
    if not family["episodes"]:
        return [(_title_alone, family, TITLE_HEIGHT)]
    return [(_panel, family, HEIGHT * 0.8), (_counts, family, HEIGHT * 0.2)]


def _title_alone(axes: Axes, report: dict[str, Any], family: dict[str, Any]) -> None:
    axes.set_axis_off()
    _title(axes, report, family)


def _panel(axes: Axes, report: dict[str, Any], family: dict[str, Any]) -> None:
    curve = family["curve"]
    hours = [row["minutes"] / 60 for row in curve]
    lows, highs = ([_number(row[name]) for row in curve]
                   for name in ("placebo_low_pp", "placebo_high_pp"))  # fmt: skip
    axes.fill_between(hours, lows, highs, color=BAND, linewidth=0, label="95 % of placebo means")
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.axvline(0, color=FAINT, linewidth=0.8, linestyle="--")
    axes.plot(
        hours, [_number(row["caam_pp"]) for row in curve], color=INK, linewidth=1.8,
        label=f"mean of {counted(family['episodes'], 'episode')}",
    )  # fmt: skip
    if family["episodes"] < EVERY_POINT_BELOW:
        _points(axes, report["window_s"] / 3600, family["observations"])
    axes.set_ylabel("move since t0, points")
    axes.set_xlim(hours[0], hours[-1])
    axes.tick_params(labelbottom=False)
    axes.spines[["top", "right"]].set_visible(False)
    _title(axes, report, family)
    axes.legend(frameon=False, fontsize=8, loc="best")


def _title(axes: Axes, report: dict[str, Any], family: dict[str, Any]) -> None:
    kind = f", {report['kind']}" if report["kind"] else ""
    axes.set_title(
        f"{_plain(report['theme'])}{kind}: {family['relation']} markets\n"
        + fill(family["sentences"][0], TITLE_CHARS),
        fontsize=9,
        loc="left",
    )


def _points(axes: Axes, at: float, observations: list[dict[str, Any]]) -> None:
    moves = [row["move_pp"] for row in observations]
    axes.plot(
        [at] * len(moves), moves, linestyle="", marker="o", markersize=3.5, alpha=0.6,
        color=INK, markeredgewidth=0, label="each episode at the window's end",
    )  # fmt: skip


def _counts(axes: Axes, report: dict[str, Any], family: dict[str, Any]) -> None:
    hours = [row["minutes"] / 60 for row in family["curve"]]
    axes.step(hours, [row["n"] for row in family["curve"]], where="mid", color=FAINT)
    axes.set_xlim(hours[0], hours[-1])
    axes.set_ylim(0, family["episodes"] * 1.2)
    axes.set_yticks([0, family["episodes"]])
    axes.set_ylabel("n")
    axes.set_xlabel("hours from the signal")
    axes.tick_params(labelbottom=True)
    axes.spines[["top", "right"]].set_visible(False)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _plain(text: str) -> str:
    # Between dollar signs matplotlib would read a formula.
    return text.replace("$", r"\$")
