"""Build: a recipe in, a verified dataset version out."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq

from pvtt_data import __version__
from pvtt_data.backends import ChosenBackend, choose_text_detector
from pvtt_data.calibration.file import read_calibration
from pvtt_data.calibration.triple_file import read_triple_calibrations
from pvtt_data.errors import BuildError, DiskFullError, PreflightError, disk_full
from pvtt_data.executor import Executor, LocalExecutor
from pvtt_data.line import STAGES, TABLE_RECORDS, Line, Tables, declared_numbers, left_out
from pvtt_data.mirrors import Progress
from pvtt_data.models import ModelRegistry
from pvtt_data.preflight import preflight
from pvtt_data.progress import Reporter, RunLog, SilentReporter, stage_line
from pvtt_data.provenance import third_products
from pvtt_data.recipe import Recipe
from pvtt_data.records import Assignment, Split, from_arrow
from pvtt_data.reviews.book import ReviewBook
from pvtt_data.runner import FREE_AND_GO_ON, Bounds, Runner, StopBuildError
from pvtt_data.shards import Publication, latest_version, read_manifest, version_numbers
from pvtt_data.shards.format import MANIFEST_FILE
from pvtt_data.stage import StageResult, library_version
from pvtt_data.stages.assign_split import SplitAssignmentConfig
from pvtt_data.stages.render import variant_for
from pvtt_data.stages.segment import backend_for
from pvtt_data.stages.shard import write_version
from pvtt_data.stages.triple_qc import Shelf
from pvtt_data.vlm.answerer import describe_model
from pvtt_data.vlm.config import ModelConfig
from pvtt_data.workspace import Workspace

_DATASET_TABLES = ("sources", "clips", "tracks", "pictures", "assignments", "pairs", "triples", "rejections")
# Every dataset was shaped by these; stages name what else they use.
_TOOLS = ("av", "opencv-python-headless", "numpy", "onnxruntime", "scenedetect-headless", "pillow", "pyarrow")


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What a person asks for.

    Attributes:
        work: the work directory.
        out: folder of the dataset versions.
        until: last stage to run; None runs all and writes a version.
        workers: worker processes; None takes one per processor.
        limit: keep only so many sources.
        executor: where map stages run.
        verdicts: folder of people's verdicts; None builds without them.
    """

    recipe: Recipe
    work: Path
    out: Path
    until: str | None = None
    workers: int | None = None
    limit: int | None = None
    executor: Literal["local"] = "local"
    verdicts: Path | None = None


@dataclass
class BuildOutcome:
    """What a build made."""

    tables: Tables
    results: list[StageResult]
    publication: Publication | None
    run_folder: Path
    report: Path | None
    seconds: float
    backend: ChosenBackend | None
    notes: list[str] = field(default_factory=list)
    weights: Mapping[str, str] = field(default_factory=dict)
    """Role → digest of the weights of all models that took part."""
    libraries: AbstractSet[str] = frozenset()
    """Libraries that shaped the bytes of the map stages' results."""


