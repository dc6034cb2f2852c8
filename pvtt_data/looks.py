"""What a product looks like in one picture, in a few numbers: colours, outline, coarse shading.

Pairing compares many pictures with many and sees no pixels; these are what it sees. `embed` is the one place that says
what makes two products look alike: another embedder, from cut-outs to vectors of unit length, can stand there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.records import View
from pvtt_data.triple_quality.colours import colour_histogram

EMBEDDER = "colours@1"
"""Name of what `embed` does; part of everything that depends on it."""
GRID = 16
"""Cells on a side of the outline and of the shading."""
STAGE = 20
"""Cells on a side of the stage on which outlines stand to be compared."""
_LONGEST = 4.0
"""Boxes longer than this are compared as if they were not: the stage holds no more."""
_FLAT = 6.0
"""Contrast of the shading, grey levels, below which a product has none to compare."""
_DIGITS = 5

UInt8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Reals = NDArray[np.float32]


def embed(picture: UInt8, mask: Mask) -> Reals:
    """``(D,) float32`` of unit length: the colours of a product, so that a cosine says how much two share.

    Roots of a histogram's shares (see `colour_histogram`): their scalar product is the Bhattacharyya coefficient. Two
    products of the same colours are alike for it, whatever their form; one product under another light is not quite.

    Args:
        picture: ``(h, w, 3) uint8`` RGB.
        mask: ``(h, w) bool``, some of it set.
    """
    shares = colour_histogram(np.ascontiguousarray(picture[None]), mask[None]).ravel()
    roots = np.sqrt(shares.astype(np.float64))
    return np.asarray(roots / max(float(np.linalg.norm(roots)), 1e-12), np.float32)


def view_of(picture: UInt8, mask: Mask) -> View:
    """What a product looks like in a picture.

    Args:
        picture: ``(h, w, 3) uint8`` RGB.
        mask: ``(h, w) bool``, where the product is.

    Raises:
        ValueError: the mask is empty.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise ValueError("a view needs a product")
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
        embedding=tuple(round(float(value), _DIGITS) for value in embed(colours, inside)),
        outline=_packed(covered * 255),
        shading=_packed(shade),
    )


def view_of_cutout(rgba: UInt8) -> View:
    """The same of a cut-out, ``(h, w, 4) uint8`` RGBA.

    Raises:
        ValueError: it is transparent everywhere.
    """
    return view_of(np.ascontiguousarray(rgba[..., :3]), rgba[..., 3] > 127)


def embeddings(views: Sequence[View]) -> Reals:
    """``(N, D) float32``."""
    return np.array([view.embedding for view in views], np.float32)


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
