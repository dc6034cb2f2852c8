"""Drawn clips as a dataset version, for measurements that do not depend on what is seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pvtt_data.images import write_png
from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.shards import DatasetSettings, ShardSample, write_dataset

_META: dict[str, Any] = {
    **dict.fromkeys(("category_a", "category_b", "title_a", "title_b", "source_prompt", "captioner", "judge"), "-"),
    **dict.fromkeys(("segmenter", "source_id", "clip_id", "source_url"), "-"),
    "engine": "render", "kind": "swap", "difficulty": "easy", "fps": 16.0, "reference_source": ["listing"],
    "verdict": "accept", "reasons": [], "numbers": {"n": 1.0}, "first_frame": 0, "licences": ["CC0-1.0"], "models": [],
}  # fmt: skip


def draw_dataset(
    folder: Path, clips: int, frames: int, sizes: Sequence[tuple[int, int]], held_out: int = 0, name: str = "drawn"
) -> Path:
    """Discs and boxes that cross a textured ground.

    Args:
        folder: below which the version, ``v1``, and files for it are made.
        clips: so many.
        frames: of each.
        sizes: height and width; clips take turns.
        held_out: so many of the clips, the last ones, are the validation split.
        name: of the dataset.

    Returns:
        The version's folder.
    """
    made = []
    for number in range(clips):
        height, width = sizes[number % len(sizes)]
        dice = np.random.default_rng(number)
        place = folder / f"clip-{number}"
        place.mkdir(parents=True)
        rows, columns = np.mgrid[0:height, 0:width]
        ground = np.stack([rows * 255 // height, columns * 255 // width, (rows ^ columns) & 255], -1)
        ground = np.clip(ground * 0.6 + dice.integers(0, 60, ground.shape), 0, 255).astype(np.uint8)
        side = min(height, width) // 5
        moved = [(height // 2, width // 4 + step * width // (2 * frames)) for step in range(frames)]
        disc = np.stack([(rows - y) ** 2 + (columns - x) ** 2 <= side**2 for y, x in moved])
        box = np.stack([(abs(rows - y) <= side) & (abs(columns - x) <= side * 3 // 4) for y, x in moved])
        for video, mask in (("source", disc), ("target", box)):
            colour = dice.integers(0, 255, 3).astype(np.uint8)
            encode_clip(np.where(mask[..., None], colour, ground), 16, place / f"{video}.mp4", crf=18)
            encode_masks(mask, 16, place / f"{video}_mask.mp4")
        encode_masks(disc | box, 16, place / "effect_mask.mp4")
        members: dict[str, Path | bytes] = {path.name: path for path in place.glob("*.mp4")}
        picture = np.zeros((side * 2, side * 2, 4), np.uint8)
        picture[8:-8, 8:-8] = (*dice.integers(0, 255, 3), 255)
        members["reference_0.png"] = write_png(picture)
        key, split = f"{number + 1:016x}", "train" if number < clips - held_out else "validation"
        own = {"frames": frames, "height": height, "width": width, "last_frame": frames, "split": split}
        own |= {"product_a": f"disc {number}", "product_b": f"box {number}"}
        meta = {**_META, **own, "triple_id": key, "prompt": f"box number {number} slides to the right"}
        made.append(ShardSample(key=key, split=split, members=members, meta=meta))
    write_dataset(folder / "v1", made, DatasetSettings(name, {}, reference_count=1))
    return folder / "v1"
