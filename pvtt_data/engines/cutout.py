"""Cut-outs: a product without its background, ready to be pasted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.errors import InputError
from pvtt_data.masks import keep_large_components
from pvtt_data.patch_fill import membrane

Pixels = npt.NDArray[np.uint8]

_RIM_PX = 2
_MIN_SIDE_PX = 48
_MIN_COVER = 0.1
_MIN_PIECE = 0.02
"""Pieces smaller than this share of the largest one are specks."""


@dataclass(frozen=True, slots=True)
class Cutout:
    """A product cropped to its outline, with a transparent rim of two pixels.

    Attributes:
        colour: ``(h, w, 3) uint8`` RGB, straight; transparent pixels hold the nearest product colours.
        alpha: ``(h, w) float32`` in 0..1.
        base_x: x where the product stands, the middle of its lowest part.
        base_width: width of that part, px.
        cropped: whether the product is cut by the border of the picture that it comes from.
    """

    colour: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.float32]
    base_x: float
    base_width: float
    cropped: bool

    @property
    def solid(self) -> npt.NDArray[np.bool_]:
        """``(h, w) bool``: alpha above one half."""
        return self.alpha > 0.5

    def scaled(self, factor: float) -> Cutout:
        """Shrink with area averaging, so that nothing aliases; factors of 1 and more change nothing."""
        if factor >= 1.0:
            return self
        height, width = self.alpha.shape
        size = (max(round(width * factor), 2), max(round(height * factor), 2))
        alpha = cv2.resize(self.alpha, size, interpolation=cv2.INTER_AREA)
        premultiplied = cv2.resize(self.colour * self.alpha[:, :, None], size, interpolation=cv2.INTER_AREA)
        plain = cv2.resize(self.colour.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        colour = np.where(alpha[:, :, None] > 0.02, premultiplied / np.maximum(alpha, 1e-6)[:, :, None], plain)
        ratio = size[0] / width
        return Cutout(
            np.clip(np.rint(colour), 0, 255).astype(np.uint8),
            alpha,
            self.base_x * ratio,
            self.base_width * ratio,
            self.cropped,
        )


def prepare_cutout(rgba: Pixels) -> Cutout:
    """Crop a cut-out, drop specks and halo colours.

    Args:
        rgba: ``(h, w, 4) uint8`` RGBA, straight alpha.

    Raises:
        InputError: ``cutout-empty``, ``cutout-too-small`` (longer side below 48 px), ``cutout-has-background``
            (almost everything is opaque) or ``cutout-ghostly`` (hardly anything is).
    """
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8:
        raise ValueError(f"a cut-out is (h, w, 4) uint8, not {rgba.shape} {rgba.dtype}")
    solid = _solid(rgba)
    return _cropped(rgba, solid, _box(solid))


def prepare_cutouts(sequence: Pixels) -> tuple[Cutout, ...]:
    """The same for ``(T, h, w, 4) uint8`` pictures of one product that moves: all are cropped to one box."""
    if sequence.ndim != 4 or sequence.shape[3] != 4 or sequence.dtype != np.uint8 or not len(sequence):
        raise ValueError(f"a moving cut-out is (T, h, w, 4) uint8, not {sequence.shape} {sequence.dtype}")
    solids = [_solid(rgba) for rgba in sequence]
    box = _box(np.logical_or.reduce(solids))
    return tuple(_cropped(rgba, solid, box) for rgba, solid in zip(sequence, solids, strict=True))


def _solid(rgba: Pixels) -> npt.NDArray[np.bool_]:
    """``(h, w) bool``: the product without specks, if it is fit to be pasted."""
    solid = keep_large_components(rgba[:, :, 3] > 127, _MIN_PIECE)
    if not solid.any():
        raise InputError("cutout-empty", "the cut-out is transparent everywhere")
    if solid.mean() > 0.98:
        raise InputError(
            "cutout-has-background",
            "the cut-out is opaque everywhere: its background was not removed",
            {"opaque_share": float(solid.mean())},
        )
    box = _box(solid)
    longer = max(side.stop - side.start for side in box)
    if longer < _MIN_SIDE_PX:
        raise InputError(
            "cutout-too-small",
            "the cut-out shows the product too small",
            {"longer_side_px": float(longer), "min_side_px": float(_MIN_SIDE_PX)},
        )
    filled = float(solid[box].mean())
    if filled < _MIN_COVER:
        raise InputError(
            "cutout-ghostly",
            "hardly anything of the cut-out is opaque",
            {"opaque_share": filled, "min_opaque_share": _MIN_COVER},
        )
    return solid


def _box(solid: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _cropped(rgba: Pixels, solid: npt.NDArray[np.bool_], box: tuple[slice, slice]) -> Cutout:
    rims = ((solid[0], 0.1), (solid[-1], 0.3), (solid[:, 0], 0.1), (solid[:, -1], 0.1))
    cut = any(bool(rim.mean() > share) for rim, share in rims)
    near = cv2.dilate(solid[box].astype(np.uint8), np.ones((5, 5), np.uint8))
    pad = ((_RIM_PX, _RIM_PX), (_RIM_PX, _RIM_PX))
    alpha = np.pad(rgba[:, :, 3][box].astype(np.float32) / np.float32(255.0) * near, pad)
    colour = np.pad(rgba[:, :, :3][box], (*pad, (0, 0)), mode="edge").astype(np.float32)
    sure = cv2.erode((alpha > 0.97).astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0).astype(bool)
    if sure.sum() > 0.3 * solid.sum():
        colour = membrane(colour, sure)
    base_x, base_width = foot(alpha > 0.5)
    return Cutout(np.clip(np.rint(colour), 0, 255).astype(np.uint8), alpha, base_x, base_width, cut)


def foot(solid: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Middle x and width of the lowest eighth of a silhouette, px."""
    rows = np.flatnonzero(solid.any(axis=1))
    low = solid[max(int(rows[-1] - 0.125 * (rows[-1] - rows[0])), int(rows[0])) : rows[-1] + 1]
    columns = np.flatnonzero(low.any(axis=0))
    return float(columns[0] + columns[-1]) / 2.0, float(columns[-1] - columns[0] + 1)
