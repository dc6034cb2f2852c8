"""What a product looks like in one picture, in a few numbers: an embedder's vector, outline, coarse shading.

Pairing compares many pictures with many and sees no pixels; these are what it sees. Which products look alike, an
embedder says (`pvtt_data.embedders`); from which side two pictures show one product, outline and shading say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.embedders.base import Embedder, unit_length
from pvtt_data.embedders.crops import Pictures, crop_references, crop_video
from pvtt_data.records import View

GRID = 16
"""Cells on a side of the outline and of the shading."""
STAGE = 20
"""Cells on a side of the stage on which outlines stand to be compared."""
_LONGEST = 4.0
"""Boxes longer than this are compared as if they were not: the stage holds no more."""
_FLAT = 6.0
"""Contrast of the shading, grey levels, below which a product has none to compare."""
_STEPS = 127
"""Levels of a stored vector's components, each way; a cosine is off by some thousandths at most."""

UInt8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Reals = NDArray[np.float32]


def views_of(pictures: Sequence[UInt8], masks: Sequence[Mask], embedder: Embedder) -> list[View]:
    """What a product looks like in some pictures.

    Args:
        pictures: ``(h, w, 3) uint8`` RGB, of one size.
        masks: ``(h, w) bool``, where the product is.
        embedder: says how alike products look.

    Raises:
        ValueError: a mask is empty.
    """
    if not all(mask.any() for mask in masks):
        raise ValueError("a view needs a product")
    crops = crop_video(np.stack(pictures), np.stack(masks), least_area_px=1)
    return _views(pictures, masks, crops.pictures, embedder)


def view_of_cutout(rgba: UInt8, embedder: Embedder) -> View:
    """The same of a cut-out, ``(h, w, 4) uint8`` RGBA.

    Raises:
        ValueError: it is transparent everywhere.
    """
    mask = rgba[..., 3] > 127
    if not mask.any():
        raise ValueError("a view needs a product")
    crops = crop_references([rgba], least_area_px=1)
    return _views([np.ascontiguousarray(rgba[..., :3])], [mask], crops.pictures, embedder)[0]


def _views(pictures: Sequence[UInt8], masks: Sequence[Mask], crops: Pictures, embedder: Embedder) -> list[View]:
    vectors = embedder.embed(crops)
    return [_view(*each) for each in zip(pictures, masks, vectors, strict=True)]


def _view(picture: UInt8, mask: Mask, vector: Reals) -> View:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    inside, colours = mask[box], np.ascontiguousarray(picture[box])
    weight = inside.astype(np.float32)
    covered = cv2.resize(weight, (GRID, GRID), interpolation=cv2.INTER_AREA)
    luma = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY).astype(np.float32)
    shade = cv2.resize(luma * weight, (GRID, GRID), interpolation=cv2.INTER_AREA) / np.maximum(covered, 1e-3)
    height, width = inside.shape
    touches = (mask[0].any(), mask[-1].any(), mask[:, 0].any(), mask[:, -1].any())
    return View(
        width_px=width,
        height_px=height,
        cut_sides=int(sum(bool(side) for side in touches)),
        embedding=packed_embedding(vector),
        outline=_packed(covered * 255),
        shading=_packed(shade),
    )


def packed_embedding(vector: Reals) -> str:
    """A vector ``(D,)`` as views store it: a signed byte (hex) for each component, the largest is ±127."""
    largest = max(float(np.abs(vector).max(initial=0.0)), 1e-12)
    return bytes(np.rint(vector / largest * _STEPS).astype(np.int8).tobytes()).hex()


def embeddings(views: Sequence[View]) -> Reals:
    """``(N, D) float32`` of unit length; all views are by one embedder."""
    if not views:
        return np.zeros((0, 0), np.float32)
    return unit_length(np.array([np.frombuffer(bytes.fromhex(view.embedding), np.int8) for view in views], np.float32))


