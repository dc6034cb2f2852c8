"""`pvtt-data retry`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pvtt_data.cli.options import held_workspace, work_option
from pvtt_data.journal import QUARANTINE_REASONS
from pvtt_data.line import STAGES
from pvtt_data.quarantine import quarantined, release


@click.command("retry")
@work_option
@click.option("--stage", type=click.Choice(STAGES), metavar="STAGE", help="Only rows of this stage.")
@click.option("--reason", type=click.Choice(sorted(QUARANTINE_REASONS)), help="Only rows dropped for this reason.")
@click.option("--dry-run", is_flag=True, help="List them and change nothing.")
def retry_command(work: Path, stage: str | None, reason: str | None, dry_run: bool) -> None:
    """Let rows that crashed, hung or ran out of memory run again.

    Such rows may be the machine's fault as much as the file's. Builds pass over them, with a rejection, until they are
    retried; the next build runs them afresh.
    """
    console = Console()
    with held_workspace(work) as workspace:
        rows = quarantined(workspace, stage, reason)
        if not dry_run:
            release(workspace, rows)
    if not rows:
        console.print("nothing is in quarantine")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("stage", "reason", "what", "message"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(row.stage, row.reason, Text(row.name or "(of an earlier build)"), Text(row.message))
    console.print(table)
    what = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
    console.print(f"{what} would run again" if dry_run else f"{what} will run again at the next build", highlight=False)
