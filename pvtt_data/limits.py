"""How large untrusted media may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds beyond which a medium is refused instead of decoded."""

    max_bytes: int = 4 * 2**30
    max_pixels: int = 8192 * 4352
    """Pixels of one frame or picture."""
    max_duration_s: float = 3600.0
    max_frames: int = 250_000


DEFAULT_LIMITS = Limits()