def build(
    request: BuildRequest,
    reporter: Reporter | None = None,
    registry: ModelRegistry | None = None,
    on_download: Progress = lambda done, total: None,
) -> BuildOutcome:
    """Run a recipe.

    Raises:
        PreflightError: something that the build needs is missing; nothing was done.
        BuildError: the build ended without a result that may be trusted; what was computed is kept and used next time.
    """
    reporter = reporter or SilentReporter()
    _check_until(request)
    registry = registry or ModelRegistry.default()
    preflight(request.recipe, request.work, request.out, registry)
    reviews = reviews_for(request.recipe, request.verdicts, request.out)
    backend, text_detector, renderer, reasons = None, None, None, []
    if request.recipe.mine is not None:
        backend, why = backend_for(request.recipe.segment, registry, on_download)
        reasons.append(why)
    if request.recipe.render is not None:
        renderer, why = variant_for(request.recipe.render)
        reasons.append(why)
    if request.recipe.mask_qc.max_text_overlay_share is not None:
        text_detector, why = choose_text_detector(registry, on_download)
        reasons.append(why)
    workspace = Workspace(request.work)
    workspace.acquire()
    begun = time.monotonic()
    run_folder = _new_run_folder(workspace.runs)
    log = RunLog(run_folder / "log.jsonl")
    workers = worker_count(request)
    executor: Executor = LocalExecutor(workers, workspace.store)
    try:
        log.write(
            "begin",
            recipe=request.recipe.model_dump(mode="json"),
            workers=workers,
            backend=backend.label if backend else "",
        )
        bounds = Bounds(request.recipe.build.max_fault_share, dict(request.recipe.build.max_reject))
        runner = Runner(workspace, executor, reporter, log, bounds, request.until, request.recipe.name)
        for reason in reasons:
            runner.note(reason)
        parent = latest_version(request.out) or 0
        earlier = earlier_splits(request.out, request.recipe.assign_split)
        line = Line(request.recipe, runner, backend, earlier, request.limit, text_detector, renderer, reviews)
        outcome = BuildOutcome(
            line.tables,
            runner.results,
            None,
            run_folder,
            None,
            0.0,
            backend,
            runner.notes,
            runner.weights,
            runner.libraries,
        )
        try:
            _run(request, workspace, line, outcome, parent)
        except Exception:
            outcome.seconds = time.monotonic() - begun
            with contextlib.suppress(Exception):  # what stopped the build is the error to show
                _write_tables(workspace, line.tables)
                _write_report(outcome, workspace, request.recipe)
            raise
        outcome.seconds = time.monotonic() - begun
        if outcome.publication is None:
            _write_tables(workspace, line.tables)
        _write_report(outcome, workspace, request.recipe)
        log.write("end", seconds=round(outcome.seconds, 3), version=_version_name(outcome.publication))
        return outcome
    except BaseException as error:
        with contextlib.suppress(OSError):
            log.write("failed", error=f"{type(error).__name__}: {error}")
        full = disk_full(error)
        if full is not None and not isinstance(error, DiskFullError):
            raise DiskFullError(f"the disk is full: {full}; {FREE_AND_GO_ON}") from error
        raise
    finally:
        executor.close()
        log.close()
        workspace.release()


def _check_until(request: BuildRequest) -> None:
    if request.until is None:
        return
    absent = left_out(request.recipe)
    if request.until in absent:
        raise PreflightError(
            f"--until {request.until}: the recipe leaves this stage out; ask for it with --set "
            f"{absent[request.until]}, or stop after another stage"
        )
    if request.until not in STAGES:
        raise PreflightError(f"--until {request.until}: no such stage; there are: {', '.join(STAGES)}")


def _run(request: BuildRequest, workspace: Workspace, line: Line, outcome: BuildOutcome, parent: int) -> None:
    with contextlib.suppress(StopBuildError):
        line.through()
    if not outcome.results[-1].rows:
        raise BuildError(_empty(outcome.results))
    if not line.run.done:
        _write_tables(workspace, line.tables)
        outcome.publication = _publish(request, workspace, line.tables, outcome, parent)


def _publish(
    request: BuildRequest, workspace: Workspace, tables: Tables, outcome: BuildOutcome, parent: int
) -> Publication:
    recipe = request.recipe
    versions = {name: library_version(name) for name in sorted({*_TOOLS, *outcome.libraries})}
    settings = {
        "name": recipe.name,
        "recipe": portable_recipe(recipe),
        "reference_count": recipe.pair.references,
        "heldout_count": recipe.pair.heldout,
        "tools": {"pvtt": __version__, **{name: version for name, version in versions.items() if version != "absent"}},
        "weights": dict(sorted(outcome.weights.items())),
    }
    shelf = Shelf.of(tables.sources, tables.clips, tables.tracks, tables.pictures, tables.pairs)
    names = (*_DATASET_TABLES, *(name for name in ("verdicts", "agreement") if getattr(tables, name)))
    files = {name: workspace.tables / f"{name}.parquet" for name in names}
    return write_version(
        tables.triples,
        shelf,
        workspace.store,
        recipe.shards,
        settings,
        files,
        request.out,
        worker_count(request),
        parent,
        declared_numbers(recipe),
        third_products(
            tables.triples,
            tables.pairs,
            tables.pictures,
            tables.assignments,
            recipe.synthesise.composite.distractor_share,
        ),
    )


