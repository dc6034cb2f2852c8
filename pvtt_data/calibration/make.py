"""Make a calibration: trials of rendered pairs set thresholds on half of the products and report on the others."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pvtt_data.calibration.choose import (
    Rate,
    caught,
    choose_flags,
    choose_rejects,
    first_limits,
    kinds_of,
    thresholds_of,
    usable,
)
from pvtt_data.calibration.file import Calibration, Threshold
from pvtt_data.calibration.mask_faults import KINDS
from pvtt_data.calibration.mask_trials import GOOD, Half, Trial, measure_clip, read_pair
from pvtt_data.files import write_whole
from pvtt_data.images import read_rgba
from pvtt_data.process_pool import single_threaded_pool
from pvtt_data.records import canonical_json
from pvtt_data.stage import library_version

BUDGET = 0.02
"""Estimated share of good masks that all rules together may flag; below the 5 % that are wanted, because thresholds fit
the products that set them."""

_FOLDS = 5

_LIBRARIES = ("numpy", "opencv-python-headless")


def measure_pairs(
    folder: Path, kept: Path, processes: int, on_pair: Callable[[str], None], half: Half | None = None
) -> list[Trial]:
    """Trials of all pairs in a folder that `pvtt-data render` filled.

    Args:
        folder: one folder a pair.
        kept: folder in which the trials of each pair are kept, so that an interrupted run goes on. It must be emptied
            when numbers or faults change.
        processes: worker processes.
        on_pair: told about every pair that is done.
        half: what all products are for; None deals them by `half_of`.

    Raises:
        ValueError: fewer than two pairs.
    """
    pairs = sorted(path for path in folder.iterdir() if (path / "pair.json").is_file())
    if len(pairs) < 2:
        raise ValueError(f"{folder} holds {len(pairs)} rendered pairs; two at least are needed")
    kept.mkdir(parents=True, exist_ok=True)
    work = [(path, pairs[(number + 1) % len(pairs)], kept, half) for number, path in enumerate(pairs)]
    with single_threaded_pool(processes) as pool:
        for path in pool.map(_measure_pair, work):
            on_pair(path.name)
    return [trial for path in pairs for trial in _read_trials(kept / f"{path.name}.json")]


def _measure_pair(work: tuple[Path, Path, Path, Half | None]) -> Path:
    """Measure a pair unless that is done; the stranger beside its products is B of another pair."""
    path, other, kept, half = work
    target = kept / f"{path.name}.json"
    if not target.is_file():
        stranger = read_rgba((other / "reference_0.png").read_bytes())
        clips = [dataclasses.replace(clip, stranger=stranger) for clip in read_pair(path, half)]
        rows = [dataclasses.asdict(trial) for clip in clips for trial in measure_clip(clip)]
        write_whole(target, json.dumps(rows).encode())
    return path


def _read_trials(path: Path) -> list[Trial]:
    return [Trial(**row) for row in json.loads(path.read_text(encoding="utf-8"))]


def calibrate(trials: Sequence[Trial], budget: float = BUDGET) -> Calibration:
    """Thresholds from the setting half, and what they catch in the other.

    Raises:
        ValueError: one half has no good mask, or no fault.
    """
    trials = usable(trials)
    for half in ("setting", "reporting"):
        kinds = {trial.kind for trial in trials if trial.half == half}
        if GOOD not in kinds or len(kinds) < 2:
            raise ValueError(f"the {half} half of the products has no trials; more pairs mend it")
    setting = [trial for trial in trials if trial.half == "setting" and trial.role in ("good", "setting")]
    thresholds = _thresholds(setting, budget)
    made: dict[str, Any] = {
        "how": "benchmarks/mask_faults.py; see docs/mask_quality.md",
        "clips": "source and target of pairs of pvtt-data render, with their true masks",
        "products": {half: _products(trials, half) for half in ("setting", "reporting")},
        "trials": {half: sum(trial.half == half for trial in trials) for half in ("setting", "reporting")},
        "false_alarm_budget": budget,
        "strengths": {
            kind: {"setting": fault.setting, "unseen": fault.unseen, "weak": fault.weak}
            for kind, fault in KINDS.items()
        },
        "versions": {name: library_version(name) for name in _LIBRARIES},
        "table_sha256": table_digest(trials),
    }
    results = results_of(trials, first_limits(thresholds))
    results["cross_validation"] = cross_validated([t for t in trials if t.half == "setting"], budget)
    return Calibration(thresholds=thresholds, made=made, results=results)


def _thresholds(setting: Sequence[Trial], budget: float) -> dict[str, Threshold]:
    return thresholds_of(choose_flags(setting, budget), choose_rejects(setting))


def cross_validated(trials: Sequence[Trial], budget: float) -> dict[str, Any]:
    """False alarms and detection on products that set no threshold, each fifth of the products by those of the others.

    Args:
        trials: of the setting half.
        budget: see `choose_flags`.
    """
    hits: dict[str, list[bool]] = {}
    for fold in range(_FOLDS):
        others = [t for t in trials if fold_of(t) != fold and t.role in ("good", "setting")]
        tested = [t for t in trials if fold_of(t) == fold and t.role != "weak"]
        if not tested or len({t.kind for t in others}) < 2:
            continue
        limits = first_limits(_thresholds(others, budget))
        for trial in tested:
            hits.setdefault(trial.kind, []).append(caught([trial], limits).hits == 1)
    rates = {kind: Rate(sum(found), len(found)).to_plain() for kind, found in hits.items()}
    return {"false_alarms": rates.pop(GOOD, Rate(0, 0).to_plain()), "detection": rates}


def fold_of(trial: Trial) -> int:
    return hashlib.sha256(f"fold {trial.product_id}".encode()).digest()[0] % _FOLDS


def all_set(trials: Sequence[Trial], others: Sequence[Trial]) -> list[Trial]:
    """Trials whose products all set thresholds, and others that report, less those of the same products."""
    products = {trial.product_id for trial in trials}
    setting = [dataclasses.replace(trial, half="setting") for trial in trials]
    return setting + [trial for trial in others if trial.product_id not in products]


def results_of(trials: Sequence[Trial], limits: Mapping[str, float]) -> dict[str, Any]:
    """False alarms of both halves, and what of each kind of fault is caught in the reporting half.

    Args:
        trials: of both halves.
        limits: number → threshold for flagging or rejecting, whichever comes first.
    """

    def rate(kind: str, role: str) -> dict[str, float]:
        return caught([t for t in reported if t.kind == kind and t.role == role], limits).to_plain()

    trials = usable(trials)
    reported = [trial for trial in trials if trial.half == "reporting"]
    good = {half: [t for t in trials if t.half == half and t.kind == GOOD] for half in ("setting", "reporting")}
    variants = list(dict.fromkeys(trial.variant for trial in good["reporting"]))
    return {
        "false_alarms": {half: caught(rows, limits).to_plain() for half, rows in good.items()},
        "false_alarms_by_variant": {
            variant: caught([t for t in good["reporting"] if t.variant == variant], limits).to_plain()
            for variant in variants
        },
        "detection": {
            kind: {role: rate(kind, role) for role in ("setting", "unseen", "weak")} for kind in kinds_of(reported)
        },
    }


def table_digest(trials: Sequence[Trial]) -> str:
    """SHA-256 (hex) of the measured trials, numbers to six digits."""
    rows = []
    for trial in sorted(trials, key=lambda t: (t.half, t.clip, t.kind, t.variant, t.strength)):
        plain = dataclasses.asdict(trial)
        if not trial.category:
            del plain["category"]
        plain["numbers"] = {name: _six_digits(value) for name, value in sorted(trial.numbers.items())}
        rows.append(plain)
    return hashlib.sha256(canonical_json(rows).encode()).hexdigest()


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}") if math.isfinite(value) else 0.0


def _products(trials: Sequence[Trial], half: str) -> int:
    return len({trial.product_id for trial in trials if trial.half == half})
