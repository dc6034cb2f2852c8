"""Plan: what a build would run, what is cached, and where it would stop knowing."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvtt_data.backends import ChosenBackend
from pvtt_data.build import earlier_splits
from pvtt_data.line import Line
from pvtt_data.models import ModelRegistry
from pvtt_data.preflight import preflight
from pvtt_data.progress import SilentReporter
from pvtt_data.recipe import Recipe
from pvtt_data.runner import Bounds, Runner
from pvtt_data.segmenters.u2net import U2NetSegmenter
from pvtt_data.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One stage of the plan; with rows to run before it, its own counts are at least what is said."""

    stage: str
    is_table: bool
    items: int
    cached: int
    to_run: int
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a build would do."""

    stages: list[PlannedStage]
    conclusion: str

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"stages": [dataclasses.asdict(row) for row in self.stages], "conclusion": self.conclusion}


def make_plan(recipe: Recipe, work: Path, out: Path, limit: int | None = None) -> Plan:
    """Walk the line without computing anything: rows that are cached flow on, the others stop where they are.

    Raises:
        PreflightError: the build could not start.
    """
    preflight(recipe, work, out)
    workspace = Workspace(work)
    model = ModelRegistry.default().model("u2net")
    backend = ChosenBackend("u2net", U2NetSegmenter.version, {"u2net": model.sha256}, {})
    no_bounds = Bounds(max_fault_share=math.inf)
    runner = Runner(workspace, None, SilentReporter(), bounds=no_bounds)
    Line(recipe, runner, backend, earlier_splits(out, recipe.assign_split), limit).through()
    stages = []
    blocked_by = ""
    for result in runner.results:
        to_run = runner.missing.get(result.stage, 0)
        why = f"and what comes out of {blocked_by}" if blocked_by else ""
        if to_run and not blocked_by:
            blocked_by = result.stage
            why = "new, or its settings, version or weights changed"
        stages.append(PlannedStage(result.stage, result.table, result.items, result.cached, to_run, why))
    total = sum(runner.missing.values())
    if total == 0:
        conclusion = "everything is cached: a build only writes what has changed"
    else:
        conclusion = f"at least {total} rows to run; stages after {blocked_by} depend on what it yields"
    return Plan(stages, conclusion)
