"""Make a calibration: trials of rendered pairs set thresholds on half of the products and report on the others."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2

from pvtt_data.calibration.choose import caught, choose_flags, choose_rejects, first_limits, kinds_of, thresholds_of
from pvtt_data.calibration.file import Calibration
from pvtt_data.calibration.mask_faults import KINDS
from pvtt_data.calibration.mask_trials import GOOD, Trial, measure_clip, read_pair
from pvtt_data.files import write_whole
from pvtt_data.images import read_rgba
from pvtt_data.records import canonical_json
from pvtt_data.stage import library_version

BUDGET = 0.04
"""Share of good masks of the setting half that all rules together may flag: below the 5 % that are promised."""

_LIBRARIES = ("numpy", "opencv-python-headless")


def measure_pairs(folder: Path, kept: Path, processes: int, on_pair: Callable[[str], None]) -> list[Trial]:
    """Trials of all pairs in a folder that `pvtt-data render` filled.

    Args:
        folder: one folder a pair.
        kept: folder in which the trials of each pair are kept, so that an interrupted run goes on. It must be emptied
            when numbers or faults change.
        processes: worker processes.
        on_pair: told about every pair that is done.

    Raises:
        ValueError: fewer than two pairs.
    """
    pairs = sorted(path for path in folder.iterdir() if (path / "pair.json").is_file())
    if len(pairs) < 2:
        raise ValueError(f"{folder} holds {len(pairs)} rendered pairs; two at least are needed")
    kept.mkdir(parents=True, exist_ok=True)
    work = [(path, pairs[(number + 1) % len(pairs)], kept) for number, path in enumerate(pairs)]
    with ProcessPoolExecutor(processes) as pool:
        for path in pool.map(_measure_pair, work):
            on_pair(path.name)
    return [trial for path in pairs for trial in _read_trials(kept / f"{path.name}.json")]


def _measure_pair(work: tuple[Path, Path, Path]) -> Path:
    """Measure a pair unless that is done; the stranger beside its products is B of another pair."""
    path, other, kept = work
    target = kept / f"{path.name}.json"
    if not target.is_file():
        cv2.setNumThreads(1)
        stranger = read_rgba((other / "reference_0.png").read_bytes())
        clips = [dataclasses.replace(clip, stranger=stranger) for clip in read_pair(path)]
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
    for half in ("setting", "reporting"):
        kinds = {trial.kind for trial in trials if trial.half == half}
        if GOOD not in kinds or len(kinds) < 2:
            raise ValueError(f"the {half} half of the products has no trials; more pairs mend it")
    setting = [trial for trial in trials if trial.half == "setting"]
    thresholds = thresholds_of(choose_flags(setting, budget), choose_rejects(setting))
    made: dict[str, Any] = {
        "how": "python benchmarks/mask_faults.py --clips FOLDER --write FILE",
        "clips": "pvtt-data render; source and target of each pair with their true masks",
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
    return Calibration(thresholds=thresholds, made=made, results=results_of(trials, first_limits(thresholds)))


def results_of(trials: Sequence[Trial], limits: Mapping[str, float]) -> dict[str, Any]:
    """False alarms of both halves, and what of each kind of fault is caught in the reporting half.

    Args:
        trials: of both halves.
        limits: number → threshold for flagging or rejecting, whichever comes first.
    """
    reported = [trial for trial in trials if trial.half == "reporting"]

    def rate(kind: str, role: str) -> dict[str, float]:
        return caught([t for t in reported if t.kind == kind and t.role == role], limits).to_plain()

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
        plain["numbers"] = {name: _six_digits(value) for name, value in sorted(trial.numbers.items())}
        rows.append(plain)
    return hashlib.sha256(canonical_json(rows).encode()).hexdigest()


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}") if math.isfinite(value) else 0.0


def _products(trials: Sequence[Trial], half: str) -> int:
    return len({trial.product_id for trial in trials if trial.half == half})
