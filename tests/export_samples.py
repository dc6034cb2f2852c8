"""A small dataset version with what exports stumble over: four engines, all kinds, and texts that look like others."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sample_meta import sample_meta

from pvtt_data.images import write_png
from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.records import Split
from pvtt_data.shards import DatasetSettings, ShardSample, write_dataset
from pvtt_data.shards.format import NOT_MEASURED

FRAMES, HEIGHT, WIDTH = 9, 64, 96
RED, BLUE = (200, 40, 30), (30, 50, 210)
"""Of A and of B."""


@dataclass(frozen=True)
class Drawn:
    """Two products in one scene, which stands still."""

    ground: np.ndarray
    source: np.ndarray
    source_mask: np.ndarray
    target: np.ndarray
    target_mask: np.ndarray
    references: list[np.ndarray]


def drawn(number: int, frames: int = FRAMES, height: int = HEIGHT, width: int = WIDTH) -> Drawn:
    """A disc for a box, which slide over one ground; colours follow from a number."""
    dice = np.random.default_rng(number)
    t, rows, columns = np.mgrid[0:frames, 0:height, 0:width]
    x, y, radius = width * 0.4, height * 0.5, height * 0.2
    disc = (columns - x - t) ** 2 + (rows - y) ** 2 <= radius**2
    box = (abs(columns - x - t) <= radius * 0.8) & (abs(rows - y) <= radius * 0.9)
    low = dice.integers(60, 120, 3)
    ground = (low + np.stack([columns * 90 // width, rows * 90 // height, columns * 60 // width], -1)).astype(np.uint8)
    red, blue = np.uint8(RED), np.uint8(BLUE)
    turned = np.zeros((40, 30, 4), np.uint8)
    turned[4:36, 3:27] = (*blue, 255)
    flat = np.full((36, 36, 3), 255, np.uint8)
    flat[6:30, 8:28] = blue
    return Drawn(
        ground[0], np.where(disc[..., None], red, ground), disc, np.where(box[..., None], blue, ground), box,
        [turned, flat],
    )  # fmt: skip


def members_of(made: Drawn, folder: Path, heldout: bool, fps: float = 8.0) -> dict[str, Any]:
    """Members of a sample, by name."""
    folder.mkdir(parents=True)
    encode_clip(made.source, fps, folder / "source.mp4", crf=8)
    encode_clip(made.target, fps, folder / "target.mp4", crf=8)
    encode_masks(made.source_mask, fps, folder / "source_mask.mp4")
    encode_masks(made.target_mask, fps, folder / "target_mask.mp4")
    encode_masks(made.source_mask | made.target_mask, fps, folder / "effect_mask.mp4")
    members: dict[str, Any] = {path.name: path for path in sorted(folder.iterdir())}
    members |= {f"reference_{number}.png": write_png(picture) for number, picture in enumerate(made.references)}
    return members | ({"heldout_0.png": write_png(made.references[1])} if heldout else {})


def key_of(number: int) -> str:
    """Some are digits only: a reader that guesses types makes numbers of them."""
    return f"{number:016d}" if number % 2 else hashlib.sha256(str(number).encode()).hexdigest()[:16]


FACTS: dict[int, dict[str, Any]] = {
    0: {"engine": "render", "product_b": "00123", "title_b": "None", "numbers": {"n": 1.0, "m": 0.25}},
    1: {"engine": "composite", "product_b": "00124", "title_b": "NA", "prompt": 'a "blue", 方 box\non wood'},
    2: {"engine": "crosspair", "kind": "reconstruct", "product_a": "00125", "product_b": "00125"},
    3: {"engine": "panzoom", "product_b": "00126", "title_b": "2024-01-01"},
    4: {"split": "validation", "product_a": "va", "product_b": "00900", "licences": ["CC0-1.0", "MIT"]},
    5: {"split": "test", "product_a": "ta", "product_b": "00800", "verdict": "flag", "reasons": ["drift"]},
}
"""What each sample says that others do not."""


def sample_of(number: int, folder: Path, made: Drawn | None = None, **changes: Any) -> ShardSample:
    """A sample that follows from its number."""
    made = made or drawn(number)
    facts: dict[str, Any] = {"numbers": {"n": float(number), "m": NOT_MEASURED}} | FACTS.get(number, {}) | changes
    split: Split = facts.get("split", "train")
    members = members_of(made, folder / f"{number}", split != "train")
    if facts.get("kind") == "reconstruct":
        members |= {"source.mp4": members["target.mp4"], "source_mask.mp4": members["target_mask.mp4"]}
    meta = sample_meta(key_of(number), *made.source.shape[:3], reference_source=["listing", "listing"], **facts)
    return ShardSample(key=key_of(number), split=split, members=members, meta=meta)


def write_version(folder: Path, scratch: Path, samples: list[ShardSample] | None = None) -> Path:
    """A dataset version; of the samples in `FACTS` by default."""
    samples = samples or [sample_of(number, scratch) for number in FACTS]
    counts = {split: 1 for split in ("train", "validation", "test") if any(s.split == split for s in samples)}
    write_dataset(folder, samples, DatasetSettings("tricky", {"seed": 1}, counts, reference_count=2, heldout_count=1))  # type: ignore[arg-type]
    return folder


def files_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, by path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
