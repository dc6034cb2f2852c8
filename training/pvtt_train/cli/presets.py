"""`pvtt-train presets`."""

from __future__ import annotations

import json

import click

from pvtt_train.presets import Preset, names

_HEAD = """\
# All settings of a training

`pvtt-train presets --schema --page` writes this page from the code; a test compares the two. How to give them, and
which people change: [training.md](training.md). Defaults are those of the schema, which hold wherever a file says
nothing; presets say more (`pvtt-train presets NAME` prints one), and `pvtt-train` takes a preset unless `--config`
names a file. `pvtt-train presets --schema` gives the same to editors as JSON Schema.
"""


@click.command("presets")
@click.argument("name", required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of settings, for editors.")
@click.option("--page", is_flag=True, help="With --schema: as a page to read instead, docs/training_settings.md.")
def presets_command(name: str | None, schema: bool, page: bool) -> None:
    """List the presets, or print one: `pvtt-train presets h100 > mine.yaml`."""
    if page and not schema:
        raise click.UsageError("--page says how to print the --schema; give both")
    if schema:
        from pvtt_data.recipe_file import recipe_schema
        from pvtt_data.settings_page import settings_page
        from pvtt_train.config import TrainConfig

        found = recipe_schema(TrainConfig)
        text = settings_page(found, _HEAD) if page else json.dumps(found, indent=2, ensure_ascii=False)
        click.echo(text, nl=not page)
    elif name is not None:
        click.echo(Preset(name, "").printed(), nl=False)
    else:
        for each in names():
            click.echo(f"{each:<16} {Preset(each, '').told()}")
