"""`pvtt-data show`: the rows of the latest build, by SQL."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from pvtt_data.show import VIEWS, query


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
    """Show sources, clips, tracks, triples or rejections of the latest build."""
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
    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table, markup=False)
    console.print(f"{len(rows)} {what}", highlight=False)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return " ".join(f"{k}={_cell(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(v) for v in value)
    return str(value).replace("[", "\\[") if value is not None else ""
