"""Make a calibration of triple QC: trials set thresholds on half of the products and report on the other half."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pvtt_data.calibration.choose import (
    Rate,
    choose_flags,
    choose_rejects,
    doubted,
    first_limits,
    kinds_of,
    thresholds_of,
)
from pvtt_data.calibration.composites import known_composite, partner_of
from pvtt_data.calibration.file import Threshold
from pvtt_data.calibration.make import fold_of, table_digest
from pvtt_data.calibration.mask_trials import GOOD, Half, Trial
from pvtt_data.calibration.triple_faults import TRIPLE_FAULTS, KnownTriple
from pvtt_data.calibration.triple_file import EmbedderThresholds
from pvtt_data.calibration.triple_rules import BY_CATEGORY, TRIPLE_DOUBTS, is_copied
from pvtt_data.calibration.triple_trials import halves_of, known_triple, measure_triple
from pvtt_data.embedders.base import Embedder
from pvtt_data.embedders.choose import ChosenEmbedder, open_embedder
from pvtt_data.files import write_whole
from pvtt_data.process_pool import single_threaded_pool
from pvtt_data.records import Rendered
from pvtt_data.shards import Sample, ShardDataset
from pvtt_data.stage import library_version
from pvtt_data.stages.render import Render, rendered_clip_id
from pvtt_data.workspace import Workspace

BUDGET = 0.04
"""Estimated share of right triples that all rules together may flag; a little below the 5 % that are wanted, because
thresholds fit the products that set them."""

REJECT_MARGIN = 2.0
"""How far beyond the worst right triple a threshold for rejecting lies, in distances of the worst from the median."""

LEAST_PRODUCTS = 8
"""Products of a category from which on it has thresholds of its own."""

RENDER = Render.name
_FOLDS = 5
_LIBRARIES = ("numpy", "opencv-python-headless", "torch")

Trials = dict[str, list[Trial]]
"""Name of an embedder → trials."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Job:
    folders: tuple[Path, ...]
    flagged_too: bool
    number: int
    half: Half
    embedders: tuple[ChosenEmbedder, ...]
    kept: Path
    shadowless: Path | None
    composite: bool
    partner: int | None


def measure_versions(
    folders: Sequence[Path],
    embedders: Sequence[ChosenEmbedder],
    kept: Path,
    processes: int,
    on_triple: Callable[[int, int], None] = lambda done, total: None,
    limit: int | None = None,
    flagged_too: bool = False,
    shadowless: Mapping[str, Path] | None = None,
    composites: bool = False,
) -> Trials:
    """Trials of samples of dataset versions whose triples are swaps.

    Args:
        folders: of the versions, of one size.
        kept: folder in which the trials of each triple are kept, so that an interrupted run goes on. It must be emptied
            when numbers or faults change.
        processes: worker processes.
        on_triple: told how many are done, and of how many.
        limit: only the first so many.
        flagged_too: take flagged samples as right ones too, for renders, which are right by construction; else only
            accepted ones.
        shadowless: clip id → video of the target without B's shadow, from `shadowless_targets`.
        composites: measure composites made over the targets in place of the samples; see `known_composite`. Those that
            the engine refuses have no trials.

    Raises:
        ValueError: fewer than two usable samples.
        DatasetError: a version cannot be read.
    """
    samples = _samples(tuple(folders), flagged_too)
    if len(samples) < 2:
        raise ValueError(f"{len(samples)} usable swaps; two at least are needed")
    halves = halves_of([(sample.meta.product_a, sample.meta.product_b) for sample in samples])
    kept.mkdir(parents=True, exist_ok=True)
    wanted = range(len(samples))[:limit]
    videos = shadowless or {}
    jobs = [
        _Job(
            tuple(folders),
            flagged_too,
            n,
            halves[n],
            tuple(embedders),
            kept,
            videos.get(samples[n].meta.clip_id),
            composites,
            partner_of(samples, halves, n) if composites else None,
        )
        for n in wanted
    ]
    found: Trials = {embedder.name: [] for embedder in embedders}
    with single_threaded_pool(processes) as pool:
        for done, path in enumerate(pool.map(_measure, jobs), 1):
            for name, rows in json.loads(path.read_text(encoding="utf-8")).items():
                if name in found:
                    found[name] += [Trial(**row) for row in rows]
            on_triple(done, len(jobs))
    return found


