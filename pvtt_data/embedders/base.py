"""What an embedder is: from crops to vectors of length 1. Its name and digest are part of every number made with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pvtt_data.embedders.crops import Pictures

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Turns crops into vectors of unit length."""

    @property
    def name(self) -> str:
        """Name and version, such as ``colour-shape@1``."""

    @property
    def weights_sha256(self) -> str:
        """SHA-256 (hex) of the weights, or of the settings where there are none."""

    def embed(self, crops: Pictures) -> Vectors:
        """``(N, D) float32`` of length 1, of ``(N, S, S, 3) uint8`` RGB crops on `crops.GREY`; N may be 0."""


def unit_length(vectors: NDArray[np.floating[Any]]) -> Vectors:
    """``(N, D) float32``: rows of length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def check_crops(crops: Pictures) -> None:
    """Refuse what no embedder takes.

    Raises:
        ValueError: not ``(N, S, S, 3) uint8``.
    """
    if crops.ndim != 4 or crops.shape[1] != crops.shape[2] or crops.shape[3] != 3 or crops.dtype != np.uint8:
        raise ValueError(f"crops are (N, S, S, 3) uint8, not {crops.shape} {crops.dtype}")


def embed_groups(embedder: Embedder, groups: Iterable[Pictures]) -> list[Vectors]:
    """Vectors of several groups of crops from one pass, split again."""
    listed = list(groups)
    found = embedder.embed(np.concatenate(listed))
    return np.split(found, np.cumsum([len(group) for group in listed])[:-1])


class Remembering:
    """An embedder that knows crops again that it has seen: for measuring many variants of the same pictures.

    Args:
        embedder: does the work.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.name = embedder.name
        self.weights_sha256 = embedder.weights_sha256
        self._embedder = embedder
        self._known: dict[bytes, Vectors] = {}

    def embed(self, crops: Pictures) -> Vectors:
        """See `Embedder.embed`."""
        keys = [hashlib.sha256(crop.tobytes()).digest() for crop in crops]
        new = [number for number, key in enumerate(keys) if key not in self._known]
        if new or not keys:
            found = self._embedder.embed(crops[new])
            if not keys:
                return found
            self._known.update({keys[number]: vector for number, vector in zip(new, found, strict=True)})
        return np.stack([self._known[key] for key in keys])

    def forget(self) -> None:
        """Drop what was seen."""
        self._known.clear()
