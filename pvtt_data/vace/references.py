"""Pictures of B in the clip's shape.

DiffSynth scales a reference until it covers the frame and cuts off what sticks out at the sides. Here all of it stays:
it is scaled to fit and white is put around it, which is how VACE was trained.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.errors import InputError
from pvtt_data.vace.dice import dice

WHITE = 255
_FAINTEST_ALPHA = 8
"""Mattes leave a haze of a few parts in 255; it is not what the picture is cropped to."""


def prepare_reference(picture: NDArray[np.uint8], height: int, width: int, margin: float = 0.05) -> NDArray[np.uint8]:
    """A reference as the model sees it.

    A transparent background becomes white, and the picture is cropped to what can be seen; an opaque picture stays
    whole. Then it is scaled to fit, by area where it shrinks and bicubic where it grows, and centred on white.

    Args:
        picture: ``(h, w, 3)`` uint8 RGB or ``(h, w, 4)`` RGBA with straight alpha.
        height, width: of the clip, in pixels.
        margin: share of the clip's height and width that stays white on each side, in [0, 0.45].

    Returns:
        ``(height, width, 3)`` uint8 RGB.

    Raises:
        InputError: ``reference-shape``, not such a picture; ``reference-empty``, nothing in it can be seen.
    """
    if picture.ndim != 3 or picture.shape[2] not in (3, 4) or picture.dtype != np.uint8 or 0 in picture.shape:
        raise InputError(
            "reference-shape", f"a reference is (H, W, 3) or (H, W, 4) uint8, not {picture.shape} {picture.dtype}"
        )
    seen = _on_white(picture) if picture.shape[2] == 4 else picture
    room = (height * (1 - 2 * margin), width * (1 - 2 * margin))
    scale = min(room[0] / seen.shape[0], room[1] / seen.shape[1])
    fitted = (max(1, min(height, round(seen.shape[0] * scale))), max(1, min(width, round(seen.shape[1] * scale))))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(np.ascontiguousarray(seen), fitted[::-1], interpolation=way)
    result = np.full((height, width, 3), WHITE, np.uint8)
    top, left = (height - fitted[0]) // 2, (width - fitted[1]) // 2
    result[top : top + fitted[0], left : left + fitted[1]] = small
    return result


def choose_references(available: int, wanted: int, dropout: float, seed: int) -> tuple[int, ...]:
    """Which references a step shows: up to ``wanted`` different ones in a drawn order.

    Each after the first is left out with the probability ``dropout``, so that the model learns from one as from many.

    Args:
        available: how many different ones there are.
        wanted: how many to show at most.
        dropout: in [0, 1].
        seed: equal seeds give equal choices.

    Returns:
        Numbers in ``range(available)``; empty only if ``available`` or ``wanted`` is 0.
    """
    generator = dice(seed, "references")
    order = generator.permutation(available)[:wanted].tolist()
    kept = generator.random(len(order)) >= dropout
    return tuple(int(number) for place, number in enumerate(order) if place == 0 or kept[place])


def _on_white(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Crop an RGBA picture to what can be seen and put it on white."""
    visible = picture[..., 3] >= _FAINTEST_ALPHA
    if not visible.any():
        raise InputError("reference-empty", "the reference is transparent everywhere")
    rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
    cropped = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint16)
    alpha = cropped[..., 3:]
    return ((cropped[..., :3] * alpha + WHITE * (255 - alpha) + 127) // 255).astype(np.uint8)
