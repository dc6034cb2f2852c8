"""An embedder without weights: colours and outlines."""

from __future__ import annotations

import hashlib
import json

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.embedders.base import Vectors, check_crops, unit_length
from pvtt_data.embedders.crops import GREY, Pictures


class ColourShape:
    """Colours, their coarse layout, outline and oriented gradients; no weights.

    Five blocks of unit length, scaled by the square roots of their weights, so that a cosine is the weighted mean of
    the blocks' cosines:

    - ``colours`` (weight 0.25): histogram of CIE Lab, 6 × 13 × 13 bins, each pixel shared by a Gaussian of one bin;
    - ``layout`` (0.5): L − 55, a and b averaged on 4 × 4 cells, background zero;
    - ``chroma`` (0.5): the same of a and b alone, which light changes less;
    - ``outline`` (1): coverage on 12 × 12 cells;
    - ``gradients`` (1): histograms of oriented gradients (Dalal & Triggs 2005), 32 × 32 px, cells of 8.

    Half of the difference between the product's median lightness and 55 is taken away first, because references and
    clips are lit differently. A pixel whose three channels are exactly `crops.GREY` counts as background.

    Similar silhouettes with different prints are alike for it, and so is one colour under another light different:
    trust it on rendered products, with the gate, and nowhere else.
    """

    name = "colour-shape@1"
    _SETTINGS = (
        ("colours", 0.25, (6, 13, 13)),
        ("layout", 0.5, (4, 4)),
        ("chroma", 0.5, (4, 4)),
        ("outline", 1.0, (12, 12)),
        ("gradients", 1.0, (32, 8)),
    )
    _MIDDLE_L = 55.0
    _CHROMA = 60.0

    @property
    def weights_sha256(self) -> str:
        """Digest of name and settings."""
        settings = json.dumps([self.name, self._SETTINGS, self._MIDDLE_L, self._CHROMA])
        return hashlib.sha256(settings.encode()).hexdigest()

    def embed(self, crops: Pictures) -> Vectors:
        """See `Embedder.embed`; crops without any object give an equal, meaningless vector.

        Raises:
            ValueError: not ``(N, S, S, 3) uint8``.
        """
        check_crops(crops)
        blocks: list[list[NDArray[np.float32]]] = [[] for _ in self._SETTINGS]
        for crop in crops:
            inside = (crop != GREY).any(axis=-1)
            lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
            if inside.any():
                lab[..., 0] -= (float(np.median(lab[..., 0][inside])) - self._MIDDLE_L) / 2
            layout = self._layout(lab, inside)
            found = (self._colours(lab[inside]), layout, layout[..., 1:], _outline(inside), _gradients(crop))
            for block, values in zip(blocks, found, strict=True):
                block.append(values.ravel())
        if not len(crops):
            return np.zeros((0, 6 * 13 * 13 + 4 * 4 * 5 + 12 * 12 + 324), np.float32)
        scaled = [
            np.sqrt(weight) * unit_length(np.stack(block))
            for block, (_, weight, _) in zip(blocks, self._SETTINGS, strict=True)
        ]
        return unit_length(np.concatenate(scaled, axis=1))

    def _colours(self, lab: NDArray[np.float32]) -> NDArray[np.float32]:
        lightness = _soft_bins(lab[:, 0], np.linspace(5, 95, 6, dtype=np.float32))
        centres = np.linspace(-self._CHROMA, self._CHROMA, 13, dtype=np.float32)
        red, yellow = _soft_bins(lab[:, 1], centres), _soft_bins(lab[:, 2], centres)
        chroma = (red[:, :, None] * yellow[:, None, :]).reshape(len(lab), -1)
        return np.asarray((lightness.T @ chroma).ravel() / max(len(lab), 1), np.float32)

    def _layout(self, lab: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
        relative = (lab - np.array([self._MIDDLE_L, 0, 0], np.float32)) * inside[..., None]
        return np.asarray(cv2.resize(relative, (4, 4), interpolation=cv2.INTER_AREA), np.float32)


def _soft_bins(values: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(N, bins)``: each value's share in each bin, sum 1."""
    step = centres[1] - centres[0]
    near = np.exp(-0.5 * ((np.clip(values, centres[0], centres[-1])[:, None] - centres) / step) ** 2)
    return np.asarray(near / near.sum(axis=1, keepdims=True), np.float32)


def _outline(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(inside.astype(np.float32), (12, 12), interpolation=cv2.INTER_AREA), np.float32)


def _gradients(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.HOGDescriptor((32, 32), (16, 16), (8, 8), (8, 8), 9).compute(small), np.float32)
