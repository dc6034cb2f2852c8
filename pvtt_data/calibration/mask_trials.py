"""Trials: clips whose true masks are known, with right, slightly imprecise and faulty masks, and what is measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.calibration.mask_faults import KINDS, FaultKind, TrackedClip, hand_in_view, motion_of
from pvtt_data.images import read_rgba
from pvtt_data.listing_likeness import listing_likeness
from pvtt_data.mask_quality import mask_quality
from pvtt_data.masks import Mask
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.segmenters.edges import finished_mask

GOOD = "good"
"""Kind of trials whose mask is right, or as imprecise as a good segmenter's."""

TRUE = "true"
"""Variant of good trials whose mask is the true one."""

Role = Literal["good", "setting", "unseen", "weak"]
Half = Literal["setting", "reporting"]

_GUIDE_RADIUS_PX, _GUIDE_EPSILON = 8, 1e-4
_HAND_STRENGTH = 0.3


@dataclass(frozen=True, slots=True)
class KnownClip:
    """A clip with its true masks.

    Attributes:
        name: stable, for seeds.
        product_id: what the masks are of; all its clips fall into one half.
        half: of the products; see `half_of`.
        frames: (T, H, W, 3) uint8 RGB.
        masks: (T, H, W) bool.
        pictures: (H, W, 4) uint8 RGBA cut-outs of the product seen elsewhere; may be empty.
        stranger: (H, W, 4) uint8 RGBA cut-out of another product, if there is one.
    """

    name: str
    product_id: str
    half: Half
    frames: NDArray[np.uint8]
    masks: Mask
    pictures: tuple[NDArray[np.uint8], ...] = ()
    stranger: NDArray[np.uint8] | None = None


def half_of(product_id: str) -> Half:
    """The half of the products that one belongs to, by hash."""
    return "setting" if hashlib.sha256(product_id.encode()).digest()[0] % 2 else "reporting"


@dataclass(frozen=True, slots=True)
class Trial:
    """One measured mask track or triple.

    Attributes:
        clip: name of the clip.
        product_id: its product.
        half: of the products.
        kind: of fault, or `GOOD`.
        variant: what was done to a good mask; empty for faults.
        strength: of the fault, 0 for good masks.
        role: what the trial is for.
        numbers: as quality control gets them.
        category: of the product; empty where it does not matter.
    """

    clip: str
    product_id: str
    half: Half
    kind: str
    variant: str
    strength: float
    role: Role
    numbers: Mapping[str, float]
    category: str = ""


def read_pair(folder: Path, half: Half | None = None) -> list[KnownClip]:
    """The source and the target of a pair that `pvtt-data render` wrote; B's references belong to the target.

    Args:
        folder: the pair's.
        half: what its products are for; None deals them by `half_of`.

    Raises:
        OSError, InputError: it cannot be read.
    """
    facts = json.loads((folder / "pair.json").read_text(encoding="utf-8"))
    pictures = tuple(read_rgba(path.read_bytes()) for path in sorted(folder.glob("reference_*.png")))
    return [
        KnownClip(
            f"{facts['sample_id']}-{member}",
            facts[side]["product_id"],
            half or half_of(facts[side]["product_id"]),
            decode_video(folder / f"{member}.mp4"),
            decode_masks(folder / f"{member}_mask.mp4"),
            shown,
        )
        for member, side, shown in (("source", "a", ()), ("target", "b", pictures))
    ]


def good_masks(clip: KnownClip) -> Iterator[tuple[str, TrackedClip]]:
    """The true masks, and masks as imprecise as those of a good segmenter; name of each."""
    frames, masks = clip.frames, clip.masks
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    yield TRUE, TrackedClip(frames, masks)
    for name, change in (("grown", cv2.dilate), ("shrunk", cv2.erode)):
        yield name, TrackedClip(frames, np.stack([change(mask.astype(np.uint8), disc) > 0 for mask in masks]))
    soft = [cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5) for mask in masks]
    guided = [finished_mask(f, s, _GUIDE_RADIUS_PX, _GUIDE_EPSILON) for f, s in zip(frames, soft, strict=True)]
    yield "guided", TrackedClip(frames, np.stack(guided))
    yield "hand in view", hand_in_view(TrackedClip(frames, masks), _HAND_STRENGTH, seeded(clip.name, "hand in view"))


def measure_clip(clip: KnownClip) -> list[Trial]:
    """All trials of one clip: good masks, then faults; the setting half has only the strengths that set thresholds."""
    trials = [
        Trial(clip.name, clip.product_id, clip.half, GOOD, name, 0.0, "good", _numbers(clip, tracked))
        for name, tracked in good_masks(clip)
    ]
    whole = TrackedClip(clip.frames, clip.masks, clip.stranger, motion_of(clip.frames))
    for kind, fault in KINDS.items():
        for strength, role in _wanted(fault, clip.half):
            tracked = fault.inject(whole, strength, seeded(clip.name, kind, f"{strength:g}"))
            if tracked is not None:
                numbers = _numbers(clip, tracked)
                trials.append(Trial(clip.name, clip.product_id, clip.half, kind, "", strength, role, numbers))
    return trials


def _wanted(fault: FaultKind, half: Half) -> Iterator[tuple[float, Role]]:
    yield from ((strength, "setting") for strength in fault.setting)
    if half == "reporting":
        yield from ((strength, "unseen") for strength in fault.unseen)
        yield from ((strength, "weak") for strength in fault.weak)


def _numbers(clip: KnownClip, tracked: TrackedClip) -> dict[str, float]:
    numbers = mask_quality(tracked.frames, tracked.masks)
    if clip.pictures and tracked.masks.any():
        numbers["listing_likeness"] = listing_likeness(tracked.frames, tracked.masks, clip.pictures)
    return numbers


def seeded(*parts: str) -> np.random.Generator:
    """The generator that belongs to a trial, by its clip, kind and strength."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
