"""SAM 2.1 in lanes next to the plain loop of the sam2 package's video example: clips a minute, memory, the same masks.

    pip install -e ".[gpu]"
    python benchmarks/grounded_sam2.py [--sizes small,large] [--clips 8] [--frames 49] [--compile ours|both]

Full-size models with random weights on random clips: what is computed does not depend on the weights. The schedule is
fixed: a box on frame 0, then forwards to the end. The peer does what the package's example does: frames as JPEG files
in a folder, `init_state`, `add_new_points_or_box`, `propagate_in_video`, one clip after the other, under autocast to
bfloat16; masks are taken to the size of the video and to the processor in both. `peer, compiled` is the package's own
faster predictor (`vos_optimized=True`), with `--compile both` only. Target on one H100: 1.5 times the plain loop.

Every method is run once before it is timed. Memory is the allocator's peak. Agreement is the mean IoU of our masks and
the peer's, whose pictures are scaled by another filter.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from pvtt_data.segmenters.grounded.lanes import Lane, Prompt
from pvtt_data.segmenters.grounded.sam2_tracker import CONFIGS, Sam2Tracker, build_sam2
from pvtt_data.stage import library_version

Clips = Sequence[npt.NDArray[np.uint8]]
Masks = list[npt.NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for all methods."""

    device: str
    precision: torch.dtype
    batch: int
    overrides: tuple[str, ...]

    def autocast(self) -> torch.autocast:
        """As the package's example has it."""
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.precision == torch.bfloat16)