def likeness(first: Reals, second: Reals) -> float:
    """Largest cosine of one of ``first`` ``(N, D)`` with one of ``second`` ``(M, D)``; 0 if either is empty."""
    if not len(first) or not len(second):
        return 0.0
    return round(float((first.astype(np.float64) @ second.T.astype(np.float64)).max()), 4)


def view_distance(one: View, other: View) -> float:
    """How differently two pictures show one product: 0 the same view, 1 nothing in common.

    One minus the product of two agreements: of the outlines (their shared part over both, boxes laid over each other,
    times the ratio of the boxes' shapes), and of the shading inside both (its correlation, if there is any contrast). A
    stand-in for the angle between the views, which photos do not tell.
    """
    a, b = _unpacked(one.outline) / 255.0, _unpacked(other.outline) / 255.0
    shapes = (one.width_px / one.height_px) / (other.width_px / other.height_px)
    shared = float(np.minimum(a, b).sum() / max(float(np.maximum(a, b).sum()), 1e-6)) * min(shapes, 1 / shapes)
    weight = np.minimum(a, b)
    detail = _correlation(_unpacked(one.shading), _unpacked(other.shading), weight)
    return round(1.0 - shared * max(detail, 0.0), 4)


def standing(view: View) -> UInt8:
    """``(20, 20) uint8``, 255 is covered: the outline at a common extent, standing in the middle of the ground.

    Extent is the geometric mean of the box's sides, half of the stage.
    """
    ratio = min(max(view.width_px / view.height_px, 1 / _LONGEST), _LONGEST)
    width = max(1, round(STAGE / 2 * math.sqrt(ratio)))
    height = max(1, round(STAGE / 2 / math.sqrt(ratio)))
    way = cv2.INTER_AREA if max(width, height) < GRID else cv2.INTER_LINEAR
    small = cv2.resize(_unpacked(view.outline), (width, height), interpolation=way)
    stage = np.zeros((STAGE, STAGE), np.uint8)
    left = (STAGE - width) // 2
    stage[STAGE - height :, left : left + width] = np.clip(np.rint(small), 0, 255)
    return stage


def overlaps(outlines: UInt8, outline: UInt8) -> tuple[Reals, Reals]:
    """How outlines lie over one outline that stands in the same place at the same extent.

    Args:
        outlines: ``(N, 20, 20) uint8``, standing.
        outline: ``(20, 20) uint8``, standing.

    Returns:
        ``(N,) float32`` each, 0..1: the share of ``outline`` that each leaves bare, and how alike both are, which is
        their shared part over both.
    """
    flat, own = outlines.reshape(len(outlines), -1), outline.ravel()
    shared = np.minimum(flat, own).sum(axis=1, dtype=np.uint32).astype(np.float32)
    area, areas = np.float32(own.sum(dtype=np.uint32)), flat.sum(axis=1, dtype=np.uint32).astype(np.float32)
    return 1 - shared / max(area, np.float32(1)), shared / np.maximum(areas + area - shared, np.float32(1))


def _correlation(first: Reals, second: Reals, weight: Reals) -> float:
    total = float(weight.sum())
    if total < 1e-3:
        return 0.0
    a = first - float((first * weight).sum()) / total
    b = second - float((second * weight).sum()) / total
    spread_a, spread_b = (math.sqrt(float((x * x * weight).sum()) / total) for x in (a, b))
    if max(spread_a, spread_b) < _FLAT:
        return 1.0
    return float((a * b * weight).sum()) / total / max(spread_a * spread_b, 1e-6)


def _packed(cells: Reals) -> str:
    return bytes(np.clip(np.rint(cells), 0, 255).astype(np.uint8).ravel()).hex()


@lru_cache(maxsize=200_000)
def _unpacked(text: str) -> Reals:
    return np.frombuffer(bytes.fromhex(text), np.uint8).astype(np.float32).reshape(GRID, GRID)