@functools.lru_cache(maxsize=1)
def _samples(folders: tuple[Path, ...], flagged_too: bool) -> list[Sample]:
    samples = [sample for folder in folders for sample in ShardDataset(folder)]
    swaps = [sample for sample in samples if sample.meta.kind == "swap"]
    return [sample for sample in swaps if flagged_too or sample.meta.verdict == "accept"]


@functools.lru_cache(maxsize=4)
def _opened(embedder: ChosenEmbedder) -> Embedder:
    return open_embedder(embedder)


def _measure(job: _Job) -> Path:
    samples = _samples(job.folders, job.flagged_too)
    target = job.kept / f"{samples[job.number].key}{'-composite' if job.composite else ''}.json"
    if not target.is_file():
        known: KnownTriple | None = None
        if not job.composite:
            known = known_triple(samples, job.number, job.shadowless)
        elif job.partner is not None:
            known = known_composite(samples, job.number, job.partner)
        embedders = [_opened(embedder) for embedder in job.embedders]
        found: Trials = {} if known is None else measure_triple(known, job.half, embedders)
        plain = {name: [dataclasses.asdict(trial) for trial in trials] for name, trials in found.items()}
        write_whole(target, json.dumps(plain).encode())
        for sample in samples:
            _forget(sample)
    return target


def shadowless_targets(works: Iterable[Path]) -> dict[str, Path]:
    """Clip id → video of the target without B's shadow, of renders made with ``render.shadowless``.

    Args:
        works: work directories; those without such renders give none.
    """
    found = {}
    for work in works:
        if not (work / "cache" / RENDER).is_dir():
            continue
        workspace = Workspace(work)
        for row in workspace.cache(RENDER).rows(Rendered):
            if row.shadowless is not None and workspace.store.has(row.shadowless):
                found[rendered_clip_id(row.sample_id)] = workspace.store.path(row.shadowless)
    return found


def _forget(sample: Sample) -> None:
    """Drop decoded media, which a sample keeps."""
    for name in ("source", "target", "source_mask", "target_mask", "effect_mask", "references", "heldout"):
        sample.__dict__.pop(name, None)


def calibrate_triples(
    trials: Sequence[Trial], weights_sha256: str, data: Mapping[str, Any], budget: float = BUDGET
) -> EmbedderThresholds:
    """Thresholds from the setting half, and what they catch in the other.

    Args:
        trials: of one embedder.
        weights_sha256: its weights'.
        data: what the triples are, for the record.

    Raises:
        ValueError: one half has no right triple, or no fault.
    """
    for half in ("setting", "reporting"):
        kinds = {trial.kind for trial in trials if trial.half == half}
        if GOOD not in kinds or len(kinds) < 2:
            raise ValueError(f"the {half} half of the products has no trials; more triples mend it")
    setting = [trial for trial in trials if trial.half == "setting" and trial.role in ("good", "setting")]
    thresholds = _thresholds(setting, budget)
    by_category = category_limits(setting, budget)
    products = {half: len({t.product_id for t in trials if t.half == half}) for half in ("setting", "reporting")}
    made: dict[str, Any] = {
        "how": "pvtt-data qc --calibrate; see docs/triple_quality.md",
        **data,
        "products_b": products,
        "trials": {half: sum(trial.half == half for trial in trials) for half in ("setting", "reporting")},
        "false_alarm_budget": budget,
        "strengths": {
            kind: {"setting": fault.setting, "unseen": fault.unseen, "weak": fault.weak}
            for kind, fault in TRIPLE_FAULTS.items()
        },
        "categories_with_own_thresholds": sorted({name for limits in by_category.values() for name in limits}),
        "versions": {name: library_version(name) for name in _LIBRARIES},
        "table_sha256": table_digest(trials),
    }
    found = EmbedderThresholds(weights_sha256=weights_sha256, thresholds=thresholds, by_category=by_category)
    results = results_of(trials, found)
    results["cross_validation"] = cross_validated(trials, weights_sha256, budget)
    return found.model_copy(update={"made": made, "results": results})


def _thresholds(setting: Sequence[Trial], budget: float) -> dict[str, Threshold]:
    flags = choose_flags(setting, budget, TRIPLE_DOUBTS, is_copied)
    return thresholds_of(flags, choose_rejects(setting, TRIPLE_DOUBTS, REJECT_MARGIN), TRIPLE_DOUBTS)


