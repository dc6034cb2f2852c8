"""Listing pictures: the product cut out on pure white, as marketplaces want the main picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pvtt_data.render.filming import Quality
from pvtt_data.render.product import Product
from pvtt_data.render.references import Direction, photograph, white_studio
from pvtt_data.render.scene import dice_for

Picture = npt.NDArray[np.uint8]

SIZE_PX = 560


def packshots(product: Product, directions: Sequence[Direction], quality: Quality, seed: int) -> list[Picture]:
    """A picture from each direction, ``(SIZE_PX, SIZE_PX, 3) uint8`` RGB, its edge white.

    Args:
        seed: of light and paths.
    """
    studio = white_studio(dice_for(seed, "packshots"))
    cutouts = photograph(product, directions, studio, quality.preset, quality.denoiser, seed)
    return [_on_white(cutout) for cutout in cutouts]


def _on_white(cutout: npt.NDArray[np.uint8]) -> Picture:
    alpha = cutout[..., 3:].astype(np.float32) / 255
    flat = (cutout[..., :3] * alpha + 255 * (1 - alpha) + 0.5).astype(np.uint8)
    picture = np.full((SIZE_PX, SIZE_PX, 3), 255, np.uint8)
    height, width, _ = flat.shape
    top, left = (SIZE_PX - height) // 2, (SIZE_PX - width) // 2
    picture[top : top + height, left : left + width] = flat
    return picture
