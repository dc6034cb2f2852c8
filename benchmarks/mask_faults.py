"""Mask QC against faults of known kind and strength: sets its thresholds, and says what they catch.

    pvtt-data render --out clips --count 40 --preset draft --seed 5 --set normalise.sizes=240x432 \
        --set normalise.frames=17 --set pair.references=2 --set render.occluder_share=0.2 \
        --set render.near_identity_share=0
    python benchmarks/mask_faults.py --clips clips [--write pvtt_data/calibration/mask_qc.json]

Every source and target video of a pair, with its true mask, is a clip. Each is measured with the true mask; with masks
as imprecise as a good segmenter's (grown or shrunk by a pixel, edges from a guided filter); with the true mask and a
painted hand in the picture; and with faults: see `pvtt_data.calibration.mask_faults`. Products are dealt into two
halves by hash: thresholds are set on one, and the other is reported, with strengths that set nothing. With --fresh all
products of --clips set thresholds, and those of the other folder and of the sample catalogue are reported. Without
--write the thresholds of the package are used.

The target, written down before the first run: of each kind at least 95 % caught (flagged or rejected), at no more than
5 % of good masks flagged.

True masks of real and bundled clips are checked too: the sample catalogue, and DAVIS where PVTT_TEST_DATA names the
folder that holds davis/.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
from fault_tables import limit_text, print_detection, print_false_alarms, rate_text

from pvtt_data.calibration.choose import doubted, first_limits
from pvtt_data.calibration.file import read_calibration
from pvtt_data.calibration.make import all_set, calibrate, measure_pairs, results_of
from pvtt_data.calibration.mask_faults import TrackedClip
from pvtt_data.calibration.mask_trials import KnownClip, measure_clip
from pvtt_data.images import read_image
from pvtt_data.mask_quality import mask_quality
from pvtt_data.masks import resized
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.stage import library_version

TARGET, ALLOWED = 0.95, 0.05
_FRAMES = 49
_FEW_FRAMES, _SHORT_SIDE_PX = 17, 240
_SAMPLES = Path(__file__).parents[1] / "samples"


def main() -> None:
    """Print the tables as Markdown; write the calibration if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="folder that pvtt-data render filled")
    parser.add_argument("--fresh", type=Path, help="another such folder: it reports, all of --clips sets")
    parser.add_argument("--write", type=Path, help="calibration file to make")
    parser.add_argument("--rows", type=Path, help="folder that keeps measured trials between runs")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        kept = options.rows or Path(scratch)
        done = functools.partial(print, "<!-- done", flush=True)
        trials = measure_pairs(options.clips, kept, options.processes, done)
        if options.fresh:
            fresh = measure_pairs(options.fresh, kept / "fresh", options.processes, done, "reporting")
            fresh += [trial for clip in catalogue_clips() for trial in measure_clip(clip)]
            trials = all_set(trials, fresh)
    if options.write:
        calibration = calibrate(trials)
        options.write.write_text(calibration.to_text(), encoding="utf-8")
    else:
        calibration = read_calibration()
    limits = first_limits(calibration.thresholds)
    products = {half: len({t.product_id for t in trials if t.half == half}) for half in ("setting", "reporting")}
    print(f"products: {products}; trials: {len(trials)}\n")
    print("| number | flag | reject |\n| --- | --- | --- |")
    for name, limit in calibration.thresholds.items():
        print(f"| {name} | {limit_text(limit.flag)} | {limit_text(limit.reject)} |")
    _print_results(results_of(trials, limits))
    _print_folds(calibration.results.get("cross_validation"))
    _print_known(limits)
    versions = ", ".join(f"{name} {library_version(name)}" for name in ("numpy", "opencv-python-headless"))
    print(f"\n{platform.machine()}, one thread a process; Python {platform.python_version()}, {versions}")


