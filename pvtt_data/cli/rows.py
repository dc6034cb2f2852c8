"""Rows on a screen or into a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pvtt_data.words import printable

_UNLIMITED = 1_000_000


def print_rows(names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: one row a line where the terminal is wide enough, or into a pipe; else one block a row.

    Args:
        names: of the columns.
        rows: cells; none of them is markup, and what would move the cursor is shown as an escape.
    """
    cells = [[Text(printable(cell)) for cell in row] for row in rows]
    console = Console()
    table = _table(names, cells)
    width = console.measure(table, options=console.options.update(width=_UNLIMITED)).maximum
    if not console.is_terminal:
        console.width = max(console.width, width)
    if width <= console.width:
        console.print(table)
        return
    for record in cells:
        console.print(_record(names, record))


def _table(names: Sequence[str], rows: Sequence[Sequence[Text]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _record(names: Sequence[str], row: Sequence[Text]) -> Padding:
    """One row as a block of its filled columns."""
    block = Table(box=None, pad_edge=False, show_header=False)
    block.add_column(style="bold", no_wrap=True)
    block.add_column(overflow="fold")
    for name, value in zip(names, row, strict=True):
        if value:
            block.add_row(name, value)
    return Padding(block, (0, 0, 1, 0))