def draw_clips(count: int, frames: int, size: tuple[int, int]) -> Clips:
    """Clips of a textured box that moves over a textured ground, (T, H, W, 3) uint8 RGB."""
    width, height = size
    clips = []
    for number in range(count):
        dice = np.random.default_rng(number)
        small = dice.integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
        ground = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        box = dice.integers(0, 255, (height // 3, width // 3, 3), dtype=np.uint8)
        clip = np.repeat(ground[None], frames, axis=0)
        for t in range(frames):
            x = round((width - box.shape[1]) * t / max(frames - 1, 1))
            clip[t, height // 3 : height // 3 + box.shape[0], x : x + box.shape[1]] = box
        clips.append(clip)
    return clips


def box_of_clip(clip: npt.NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Where the box is on frame 0."""
    height, width = clip.shape[1:3]
    return 0.0, float(height // 3), float(width // 3), float(2 * (height // 3))


def ours(name: str, setting: Setting, clips: Clips, compiled: bool) -> Callable[[], Masks]:
    """Lanes: all clips embedded, one lane each, run together."""
    model = build_sam2(CONFIGS[name], setting.overrides)
    tracker = Sam2Tracker(name, model, setting.device, setting.precision, setting.batch, compiled)

    def work() -> Masks:
        masks: Masks = []
        for start in range(0, len(clips), setting.batch):
            some = clips[start : start + setting.batch]
            lanes = [Lane(tracker.embed(clip), range(len(clip)), Prompt(box=box_of_clip(clip))) for clip in some]
            for run in tracker.run(lanes):
                masks.append(np.stack([run.mask(step) for step in range(len(run.quality))]))
        return masks

    return work


def peer(name: str, setting: Setting, folders: Sequence[Path], clips: Clips, compiled: bool) -> Callable[[], Masks]:
    """The package's video example, clip after clip."""
    from sam2.build_sam import build_sam2_video_predictor

    torch.manual_seed(0)
    predictor = build_sam2_video_predictor(
        CONFIGS[name],
        None,
        device=setting.device,
        vos_optimized=compiled,
        hydra_overrides_extra=list(setting.overrides),
    )

    def work() -> Masks:
        masks: Masks = []
        for folder, clip in zip(folders, clips, strict=True):
            with torch.inference_mode(), setting.autocast():
                state = predictor.init_state(str(folder))
                predictor.add_new_points_or_box(state, 0, 1, box=np.array(box_of_clip(clip), np.float32))
                steps = predictor.propagate_in_video(state)
                masks.append(np.stack([(logits[0, 0] > 0).cpu().numpy() for _, _, logits in steps]))
        return masks

    return work


def timed(work: Callable[[], Masks], setting: Setting) -> tuple[float, float, Masks]:
    """Seconds and GiB of the second run, and its masks."""
    work()
    cuda = setting.device == "cuda"
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    start = time.monotonic()
    masks = work()
    if cuda:
        torch.cuda.synchronize()
    seconds = time.monotonic() - start
    return seconds, torch.cuda.max_memory_allocated() / 2**30 if cuda else 0.0, masks


def agreement(mine: Masks, theirs: Masks) -> float:
    """Mean IoU over all frames; two empty masks agree."""
    ious = []
    for one, other in zip(mine, theirs, strict=True):
        shared, union = (one & other).sum(axis=(1, 2)), (one | other).sum(axis=(1, 2))
        ious += [float(s / u) if u else 1.0 for s, u in zip(shared, union, strict=True)]
    return float(np.mean(ious))


def main() -> None:
    """Print a table as Markdown."""
    parser = argparse.ArgumentParser(description="SAM 2.1 in lanes against the package's video example.")
    parser.add_argument("--sizes", default="small,large", help="of SAM 2.1, by commas")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--frames", type=int, default=49)
    parser.add_argument("--batch", type=int, default=8, help="most clips and frames at a time, of ours")
    parser.add_argument("--compile", choices=["ours", "both"], help="also compiled: ours alone, or the package's too")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument(
        "--overrides", nargs="*", default=[], help="of the models, in Hydra's notation, to try it small"
    )
    chosen = parser.parse_args()
    setting = Setting(chosen.device, getattr(torch, chosen.precision), chosen.batch, tuple(chosen.overrides))
    clips = draw_clips(chosen.clips, chosen.frames, (480, 848))
    print("| model | method | s | clips/min | against plain | peak GiB | IoU with plain |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as scratch:
        folders = []
        for number, clip in enumerate(clips):
            folder = Path(scratch) / f"{number}"
            folder.mkdir()
            for t, frame in enumerate(clip):
                Image.fromarray(frame).save(folder / f"{t:05d}.jpg", quality=98)
            folders.append(folder)
        for size in chosen.sizes.split(","):
            _compare(f"sam2.1-{size}", setting, clips, folders, chosen.compile)
    where = torch.cuda.get_device_name() if chosen.device == "cuda" else "processor"
    versions = ", ".join(f"{name} {library_version(name)}" for name in ("torch", "sam2", "numpy"))
    print(
        f"\n{chosen.clips} clips of {chosen.frames} frames, 480×848; {where}, {chosen.precision}, "
        f"batch {chosen.batch}; {versions}"
    )


def _compare(name: str, setting: Setting, clips: Clips, folders: Sequence[Path], compiled: str | None) -> None:
    methods = [("plain loop of the package", lambda: peer(name, setting, folders, clips, False))]
    if compiled == "both":
        methods.append(("peer, compiled", lambda: peer(name, setting, folders, clips, True)))
    methods.append(("lanes", lambda: _seeded(lambda: ours(name, setting, clips, False))))
    if compiled:
        methods.append(("lanes, compiled", lambda: _seeded(lambda: ours(name, setting, clips, True))))
    plain_s, plain_masks = 0.0, None
    for label, make in methods:
        seconds, gib, masks = timed(make(), setting)
        if plain_masks is None:
            plain_s, plain_masks = seconds, masks
        if setting.device == "cuda":
            torch.cuda.empty_cache()
        print(
            f"| {name} | {label} | {seconds:.1f} | {60 * len(clips) / seconds:.1f} | {plain_s / seconds:.2f}× | "
            f"{gib:.1f} | {agreement(masks, plain_masks):.3f} |",
            flush=True,
        )


def _seeded(make: Callable[[], Callable[[], Masks]]) -> Callable[[], Masks]:
    """The same random weights for all methods."""
    torch.manual_seed(0)
    return make()


if __name__ == "__main__":
    main()
