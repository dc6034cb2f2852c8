"""One product on one set, whole frames: what adverts are made of, where no second product has to agree with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.look import develop, grain, lens_falloff, print_frame
from pvtt_data.render.presets import Preset
from pvtt_data.render.product import Product
from pvtt_data.render.scene import Scene
from pvtt_data.render.shoot import Shoot, frame_seed


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """Frames, and how much of each pixel the product covers.

    Attributes:
        frames: ``(T, H, W, 3) uint8`` RGB.
        coverage: ``(T, H, W) float32``, the product's share of each pixel.
    """

    frames: npt.NDArray[np.uint8]
    coverage: npt.NDArray[np.float32]

    @property
    def masks(self) -> npt.NDArray[np.bool_]:
        """``(T, H, W) bool``: what is covered at least half."""
        covered: npt.NDArray[np.bool_] = self.coverage >= 0.5
        return covered


@dataclass(frozen=True, slots=True)
class Quality:
    """How well everything is rendered, and by which denoiser."""

    preset: Preset
    denoiser: Denoiser


def record(scene: Scene, product: Product, quality: Quality, numbers: Sequence[int] | None = None) -> Footage:
    """Shoot a scene with its product.

    Args:
        product: as it stands in the scene.
        numbers: which frames; all by default.
    """
    lens, look = scene.lens, scene.look
    height, width = lens.height_px, lens.width_px
    shoot = Shoot(scene, [product], quality.preset, quality.denoiser)
    everything = np.arange(height * width, dtype=np.uint32)
    falloff = lens_falloff(height, width, look)
    numbers = range(scene.frames) if numbers is None else numbers
    frames = np.empty((len(numbers), height, width, 3), np.uint8)
    coverage = np.empty((len(numbers), height, width), np.float32)
    for place, number in enumerate(numbers):
        exposure, seed = shoot.exposure(number, 0), frame_seed(scene, number, 0)
        raw = shoot.stage.trace(lens, exposure, everything, quality.preset.samples, seed)
        light = quality.denoiser(*(layer.reshape(height, width, 3) for layer in (raw.light, raw.albedo, raw.normal)))
        frames[place] = print_frame(develop(light, look), falloff, grain(height, width, look, number))
        coverage[place] = shoot.covered(exposure, seed)
    return Footage(frames, coverage)