def category_limits(setting: Sequence[Trial], budget: float) -> dict[str, dict[str, Threshold]]:
    """Thresholds of categories with enough products, from their own right triples and their own impostors.

    For each number of `BY_CATEGORY`: as `choose_flags` sets it on the trials of a category alone, with wrong products
    as the only fault.
    """
    made: dict[str, dict[str, Threshold]] = {}
    for category in sorted({trial.category for trial in setting}):
        own = [t for t in setting if t.category == category and t.kind in (GOOD, "wrong product")]
        if len({t.product_id for t in own if t.kind == GOOD}) < LEAST_PRODUCTS:
            continue
        for name in BY_CATEGORY:
            limits = choose_flags(own, budget, {name: TRIPLE_DOUBTS[name]}, is_copied)
            if name in limits:
                made.setdefault(name, {})[category] = Threshold(flag=round(limits[name], 4))
    return made


def is_doubted(trial: Trial, thresholds: EmbedderThresholds) -> bool:
    """Whether a trial is flagged or rejected."""
    limits = first_limits(thresholds.of_category(trial.category))
    return is_copied(trial.numbers) or bool(doubted(trial.numbers, limits, TRIPLE_DOUBTS))


def _rate(trials: Sequence[Trial], thresholds: EmbedderThresholds) -> dict[str, float]:
    return Rate(sum(is_doubted(trial, thresholds) for trial in trials), len(trials)).to_plain()


def results_of(trials: Sequence[Trial], thresholds: EmbedderThresholds) -> dict[str, Any]:
    """False alarms of both halves, and what of each kind of fault is caught in the reporting half.

    Args:
        trials: of both halves.
    """
    reported = [trial for trial in trials if trial.half == "reporting"]
    good = {half: [t for t in trials if t.half == half and t.kind == GOOD] for half in ("setting", "reporting")}
    variants = list(dict.fromkeys(trial.variant for trial in good["reporting"]))
    return {
        "false_alarms": {half: _rate(rows, thresholds) for half, rows in good.items()},
        "false_alarms_by_variant": {
            variant: _rate([t for t in good["reporting"] if t.variant == variant], thresholds) for variant in variants
        },
        "false_alarms_by_number": _alarms(good["reporting"], thresholds),
        "detection": {
            kind: {
                role: _rate([t for t in reported if t.kind == kind and t.role == role], thresholds)
                for role in ("setting", "unseen", "weak")
            }
            for kind in kinds_of(reported)
        },
    }


def _alarms(good: Sequence[Trial], thresholds: EmbedderThresholds) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for trial in good:
        for name in doubted(trial.numbers, first_limits(thresholds.of_category(trial.category)), TRIPLE_DOUBTS):
            counts[name] += 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def cross_validated(trials: Sequence[Trial], weights_sha256: str, budget: float) -> dict[str, Any]:
    """False alarms and detection where each fifth of the products is judged by thresholds of the others."""
    hits: dict[str, list[bool]] = {}
    for fold in range(_FOLDS):
        others = [t for t in trials if fold_of(t) != fold and t.role in ("good", "setting")]
        tested = [t for t in trials if fold_of(t) == fold and t.role != "weak"]
        if not tested or len({t.kind for t in others}) < 2:
            continue
        found = EmbedderThresholds(
            weights_sha256=weights_sha256,
            thresholds=_thresholds(others, budget),
            by_category=category_limits(others, budget),
        )
        for trial in tested:
            hits.setdefault(trial.kind, []).append(is_doubted(trial, found))
    rates = {kind: Rate(sum(found), len(found)).to_plain() for kind, found in hits.items()}
    return {"false_alarms": rates.pop(GOOD, Rate(0, 0).to_plain()), "detection": rates}


def size_of(folders: Sequence[Path]) -> list[str]:
    """Sizes of the swaps, such as ``17x432x240`` (frames, height, width), most frequent first."""
    sizes = [f"{s.meta.frames}x{s.meta.height}x{s.meta.width}" for s in _samples(tuple(folders), True)]
    names, counts = np.unique(sizes, return_counts=True)
    return [str(names[i]) for i in np.argsort(-counts, kind="stable")]


def known_shadows(folders: Sequence[Path], shadowless: Mapping[str, Path]) -> int:
    """How many of the swaps have a video of the target without B's shadow."""
    return sum(sample.meta.clip_id in shadowless for sample in _samples(tuple(folders), True))


def engines_of(folders: Sequence[Path]) -> list[str]:
    """Engines of the swaps."""
    return sorted({sample.meta.engine for sample in _samples(tuple(folders), True)})
