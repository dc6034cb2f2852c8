"""`pvtt-data show`: the rows of the latest build, by SQL."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import click

from pvtt_data.cli.rows import print_rows
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
    print_rows(names, [[_cell(value) for value in row] for row in rows])
    click.echo(f"{len(rows)} {what}")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return " ".join(f"{k}={_cell(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(v) for v in value)
    return "" if value is None else str(value)
