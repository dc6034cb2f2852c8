"""Soft edges of cut-outs: how much of each pixel along the outline is the product, and what colour that part has.

Closed-form matting (Levin, Lischinski and Weiss, "A Closed-Form Solution to Natural Image Matting", 2008) and
multi-level foreground estimation (Germer et al., "Fast Multi-Level Foreground Estimation", 2020) by PyMatting, the
extra ``matting``. Training masks stay binary: this is for pictures that are pasted or shown.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.errors import InputError

LIBRARIES = ("pymatting", "numba", "scipy")
"""What shapes the numbers."""
_LONGEST_PX = 1024
"""Larger cut-outs are matted at this size: memory and time grow with the pixels."""


def matting_is_there() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec("pymatting") is not None


def matted(
    image: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], edge_px: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Alpha and the colours of the product without its background.

    Args:
        image: ``(H, W, 3) uint8 RGB``.
        mask: ``(H, W) bool``; further than ``edge_px`` from its outline it is believed.
        edge_px: half the width of the band along the outline in which alpha is computed.

    Returns:
        ``(H, W) float32`` alpha in [0, 1], and ``(H, W, 3) uint8`` colours, the picture's own where alpha is 1.

    Raises:
        InputError: ``mask-too-thin``, nothing of the mask or of the background is so far from the outline.
        ValueError: ``edge_px`` is not positive.
    """
    if edge_px <= 0:
        raise ValueError(f"edge_px {edge_px} is not positive")
    alpha = mask.astype(np.float32)
    colours = image.copy()
    part = _around(mask, 4 * edge_px + 4)
    if part is None:
        raise InputError("mask-too-thin", "the mask is empty")
    some, trimap = image[part], _trimap(mask[part], edge_px)
    if not (trimap == 1).any() or not (trimap == 0).any():
        raise InputError("mask-too-thin", f"nothing is surely product and background beyond {edge_px:g} px")
    soft, clean = _solved(some, trimap)
    alpha[part], colours[part] = soft, clean
    return alpha, colours


def _trimap(mask: npt.NDArray[np.bool_], edge_px: float) -> npt.NDArray[np.float64]:
    """1 surely product, 0 surely background, 0.5 to be found out."""
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    trimap = np.full(mask.shape, 0.5)
    trimap[inside > edge_px] = 1.0
    trimap[outside > edge_px] = 0.0
    return trimap


def _solved(
    image: npt.NDArray[np.uint8], trimap: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    import pymatting

    height, width = trimap.shape
    scale = min(1.0, _LONGEST_PX / max(height, width))
    colours, known = image, trimap
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        colours = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        known = np.asarray(cv2.resize(trimap, size, interpolation=cv2.INTER_NEAREST), np.float64)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints about its solver's steps
        alpha = np.clip(pymatting.estimate_alpha_cf(colours / 255.0, known), 0.0, 1.0)
    if scale < 1.0:
        alpha = np.clip(cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR), 0.0, 1.0)
        alpha[trimap == 1] = 1.0
        alpha[trimap == 0] = 0.0
    clean = pymatting.estimate_foreground_ml(image / 255.0, alpha)
    clean[trimap == 1] = image[trimap == 1] / 255.0
    return np.asarray(alpha, np.float32), np.round(np.clip(clean, 0, 1) * 255).astype(np.uint8)


def _around(mask: npt.NDArray[np.bool_], margin_px: float) -> tuple[slice, slice] | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    margin = int(np.ceil(margin_px))
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + 1 + margin),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + 1 + margin),
    )
