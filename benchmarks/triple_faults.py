"""Triple QC against faults of known kind and strength: sets its thresholds, and says what they catch.

    pvtt-data build recipes/triple_faults.yaml
    python benchmarks/triple_faults.py shards/v1 --work work \
        [--write pvtt_data/calibration/triple_qc.json --name NAME]

Renders are right by construction, so every swap is measured, flagged or not: as it is; with A's mask a pixel too large
and B's a pixel too small; and with faults: see
`pvtt_data.calibration.triple_faults`. Products are dealt into two halves by hash, those that share a triple together:
thresholds are set on one, the other is reported, with strengths that set nothing. Without --write the thresholds of the
package are used, and both halves are reported apart.

The target, written down before the first run: of each kind at least 95 % caught (flagged or rejected), at no more than
5 % of right triples flagged. Wrong splits are a hard check without numbers: products are moved to another split one by
one, and all must be caught.

With --composites each render gives its target to a composite instead, with another product of its half pasted over B:
thresholds for the engine ``composite``.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
from fault_tables import limit_text, print_detection, print_false_alarms, rate_text

from pvtt_data.calibration.make_triples import (
    Trials,
    calibrate_triples,
    engines_of,
    known_shadows,
    measure_versions,
    results_of,
    shadowless_targets,
    size_of,
)
from pvtt_data.calibration.triple_file import TripleCalibration, read_triple_calibrations
from pvtt_data.embedders.choose import ChosenEmbedder, choose_embedder
from pvtt_data.errors import PreflightError
from pvtt_data.shards import ShardDataset
from pvtt_data.stage import library_version
from pvtt_data.stages.triple_qc import split_fault

TARGET, ALLOWED = 0.95, 0.05


def main() -> None:
    """Print the tables as Markdown; write the calibration if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", type=Path, nargs="+", help="dataset versions of rendered triples of one size")
    parser.add_argument("--embedders", default="mobilenet-colour,colour-shape", help="which ones, with commas")
    parser.add_argument("--write", type=Path, help="calibration file to make")
    parser.add_argument("--name", default="triple-faults", help="of the calibration")
    parser.add_argument(
        "--work",
        type=Path,
        nargs="*",
        default=[],
        help="work folders of the builds: renders with render.shadowless lose exactly their shadow, others an estimate",
    )
    parser.add_argument(
        "--composites", action="store_true", help="measure composites made over the targets in place of the renders"
    )
    parser.add_argument("--rows", type=Path, help="folder that keeps measured trials between runs")
    parser.add_argument("--processes", type=int, default=2, help="of one thread each")
    parser.add_argument("--limit", type=int, help="only the first so many triples")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    embedders = _embedders(options.embedders.split(","))
    shadowless = {} if options.composites else shadowless_targets(options.work)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        trials = measure_versions(
            options.versions,
            embedders,
            options.rows or Path(scratch),
            options.processes,
            lambda done, total: print(f"<!-- {done} of {total} -->", flush=True),
            options.limit,
            flagged_too=True,
            shadowless=shadowless,
            composites=options.composites,
        )
    seconds = time.monotonic() - begun
    sizes = size_of(options.versions)
    if options.write:
        calibration = _calibration(trials, embedders, options, sizes, known_shadows(options.versions, shadowless))
        options.write.write_text(calibration.to_text(), encoding="utf-8")
    else:
        engine = "composite" if options.composites else engines_of(options.versions)[0]
        calibration = read_triple_calibrations().of_engine(engine)
    triples = len({trial.clip for trial in trials[embedders[0].name]})
    exact = known_shadows(options.versions, shadowless)
    print(f"{triples} triples of {', '.join(sizes)} (frames x height x width); {seconds:.0f} s")
    if options.composites:
        print("composites made over the targets of renders, with exact masks\n")
    else:
        print(f"targets without their shadow are known of {exact} triples of the versions\n")
    for embedder in embedders:
        _print_embedder(embedder, trials[embedder.name], calibration, bool(options.write))
    _print_splits(options.versions)
    versions = ", ".join(f"{name} {library_version(name)}" for name in ("numpy", "opencv-python-headless", "torch"))
    print(f"\n{platform.machine()}, one thread a process; Python {platform.python_version()}, {versions}")


def _embedders(names: Sequence[str]) -> list[ChosenEmbedder]:
    found = []
    for name in names:
        try:
            found.append(choose_embedder(name)[0])  # type: ignore[arg-type]
        except PreflightError as error:
            print(f"<!-- without {name}: {error} -->")
    return found


def _calibration(
    trials: Trials, embedders: Sequence[ChosenEmbedder], options: argparse.Namespace, sizes: Sequence[str], known: int
) -> TripleCalibration:
    data = {
        "name": options.name,
        "sizes": list(sizes),
        "triples": len({t.clip for t in trials[embedders[0].name]}),
        "known_shadows": known,
    }
    parts = {e.name: calibrate_triples(trials[e.name], e.weights_sha256, data) for e in embedders}
    engines = ["composite"] if options.composites else engines_of(options.versions)
    return TripleCalibration(name=options.name, engines=engines, embedders=parts)


def _print_embedder(embedder: ChosenEmbedder, trials: Sequence[Any], calibration: TripleCalibration, own: bool) -> None:
    part = calibration.of(embedder.name, embedder.weights_sha256)
    results = results_of(trials, part)
    products = {half: len({t.product_id for t in trials if t.half == half}) for half in ("setting", "reporting")}
    print(f"\n## {embedder.label}: products {products}, {len(trials)} trials\n")
    print("| number | flag | reject |\n| --- | --- | --- |")
    for name, limit in part.thresholds.items():
        print(f"| {name} | {limit_text(limit.flag)} | {limit_text(limit.reject)} |")
    for name, limits in part.by_category.items():
        for category, limit in limits.items():
            print(f"| {name}, {category} | {limit_text(limit.flag)} | {limit_text(limit.reject)} |")
    print_false_alarms("right triples", results)
    print(f"\nfalse alarms by number: {results['false_alarms_by_number']}")
    print_detection(results, TARGET)
    folds = part.results.get("cross_validation") if own else None
    if folds:
        print("\n| five-fold cross-validation over all products | caught | 95 % interval |\n| --- | --- | --- |")
        for kind, plain in {"right triples flagged": folds["false_alarms"], **folds["detection"]}.items():
            print(f"| {kind} | {rate_text(plain)} |")


def _print_splits(folders: Sequence[Path]) -> None:
    """Move A, then B, to another split, and count what the hard check says."""
    clean, moved, total = 0, 0, 0
    for sample in (sample for folder in folders for sample in ShardDataset(folder)):
        meta = sample.meta
        splits = {meta.product_a: meta.split, meta.product_b: meta.split}
        other = "test" if meta.split != "test" else "train"
        total += 1
        clean += split_fault(meta.split, splits.values()) is not None
        moved += all(split_fault(meta.split, {**splits, name: other}.values()) for name in splits)
    print(f"\nwrong split: {moved} of {total} caught, A and B each; {clean} of {total} false alarms")


if __name__ == "__main__":
    main()