def reviews_for(recipe: Recipe, verdicts: Path | None, out: Path) -> ReviewBook:
    """The verdicts that a build is given.

    Raises:
        PreflightError: a line of them is damaged, or there are none although the latest version was built with some.
    """
    latest = latest_version(out)
    if latest is not None and (verdicts is None or not verdicts.is_dir()):
        table = out / f"v{latest}" / "tables" / "verdicts.parquet"
        if table.is_file():
            where = "no folder of verdicts was given" if verdicts is None else f"there is no folder {verdicts}"
            raise PreflightError(
                f"v{latest} was built with verdicts of people ({pq.read_metadata(table).num_rows} rows), and {where}: "
                "what they rejected would come back. Name the folder with --verdicts; an empty one builds without"
            )
    return ReviewBook.read(verdicts, recipe.review.arbiter)


def worker_count(request: BuildRequest) -> int:
    """How many worker processes a build uses."""
    return request.workers or os.cpu_count() or 1


def portable_recipe(recipe: Recipe) -> dict[str, Any]:
    """The recipe without what belongs to one machine: folders and files of its inputs, programs, processors, what only
    its work directory keeps; and without names of people."""
    plain: dict[str, Any] = recipe.model_dump(mode="json")
    plain["review"]["arbiter"] = recipe.review.arbiter is not None
    plain["mask_qc"]["calibration"] = read_calibration(recipe.mask_qc.calibration).digest
    plain["triple_qc"]["calibration"] = read_triple_calibrations(recipe.triple_qc.calibration).digest
    plain["synthesise"]["composite"] |= recipe.synthesise.composite.filled_by
    for section in ("looks", "triple_qc"):
        del plain[section]["embedder_weights"]
    for key in ("vocabulary", "device"):
        del plain["segment"][key]
    del plain["segment"]["grounded"]["tracker_folder"]
    for section in (plain["captions"]["captioner"], plain["judge"]):
        if section is not None and section["endpoint"] is not None:
            section["endpoint"] = {"model": section["endpoint"]["model"]}
        elif section is not None:
            section["local"] = {"digest": describe_model(ModelConfig(local=section["local"])).weights}
    for section, keys in (("mine", ("folder",)), ("render", ("models", "hdris", "shadowless"))):
        for key in keys if plain[section] is not None else ():
            del plain[section][key]
    return plain


def earlier_splits(out: Path, config: SplitAssignmentConfig) -> dict[str, Split]:
    """source id → split of the versions so far, so that a test product stays one even if it was gone for a while.

    Versions are read from the latest back to the first that was dealt with other shares or another salt; the later one
    decides. Empty when the latest was dealt otherwise: then all families are dealt afresh.
    """
    splits: dict[str, Split] = {}
    for version in reversed(version_numbers(out)):
        folder = out / f"v{version}"
        path = folder / "tables" / "assignments.parquet"
        if not path.exists() or not (folder / MANIFEST_FILE).is_file():
            continue
        if read_manifest(folder).recipe.get("assign_split") != config.model_dump(mode="json"):
            break
        splits = {row.source_id: row.split for row in from_arrow(Assignment, pq.read_table(path))} | splits
    return splits


def _write_tables(workspace: Workspace, tables: Tables) -> None:
    for name, record in TABLE_RECORDS.items():
        workspace.write_table(name, record, getattr(tables, name))


def _write_report(outcome: BuildOutcome, workspace: Workspace, recipe: Recipe) -> None:
    from pvtt_data.report import write_report

    outcome.report = outcome.run_folder / "report.html"
    machine = {
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }
    write_report(outcome, workspace, recipe, machine, outcome.report)


def _empty(results: list[StageResult]) -> str:
    for result in results:
        if result.items and not result.rows:
            return f"nothing is left after stage {result.stage}, so there is no dataset:\n  {stage_line(result)}"
    return "the feed holds no usable video, so there is no dataset; see docs/sources.md for the layouts that are read"


def _version_name(publication: Publication | None) -> str:
    return "" if publication is None else f"v{publication.version} ({publication.status})"


def _new_run_folder(runs: Path) -> Path:
    name = time.strftime("%Y%m%d-%H%M%S")
    folder, number = runs / name, 2
    while folder.exists():
        folder, number = runs / f"{name}-{number}", number + 1
    folder.mkdir(parents=True)
    return folder
