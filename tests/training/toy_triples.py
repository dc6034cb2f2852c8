"""Small drawn triples for the tiny model: two shapes that slide over one ground, and a picture of the second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sample_meta import sample_meta

from pvtt_data.images import write_png
from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.records import Split
from pvtt_data.shards import DatasetSettings, ShardSample, write_dataset

FRAMES, HEIGHT, WIDTH = 5, 64, 96


@dataclass(frozen=True)
class ToyTriple:
    source: np.ndarray
    source_mask: np.ndarray
    target: np.ndarray
    target_mask: np.ndarray
    effect_mask: np.ndarray
    references: list[np.ndarray]


def toy_triple(number: int) -> ToyTriple:
    """A disc for a box, in colours and places that follow from a number."""
    dice = np.random.default_rng(number)
    t, rows, columns = np.mgrid[0:FRAMES, 0:HEIGHT, 0:WIDTH]
    x, y = dice.integers(28, 56), dice.integers(24, 40)
    disc = (columns - x - 2 * t) ** 2 + (rows - y) ** 2 <= 14**2
    box = (abs(columns - x - 2 * t) <= 10) & (abs(rows - y) <= 12)
    ground = (dice.integers(40, 200, 3) + np.stack([columns // 3, rows // 3, columns // 4], -1)).astype(np.uint8)
    red, blue = dice.integers(0, 255, 3).astype(np.uint8), dice.integers(0, 255, 3).astype(np.uint8)
    reference = np.zeros((60, 50, 4), np.uint8)
    reference[6:54, 5:45] = (*blue, 255)
    return ToyTriple(
        np.where(disc[..., None], red, ground),
        disc,
        np.where(box[..., None], blue, ground),
        box,
        disc | box,
        [reference],
    )


def write_toy_dataset(
    folder: Path, media: Path, train: int = 4, test: int = 2, engines: Mapping[int, str] | None = None
) -> Path:
    """A dataset version of toy triples; the test products are other ones.

    Args:
        engines: number of a triple → its engine; ``render`` by default.
    """
    made = []
    splits: list[Split] = ["train"] * train + ["test"] * test
    for number, split in enumerate(splits):
        triple, place = toy_triple(number), media / str(number)
        place.mkdir(parents=True)
        members = {}
        for name in ("source", "target"):
            encode_clip(getattr(triple, name), 8, place / f"{name}.mp4", crf=10)
            encode_masks(getattr(triple, f"{name}_mask"), 8, place / f"{name}_mask.mp4")
            members |= {f"{member}.mp4": place / f"{member}.mp4" for member in (name, f"{name}_mask")}
        encode_masks(triple.effect_mask, 8, place / "effect_mask.mp4")
        members["effect_mask.mp4"] = place / "effect_mask.mp4"
        members["reference_0.png"] = write_png(triple.references[0])
        if split == "test":
            members["heldout_0.png"] = write_png(triple.references[0])
        key = f"{number * 7919 + 11:016x}"
        meta = sample_meta(
            key,
            FRAMES,
            HEIGHT,
            WIDTH,
            split=split,
            engine=(engines or {}).get(number, "render"),
            product_a=f"disc-{number}",
            product_b=f"box-{number}",
        )
        made.append(ShardSample(key=key, split=split, members=members, meta=meta))
    settings = DatasetSettings("toys", {"seed": 1}, {"train": 1, "test": 1}, reference_count=1, heldout_count=1)
    write_dataset(folder, made, settings)
    return folder
