"""`pvtt-data judge`."""

from __future__ import annotations

from pathlib import Path

import click

from pvtt_data.cli.asking import at_most_option, dry_run_option, read_rows, run_questions
from pvtt_data.cli.options import held_workspace, recipe_argument, set_option, work_option
from pvtt_data.errors import PreflightError
from pvtt_data.judge.questions import REASONS, read_opinion
from pvtt_data.judge.show import judge_question, product_names
from pvtt_data.recipe import read_recipe
from pvtt_data.records import Source, Triple


@click.command("judge")
@recipe_argument
@work_option
@set_option
@at_most_option
@dry_run_option
def judge_command(recipe: Path, work: Path, overrides: tuple[str, ...], limit: int | None, dry_run: bool) -> None:
    """Ask the recipe's vision-language model about the triples of the latest build.

    Answers are kept in the work directory; the next build reads them and drops or flags triples as the recipe's section
    `judge` says. What was answered is not asked again. See docs/judge.md.
    """
    config = read_recipe(recipe, overrides).judge
    if config is None:
        raise PreflightError(
            f"{recipe} has no section judge; name a model with --set judge.endpoint.base_url=URL "
            "--set judge.endpoint.model=NAME, or --set judge.local.folder=FOLDER"
        )
    with held_workspace(work) as workspace:
        triples = read_rows(workspace, "triples", Triple)
        if not triples:
            raise PreflightError(f"{work} holds no triples; run pvtt-data build first")
        sources = {source.source_id: source for source in read_rows(workspace, "sources", Source)}
        names = product_names(sources)
        questions = [judge_question(triple, names, workspace.store, config) for triple in triples]
        run_questions("triples", questions, len(REASONS), config, workspace, read_opinion, dry_run=dry_run, limit=limit)
