"""`pvtt-train export`."""

from __future__ import annotations

from pathlib import Path

import click

from pvtt_train.export import FORMATS, export
from pvtt_train.run_folder import ADAPTER

_PRECISIONS = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


@click.command("export")
@click.argument("adapter", type=click.Path(path_type=Path, exists=True))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--format", "form", type=click.Choice(FORMATS), default="diffusers", show_default=True)
@click.option("--precision", type=click.Choice(list(_PRECISIONS)), help="Of the weights; as they are by default.")
def export_command(adapter: Path, out: Path, form: str, precision: str | None) -> None:
    """Write ADAPTER, a file or the folder of a run, to OUT under the names of another program."""
    import torch

    file = adapter / ADAPTER if adapter.is_dir() else adapter
    dtype = getattr(torch, _PRECISIONS[precision]) if precision is not None else None
    info = export(file, next(known for known in FORMATS if known == form), out, dtype)
    words = f"; trigger: {info.trigger}" if info.trigger else ""
    click.echo(f"{out}: {form}, rank {info.rank} on {info.targets} of {info.base_model}, step {info.step}{words}")
