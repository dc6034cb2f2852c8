"""What looks wrong with a sample's inputs, in numbers.

Most of it cannot happen, because the code that makes the inputs rules it out or quality control rejects it. It is asked
all the same, of the very tensors that the model gets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pvtt_data.images import hamming, phash
from pvtt_data.vace.conditioning import TrainingConditioning, Triple
from pvtt_data.vace.context import from_unit
from pvtt_data.vace.mask_policies import contained_share

MOST_AREA = 0.6
"""A mask that covers more of the frames leaves little to keep."""
MOST_OUTSIDE = 0.005
"""More of a product's pixels than that outside the mask can be seen."""
ALIKE_BITS = 6
"""Perceptual hashes that differ in no more bits belong to the same picture…"""
ALIKE_LEVELS = 12.0
"""…if the pixels at 64×64 differ by no more on average, of 255."""
LEAST_CHANGE_LEVELS = 2.0
"""A swap that changes the pixels inside the mask by less on average swaps nothing."""
MOST_BACKGROUND_LEVELS = 6.0
"""A background that differs by more on average is not the same background."""
_SMALL_PX = 64

UInt8 = NDArray[np.uint8]
Masks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that looks wrong.

    Attributes:
        name: short stable slug in kebab-case.
        message: one sentence for a person, with the number.
        value: the number.
    """

    name: str
    message: str
    value: float


def findings(triple: Triple, made: TrainingConditioning, kind: str = "swap") -> list[Finding]:
    """What looks wrong with a sample's inputs; nothing if all is well.

    Args:
        triple: the sample.
        made: its inputs.
        kind: of the sample's metadata.
    """
    return [*_of_mask(triple, made), *_of_streams(made), *_of_videos(triple, made, kind), *_of_references(made)]


def _of_mask(triple: Triple, made: TrainingConditioning) -> Iterator[Finding]:
    mask = made.mask[0].bool().cpu().numpy()
    area = float(mask.mean())
    if area == 0:
        yield Finding("mask-empty", "the mask is empty: the model would change nothing", 0.0)
    empty = int((~triple.source_mask.any(axis=(1, 2))).sum())
    if empty:
        yield Finding("source-mask-gaps", f"A's mask is empty in {empty} of {len(mask)} frames", empty)
    if area > MOST_AREA:
        yield Finding("mask-large", f"the mask covers {area:.0%} of the frames: there is little left to keep", area)
    for name, product in (("A", triple.source_mask), ("B", triple.target_mask)):
        outside = 1 - contained_share(product, mask)
        if outside > MOST_OUTSIDE:
            yield Finding(f"{name.lower()}-sticks-out", f"{outside:.1%} of {name} lies outside the mask", outside)


def _of_streams(made: TrainingConditioning) -> Iterator[Finding]:
    inside = made.mask.bool().expand_as(made.inactive)
    for name, stream, must_be_empty, where in (
        ("inactive", made.inactive, inside, "inside"),
        ("reactive", made.reactive, ~inside, "outside"),
    ):
        largest = float(stream.abs().masked_fill(~must_be_empty, 0).max())
        if largest > 0:
            yield Finding(
                f"{name}-leaks", f"the {name} stream is not 0 {where} the mask, but up to {largest:.3f}", largest
            )


def _of_videos(triple: Triple, made: TrainingConditioning, kind: str) -> Iterator[Finding]:
    difference = cv2.absdiff(triple.source, _bytes(made.target)).mean(axis=3, dtype=np.float32)
    mask = made.mask[0].bool().cpu().numpy()
    change = _mean(difference, mask)
    if kind == "reconstruct" and float(difference.max()) > 0:
        yield Finding(
            "source-is-not-target",
            f"a reconstruction's source and target differ by up to {difference.max():.1f} of 255",
            float(difference.max()),
        )
    if kind == "swap" and mask.any() and change < LEAST_CHANGE_LEVELS:
        yield Finding(
            "nothing-swapped", f"inside the mask source and target differ by {change:.1f} of 255: no swap", change
        )
    background = _mean(difference, ~(mask | triple.effect_mask))
    if background > MOST_BACKGROUND_LEVELS:
        yield Finding(
            "background-differs",
            f"outside mask and effect mask source and target differ by {background:.1f} of 255",
            background,
        )


def _of_references(made: TrainingConditioning) -> Iterator[Finding]:
    if not made.references:
        yield Finding("no-reference", "the model is shown no reference of B", 0.0)
        return
    target = _bytes(made.target)
    frames = [_small(frame) for frame in target]
    for number, reference in enumerate(made.references):
        picture = _bytes(reference)[0]
        for part in (picture, _without_white(picture)):
            small = _small(part)
            for frame, other in enumerate(frames):
                bits, levels = _distance(small, other)
                if bits <= ALIKE_BITS and levels <= ALIKE_LEVELS:
                    yield Finding(
                        "reference-in-target",
                        f"reference {number + 1} is nearly frame {frame} of the target ({bits} of 64 bits differ)",
                        bits,
                    )
                    break
            else:
                continue
            break


def _bytes(video: torch.Tensor) -> UInt8:
    return np.asarray(from_unit(video).cpu().numpy(), np.uint8)


def _mean(difference: NDArray[np.float32], where: Masks) -> float:
    return float(difference[where].mean()) if where.any() else 0.0


def _small(picture: UInt8) -> UInt8:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (_SMALL_PX, _SMALL_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _distance(one: UInt8, other: UInt8) -> tuple[int, float]:
    return hamming(phash(one), phash(other)), float(cv2.absdiff(one, other).mean())


def _without_white(picture: UInt8) -> UInt8:
    """A picture without the white that was put around it."""
    marked = picture.min(axis=2) < 250
    rows, columns = np.flatnonzero(marked.max(axis=1)), np.flatnonzero(marked.max(axis=0))
    if not len(rows):
        return picture
    return np.ascontiguousarray(picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
