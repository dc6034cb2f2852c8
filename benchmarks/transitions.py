"""Dissolves between real clips, with known frames: how many the cut detector finds, and how many TransNetV2 does.

    python benchmarks/transitions.py FOLDER

FOLDER is the folder of real clips (PVTT_TEST_DATA). Needs the extra ``transnet``. Thresholds are chosen on one half of
the clips, the numbers reported on the other.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pvtt_data.media import Media, encode_clip, open_media, read_clip
from pvtt_data.records import Rectangle
from pvtt_data.series import measure
from pvtt_data.shots import FrameRange, find_shots
from pvtt_data.transitions import TransNetV2Detector, gradual_ranges, read_thumbnails, to_levels

_SIZE = (480, 320)
_FPS = 24.0
_SHOT_FRAMES = 60
_LENGTHS = (6, 12, 18, 24, 36)
_HALVES = (("frog", "pig", "bottles"), ("rabbit", "crystal", "coffee"))
_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)

Frames = npt.NDArray[np.uint8]


def made_video(clips: Sequence[Frames]) -> tuple[Frames, list[FrameRange]]:
    """Clips joined by dissolves of several lengths, and where the dissolves lie."""
    joined, truth = clips[0], []
    for number, following in enumerate(clips[1:]):
        length = _LENGTHS[number % len(_LENGTHS)]
        weight = (np.arange(1, length + 1, dtype=np.float32) / (length + 1))[:, None, None, None]
        mixed = joined[-length:] * (1 - weight) + following[:length] * weight
        truth.append(FrameRange(len(joined) - length, len(joined)))
        joined = np.concatenate([joined[:-length], np.rint(mixed).astype(np.uint8), following[length:]])
    return joined, truth


def matches(found: Sequence[FrameRange], truth: Sequence[FrameRange]) -> tuple[int, int]:
    """(true transitions that a found one touches, found ones that touch no true one)"""
    hit = sum(any(a.first_frame < t.last_frame and t.first_frame < a.last_frame for a in found) for t in truth)
    false = sum(not any(a.first_frame < t.last_frame and t.first_frame < a.last_frame for t in truth) for a in found)
    return hit, false


def borders(media: Media) -> list[FrameRange]:
    """What the cut detector and the fade rules take out or part at."""
    spans = find_shots(measure(media))
    cuts = [FrameRange(s.first_frame - 1, s.first_frame + 1) for s in spans if s.starts_by == "cut"]
    return cuts + [FrameRange(s.first_frame, s.last_frame) for s in spans if s.kind != "shot"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder / "clips"
    detector = TransNetV2Detector()
    cpu_s, frames_seen = 0.0, 0
    scores: list[list[tuple[npt.NDArray[np.uint8], list[FrameRange], list[FrameRange]]]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for names in _HALVES:
            windows = [window for name in names for window in _windows(folder / f"{name}.mp4")]
            rows = []
            for shift in range(2):
                frames, truth = made_video(_alternating(windows, len(names), shift))
                path = Path(scratch) / "made.mp4"
                encode_clip(frames, _FPS, path, crf=20)
                media = open_media(path)
                begun = time.process_time()
                _, thumbnails = read_thumbnails(media)
                levels = to_levels(detector.probabilities(thumbnails))
                cpu_s, frames_seen = cpu_s + time.process_time() - begun, frames_seen + len(levels)
                rows.append((levels, truth, borders(media)))
            scores.append(rows)
    for half, rows in zip(("choose", "report"), scores, strict=True):
        total = sum(len(truth) for _, truth, _ in rows)
        plain = [matches(cuts, truth) for _, truth, cuts in rows]
        print(f"{half}: {total} dissolves; cut detector alone: {_line(plain, total)}")
        for threshold, shortest in itertools.product(_THRESHOLDS, (3, 5)):
            with_it = []
            for levels, truth, _ in rows:
                found = gradual_ranges(np.arange(len(levels), dtype=np.int32), levels, threshold, shortest)
                with_it.append(matches(found, truth))
            print(f"  TransNetV2 p >= {threshold:g}, {shortest} frames: {_line(with_it, total)}")
    print(f"{1000 * cpu_s / frames_seen:.1f} CPU ms a frame, decoding included, {frames_seen} frames")


def _windows(path: Path) -> list[Frames]:
    media = open_media(path)
    probe = media.probe
    whole = Rectangle(0, 0, probe.display_width_px, probe.display_height_px)
    available = int(float(media.timeline.duration_s) * _FPS)
    starts = np.linspace(0, available - _SHOT_FRAMES - 2, 4).astype(int)
    rate = float(probe.fps) / _FPS
    return [
        read_clip(
            media,
            first_frame=int(start * rate),
            last_frame=int((start + _SHOT_FRAMES) * rate) + 1,
            fps=_FPS,
            n_frames=_SHOT_FRAMES,
            crop=whole,
            size=_SIZE,
        )
        for start in starts
    ]


def _alternating(windows: Sequence[Frames], names: int, shift: int) -> list[Frames]:
    """Windows in an order in which neighbours come from different clips."""
    each = len(windows) // names
    order = [name * each + turn for turn in range(each) for name in range(names)]
    return [windows[i] for i in order[shift:] + order[:shift]]


def _line(found: Sequence[tuple[int, int]], total: int) -> str:
    hit, false = sum(h for h, _ in found), sum(f for _, f in found)
    precision = hit / (hit + false) if hit + false else 0.0
    return f"recall {hit / total:.2f}, precision {precision:.2f} ({hit} found, {false} false)"


if __name__ == "__main__":
    main()
