"""Masks on DAVIS-2016: the embedded backend against U²-Net on every frame, in one run.

    PVTT_TEST_DATA=path/to/data python benchmarks/segment_davis.py

The peer is the same network on every frame, its answer thresholded at 0.5: what people run without a tracker. Both get
the same frames and one thread. J, F and J&F are DAVIS's measures, means over all frames of a sequence. Which frames
happen to be keyframes matters, so our backend is run on the sequence from its frame 0, 2 and 4 on.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from davis_measures import contour_accuracy, region_similarity

from pvtt_data.errors import InputError
from pvtt_data.images import read_image
from pvtt_data.models import ModelRegistry
from pvtt_data.segmenters.u2net import U2NetSegmenter
from pvtt_data.stage import library_version

SEQUENCES = ("car-shadow", "scooter-black")
STARTS = (0, 2, 4)
LIBRARIES = ("onnxruntime", "opencv-python-headless", "numpy")

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]


def load(folder: Path) -> tuple[Frames, Masks]:
    """Frames ``(T, H, W, 3) uint8 RGB`` and true masks ``(T, H, W) bool``."""
    frames = np.stack([read_image(path) for path in sorted((folder / "frames").iterdir())])
    masks = np.stack([read_image(path)[..., 0] > 127 for path in sorted((folder / "masks").iterdir())])
    return frames, masks


def every_frame(segmenter: U2NetSegmenter, frames: Frames) -> Masks:
    """The peer: one inference a frame; nothing found is an empty mask."""
    masks = np.zeros(frames.shape[:3], np.bool_)
    for mask, frame in zip(masks, frames, strict=True):
        try:
            mask[:] = segmenter.segment_image(frame) > 0.5
        except InputError:
            continue
    return masks


@dataclass(frozen=True)
class Result:
    """Mean J and F of a run, the lowest J, and what it took a frame."""

    region: float
    contour: float
    lowest: float
    cpu_s: float
    wall_s: float


def measured(work: Callable[[], Masks], true: Masks) -> Result:
    """Run and compare with the truth."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    region, contour = region_similarity(found, true), contour_accuracy(found, true)
    return Result(float(region.mean()), float(contour.mean()), float(region.min()), cpu / len(true), wall / len(true))


def main() -> None:
    """Print the table as Markdown."""
    data = os.environ.get("PVTT_TEST_DATA")
    if not data:
        sys.exit("set PVTT_TEST_DATA to the folder that holds davis/")
    cv2.setNumThreads(1)
    segmenter = U2NetSegmenter(ModelRegistry.default().pull("u2net"))
    print("| sequence | method | J | F | J&F | J from each start | lowest J | CPU s/frame | wall s/frame |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in SEQUENCES:
        frames, true = load(Path(data) / "davis" / name)
        peer = [measured(lambda frames=frames: every_frame(segmenter, frames), true)]
        ours = [
            measured(lambda frames=frames[start:]: segmenter.segment_video(frames).masks, true[start:])
            for start in STARTS
        ]
        for method, results in (("U²-Net on every frame", peer), ("keyframes + flow (`u2net`)", ours)):
            region = statistics.fmean(result.region for result in results)
            contour = statistics.fmean(result.contour for result in results)
            each = ", ".join(f"{result.region:.3f}" for result in results)
            lowest = min(result.lowest for result in results)
            cpu = statistics.fmean(result.cpu_s for result in results)
            wall = statistics.fmean(result.wall_s for result in results)
            measures = f"{region:.3f} | {contour:.3f} | {(region + contour) / 2:.3f}"
            print(f"| {name} | {method} | {measures} | {each} | {lowest:.3f} | {cpu:.2f} | {wall:.2f} |", flush=True)
    versions = ", ".join(f"{library} {library_version(library)}" for library in LIBRARIES)
    machine = f"{platform.machine()}, {os.cpu_count()} processors, one thread"
    print(f"\n{machine}; Python {platform.python_version()}, {versions}")


if __name__ == "__main__":
    main()