def _print_results(results: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    print_false_alarms("good masks", results)
    print_detection(results, TARGET)


def _print_folds(results: Mapping[str, Mapping[str, float]] | None) -> None:
    if results is None:
        return
    print("\n| five-fold cross-validation over the products that set thresholds | caught | 95 % interval |")
    print("| --- | --- | --- |")
    for kind, plain in {"good masks flagged": results["false_alarms"], **results["detection"]}.items():
        print(f"| {kind} | {rate_text(plain)} |")


def _print_known(limits: Mapping[str, float]) -> None:
    print("\n| true masks of | tracks | flagged | by |\n| --- | --- | --- | --- |")
    sources = {"sample catalogue": list(_catalogue())}
    if os.environ.get("PVTT_TEST_DATA"):
        sources["DAVIS"] = list(_davis(Path(os.environ["PVTT_TEST_DATA"]) / "davis"))
    seconds: list[float] = []
    for title, clips in sources.items():
        found: list[list[str]] = []
        for _, clip in clips:
            begun = time.process_time()
            found.append(doubted(mask_quality(clip.frames, clip.masks), limits))
            seconds.append(time.process_time() - begun)
        flagged = [f"{name}: {', '.join(doubts)}" for (name, _), doubts in zip(clips, found, strict=True) if doubts]
        print(f"| {title} | {len(clips)} | {len(flagged)} | {'; '.join(flagged)} |")
    print(f"\n{np.median(seconds):.2f} CPU s a track of up to {_FRAMES} frames (median), decoding not included")


def _catalogue() -> Iterator[tuple[str, TrackedClip]]:
    """Shots of the sample catalogue in which the product is whole, up to 49 frames from their beginning."""
    truth = json.loads((_SAMPLES / "truth" / "truth.json").read_text(encoding="utf-8"))
    for name, facts in truth["videos"].items():
        if facts["duplicate_of"]:
            continue
        left, top, width, height = facts["letterbox"]
        frames = decode_video(_SAMPLES / "catalogue" / name)[:, top : top + height, left : left + width]
        masks = decode_masks(_SAMPLES / "truth" / facts["mask"])[:, top : top + height, left : left + width]
        for number, shot in enumerate(facts["shots"]):
            if shot["whole_product"] and shot["last"] - shot["first"] >= 17:
                chosen = slice(shot["first"], min(shot["last"], shot["first"] + _FRAMES))
                yield f"{Path(name).stem}-{number}", TrackedClip(frames[chosen], masks[chosen])


def catalogue_clips() -> list[KnownClip]:
    """The first such shot of each product as a clip of 17 frames with a short side of 240 px that sets nothing.

    The stranger beside each is cut out of the next shot of another product.
    """
    clips = []
    for name, shot in _catalogue():
        height, width = shot.masks.shape[1:]
        scale = _SHORT_SIDE_PX / min(height, width)
        size = (round(width * scale), round(height * scale))
        frames = np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in shot.frames[:_FEW_FRAMES]])
        masks = np.stack([resized(mask, size[1], size[0]) for mask in shot.masks[:_FEW_FRAMES]])
        clips.append(KnownClip(f"catalogue-{name}", name.partition("_")[0], "reporting", frames, masks))
    dealt: list[KnownClip] = []
    for number, clip in enumerate(clips):
        other = next(c for c in clips[number:] + clips[:number] if c.product_id != clip.product_id)
        stranger = np.dstack([other.frames[0], other.masks[0].astype(np.uint8) * 255])
        if clip.product_id not in {known.product_id for known in dealt}:
            dealt.append(dataclasses.replace(clip, stranger=stranger))
    return dealt


def _davis(folder: Path) -> Iterator[tuple[str, TrackedClip]]:
    """The first 49 frames of each sequence."""
    for path in sorted(folder.iterdir()):
        frames = np.stack([read_image(file) for file in sorted((path / "frames").iterdir())[:_FRAMES]])
        masks = np.stack([read_image(file)[..., 0] > 127 for file in sorted((path / "masks").iterdir())[:_FRAMES]])
        yield path.name, TrackedClip(frames, masks)


if __name__ == "__main__":
    main()
