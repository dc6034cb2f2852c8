"""Plan: what a build would run, what is cached and why, and about how long it would take."""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvtt_data.backends import text_detector_of
from pvtt_data.build import earlier_splits, reviews_for
from pvtt_data.estimate import SAMPLE_BYTES_PER_TRIPLE, StageEstimate, estimate_stage
from pvtt_data.ledger import StageLedger, changed_settings, parts_of, read_ledger
from pvtt_data.line import Line
from pvtt_data.models import ModelRegistry
from pvtt_data.preflight import preflight
from pvtt_data.progress import SilentReporter
from pvtt_data.recipe import Recipe
from pvtt_data.runner import Bounds, Missing, Runner
from pvtt_data.shards import latest_version, read_manifest
from pvtt_data.stage import StageResult
from pvtt_data.stages.render import variant_for
from pvtt_data.stages.segment import backend_for
from pvtt_data.workspace import Workspace

_NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One stage of the plan.

    Attributes:
        items: rows that are known by now; more may come out of stages that have to run first.
        cached: those of them whose results are there.
        to_run: those that have to run; 0 for table stages, which always run.
        expected: rows to run when those that depend on other stages' rows are counted in, by estimate.
        why: reasons why rows have to run, one text each.
        seconds: estimated time on the clock.
        stored_bytes: estimated bytes added to the work directory.
        basis: where the rates of the estimate come from.
    """

    stage: str
    is_table: bool
    items: int
    cached: int
    to_run: int
    expected: int = 0
    why: tuple[str, ...] = ()
    seconds: float = 0.0
    stored_bytes: float = 0.0
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a build would do.

    Attributes:
        notes: what a person should know before it runs.
        seconds: estimated time on the clock, without shards and report.
        work_bytes: estimated growth of the work directory.
        dataset_bytes: estimated size of a new version, unchanged shards of the latest one included.
        free_bytes: what is free where the work directory lies.
    """

    stages: list[PlannedStage]
    conclusion: str
    notes: list[str]
    workers: int
    seconds: float
    work_bytes: float
    dataset_bytes: float
    free_bytes: int

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return dataclasses.asdict(self)


def make_plan(
    recipe: Recipe,
    work: Path,
    out: Path,
    limit: int | None = None,
    workers: int | None = None,
    verdicts: Path | None = None,
) -> Plan:
    """Walk the line without computing anything: rows that are cached flow on, the others stop where they are.

    Args:
        verdicts: folder of people's verdicts; None plans without them.

    Raises:
        PreflightError: the build could not start.
    """
    registry = ModelRegistry.default()
    preflight(recipe, work, out, registry)
    reviews = reviews_for(recipe, verdicts, out)
    workspace = Workspace(work)
    text_detector = None if recipe.mask_qc.max_text_overlay_share is None else text_detector_of(registry)
    no_bounds = Bounds(max_fault_share=math.inf)
    runner = Runner(workspace, None, SilentReporter(), bounds=no_bounds, recipe=recipe.name)
    backend, renderer = None, None
    if recipe.mine is not None:
        backend, why = backend_for(recipe.segment, registry, fetch=False)
        runner.note(why)
    if recipe.render is not None:
        renderer, why = variant_for(recipe.render)
        runner.note(why)
    earlier = earlier_splits(out, recipe.assign_split)
    Line(recipe, runner, backend, earlier, limit, text_detector, renderer, reviews).through()
    workers = workers or os.cpu_count() or 1
    stages = _stages(runner, recipe.name, workspace, workers)
    seconds = sum(stage.seconds for stage in stages)
    dataset_bytes = _dataset_bytes(stages, runner.results, out)
    return Plan(
        stages=stages,
        conclusion=_conclusion(stages),
        notes=runner.notes,
        workers=workers,
        seconds=round(seconds, 1),
        work_bytes=round(sum(stage.stored_bytes for stage in stages)),
        dataset_bytes=round(dataset_bytes),
        free_bytes=_free_bytes(work),
    )


