"""Chance that equal seeds repeat on every machine, apart for each purpose."""

from __future__ import annotations

import hashlib

import numpy as np


def dice(seed: int, purpose: str) -> np.random.Generator:
    """Dice of their own for each purpose, so that one more throw in one place changes nothing elsewhere."""
    digest = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
