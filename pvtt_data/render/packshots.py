"""Listing pictures: the product cut out on pure white, as marketplaces want the main picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pvtt_data.render.filming import Quality
from pvtt_data.render.product import Product
from pvtt_data.render.references import SIZE_PX, Direction, photograph, white_studio
from pvtt_data.render.scene import dice_for

Picture = npt.NDArray[np.uint8]

_EDGE = 1.09375
"""Height and width of a picture over those of what is photographed: 560 px for 512."""


def packshots(
    product: Product, directions: Sequence[Direction], quality: Quality, seed: int, shot_px: int = SIZE_PX
) -> list[Picture]:
    """A square picture from each direction, ``(S, S, 3) uint8`` RGB, its edge white.

    Args:
        seed: of light and paths.
        shot_px: height and width of what is photographed; S is a little more.
    """
    studio = white_studio(dice_for(seed, "packshots"))
    cutouts = photograph(product, directions, studio, quality.preset, quality.denoiser, seed, shot_px)
    return [_on_white(cutout, round(shot_px * _EDGE)) for cutout in cutouts]


def _on_white(cutout: npt.NDArray[np.uint8], size_px: int) -> Picture:
    alpha = cutout[..., 3:].astype(np.float32) / 255
    flat = (cutout[..., :3] * alpha + 255 * (1 - alpha) + 0.5).astype(np.uint8)
    picture = np.full((size_px, size_px, 3), 255, np.uint8)
    height, width, _ = flat.shape
    top, left = (size_px - height) // 2, (size_px - width) // 2
    picture[top : top + height, left : left + width] = flat
    return picture
