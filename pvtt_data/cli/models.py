"""`pvtt-data models`: list, pull, where."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from pvtt_data.cli.download import download_bar
from pvtt_data.models import ModelRegistry


@click.group("models")
def models_command() -> None:
    """List, pull and locate model weights."""


@models_command.command("list")
def list_models() -> None:
    """What there is, what it is for and whether it is here."""
    registry = ModelRegistry.default()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("name", "size", "licence", "here", "purpose", "sha256", "from"):
        table.add_column(name, overflow="fold")
    for model in registry.models.values():
        here = "yes" if registry.where(model.name) else "no"
        mirrors = "; ".join(mirror.describe() for mirror in model.mirrors)
        size = f"{model.size_bytes / 1e6:.0f} MB"
        table.add_row(model.name, size, model.licence, here, model.purpose, model.sha256[:16], mirrors)
    Console().print(table)


@models_command.command("pull")
@click.argument("names", nargs=-1)
def pull_models(names: tuple[str, ...]) -> None:
    """Fetch weights and check them; all of them when no name is given."""
    registry = ModelRegistry.default()
    for name in names or tuple(registry.models):
        with download_bar(Console()) as on_download:
            path = registry.pull(name, on_download)
        click.echo(f"{name}: {path}")


@models_command.command("where")
@click.argument("name")
def where_is_model(name: str) -> None:
    """Print the path of verified weights."""
    path = ModelRegistry.default().where(name)
    if path is None:
        raise click.ClickException(f"{name} is not here; run: pvtt-data models pull {name}")
    click.echo(str(path))
