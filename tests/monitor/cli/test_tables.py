from __future__ import annotations

import io

from rich.console import Console

from monitor.cli.tables import safe, show_rows

NAMES = ("id", "title", "score")
ROWS = [["s447c16eeeee6", "夸克AI眼镜 " * 6, "0.8"], ["s2", "short", "[green]12.5[/]"]]


def shown(width: int, names: tuple[str, ...] = NAMES) -> list[str]:
    stream = io.StringIO()
    show_rows(Console(file=stream, width=width), names, ROWS)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_a_wide_terminal_gets_one_line_for_each_row() -> None:
    header, first, second = shown(120)
    assert header.split() == ["id", "title", "score"]
    assert first.startswith("s447c16eeeee6  夸克AI眼镜 夸克AI眼镜")
    assert second.split() == ["s2", "short", "12.5"]


def test_figures_are_aligned_at_their_right_edge() -> None:
    lines = shown(30)
    figures = [line for line in lines if line.endswith(("0.8", "12.5"))]
    assert {len(line) for line in figures} == {len("s447c16eeeee6") + 2 + len("score")}


def test_a_narrow_terminal_gets_texts_below_their_rows_and_whole_ids() -> None:
    assert shown(30) == [
        "id             score",
        "s447c16eeeee6    0.8",
        "    " + ("夸克AI眼镜 " * 6).rstrip(),
        "s2              12.5",
        "    short",
    ]


def test_no_rows_are_a_header_alone() -> None:
    stream = io.StringIO()
    show_rows(Console(file=stream, width=80), NAMES, [])
    assert stream.getvalue().split() == ["id", "title", "score"]


def test_text_from_outside_is_neither_markup_nor_control() -> None:
    stream = io.StringIO()
    text = "[bold]\x1b[31mred\x00\n\u202eevil[/bold]"
    Console(file=stream, width=80).print(safe(text))
    assert stream.getvalue() == "[bold] [31mred   evil[/bold]\n"
