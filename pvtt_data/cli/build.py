"""`pvtt-data build` and `schema`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from pvtt_data.build import BuildOutcome, BuildRequest, build
from pvtt_data.captions.counts import count_prompts
from pvtt_data.cli.lazy_bar import download_bar
from pvtt_data.cli.options import (
    limit_option,
    out_option,
    recipe_argument,
    set_option,
    verdicts_option,
    work_option,
    workers_option,
)
from pvtt_data.line import STAGES
from pvtt_data.progress import TerminalReporter
from pvtt_data.recipe import Recipe, read_recipe
from pvtt_data.recipe_file import recipe_schema
from pvtt_data.settings_page import settings_page
from pvtt_data.shards import Publication
from pvtt_data.stage import count_reasons


@click.command("build")
@recipe_argument
@work_option
@out_option
@verdicts_option
@set_option
@limit_option
@click.option("--until", type=click.Choice(STAGES), metavar="STAGE", help=f"Stop after a stage: {', '.join(STAGES)}.")
@workers_option
@click.option(
    "--executor", type=click.Choice(["local"]), default="local", show_default=True, help="Where rows are computed."
)
def build_command(
    recipe: Path,
    work: Path,
    out: Path,
    verdicts: Path,
    overrides: tuple[str, ...],
    limit: int | None,
    until: str | None,
    workers: int | None,
    executor: str,
) -> None:
    """Build a dataset version from a recipe.

    Rows that were computed before are taken from the work directory; an interrupted build goes on where it stopped. An
    unchanged build makes no new version.
    """
    console = Console(soft_wrap=True)
    settings = read_recipe(recipe, overrides)
    request = BuildRequest(settings, work, out, until, workers, limit, "local", verdicts)
    with download_bar(console) as on_download, TerminalReporter(console) as reporter:
        outcome = build(request, reporter, on_download=on_download)
    _summary(console, outcome)


def _summary(console: Console, outcome: BuildOutcome) -> None:
    tables = outcome.tables
    flagged = sum(triple.verdict == "flag" for triple in tables.triples)
    console.print()
    if outcome.publication is None:
        console.print("stopped early, as asked: no version was written", highlight=False)
    elif outcome.publication.status == "up-to-date":
        console.print(f"v{outcome.publication.version} is up to date: {outcome.publication.path}", highlight=False)
    else:
        console.print(f"made v{outcome.publication.version}: {outcome.publication.path}", highlight=False)
        _growth(console, outcome.publication)
    photos = {source.source_id for source in tables.sources if source.kind == "photo"}
    filmed = sum(clip.source_id in photos for clip in tables.clips)
    stills = f", {filmed} films of {len(photos)} photos" if filmed else ""
    console.print(
        f"{len(tables.sources) - len(photos)} sources → {len(tables.clips) - filmed} clips → "
        f"{len(tables.tracks) - filmed} mask tracks{stills} → {len(tables.triples)} triples ({flagged} flagged)",
        highlight=False,
    )
    if tables.triples:
        counts = count_prompts(triple.prompt for triple in tables.triples)
        console.print(f"prompts: {counts.text()}", highlight=False, markup=False)
    if tables.rejections:
        console.print(f"dropped {len(tables.rejections)}:", highlight=False)
        for reason, count in count_reasons(tables.rejections).items():
            console.print(f"  {count:>5}  {reason}", highlight=False, markup=False)
    faults = sum(len(result.faults) for result in outcome.results)
    if faults:
        console.print(f"{faults} rows failed with a fault; see {outcome.run_folder / 'log.jsonl'}", style="red")
    console.print(f"report: {outcome.report}", highlight=False, markup=False)
    console.print(f"took {outcome.seconds:.0f} s", highlight=False)


def _growth(console: Console, publication: Publication) -> None:
    lineage = publication.lineage
    if lineage is None or lineage.parent is None:
        return
    changes = f"{len(lineage.added)} samples added, {len(lineage.removed)} removed, {len(lineage.changed)} changed"
    shared = f"{publication.shared_bytes / 1e6:.1f} of {publication.total_bytes / 1e6:.1f} MB"
    console.print(f"since {lineage.parent.version}: {changes}; {shared} are shared with it on disk", highlight=False)


@click.command("schema")
@click.option("--page", is_flag=True, help="All settings as a page to read instead: docs/settings.md.")
def schema_command(page: bool) -> None:
    """Print the JSON Schema of recipes.

    In VS Code: `pvtt-data schema > recipe.schema.json`, then begin a recipe with the line
    `# yaml-language-server: $schema=recipe.schema.json`.
    """
    schema = recipe_schema(Recipe)
    click.echo(settings_page(schema) if page else json.dumps(schema, indent=2, ensure_ascii=False), nl=not page)
