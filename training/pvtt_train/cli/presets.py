"""`pvtt-train presets`."""

from __future__ import annotations

import json

import click

from pvtt_train.presets import Preset, names


@click.command("presets")
@click.argument("name", required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of settings, for editors.")
def presets_command(name: str | None, schema: bool) -> None:
    """List the presets, or print one: `pvtt-train presets h100 > mine.yaml`."""
    if schema:
        from pvtt_data.recipe_file import recipe_schema
        from pvtt_train.config import TrainConfig

        click.echo(json.dumps(recipe_schema(TrainConfig), indent=2, ensure_ascii=False))
    elif name is not None:
        click.echo(Preset(name, "").printed(), nl=False)
    else:
        for each in names():
            click.echo(f"{each:<16} {Preset(each, '').told()}")
