"""An embedder without weights: which colours there are, and nothing else."""

from __future__ import annotations

import hashlib

import numpy as np

from pvtt_data.embedders.base import Vectors, check_crops, unit_length
from pvtt_data.embedders.crops import GREY, Pictures
from pvtt_data.triple_quality.colours import colour_histogram


class HueHistogram:
    """Roots of a histogram's shares (see `colour_histogram`): a cosine is the Bhattacharyya coefficient of two.

    Two products of the same colours are alike for it, whatever their form; one product under another light is not
    quite. Things of one kind it tells apart better than embedders that know forms do, so it is good company for them.
    A pixel whose three channels are exactly `crops.GREY` counts as background.
    """

    name = "hue-histogram@1"

    @property
    def weights_sha256(self) -> str:
        """Digest of the name."""
        return hashlib.sha256(self.name.encode()).hexdigest()

    def embed(self, crops: Pictures) -> Vectors:
        """See `Embedder.embed`; a crop without any object gives zeros.

        Raises:
            ValueError: not ``(N, S, S, 3) uint8``.
        """
        check_crops(crops)
        shares = [colour_histogram(crop[None], (crop != GREY).any(axis=-1)[None]).ravel() for crop in crops]
        return unit_length(np.sqrt(np.stack(shares))) if shares else np.zeros((0, 12 * 6 * 6), np.float32)
