"""Rows on a terminal of any width: texts may be broken over lines, ids and figures never."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape, render
from rich.table import Table

MIN_TEXT_WIDTH = 36
GAP = 2
_TEXTS = {
    "title", "headline", "market", "near", "error", "result", "rows", "matchers", "comment",
}  # fmt: skip
_NUMBERS = {"#", "score", "novelty", "pub", "move", "z", "p", "q", "updates", "price", "24 h"}


def show_rows(console: Console, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows as a table; where its texts would get narrow, each below its row's figures."""
    cells = [list(row) for row in rows]
    fixed = [index for index, name in enumerate(names) if name not in _TEXTS]
    texts = [index for index, name in enumerate(names) if name in _TEXTS]
    widths = [max(map(_width, [name, *(row[i] for row in cells)])) for i, name in enumerate(names)]
    left = console.width - sum(widths[index] + GAP for index in fixed)
    wanted = sum(min(widths[index], MIN_TEXT_WIDTH) + GAP for index in texts)
    if left >= wanted:
        table = new_table(*names)
        for row in cells:
            table.add_row(*row)
        console.print(table)
        return
    header = _line([names[index] for index in fixed], names, fixed, widths)
    console.print(header, style="bold", soft_wrap=True)
    for row in cells:
        console.print(_line([row[index] for index in fixed], names, fixed, widths), soft_wrap=True)
        for index in texts:
            if row[index]:
                console.print(f"    {row[index]}", soft_wrap=True)


def new_table(*names: str) -> Table:
    """Return an empty table with these columns."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    for name in names:
        table.add_column(
            name,
            overflow="fold",
            no_wrap=name not in _TEXTS,
            justify="right" if name in _NUMBERS else "left",
        )
    return table


def safe(text: object) -> str:
    """Return `text` as one line without control characters, its brackets no markup."""
    return escape(printable(str(text)))


def printable(text: str) -> str:
    """Return `text` with a blank for every character that no terminal should get."""
    return "".join(char if char.isprintable() else " " for char in text)


def _line(
    cells: Sequence[str], names: Sequence[str], fixed: Sequence[int], widths: Sequence[int]
) -> str:
    padded = []
    for cell, index in zip(cells, fixed, strict=True):
        room = " " * (widths[index] - _width(cell))
        padded.append(room + cell if names[index] in _NUMBERS else cell + room)
    return (" " * GAP).join(padded).rstrip()


def _width(cell: str) -> int:
    return cell_len(render(cell).plain)
