"""`pvtt-data preview`: what a model will see of a dataset's samples."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from pvtt_data.errors import DatasetError, InputError, PreflightError
from pvtt_data.records import Split
from pvtt_data.shards import ShardDataset


@click.command("preview")
@click.argument("dataset", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--samples", type=click.IntRange(min=1), default=4, show_default=True, help="How many samples.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("preview.png"),
    show_default=True,
    help="A PNG with all samples, or a folder that gets one for each.",
)
@click.option("--split", type=click.Choice(["train", "validation", "test"]), help="Only this split.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which samples, and what is drawn for them.")
def preview_command(dataset: Path, samples: int, out: Path, split: Split | None, seed: int) -> None:
    """Draw what a VACE model will see of some samples: mask, streams, references, target, loss weights.

    The pictures are made from the tensors that training gets. Below them, and here, stands what looks wrong.
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise PreflightError("preview needs torch, which is not installed: pip install 'pvtt[gpu]'") from error
    from pvtt_data.preview import conditioned, findings, sheet, stacked
    from pvtt_data.vace.conditioning import ConditioningConfig

    opened = ShardDataset(dataset, split)
    numbers = opened.order(seed)[:samples].tolist()
    if not numbers:
        raise DatasetError(f"{dataset} has no samples to show")
    one_file = out.suffix.lower() == ".png"
    if not one_file and out.is_file():
        raise PreflightError(f"{out} is a file, and no PNG; name a folder or a .png")
    config = ConditioningConfig(seed=seed)
    console, sheets, doubtful = Console(stderr=True), [], 0
    for number in track(numbers, "preview", console=console, transient=True, disable=not console.is_terminal):
        sample = opened[number]
        try:
            choice, made = conditioned(sample, config, step=0)
        except InputError as error:
            raise DatasetError(f"{sample.key}: {error}") from error
        found = findings(sample, made, sample.meta.kind)
        doubtful += bool(found)
        picture = sheet(sample, choice, made, found)
        if one_file:
            sheets.append(picture)
        else:
            out.mkdir(parents=True, exist_ok=True)
            picture.save(out / f"{sample.key}.png")
        for finding in found:
            console.print(f"[yellow]{sample.key}[/] {escape(finding.message)}", highlight=False, soft_wrap=True)
    if one_file:
        out.parent.mkdir(parents=True, exist_ok=True)
        stacked(sheets, gap_px=24).save(out)
    click.echo(f"{out}: {len(numbers)} samples, {doubtful} of them with something to look at")
