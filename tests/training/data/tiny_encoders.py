"""A codec and a text encoder that are quick, of the kind that a real run has."""

from __future__ import annotations

import hashlib
from collections import Counter

import torch
from pvtt_train.closed_loop.codec import TinyCodec
from torch import Tensor


class CountingCodec:
    """A tiny codec that counts what it encodes, and how much of that is grey, by shape."""

    def __init__(self, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self._codec = TinyCodec(channels=4, width=8, blocks=1)
        self.digest = hashlib.sha256(f"tiny codec {seed}".encode()).hexdigest()
        self.encoded = 0
        self.grey: Counter[tuple[int, ...]] = Counter()

    def encode(self, video: Tensor) -> Tensor:
        """See `Codec`."""
        self.encoded += len(video)
        if not video.any():
            self.grey[tuple(video.shape)] += 1
        return self._codec.encode(video)


class WordEncoder:
    """One row of numbers for each word, and one for the end of the sentence."""

    def __init__(self, seed: int = 0) -> None:
        self.digest = hashlib.sha256(f"words {seed}".encode()).hexdigest()
        self._seed = seed
        self.prompts: list[str] = []

    def embed(self, prompts: list[str]) -> list[Tensor]:
        """See `TextEncoder`."""
        self.prompts += prompts
        return [torch.stack([self._row(word) for word in (*prompt.split(), "</s>")]) for prompt in prompts]

    def _row(self, word: str) -> Tensor:
        digest = hashlib.sha256(f"{self._seed}:{word}".encode()).digest()
        return torch.tensor([byte / 255 for byte in digest])
