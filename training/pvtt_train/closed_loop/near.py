"""The truth, a little off: what pixels can be expected to say of a model that does not know size and place of B."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]


def displaced(video: UInt8, product: Bool, *, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> UInt8:
    """Every frame scaled about the middle of the product in it, and shifted.

    Args:
        video: ``(T, H, W, 3) uint8``.
        product: ``(T, H, W) bool``; frames without it stay as they are.
        scale: above 1 is larger.
        shift: to the right and down, as shares of the product's height in that frame.

    Returns:
        ``(T, H, W, 3) uint8``; what comes in from outside repeats the edge.
    """
    made = video.copy()
    for number, (frame, mask) in enumerate(zip(video, product, strict=True)):
        rows, columns = np.nonzero(mask)
        if not len(rows):
            continue
        move = cv2.getRotationMatrix2D((float(columns.mean()), float(rows.mean())), 0, scale)
        tall = float(rows.max() - rows.min() + 1)
        move[:, 2] += np.multiply(shift, tall)
        size = (frame.shape[1], frame.shape[0])
        made[number] = cv2.warpAffine(frame, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return made
