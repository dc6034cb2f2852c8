"""From linear light to display pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Linear = NDArray[np.float32]
Display = NDArray[np.float64]
Frame = NDArray[np.uint8]

_WHITE_EDGE = 0.02
_FADE_TO_WHITE = 0.14


def encode_srgb(light: NDArray[np.floating]) -> Display:
    """Linear 0 to 1 as display values 0 to 1 (IEC 61966-2-1)."""
    clipped = np.clip(np.asarray(light, np.float64), 0, 1)
    return np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)


def _shoulder(light: NDArray[np.floating], knee: float = 0.55) -> Display:
    """Identity up to the knee, then an exponential roll-off that reaches 1 at infinity; slope 1 at the knee."""
    above = np.maximum(np.asarray(light, np.float64) - knee, 0)
    return np.where(light <= knee, light, knee + (1 - knee) * (1 - np.exp(-above / (1 - knee))))


def tone(light: Linear, exposure: float) -> Display:
    """Display values 0 to 1 of linear light (H, W, 3): exposure, roll-off of the lights, mild contrast."""
    display = encode_srgb(_shoulder(light * exposure))
    return display + 0.10 * (display * display * (3 - 2 * display) - display)


def advert(light: Linear, exposure: float) -> Frame:
    """A graded frame (H, W, 3) uint8 sRGB with a mild vignette."""
    display = tone(light, exposure)
    height, width = display.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    off_axis = ((x + 0.5) / width - 0.5) ** 2 + ((y + 0.5) / height - 0.5) ** 2
    return _bytes(display * (1 - 0.22 * off_axis[..., None]))


def packshot(light: Linear, empty: Linear, coverage: NDArray[np.float32], exposure: float) -> Frame:
    """A product on true white, (H, W, 3) uint8 sRGB.

    light: with the product; empty: the same set without it; coverage: the product's share of each pixel. What is
    not product becomes the ratio of the two, so that only the shadow is darker than white; shadows fade out towards
    the picture's edge, as a retoucher would have it, so that the edge is 255 throughout.
    """
    ratio = light.mean(axis=-1) / np.maximum(empty.mean(axis=-1), 1e-6)
    shade = 1 - encode_srgb(np.clip(ratio * 1.08, 0, 1))
    height, width = ratio.shape
    y, x = np.minimum(np.arange(height), np.arange(height)[::-1]), np.minimum(np.arange(width), np.arange(width)[::-1])
    inward = np.clip((np.minimum(y[:, None], x) - _WHITE_EDGE * width) / (_FADE_TO_WHITE * width), 0, 1)
    ground = (1 - shade * inward * inward * (3 - 2 * inward))[..., None]
    share = coverage[..., None].astype(np.float64)
    return _bytes(share * tone(light, exposure) + (1 - share) * ground)


def _bytes(display: Display) -> Frame:
    return (np.clip(display, 0, 1) * 255 + 0.5).astype(np.uint8)
