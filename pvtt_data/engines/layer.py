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
    """A cut-out on its way through the clip."""

    cutout: Cutout
    transforms: Matrix  # cut-out pixels to every frame

    @classmethod
    def of(cls, cutout: Cutout, to_keyframe: Matrix, transforms: Matrix) -> Layer:
        """Shrinks the cut-out to the largest size it is shown at, so that warping it never aliases."""
        middle = np.array([cutout.alpha.shape[1] / 2.0, cutout.alpha.shape[0] / 2.0])
        full = transforms @ to_keyframe
        largest = max(scale_of(matrix, middle) for matrix in full)
        small = cutout.scaled(largest)
        ratio = np.diag(
            [cutout.alpha.shape[1] / small.alpha.shape[1], cutout.alpha.shape[0] / small.alpha.shape[0], 1.0]
        )
        return cls(small, full @ ratio)

    def box(self, index: int, shape: tuple[int, int], margin: float = 0.0) -> Mask:
        """``(H, W) bool``: bounding box of the layer in a frame, widened by a margin in cut-out pixels."""
        height, width = self.cutout.alpha.shape
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
        matrix = into_window(window) @ self.transforms[index]
        size = size_of(window)
        alpha = self.cutout.alpha
        premultiplied = self.cutout.colour * alpha[:, :, None]
        colour = cv2.warpPerspective(premultiplied, matrix, size, flags=cv2.INTER_LINEAR)
        alpha = cv2.warpPerspective(alpha, matrix, size, flags=cv2.INTER_LINEAR)
        sigma = max(sigma, 0.5)
        colour, alpha = cv2.GaussianBlur(colour, (0, 0), sigma), cv2.GaussianBlur(alpha, (0, 0), sigma)
        straight = colour / np.maximum(alpha, 1e-4)[:, :, None]
        return np.clip(straight, 0.0, 255.0), np.clip(alpha, 0.0, 1.0)


def paste(frames: Frames, layer: Layer) -> Frames:
    """A layer over a clip, with its contact shadow."""
    result = frames.copy()
    shape = (frames.shape[1], frames.shape[2])
    shade, margin = draw_shadow(layer.cutout, 0.4)
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
