"""`pvtt-data verify` and `inspect`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pvtt_data.shards import ShardDataset, contact_sheet, describe, verify


@click.command("verify")
@click.argument("dataset", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--sample", type=click.IntRange(min=1), help="Decode only so many samples; hashes are checked for all.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that decode.")
@click.option("--deep", is_flag=True, help="Also reload through the webdataset and datasets libraries, if installed.")
def verify_command(dataset: Path, sample: int | None, workers: int, deep: bool) -> None:
    """Check that a dataset holds what its manifest promises: every file, member, number and split."""
    report = verify(dataset, sample, workers=workers, deep=deep)
    click.echo(report.text())
    sys.exit(0 if report.ok else 1)


@click.command("inspect")
@click.argument("dataset", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("key", required=False)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Where the contact sheet goes; KEY.png by default."
)
def inspect_command(dataset: Path, key: str | None, out: Path | None) -> None:
    """Describe a dataset, or draw the sample KEY as a contact sheet (PNG)."""
    if key is None:
        click.echo(describe(dataset))
        return
    target = out or Path(f"{key}.png")
    contact_sheet(ShardDataset(dataset)[key]).save(target)
    click.echo(str(target))
