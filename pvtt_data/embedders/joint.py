"""Several embedders as one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from pvtt_data.embedders.base import Embedder, Vectors
from pvtt_data.embedders.crops import Pictures


class Joint:
    """An embedder whose cosine is the mean of others' cosines.

    A net trained on things knows little of colours, and `ColourShape` nothing of things: together they tell products
    apart that each takes for one.

    Args:
        parts: two at least.
    """

    def __init__(self, parts: Sequence[Embedder]) -> None:
        if len(parts) < 2:
            raise ValueError(f"{len(parts)} embedders are nothing to join")
        self._parts = tuple(parts)
        self.name = joint_name([part.name for part in parts])
        self.weights_sha256 = joint_digest([part.weights_sha256 for part in parts])

    def embed(self, crops: Pictures) -> Vectors:
        """See `Embedder.embed`."""
        found = [part.embed(crops) for part in self._parts]
        return np.asarray(np.concatenate(found, axis=1) / np.sqrt(len(found)), np.float32)


def joint_name(names: Sequence[str]) -> str:
    """Name of a joint embedder."""
    return "+".join(names)


def joint_digest(digests: Sequence[str]) -> str:
    """SHA-256 (hex) over the digests of the parts, in their order."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
