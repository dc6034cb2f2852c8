"""A cut-out on its way through a clip, and how it is laid over frames."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.engines.cutout import Cutout
from pvtt_data.engines.shadow import draw_shadow
from pvtt_data.tracking import Matrix, apply_transform, scale_of

Frames = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float32]
Window = tuple[slice, slice]


def window_of(mask: Mask, margin: int) -> Window:
    """Rows and columns of a mask, widened, inside the frame; an empty mask gives the first pixel."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0, 1), slice(0, 1)
    height, width = mask.shape
    return (
        slice(max(int(rows[0]) - margin, 0), min(int(rows[-1]) + 1 + margin, height)),
        slice(max(int(columns[0]) - margin, 0), min(int(columns[-1]) + 1 + margin, width)),
    )


def over(under: Frames, layer: Frames | Reals, alpha: Reals) -> Frames:
    """Straight-alpha compositing of ``(h, w, 3)`` pictures with ``(h, w)`` alpha."""
    mixed = under + (layer - under.astype(np.float32)) * alpha[:, :, None]
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def into_window(window: Window) -> Matrix:
    """Frame coordinates to those of a window."""
    return np.array([[1.0, 0.0, -window[1].start], [0.0, 1.0, -window[0].start], [0.0, 0.0, 1.0]])


def size_of(window: Window) -> tuple[int, int]:
    """Width and height of a window, px."""
    return window[1].stop - window[1].start, window[0].stop - window[0].start


@dataclass(frozen=True, slots=True)
class Layer:
    """A cut-out on its way through the clip.

    Attributes:
        cutouts: one for all frames, or one a frame, all of one size: a product that turns or moves by itself.
        transforms: ``(T, 3, 3) float64``, cut-out pixels to every frame.
    """

    cutouts: tuple[Cutout, ...]
    transforms: Matrix

    @classmethod
    def of(cls, cutouts: tuple[Cutout, ...], to_keyframe: Matrix, transforms: Matrix) -> Layer:
        """Shrinks the cut-outs to the largest size they are shown at, so that warping them never aliases."""
        height, width = cutouts[0].alpha.shape
        full = transforms @ to_keyframe
        largest = max(scale_of(matrix, np.array([width / 2.0, height / 2.0])) for matrix in full)
        small = tuple(cutout.scaled(largest) for cutout in cutouts)
        ratio = np.diag([width / small[0].alpha.shape[1], height / small[0].alpha.shape[0], 1.0])
        return cls(small, full @ ratio)

    def cutout(self, index: int) -> Cutout:
        """What is shown in a frame."""
        return self.cutouts[index if len(self.cutouts) > 1 else 0]

    def box(self, index: int, shape: tuple[int, int], margin: float = 0.0) -> Mask:
        """``(H, W) bool``: bounding box of the layer in a frame, widened by a margin in cut-out pixels."""
        height, width = self.cutouts[0].alpha.shape
        corners = np.array(
            [
                [-margin, -margin],
                [width + margin, -margin],
                [width + margin, height + margin],
                [-margin, height + margin],
            ]
        )
        points = apply_transform(self.transforms[index], corners)
        low = np.clip(np.floor(points.min(axis=0)).astype(int), 0, shape[::-1])
        high = np.clip(np.ceil(points.max(axis=0)).astype(int) + 1, 0, shape[::-1])
        result = np.zeros(shape, np.bool_)
        result[low[1] : high[1], low[0] : high[0]] = True
        return result

    def render(self, index: int, window: Window, sigma: float) -> tuple[Reals, Reals]:
        """Colour ``(h, w, 3) float32`` 0..255 and alpha ``(h, w) float32`` in a window of a frame.

        Interpolated premultiplied, so that transparent pixels lend no colour to the edge; an edge of one to two
        pixels is soft even without blur.
        """
        cutout = self.cutout(index)
        return _drawn(cutout.colour, cutout.alpha, into_window(window) @ self.transforms[index], window, sigma)

    def mirrored(self, index: int, window: Window, sigma: float) -> tuple[Reals, Reals]:
        """The same upside down below its foot; alpha fades out over the cut-out's height."""
        cutout = self.cutout(index)
        height = len(cutout.alpha)
        fade = np.linspace(1.0, 0.0, height, dtype=np.float32)[:, None]
        foot = float(np.flatnonzero(cutout.solid.any(axis=1))[-1])
        flip = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 2.0 * foot + 1.0], [0.0, 0.0, 1.0]])
        move = into_window(window) @ self.transforms[index] @ flip
        return _drawn(cutout.colour, cutout.alpha * fade[::-1], move, window, sigma)


def _drawn(
    colour: npt.NDArray[np.uint8], alpha: Reals, matrix: Matrix, window: Window, sigma: float
) -> tuple[Reals, Reals]:
    size = size_of(window)
    premultiplied = cv2.warpPerspective(colour * alpha[:, :, None], matrix, size, flags=cv2.INTER_LINEAR)
    alpha = cv2.warpPerspective(alpha, matrix, size, flags=cv2.INTER_LINEAR)
    sigma = max(sigma, 0.5)
    premultiplied, alpha = cv2.GaussianBlur(premultiplied, (0, 0), sigma), cv2.GaussianBlur(alpha, (0, 0), sigma)
    straight = premultiplied / np.maximum(alpha, 1e-4)[:, :, None]
    return np.clip(straight, 0.0, 255.0), np.clip(alpha, 0.0, 1.0)


def paste(frames: Frames, layer: Layer) -> Frames:
    """A layer over a clip, with its contact shadow."""
    result = frames.copy()
    shape = (frames.shape[1], frames.shape[2])
    shade, margin = draw_shadow(layer.cutouts[0], 0.4)
    back = np.array([[1.0, 0.0, -margin], [0.0, 1.0, -margin], [0.0, 0.0, 1.0]])
    for index in range(len(frames)):
        box = layer.box(index, shape, float(margin))
        if not box.any():
            continue
        window = window_of(box, 4)
        part = frames[index][window]
        lost = cv2.warpPerspective(shade, into_window(window) @ layer.transforms[index] @ back, size_of(window))
        part = np.clip(np.rint(part * (1.0 - lost)[:, :, None]), 0, 255).astype(np.uint8)
        colour, alpha = layer.render(index, window, 0.8)
        result[index][window] = over(part, colour, alpha)
    return result
