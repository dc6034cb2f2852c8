"""Where a product changes the picture: itself, its shadow, its reflection, its glow on what is near.

Small pictures with and without the product are traced with one seed. Paths that never meet the product are equal to the
last bit, so that what differs is the product's doing and not noise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.render.camera import Lens
from pvtt_data.render.look import Look, develop
from pvtt_data.render.tracer import Exposure, Stage

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

SHRINK = 4
"""Pixels of the frame, along each side, to a pixel of a probe."""
LOCAL, VEIL = 5 / 255, 3 / 255
"""Differences of display values from which a product is said to change a pixel: in a small place, over a wide one."""
_LOCAL_BLUR_PX, _VEIL_BLUR_PX = 1.2, 4.0
_ISLAND_SHARE = 0.004
_PLAIN = 3.0
_NEAR_PX = 2
_FEATHER_PX = 4

Probe = Floats
"""Linear light of one moment in small, ``(h, w, 3)``."""


def probe_lens(lens: Lens) -> Lens:
    """The lens of the small pictures; they cover the frame and may reach a little beyond its right and lower edge."""
    return dataclasses.replace(lens, width_px=-(-lens.width_px // SHRINK), height_px=-(-lens.height_px // SHRINK))


def take_probe(stage: Stage, lens: Lens, exposure: Exposure, samples: int, seed: int) -> Probe:
    """A small picture of a stage; ``lens`` is that of the frame."""
    small = probe_lens(lens)
    pixels = np.arange(small.width_px * small.height_px, dtype=np.uint32)
    return stage.trace(small, exposure, pixels, samples, seed).light.reshape(small.height_px, small.width_px, 3)


def neighbours(frame: int) -> list[int]:
    """The frames over which probes of a frame are averaged: every second frame is probed."""
    return [other for other in range(frame - 2, frame + 3) if other % 2 == 0]


def difference(shown: Mapping[int, Probe], bare: Mapping[int, Probe], frame: int, look: Look) -> Floats:
    """How clearly a frame changes, ``(h, w) float32``: 1 just visible, 2 plain.

    Light is averaged over its neighbours in the picture and in time before it is developed, narrowly for what is small
    and clear, widely for what is weak and wide: an eye does so, and what few paths find is seen as the veil that it is.

    Args:
        shown: frame → probe with the product, of the frame and of its neighbours.
        bare: the same without it, taken with the same seeds.
    """
    one, other = _steady(shown, frame), _steady(bare, frame)
    # A median takes away what a single stray path leaves behind.
    local = cv2.medianBlur(_apart(one, other, _LOCAL_BLUR_PX, look), 5) / LOCAL
    veil = _apart(one, other, _VEIL_BLUR_PX, look) / VEIL
    clear: Floats = np.maximum(local, veil).astype(np.float32)
    return clear


def _without_islands(clear: Floats) -> Floats:
    """Without what is small, faint and apart: the noise of the probes makes such islands, products do not."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((clear > 1.0).astype(np.uint8), connectivity=8)
    small = stats[:, cv2.CC_STAT_AREA] < _ISLAND_SHARE * clear.size
    peaks = np.zeros(count, np.float32)
    np.maximum.at(peaks, labels.ravel(), clear.ravel())
    drop = small & (peaks < _PLAIN)
    drop[0] = False
    kept: Floats = np.where(drop[labels], 0, clear).astype(np.float32)
    return kept


def _steady(probes: Mapping[int, Probe], frame: int) -> Floats:
    near = [probes[other] for other in neighbours(frame) if other in probes]
    mean: Floats = np.mean(near, axis=0, dtype=np.float32)
    return mean


def _apart(one: Floats, other: Floats, blur_px: float, look: Look) -> Floats:
    a, b = (develop(np.asarray(cv2.GaussianBlur(light, (0, 0), blur_px), np.float32), look) for light in (one, other))
    largest: Floats = np.abs(a - b).max(axis=-1)
    return largest


def effect_weight(clear: Floats, lens: Lens, product: Mask) -> Floats:
    """How far each pixel takes part in a product's change, ``(H, W) float32``: 0 not at all, 1 wholly.

    It rises smoothly from what is just visible to what is plain, so that no edge is seen where the change ends.

    Args:
        clear: from `difference`.
        product: ``(H, W) bool``, where the product is seen; also where it covers only part of a pixel.
    """
    rise = np.clip(_without_islands(clear) - 1.0, 0, 1)
    small = cv2.dilate(rise * rise * (3 - 2 * rise), np.ones((3, 3), np.uint8))
    height, width = small.shape
    large = cv2.resize(small, (width * SHRINK, height * SHRINK), interpolation=cv2.INTER_LINEAR)
    away = cv2.distanceTransform((~product).astype(np.uint8), cv2.DIST_L2, 3)
    near = np.clip((_NEAR_PX + _FEATHER_PX - away) / _FEATHER_PX, 0, 1)
    weight = np.maximum(large[: lens.height_px, : lens.width_px], near)
    return np.where(weight < 1 / 64, 0, weight).astype(np.float32)
