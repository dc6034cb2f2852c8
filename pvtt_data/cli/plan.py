"""`pvtt-data plan`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pvtt_data.cli.options import (
    limit_option,
    out_option,
    recipe_argument,
    set_option,
    verdicts_option,
    work_option,
    workers_option,
)
from pvtt_data.plan import Plan, PlannedStage, make_plan
from pvtt_data.recipe import read_recipe
from pvtt_data.words import bytes_text, duration_text


@click.command("plan")
@recipe_argument
@work_option
@out_option
@verdicts_option
@set_option
@limit_option
@workers_option
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def plan_command(
    recipe: Path,
    work: Path,
    out: Path,
    verdicts: Path,
    overrides: tuple[str, ...],
    limit: int | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Say what a build would run, what is cached and why, and estimate time and disk, without running it."""
    plan = make_plan(read_recipe(recipe, overrides), work, out, limit, workers, verdicts)
    if as_json:
        click.echo(json.dumps(plan.to_plain(), indent=2, ensure_ascii=False))
    else:
        _print(Console(), plan)


def _print(console: Console, plan: Plan) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stage", no_wrap=True)
    for name in ("rows", "cached", "to run", "≈ time", "≈ disk"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for stage in plan.stages:
        table.add_row(*_cells(stage))
    console.print(table)
    console.print()
    for note in plan.notes:
        console.print(note, highlight=False, markup=False)
    console.print(plan.conclusion, highlight=False, markup=False)
    if not any(stage.expected for stage in plan.stages):
        return
    bases = sorted({stage.basis for stage in plan.stages if stage.basis})
    console.print(
        f"about {duration_text(plan.seconds)} with {plan.workers} workers, {bytes_text(plan.work_bytes)} more in the "
        f"work directory, {bytes_text(plan.dataset_bytes)} for the dataset (rates: {' and '.join(bases)})",
        highlight=False,
    )
    if plan.work_bytes + plan.dataset_bytes > plan.free_bytes:
        console.print(f"that may not fit: only {bytes_text(plan.free_bytes)} are free", style="red", highlight=False)


def _cells(stage: PlannedStage) -> tuple[str | Text, ...]:
    if stage.is_table:
        return stage.stage, str(stage.items) if stage.items else "", "", "", "", "", Text("decides afresh", "dim")
    if not stage.expected:
        return stage.stage, str(stage.items), str(stage.cached), "0", "", "", ""
    to_run = str(stage.to_run) if stage.expected == stage.to_run else f"{stage.to_run} (≈ {stage.expected})"
    disk = bytes_text(stage.stored_bytes) if stage.stored_bytes >= 1e5 else ""
    why = Text("; ".join(stage.why))
    return stage.stage, str(stage.items), str(stage.cached), to_run, duration_text(stage.seconds), disk, why
