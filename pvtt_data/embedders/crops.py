"""Pictures of one object for an embedder: background removed, one neutral grey, one margin, square.

Everything that is compared goes through here, whether it comes from a video and a mask or from a reference with alpha:
what differs between two crops is then the object, its light and its detail, and never the surroundings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.masks import Mask

GREY = 128
"""Level of all three channels behind an object."""
SIZE_PX = 96
MARGIN = 0.1
"""Clear space on each side, as a share of the object's longer side."""
LEAST_AREA_PX = 24
"""Masks with fewer pixels show too little to be told apart."""

Pictures = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A frame or reference that gave no crop.

    Attributes:
        index: which one.
        reason: ``empty`` or ``tiny``.
        area_px: pixels of its mask.
    """

    index: int
    reason: str
    area_px: int


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Crops, and which inputs they come from.

    Attributes:
        pictures: ``(N, S, S, 3) uint8`` RGB on grey.
        silhouettes: ``(N, S, S) bool``, where the object is in them.
        used: ``(N,) int64``, ascending indices of the inputs that gave them.
        skipped: the inputs that gave none.
    """

    pictures: Pictures
    silhouettes: Mask
    used: NDArray[np.int64]
    skipped: tuple[Skipped, ...]

    def __len__(self) -> int:
        return len(self.pictures)


def crop_video(
    frames: NDArray[np.uint8],
    masks: Mask,
    size_px: int = SIZE_PX,
    *,
    margin: float = MARGIN,
    least_area_px: int = LEAST_AREA_PX,
) -> Crops:
    """One crop of each frame in which the mask covers enough.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        masks: ``(T, H, W) bool``.

    Raises:
        ValueError: frames and masks do not fit each other.
    """
    if frames.ndim != 4 or masks.shape != frames.shape[:3]:
        raise ValueError(f"masks {masks.shape} do not fit frames {frames.shape}")
    coverage = [mask.astype(np.float32) for mask in masks]
    return _crops(list(frames), coverage, size_px, margin, least_area_px)


def crop_references(
    references: Sequence[NDArray[np.uint8]],
    size_px: int = SIZE_PX,
    *,
    margin: float = MARGIN,
    least_area_px: int = LEAST_AREA_PX,
) -> Crops:
    """One crop of each cut-out.

    Args:
        references: ``(H, W, 4) uint8`` RGBA, straight alpha; sizes may differ.

    Raises:
        ValueError: a picture has no alpha: its background cannot be told from the product.
    """
    for index, picture in enumerate(references):
        if picture.ndim != 3 or picture.shape[2] != 4:
            raise ValueError(f"reference {index} is {picture.shape}, not (H, W, 4): cut the product out first")
    colours = [np.ascontiguousarray(picture[..., :3]) for picture in references]
    coverage = [np.asarray(picture[..., 3] / 255, np.float32) for picture in references]
    return _crops(colours, coverage, size_px, margin, least_area_px)


def _crops(
    colours: Sequence[NDArray[np.uint8]],
    coverage: Sequence[NDArray[np.float32]],
    size_px: int,
    margin: float,
    least_area_px: int,
) -> Crops:
    pictures: list[NDArray[np.uint8]] = []
    silhouettes: list[Mask] = []
    used: list[int] = []
    skipped: list[Skipped] = []
    for index, (colour, alpha) in enumerate(zip(colours, coverage, strict=True)):
        area_px = int((alpha > 0.5).sum())
        if area_px < least_area_px:
            skipped.append(Skipped(index, "tiny" if area_px else "empty", area_px))
            continue
        picture, silhouette = _crop(colour, alpha, size_px, margin)
        pictures.append(picture)
        silhouettes.append(silhouette)
        used.append(index)
    return Crops(
        np.stack(pictures) if pictures else np.zeros((0, size_px, size_px, 3), np.uint8),
        np.stack(silhouettes) if silhouettes else np.zeros((0, size_px, size_px), np.bool_),
        np.array(used, np.int64),
        tuple(skipped),
    )


def _crop(
    colour: NDArray[np.uint8], alpha: NDArray[np.float32], size_px: int, margin: float
) -> tuple[NDArray[np.uint8], Mask]:
    rows, columns = np.nonzero(alpha > 0.5)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    side = max(bottom - top, right - left) * (1 + 2 * margin)
    scale = size_px / side
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    # Colour is carried along weighted by coverage, or the background would bleed into the object's edge.
    weighted = np.dstack([colour.astype(np.float32) * alpha[..., None], alpha])
    if scale < 1:
        blur = 0.5 * np.sqrt(1 / scale**2 - 1)
        weighted = cv2.GaussianBlur(weighted, (0, 0), blur, borderType=cv2.BORDER_CONSTANT)
    shift = (size_px - 1) / 2
    matrix = np.array(
        [[scale, 0, shift - scale * (middle_x - 0.5)], [0, scale, shift - scale * (middle_y - 0.5)]], np.float64
    )
    moved = cv2.warpAffine(weighted, matrix, (size_px, size_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    covered = moved[..., 3:]
    picture = np.clip(np.round(moved[..., :3] + GREY * (1 - covered)), 0, 255).astype(np.uint8)
    return picture, np.asarray(covered[..., 0] > 0.5, np.bool_)
