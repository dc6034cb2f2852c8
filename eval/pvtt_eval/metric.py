"""What makes a number comparable: every score travels with the metric, the embedder and the size it was made at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """Identity of a number; numbers with different identities are never put into one column.

    Attributes:
        name: of the metric, such as ``rsd``.
        version: goes up when the metric's code gives other numbers.
        embedder: name and version of the embedder, such as ``colour-shape@1``; empty if none is used.
        weights_sha256: digest of its weights, or of its settings where it has no weights; empty if none is used.
        height_px, width_px: of the video.
        frames: of the video.
    """

    name: str
    version: int
    embedder: str
    weights_sha256: str
    height_px: int
    width_px: int
    frames: int

    def __str__(self) -> str:
        by = f" {self.embedder}:{self.weights_sha256[:12]}" if self.embedder else ""
        return f"{self.name}@{self.version}{by} {self.frames}x{self.height_px}x{self.width_px}"
