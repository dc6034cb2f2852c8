"""`pvtt-data models`: list, pull, where."""

from __future__ import annotations

import click
from rich.console import Console

from pvtt_data.cli.lazy_bar import download_bar
from pvtt_data.cli.rows import print_rows
from pvtt_data.models import ModelRegistry
from pvtt_data.words import bytes_text

_WITHOUT_NAMES = "core"


@click.group("models")
def models_command() -> None:
    """List, pull and locate model weights."""


@models_command.command("list")
def list_models() -> None:
    """What there is, what it is for, whether it is here, and which groups use what."""
    registry = ModelRegistry.default()
    here = {name: registry.where(name) is not None for name in registry.models}
    rows = []
    for model in registry.models.values():
        groups = ", ".join(group.name for group in registry.groups.values() if model.name in group.models)
        mirrors = "; ".join(mirror.describe() for mirror in model.mirrors)
        facts = (bytes_text(model.size_bytes), model.licence, "yes" if here[model.name] else "no", groups)
        rows.append((model.name, *facts, model.purpose, model.sha256[:16], mirrors))
    print_rows(("name", "size", "licence", "here", "groups", "purpose", "sha256", "from"), rows)
    click.echo()
    for group in registry.groups.values():
        missing = [registry.model(name) for name in group.models if not here[name]]
        left = bytes_text(sum(model.size_bytes for model in missing))
        state = f"{left} to fetch: pvtt-data models pull {group.name}" if missing else "all here"
        click.echo(f"group {group.name} ({', '.join(group.models)}), {group.purpose}: {state}")


@models_command.command("pull")
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that builds can use: several gigabytes.")
def pull_models(names: tuple[str, ...], everything: bool) -> None:
    """Fetch weights and check them: models or groups by NAMES, or the group core, which builds without a GPU use."""
    if names and everything:
        raise click.UsageError("give names or --all, not both")
    registry = ModelRegistry.default()
    if everything:
        wanted = [model.name for model in registry.models.values() if not model.for_training]
    else:
        wanted = [model for name in names or (_WITHOUT_NAMES,) for model in registry.named(name)]
    for name in dict.fromkeys(wanted):
        with download_bar(Console()) as on_download:
            path = registry.pull(name, on_download)
        click.echo(f"{name}: {path}")


@models_command.command("where")
@click.argument("name")
def where_is_model(name: str) -> None:
    """Print the path of verified weights: of one model, or of each model of a group."""
    registry = ModelRegistry.default()
    paths = {model: registry.where(model) for model in registry.named(name)}
    missing = [model for model, path in paths.items() if path is None]
    if missing:
        raise click.ClickException(f"{', '.join(missing)} not here; run: {registry.pull_command(missing)}")
    for path in paths.values():
        click.echo(str(path))
