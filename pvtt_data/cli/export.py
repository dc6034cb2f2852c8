"""`pvtt-data export`: a dataset in the layout of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click
from pydantic import ValidationError
from rich.console import Console

from pvtt_data.cli.lazy_bar import sample_bar
from pvtt_data.exports import FORMATS, Exported, FormatName, export_dataset
from pvtt_data.exports.formats import Format
from pvtt_data.records import Split
from pvtt_data.words import bytes_text, printable


def _size(context: click.Context, option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Width and height from ``832x480``."""
    if value is None:
        return None
    width, _, height = value.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise click.BadParameter(f"{value!r} is no size such as 832x480", context, option)
    return int(width), int(height)


@click.command("export")
@click.argument("dataset", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--format", "name", type=click.Choice(get_args(FormatName)), required=True, help="See docs/export.md.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the export: new, empty, or one that was interrupted.",
)
@click.option("--split", type=click.Choice(get_args(Split)), help="Only this split; all by default, each apart.")
@click.option(
    "--where",
    metavar="SQL",
    help="Condition over the fields of the JSON, such as \"verdict = 'accept' AND numbers.iou_median > 0.9\".",
)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option("--seed", type=int, help="diffsynth: of masks and contents, as in training. ffgo: of filled texture.")
@click.option("--variants", type=click.IntRange(min=1), help="diffsynth: rows a sample, each drawn anew.  [default: 1]")
@click.option("--size", metavar="WxH", callback=_size, help="ffgo: of the videos.  [default: 832x480]")
@click.option("--frames", type=int, help="ffgo: of a video with its collage, 4n+1.  [default: 81]")
@click.option("--references", type=int, help="ffgo: pictures of the product in a collage, at most.  [default: 3]")
@click.option("--product-share", type=float, help="ffgo: of a collage, for the product.  [default: a third]")
@click.option("--trigger", help="ffgo: what every prompt begins with.")
@click.option(
    "--fill-model",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="ffgo: inpainting network (LaMa as ONNX) for the empty scene; texture from around otherwise.",
)
@click.option("--jpeg-quality", type=int, help="davis: of the frames.  [default: 95]")
def export_command(
    dataset: Path,
    name: FormatName,
    out: Path,
    split: Split | None,
    where: str | None,
    workers: int,
    size: tuple[int, int] | None,
    **options: Any,
) -> None:
    """Write the samples of DATASET in the layout of another tool.

    Interrupted, the same command goes on. Called again when all is there, it hashes the files and writes nothing. What
    a format cannot hold is left out and counted by reason.
    """
    if size is not None:
        options = {**options, "width": size[0], "height": size[1]}
    form = _form(name, {option: value for option, value in options.items() if value is not None})
    console = Console(stderr=True)
    with sample_bar(console, f"exporting {name}") as on_sample:
        done = export_dataset(dataset, out, form, split=split, where=where, workers=workers, on_sample=on_sample)
    _tell(done)


def _form(name: FormatName, options: dict[str, Any]) -> Format:
    """The format with its settings; an option of another format is an error."""
    fields = FORMATS[name].model_fields
    shown = {"width": "size", "height": "size"}
    foreign = sorted({shown.get(option, option).replace("_", "-") for option in options if option not in fields})
    if foreign:
        raise click.UsageError(f"{', '.join('--' + option for option in foreign)}: not for format {name}")
    try:
        return FORMATS[name](**options)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        option = str(first["loc"][0]) if first["loc"] else ""
        raise click.UsageError(f"--{shown.get(option, option).replace('_', '-')}: {first['msg']}") from None


def _tell(done: Exported) -> None:
    """What was written, what was not, and what to type next."""
    counts = ", ".join(f"{count} {split}" for split, count in done.samples.items())
    size = f"{done.files} files, {bytes_text(done.bytes)}"
    if done.was_complete:
        click.echo(f"{done.path} is complete and unchanged: {counts} samples, {size}; nothing was written")
    else:
        went_on = f" ({done.resumed} of them by an earlier run)" if done.resumed else ""
        click.echo(f"{done.path}: {counts} samples{went_on}, {size}")
    for reason, (count, message) in done.skipped.items():
        click.echo(printable(f"  left out: {count} {reason}, such as: {message}"))
    for reason, count in done.left_out.items():
        click.echo(f"  left out of samples: {count} {reason}")
    if done.flagged:
        click.echo(f"  flagged: {done.flagged}; --where \"verdict = 'accept'\" leaves them out")
    licences = ", ".join(f"{name} ({count})" for name, count in done.licences.items())
    click.echo(printable(f"  licences: {licences}"))
    click.echo(done.advice)
