"""`pvtt-data show`: the rows of the latest build, by SQL."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from pvtt_data.show import VIEWS, query

_UNLIMITED = 1_000_000


@click.command("show")
@click.argument("what", type=click.Choice(list(VIEWS)))
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=Path("work"),
    show_default=True,
    help="Work directory of the build.",
)
@click.option("--where", metavar="SQL", help='Condition, such as "reason = \'too-dark\'" or "fps > 24".')
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a header.")
def show_command(what: str, work: Path, where: str | None, as_json: bool, as_csv: bool) -> None:
    """Show sources, clips, tracks, pairs, triples, rejections or verdicts of the latest build.

    One row a line where the terminal is wide enough, or into a pipe; else one block a row.
    """
    names, rows = query(work, what, where)
    if as_json:
        for row in rows:
            click.echo(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, default=str))
        return
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows(rows)
        return
    cells = [[_cell(value) for value in row] for row in rows]
    console = Console()
    table = _table(names, cells)
    width = console.measure(table, options=console.options.update(width=_UNLIMITED)).maximum
    if not console.is_terminal:
        console.width = max(console.width, width)
    if width <= console.width:
        console.print(table)
    else:
        for record in cells:
            console.print(_record(names, record))
    console.print(f"{len(rows)} {what}", highlight=False)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """One row a line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _record(names: Sequence[str], row: Sequence[str]) -> Padding:
    """One row as a block of its filled columns: for terminals that are too narrow for the table."""
    block = Table(box=None, pad_edge=False, show_header=False)
    block.add_column(style="bold", no_wrap=True)
    block.add_column(overflow="fold")
    for name, value in zip(names, row, strict=True):
        if value:
            block.add_row(name, value)
    return Padding(block, (0, 0, 1, 0))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return " ".join(f"{k}={_cell(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(v) for v in value)
    return str(value).replace("[", "\\[") if value is not None else ""
