"""What an embedder would bring mask QC against another product that is masked instead of the right one.

    python benchmarks/mask_faults.py --clips clips --rows rows
    python benchmarks/mask_likeness.py --clips clips --rows rows [--embedder mobilenet-colour] [--kept FILE]

Takes the trials of `mask_faults.py` (its kept rows), and measures one number more for those of clips whose product has
pictures: the median over up to seven frames of the best cosine of the masked thing with a picture. Right masks and the
fault *wrong object: product* have it; the others keep what they have. Thresholds are chosen as mask QC's are, by
five-fold cross-validation over products, with and without the number; and once for the number alone, set on one half of
the products and reported on the other.

The target, written down before the first run: the number is worth it if it catches at least half of the strangers that
nothing catches now, in clips with pictures, at no more than 5 % of right masks flagged by any rule.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from pvtt_data.calibration.choose import Rate, caught, choose_flags, choose_rejects, first_limits, thresholds_of, usable
from pvtt_data.calibration.make import BUDGET, fold_of
from pvtt_data.calibration.mask_faults import KINDS, TrackedClip
from pvtt_data.calibration.mask_rules import DOUBTS, Doubt
from pvtt_data.calibration.mask_trials import GOOD, KnownClip, Trial, good_masks, half_of, read_pair, seeded
from pvtt_data.embedders.base import Embedder
from pvtt_data.embedders.choose import choose_embedder, open_for_stage
from pvtt_data.embedders.crops import crop_references, crop_video
from pvtt_data.images import read_rgba

NUMBER, FAULT = "embedder_likeness", "wrong object: product"
WITH_IT: Mapping[str, Doubt] = {NUMBER: Doubt("unlike-listing", "below", grain=0.02), **DOUBTS}
_FRAMES, _FOLDS = 7, 5
Key = tuple[str, str, str, float]


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="folder that pvtt-data render filled")
    parser.add_argument("--rows", type=Path, required=True, help="folder of mask_faults.py --rows")
    parser.add_argument("--embedder", default="mobilenet-colour")
    parser.add_argument("--kept", type=Path, help="file that keeps what was measured")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    pairs = sorted(path for path in options.clips.iterdir() if (path / "pair.json").is_file())
    if options.kept and options.kept.is_file():
        found = {tuple(key): value for key, value in json.loads(options.kept.read_text())}
    else:
        embedder = open_for_stage(choose_embedder(options.embedder)[0])
        found = {}
        begun = time.process_time()
        for number, path in enumerate(pairs):
            stranger = read_rgba((pairs[(number + 1) % len(pairs)] / "reference_0.png").read_bytes())
            for clip in read_pair(path):
                if clip.pictures:
                    found |= measured(dataclasses.replace(clip, stranger=stranger), embedder)
            print(f"<!-- {number + 1} of {len(pairs)}, {time.process_time() - begun:.0f} CPU s -->", flush=True)
        if options.kept:
            options.kept.write_text(json.dumps([[list(key), value] for key, value in found.items()]))
    trials = usable(
        [
            trial
            for path in pairs
            for row in json.loads((options.rows / f"{path.name}.json").read_text(encoding="utf-8"))
            if (trial := Trial(**row))
        ]
    )
    report(trials, found)


def measured(clip: KnownClip, embedder: Embedder) -> dict[Key, float]:
    """The number for right masks of a clip and for strangers beside its product, by what identifies a trial."""
    pictures = embedder.embed(crop_references(list(clip.pictures)).pictures)

    def value(tracked: TrackedClip) -> float:
        shown = np.flatnonzero(tracked.masks.any(axis=(1, 2)))
        chosen = sorted({int(shown[round(share * (len(shown) - 1))]) for share in np.linspace(0.0, 1.0, _FRAMES)})
        crops = crop_video(tracked.frames[chosen], tracked.masks[chosen], least_area_px=1).pictures
        return float(np.median((embedder.embed(crops) @ pictures.T).max(axis=1)))

    found = {(clip.name, GOOD, name, 0.0): value(tracked) for name, tracked in good_masks(clip)}
    whole = TrackedClip(clip.frames, clip.masks, clip.stranger)
    fault = KINDS[FAULT]
    for strength in (*fault.setting, *fault.unseen):
        tracked = fault.inject(whole, strength, seeded(clip.name, FAULT, f"{strength:g}"))
        if tracked is not None:
            found[clip.name, FAULT, "", strength] = value(tracked)
    return found


def report(trials: Sequence[Trial], found: Mapping[Key, float]) -> None:
    """Both tables."""
    known = [
        dataclasses.replace(trial, numbers={**trial.numbers, NUMBER: found[key]}) if key in found else trial
        for trial in trials
        for key in [(trial.clip, trial.kind, trial.variant, trial.strength)]
    ]
    pictured = {key[0] for key in found}
    print("\n| by cross-validation | without | with it |\n| --- | --- | --- |")
    plain, more = (cross_validated(known, doubts) for doubts in (DOUBTS, WITH_IT))
    for title, wanted in (
        ("right masks flagged, all clips", lambda t: t.kind == GOOD),
        ("right masks flagged, clips with pictures", lambda t: t.kind == GOOD and t.clip in pictured),
        ("another product, all clips", lambda t: t.kind == FAULT),
        ("another product, clips with pictures", lambda t: t.kind == FAULT and t.clip in pictured),
    ):
        cells = [_rate([hit for trial, hit in each if wanted(trial)]) for each in (plain, more)]
        print(f"| {title} | {' | '.join(cells)} |")
    print("\n| the number alone, set on one half | limit | right masks flagged | another product caught |")
    print("| --- | --- | --- | --- |")
    own = [t for t in known if NUMBER in t.numbers]
    for half, other in (("setting", "reporting"), ("reporting", "setting")):
        sets = [t.numbers[NUMBER] for t in own if half_of(t.product_id) == half and t.kind == GOOD]
        for share in (0.02, 0.05):
            limit = float(np.quantile(sets, share))
            cells = [
                _rate([t.numbers[NUMBER] < limit for t in own if half_of(t.product_id) == other and t.kind == kind])
                for kind in (GOOD, FAULT)
            ]
            print(f"| {half} half, {share:.0%} of its right masks | {limit:.3f} | {' | '.join(cells)} |")


def cross_validated(trials: Sequence[Trial], doubts: Mapping[str, Doubt]) -> list[tuple[Trial, bool]]:
    """Each trial, and whether thresholds that other products set doubt it."""
    judged = []
    for fold in range(_FOLDS):
        others = [t for t in trials if fold_of(t) != fold and t.role in ("good", "setting")]
        flags, rejects = choose_flags(others, BUDGET, doubts), choose_rejects(others, doubts)
        limits = first_limits(thresholds_of(flags, rejects, doubts))
        judged += [(t, caught([t], limits, doubts).hits == 1) for t in trials if fold_of(t) == fold]
    return judged


def _rate(hits: Sequence[bool]) -> str:
    rate = Rate(sum(hits), len(hits))
    low, high = rate.interval
    return f"{rate.hits} of {rate.count} ({rate.share:.1%}; {low:.0%} to {high:.0%})"


if __name__ == "__main__":
    main()
