"""`pvtt-data caption`."""

from __future__ import annotations

from pathlib import Path

import click

from pvtt_data.captions.captioner import caption_question, read_scene
from pvtt_data.cli.asking import at_most_option, dry_run_option, read_rows, run_questions
from pvtt_data.cli.options import held_workspace, recipe_argument, set_option, work_option
from pvtt_data.errors import PreflightError
from pvtt_data.recipe import read_recipe
from pvtt_data.records import Clip, Triple
from pvtt_data.vlm.answerer import describe_model


@click.command("caption")
@recipe_argument
@work_option
@set_option
@at_most_option
@dry_run_option
def caption_command(recipe: Path, work: Path, overrides: tuple[str, ...], limit: int | None, dry_run: bool) -> None:
    """Ask the recipe's captioner to put the scenes of the latest build's triples into words.

    Its words are kept in the work directory; the next build uses them for prompts. What was answered is not asked
    again. See docs/captions.md.
    """
    config = read_recipe(recipe, overrides).captions.captioner
    if config is None:
        raise PreflightError(
            f"{recipe} names no captions.captioner; name a model with --set captions.captioner.endpoint.base_url=URL "
            "--set captions.captioner.endpoint.model=NAME, or --set captions.captioner.local.folder=FOLDER"
        )
    with held_workspace(work) as workspace:
        wanted = {triple.clip_id for triple in read_rows(workspace, "triples", Triple)}
        clips = [clip for clip in read_rows(workspace, "clips", Clip) if clip.clip_id in wanted]
        if not clips:
            raise PreflightError(f"{work} holds no triples; run pvtt-data build first")
        continues = describe_model(config).continues
        questions = [caption_question(clip, workspace.store, config, continues) for clip in clips]
        run_questions("clips", questions, 1, config, workspace, read_scene, dry_run=dry_run, limit=limit)
