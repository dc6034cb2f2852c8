"""`pvtt-train precompute`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pvtt_train.config import precision_of
from pvtt_train.data.pieces import Kind
from pvtt_train.data.precompute import MORE_ROOM, PrecomputeSettings, check_asked, precompute
from pvtt_train.diffsynth_source import use_diffsynth
from pvtt_train.distributed import World
from pvtt_train.guards import memory_told
from pvtt_train.settings import resolve
from pvtt_train.wan.weights import load_text_encoder, load_vae


@click.command("precompute")
@click.option("--shards", type=click.Path(path_type=Path), help="Folder of the dataset version, such as shards/v3.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the latents; <shards>.latents by default.")
@click.option("--preset", metavar="NAME", help="Settings to take; without it, those for the GPU that is found.")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="A YAML file with settings.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Such as data.precompute.variants=8.")
def precompute_command(
    shards: Path | None, out: Path | None, preset: str | None, file: Path | None, overrides: tuple[str, ...]
) -> None:
    """Store the latents of a dataset once.

    What is stored is taken over, also after a kill or with other settings; training with the same settings finds it.
    """
    if shards is None and file is None:
        raise click.UsageError("name the data with --shards, such as --shards shards/v1")
    console = Console(soft_wrap=True)
    settings = resolve(shards, preset, file, overrides)
    config = settings.config
    console.print(f"settings: {settings.name}: {settings.why}", highlight=False, markup=False)
    folder = out or config.data.latents_folder
    wanted = PrecomputeSettings.of(config.data, config.conditioning)
    check_asked(folder, wanted)  # before gigabytes are loaded
    use_diffsynth()
    world = World.join(config.run.device)
    world.limit_memory(config.run.max_memory_gb)
    dtype = precision_of(config, world.device)
    with memory_told("while text encoder and VAE were loaded", MORE_ROOM):
        text = load_text_encoder(config.model, world.device, dtype)
        codec = load_vae(config.model, world.device, dtype)
    with _Bar(console) as bar:
        report = precompute(
            config.data.shards,
            folder,
            wanted,
            codec,
            text,
            world.device,
            bar,
        )
    for line in report.lines():
        console.print(line, highlight=False, markup=False)


class _Bar(Progress):
    """Pieces done, of all."""

    def __init__(self, console: Console) -> None:
        super().__init__(
            TextColumn("precompute"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar = self.add_task("precompute", total=None)

    def started(self, pieces: int, stored: int) -> None:
        """See `pvtt_train.data.precompute.Progress`."""
        self.update(self._bar, total=pieces, completed=stored)
        self.console.print(f"{pieces} pieces, {stored} of them are stored already", highlight=False)

    def made(self, kind: Kind, size_bytes: int) -> None:
        """See `pvtt_train.data.precompute.Progress`."""
        self.advance(self._bar)

    def skipped(self, key: str, message: str) -> None:
        """See `pvtt_train.data.precompute.Progress`."""
        self.console.print(f"skipped {key}: {message}", highlight=False, markup=False)
