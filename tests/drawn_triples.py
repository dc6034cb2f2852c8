"""Triples of the drawn products, for tests: right ones, and the same on disk as datasets."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import cv2
import numpy as np
from drawn_products import FRAMES, HEIGHT, LOOKS, WIDTH, drawn, scene
from sample_meta import sample_meta

from pvtt_data.calibration.triple_faults import KnownTriple
from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.images import write_png
from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.shards import DatasetSettings, ShardSample, write_dataset
from pvtt_data.shards.format import NOT_MEASURED
from pvtt_data.stages.triple_qc import TripleQcConfig
from pvtt_data.triple_quality import TripleMedia, triple_quality


def drawn_triple(a: str = "bottle", b: str = "carton") -> TripleMedia:
    """Source and target in one drawn scene, equal outside the products; two references under brighter light."""
    source, source_mask = scene(a)
    target, target_mask = scene(b)
    references = tuple(drawn(b, 96, turn, 80, light=1.12) for turn in (-35.0, 30.0))
    # Edges are soft: what a product changes reaches a little beyond its mask.
    both, disc = source_mask | target_mask, np.ones((5, 5), np.uint8)
    effect = np.stack([cv2.dilate(mask.astype(np.uint8), disc) > 0 for mask in both])
    return TripleMedia(source, source_mask, target, target_mask, effect, references)


def known_drawn(a: str = "bottle", b: str = "carton", stranger: str = "tin") -> KnownTriple:
    """The same with another product and another scene beside it."""
    other = drawn_triple(b, stranger)
    elsewhere = np.ascontiguousarray(255 - other.source)
    return KnownTriple(f"{a}-{b}", a, b, "things", drawn_triple(a, b), other.references, elsewhere)


def key_of(name: str) -> str:
    """A sample's key that belongs to a name."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def write_drawn_version(folder: Path, scratch: Path, unrelated: bool = False) -> Path:
    """A dataset version with all pairs of the drawn products, each product of its own category, in training.

    Args:
        folder: of the version; must not be there.
        scratch: for media on their way.
        unrelated: whether every triple has products of its own, by name.
    """
    samples = []
    for a, b in ((a, b) for a in LOOKS for b in LOOKS if a != b):
        own = f" {a} {b}" if unrelated else ""
        media, key = drawn_triple(a, b), key_of(f"{a} {b}")
        members: dict[str, bytes] = {}
        for name in ("source", "target"):
            path = scratch / f"{key}-{name}.mp4"
            encode_clip(getattr(media, name), 8.0, path, crf=12.0)
            members[f"{name}.mp4"] = path.read_bytes()
        for name in ("source_mask", "target_mask", "effect_mask"):
            path = scratch / f"{key}-{name}.mp4"
            encode_masks(getattr(media, name), 8.0, path)
            members[f"{name}.mp4"] = path.read_bytes()
        for number, picture in enumerate(media.references):
            members[f"reference_{number}.png"] = write_png(picture)
        meta = sample_meta(
            key,
            FRAMES,
            HEIGHT,
            WIDTH,
            product_a=a + own,
            product_b=b + own,
            category_a=a,
            category_b=b,
            reference_source=["listing", "listing"],
            numbers={
                **triple_quality(**{f.name: getattr(media, f.name) for f in dataclasses.fields(media)}),
                "extent_ratio": NOT_MEASURED,
            },
        )
        samples.append(ShardSample(key, "train", members, meta))
    settings = DatasetSettings(
        "drawn",
        {"triple_qc": TripleQcConfig().model_dump(mode="json")},
        {"train": 1},
        reference_count=2,
        heldout_count=0,
        weights={ColourShape.name: ColourShape().weights_sha256},
    )
    write_dataset(folder, samples, settings)
    return folder