def reasons(missing: Missing, before: StageLedger | None) -> tuple[str, ...]:
    """Why items of a stage have to run: what changed since the latest build of the recipe, in words.

    Args:
        missing: the items that are not cached.
        before: what that build asked of the stage; None if it never ran.
    """
    if not missing.items:
        return ()
    if before is None:
        return ("first run of this recipe here",)
    texts = changed_settings(before.fingerprint, missing.fingerprint)
    new, gone = [], []
    changed: Counter[str] = Counter()
    for named in missing.items:
        entry = before.entries.get(named.item_id)
        if entry is None:
            new.append(named.name)
            continue
        parts = parts_of(named.item)
        fields = [name for name in sorted({*parts, *entry.parts}) if parts.get(name) != entry.parts.get(name)]
        if fields:
            changed[", ".join(fields)] += 1
        elif not texts:
            gone.append(named.name)
    texts += [f"{count} with another {fields}" for fields, count in sorted(changed.items())]
    if new:
        texts.append(f"{len(new)} new: {_some(new)}")
    if gone:
        texts.append(f"{len(gone)} whose result is gone, or ended in a fault: {_some(gone)}")
    return tuple(texts)


def _stages(runner: Runner, recipe: str, workspace: Workspace, workers: int) -> list[PlannedStage]:
    media = next((result.items for result in runner.results if result.stage == "measure"), 0)
    measured = read_ledger(workspace.root / "cache" / "measure", recipe)
    stages: list[PlannedStage] = []
    blocked_by = ""
    for result in runner.results:
        if result.table:
            stages.append(PlannedStage(result.stage, True, result.items, 0, 0))
            continue
        missing = runner.missing[result.stage]
        before = read_ledger(missing.folder, recipe)
        ratio = None if before is None or not measured else len(before.entries) / max(1, len(measured.entries))
        # Results of other settings tell about as well what a row takes.
        costs = list(workspace.cache(result.stage).costs())
        guess = estimate_stage(
            result.stage, len(missing.items), result.cached, bool(blocked_by), media, costs, ratio, workers
        )
        why = list(reasons(missing, before))
        if guess.rows > len(missing.items):
            why.append(f"≈ {guess.rows - len(missing.items)} more after {blocked_by}")
        if missing.items and not blocked_by:
            blocked_by = result.stage
        stages.append(_planned(result, len(missing.items), guess, why))
    return stages


def _planned(result: StageResult, to_run: int, guess: StageEstimate, why: Sequence[str]) -> PlannedStage:
    return PlannedStage(
        stage=result.stage,
        is_table=False,
        items=result.items,
        cached=result.cached,
        to_run=to_run,
        expected=guess.rows,
        why=tuple(why),
        seconds=round(guess.wall_s, 1),
        stored_bytes=round(guess.stored_bytes),
        basis=guess.basis if guess.rows else "",
    )


def _conclusion(stages: Sequence[PlannedStage]) -> str:
    known, expected = sum(stage.to_run for stage in stages), sum(stage.expected for stage in stages)
    if not expected:
        return "everything is cached: a build only decides and writes what has changed"
    if expected == known:
        return f"{known} rows to run"
    return f"{known} rows to run that are known, about {expected} with those that follow from them"


def _dataset_bytes(stages: Sequence[PlannedStage], results: Sequence[StageResult], out: Path) -> float:
    """Expected triples times the size of a sample, as the latest version or the sample catalogue has them."""
    bytes_per_triple = SAMPLE_BYTES_PER_TRIPLE
    version = latest_version(out)
    if version is not None:
        manifest = read_manifest(out / f"v{version}")
        samples = sum(shard.samples for shard in manifest.shards.values())
        bytes_per_triple = sum(shard.bytes for shard in manifest.shards.values()) / max(1, samples)
    made = sum(len(result.rows) for result in results if result.stage == "triple_qc")
    open_triples = sum(stage.expected for stage in stages if stage.stage == "triple_numbers")
    return bytes_per_triple * (made + open_triples)


def _free_bytes(folder: Path) -> int:
    existing = folder.resolve()
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:_NAMES_SHOWN])
    return shown if len(names) <= _NAMES_SHOWN else f"{shown}, …"
