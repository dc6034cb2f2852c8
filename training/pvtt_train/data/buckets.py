"""Samples of one size go together, in an order that follows from a seed and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """What lessons must have in common to be one batch.

    Attributes:
        frames: of the video, in pixel time.
        height, width: in pixels.
        references: that are shown.
    """

    frames: int
    height: int
    width: int
    references: int = 1

    def __str__(self) -> str:
        return f"{self.frames}×{self.height}×{self.width}, {self.references} references"
